"""Hardware abstraction layer: the physical world, knowing nothing of OCPP or of the daemon."""
