"""A full house of charging profiles: how long it takes to find what holds in the next 24 hours and to put it in a composite schedule."""

from __future__ import annotations

import time
from decimal import Decimal

from chargerd.core.composite import Electrics, lowest, periods
from chargerd.core.schedule import Kind, Period, Profile, Purpose, RateUnit, Recurrency, Window, session_stretches, station_stretches
from tests.bench.aims import AIMS
from tests.bench.measure import Measure

PROFILES, PERIODS = 20, 5
NOW_MS, DAY_S = 1_800_000_000_000, 86_400
AC = Electrics(Decimal(230), 3)


def schedules(runs: int) -> list[Measure]:
    """Anew each time, as when a profile has come or gone; in W, so that every limit is converted."""
    own, defaults, maxima = (_profiles(purpose) for purpose in (Purpose.TRANSACTION, Purpose.DEFAULT, Purpose.STATION_MAXIMUM))
    window = Window(NOW_MS, NOW_MS + 1000 * DAY_S)
    took_ms = []
    for _ in range(runs):
        began_s = time.perf_counter()
        session = session_stretches(own, defaults, window, NOW_MS - 1_000_000)
        periods(lowest(session, station_stretches(maxima, window), AC), window, RateUnit.WATTS, AC)
        took_ms.append((time.perf_counter() - began_s) * 1e3)
    name = "schedule of 24 h from 20 profiles"
    return [Measure(name, "ms", tuple(took_ms), AIMS[name].median, AIMS[name].p99)]


def _profiles(purpose: Purpose) -> list[Profile]:
    """The share of one purpose: 4 of the transaction, 10 defaults and 6 maxima, which end at different times so that all of them show."""
    count = {Purpose.TRANSACTION: 4, Purpose.DEFAULT: 10, Purpose.STATION_MAXIMUM: PROFILES - 14}[purpose]
    return [_profile(purpose, level, valid_s=7200 if purpose is Purpose.TRANSACTION else None) for level in range(count)]


def _profile(purpose: Purpose, level: int, valid_s: int | None) -> Profile:
    """Each level begins a little later than the one below; those of an odd level come again every day, and every third one is in W."""
    is_recurring, is_watts = level % 2 == 1, level % 3 == 0
    scale = 690 if is_watts else 1
    return Profile(
        profile_id=100 * len(purpose.value) + level,
        stack_level=level,
        purpose=purpose,
        kind=Kind.RECURRING if is_recurring else Kind.ABSOLUTE,
        unit=RateUnit.WATTS if is_watts else RateUnit.AMPERES,
        periods=tuple(Period(1771 * step, Decimal(scale * (6 + (level + 3 * step) % 11))) for step in range(PERIODS)),
        recurrency=Recurrency.DAILY if is_recurring else None,
        start_ms=NOW_MS - 3_600_000 + 7_213_000 * level,
        duration_s=10_007,
        valid_to_ms=None if valid_s is None else NOW_MS + 1000 * valid_s,
    )
