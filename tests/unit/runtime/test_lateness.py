"""The histogram of how late the loop is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.runtime.lateness import EDGES_MS, Lateness


def test_nothing_is_known_before_the_first_beat() -> None:
    """No percentile of nothing."""
    view = Lateness().view()
    assert (view.median_ms, view.p99_ms, view.worst_ms, sum(view.counts)) == (None, None, 0.0, 0)


@pytest.mark.parametrize(("late_s", "place"), [(0.0, 0), (0.001, 0), (0.0011, 1), (0.01, 3), (0.0101, 4), (0.5, 8), (7.0, 9)])
def test_each_delay_is_in_its_class(late_s: float, place: int) -> None:
    """A class has its upper end in it."""
    lateness = Lateness()
    lateness.note(late_s)
    assert lateness.view().counts.index(1) == place


@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=300))
def test_percentiles_are_never_told_too_low(delays_s: list[float]) -> None:
    """At least that share of the delays is below what is told, and the worst is the worst."""
    lateness = Lateness()
    for late_s in delays_s:
        lateness.note(late_s)
    view = lateness.view()
    assert sum(view.counts) == len(delays_s)
    assert len(view.counts) == len(EDGES_MS) + 1
    assert view.worst_ms == pytest.approx(max(delays_s) * 1000, abs=0.001)
    for share, told_ms in ((0.5, view.median_ms), (0.99, view.p99_ms)):
        assert told_ms is not None
        assert sum(late_s * 1000 <= told_ms + 0.001 for late_s in delays_s) >= share * len(delays_s) - 1e-9
