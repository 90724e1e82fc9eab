"""The one place that reads clocks."""

from __future__ import annotations

import time
from collections.abc import Callable

from chargerd.core.now import Now

STEP_S = 2.0
"""A difference to the central system's time below this is not worth a step."""

BUILT_UTC_S = 1_767_225_600.0
"""2026-01-01: a wall clock before this was never set (boards without a battery start in 1970)."""


class Clock:
    """Monotonic time from the event loop, UTC from the wall clock plus what the central system corrected.

    mono: the loop's own `time`, so that virtual time works; wall: UTC in seconds since 1970.
    """

    def __init__(self, mono: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        self._mono = mono
        self._wall = wall
        self._offset_s = 0.0
        self._is_synchronised = False

    def now(self) -> Now:
        """The present moment."""
        return Now(self._mono(), self.utc_s(), self._is_synchronised or self._wall() >= BUILT_UTC_S)

    def mono_s(self) -> float:
        """Seconds that never jump."""
        return self._mono()

    def utc_s(self) -> float:
        """Seconds since 1970, as well as they are known."""
        return self._wall() + self._offset_s

    def synchronise(self, utc_s: float) -> None:
        """The central system says it is `utc_s` now; a small difference is left alone."""
        self._is_synchronised = True
        if abs(utc_s - self.utc_s()) > STEP_S:
            self._offset_s = utc_s - self._wall()
