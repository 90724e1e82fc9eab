"""How faults end: with their cause, with the cable, or by the hand of a technician who has seen that the cause is gone."""

from __future__ import annotations

import pytest

from chargerd.core.events import ClearFault, DeviceBack, DeviceLost, RaiseFault, Role
from chargerd.core.faults import FAULTS, FaultSet
from tests.support.core_bench import ONE, CoreBench
from tests.unit.core.test_rules import opened_bench


@pytest.mark.parametrize("code", FAULTS)
def test_a_cause_that_is_still_there_cannot_be_cleared(code: str) -> None:
    """But for what unplugging clears anyway; a latching fault stays when its cause has gone, until it is cleared."""
    row, faults = FAULTS[code], FaultSet()
    faults.raise_(code)
    assert bool(faults.clear(code)) is not row.clears_on_unplug
    faults.raise_(code)
    assert faults.condition_over(code) is not row.is_latching
    assert bool(faults.clear(code)) is not row.is_latching


def test_a_fault_from_outside_stays_until_it_is_cleared() -> None:
    """Nothing else says that it is over."""
    bench = CoreBench()
    bench.send(RaiseFault(ONE, "self-test"))
    assert bench.send(ClearFault(ONE, "self-test")).is_accepted
    assert not bench.send(ClearFault(ONE, "self-test")).is_accepted


def test_a_silent_device_cannot_be_wished_away() -> None:
    """A lock that does not answer may hold a plug or not: no session begins before it speaks again, whoever clears what."""
    bench = CoreBench()
    bench.send(DeviceLost(ONE, Role.LOCK, "lock1"))
    reply = bench.send(ClearFault(ONE, "lock-silent"))
    assert (reply.is_accepted, "still there" in reply.reason) == (False, True)
    bench.send(DeviceBack(ONE, Role.LOCK, "lock1"))
    assert bench.statuses()[-1] == "Available"


def test_an_output_that_has_discharged_at_last_can_be_cleared() -> None:
    """Not while voltage stands there; once it is seen to be gone, by the technician."""
    bench = opened_bench()
    for _ in range(8):
        bench.mono_s += 1.0
        bench.supply(ONE, 390.0)
    assert not bench.send(ClearFault(ONE, "not-discharged")).is_accepted
    bench.supply(ONE, 12.0)
    bench.freshen(ONE)
    assert bench.statuses()[-1] == "Faulted"
    assert bench.send(ClearFault(ONE, "not-discharged")).is_accepted
    assert bench.statuses()[-1] == "Finishing"
