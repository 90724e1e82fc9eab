"""SIGKILL at random instants of sessions: a real process, a real SQLite file, a central system on loopback. Nothing lost, nothing doubled.

Number of kills by `$KILLS`, instants by `$SEED` (a fresh one each time, told when something is wrong).
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.support.kill_checks import check_energised_only_when_allowed, check_transactions, check_wire
from tests.support.kill_lane import Lane

KILLS = int(os.environ.get("KILLS") or 60)
LANES = 3


@pytest.mark.timeout(120 + 6 * KILLS)
async def test_killed_at_any_instant_the_station_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """After any number of kills each transaction on disk has one start and one stop at the central system, and there is no other."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    shares = [KILLS // LANES + (number < KILLS % LANES) for number in range(LANES)]
    lanes = [Lane(_folder(tmp_path, number), seed * LANES + number, share) for number, share in enumerate(shares)]
    try:
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(lane.run(), name=lane.folder.name)
        assert sum(lane.kills for lane in lanes) == KILLS
        for lane in lanes:
            check_transactions(lane)
            check_wire(lane)
            check_energised_only_when_allowed(lane)
        check_kills_hit(lanes)
    except BaseException as error:
        error.add_note(f"to repeat: SEED={seed} KILLS={KILLS}")
        raise


def _folder(tmp_path: Path, number: int) -> Path:
    folder = tmp_path / str(number)
    folder.mkdir()
    return folder


def check_kills_hit(lanes: list[Lane]) -> None:
    """The kills were worth their while: they broke sessions, and messages had to be repeated."""
    reasons = [fate.reason for lane in lanes for fate in lane.fates.values()]
    retries = sum(len(lane.station.retries) for lane in lanes)
    print(f"kills {KILLS}, transactions {len(reasons)}, by PowerLoss {reasons.count('PowerLoss')}, repeated messages {retries}")
    if KILLS >= 30:
        assert reasons.count("PowerLoss") >= KILLS // 3
        assert retries > 0
