"""Charge controller daemon for charging stations."""

__version__ = "0.1.0"
