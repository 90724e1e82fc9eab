"""The technician's socket."""
