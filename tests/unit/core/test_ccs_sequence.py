"""The CCS sequence on the power side: each phase has its limit, its own fault and its OCPP error code, and no voltage where none belongs.

Source: ccs-sequence-timing, 1 to 7.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargerd.core.events import ContactorUpdated, DeviceLost, Event, EvUpdated, GateTripped, MeterUpdated, Role, StopReason, SupplyUpdated
from chargerd.core.facts import FaultCleared, FaultRaised, Phase, TransactionStopped
from chargerd.core.ids import STATION
from chargerd.core.session import ENERGISING
from hal.types import ControlPilot, EvRequest, MeterReading, ModuleTelemetry, SeccPhase
from tests.support.core_bench import ONE, CoreBench, station_settings
from tests.support.dc_phases import PAUSES, TO_THE_LOOP, in_phase

EVERY_PHASE = TO_THE_LOOP + PAUSES


def stop_reasons(bench: CoreBench) -> list[StopReason]:
    return [fact.reason for fact in bench.told(TransactionStopped)]


# --- limits -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "limit_s", "code"),
    [
        (Phase.HANDSHAKE, 150.0, "handshake-timeout"),
        (Phase.CABLE_CHECK, 38.0, "cable-check-timeout"),
        (Phase.PRECHARGE, 6.5, "precharge-timeout"),
        (Phase.POWER_DELIVERY, 10.0, "power-delivery-timeout"),
        (Phase.WAKING, 60.0, "wake-timeout"),
    ],
)
def test_each_phase_has_its_limit_its_fault_and_its_code(phase: Phase, limit_s: float, code: str) -> None:
    """The vehicle gives up the cable check at 40 s and the precharge at 7 s: the station knows a little earlier."""
    bench = in_phase(phase)
    bench.wait(limit_s - 0.6)
    assert bench.phase() is phase
    bench.wait(1.2)
    bench.finish()
    assert [(fact.code, fact.error_code) for fact in bench.told(FaultRaised)] == [(code, "EVCommunicationError")]
    assert stop_reasons(bench) == [StopReason.OTHER]
    status = bench.view(ONE).status
    assert (status.status.value, status.vendor_error_code) == ("Finishing", code)


def test_current_that_does_not_fall_is_cut_and_told() -> None:
    """At the end of its time a stop opens under load: a note, for contactors bear few of these."""
    bench = in_phase(Phase.DELIVERING)
    bench.step()
    bench.swipe()
    bench.supply(ONE, 400.0, 30.0)
    bench.wait(bench.built.timing.ramp_down_s - 0.1)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.RAMP_DOWN, True)
    bench.wait(0.2)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)
    assert [(fact.code, fact.error_code) for fact in bench.told(FaultRaised)] == [("ramp-down-timeout", "PowerSwitchFailure")]
    bench.finish()
    assert stop_reasons(bench) == [StopReason.LOCAL]


# --- the ordinary end -------------------------------------------------------------------------------------------------------------------


def test_an_ordinary_end_waits_for_the_vehicle_to_open_first() -> None:
    """What it reads in its welding detection is then the voltage of the cable. Our contactor opens when the controller wants it no more."""
    bench = in_phase(Phase.DELIVERING)
    bench.ev(ONE, is_contactor_wanted=True)
    bench.swipe()
    bench.supply(ONE, 400.0, 0.0)
    assert (bench.phase(), bench.outputs().contactor, bench.outputs().setpoint.is_on) == (Phase.RAMP_DOWN, True, False)
    bench.ev(ONE, phase=SeccPhase.WELDING_DETECTION, is_contactor_wanted=False, target_current_a=0.0)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)


def test_a_vehicle_that_never_opens_is_not_waited_for() -> None:
    """Without load there is nothing to note."""
    bench = in_phase(Phase.DELIVERING)
    bench.ev(ONE, is_contactor_wanted=True)
    bench.swipe()
    bench.supply(ONE, 400.0, 0.0)
    bench.wait(bench.built.timing.ramp_down_s + 0.1)
    assert bench.phase() is Phase.OPENING
    assert bench.told(FaultRaised) == []


def test_a_fault_does_not_wait_for_the_vehicle() -> None:
    """An insulation fault in the loop: off at once, open as soon as the current is low."""
    bench = in_phase(Phase.DELIVERING)
    bench.ev(ONE, is_contactor_wanted=True)
    bench.send(DeviceLost(ONE, Role.METER, "meter1"))
    assert bench.phase() is Phase.OPENING or not bench.outputs().setpoint.is_on
    bench.supply(ONE, 400.0, 0.5)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)


# --- everything off, in every phase -------------------------------------------------------------------------------------------------------

ENDS: dict[str, tuple[Event, StopReason, bool]] = {
    "emergency stop": (GateTripped(STATION, "emergency-stop"), StopReason.EMERGENCY_STOP, True),
    "door": (GateTripped(STATION, "door-open"), StopReason.EMERGENCY_STOP, True),
    "controller lost": (DeviceLost(ONE, Role.SECC, "secc1"), StopReason.OTHER, True),
    "pilot not readable": (EvUpdated(ONE, EvRequest(ControlPilot.UNKNOWN, SeccPhase.UNAVAILABLE)), StopReason.OTHER, True),
    "vehicle emergency": (EvUpdated(ONE, EvRequest(ControlPilot.C, SeccPhase.STOPPING, is_emergency=True)), StopReason.OTHER, True),
    "cable torn out": (EvUpdated(ONE, EvRequest(ControlPilot.A)), StopReason.EV_DISCONNECTED, False),
}


@pytest.mark.parametrize("phase", EVERY_PHASE, ids=lambda phase: phase.value)
@pytest.mark.parametrize("case", ENDS)
def test_everything_is_off_in_the_same_step_and_nothing_is_released_live(case: str, phase: Phase) -> None:
    """Set-point zero, no wish for the contactor, Faulted where it is a fault; closed and discharged before the end, with its reason."""
    event, reason, is_fault = ENDS[case]
    bench = in_phase(phase)
    was_closed = bench.view(ONE).is_contactor_closed
    bench.send(event)
    outputs = bench.outputs()
    assert (outputs.setpoint.voltage_v, outputs.setpoint.current_a, outputs.contactor) == (0.0, 0.0, False)
    assert outputs.secc.authorization is not True
    assert bench.phase() not in ENERGISING
    assert (bench.view(ONE).status.status.value == "Faulted") is is_fault
    if was_closed:
        _discharge(bench)
    assert stop_reasons(bench) == [reason]
    assert not bench.outputs().contactor


def _discharge(bench: CoreBench) -> None:
    """The contactor opens, and the output falls slowly: only below 60 V is the session over."""
    bench.mono_s += 0.1
    bench.send(ContactorUpdated(ONE, is_closed=False))
    for voltage_v in (400.0, 200.0, 61.0):
        bench.mono_s += 0.2
        bench.supply(ONE, voltage_v)
        bench.send(MeterUpdated(ONE, MeterReading(1000)))
        assert bench.phase() is Phase.OPENING
        assert bench.told(TransactionStopped) == []
    bench.supply(ONE, 59.0)


@pytest.mark.parametrize("phase", [phase for phase in EVERY_PHASE if phase is not Phase.WAKING], ids=lambda phase: phase.value)
def test_a_pilot_that_is_short_or_off_opens_in_the_same_step(phase: Phase) -> None:
    """State E or F; only who is being woken may show it."""
    for pilot in (ControlPilot.E, ControlPilot.F):
        bench = in_phase(phase)
        bench.ev(ONE, control_pilot=pilot)
        assert bench.phase() not in ENERGISING
        assert (bench.outputs().contactor, bench.outputs().setpoint.is_on) == (False, False)


# --- mains ------------------------------------------------------------------------------------------------------------------------------

NO_MAINS = ModuleTelemetry(400.0, 90.0, 1000.0, 0.0, 0.0, 4, alarms=frozenset({"input-under-voltage"}))


@pytest.mark.parametrize("event", [GateTripped(STATION, "power-loss"), SupplyUpdated(ONE, NO_MAINS)], ids=["input", "modules"])
def test_lost_mains_are_an_orderly_end_within_the_hold_up(event: Event) -> None:
    """Nothing asked for from the first step, the vehicle told to stop; the contactor opens at low current, or after a second."""
    for falls in (True, False):
        bench = in_phase(Phase.DELIVERING)
        bench.ev(ONE, is_contactor_wanted=True)
        bench.supply(ONE, 400.0, 90.0)
        bench.send(event)
        outputs = bench.outputs()
        assert (bench.phase(), outputs.setpoint.is_on, outputs.contactor) == (Phase.RAMP_DOWN, False, True)
        assert (outputs.secc.wants_stop, outputs.secc.is_enabled) == (True, True)
        if falls:
            bench.supply(ONE, 400.0, 0.0)
        else:
            bench.wait(bench.built.timing.power_loss_s)
        assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)
        bench.finish()
        assert stop_reasons(bench) == [StopReason.POWER_LOSS]
        assert bench.statuses()[-1] == "Faulted"


@pytest.mark.parametrize("phase", EVERY_PHASE, ids=lambda phase: phase.value)
def test_lost_mains_end_every_phase_with_their_reason(phase: Phase) -> None:
    """And no session begins before they are back."""
    bench = in_phase(phase)
    bench.send(GateTripped(STATION, "power-loss"))
    assert not bench.outputs().setpoint.is_on
    bench.finish()
    assert stop_reasons(bench) == [StopReason.POWER_LOSS]
    assert not bench.swipe().is_accepted


# --- closing the contactor ----------------------------------------------------------------------------------------------------------------


def at_the_door_of_the_cable_check(voltage_v: float, meter_v: float | None = None) -> CoreBench:
    """The vehicle asks for the cable check while this voltage stands at the modules, and that one where the meter is."""
    bench = in_phase(Phase.HANDSHAKE)
    bench.supply(ONE, voltage_v)
    bench.send(MeterUpdated(ONE, MeterReading(1000, voltage_v=meter_v)))
    bench.ev(ONE, control_pilot=ControlPilot.C, phase=SeccPhase.CABLE_CHECK, target_voltage_v=500.0)
    assert bench.phase() is Phase.CABLE_CHECK
    return bench


@pytest.mark.parametrize(("modules_v", "meter_v"), [(390.0, None), (0.0, 390.0), (61.0, 0.0)])
def test_the_contactor_closes_only_without_voltage_on_either_side(modules_v: float, meter_v: float | None) -> None:
    """From the last session on the one, from the vehicle on the other; once it has fallen the check begins."""
    bench = at_the_door_of_the_cable_check(modules_v, meter_v)
    assert not bench.outputs().contactor
    bench.send(MeterUpdated(ONE, MeterReading(1000, voltage_v=3.0)))
    bench.supply(ONE, 59.0)
    assert bench.outputs().contactor


def test_an_output_that_stays_live_is_a_fault_of_its_own() -> None:
    """The cable check runs out of time, and what kept it is told and latched."""
    bench = at_the_door_of_the_cable_check(390.0)
    bench.wait(bench.built.timing.cable_check_s + 0.1)
    assert [fact.code for fact in bench.told(FaultRaised)] == ["cable-check-timeout", "not-discharged"]
    assert bench.statuses()[-1] == "Faulted"


@pytest.mark.parametrize("phase", [Phase.PRECHARGE, Phase.POWER_DELIVERY, Phase.DELIVERING, Phase.PAUSED_EV, Phase.PAUSED_EVSE])
def test_an_open_contactor_is_not_closed_onto_a_battery(phase: Phase) -> None:
    """Behind the cable check it is closed; one that has opened by itself stays open."""
    bench = in_phase(phase)
    assert bench.outputs().contactor
    bench.send(ContactorUpdated(ONE, is_closed=False))
    assert (bench.outputs().contactor, bench.outputs().setpoint.is_on) == (False, False)


# --- renegotiation ------------------------------------------------------------------------------------------------------------------------


def test_the_vehicle_may_change_its_limits_in_the_loop() -> None:
    """The set-point follows in the same step, down and up."""
    bench = in_phase(Phase.DELIVERING)
    for limit_a, given_a in ((60.0, 60.0), (10.0, 10.0), (150.0, 120.0)):
        bench.ev(ONE, max_current_a=limit_a)
        assert bench.outputs().setpoint.current_a == given_a
    bench.ev(ONE, max_voltage_v=390.0)
    assert bench.outputs().setpoint.voltage_v == 390.0


def test_the_station_may_change_its_limits_in_the_loop() -> None:
    """The vehicle is told, and the set-point follows, in the same step."""
    bench = in_phase(Phase.DELIVERING)
    bench.step()
    for power_w, given_a in ((20e3, 50.0), (4e3, 10.0), (120e3, 120.0)):
        bench.allow(ONE, power_w)
        assert bench.outputs().setpoint.current_a == pytest.approx(given_a)
        assert bench.outputs().secc.max_current_a == pytest.approx(min(power_w / 400.0, 150.0))


def test_a_renegotiation_keeps_the_contactor_and_gives_nothing_meanwhile() -> None:
    """ISO 15118-2: from the loop back to the parameters, and on through power delivery, with contactors closed."""
    bench = in_phase(Phase.DELIVERING)
    bench.step()
    for phase in (SeccPhase.PARAMETERS, SeccPhase.READY):
        bench.ev(ONE, phase=phase, target_current_a=0.0, target_voltage_v=0.0)
        assert (bench.outputs().contactor, bench.outputs().setpoint.current_a) == (True, 0.0)
    bench.ev(ONE, phase=SeccPhase.CURRENT_DEMAND, target_voltage_v=400.0, target_current_a=70.0)
    assert (bench.phase(), bench.outputs().setpoint.current_a) == (Phase.DELIVERING, 70.0)
    assert stop_reasons(bench) == []


@pytest.mark.parametrize("phase", [Phase.PRECHARGE, Phase.DELIVERING])
def test_more_voltage_than_the_vehicle_bears_is_not_given_and_said(phase: Phase) -> None:
    """It said 500 V, and asks for 900: it gets 500, once with a note, and charges."""
    bench = in_phase(phase)
    bench.ev(ONE, target_voltage_v=900.0)
    bench.ev(ONE, target_voltage_v=901.0)
    assert bench.outputs().setpoint.voltage_v == 500.0
    assert [(fact.code, fact.info) for fact in bench.told(FaultRaised)] == [
        ("voltage-request", "The vehicle asks for 900 V; at most 500 V is possible.")
    ]
    assert bench.phase() is phase


def test_the_ceiling_holds_whatever_the_vehicle_says_later() -> None:
    """Modules with ranges have been set to what it said first."""
    bench = in_phase(Phase.DELIVERING)
    bench.ev(ONE, max_voltage_v=900.0, target_voltage_v=800.0)
    assert bench.outputs().setpoint.voltage_v == bench.outputs().setpoint.ceiling_v == 500.0


def test_the_connectors_own_voltage_holds_for_a_vehicle_that_bears_more() -> None:
    """A 500 V outlet gives 500 V."""
    built = station_settings(connectors=1)
    bench = CoreBench(replace(built, connectors=(replace(built.connectors[0], max_voltage_v=450.0),)))
    in_phase(Phase.DELIVERING, bench)
    bench.ev(ONE, target_voltage_v=480.0)
    assert bench.outputs().setpoint.voltage_v == 450.0


def test_a_controller_that_tells_no_pilot_is_told_itself_until_it_does() -> None:
    """A session does not end without a word because a few of its frames were missed; the fault goes with the next pilot."""
    bench = in_phase(Phase.CABLE_CHECK)
    bench.send(EvUpdated(ONE, EvRequest(ControlPilot.UNKNOWN, SeccPhase.UNAVAILABLE)))
    assert [(fact.code, fact.info) for fact in bench.told(FaultRaised)] == [("secc-silent", "it does not tell the pilot")]
    bench.ev(ONE, control_pilot=ControlPilot.B)
    assert [fact.code for fact in bench.told(FaultCleared)] == ["secc-silent"]
