"""Slow timers that wake the process together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.runtime.pace import to_next_s


@given(st.floats(0.0, 1e7), st.floats(0.0, 1e7))
def test_who_waits_for_the_same_period_wakes_at_the_same_instants(first_s: float, second_s: float) -> None:
    """Whenever two begin to wait, their instants differ by whole periods."""
    apart_s = (first_s + to_next_s(1.0, first_s)) - (second_s + to_next_s(1.0, second_s))
    assert apart_s == pytest.approx(round(apart_s), abs=1e-6)


@given(st.floats(0.0, 1e7), st.floats(0.01, 60.0))
def test_the_wait_is_about_the_period_at_most(now_s: float, period_s: float) -> None:
    """Never so short that a timer which fires a little early fires twice, never much longer than asked for."""
    assert period_s / 10 < to_next_s(period_s, now_s) <= 1.1 * period_s + 1e-6
