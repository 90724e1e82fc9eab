"""Virtual time, scenarios and their runner."""
