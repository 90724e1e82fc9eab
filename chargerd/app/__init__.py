"""Configuration and the wiring of everything."""
