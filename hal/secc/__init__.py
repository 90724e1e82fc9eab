"""CCS2 controllers (supply equipment communication controllers)."""
