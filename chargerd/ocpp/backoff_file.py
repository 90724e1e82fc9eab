"""How far the back-off had got, over a restart of the process: one that failed to reach the central system does not begin with haste."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


class BackoffFile:
    """A small file in the runtime directory, which is memory and goes with the board's own restart. One that cannot be read is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_s(self) -> float:
        """The range that was reached, in seconds; 0: the last connection was a good one, or there was none."""
        try:
            return float(self._path.read_text())
        except (OSError, ValueError):
            return 0.0

    def write(self, span_s: float) -> None:
        """Keep the range that the next delay is drawn from; 0 keeps nothing."""
        try:
            if span_s > 0.0:
                self._path.write_text(f"{span_s:g}\n")
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("backoff_not_kept path=%s reason=%s", self._path, error.strerror)
