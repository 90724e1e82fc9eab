"""The test bench on top of daemon and central system."""
