"""The fault catalogue as a Markdown table, drawn from `chargerd/core/faults.py`: `python -m chargerd.app.fault_table`.

Times are those of the defaults.
"""

from __future__ import annotations

import sys

from chargerd.core.faults import FAULTS, FaultRow
from chargerd.core.reactions import Claim, end, reactions, stop_reason
from chargerd.core.settings import Timing
from chargerd.safety.gate import GateOptions

_COLUMNS = ("code", "on", "cause", "detection", "reaction", "OCPP error code", "reason in StopTransaction", "ends", "remedy")


def table() -> str:
    """One row a fault, the worst first, in the order of the code within a severity."""
    rows = sorted(FAULTS.items(), key=lambda item: -item[1].severity)
    return "\n".join([_line(_COLUMNS), "|---" * len(_COLUMNS) + "|", *(_line(_cells(code, row)) for code, row in rows)])


def _cells(code: str, row: FaultRow) -> tuple[str, ...]:
    reason = stop_reason(code)
    return (
        f"`{code}`",
        row.on.value,
        row.cause,
        row.detection,
        reaction(code),
        row.error_code,
        reason.value if reason is not None else "–",
        end(code),
        row.remedy,
    )


def reaction(code: str) -> str:
    """What follows, with its deadlines; that it is told needs no word in a table of what is told."""
    following = reactions(code, Timing(), GateOptions().open_s)
    return "; ".join(one.words() for one in following if one.claim is not Claim.TOLD) or "told with the status"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
