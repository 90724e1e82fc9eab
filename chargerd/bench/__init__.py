"""The certification bench: conformance cases by number, and their report."""
