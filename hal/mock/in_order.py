"""Things on their way: each arrives after its time, and none before another that left earlier, as on every wire."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class InOrder:
    """Timers alone would not do: a delay may become shorter while something waits, and those of one instant fire in any order."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()
        self._last_due_s = 0.0

    @property
    def is_empty(self) -> bool:
        """Nothing is on its way."""
        return not self._waiting

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> None:
        """Call back after so many seconds, or right after what is still before it."""
        loop = asyncio.get_running_loop()
        self._last_due_s = max(self._last_due_s, loop.time() + delay_s)
        self._waiting.append(callback)
        loop.call_at(self._last_due_s, self._arrive)

    def _arrive(self) -> None:
        self._waiting.popleft()()
