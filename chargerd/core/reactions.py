"""What must be true of a station after a fault, and how soon: derived from its row, the phase table and the times of the station.

Theory of operation. The severity decides. A trip opens at once; a stop gives the current time to fall first; a block and a note leave a
running session alone. A note that the phase table raises when it ends a session ends it as a stop does, and what is found when a session
ends anyway ends nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from chargerd.core.events import StopReason
from chargerd.core.faults import FAULTS, Severity
from chargerd.core.session import AC, DC, HOLDING_LOCK
from chargerd.core.settings import Timing


class Claim(Enum):
    """What is true then, in words."""

    TOLD = "told with the status"
    NO_CURRENT = "no current"  # is asked of the modules, or offered to the vehicle
    ORDERED = "contactor told to open"
    OPEN = "contactor open"
    ENDED = "transaction closed"
    REFUSED = "no new session"
    HELD = "plug stays locked"
    GOES_ON = "a running session goes on"
    WAITS = "a running session waits"


@dataclass(frozen=True, slots=True)
class Reaction:
    """within_s: after the fault was found; 0: in the same step."""

    claim: Claim
    within_s: float = 0.0

    def words(self) -> str:
        """For people."""
        if self.claim not in _TIMED:
            return self.claim.value
        return f"{self.claim.value} {f'within {self.within_s:g} s' if self.within_s else 'at once'}"


_TIMED = (Claim.NO_CURRENT, Claim.ORDERED, Claim.OPEN, Claim.ENDED)
_ENDING = {row.fault: row.reason for path in (DC, AC) for row in path.rows if row.fault and row.phases & HOLDING_LOCK}


def ends_session(code: str) -> bool:
    """Whether a session that runs ends by this fault."""
    row = FAULTS[code]
    return not row.is_found_at_end and (row.severity >= Severity.STOP or code in _ENDING)


def stop_reason(code: str) -> StopReason | None:
    """What StopTransaction says when a session ends by this fault; None: it does not end one."""
    return (_ENDING.get(code) or FAULTS[code].stop_reason) if ends_session(code) else None


def end(code: str) -> str:
    """What has to happen for the fault to end, in words."""
    row = FAULTS[code]
    if row.is_latching:
        return "cleared by a technician, once the cause is gone"
    return "when the vehicle is unplugged, at the latest" if row.clears_on_unplug else "with the cause"


def reactions(code: str, timing: Timing, open_s: float) -> tuple[Reaction, ...]:
    """All that must follow. open_s: what the gate gives a contactor to open."""
    row = FAULTS[code]
    longest_s = timing.power_loss_s if row.stop_reason is StopReason.POWER_LOSS else timing.ramp_down_s
    falls_s = 0.0 if row.severity is Severity.TRIP else longest_s
    ending = (
        Reaction(Claim.NO_CURRENT),
        Reaction(Claim.ORDERED, falls_s),
        *(() if row.cannot_open else (Reaction(Claim.OPEN, falls_s + open_s),)),
        Reaction(Claim.ENDED, falls_s + timing.opening_s),
    )
    going_on = () if row.is_found_at_end else (Reaction(Claim.WAITS if row.suspends else Claim.GOES_ON),)
    return (
        Reaction(Claim.TOLD),
        *(ending if ends_session(code) else going_on),
        *((Reaction(Claim.REFUSED),) if row.severity >= Severity.BLOCK else ()),
        *((Reaction(Claim.HELD),) if row.holds_plug else ()),
    )
