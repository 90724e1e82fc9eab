"""The energy path as a table: from which phase, on what, to which phase.

Theory of operation. After each event the connector describes itself as a `Situation`, a handful of claims without numbers. The rows are
tried in order, the first that fits fires, the connector does what entering the new phase means, and the table is asked again until nothing
fires. Order is priority: what removes energy stands first. A row may carry the fault it raises and the stop reason it gives.

There is one table for each kind of current, and they share the rows of every phase that both know alike. Phases up to WAIT_AUTH move
nothing. From LOCKING on the session is energising; whatever goes wrong there leads through OPENING, and only OPENING with the contactor
seen open and the output discharged leads to UNLOCKING. On DC the contactor is closed from the cable check to the end. On AC it follows the
vehicle: it closes when the vehicle asks (pilot C) and opens when it asks no more, without ending the session.

DIN 70121 and ISO 15118-2 know no pause that the station asks for. On DC such a pause is zero current in the loop as long as the vehicle
bears it and for a limited time; then the dialogue ends, the contactor opens, the vehicle sleeps with its session kept, and is woken over
the pilot for a full new start. A vehicle that has not waited for a late card sleeps as well, and is woken the same way.

Sources: DIN 70121 and ISO 15118-2 order of phases, IEC 61851-1 annex A, OCPP 1.6, 4.9 for what the phases look like from outside
(`status.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chargerd.core.events import StopReason
from chargerd.core.facts import Phase
from chargerd.core.settings import ConnectorKind, StartPoint, Timing
from chargerd.core.situation import CONDITIONS, Situation, Trigger

_PREPARED_DC = frozenset({Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.POWER_DELIVERY})
_CLOSED_DC = _PREPARED_DC | {Phase.DELIVERING, Phase.PAUSED_EV, Phase.PAUSED_EVSE}
_APART_DC = frozenset({Phase.LEAVING, Phase.ASLEEP, Phase.WAKING})

ENERGISING = _CLOSED_DC | _APART_DC | {Phase.LOCKING, Phase.HANDSHAKE, Phase.PAUSING}
"""Phases that lead to energy: every stop in one of these goes through OPENING."""

HOLDING_LOCK = ENERGISING | {Phase.RAMP_DOWN, Phase.OPENING}
"""Phases in which a plug is held, or about to be, because it may be live."""

IN_SESSION = HOLDING_LOCK | {Phase.UNLOCKING}

RESTARTING = _APART_DC | _PREPARED_DC | {Phase.HANDSHAKE}
"""In these a session that has been apart from its vehicle is shown as asleep: nothing leads from a pause to Preparing (OCPP 1.6, 4.9)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `fault` is raised and `reason` given to the transaction when the row fires."""

    phases: frozenset[Phase]
    trigger: Trigger
    target: Phase
    fault: str = ""
    reason: StopReason | None = None


def _one(phase: Phase, trigger: Trigger, target: Phase, fault: str = "", reason: StopReason | None = None) -> Row:
    return Row(frozenset({phase}), trigger, target, fault, reason)


_REMOVING = (
    Row(ENERGISING | {Phase.RAMP_DOWN}, Trigger.TRIPPED, Phase.OPENING),
    Row(ENERGISING | {Phase.RAMP_DOWN}, Trigger.ENDED_BY_UNPLUGGING, Phase.OPENING, reason=StopReason.EV_DISCONNECTED),
    Row(ENERGISING - {Phase.LOCKING} | {Phase.RAMP_DOWN}, Trigger.LOCK_LOST, Phase.OPENING, "lock-failure", StopReason.OTHER),
    Row(ENERGISING, Trigger.STOPPING, Phase.RAMP_DOWN),
)

_REMOVING_DC = (
    _one(Phase.PAUSED_EVSE, Trigger.LEFT, Phase.LEAVING),
    Row(_CLOSED_DC - {Phase.PAUSED_EVSE}, Trigger.VEHICLE_ENDED, Phase.RAMP_DOWN, reason=StopReason.OTHER),
    Row(_CLOSED_DC - {Phase.PAUSED_EVSE}, Trigger.PILOT_LOST, Phase.OPENING, reason=StopReason.OTHER),
)

_BEGINNING = (
    _one(Phase.IDLE, Trigger.PLUGGED, Phase.WAIT_AUTH),
    _one(Phase.IDLE, Trigger.GRANTED, Phase.WAIT_CABLE),
    _one(Phase.WAIT_CABLE, Trigger.PLUGGED, Phase.WAIT_AUTH),
    _one(Phase.WAIT_CABLE, Trigger.NOT_GRANTED, Phase.IDLE),
    _one(Phase.WAIT_CABLE, Trigger.TIMED_OUT, Phase.IDLE),
    _one(Phase.WAIT_AUTH, Trigger.UNPLUGGED, Phase.IDLE),
    _one(Phase.WAIT_AUTH, Trigger.MAY_START, Phase.LOCKING),
    _one(Phase.WAIT_AUTH, Trigger.NOT_BEGUN, Phase.WAIT_UNPLUG),
    _one(Phase.LOCKING, Trigger.LOCKED, Phase.HANDSHAKE),
    _one(Phase.LOCKING, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "lock-failure", StopReason.OTHER),
)

_PREPARING_DC = (
    _one(Phase.HANDSHAKE, Trigger.WITHHELD, Phase.ASLEEP),
    _one(Phase.HANDSHAKE, Trigger.CABLE_CHECK_ASKED, Phase.CABLE_CHECK),
    _one(Phase.HANDSHAKE, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "handshake-timeout", StopReason.OTHER),
    _one(Phase.HANDSHAKE, Trigger.ASLEEP, Phase.WAKING),
    Row(_PREPARED_DC, Trigger.WITHHELD, Phase.LEAVING),
    _one(Phase.CABLE_CHECK, Trigger.INSULATION_BAD, Phase.OPENING, "insulation-fault", StopReason.OTHER),
    _one(Phase.CABLE_CHECK, Trigger.PRECHARGE_ASKED, Phase.PRECHARGE),
    _one(Phase.CABLE_CHECK, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "cable-check-timeout", StopReason.OTHER),
    _one(Phase.PRECHARGE, Trigger.PRECHARGED, Phase.POWER_DELIVERY),
    _one(Phase.PRECHARGE, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "precharge-timeout", StopReason.OTHER),
    _one(Phase.POWER_DELIVERY, Trigger.CURRENT_ASKED, Phase.DELIVERING),
    _one(Phase.POWER_DELIVERY, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "power-delivery-timeout", StopReason.OTHER),
    _one(Phase.DELIVERING, Trigger.WITHHELD, Phase.PAUSED_EVSE),
)

_APART = (
    _one(Phase.LEAVING, Trigger.LET_GO, Phase.ASLEEP),
    _one(Phase.LEAVING, Trigger.LOADED, Phase.ASLEEP, "ramp-down-timeout"),
    _one(Phase.LEAVING, Trigger.TIMED_OUT, Phase.ASLEEP),
    _one(Phase.ASLEEP, Trigger.ALLOWED_AND_SAFE, Phase.WAKING),
    _one(Phase.ASLEEP, Trigger.UNSAFE, Phase.OPENING, reason=StopReason.OTHER),
    _one(Phase.WAKING, Trigger.WITHHELD, Phase.ASLEEP),
    _one(Phase.WAKING, Trigger.AWAKE, Phase.HANDSHAKE),
    _one(Phase.WAKING, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "wake-timeout", StopReason.OTHER),
)

_PREPARING_AC = (
    Row(frozenset({Phase.DELIVERING, Phase.PAUSING}), Trigger.VENTILATION_ASKED, Phase.PAUSED_EVSE),
    _one(Phase.HANDSHAKE, Trigger.WITHHELD, Phase.PAUSED_EVSE),
    _one(Phase.HANDSHAKE, Trigger.WANTED, Phase.DELIVERING),
    _one(Phase.HANDSHAKE, Trigger.TIMED_OUT, Phase.PAUSED_EV),
    _one(Phase.DELIVERING, Trigger.WITHHELD, Phase.PAUSING),
    _one(Phase.PAUSING, Trigger.WANTED, Phase.DELIVERING),
    _one(Phase.PAUSING, Trigger.CURRENT_LOW, Phase.PAUSED_EVSE),
    _one(Phase.PAUSING, Trigger.TIMED_OUT, Phase.PAUSED_EVSE),
)

_PAUSING = (
    _one(Phase.DELIVERING, Trigger.NOT_WANTED, Phase.PAUSED_EV),
    _one(Phase.PAUSED_EV, Trigger.WITHHELD, Phase.PAUSED_EVSE),
    _one(Phase.PAUSED_EV, Trigger.WANTED, Phase.DELIVERING),
    _one(Phase.PAUSED_EVSE, Trigger.WANTED, Phase.DELIVERING),
    _one(Phase.PAUSED_EVSE, Trigger.ALLOWED_NOT_WANTED, Phase.PAUSED_EV),
)

_WAKING_AC = (
    _one(Phase.PAUSED_EV, Trigger.TIMED_OUT, Phase.WAKING),
    _one(Phase.WAKING, Trigger.WITHHELD, Phase.PAUSED_EVSE),
    _one(Phase.WAKING, Trigger.TIMED_OUT, Phase.PAUSED_EV),
)

_PAUSE_OVERDUE = (_one(Phase.PAUSED_EVSE, Trigger.TIMED_OUT, Phase.LEAVING),)

_RAMPING_DC = (
    _one(Phase.RAMP_DOWN, Trigger.LET_GO, Phase.OPENING),
    _one(Phase.RAMP_DOWN, Trigger.LOADED, Phase.OPENING, "ramp-down-timeout"),
)

_RAMPING_AC = (_one(Phase.RAMP_DOWN, Trigger.CURRENT_LOW, Phase.OPENING),)

_ENDING = (
    _one(Phase.RAMP_DOWN, Trigger.TIMED_OUT, Phase.OPENING),
    _one(Phase.OPENING, Trigger.SAFE, Phase.UNLOCKING),
    _one(Phase.OPENING, Trigger.TIMED_OUT, Phase.UNLOCKING),
    _one(Phase.UNLOCKING, Trigger.UNLOCKED, Phase.WAIT_UNPLUG),
    _one(Phase.UNLOCKING, Trigger.TIMED_OUT, Phase.WAIT_UNPLUG, "unlock-failure"),
    _one(Phase.WAIT_UNPLUG, Trigger.CABLE_GONE, Phase.IDLE),
    _one(Phase.WAIT_UNPLUG, Trigger.GRANTED_ALONE, Phase.WAIT_CABLE),
    _one(Phase.WAIT_UNPLUG, Trigger.GRANTED, Phase.WAIT_AUTH),
)


class EnergyPath:
    """The table of one kind of current, and what its phases mean.

    closed: phases in which the contactor is wished closed while the vehicle is ready; held: those in which a closed one stays so, without
    current being offered; starts: the phase that begins a transaction, by start point. A lock of our own holds before any of them.
    shown_as: phases that have the status of another one here.
    """

    def __init__(
        self,
        name: str,
        rows: tuple[Row, ...],
        *,
        closed: frozenset[Phase],
        held: frozenset[Phase],
        starts: Mapping[StartPoint, Phase],
        shown_as: Mapping[Phase, Phase],
    ) -> None:
        self.name = name
        self.rows = rows
        self.closed = closed
        self.held = held
        self.starts = starts
        self._shown_as = shown_as
        self._by_phase = {phase: tuple((row, CONDITIONS[row.trigger]) for row in rows if phase in row.phases) for phase in Phase}

    def next_row(self, phase: Phase, situation: Situation) -> Row | None:
        """The first row that fits, or None when the phase holds."""
        return next((row for row, fits in self._by_phase[phase] if fits(situation)), None)

    def shown(self, phase: Phase) -> Phase:
        """The phase whose status this one has."""
        return self._shown_as.get(phase, phase)

    def knows(self, phase: Phase) -> bool:
        """The phase belongs to this path: some row leads there, or it is where everything begins."""
        return phase is Phase.IDLE or any(row.target is phase for row in self.rows)


DC = EnergyPath(
    "DC",
    _REMOVING + _REMOVING_DC + _BEGINNING + _PREPARING_DC + _PAUSING + _PAUSE_OVERDUE + _APART + _RAMPING_DC + _ENDING,
    closed=_CLOSED_DC,
    held=frozenset({Phase.RAMP_DOWN, Phase.LEAVING}),
    starts={
        StartPoint.AUTHORIZED: Phase.HANDSHAKE,
        StartPoint.POWER_PATH_CLOSED: Phase.PRECHARGE,
        StartPoint.ENERGY_TRANSFER: Phase.DELIVERING,
    },
    shown_as={Phase.WAKING: Phase.HANDSHAKE},
)

AC = EnergyPath(
    "AC",
    _REMOVING + _BEGINNING + _PREPARING_AC + _PAUSING + _WAKING_AC + _RAMPING_AC + _ENDING,
    closed=frozenset({Phase.DELIVERING}),
    held=frozenset({Phase.RAMP_DOWN, Phase.PAUSING}),
    starts={
        StartPoint.AUTHORIZED: Phase.HANDSHAKE,
        StartPoint.POWER_PATH_CLOSED: Phase.DELIVERING,
        StartPoint.ENERGY_TRANSFER: Phase.DELIVERING,
    },
    shown_as={},
)


def path_of(kind: ConnectorKind) -> EnergyPath:
    """The energy path behind a connector."""
    return AC if kind.is_ac else DC


def stop_s(kind: ConnectorKind, timing: Timing) -> float:
    """The longest that a current may take to fall once it is not offered any more; then the contactor opens under what is left."""
    return timing.mode3_stop_s if kind.is_ac else timing.ramp_down_s
