"""Charging profiles of a whole station in virtual time: how soon they are followed, and what a power cut leaves of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from chargerd.app.shipped import shipped
from chargerd.core.facts import ConnectorStatus, Phase
from chargerd.ocpp.iso_time import render_time
from chargerd.sim.rig import Mode, rig
from chargerd.sim.virtual_loop import run_virtual
from tests.support.cuts import at_every_step, cut_at, nothing, steps_of
from tests.support.station_bench import CARD, COMMIT_S, Bench, virtual

STATIONS = {Mode.VIRTUAL: "demo-ac.yaml", Mode.MEMORY_WIRES: "demo-wires-ac.yaml"}
FOLLOWED_S = 1.0
RISING_S = 1.5  # what the vehicle needs to take more
LOOK_S = 0.02

both = pytest.mark.parametrize("mode", STATIONS)


@asynccontextmanager
async def charging(mode: Mode, folder: Path, station: str = "") -> AsyncIterator[Bench]:
    """A vehicle charges at connector 1 with all that it can have."""
    async with rig(mode, folder, station=shipped(station or STATIONS[mode])) as stage:
        made = Bench(stage)
        await made.accepted()
        await made.do("plug_in", connector=1)
        await made.until(lambda: made.view(1).phase is Phase.WAIT_AUTH)
        await made.do("swipe", id_tag=CARD)
        await passed_s(made, lambda: current_a(made) > 15.0)
        await asyncio.sleep(6.0)  # the last change of the duty is so long ago
        yield made


def current_a(bench: Bench) -> float:
    meter = bench.view(1).meter
    return (meter.current_a if meter is not None else None) or 0.0


async def passed_s(bench: Bench, claim: Callable[[], bool], longest_s: float = 60.0) -> float:
    """How long it takes until a claim holds."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while not claim():
        await asyncio.sleep(LOOK_S)
        assert loop.time() < began_s + longest_s, bench.view(1)
    return loop.time() - began_s


def profile(bench: Bench, *limits: tuple[int, float], number: int = 1, purpose: str = "TxDefaultProfile") -> dict[str, object]:
    """From now on; (second, limit in A)."""
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": render_time(bench.stage.central.options.utc_s()),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": second, "limit": limit} for second, limit in limits],
        },
    }


async def order(bench: Bench, action: str, **payload: object) -> None:
    answer = await bench.stage.central.call(bench.stage.identity, action, payload)
    assert answer == {"status": "Accepted"}


async def allow(bench: Bench, *limits: tuple[int, float], connector: int = 1, number: int = 1) -> None:
    await order(bench, "SetChargingProfile", connectorId=connector, csChargingProfiles=profile(bench, *limits, number=number))


@both
def test_the_vehicle_takes_less_at_once_and_more_when_it_may(mode: Mode, tmp_path: Path) -> None:
    """Within a second of the answer; the next change of the duty keeps its 5 s from the one before (IEC 61851-1)."""

    async def main() -> None:
        async with charging(mode, tmp_path) as bench:
            await allow(bench, (0, 10))
            assert await passed_s(bench, lambda: current_a(bench) <= 10.05) <= FOLLOWED_S
            await allow(bench, (0, 14))
            took_s = await passed_s(bench, lambda: current_a(bench) > 13.0)
            assert took_s <= 5.0 + RISING_S
            assert took_s > 3.0 or mode is Mode.VIRTUAL  # only a driver shows a duty

    virtual(main())


@both
def test_a_pause_never_waits(mode: Mode, tmp_path: Path) -> None:
    """Right after another change; and energy comes back by itself when the profile goes."""

    async def main() -> None:
        async with charging(mode, tmp_path) as bench:
            await allow(bench, (0, 10))
            await allow(bench, (0, 0))
            assert await passed_s(bench, lambda: bench.view(1).outputs.secc.offer_a == 0.0) <= FOLLOWED_S
            await passed_s(bench, lambda: bench.view(1).status.status is ConnectorStatus.SUSPENDED_EVSE)
            assert await passed_s(bench, lambda: current_a(bench) == 0.0) <= 6.5
            await order(bench, "ClearChargingProfile")
            await passed_s(bench, lambda: current_a(bench) > 15.0)

    virtual(main())


@both
def test_each_boundary_is_followed_without_a_word(mode: Mode, tmp_path: Path) -> None:
    """Also while the central system is away."""

    async def main() -> None:
        async with charging(mode, tmp_path) as bench:
            await allow(bench, (0, 10), (60, 8), (120, 12))
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            bench.stage.keeper.connect(is_wanted=False)
            for second, low_a, high_a in ((0, 9.0, 10.05), (60, 7.0, 8.05), (120, 11.0, 12.05)):
                await asyncio.sleep(began_s + second - LOOK_S - loop.time())
                took_s = await passed_s(bench, lambda low_a=low_a, high_a=high_a: low_a < current_a(bench) <= high_a)
                assert took_s <= LOOK_S + RISING_S

    virtual(main())


def test_dc_modules_follow_within_a_second(tmp_path: Path) -> None:
    """The set-point in the same step, the current as fast as the modules are."""

    async def main() -> None:
        async with charging(Mode.VIRTUAL, tmp_path, "demo.yaml") as bench:
            await allow(bench, (0, 20))
            assert await passed_s(bench, lambda: bench.view(1).outputs.setpoint.current_a <= 20.0) <= 0.1
            assert await passed_s(bench, lambda: current_a(bench) <= 20.5) <= FOLLOWED_S

    virtual(main())


# --- power cuts -----------------------------------------------------------------------------------------------------------------------

Kept = tuple[tuple[int, int, str], ...]
"""Number, connector and first limit of each profile."""

PROFILES: tuple[Kept, ...] = ((), ((1, 0, "10"),), ((1, 0, "10"), (2, 1, "12")), ((2, 1, "12"), (1, 2, "14")), ())
"""Before the first of the orders, and after each: one for all, one more, the first one elsewhere, all cleared."""


async def profiles(bench: Bench, answered: list[str]) -> None:
    for word, connector, number, limit in (("all", 0, 1, 10), ("one", 1, 2, 12), ("moved", 2, 1, 14)):
        await allow(bench, (0, limit), connector=connector, number=number)
        answered.append(word)
    await order(bench, "ClearChargingProfile")
    answered.append("cleared")


def kept_profiles(bench: Bench) -> Kept:
    found = bench.stage.daemon.reactor.view().profiles
    return tuple((one.profile.profile_id, int(one.connector), str(one.profile.periods[0].limit)) for one in found)


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_profiles_are_there_whole_or_not_at_all(is_before: bool, tmp_path: Path) -> None:
    """Wherever the power goes: each order is done whole or not at all, and what was answered is on disk."""

    async def after(folder: Path, nth: int, *, is_before: bool) -> Kept:
        async with cut_at(nothing, profiles, folder, nth, is_before=is_before) as (bench, answered):
            found = kept_profiles(bench)
            assert found in PROFILES[len(answered) :][:2]
            return found

    steps = run_virtual(steps_of(nothing, profiles, tmp_path), executor_latency_s=COMMIT_S)
    found = at_every_step(tmp_path, steps, partial(after, is_before=is_before))
    assert found == list(PROFILES[:-1] if is_before else PROFILES[1:])  # an order is one step
