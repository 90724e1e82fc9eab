"""The guard among real processes: whatever happens to the daemon, the guard or the disk, the contactor opens, and the next vehicle charges.

How soon is measured and printed here; `make bench-guard` measures it often enough to judge. Number of runs by `$RUNS`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bench.measure import Measure, table
from tests.guard.events import EVENTS
from tests.guard.station import guarded

RUNS = int(os.environ.get("RUNS") or 5)
LANES = (
    ("daemon-killed", "emergency-stop"),
    ("daemon-stopped", "pipe-closed"),
    ("loop-blocked", "guard-killed"),
    ("guard-stopped", "disk-full"),
)


def test_every_event_is_played() -> None:
    """None is forgotten."""
    assert sorted(name for lane in LANES for name in lane) == sorted(EVENTS)


@pytest.mark.timeout(120 + 30 * RUNS)
async def test_the_contactor_opens_whatever_happens(tmp_path: Path) -> None:
    """Each event while a vehicle charges; the next vehicle then charges as if nothing had been."""
    folders = [tmp_path / str(number) for number in range(len(LANES))]
    for folder in folders:
        folder.mkdir()
    measured = await asyncio.gather(*(_lane(folder, names) for folder, names in zip(folders, LANES, strict=True)))
    print(table([result for lane in measured for result in lane]))


async def _lane(folder: Path, names: Sequence[str]) -> list[Measure]:
    results = []
    async with guarded(folder) as station:
        for name in names:
            took_ms = []
            for _ in range(RUNS):
                await station.charge()
                took_ms.append(1e3 * await EVENTS[name].happen(station))
            results.append(Measure(EVENTS[name].words, "ms", tuple(took_ms), 1e3 * EVENTS[name].limit_s, 1e3 * EVENTS[name].limit_s))
        await station.charge()
    return results
