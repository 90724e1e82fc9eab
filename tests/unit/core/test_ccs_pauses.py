"""Pauses on DC, and vehicles that sleep: zero current in the loop, or out of it with the session kept, and woken for a full new start.

Source: DIN 70121 and ISO 15118-2 know no pause that the station asks for (ccs-sequence-timing, 6).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargerd.core.events import ContactorUpdated, EvUpdated, MeterUpdated, StopReason
from chargerd.core.facts import FaultRaised, Phase, TransactionStarted, TransactionStopped
from chargerd.core.settings import StartPoint
from hal.types import ControlPilot, EvRequest, Isolation, MeterReading, SeccPhase
from tests.support.core_bench import ONE, CoreBench, station_settings
from tests.support.dc_phases import PAUSES, POWER_W, fall_asleep, in_phase, leave_the_loop

AGAIN = [Phase.WAKING, Phase.HANDSHAKE, Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.POWER_DELIVERY, Phase.DELIVERING]


def with_timing(**timing: float) -> CoreBench:
    built = station_settings()
    return CoreBench(replace(built, timing=replace(built.timing, **timing)))


def stop_reasons(bench: CoreBench) -> list[StopReason]:
    return [fact.reason for fact in bench.told(TransactionStopped)]


# --- in the loop -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.PAUSED_EV, Phase.PAUSED_EVSE])
def test_a_pause_in_the_loop_is_zero_current_with_the_contactor_closed(phase: Phase) -> None:
    """The battery's voltage is held, nobody is told to stop, and it is Suspended by whoever wants it."""
    bench = in_phase(phase)
    outputs = bench.outputs()
    assert (outputs.contactor, outputs.setpoint.voltage_v, outputs.setpoint.current_a) == (True, 400.0, 0.0)
    assert not outputs.secc.wants_stop
    assert bench.statuses()[-1] == ("SuspendedEV" if phase is Phase.PAUSED_EV else "SuspendedEVSE")
    bench.allow(ONE, POWER_W)
    bench.ev(ONE, target_current_a=80.0)
    assert (bench.phase(), bench.outputs().setpoint.current_a) == (Phase.DELIVERING, 80.0)


def test_the_vehicles_own_pause_has_no_end() -> None:
    """SuspendedEV may last for hours: a full battery that is kept warm."""
    bench = in_phase(Phase.PAUSED_EV)
    bench.wait(4000)
    assert bench.phase() is Phase.PAUSED_EV


def test_the_stations_pause_stays_in_the_loop_for_a_limited_time() -> None:
    """Then the vehicle is told to end, and the session goes on without it."""
    bench = in_phase(Phase.PAUSED_EVSE)
    bench.wait(bench.built.timing.pause_in_loop_s - 1.0)
    assert bench.phase() is Phase.PAUSED_EVSE
    bench.wait(1.0)
    assert bench.phase() in (Phase.LEAVING, Phase.ASLEEP)
    assert stop_reasons(bench) == []


def test_a_pause_that_does_not_stay_in_the_loop_at_all() -> None:
    """`pause_in_loop_s: 0`, for a place whose vehicles do not bear it."""
    bench = in_phase(Phase.DELIVERING, with_timing(pause_in_loop_s=0.0))
    bench.step()
    bench.ev(ONE, is_contactor_wanted=True)
    bench.allow(ONE, 0.0)
    assert bench.phase() is Phase.LEAVING
    assert bench.outputs().secc.wants_stop


# --- out of the loop, and back -----------------------------------------------------------------------------------------------------------


def test_a_vehicle_that_leaves_in_a_pause_is_woken_when_there_is_power_again() -> None:
    """One transaction, SuspendedEVSE all the way, and a full new start: handshake, cable check, precharge."""
    bench = in_phase(Phase.ASLEEP)
    bench.wait(7200)
    assert bench.phase() is Phase.ASLEEP
    before = len(bench.phases())
    bench.allow(ONE, POWER_W)
    assert bench.outputs().secc.is_waking
    bench.drive_to(Phase.DELIVERING)
    assert bench.phases()[before:] == AGAIN
    assert bench.statuses()[-3:] == ["Charging", "SuspendedEVSE", "Charging"]
    assert not bench.outputs().secc.is_waking
    bench.swipe()
    bench.finish()
    assert (len(bench.told(TransactionStarted)), stop_reasons(bench)) == (1, [StopReason.LOCAL])


def test_the_cable_is_checked_anew_after_a_pause() -> None:
    """The verdict from before counts no more."""
    bench = in_phase(Phase.WAKING)
    bench.drive_to(Phase.CABLE_CHECK)
    assert bench.outputs().secc.isolation is Isolation.INVALID
    bench.step()
    bench.ev(ONE, phase=SeccPhase.PRECHARGE, target_voltage_v=400.0)
    assert (bench.phase(), bench.outputs().setpoint.is_on) == (Phase.CABLE_CHECK, False)


def test_leaving_opens_without_load() -> None:
    """The contactor is held while the current still falls and the vehicle has not opened its own; the set-point is zero from the first."""
    bench = in_phase(Phase.DELIVERING)
    bench.step()
    bench.allow(ONE, 0.0)
    leave_the_loop(bench)
    assert (bench.phase(), bench.outputs().contactor, bench.outputs().setpoint.current_a) == (Phase.LEAVING, True, 0.0)
    bench.supply(ONE, 400.0, 0.4)
    assert bench.outputs().contactor
    bench.ev(ONE, is_contactor_wanted=False)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.ASLEEP, False)
    assert bench.told(FaultRaised) == []


def test_nobody_is_woken_before_the_output_is_open_and_discharged() -> None:
    """Power comes back at once: the vehicle's contactors must be open, and no voltage on the cable, before it all begins again."""
    bench = in_phase(Phase.LEAVING)
    bench.supply(ONE, 400.0)
    bench.allow(ONE, POWER_W)
    bench.ev(ONE, phase=SeccPhase.FINISHED, control_pilot=ControlPilot.B, is_contactor_wanted=False)
    assert bench.phase() is Phase.ASLEEP
    bench.send(ContactorUpdated(ONE, is_closed=False))
    assert bench.phase() is Phase.ASLEEP
    bench.supply(ONE, 59.0)
    bench.send(MeterUpdated(ONE, MeterReading(1000)))
    assert bench.phase() is Phase.WAKING


@pytest.mark.parametrize(("voltage_v", "code"), [(390.0, "not-discharged"), (0.0, "contactor-welded")])
def test_a_pause_finds_what_the_end_of_a_session_finds(voltage_v: float, code: str) -> None:
    """A contactor that does not open, and an output that does not discharge, end it with their fault."""
    bench = in_phase(Phase.LEAVING)
    bench.ev(ONE, phase=SeccPhase.FINISHED, control_pilot=ControlPilot.B, is_contactor_wanted=False)
    if code == "not-discharged":
        bench.send(ContactorUpdated(ONE, is_closed=False))
    bench.supply(ONE, voltage_v)
    bench.wait(11.0)
    assert [fault.code for fault in bench.view(ONE).faults] == [code]
    assert stop_reasons(bench) == [StopReason.OTHER]
    assert bench.statuses()[-1] == "Faulted"


def test_a_vehicle_that_cannot_be_woken_ends_the_session() -> None:
    """Not within `wake_s`: reason Other, with a note that says why."""
    bench = in_phase(Phase.WAKING)
    bench.wait(bench.built.timing.wake_s - 1.0)
    assert bench.phase() is Phase.WAKING
    bench.wait(1.5)
    bench.finish()
    assert [(fact.code, fact.error_code) for fact in bench.told(FaultRaised)] == [("wake-timeout", "EVCommunicationError")]
    assert stop_reasons(bench) == [StopReason.OTHER]


def test_a_vehicle_that_falls_asleep_again_and_again_ends_the_session() -> None:
    """However often it is woken, the cable check is to begin within `handshake_s`."""
    bench = in_phase(Phase.WAKING)
    begun_s = bench.mono_s
    while bench.phase() in (Phase.WAKING, Phase.HANDSHAKE):
        for phase in (SeccPhase.AUTHORIZATION, SeccPhase.PAUSED):
            bench.ev(ONE, phase=phase, wants_stop=False)
            bench.wait(5.0)
    assert bench.mono_s - begun_s <= bench.built.timing.handshake_s + 10.0
    assert stop_reasons(bench) == [StopReason.OTHER]


def test_a_pilot_that_is_off_belongs_to_waking() -> None:
    """State E or F for some seconds is one of the ways to wake; anywhere else it is a trip."""
    bench = in_phase(Phase.WAKING)
    bench.ev(ONE, control_pilot=ControlPilot.F)
    assert bench.phase() is Phase.WAKING
    bench.ev(ONE, control_pilot=ControlPilot.B)
    bench.drive_to(Phase.DELIVERING)


def test_power_that_goes_again_while_the_vehicle_wakes() -> None:
    """Back to sleep, and woken the next time."""
    bench = in_phase(Phase.WAKING)
    bench.allow(ONE, 0.0)
    assert (bench.phase(), bench.outputs().secc.is_waking) == (Phase.ASLEEP, False)
    bench.allow(ONE, POWER_W)
    bench.drive_to(Phase.DELIVERING)
    assert stop_reasons(bench) == []


@pytest.mark.parametrize("phase", [Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.POWER_DELIVERY])
def test_power_that_goes_before_the_loop_is_a_pause_too(phase: Phase) -> None:
    """There is no zero current before the loop: the vehicle is told to end, and is woken later."""
    bench = in_phase(phase)
    bench.ev(ONE, is_contactor_wanted=True)
    bench.allow(ONE, 0.0)
    assert (bench.phase(), bench.outputs().secc.wants_stop) == (Phase.LEAVING, True)
    assert bench.outputs().setpoint.current_a == 0.0
    fall_asleep(bench)
    assert bench.statuses() == ["Preparing", "SuspendedEVSE"]
    bench.allow(ONE, POWER_W)
    bench.drive_to(Phase.DELIVERING)
    assert bench.statuses() == ["Preparing", "SuspendedEVSE", "Charging"]


@pytest.mark.parametrize("start_point", StartPoint)
def test_no_power_at_the_beginning(start_point: StartPoint) -> None:
    """The vehicle is told to wait for its authorisation; with power there is no need to wake one that still does."""
    built = station_settings()
    bench = CoreBench(replace(built, policy=replace(built.policy, transaction_start_point=start_point)))
    bench.allow(ONE, 0.0)
    bench.plug()
    bench.swipe()
    bench.answer()
    assert (bench.phase(), bench.outputs().secc.authorization) == (Phase.ASLEEP, None)
    assert bench.statuses() == ["Preparing", "SuspendedEVSE"]
    bench.allow(ONE, POWER_W)
    assert (bench.phase(), bench.outputs().secc.authorization) == (Phase.HANDSHAKE, True)
    bench.drive_to(Phase.DELIVERING)
    assert len(bench.told(TransactionStarted)) == 1


def test_a_vehicle_that_ends_in_its_own_pause_is_not_kept() -> None:
    """It was offered current, and did not want it."""
    bench = in_phase(Phase.PAUSED_EV)
    leave_the_loop(bench)
    bench.finish()
    assert stop_reasons(bench) == [StopReason.OTHER]


@pytest.mark.parametrize("phase", PAUSES)
def test_every_pause_can_be_ended_by_the_card_and_by_the_cable(phase: Phase) -> None:
    """A session that sleeps is one all the same."""
    for end, reason in ((CoreBench.swipe, StopReason.LOCAL), (CoreBench.unplug, StopReason.EV_DISCONNECTED)):
        bench = in_phase(phase)
        end(bench)
        bench.ev(ONE, is_contactor_wanted=False)
        bench.drive_to(Phase.IDLE if reason is StopReason.EV_DISCONNECTED else Phase.WAIT_UNPLUG)
        assert stop_reasons(bench) == [reason]


# --- the late card -----------------------------------------------------------------------------------------------------------------------


def test_a_late_card_wakes_the_vehicle() -> None:
    """The vehicle gives up after 60 s without authorisation; its driver comes back after two minutes."""
    bench = CoreBench(station_settings(connectors=1))
    bench.plug()
    bench.wait(60)
    bench.ev(ONE, phase=SeccPhase.PAUSED)
    bench.wait(60)
    bench.swipe()
    bench.answer()
    assert (bench.phase(), bench.outputs().secc.is_waking, bench.outputs().secc.authorization) == (Phase.WAKING, True, True)
    bench.drive_to(Phase.DELIVERING)
    assert bench.statuses() == ["Preparing", "Finishing", "Preparing", "Charging"]


@pytest.mark.parametrize("asleep", [SeccPhase.IDLE, SeccPhase.UNAVAILABLE, SeccPhase.FINISHED])
def test_a_controller_that_begins_no_dialogue_has_a_sleeping_vehicle(asleep: SeccPhase) -> None:
    """Some go back to their beginning with the vehicle still plugged in. A fresh plug is given its time."""
    bench = CoreBench(station_settings(connectors=1))
    bench.send(EvUpdated(ONE, EvRequest(ControlPilot.B, asleep)))
    bench.swipe()
    bench.answer()
    is_fresh = asleep is not SeccPhase.FINISHED
    assert bench.phase() is (Phase.HANDSHAKE if is_fresh else Phase.WAKING)
    bench.wait(11.0)
    assert bench.phase() is Phase.WAKING


def test_the_next_session_on_the_same_plug_wakes_the_vehicle() -> None:
    """OCPP 1.6 F2: the first dialogue is over."""
    bench = CoreBench(station_settings(connectors=1))
    bench.charge()
    bench.swipe()
    bench.ev(ONE, phase=SeccPhase.FINISHED, control_pilot=ControlPilot.B, wants_stop=False)
    bench.finish()
    bench.swipe()
    bench.answer()
    assert bench.phase() is Phase.WAKING
    bench.drive_to(Phase.DELIVERING)
