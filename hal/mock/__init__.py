"""Simulated hardware: one physical plant and the devices that are views on it."""
