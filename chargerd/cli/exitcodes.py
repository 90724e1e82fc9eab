"""Exit codes of all programs (sysexits.h where it has a word for it)."""

from __future__ import annotations

DONE = 0
FAILED = 1  # and one line on stderr says why
USAGE = 2
NOT_RUNNING = 69  # EX_UNAVAILABLE: no daemon behind the socket
NOT_PERMITTED = 77  # EX_NOPERM
CONFIG = 78  # EX_CONFIG; systemd does not restart after it
