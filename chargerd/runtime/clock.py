"""The one place that reads clocks."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from chargerd.core.now import Now

log = logging.getLogger(__name__)

STEP_S = 2.0
"""A larger difference to the central system's time is corrected at once, a smaller one bit by bit."""

SLEW = 0.0005
"""Seconds a second by which the time is made to run faster or slower: samples stay an interval apart to 30 ms a minute."""

BUILT_UTC_S = 1_767_225_600.0
"""2026-01-01: a wall clock before this was never set (boards without a battery start in 1970)."""

LATEST_UTC_S = 4_102_444_800.0
"""2100-01-01: nobody's time is that late."""


class Clock:
    """Monotonic time from the event loop; UTC from the wall clock until the central system has told it, then from the monotonic one.

    So a wall clock that is set while we run moves no time stamp. mono: the loop's own `time`, so that virtual time works; wall: UTC in
    seconds since 1970.
    """

    def __init__(self, mono: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        self._mono = mono
        self._wall = wall
        self._utc_s = 0.0  # at the monotonic `_since_s`
        self._since_s = 0.0
        self._left_s = 0.0  # of a correction, to be worked off from then on
        self._is_synchronised = False

    def now(self) -> Now:
        """The present moment."""
        return Now(self._mono(), self.utc_s(), self._is_synchronised or self._wall() >= BUILT_UTC_S)

    def mono_s(self) -> float:
        """Seconds that never jump."""
        return self._mono()

    def utc_s(self) -> float:
        """Seconds since 1970, as well as they are known."""
        if not self._is_synchronised:
            return self._wall()
        passed_s = self._mono() - self._since_s
        return self._utc_s + passed_s + math.copysign(min(abs(self._left_s), SLEW * passed_s), self._left_s)

    def synchronise(self, utc_s: float) -> None:
        """The central system says it is `utc_s` now. A time that cannot be is left aside."""
        if not BUILT_UTC_S <= utc_s < LATEST_UTC_S:
            log.warning("clock_not_set reason=the central system says it is %.0f seconds after 1970", utc_s)
            return
        present_s = self.utc_s()
        is_step = abs(utc_s - present_s) > STEP_S
        self._utc_s, self._since_s = utc_s if is_step else present_s, self._mono()
        self._left_s = 0.0 if is_step else utc_s - present_s
        self._is_synchronised = True
