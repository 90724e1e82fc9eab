"""Every fault of the catalogue, provoked on each kind of station that can have it: it is found, told and answered in time, and charging
goes on once its cause has gone.

What must follow, and how soon, is what `chargerd/core/reactions.py` says to the technician; how a fault is provoked stands in
`tests/support/fault_provocations.py`. Time counts from the fact that tells of the fault.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chargerd.core.faults import FAULTS, On
from chargerd.sim.virtual_loop import run_virtual
from tests.support.fault_cases import Case, staged
from tests.support.fault_provocations import CASES, PROVOCATIONS, STAGES, Provocation
from tests.support.station_bench import COMMIT_S


def test_every_fault_is_provoked_on_every_kind_that_can_have_it() -> None:
    """A new row of the table needs a provocation; one of a fault that no longer exists is forgotten."""
    missing = [
        f"{code} on {kind.value}"
        for code, row in FAULTS.items()
        for kind in (On.DC, On.AC)
        if row.on in (On.BOTH, kind) and kind not in {STAGES[name].on for one in PROVOCATIONS.get(code, ()) for name in one.stations}
    ]
    assert missing == []
    assert set(PROVOCATIONS) <= set(FAULTS)


def test_every_row_says_how_its_fault_is_found() -> None:
    """Nothing in the catalogue is empty."""
    for code, row in FAULTS.items():
        assert all(text.endswith((".", "?")) for text in (row.cause, row.detection, row.remedy)), code


@pytest.mark.parametrize(("code", "name", "provocation"), CASES, ids=[f"{code}-{name}" for code, name, _ in CASES])
def test_the_fault_is_answered_in_time(code: str, name: str, provocation: Provocation, tmp_path: Path) -> None:
    """Found within its time, everything in its row true within its deadline, and a new session charges when its cause has gone."""

    async def main() -> None:
        async with staged(tmp_path, STAGES[name]) as station:
            case = Case(station, code, provocation)
            await case.provoke()
            await case.judge()
            await case.go_back()

    run_virtual(main(), executor_latency_s=COMMIT_S)
