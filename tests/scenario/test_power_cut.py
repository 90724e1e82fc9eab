"""A power cut at every step that the journal takes in a session without the central system, on every preset, in virtual time.

The session: a start, three samples, a stop, a second start. Cards are accepted as the product allows: by its cache, by the rule for unknown
tokens, or, where a product has neither (ECU-L7002S), while the central system is still there: it has accepted a remote start for the second
session and the card of the first one, and the connection breaks before it has answered the first StartTransaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from chargerd.core.facts import AuthorizationGranted, AuthorizationWithdrawn, MeterSampled, Phase, TokenCached
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from chargerd.sim.virtual_loop import VirtualLoop, run_virtual
from tests.support.books import Cut, check_books
from tests.support.journal_file import read_registers
from tests.support.presets import PRESETS
from tests.support.station_bench import CARD, COMMIT_S, Bench, bench

OTHER_TOKEN = "04D5E6F7"
SAMPLES = 3
OFFLINE_S = 20.0
"""How long the next process has to do without the central system, too."""


async def visit(station: Bench) -> None:
    """The card was here before and is in the cache; then the central system is gone."""
    await station.do("swipe", id_tag=CARD, connectors=[1])
    await station.until(lambda: bool(station.kinds(TokenCached) and station.kinds(AuthorizationGranted)))
    await station.do("swipe", id_tag=CARD, connectors=[1])
    await station.until(lambda: bool(station.kinds(AuthorizationWithdrawn)))
    await station.link("down")


async def nobody(station: Bench) -> None:
    """Nobody was here before, and the central system is gone."""
    await station.link("down")


async def nothing(_: Bench) -> None:
    """The central system is there."""


async def offline(station: Bench) -> None:
    await station.begin(1, CARD)
    await sampled(station, SAMPLES)
    await station.end(1, CARD)
    await station.begin(1, CARD)
    await sampled(station, SAMPLES + 1)


async def cut_off(station: Bench) -> None:
    """Both tokens are accepted online; the connection breaks over the first StartTransaction and does not come back."""
    await station.stage.central.call(station.stage.identity, "RemoteStartTransaction", {"idTag": OTHER_TOKEN, "connectorId": 2})
    await station.until(lambda: station.view(2).phase is Phase.WAIT_CABLE)
    await station.do("plug_in", connector=1)
    await station.until(lambda: station.view(1).phase is Phase.WAIT_AUTH)
    await station.do("swipe", id_tag=CARD, connectors=[1])
    await station.until(lambda: station.central.received["StartTransaction"] > 0)
    await station.link("down")
    await sampled(station, SAMPLES)
    await station.end(1, CARD)
    await station.do("plug_in", connector=2)
    await sampled(station, SAMPLES + 1)


async def sampled(station: Bench, count: int) -> None:
    await station.until(lambda: len(station.kinds(MeterSampled)) >= count)


Part = Callable[[Bench], Awaitable[None]]
LOST_START = Policy(misbehaviours=(Misbehaviour(action="StartTransaction", twist=Twist.DROP_BEFORE, nth=1),))


@dataclass(frozen=True, slots=True)
class Story:
    """What happens before the power may be cut, and while it may."""

    before: Part = visit
    session: Part = offline
    policy: Policy = field(default_factory=Policy)
    keys: dict[str, object] = field(default_factory=dict)


STORIES = {
    "xcharge-c6": Story(before=nobody, keys={"AllowOfflineTxForUnknownId": "true"}),
    "ecu-l7002s": Story(before=nothing, session=cut_off, policy=LOST_START),
}
"""By preset; the others know the card."""


async def steps_of(name: str, folder: Path) -> int:
    """How many pieces of work the journal has in the whole session; all of it is told afterwards."""
    story = STORIES.get(name, Story())
    async with bench(folder, story.policy, station=PRESETS[name], **story.keys) as station:
        await story.before(station)
        loop, cut = cast("VirtualLoop", asyncio.get_running_loop()), Cut(1_000_000, is_before=True)
        loop.on_executor = cut
        await story.session(station)
        loop.on_executor = None
        await station.stage.power_cut()
        await station.link("up")
        await station.settled()
        await check(station, folder)
        assert [record.reason for record in await station.records()] == ["Local", "PowerLoss"]
        assert [len(told.meter_values) for told in station.central.transactions.values()] == [SAMPLES, 1]
        return cut.count


async def cut_at(name: str, folder: Path, nth: int, *, is_before: bool) -> list[str]:
    """A session that is cut at the n-th step; returns the reasons with which its transactions ended, once all is told."""
    story = STORIES.get(name, Story())
    async with bench(folder, story.policy, station=PRESETS[name], **story.keys) as station:
        await story.before(station)
        loop, cut = cast("VirtualLoop", asyncio.get_running_loop()), Cut(nth, is_before=is_before)
        loop.on_executor = cut
        session = asyncio.ensure_future(story.session(station))
        await cut.has_come.wait()
        loop.on_executor = None
        session.cancel()
        await asyncio.wait({session})
        heard = list(station.stage.facts)
        station.stage.keeper.connect(is_wanted=False)
        await station.stage.power_cut()
        await asyncio.sleep(OFFLINE_S)
        on_disk = await station.stage.daemon.journal.events(limit=10_000)
        assert [fact for fact in heard if fact not in on_disk] == []  # whoever heard of a fact heard of what is kept
        await station.link("up")
        await station.settled()
        await asyncio.sleep(30)  # nothing is told again
        await check(station, folder)
        return [str(record.reason) for record in await station.records()]


async def check(station: Bench, folder: Path) -> None:
    """The books agree, samples follow one another, and what the cut ended bears the meter's register."""
    await check_books(station)
    registers = read_registers(folder / "mock-meter.bin")
    for record, told in zip(await station.records(), station.central.transactions.values(), strict=True):
        values = [reading for payload in told.meter_values for reading in payload["meterValue"]]  # type: ignore[attr-defined]
        times = [told.start["timestamp"], *(reading["timestamp"] for reading in values), told.stop and told.stop["timestamp"]]
        assert times == sorted(times)  # type: ignore[type-var]
        if record.reason == "PowerLoss":
            assert record.meter_stop_wh == registers[record.connector]


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("name", PRESETS)
def test_power_cut_at_every_step_of_a_session_without_the_central_system(name: str, is_before: bool, tmp_path: Path) -> None:
    """Wherever the power goes: one StartTransaction and one StopTransaction for each transaction on disk, its samples between, in order.

    Field lessons #1 (MicroOcpp#174), #2 (MicroOcpp#454), #3 (libocpp#495), #8 (MicroOcpp#345).
    """
    (tmp_path / "whole").mkdir()
    steps = run_virtual(steps_of(name, tmp_path / "whole"), executor_latency_s=COMMIT_S)
    found: list[list[str]] = []
    for nth in range(1, steps + 1):
        folder = tmp_path / str(nth)
        folder.mkdir()
        try:
            found.append(run_virtual(cut_at(name, folder, nth, is_before=is_before), executor_latency_s=COMMIT_S))
        except BaseException as error:
            error.add_note(f"{name}, cut {'before' if is_before else 'after'} step {nth} of {steps}")
            raise
    stages = [[], ["PowerLoss"], ["Local"], ["Local", "PowerLoss"]]
    assert found == sorted(found, key=stages.index)
    assert [found.count(stage) > 1 for stage in stages[1:]] == [True, True, True]
