"""From the phase and the limits to the outputs: what the hardware of one connector should be doing."""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.facts import ConnectorStatus, Phase
from chargerd.core.outputs import Outputs
from chargerd.core.sensed import Sensed
from chargerd.core.session import ENERGISING, HOLDING_LOCK, path_of
from chargerd.core.settings import ConnectorSettings
from hal.types import IndicatorState, Isolation, SeccOutput, SeccPhase, Setpoint

INDICATORS = {
    ConnectorStatus.AVAILABLE: IndicatorState.AVAILABLE,
    ConnectorStatus.PREPARING: IndicatorState.PREPARING,
    ConnectorStatus.CHARGING: IndicatorState.CHARGING,
    ConnectorStatus.SUSPENDED_EV: IndicatorState.SUSPENDED,
    ConnectorStatus.SUSPENDED_EVSE: IndicatorState.SUSPENDED,
    ConnectorStatus.FINISHING: IndicatorState.FINISHING,
    ConnectorStatus.RESERVED: IndicatorState.RESERVED,
    ConnectorStatus.UNAVAILABLE: IndicatorState.UNAVAILABLE,
    ConnectorStatus.FAULTED: IndicatorState.FAULTED,
}

_OFF = (0.0, 0.0)
_AUTHORIZED = ENERGISING - {Phase.LOCKING, Phase.LEAVING, Phase.ASLEEP}
_ENDING = (Phase.LEAVING, Phase.RAMP_DOWN, Phase.OPENING, Phase.UNLOCKING, Phase.WAIT_UNPLUG)


@dataclass(slots=True, kw_only=True)  # not frozen for the same reason as `Situation`
class Decided:
    """What the regions have decided, as far as the outputs depend on it."""

    phase: Phase
    status: ConnectorStatus
    is_enabled: bool  # operative, and no fault that stops or trips
    is_stopping: bool
    is_insulation_safe: bool
    is_insulation_bad: bool
    must_stay_locked: bool  # welded, not discharged, or somebody else could take the cable
    lock_attempt: int
    limit_a: float  # 0 where nothing may be offered
    w_per_a: float  # what an ampere of it is worth
    ceiling_v: float  # highest voltage of this session; 0 where nobody knows, or none runs


def outputs(built: ConnectorSettings, sensed: Sensed, decided: Decided) -> Outputs:
    """The level wanted now.

    The contactor is wished closed only with the vehicle ready, and is held closed while the current still falls. On DC it closes in the
    cable check alone, with no voltage on either side, and modules are asked for something only while it is seen closed: never voltage
    against an open contactor with a free plug. On AC there are none: what the vehicle may take is told over its pilot.
    """
    phase, path = decided.phase, path_of(built.kind)
    is_permitted = phase in path.closed and sensed.ev.control_pilot.is_ready and decided.is_enabled and not decided.is_stopping
    if not (built.kind.is_ac or sensed.is_contactor_closed):
        is_permitted &= phase is Phase.CABLE_CHECK and sensed.is_output_low()
    holds_closed = phase in path.held and sensed.is_contactor_closed
    has_modules_on = is_permitted and sensed.is_contactor_closed and not built.kind.is_ac
    return Outputs(
        lock=built.has_lock and (phase in HOLDING_LOCK or decided.must_stay_locked),
        lock_attempt=decided.lock_attempt,
        contactor=is_permitted or holds_closed,
        setpoint=Setpoint(*(_level(built, sensed, decided) if has_modules_on else _OFF), 0.0 if built.kind.is_ac else decided.ceiling_v),
        secc=_secc(built, sensed, decided),
        indicator=INDICATORS[decided.status],
    )


def _level(built: ConnectorSettings, sensed: Sensed, decided: Decided) -> tuple[float, float]:
    """Voltage and current."""
    ev, small_a = sensed.ev, min(built.cable_check_current_a, decided.limit_a)
    match decided.phase:
        case Phase.CABLE_CHECK:
            # A vehicle that has gone on without our verdict gets nothing: its target is the battery's now.
            is_testing = ev.phase is SeccPhase.CABLE_CHECK and sensed.test_voltage_v() > 0
            return (sensed.test_voltage_v(), small_a) if is_testing else _OFF
        case Phase.PRECHARGE if ev.phase is SeccPhase.PRECHARGE:
            asked_a = ev.target_current_a if ev.target_current_a > 0 else small_a
            return min(ev.target_voltage_v, _bearable_v(sensed, decided)), min(small_a, asked_a)
        case Phase.DELIVERING:
            return min(sensed.voltage_v(), _bearable_v(sensed, decided)), min(ev.target_current_a, decided.limit_a)
        case _:
            # A pause, or between precharge and the loop: the battery holds the output up; no power, but never pull it down.
            return min(sensed.voltage_v(), _bearable_v(sensed, decided)), 0.0


def _bearable_v(sensed: Sensed, decided: Decided) -> float:
    """The highest voltage for the vehicle. What it told first holds to the end: modules with ranges have been set to it."""
    most_v = sensed.max_voltage_v()
    return min(most_v, decided.ceiling_v) if decided.ceiling_v > 0.0 else most_v


def _secc(built: ConnectorSettings, sensed: Sensed, decided: Decided) -> SeccOutput:
    supply = sensed.supply
    max_voltage_v = min(built.max_voltage_v, supply.max_voltage_v) if supply and supply.max_voltage_v > 0 else built.max_voltage_v
    isolation = Isolation.SAFE if decided.is_insulation_safe else Isolation.INVALID
    return SeccOutput(
        is_enabled=decided.is_enabled,
        authorization=True if decided.phase in _AUTHORIZED else None,
        wants_stop=decided.phase in _ENDING or (decided.phase is Phase.ASLEEP and sensed.ev.control_pilot.is_ready),
        min_voltage_v=built.min_voltage_v,
        max_voltage_v=max_voltage_v,
        max_current_a=decided.limit_a,
        max_power_w=min(built.max_power_w, decided.limit_a * decided.w_per_a),
        present_voltage_v=supply.voltage_v if supply else 0.0,
        present_current_a=supply.current_a if supply else 0.0,
        isolation=Isolation.FAULT if decided.is_insulation_bad else isolation,
        insulation_ohm=sensed.insulation.resistance_ohm if sensed.insulation else None,
        is_waking=decided.phase is Phase.WAKING,
    )
