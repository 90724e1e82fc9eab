"""The phases of a session as Markdown, drawn from the table that runs them."""

from __future__ import annotations

from collections.abc import Collection

from chargerd.core.facts import Phase
from chargerd.core.session import CLOSED, ENERGISING, IN_SESSION, TABLE, Row
from chargerd.core.status import connector_status


def phases() -> str:
    """What each phase means for the hardware, and how it looks to the central system."""
    lines = ["| phase | kind | contactor | lock of our own | status |", "|---|---|---|---|---|"]
    for phase in Phase:
        kind = "energising" if phase in ENERGISING else "in session" if phase in IN_SESSION else "rest"
        contactor, lock = "closed" if phase in CLOSED else "open", "locked" if phase in IN_SESSION else "open"
        contactor, lock = _EXCEPTIONS.get(phase, (contactor, lock))
        status = connector_status(phase, None, is_operative=True).value
        lines.append(f"| {phase.value} | {kind} | {contactor} | {lock} | {status} |")
    return "\n".join(lines)


_EXCEPTIONS = {
    Phase.RAMP_DOWN: ("held until the current is low", "locked"),
    Phase.UNLOCKING: ("open", "opens"),
}


def table() -> str:
    """Every row, in the order in which they are tried."""
    lines = ["| in phase | on | to phase | fault | stop reason |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *map(_line, TABLE)])


def _line(row: Row) -> str:
    fault = f"`{row.fault}`" if row.fault else ""
    reason = row.reason.value if row.reason is not None else ""
    return f"| {_words(row.phases)} | {row.trigger.value} | {row.target.value} | {fault} | {reason} |"


def _words(phases_of_row: Collection[Phase]) -> str:
    """The phases of a row; a whole group by its name."""
    left, words = set(phases_of_row), []
    for name, group in (("any energising phase", ENERGISING), ("any phase with the contactor closed", CLOSED)):
        if group <= left:
            words.append(name)
            left -= group
    return ", ".join([*words, *(phase.value for phase in Phase if phase in left)])
