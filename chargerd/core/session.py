"""The energy path as a table: from which phase, on what, to which phase.

Theory of operation. After each event the connector describes itself as a `Situation`, a handful of claims without numbers. The rows are
tried in order, the first that fits fires, the connector does what entering the new phase means, and the table is asked again until nothing
fires. Order is priority: what removes energy stands first. A row may carry the fault it raises and the stop reason it gives.

There is one table for each kind of current, and they share the rows of every phase that both know alike. Phases up to WAIT_AUTH move
nothing. From LOCKING on the session is energising; whatever goes wrong there leads through OPENING, and only OPENING with the contactor
seen open and the output discharged leads to UNLOCKING. On DC the contactor is closed from the cable check to the end. On AC it follows the
vehicle: it closes when the vehicle asks (pilot C) and opens when it asks no more, without ending the session.

Sources: DIN 70121 and ISO 15118-2 order of phases, IEC 61851-1 annex A, OCPP 1.6, 4.9 for what the phases look like from outside
(`status.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from chargerd.core.events import StopReason
from chargerd.core.facts import Phase
from chargerd.core.settings import ConnectorKind, StartPoint, Timing


@dataclass(slots=True, kw_only=True)  # made anew at every event, which a frozen one would make three times as dear
class Situation:
    """One connector in claims; what the rows ask about."""

    is_plugged: bool
    is_unplugged: bool  # pilot A; a pilot that cannot be read is neither
    is_cable_gone: bool  # pilot A, and no plug left in a socket of ours
    ends_by_unplugging: bool  # pilot A where that ends a session
    is_pilot_ready: bool  # C or D
    is_granted: bool
    may_start: bool  # granted, plugged, operative, nothing blocks
    is_asking: bool  # a token is being checked
    is_tripped: bool
    is_stopping: bool
    is_locked: bool  # or there is no lock of ours
    is_unlocked: bool  # or there is no lock of ours
    asks_cable_check: bool
    asks_precharge: bool
    asks_current: bool
    has_vehicle_ended: bool
    is_insulation_safe: bool
    is_insulation_bad: bool
    wants_current: bool
    is_withheld: bool  # our limit is below the least that can be given, the token is not valid any more, or ventilation is asked for
    asks_ventilation: bool  # AC: pilot D
    is_current_low: bool
    is_safe_to_unlock: bool  # contactor open, output discharged, register read
    is_timed_out: bool


class Trigger(Enum):
    """The conditions of the table, by the words that the drawing uses."""

    TRIPPED = "trip"
    UNPLUGGED = "vehicle unplugged"
    CABLE_GONE = "cable removed"
    ENDED_BY_UNPLUGGING = "unplugged, which ends it"
    LOCK_LOST = "lock no longer holds"
    PILOT_LOST = "pilot no longer C or D"
    STOPPING = "stop asked"
    PLUGGED = "cable plugged"
    GRANTED_ALONE = "granted, no vehicle"
    GRANTED = "granted"
    NOT_GRANTED = "grant withdrawn"
    MAY_START = "granted, plugged, nothing blocks"
    NOT_BEGUN = "time out, no token being checked"
    LOCKED = "locked"
    CABLE_CHECK_ASKED = "vehicle asks for the cable check"
    INSULATION_BAD = "insulation too low"
    PRECHARGE_ASKED = "insulation safe, vehicle asks for precharge"
    CURRENT_ASKED = "vehicle is ready for current"
    VEHICLE_ENDED = "vehicle ends"
    WITHHELD = "no current allowed"
    NOT_WANTED = "vehicle asks nothing"
    WANTED = "vehicle asks, current allowed"
    ALLOWED_NOT_WANTED = "current allowed, vehicle asks nothing"
    VENTILATION_ASKED = "vehicle asks for ventilation"
    CURRENT_LOW = "current low"
    SAFE = "open and discharged"
    UNLOCKED = "unlocked"
    TIMED_OUT = "time out"


CONDITIONS: dict[Trigger, Callable[[Situation], bool]] = {
    Trigger.TRIPPED: lambda s: s.is_tripped,
    Trigger.UNPLUGGED: lambda s: s.is_unplugged,
    Trigger.CABLE_GONE: lambda s: s.is_cable_gone,
    Trigger.ENDED_BY_UNPLUGGING: lambda s: s.ends_by_unplugging,
    Trigger.LOCK_LOST: lambda s: not s.is_locked,
    Trigger.PILOT_LOST: lambda s: not s.is_pilot_ready,
    Trigger.STOPPING: lambda s: s.is_stopping,
    Trigger.PLUGGED: lambda s: s.is_plugged,
    Trigger.GRANTED_ALONE: lambda s: s.is_granted and s.is_unplugged,
    Trigger.GRANTED: lambda s: s.is_granted,
    Trigger.NOT_GRANTED: lambda s: not s.is_granted,
    Trigger.MAY_START: lambda s: s.may_start,
    Trigger.NOT_BEGUN: lambda s: s.is_timed_out and not s.is_asking,
    Trigger.LOCKED: lambda s: s.is_locked,
    Trigger.CABLE_CHECK_ASKED: lambda s: s.asks_cable_check and s.is_pilot_ready,
    Trigger.INSULATION_BAD: lambda s: s.is_insulation_bad,
    Trigger.PRECHARGE_ASKED: lambda s: s.asks_precharge and s.is_insulation_safe,
    Trigger.CURRENT_ASKED: lambda s: s.asks_current,
    Trigger.VEHICLE_ENDED: lambda s: s.has_vehicle_ended,
    Trigger.WITHHELD: lambda s: s.is_withheld,
    Trigger.NOT_WANTED: lambda s: not s.wants_current,
    Trigger.WANTED: lambda s: s.wants_current and not s.is_withheld,
    Trigger.ALLOWED_NOT_WANTED: lambda s: not s.wants_current and not s.is_withheld,
    Trigger.VENTILATION_ASKED: lambda s: s.asks_ventilation,
    Trigger.CURRENT_LOW: lambda s: s.is_current_low,
    Trigger.SAFE: lambda s: s.is_safe_to_unlock,
    Trigger.UNLOCKED: lambda s: s.is_unlocked,
    Trigger.TIMED_OUT: lambda s: s.is_timed_out,
}

_CLOSED_DC = frozenset({Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.DELIVERING, Phase.PAUSED_EV, Phase.PAUSED_EVSE})

ENERGISING = _CLOSED_DC | {Phase.LOCKING, Phase.HANDSHAKE, Phase.PAUSING, Phase.WAKING}
"""Phases that lead to energy: every stop in one of these goes through OPENING."""

HOLDING_LOCK = ENERGISING | {Phase.RAMP_DOWN, Phase.OPENING}
"""Phases in which a plug is held, or about to be, because it may be live."""

IN_SESSION = HOLDING_LOCK | {Phase.UNLOCKING}


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
    Row(_CLOSED_DC, Trigger.VEHICLE_ENDED, Phase.RAMP_DOWN, reason=StopReason.OTHER),
    Row(_CLOSED_DC, Trigger.PILOT_LOST, Phase.OPENING, reason=StopReason.OTHER),
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
    _one(Phase.HANDSHAKE, Trigger.CABLE_CHECK_ASKED, Phase.CABLE_CHECK),
    _one(Phase.HANDSHAKE, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "handshake-timeout", StopReason.OTHER),
    _one(Phase.CABLE_CHECK, Trigger.INSULATION_BAD, Phase.OPENING, "insulation-fault", StopReason.OTHER),
    _one(Phase.CABLE_CHECK, Trigger.PRECHARGE_ASKED, Phase.PRECHARGE),
    _one(Phase.CABLE_CHECK, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "cable-check-timeout", StopReason.OTHER),
    _one(Phase.PRECHARGE, Trigger.CURRENT_ASKED, Phase.DELIVERING),
    _one(Phase.PRECHARGE, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "precharge-timeout", StopReason.OTHER),
    _one(Phase.DELIVERING, Trigger.WITHHELD, Phase.PAUSED_EVSE),
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

_ENDING = (
    _one(Phase.RAMP_DOWN, Trigger.CURRENT_LOW, Phase.OPENING),
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
    """

    def __init__(
        self, name: str, rows: tuple[Row, ...], *, closed: frozenset[Phase], held: frozenset[Phase], starts: Mapping[StartPoint, Phase]
    ) -> None:
        self.name = name
        self.rows = rows
        self.closed = closed
        self.held = held
        self.starts = starts
        self._by_phase = {phase: tuple((row, CONDITIONS[row.trigger]) for row in rows if phase in row.phases) for phase in Phase}

    def next_row(self, phase: Phase, situation: Situation) -> Row | None:
        """The first row that fits, or None when the phase holds."""
        return next((row for row, fits in self._by_phase[phase] if fits(situation)), None)

    def knows(self, phase: Phase) -> bool:
        """The phase belongs to this path: some row leads there, or it is where everything begins."""
        return phase is Phase.IDLE or any(row.target is phase for row in self.rows)


DC = EnergyPath(
    "DC",
    _REMOVING + _REMOVING_DC + _BEGINNING + _PREPARING_DC + _PAUSING + _ENDING,
    closed=_CLOSED_DC,
    held=frozenset({Phase.RAMP_DOWN}),
    starts={
        StartPoint.AUTHORIZED: Phase.HANDSHAKE,
        StartPoint.POWER_PATH_CLOSED: Phase.PRECHARGE,
        StartPoint.ENERGY_TRANSFER: Phase.DELIVERING,
    },
)

AC = EnergyPath(
    "AC",
    _REMOVING + _BEGINNING + _PREPARING_AC + _PAUSING + _WAKING_AC + _ENDING,
    closed=frozenset({Phase.DELIVERING}),
    held=frozenset({Phase.RAMP_DOWN, Phase.PAUSING}),
    starts={
        StartPoint.AUTHORIZED: Phase.HANDSHAKE,
        StartPoint.POWER_PATH_CLOSED: Phase.DELIVERING,
        StartPoint.ENERGY_TRANSFER: Phase.DELIVERING,
    },
)


def path_of(kind: ConnectorKind) -> EnergyPath:
    """The energy path behind a connector."""
    return AC if kind.is_ac else DC


def stop_s(kind: ConnectorKind, timing: Timing) -> float:
    """The longest that a current may take to fall once it is not offered any more; then the contactor opens under what is left."""
    return timing.mode3_stop_s if kind.is_ac else timing.ramp_down_s
