"""What the rows of the phase tables ask: a connector in claims, and the conditions over them by the words that people read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


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
    has_precharged: bool  # it says that it begins
    asks_current: bool
    has_vehicle_ended: bool
    has_left: bool  # the loop, in whatever way but an emergency
    is_asleep: bool  # plugged, and no dialogue with it
    has_let_go: bool  # an ordinary end: it has opened its own contactor, or we do not wait for that
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
    PRECHARGED = "vehicle has precharged"
    CURRENT_ASKED = "vehicle is ready for current"
    VEHICLE_ENDED = "vehicle ends"
    LEFT = "vehicle leaves the loop"
    ASLEEP = "vehicle sleeps"
    AWAKE = "vehicle is awake"
    ALLOWED_AND_SAFE = "current allowed, open and discharged"
    LET_GO = "current low, vehicle has let go"
    LOADED = "time out, current not low"
    UNSAFE = "time out, not open and discharged"
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
    Trigger.PRECHARGED: lambda s: s.has_precharged,
    Trigger.CURRENT_ASKED: lambda s: s.asks_current,
    Trigger.VEHICLE_ENDED: lambda s: s.has_vehicle_ended,
    Trigger.LEFT: lambda s: s.has_left,
    Trigger.ASLEEP: lambda s: s.is_asleep,
    Trigger.AWAKE: lambda s: not s.is_asleep,
    Trigger.ALLOWED_AND_SAFE: lambda s: not s.is_withheld and s.is_safe_to_unlock,
    Trigger.LET_GO: lambda s: s.is_current_low and s.has_let_go,
    Trigger.LOADED: lambda s: s.is_timed_out and not s.is_current_low,
    Trigger.UNSAFE: lambda s: s.is_timed_out and not s.is_safe_to_unlock,
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
