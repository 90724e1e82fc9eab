"""Slow timers in step: what waits for the same period wakes the process together."""

from __future__ import annotations


def to_next_s(period_s: float, now_s: float) -> float:
    """Seconds until the next multiple of the period on the clock of the loop; the one after it when that is too near to be waited for."""
    left_s = period_s - now_s % period_s
    return left_s if left_s > period_s / 10 else left_s + period_s
