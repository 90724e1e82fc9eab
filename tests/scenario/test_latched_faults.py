"""Latched faults survive power cuts and resets, told anew after each boot, and end by a technician's hand only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from chargerd.core.events import ClearFault
from chargerd.core.facts import FaultCleared, FaultRaised, Phase
from chargerd.core.faults import FAULTS, Severity
from chargerd.core.ids import STATION
from chargerd.sim.virtual_loop import VirtualLoop, run_virtual
from hal.types import LockState
from tests.support.books import Cut
from tests.support.fault_cases import Case, staged
from tests.support.fault_provocations import CASES, STAGES, Provocation
from tests.support.station_bench import COMMIT_S, Bench, bench

LATCHING = [case for case in CASES if FAULTS[case[0]].is_latching]


async def restart(station: Bench, way: str) -> None:
    """A new run of the process, known to the central system."""
    if way == "power cut":
        await station.stage.power_cut()
    else:
        runs = station.stage.keeper.runs
        await station.stage.central.call(station.stage.identity, "Reset", {"type": way})
        await station.until(lambda: station.stage.keeper.runs > runs)
    await station.accepted()


def told_since_boot(station: Bench) -> list[tuple[int, str, str]]:
    """Connector, status and vendor code of every StatusNotification of this run."""
    calls = station.calls("BootNotification", "StatusNotification")
    boot = max(place for place, call in enumerate(calls) if call[1] == "BootNotification")
    return [(one["connectorId"], one["status"], one.get("vendorErrorCode", "")) for _, _, one, _ in calls[boot + 1 :]]


@pytest.mark.parametrize("way", ["power cut", "Soft", "Hard"])
@pytest.mark.parametrize(("code", "name", "provocation"), LATCHING, ids=[f"{code}-{name}" for code, name, _ in LATCHING])
def test_what_is_latched_stays_over_a_restart(code: str, name: str, provocation: Provocation, way: str, tmp_path: Path) -> None:
    """Its cause has gone: after any restart it is up and told, and nothing new; a plug that was held is held. Then it is cleared."""

    async def main() -> None:
        async with staged(tmp_path, STAGES[name]) as station:
            case = Case(station, code, provocation)
            await case.provoke()
            await case.judge()
            await case.perform(*provocation.undo)
            await asyncio.sleep(3.0)
            await restart(station, way)
            assert case.is_up()
            assert len(case.since(FaultRaised)) == len({fact.fact.code for fact in case.since(FaultRaised)})
            is_faulted = FAULTS[code].severity >= Severity.STOP
            await case.claim(
                lambda: any(told == (case.at, "Faulted", code) for told in told_since_boot(station)) is is_faulted, 5.0, "told"
            )
            if FAULTS[code].holds_plug and station.view(1).lock is not None:
                await asyncio.sleep(1.0)
                assert station.view(1).lock is LockState.LOCKED
            await asyncio.sleep(3.0)
            assert station.stage.dispatch(ClearFault(case.at, code)).is_accepted
            await station.stage.daemon.reactor.committed()
            await restart(station, "power cut")
            assert not case.is_up()
            await asyncio.sleep(1.0)
            await station.do("plug_out", connector=1)
            await case.claim(lambda: station.view(1).phase is Phase.IDLE, 10.0, "free")
            await station.begin()

    run_virtual(main(), executor_latency_s=COMMIT_S)


STAYING = [case for case in LATCHING if case[2].undo]


@pytest.mark.parametrize(("code", "name", "provocation"), STAYING, ids=[f"{code}-{name}" for code, name, _ in STAYING])
def test_a_cause_that_outlives_the_process_is_found_again(code: str, name: str, provocation: Provocation, tmp_path: Path) -> None:
    """The next run has the fault up already, so nothing new is told, and it cannot be cleared before its cause has gone."""

    async def main() -> None:
        async with staged(tmp_path, STAGES[name]) as station:
            case = Case(station, code, provocation)
            await case.provoke()
            await case.judge()
            await restart(station, "power cut")
            await asyncio.sleep(2.0)
            assert "still there" in station.stage.dispatch(ClearFault(case.at, code)).reason
            assert len([one for one in case.since(FaultRaised) if one.fact.code == code]) == 1
            await case.go_back()

    run_virtual(main(), executor_latency_s=COMMIT_S)


# --- a power cut at every commit --------------------------------------------------------------------------------------------------------

CODE = "emergency-stop"


async def pressed_and_cleared(station: Bench) -> None:
    """The button in a session, released and cleared."""
    await station.begin()
    await station.do("input", name="estop", active=True)
    await station.until(lambda: station.view(1).phase is Phase.WAIT_UNPLUG)
    await station.do("input", name="estop", active=False)
    await asyncio.sleep(2.0)
    assert station.stage.dispatch(ClearFault(STATION, CODE)).is_accepted
    await station.stage.daemon.reactor.committed()


async def cut_at(folder: Path, nth: int, *, is_before: bool) -> tuple[int, bool]:
    """Cut at the n-th piece of work of the journal. Gives how many there were, and whether the fault is up in the next run."""
    async with bench(folder) as station:
        loop, cut = cast("VirtualLoop", asyncio.get_running_loop()), Cut(nth, is_before=is_before)
        loop.on_executor = cut
        session = asyncio.ensure_future(pressed_and_cleared(station))
        await asyncio.wait({session, asyncio.ensure_future(cut.has_come.wait())}, return_when=asyncio.FIRST_COMPLETED)
        loop.on_executor = None
        session.cancel()
        await asyncio.wait({session})
        heard = [one.fact for one in station.stage.facts if isinstance(one.fact, FaultRaised | FaultCleared) and one.fact.code == CODE]
        await station.do("input", name="estop", active=False)  # before anybody looks again
        await station.stage.power_cut()
        await station.accepted()
        on_disk = [one.fact for one in await station.stage.daemon.journal.events(limit=10_000, kinds=["FaultRaised", "FaultCleared"])]
        kept = [fact for fact in on_disk if fact.code == CODE]
        assert kept[: len(heard)] == heard
        is_up = any(fault.code == CODE for fault in station.stage.daemon.reactor.view().faults)
        assert is_up is (bool(kept) and isinstance(kept[-1], FaultRaised))
        return cut.count, is_up


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_power_cut_at_every_commit_around_a_latched_fault(is_before: bool, tmp_path: Path) -> None:
    """What anybody has heard of it is what the next run knows: not up, then up, then cleared, and never anything else."""
    (tmp_path / "whole").mkdir()
    steps, _ = run_virtual(cut_at(tmp_path / "whole", 1_000_000, is_before=True), executor_latency_s=COMMIT_S)
    found = []
    for nth in range(1, steps + 1):
        folder = tmp_path / str(nth)
        folder.mkdir()
        found.append(run_virtual(cut_at(folder, nth, is_before=is_before), executor_latency_s=COMMIT_S)[1])
    changes = [now for before, now in zip([False, *found], found, strict=False) if now is not before]
    assert changes in ([True], [True, False])
