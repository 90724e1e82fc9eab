"""Down now, up after the commit; facts in order; a journal that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

import pytest

from chargerd.core.errors import StorageError
from chargerd.core.events import (
    ClearChargingProfile,
    ContactorUpdated,
    Event,
    EvUpdated,
    GateTripped,
    InsulationUpdated,
    LinkChanged,
    MeterUpdated,
    RemoteStart,
    SetChargingProfile,
    SupplyUpdated,
)
from chargerd.core.facts import Fact, FaultRaised, Restored, Stamped, TransactionStarted
from chargerd.core.ids import STATION, ConnectorId, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.core.outputs import Outputs
from chargerd.core.schedule import Kind, Period, Profile, Purpose, RateUnit
from chargerd.core.station import Station
from chargerd.runtime.clock import Clock
from chargerd.runtime.reactor import Reactor
from chargerd.sim.virtual_loop import run_virtual
from hal.types import ControlPilot, EvRequest, InsulationReading, MeterReading, ModuleTelemetry, SeccPhase
from tests.support.core_bench import CARD, ONE, station_settings

PROFILE = Profile(
    profile_id=1,
    stack_level=0,
    purpose=Purpose.DEFAULT,
    kind=Kind.RELATIVE,
    unit=RateUnit.AMPERES,
    periods=(Period(0, Decimal(20)),),
)


class SlowJournal:
    """Commits after a time that the test chooses, or refuses."""

    def __init__(self, commit_s: float = 0.5) -> None:
        self.commit_s = commit_s
        self.is_broken = False
        self.batches: list[list[Fact]] = []
        self._seq = 0

    async def append(self, batch: Sequence[Fact], now: Now) -> list[Stamped]:
        await asyncio.sleep(self.commit_s)
        if self.is_broken:
            raise StorageError("disk full: free some space")
        self.batches.append(list(batch))
        stamped = []
        for fact in batch:
            self._seq += 1
            stamped.append(Stamped(self._seq, 1, now.mono_s, now.utc_s, fact))
        return stamped


class Scene:
    """A reactor on a one-connector core, its tasks running."""

    def __init__(self, journal: SlowJournal) -> None:
        self.journal = journal
        self.applied: list[Outputs] = []
        self.heard: list[Stamped] = []
        loop = asyncio.get_running_loop()
        station = Station(station_settings(connectors=1), lambda: LocalId("tx"))
        station.restore(Restored(has_been_accepted=True), Now(0.0, 0.0))
        self.reactor = Reactor(station, journal, Clock(loop.time, lambda: 1.8e9 + loop.time()), lambda _, level: self.applied.append(level))
        self.reactor.subscribe(self.heard.append)

    @property
    def level(self) -> Outputs:
        return self.applied[-1]

    def send(self, *events: Event) -> None:
        for event in events:
            self.reactor.dispatch(event)

    def plug(self) -> None:
        telemetry = ModuleTelemetry(max_voltage_v=1000.0, max_current_a=200.0, max_power_w=100e3)
        self.send(
            EvUpdated(ONE, EvRequest(ControlPilot.B, SeccPhase.AUTHORIZATION)),
            SupplyUpdated(ONE, telemetry),
            MeterUpdated(ONE, MeterReading(1000)),
        )

    def to_delivering(self) -> None:
        """From a granted plug to current, without letting time pass."""
        loop = EvRequest(ControlPilot.C, SeccPhase.CURRENT_DEMAND, 400.0, 100.0, is_contactor_wanted=True)
        telemetry = ModuleTelemetry(500.0, 0.0, 1000.0, 200.0, 100e3)
        self.send(
            EvUpdated(ONE, EvRequest(ControlPilot.C, SeccPhase.CABLE_CHECK, 500.0, is_contactor_wanted=True)),
            ContactorUpdated(ONE, is_closed=True),
            SupplyUpdated(ONE, telemetry),
            InsulationUpdated(ONE, InsulationReading(is_safe=True)),
            EvUpdated(ONE, EvRequest(ControlPilot.C, SeccPhase.PRECHARGE, 400.0, 2.0, is_contactor_wanted=True)),
            EvUpdated(ONE, loop),
        )


def scene(test: Callable[[Scene], Awaitable[None]], journal: SlowJournal | None = None) -> None:
    async def main() -> None:
        made = Scene(journal or SlowJournal())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(made.reactor.run_journal()), group.create_task(made.reactor.run_timer())]
            await test(made)
            for task in tasks:
                task.cancel()

    run_virtual(main())


def test_what_adds_energy_waits_for_the_commit() -> None:
    """Until the grant and the start are on disk the SECC hears no permission, and no contactor or set-point rises."""

    async def test(s: Scene) -> None:
        s.plug()
        s.send(RemoteStart(CARD, ONE))
        s.to_delivering()
        assert all(not level.contactor and not level.setpoint.is_on and level.secc.authorization is not True for level in s.applied)
        await s.reactor.committed()
        assert any(isinstance(stamped.fact, TransactionStarted) for stamped in s.heard)
        assert (s.level.contactor, s.level.setpoint.current_a, s.level.secc.authorization) == (True, 100.0, True)

    scene(test)


@pytest.mark.parametrize("connector", [ONE, STATION])
def test_a_charging_profile_lowers_at_once_and_raises_after_the_commit(connector: ConnectorId) -> None:
    """One of connector 0 holds back every connector; so does taking it away, as what allows more then is a fact too."""

    async def test(s: Scene) -> None:
        s.plug()
        s.send(RemoteStart(CARD, ONE))
        s.to_delivering()
        await s.reactor.committed()
        s.send(SetChargingProfile(connector, PROFILE, most=1))
        assert s.level.setpoint.current_a == 20.0
        await s.reactor.committed()
        s.send(ClearChargingProfile())
        assert s.level.setpoint.current_a == 20.0
        await s.reactor.committed()
        assert s.level.setpoint.current_a == 100.0

    scene(test, SlowJournal(0.02))  # the devices say nothing meanwhile


def test_what_removes_energy_does_not_wait() -> None:
    """A trip reaches the hardware in the same step, with commits still under way."""

    async def test(s: Scene) -> None:
        s.plug()
        s.send(RemoteStart(CARD, ONE))
        s.to_delivering()
        await s.reactor.committed()
        s.send(GateTripped(STATION, "emergency-stop"))
        assert (s.level.contactor, s.level.setpoint.current_a, s.level.secc.is_enabled) == (False, 0.0, False)

    scene(test)


def test_a_running_session_does_not_wait_for_other_facts() -> None:
    """Once energised, set-points follow the vehicle although facts are being written."""

    async def test(s: Scene) -> None:
        s.plug()
        s.send(RemoteStart(CARD, ONE))
        s.to_delivering()
        await s.reactor.committed()
        s.send(LinkChanged(is_accepted=True))  # a fact that takes half a second to write
        s.send(EvUpdated(ONE, EvRequest(ControlPilot.C, SeccPhase.CURRENT_DEMAND, 400.0, 150.0, is_contactor_wanted=True)))
        assert s.level.setpoint.current_a == 150.0

    scene(test)


def test_facts_are_committed_and_told_in_order() -> None:
    """One batch a dispatch, listeners after the commit, sequence without a gap."""

    async def test(s: Scene) -> None:
        s.plug()
        assert s.heard == []
        s.send(RemoteStart(CARD, ONE))
        await s.reactor.committed()
        assert [stamped.seq for stamped in s.heard] == list(range(1, len(s.heard) + 1))
        assert [fact for batch in s.journal.batches for fact in batch] == [stamped.fact for stamped in s.heard]

    scene(test)


def test_a_broken_journal_blocks_new_sessions_and_keeps_the_facts() -> None:
    """Commit failure: a visible fault, no new energy; when the disk is back everything is written, once and in order."""

    async def test(s: Scene) -> None:
        s.plug()
        await s.reactor.committed()
        s.journal.is_broken = True
        s.send(LinkChanged(is_accepted=True))
        with pytest.raises(StorageError, match="disk full"):
            await s.reactor.committed()
        assert [fault.code for fault in s.reactor.view().faults] == ["storage"]
        assert not s.reactor.dispatch(RemoteStart(IdTag("X"), ConnectorId(1))).is_accepted
        s.journal.is_broken = False
        while s.reactor.view().faults:
            await asyncio.sleep(0.5)
        await s.reactor.committed()
        facts = [stamped.fact for stamped in s.heard]
        assert facts == [fact for batch in s.journal.batches for fact in batch]
        assert [fact.code for fact in facts if isinstance(fact, FaultRaised)] == ["storage"]

    scene(test)


def test_a_tick_comes_when_the_core_asked_for_it() -> None:
    """ConnectionTimeOut passes without any other event."""

    async def test(s: Scene) -> None:
        s.plug()
        await asyncio.sleep(61)
        assert s.reactor.view().connectors[0].status.status.value == "Finishing"

    scene(test)


def test_dispatch_is_not_reentrant() -> None:
    """A device that dispatches from inside a level would see a half-decided station: that is a bug, and loud."""

    async def test(s: Scene) -> None:
        s.reactor._apply = lambda *_: s.reactor.dispatch(LinkChanged(is_accepted=False))
        with pytest.raises(RuntimeError, match="inside another dispatch"):
            s.plug()

    scene(test)
