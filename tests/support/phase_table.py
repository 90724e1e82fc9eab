"""The phases of a session as Markdown, drawn from the tables that run them."""

from __future__ import annotations

from collections.abc import Collection

from chargerd.core.facts import Phase
from chargerd.core.session import AC, DC, ENERGISING, IN_SESSION, EnergyPath, Row
from chargerd.core.status import connector_status


def phases() -> str:
    """What each phase means for the hardware, and how it looks to the central system."""
    lines = ["| phase | kind | DC contactor | AC contactor | lock of our own | status |", "|---|---|---|---|---|---|"]
    for phase in Phase:
        kind = "energising" if phase in ENERGISING else "in session" if phase in IN_SESSION else "rest"
        lock = "opens" if phase is Phase.UNLOCKING else "locked" if phase in IN_SESSION else "open"
        shown = {connector_status(path.shown(phase), None, is_operative=True).value: None for path in (DC, AC) if path.knows(phase)}
        status = " / ".join(shown)
        lines.append(f"| {phase.value} | {kind} | {_contactor(DC, phase)} | {_contactor(AC, phase)} | {lock} | {status} |")
    return "\n".join(lines)


def _contactor(path: EnergyPath, phase: Phase) -> str:
    if not path.knows(phase):
        return "–"
    return "closed" if phase in path.closed else "held until the current is low" if phase in path.held else "open"


def table() -> str:
    """Every row of both paths, each path's in the order in which they are tried."""
    lines = ["| path | in phase | on | to phase | fault | stop reason |", "|---|---|---|---|---|---|"]
    rows = [*DC.rows, *(row for row in AC.rows if row not in DC.rows)]
    return "\n".join([*lines, *(_line(row) for row in sorted(rows, key=lambda row: _place(row, rows)))])


def _place(row: Row, rows: list[Row]) -> tuple[int, int]:
    """Rows of AC alone stand before the first shared row that is tried after them."""
    if row in DC.rows:
        return DC.rows.index(row), 1
    after = next(one for one in AC.rows[AC.rows.index(row) :] if one in DC.rows)
    return DC.rows.index(after), 0


def _line(row: Row) -> str:
    fault = f"`{row.fault}`" if row.fault else ""
    reason = row.reason.value if row.reason is not None else ""
    path = "both" if row in DC.rows and row in AC.rows else "DC" if row in DC.rows else "AC"
    return f"| {path} | {_words(row.phases)} | {row.trigger.value} | {row.target.value} | {fault} | {reason} |"


def _words(phases_of_row: Collection[Phase]) -> str:
    """The phases of a row; a whole group by its name."""
    left, words = set(phases_of_row), []
    for name, group in _GROUPS.items():
        if group <= left:
            words.append(name)
            left -= group
    return ", ".join([*words, *(phase.value for phase in Phase if phase in left)])


_GROUPS = {
    "any energising phase": ENERGISING,
    "any energising phase after locking": ENERGISING - {Phase.LOCKING},
    "any phase with the contactor closed": DC.closed,
    "any phase with the contactor closed but paused-evse": DC.closed - {Phase.PAUSED_EVSE},
}
