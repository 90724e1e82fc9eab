"""The local list of a whole station in virtual time: what a power cut leaves of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import run_virtual
from tests.support.cuts import at_every_step, cut_at, may_begin, nothing, steps_of
from tests.support.station_bench import COMMIT_S, Bench

Kept = tuple[int, frozenset[str]]
"""Its version, and who may charge by it without the central system."""

STAGES: tuple[Kept, ...] = tuple(
    (version, frozenset(known)) for version, known in ((0, ()), (1, ("A",)), (2, ("A", "B")), (3, ("B",)), (0, ()))
)
"""Before the first of the updates, and after each."""


async def updates(bench: Bench, answered: list[str]) -> None:
    known = {"idTagInfo": {"status": "Accepted"}}
    for kind, version, listed in (
        ("Full", 1, [{"idTag": "A", **known}]),
        ("Differential", 2, [{"idTag": "B", **known}]),
        ("Differential", 3, [{"idTag": "A"}]),
        ("Full", 4, []),
    ):
        payload = {"updateType": kind, "listVersion": version, "localAuthorizationList": listed}
        assert await bench.stage.central.call(bench.stage.identity, "SendLocalList", payload) == {"status": "Accepted"}
        answered.append(kind)


async def kept(bench: Bench) -> Kept:
    version = bench.stage.daemon.reactor.view().local_list_version
    return version, frozenset([card for connector, card in ((1, "A"), (2, "B")) if await may_begin(bench, connector, card)])


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_each_update_is_there_whole_or_not_at_all(is_before: bool, tmp_path: Path) -> None:
    """Wherever the power goes: version and tokens belong together, and what was answered is on disk."""

    async def after(folder: Path, nth: int, *, is_before: bool) -> Kept:
        async with cut_at(nothing, updates, folder, nth, is_before=is_before) as (bench, answered):
            found = await kept(bench)
            assert found in STAGES[len(answered) :][:2]
            return found

    steps = run_virtual(steps_of(nothing, updates, tmp_path), executor_latency_s=COMMIT_S)
    found = at_every_step(tmp_path, steps, partial(after, is_before=is_before))
    assert found == list(STAGES[:-1] if is_before else STAGES[1:])  # an update is one step
