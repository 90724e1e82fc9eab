"""Errors that more than one part of the daemon must know."""

from __future__ import annotations


class StorageError(Exception):
    """The journal cannot be opened, read or written; the text says why and what to do."""
