"""The wanted level of a simulated device, with its time to live."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

SOON_S = 1e-6
"""Below the resolution of a clock: a deadline so near has come."""

T = TypeVar("T")


class Level(Generic[T]):
    """Safe until it is told another level, and again when that is not refreshed for `ttl_s`."""

    def __init__(self, safe: T, ttl_s: float) -> None:
        self._safe = safe
        self._wanted = safe
        self._ttl_s = ttl_s
        self._lapses_s = 0.0

    def apply(self, wanted: T) -> bool:
        """Take a level, or refresh it; True when it is another one."""
        self._lapses_s = asyncio.get_running_loop().time() + self._ttl_s
        is_new = wanted != self._wanted
        self._wanted = wanted
        return is_new

    def at(self, now_s: float) -> T:
        """The level that holds now."""
        if now_s >= self._lapses_s - SOON_S:
            self._wanted = self._safe
        return self._wanted

    def left_s(self, now_s: float) -> float | None:
        """Seconds until the level lapses; None when it is the safe one."""
        return None if self._wanted == self._safe else max(0.0, self._lapses_s - now_s)
