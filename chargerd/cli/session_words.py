"""Facts of a session and states of its wires in words that need no knowledge of OCPP or CCS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chargerd.core.facts import (
    AuthorizationGranted,
    AuthorizationRefused,
    AuthorizationWithdrawn,
    ConnectorStatus,
    DeviceStateChanged,
    Fact,
    FaultCleared,
    FaultRaised,
    Phase,
    PhaseChanged,
    StatusChanged,
    TokenSource,
    TransactionStopped,
)
from chargerd.core.ids import STATION, short_tag
from chargerd.core.view import ConnectorView
from hal.types import ControlPilot, Isolation, SeccPhase

_TEST_VOLTAGE_SHARE = 0.9
_PRECHARGE_WINDOW_V = 5.0
_SETTLED_A = 2.0
_DISCHARGED_V = 60.0

_STATUS = {
    ConnectorStatus.AVAILABLE: "free",
    ConnectorStatus.PREPARING: "getting ready",
    ConnectorStatus.CHARGING: "energy flows",
    ConnectorStatus.SUSPENDED_EV: "the vehicle pauses",
    ConnectorStatus.SUSPENDED_EVSE: "the station pauses",
    ConnectorStatus.FINISHING: "charging ends, then the cable may be pulled",
    ConnectorStatus.RESERVED: "kept for somebody",
    ConnectorStatus.UNAVAILABLE: "out of service",
    ConnectorStatus.FAULTED: "out of order",
}
_SOURCES = {
    TokenSource.CENTRAL_SYSTEM: "by the central system",
    TokenSource.CACHE: "from the cache",
    TokenSource.LOCAL_LIST: "from the local list",
    TokenSource.OFFLINE_RULE: "by the offline rule",
    TokenSource.REMOTE: "by a remote start",
    TokenSource.TECHNICIAN: "by the technician",
}
_VEHICLE = ("vehicle", "vehicle-power")
_HOLDING_DOWN = {
    "derating": "the connector is too warm for more",
    "offline": "no more without the central system",
    "unprofiled": "no charging profile allows more",
    "profile": "its charging profile allows no more",
    "station-profile": "the charging profile of the station allows no more",
}
_PHASES = {
    Phase.RAMP_DOWN: "the power modules are told to go down to 0 A",
    Phase.OPENING: "the contactor is told to open",
    Phase.ASLEEP: "the dialogue with the vehicle is over, the contactor is told to open; the session waits",
    Phase.WAKING: "the vehicle is woken over the control pilot",
}


def driver_words(fact: Fact, delivered_wh: int = 0) -> str | None:
    """What a driver notices of a fact. delivered_wh: for the end of a transaction, the energy of it."""
    match fact:
        case StatusChanged():
            who = "the station shows" if fact.connector != STATION else "the whole station is"
            return f"{who} {fact.status.value}: {_STATUS[fact.status]}"
        case AuthorizationGranted():
            return f"card {short_tag(fact.id_tag)} is accepted, {_SOURCES[fact.source]}"
        case AuthorizationRefused():
            return f"card {short_tag(fact.id_tag)} is refused: {fact.reason or fact.status.value}"
        case AuthorizationWithdrawn():
            return f"card {short_tag(fact.id_tag)} counts no more: {fact.reason}"
        case TransactionStopped():
            return f"the session is over: {delivered_wh / 1000:.2f} kWh"
        case _:
            return None


def wire_words(fact: Fact) -> str | None:
    """What a fact means for the wires."""
    match fact:
        case PhaseChanged():
            return _PHASES.get(fact.phase)
        case FaultRaised():
            return f"fault {fact.code}{f': {fact.info}' if fact.info else ''}"
        case FaultCleared():
            return f"fault {fact.code} is over"
        case DeviceStateChanged():
            return f"device {fact.device} {'answers again' if fact.is_available else 'does not answer'}"
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Watch:
    """A claim about a connector, and what to say when it becomes true."""

    is_true: Callable[[ConnectorView], bool]
    words: Callable[[ConnectorView], str]


def _is_testing(view: ConnectorView) -> bool:
    asked_v = view.outputs.setpoint.voltage_v
    return view.phase is Phase.CABLE_CHECK and _supply_v(view) >= _TEST_VOLTAGE_SHARE * asked_v > 0


def _is_precharged(view: ConnectorView) -> bool:
    is_there = abs(_supply_v(view) - view.ev.target_voltage_v) <= _PRECHARGE_WINDOW_V
    return view.phase is Phase.PRECHARGE and view.ev.phase is SeccPhase.PRECHARGE and view.outputs.setpoint.is_on and is_there


def _has_risen(view: ConnectorView) -> bool:
    wanted_a = view.outputs.setpoint.current_a
    return view.phase is Phase.DELIVERING and wanted_a > 0 and _supply_a(view) >= wanted_a - _SETTLED_A


def _is_discharged(view: ConnectorView) -> bool:
    return view.phase in (Phase.UNLOCKING, Phase.WAIT_UNPLUG) and not view.is_contactor_closed and _supply_v(view) < _DISCHARGED_V


WATCHED = (
    Watch(lambda v: v.ev.control_pilot is ControlPilot.A, lambda _: "control pilot A: no vehicle on the cable"),
    Watch(lambda v: v.ev.control_pilot.is_plugged, lambda v: f"control pilot {v.ev.control_pilot.value}: a vehicle is on the cable"),
    Watch(lambda v: v.ev.phase is SeccPhase.HANDSHAKE, lambda _: "the vehicle begins to talk over the cable (CCS handshake)"),
    Watch(lambda v: v.ev.phase is SeccPhase.AUTHORIZATION, lambda _: "the vehicle asks whether it may charge"),
    Watch(lambda v: v.ev.max_voltage_v is not None and v.ev.control_pilot.is_plugged, lambda v: _vehicle_words(v)),
    Watch(
        lambda v: v.ev.control_pilot.is_ready,
        lambda v: f"control pilot {v.ev.control_pilot.value}: the vehicle is ready and has locked the plug",
    ),
    Watch(lambda v: v.is_contactor_closed, lambda v: f"the contactor closes, at {_supply_a(v):.0f} A"),
    Watch(_is_testing, lambda v: f"cable check: {_supply_v(v):.0f} V on the cable, to test its insulation"),
    Watch(lambda v: v.outputs.secc.isolation is Isolation.SAFE, lambda v: f"cable check: {_insulation_words(v)}"),
    Watch(_is_precharged, lambda v: f"precharge: the output goes to {_supply_v(v):.0f} V, as the vehicle asks"),
    Watch(_has_risen, lambda v: f"{_supply_a(v):.0f} A at {_supply_v(v):.0f} V flow, {_limit_words(v)}"),
    Watch(
        lambda v: v.phase in (Phase.OPENING, Phase.UNLOCKING, Phase.WAIT_UNPLUG) and not v.is_contactor_closed,
        lambda v: f"the contactor is open, {_supply_a(v):.0f} A",
    ),
    Watch(_is_discharged, lambda v: f"the output is discharged ({_supply_v(v):.0f} V)"),
)
"""Looked at again and again, in the order in which they are told when several become true between two looks."""


def _vehicle_words(view: ConnectorView) -> str:
    ev = view.ev
    limits = [
        f"{value:.0f} {unit}"
        for value, unit in ((ev.max_voltage_v, "V"), (ev.max_current_a, "A"), (_scaled(ev.max_power_w), "kW"))
        if value is not None
    ]
    battery = f", {ev.capacity_wh / 1000:.0f} kWh battery" if ev.capacity_wh is not None else ""
    soc = f" at {ev.soc_percent:.0f} %" if ev.soc_percent is not None else ""
    return f"the vehicle tells what it can take: at most {', '.join(limits)}{battery}{soc}"


def _insulation_words(view: ConnectorView) -> str:
    ohm = view.insulation.resistance_ohm if view.insulation else None
    if ohm is None:
        return "the insulation is safe"
    return f"the insulation is safe ({ohm / 1e6:.1f} megohm)" if ohm >= 1e6 else f"the insulation is safe ({ohm / 1e3:.0f} kilohm)"


def _limit_words(view: ConnectorView) -> str:
    """Whose limit rules; the vehicle comes first where several are equal, since the station's share follows it."""
    lowest = min(view.limits, key=lambda limit: (round(limit.current_a, 1), limit.source not in _VEHICLE), default=None)
    if lowest is None or lowest.source in _VEHICLE or view.outputs.setpoint.current_a < lowest.current_a - _SETTLED_A:
        return "as the vehicle asks"
    return _HOLDING_DOWN.get(lowest.source, f"the {lowest.source} can give no more")


def _supply_v(view: ConnectorView) -> float:
    return view.supply.voltage_v if view.supply else 0.0


def _supply_a(view: ConnectorView) -> float:
    return view.supply.current_a if view.supply else 0.0


def _scaled(value: float | None) -> float | None:
    return None if value is None else value / 1000
