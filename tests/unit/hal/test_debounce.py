"""When a change of an input counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.io.debounce import Debouncer

LOOKS = st.lists(st.tuples(st.floats(0.0, 0.1), st.booleans()), max_size=40)


def seen(debouncer: Debouncer, looks: list[tuple[float, bool]]) -> list[bool]:
    """What counts at each look; a look is its time and the state of the line."""
    return [debouncer.see(is_active, at_s) for at_s, is_active in looks]


@pytest.mark.parametrize(
    ("is_eager", "expected"),
    [(False, [False, False, False, True, True, True, False]), (True, [False, True, True, True, True, True, False])],
    ids=["both directions wait", "active at once"],
)
def test_a_change_counts_when_it_has_lasted(is_eager: bool, expected: list[bool]) -> None:
    """30 ms in each direction that waits."""
    looks = [(0.0, False), (1.0, True), (1.02, True), (1.03, True), (2.0, False), (2.02, False), (2.03, False)]
    assert seen(Debouncer(0.03, is_eager), looks) == expected


def test_a_bounce_begins_anew() -> None:
    """A line that goes back has not changed."""
    looks = [(0.0, False), (1.0, True), (1.02, False), (1.04, True), (1.06, True), (1.07, True)]
    assert seen(Debouncer(0.03), looks) == [False, False, False, False, False, True]


def test_the_first_look_counts_at_once() -> None:
    """What a line is at the start has not changed to it."""
    assert seen(Debouncer(0.03), [(0.0, True)]) == [True]


def test_after_a_time_of_darkness_the_first_look_counts() -> None:
    """What was seen before says nothing."""
    debouncer = Debouncer(0.03)
    assert seen(debouncer, [(0.0, True), (1.0, False)]) == [True, True]
    debouncer.forget()
    assert debouncer.settles_s is None
    assert seen(debouncer, [(1.01, False)]) == [False]


def test_it_says_when_to_look_again() -> None:
    """Only while a change waits."""
    debouncer = Debouncer(0.03)
    debouncer.see(False, 0.0)
    assert debouncer.settles_s is None
    debouncer.see(True, 1.0)
    assert debouncer.settles_s == pytest.approx(1.03)
    assert debouncer.see(True, debouncer.settles_s or 0.0)
    assert debouncer.settles_s is None


@given(LOOKS, st.booleans(), st.sampled_from([0.0, 0.02, 0.05]))
def test_a_line_that_rests_is_right_in_the_end(steps: list[tuple[float, bool]], is_eager: bool, span_s: float) -> None:
    """Whatever has happened before; an eager one never says inactive while the line is active."""
    debouncer, now_s = Debouncer(span_s, is_eager), 0.0
    for passed_s, is_active in steps:
        now_s += passed_s
        counts = debouncer.see(is_active, now_s)
        assert counts or not (is_eager and is_active)
    last = steps[-1][1] if steps else False
    debouncer.see(last, now_s + 1.0)
    assert debouncer.see(last, now_s + 1.0 + span_s) is last
