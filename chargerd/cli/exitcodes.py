"""Exit codes of all programs (sysexits.h where it has a word for it), and how a program fails."""

from __future__ import annotations

import sys

DONE = 0
FAILED = 1  # and one line on stderr says why
USAGE = 2
NOT_RUNNING = 69  # EX_UNAVAILABLE: no daemon behind the socket
NOT_PERMITTED = 77  # EX_NOPERM
CONFIG = 78  # EX_CONFIG; systemd does not restart after it


def fail(*lines: str, code: int = FAILED) -> int:
    """Say why on stderr; returns the exit code."""
    for line in lines:
        print(line, file=sys.stderr)
    return code
