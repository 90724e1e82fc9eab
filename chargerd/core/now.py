"""The moment at which the core is asked."""

from __future__ import annotations

from dataclasses import dataclass

NEVER = float("inf")
"""The deadline of what is not waited for."""


@dataclass(frozen=True, slots=True)
class Now:
    """Monotonic seconds for deadlines, UTC (seconds since 1970) for stamps, and whether that UTC can be trusted."""

    mono_s: float
    utc_s: float
    is_utc_trusted: bool = True
