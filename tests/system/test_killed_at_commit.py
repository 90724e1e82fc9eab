"""SIGKILL at commits of a session without the central system: a real process that kills itself there, on every preset.

By default a few commits of each preset, drawn from `$SEED`; `EVERY_COMMIT=1` takes all of them, before and after COMMIT
(`make power-cut-series`).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commit_lane import At, CommitLane, drawn
from tests.support.kill_checks import check_energised_only_when_allowed, check_transactions, check_wire
from tests.support.presets import PRESETS

EVERY_COMMIT = bool(os.environ.get("EVERY_COMMIT"))
COMMITS = 28
"""About as many as a session of the smallest preset has."""
DRAWN = 3


@pytest.mark.timeout(7200 if EVERY_COMMIT else 300)
async def test_killed_at_its_commits_a_station_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Each transaction on disk has one start and one stop at the central system, its samples between, in order; and there is no other.

    Field lesson #8 (MicroOcpp#345).
    """
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    lanes = []
    for name, station in PRESETS.items():
        (tmp_path / name).mkdir()
        lanes.append(CommitLane(tmp_path / name, name, station))
    try:
        async with asyncio.TaskGroup() as group:
            for number, lane in enumerate(lanes):
                plans = every(lane) if EVERY_COMMIT else drawn(random.Random(seed * len(lanes) + number), DRAWN, COMMITS)
                group.create_task(lane.run_plans(plans), name=lane.name)
        for lane in lanes:
            check_transactions(lane)
            check_wire(lane)
            check_energised_only_when_allowed(lane)
            print(f"{lane.name}: kills {lane.kills}, transactions {len(lane.fates)}, repeated messages {len(lane.station.retries)}")
        assert sum(len(lane.over) for lane in lanes) <= len(lanes) * 2
    except BaseException as error:
        error.add_note(f"to repeat: SEED={seed}")
        raise


def every(lane: CommitLane) -> Iterator[At]:
    """Commit after commit, until the session is over before it."""
    for side in ("before", "after"):
        over = len(lane.over)
        yield from itertools.takewhile(lambda _, over=over: len(lane.over) == over, (At(nth, side) for nth in itertools.count(1)))
