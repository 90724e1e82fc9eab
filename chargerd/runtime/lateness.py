"""How late the event loop wakes those who wait for a moment, as a slow machine or code that blocks makes it. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

EDGES_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Upper ends of the classes; beyond the last there is one more."""


@dataclass(frozen=True, slots=True)
class LatenessView:
    """For people: `counts` of the classes that end at `edges_ms`, and of what is later than all. Percentiles are ends of classes."""

    edges_ms: tuple[int, ...]
    counts: tuple[int, ...]
    median_ms: float | None
    p99_ms: float | None
    worst_ms: float


class Lateness:
    """A histogram since the start of the process."""

    def __init__(self) -> None:
        self._counts = [0] * (len(EDGES_MS) + 1)
        self._worst_s = 0.0

    def note(self, late_s: float) -> None:
        """Somebody was woken so long after the moment asked for."""
        self._counts[bisect_left(EDGES_MS, late_s * 1000.0)] += 1
        self._worst_s = max(self._worst_s, late_s)

    def view(self) -> LatenessView:
        """The picture now."""
        worst_ms = round(self._worst_s * 1000.0, 3)
        return LatenessView(EDGES_MS, tuple(self._counts), self._share_ms(0.5), self._share_ms(0.99), worst_ms)

    def _share_ms(self, share: float) -> float | None:
        """What so many of all do not exceed: the end of their class, or the worst of all."""
        total = sum(self._counts)
        seen = 0
        for edge_ms, count in zip(EDGES_MS, self._counts, strict=False):
            seen += count
            if total and seen >= share * total:
                return min(float(edge_ms), round(self._worst_s * 1000.0, 3))
        return round(self._worst_s * 1000.0, 3) if total else None
