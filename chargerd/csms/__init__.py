"""The bench central system."""
