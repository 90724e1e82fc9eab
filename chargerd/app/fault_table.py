"""The faults as a Markdown table, drawn from `chargerd/core/faults.py`: `python -m chargerd.app.fault_table`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from chargerd.core.faults import FAULTS, FaultRow, Severity

EFFECTS: Mapping[Severity, str] = {
    Severity.NOTE: "none: shown only",
    Severity.BLOCK: "no new session; a running one goes on",
    Severity.STOP: "the session ends in order, no new one",
    Severity.TRIP: "contactor open at once, the session ends, no new one",
}


def table() -> str:
    """One row a fault, the worst first, in the order of the code within a severity."""
    rows = sorted(FAULTS.items(), key=lambda item: -item[1].severity)
    head = "| code | OCPP error code | effect | reason in StopTransaction | ends | cause | remedy |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, *(_line(code, row) for code, row in rows)])


def _line(code: str, row: FaultRow) -> str:
    reason = row.stop_reason.value if row.severity >= Severity.STOP else "–"
    return f"| `{code}` | {row.error_code} | {EFFECTS[row.severity]} | {reason} | {_end(row)} | {row.cause} | {row.remedy} |"


def _end(row: FaultRow) -> str:
    if row.is_latching:
        return "cleared by a technician, once the cause is gone"
    return "when the vehicle is unplugged, at the latest" if row.clears_on_unplug else "with the cause"


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
