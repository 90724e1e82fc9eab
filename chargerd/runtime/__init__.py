"""The only place that awaits around the core."""
