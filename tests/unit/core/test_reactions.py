"""What must follow from a fault is derived: from its severity, from the phase table, and from when it is found."""

from __future__ import annotations

import pytest

from chargerd.core.events import StopReason
from chargerd.core.faults import FAULTS, Severity
from chargerd.core.reactions import Claim, Reaction, end, reactions, stop_reason
from chargerd.core.session import AC, DC
from chargerd.core.settings import Timing

TIMING = Timing(ramp_down_s=4.0, opening_s=3.0, power_loss_s=1.0)
GOES_ON = [Reaction(Claim.TOLD), Reaction(Claim.GOES_ON)]
OFF = [Reaction(Claim.TOLD), Reaction(Claim.NO_CURRENT)]
ENDS = [*OFF, Reaction(Claim.ORDERED, 4.0), Reaction(Claim.OPEN, 4.5), Reaction(Claim.ENDED, 7.0)]
ENDS_SOON = [*OFF, Reaction(Claim.ORDERED, 1.0), Reaction(Claim.OPEN, 1.5), Reaction(Claim.ENDED, 4.0)]  # while mains are gone
TRIPS = [*OFF, Reaction(Claim.ORDERED), Reaction(Claim.OPEN, 0.5), Reaction(Claim.ENDED, 3.0)]
REFUSED, HELD = Reaction(Claim.REFUSED), Reaction(Claim.HELD)


@pytest.mark.parametrize(
    ("code", "expected", "reason"),
    [
        ("door-open", [*TRIPS, REFUSED], StopReason.EMERGENCY_STOP),
        ("meter-silent", [*ENDS, REFUSED], StopReason.OTHER),
        ("modules-unpowered", [*ENDS_SOON, REFUSED], StopReason.POWER_LOSS),
        ("storage", [*GOES_ON, REFUSED], None),
        ("module-fan-fault", GOES_ON, None),
        ("ventilation-required", [Reaction(Claim.TOLD), Reaction(Claim.WAITS)], None),
        ("precharge-timeout", ENDS, StopReason.OTHER),  # a note, but the phase table ends the session with it
        ("unlock-failure", [Reaction(Claim.TOLD)], None),
        ("contactor-welded", [one for one in ENDS if one.claim is not Claim.OPEN] + [REFUSED, HELD], StopReason.OTHER),
        ("not-discharged", [Reaction(Claim.TOLD), REFUSED, HELD], None),
    ],
)
def test_what_follows(code: str, expected: list[Reaction], reason: StopReason | None) -> None:
    """A trip opens at once, a stop lets the current fall first, the rest goes on; the stop says why."""
    assert list(reactions(code, TIMING, open_s=0.5)) == expected
    assert stop_reason(code) is reason


def test_the_phase_table_and_the_faults_give_the_same_reason() -> None:
    """A row of the phase table that raises a fault which stops gives the reason of that fault."""
    rows = [row for path in (DC, AC) for row in path.rows if row.fault and FAULTS[row.fault].severity >= Severity.STOP]
    assert rows
    assert all(row.reason is FAULTS[row.fault].stop_reason for row in rows)


def test_every_fault_ends_somehow() -> None:
    """By one of three ways, and one that latches by no other."""
    assert {end(code) for code in FAULTS} == {
        "cleared by a technician, once the cause is gone",
        "when the vehicle is unplugged, at the latest",
        "with the cause",
    }
    assert not [code for code, row in FAULTS.items() if row.is_latching and row.clears_on_unplug]
