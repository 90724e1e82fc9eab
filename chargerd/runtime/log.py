"""Logging: one line an event, `key=value`, to stderr; the journal of the service manager gets the level as its own prefix."""

from __future__ import annotations

import logging
import os
import sys

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}

LEVELS = ("debug", "info", "warning", "error")


class _JournalFormatter(logging.Formatter):
    """Without a time, which the journal adds, and with the priority that sd-daemon(3) describes."""

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{super().format(record)}"


def set_up(level: str) -> None:
    """Log to stderr from this level on. Libraries that print whole frames are kept at warnings: frames belong to the trace."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_JournalFormatter("%(name)s %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for library in ("websockets", "pymodbus", "can", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)
