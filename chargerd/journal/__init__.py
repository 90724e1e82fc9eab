"""Durable facts in SQLite."""
