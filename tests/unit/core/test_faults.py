"""How faults end: with their cause, with the cable, or by the hand of a technician who has seen that the cause is gone."""

from __future__ import annotations

import pytest

from chargerd.core.events import ClearFault, DeviceBack, DeviceLost, GateTripped, LockUpdated, RaiseFault, Role, SupplyUpdated
from chargerd.core.facts import FaultCleared, FaultRaised, Phase, Restored
from chargerd.core.fault_set import FaultSet
from chargerd.core.faults import FAULTS
from chargerd.core.ids import STATION, ConnectorId
from chargerd.core.settings import ConnectorKind
from hal.types import ControlPilot, LockState, ModuleTelemetry
from tests.support.core_bench import ONE, AcBench, CoreBench, station_settings
from tests.unit.core.test_rules import opened_bench

LATCHING = [code for code, row in FAULTS.items() if row.is_latching]


def restarted(bench: CoreBench, *latched: FaultRaised) -> CoreBench:
    """The next run: what the journal has kept, before any device has spoken."""
    bench.station = bench._new_station()
    bench.facts = bench.station.restore(Restored(latched=latched, has_been_accepted=True), bench.now())
    return bench


@pytest.mark.parametrize("code", FAULTS)
def test_a_cause_that_is_still_there_cannot_be_cleared(code: str) -> None:
    """But for what unplugging clears anyway; a latching fault stays when its cause has gone, until it is cleared."""
    row, faults = FAULTS[code], FaultSet(ONE)
    assert faults.raise_(code) == [FaultRaised(ONE, code, row.error_code, is_latching=row.is_latching)]
    assert bool(faults.why_not_clear(code)) is not row.clears_on_unplug
    assert faults.condition_over(code) == ([] if row.is_latching else [FaultCleared(ONE, code)])
    assert bool(faults.why_not_clear(code)) is not row.is_latching
    if row.is_latching:
        assert faults.clear(code) == [FaultCleared(ONE, code, is_latching=True)]
    assert not faults.has(code)


@pytest.mark.parametrize("code", LATCHING)
def test_a_latched_fault_is_up_after_a_restart(code: str) -> None:
    """As it was, and not as something new; Faulted is told before any device has spoken where it says so, and a technician clears it."""
    for at in (STATION, ONE):
        fault = FaultRaised(at, code, FAULTS[code].error_code, "as it was", is_latching=True)
        bench = restarted(CoreBench(), fault)
        assert bench.told(FaultRaised) == []
        view = bench.station.view()
        (up,) = view.faults if at == STATION else bench.view(ONE).faults
        assert (up.code, up.info, up.is_latched) == (code, "as it was", True)
        is_faulted = FAULTS[code].severity.name in ("STOP", "TRIP")
        assert (bench.statuses(at)[-1:] == ["Faulted"]) is is_faulted
        bench.unplug()
        bench.freshen(ONE)
        assert bench.send(ClearFault(at, code)).is_accepted
        assert bench.told(FaultCleared) == [FaultCleared(at, code, is_latching=True)]
        assert bench.statuses(at)[-1:] == ["Available"]


def test_what_the_gate_still_sees_after_a_restart_cannot_be_cleared() -> None:
    """Its first look says so, and that is nothing new either."""
    bench = restarted(CoreBench(), FaultRaised(STATION, "emergency-stop", "OtherError", is_latching=True))
    bench.send(GateTripped(STATION, "emergency-stop"))
    assert bench.told(FaultRaised) == []
    assert "still there" in bench.send(ClearFault(STATION, "emergency-stop")).reason


def test_an_output_that_was_live_before_a_restart_is_taken_for_live() -> None:
    """Until a device has told that the voltage is gone."""
    bench = restarted(CoreBench(), FaultRaised(ONE, "not-discharged", "PowerSwitchFailure", is_latching=True))
    bench.unplug()
    assert not bench.send(ClearFault(ONE, "not-discharged")).is_accepted
    bench.send(SupplyUpdated(ONE, ModuleTelemetry(voltage_v=300.0, max_voltage_v=1000.0)))
    assert not bench.send(ClearFault(ONE, "not-discharged")).is_accepted
    bench.supply(ONE, 5.0)
    bench.freshen(ONE)
    assert bench.send(ClearFault(ONE, "not-discharged")).is_accepted


@pytest.mark.parametrize("code", [code for code in LATCHING if FAULTS[code].holds_plug])
def test_a_plug_that_may_be_live_is_held_over_a_restart(code: str) -> None:
    """From the first moment on, plugged or not known; not where it is known that nothing is in the socket. Cleared, it is let go."""
    built = station_settings(kind=ConnectorKind.TYPE2_SOCKET)
    bench = restarted(AcBench(built), FaultRaised(ONE, code, "PowerSwitchFailure", is_latching=True))
    assert bench.outputs().lock
    bench.ev(ONE, control_pilot=ControlPilot.B, is_cable_present=True)
    bench.send(LockUpdated(ONE, LockState.LOCKED))
    bench.freshen(ONE)
    assert (bench.phase(), bench.outputs().lock) == (Phase.WAIT_AUTH, True)
    assert bench.send(ClearFault(ONE, code)).is_accepted
    assert not bench.outputs().lock
    empty = restarted(AcBench(built), FaultRaised(ONE, code, "PowerSwitchFailure", is_latching=True))
    empty.ev(ONE, control_pilot=ControlPilot.A, is_cable_present=False)
    assert not empty.outputs().lock


def test_what_latches_no_more_is_not_up_after_an_upgrade() -> None:
    """A code that no version knows any more is, and can be cleared; a connector that is not there any more has none."""
    kept = [
        FaultRaised(at, code, "no such code", is_latching=True) for at, code in ((ONE, "door-open"), (ONE, "old"), (ConnectorId(9), "old"))
    ]
    bench = restarted(CoreBench(), *kept)
    (up,) = bench.view(ONE).faults
    assert (up.code, up.error_code) == ("old", "OtherError")
    assert bench.send(ClearFault(ONE, "old")).is_accepted


def test_a_fault_from_outside_stays_until_it_is_cleared() -> None:
    """Nothing else says that it is over."""
    bench = CoreBench()
    bench.send(RaiseFault(ONE, "self-test"))
    assert bench.send(ClearFault(ONE, "self-test")).is_accepted
    assert not bench.send(ClearFault(ONE, "self-test")).is_accepted


def test_a_silent_device_cannot_be_wished_away() -> None:
    """A lock that does not answer may hold a plug or not: no session begins before it speaks again, whoever clears what."""
    bench = CoreBench()
    bench.send(DeviceLost(ONE, Role.LOCK, "lock1"))
    reply = bench.send(ClearFault(ONE, "lock-silent"))
    assert (reply.is_accepted, "still there" in reply.reason) == (False, True)
    bench.send(DeviceBack(ONE, Role.LOCK, "lock1"))
    assert bench.statuses()[-1] == "Available"


def test_an_output_that_has_discharged_at_last_can_be_cleared() -> None:
    """Not while voltage stands there; once it is seen to be gone, by the technician."""
    bench = opened_bench()
    for _ in range(8):
        bench.mono_s += 1.0
        bench.supply(ONE, 390.0)
    assert not bench.send(ClearFault(ONE, "not-discharged")).is_accepted
    bench.supply(ONE, 12.0)
    bench.freshen(ONE)
    assert bench.statuses()[-1] == "Faulted"
    assert bench.send(ClearFault(ONE, "not-discharged")).is_accepted
    assert bench.statuses()[-1] == "Finishing"
