"""The motor of a connector lock: when it runs which way, from what is wanted and what the end switches say. Pure; time is an argument.

    RESTING --(not where it should be, rested, tries left)--> PULSE --(end switch, or time over)--> LOOKING --> RESTING

A pulse ends at the end switch of its direction. Without one (many locks tell only that they are locked) it runs its whole time, as leaving
the other end is not arriving at this one. After a pulse the switch has a moment to follow; a pulse that moved nothing is a failed try. What
is wanted anew begins with all tries. A motor stands still for a multiple of the time it ran, whatever is wanted.
Source: data sheets of Type 2 socket locks (pulses of at most 3 s, pauses of at least eight pulses).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from hal.types import LockState, Range

_NEVER = float("-inf")
_SOON_S = 1e-6  # a timer may ring a rounding early


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """pause_pulses: how long the motor rests after a pulse, in lengths of that pulse."""

    pulse_s: Annotated[float, Range(0.05, 3.0, "s")] = 0.5
    pause_pulses: Annotated[float, Range(8, 100)] = 8.0
    feedback_s: Annotated[float, Range(0.0, 0.5, "s")] = 0.5
    retries: Annotated[int, Range(0, 10)] = 3


class Drive(Enum):
    """What the motor does; the bridge behind it never gets both directions."""

    OFF = "off"
    LOCK = "lock"
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class Switches:
    """The end switches. `is_unlocked` None: the lock has only the one that says that it is locked."""

    is_locked: bool
    is_unlocked: bool | None = None

    @property
    def position(self) -> LockState:
        """Where the bolt is; FAILED when the switches contradict each other, UNKNOWN between them."""
        if self.is_locked:
            return LockState.FAILED if self.is_unlocked else LockState.LOCKED
        return LockState.UNKNOWN if self.is_unlocked is False else LockState.UNLOCKED

    def tells(self, position: LockState) -> bool:
        """Arriving at this end is seen by a switch of its own."""
        return position is LockState.LOCKED or self.is_unlocked is not None


class _Phase(Enum):
    RESTING = "resting"
    PULSE = "pulse"
    LOOKING = "looking"


class LockMotor:
    """See the module. `state` is what to tell: the position, or FAILED when all tries are used or the switches contradict each other."""

    def __init__(self, options: LockOptions) -> None:
        self.state = LockState.UNKNOWN
        self.drive = Drive.OFF
        self._options = options
        self._target: LockState | None = None  # None: nothing is wanted yet, the bolt stays where it is
        self._phase = _Phase.RESTING
        self._began_s = _NEVER  # of the pulse
        self._until_s = _NEVER  # of the pulse, or of the look at the switch
        self._rested_s = _NEVER  # when it may run again
        self._failed_tries = 0
        self._may_run = False  # as soon as it has rested

    def want(self, *, is_locked: bool, now_s: float) -> None:
        """Bring the bolt there, with all tries; wanted once more after a failure, it is tried once more."""
        target = LockState.LOCKED if is_locked else LockState.UNLOCKED
        if target is not self._target:
            self.halt(now_s)
        self._target = target
        self._failed_tries = 0

    def halt(self, now_s: float) -> None:
        """Off at once; a pulse that is cut short is no try."""
        if self._phase is _Phase.PULSE:
            self._end_pulse(now_s)
        self._phase = _Phase.RESTING

    def step(self, switches: Switches, now_s: float) -> Drive:
        """One look at the switches: what the motor does from now on."""
        position = switches.position
        is_over = now_s >= self._until_s - _SOON_S
        if self._phase is _Phase.PULSE and (is_over or self._has_arrived(switches)):
            self._end_pulse(now_s)
            is_over = False
        if self._phase is _Phase.LOOKING and (is_over or position is self._target):
            self._failed_tries = 0 if position is self._target else self._failed_tries + 1
            self._phase = _Phase.RESTING
        is_there = self._target in (None, position)
        has_given_up = self._failed_tries > self._options.retries
        self._may_run = not is_there and not has_given_up and position is not LockState.FAILED
        if self._phase is _Phase.RESTING and self._may_run and now_s >= self._rested_s - _SOON_S:
            self._begin_pulse(now_s)
        self.state = LockState.FAILED if has_given_up and not is_there else position
        return self.drive

    @property
    def deadline_s(self) -> float | None:
        """When to step next, should nothing move before; None: never by itself."""
        if self._phase is not _Phase.RESTING:
            return self._until_s
        return self._rested_s if self._may_run else None

    def _has_arrived(self, switches: Switches) -> bool:
        """At the end, or where no switch can be believed."""
        position = switches.position
        return position is LockState.FAILED or (position is self._target and switches.tells(position))

    def _begin_pulse(self, now_s: float) -> None:
        self._phase = _Phase.PULSE
        self.drive = Drive.LOCK if self._target is LockState.LOCKED else Drive.UNLOCK
        self._began_s, self._until_s = now_s, now_s + self._options.pulse_s

    def _end_pulse(self, now_s: float) -> None:
        self._phase = _Phase.LOOKING
        self.drive = Drive.OFF
        self._rested_s = now_s + self._options.pause_pulses * (now_s - self._began_s)
        self._until_s = now_s + self._options.feedback_s
