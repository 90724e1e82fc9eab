"""Every kind of device at once, on wires, failing at random: an hour in virtual time, a moment in real time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from chargerd.sim.rig import Mode
from chargerd.sim.virtual_loop import run_virtual
from tests.soak.run import Soaked, soak

VIRTUAL_S = float(os.environ.get("SOAK_S") or 900.0)
REAL_S = 45.0


def judge(soaked: Soaked) -> None:
    assert soaked.problems == []
    assert soaked.charged > 0
    for books in soaked.books.values():
        assert books.bills
        assert books.given_wh == sum(bill.stop_wh - bill.start_wh for bill in books.bills) + sum(wh for _, wh in books.unbilled())


@pytest.mark.timeout(900)
def test_an_hour_of_failing_devices(tmp_path: Path) -> None:
    """No energy without permission, none unaccounted for, every long outage reported, everything cleared. `SOAK_S`: seconds."""
    seed = int(os.environ.get("SEED") or 11)
    try:
        soaked = run_virtual(soak(Mode.MEMORY_WIRES, tmp_path, VIRTUAL_S, seed), executor_latency_s=0.004)
        judge(soaked)
        assert soaked.told >= VIRTUAL_S / 200.0
    except BaseException as error:
        error.add_note(f"to repeat: SEED={seed} SOAK_S={VIRTUAL_S:g}")
        raise


def test_a_moment_on_real_wires(tmp_path: Path) -> None:
    """The same station over pseudo terminals, multicast and sockets, with the peers in a process of their own; `make soak` takes longer."""
    judge(asyncio.run(soak(Mode.WIRES, tmp_path, REAL_S, 5)))
