"""What the core makes of its power modules: their alarms as faults, and the ceiling by which they choose their range."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.events import DeviceLost, LocalStop, Role, StopReason, SupplyUpdated
from chargerd.core.facts import FaultCleared, FaultRaised, Phase, TransactionStopped
from chargerd.core.faults import ERROR_CODES, FAULTS, Severity
from chargerd.core.module_faults import MEANINGS, MODULES_FAILED, code_of
from chargerd.core.outputs import Outputs, lowered
from hal.types import ModuleAlarm, ModuleTelemetry, Setpoint
from tests.support.core_bench import ONE, AcBench, CoreBench

SOUND = ModuleTelemetry(voltage_v=400.0, max_voltage_v=1000.0, max_current_a=200.0, max_power_w=120e3, modules_present=4)


def say(bench: CoreBench, *alarms: str, can_deliver: bool = True) -> None:
    """The modules tell these alarms."""
    telemetry = replace(SOUND, alarms=frozenset(alarms))
    bench.send(SupplyUpdated(ONE, telemetry if can_deliver else replace(telemetry, max_current_a=0.0, max_power_w=0.0)))


def test_every_alarm_has_its_fault() -> None:
    """A note with an error code of OCPP, told apart by its code."""
    assert set(MEANINGS) == set(ModuleAlarm)
    rows = [FAULTS[code_of(alarm)] for alarm in ModuleAlarm]
    assert {row.severity for row in rows} == {Severity.NOTE}
    assert {row.error_code for row in rows} <= set(ERROR_CODES)
    assert len({code_of(alarm) for alarm in ModuleAlarm}) == len(ModuleAlarm)


@pytest.mark.parametrize(
    ("alarm", "code", "error_code"),
    [
        ("over-temperature", "module-over-temperature", "HighTemperature"),
        ("input-under-voltage", "module-input-under-voltage", "UnderVoltage"),
        ("output-over-voltage", "module-output-over-voltage", "OverVoltage"),
        ("module-missing", "module-missing", "PowerSwitchFailure"),
        ("duplicate-address", "module-duplicate-address", "OtherError"),
    ],
)
def test_an_alarm_is_a_fault_while_it_lasts_and_charging_goes_on(alarm: str, code: str, error_code: str) -> None:
    """Raised once, cleared with it; the status stays Charging, with the error code beside it."""
    bench = CoreBench()
    bench.charge()
    say(bench, alarm)
    say(bench, alarm)
    assert [(fact.code, fact.error_code) for fact in bench.told(FaultRaised)] == [(code, error_code)]
    status = bench.view(ONE).status
    assert (status.status.value, status.error_code, status.vendor_error_code) == ("Charging", error_code, code)
    say(bench)
    assert [fact.code for fact in bench.told(FaultCleared)] == [code]
    assert bench.view(ONE).status.error_code == "NoError"
    assert bench.phase() is Phase.DELIVERING


def test_one_alarm_may_go_while_another_stays() -> None:
    """Each is a fault of its own."""
    bench = CoreBench()
    say(bench, "fan-fault", "over-temperature")
    say(bench, "over-temperature")
    assert [fact.code for fact in bench.told(FaultCleared)] == ["module-fan-fault"]
    assert [fault.code for fault in bench.view(ONE).faults] == ["module-over-temperature"]


def test_a_session_stops_when_no_module_can_deliver_any_more() -> None:
    """In order, with the error code of what is wrong; when one can again the connector is back."""
    bench = CoreBench()
    bench.charge()
    say(bench, "over-temperature", can_deliver=False)
    assert bench.phase() in (Phase.RAMP_DOWN, Phase.OPENING)
    raised = bench.told(FaultRaised)[-1]
    assert (raised.code, raised.error_code) == (MODULES_FAILED, "HighTemperature")
    assert "over-temperature" in raised.info
    bench.mono_s += 1.0
    bench.freshen(ONE)
    assert bench.view(ONE).status.status.value == "Faulted"
    bench.finish()
    assert len(bench.told(TransactionStopped)) == 1
    say(bench, "over-temperature")
    assert bench.told(FaultCleared)[-1].code == MODULES_FAILED
    assert bench.view(ONE).status.status.value == "Finishing"


def test_modules_without_mains_end_the_session_for_loss_of_power() -> None:
    """Whoever notices first, they or the mains monitor: the transaction says PowerLoss."""
    bench = CoreBench()
    bench.charge()
    say(bench, "input-under-voltage", can_deliver=False)
    bench.finish()
    assert bench.told(FaultRaised)[-1].error_code == "UnderVoltage"
    assert [fact.reason for fact in bench.told(TransactionStopped)] == [StopReason.POWER_LOSS]
    say(bench)
    assert bench.view(ONE).faults == ()


def test_no_session_begins_while_no_module_can_deliver() -> None:
    """The card is refused, the connector Faulted."""
    bench = CoreBench()
    say(bench, "module-fault", can_deliver=False)
    bench.plug()
    bench.swipe()
    assert bench.phase() is Phase.WAIT_AUTH
    assert bench.view(ONE).status.status.value == "Faulted"


def test_no_current_without_an_alarm_is_a_pause() -> None:
    """Nothing says that something is broken."""
    bench = CoreBench()
    bench.charge()
    say(bench, can_deliver=False)
    assert bench.phase() is Phase.PAUSED_EVSE
    assert bench.told(FaultRaised) == []


def test_words_that_nobody_knows_are_no_faults() -> None:
    """A driver may have a word more than the core."""
    bench = CoreBench()
    bench.charge()
    say(bench, "wind-from-the-north")
    assert bench.told(FaultRaised) == []


def test_the_alarms_of_a_lost_device_are_over() -> None:
    """Nobody tells them any more; that it is silent is the fault then."""
    bench = CoreBench()
    say(bench, "over-temperature", can_deliver=False)
    bench.send(DeviceLost(ONE, Role.POWER, "psu1"))
    assert [fault.code for fault in bench.view(ONE).faults] == ["power-silent"]


# --- the ceiling ---------------------------------------------------------------------------------------------------------------------


def test_the_ceiling_is_known_before_the_cable_check_and_constant_to_the_end() -> None:
    """It is the vehicle's highest voltage as first told, with nothing asked for yet; the session's end takes it back."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    assert bench.outputs().setpoint == Setpoint()
    bench.answer()
    assert bench.phase() is Phase.HANDSHAKE
    assert bench.outputs().setpoint == Setpoint(ceiling_v=500.0)
    bench.ev(ONE, max_voltage_v=450.0)
    for phase in (Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.DELIVERING):
        bench.drive_to(phase)
        assert bench.outputs().setpoint.ceiling_v == 500.0
    bench.ev(ONE, max_voltage_v=None)
    assert bench.outputs().setpoint.ceiling_v == 500.0
    bench.send(LocalStop(ONE))
    bench.finish()
    assert bench.outputs().setpoint == Setpoint()


def test_a_vehicle_that_tells_its_limit_late_is_waited_for() -> None:
    """The ceiling appears with it; the next vehicle has another one, and no more than the connector can give."""
    bench = CoreBench()
    bench.plug()
    bench.ev(ONE, max_voltage_v=None)
    bench.swipe()
    bench.answer()
    assert bench.outputs().setpoint == Setpoint()
    bench.ev(ONE, max_voltage_v=450.0)
    assert bench.outputs().setpoint == Setpoint(ceiling_v=450.0)
    bench.unplug()
    bench.drive_to(Phase.IDLE)
    bench.plug()
    bench.ev(ONE, max_voltage_v=1500.0)
    bench.swipe()
    bench.answer()
    assert bench.outputs().setpoint == Setpoint(ceiling_v=bench.built.connectors[0].max_voltage_v)


def test_there_is_no_ceiling_on_ac() -> None:
    """There are no modules."""
    bench = AcBench()
    bench.charge()
    bench.ev(ONE, max_voltage_v=500.0)
    assert bench.outputs().setpoint == Setpoint()


setpoints = st.builds(Setpoint, st.floats(0, 1000), st.floats(0, 500), st.sampled_from([0.0, 450.0, 900.0]))


@given(setpoints, setpoints)
def test_a_ceiling_passes_before_the_disk_has_answered(applied: Setpoint, wanted: Setpoint) -> None:
    """It asks for no energy; voltage and current are the lower ones."""
    setpoint = lowered(Outputs(setpoint=applied), Outputs(setpoint=wanted)).setpoint
    assert setpoint.ceiling_v == wanted.ceiling_v
    assert setpoint.voltage_v == min(applied.voltage_v, wanted.voltage_v)
    assert setpoint.current_a == min(applied.current_a, wanted.current_a)


def test_the_gate_is_told_what_is_wanted_beside_what_flows() -> None:
    """Its over-current row compares the two, and a voltage behind an open contactor is wrong only where none is wanted."""
    bench = CoreBench()
    assert not bench.station.flows(bench.now())[ONE].has_output
    bench.charge()
    bench.supply(ONE, 400.0, 90.0)
    flow, wanted = bench.station.flows(bench.now())[ONE], bench.outputs().setpoint
    assert wanted.current_a > 0.0
    assert (flow.voltage_v, flow.current_a) == (400.0, 90.0)
    assert (flow.max_current_a, flow.has_output) == (wanted.current_a, True)
