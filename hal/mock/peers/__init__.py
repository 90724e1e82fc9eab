"""The device's side of each wire, for tests and demonstrations over real bytes."""
