"""OCPP 1.6: the mapping between messages and the core's vocabulary."""
