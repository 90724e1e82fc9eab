"""What running stations take of the machine, at rest and while they charge: memory, threads, processor time, wake-ups.

All three run at the same time at real pace; the figures are the kernel's counters of each process.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from tests.bench.aims import Values, compared
from tests.bench.measure import Measure
from tests.bench.process import pss_mb, rss_mb, threads, use
from tests.bench.progress import steps
from tests.bench.stations import Running, side_by_side

EVERY_SECOND = {"ocpp": {"keys": {"MeterValueSampleInterval": 1, "HeartbeatInterval": 300}}}
SETTLE_S = 10.0
IDLE_S = 10.0
MINUTE_S = 60.0


async def idle(windows: int) -> list[Measure]:
    """Connected, accepted, nothing plugged in; the counters over windows of ten seconds."""
    async with side_by_side(EVERY_SECOND) as stations:
        await asyncio.sleep(SETTLE_S)
        cpu_s, wake_ups = await _used(stations, windows, IDLE_S)
        return [
            *_sizes(stations, "idle"),
            compared("threads", _each(stations, threads)),
            compared("CPU per idle second", _scaled(cpu_s, 1e3 / IDLE_S)),
            compared("wake-ups per idle second", _scaled(wake_ups, 1 / IDLE_S)),
        ]


async def charging(minutes: int) -> list[Measure]:
    """One transaction, a sample a second; the first ten seconds aside."""
    async with side_by_side(EVERY_SECOND) as stations:
        for station in stations:
            await station.charge()
        await asyncio.sleep(SETTLE_S)
        cpu_s, wake_ups = await _used(stations, minutes, MINUTE_S)
        return [
            *_sizes(stations, "charging"),
            compared("CPU per charging minute, sample every 1 s", _scaled(cpu_s, 1e3)),
            compared("wake-ups per charging minute, sample every 1 s", wake_ups),
        ]


async def _used(stations: list[Running], windows: int, window_s: float) -> tuple[Values, Values]:
    """Processor seconds and wake-ups of each station in each window."""
    cpu_s, wake_ups = defaultdict(list), defaultdict(list)
    for _ in steps(windows):
        before = {station.name: use(station.pid) for station in stations}
        await asyncio.sleep(window_s)
        for station in stations:
            used = use(station.pid) - before[station.name]
            cpu_s[station.name].append(used.cpu_s)
            wake_ups[station.name].append(float(used.wake_ups))
    return cpu_s, wake_ups


def _sizes(stations: list[Running], when: str) -> list[Measure]:
    return [compared(f"RSS, {when}", _each(stations, rss_mb)), compared(f"PSS, {when}", _each(stations, pss_mb))]


def _each(stations: list[Running], look: Callable[[int], float]) -> Values:
    return {station.name: [look(station.pid)] for station in stations}


def _scaled(values: Values, factor: float) -> Values:
    return {name: [value * factor for value in found] for name, found in values.items()}
