"""The guard among real processes: whatever happens to the daemon, the guard or the disk, the contactor opens, and the next vehicle charges.

How soon is measured and printed here; `make bench-guard` measures it often enough to judge. Number of runs by `$RUNS`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from chargerd.safety.gate import GateOptions
from tests.bench.measure import Measure, table
from tests.guard.events import EVENTS
from tests.guard.station import guarded

RUNS = int(os.environ.get("RUNS") or 5)
LANES = (
    ("demo-guard.yaml", ("daemon-killed", "emergency-stop")),
    ("demo-guard.yaml", ("daemon-stopped", "pipe-closed")),
    ("demo-guard.yaml", ("loop-blocked", "guard-killed")),
    ("demo-guard.yaml", ("guard-stopped", "disk-full")),
)
ON_A_BOARD = (("demo-guard-ac.yaml", ("daemon-killed", "daemon-stopped", "pipe-closed", "emergency-stop", "guard-killed")),)


def test_every_event_is_played() -> None:
    """None is forgotten."""
    assert sorted(name for _, names in LANES for name in names) == sorted(EVENTS)


@pytest.mark.timeout(120 + 30 * RUNS)
async def test_the_contactor_opens_whatever_happens(tmp_path: Path) -> None:
    """Each event while a vehicle charges; the next vehicle then charges as if nothing had been."""
    await _play(tmp_path, LANES, RUNS)


@pytest.mark.timeout(120)
async def test_modules_are_disabled_before_a_killed_daemons_contactor_opens(tmp_path: Path) -> None:
    """Where their enable line is wired: the coil follows after the time that the current needs."""
    async with guarded(tmp_path) as station:
        await station.charge(2)
        assert station.tap.values["enable2"]
        at_s = station.hurt(signal.SIGKILL)
        disabled_s = await station.tap.until("enable2", is_active=False, since_s=at_s)
        opened_s = await station.tap.until("k2", is_active=False, since_s=at_s)
        assert opened_s - disabled_s >= GateOptions().shed_s * 0.9
        await station.ended(is_guard=False)
        await station.charge(2)


@pytest.mark.timeout(180)
async def test_so_does_that_of_a_pilot_board(tmp_path: Path) -> None:
    """The guard owns the board's serial line, and the daemon talks to it through the guard."""
    await _play(tmp_path, ON_A_BOARD, 1)


async def _play(folder: Path, lanes: Sequence[tuple[str, Sequence[str]]], runs: int) -> None:
    folders = [folder / str(number) for number in range(len(lanes))]
    for one in folders:
        one.mkdir()
    measured = await asyncio.gather(*(_lane(one, demo, names, runs) for one, (demo, names) in zip(folders, lanes, strict=True)))
    print(table([result for lane in measured for result in lane]))


async def _lane(folder: Path, demo: str, names: Sequence[str], runs: int) -> list[Measure]:
    results = []
    async with guarded(folder, demo) as station:
        for name in names:
            took_ms = []
            for _ in range(runs):
                await station.charge()
                took_ms.append(1e3 * await EVENTS[name].happen(station))
            results.append(Measure(EVENTS[name].words, "ms", tuple(took_ms), 1e3 * EVENTS[name].limit_s, 1e3 * EVENTS[name].limit_s))
        await station.charge()
    return results
