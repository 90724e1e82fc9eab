"""How fast the duty of a control pilot changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hal.secc.duty_pace import DutyPace

OFF, TEN_A, SIXTEEN_A, HALF = 1000, 166, 266, 500


def test_an_offer_begins_and_ends_at_once() -> None:
    """From and to the steady level nothing waits."""
    pace = DutyPace()
    assert [pace.at(OFF, 0.0), pace.at(HALF, 0.1), pace.at(OFF, 0.2), pace.at(TEN_A, 0.3)] == [OFF, HALF, OFF, TEN_A]


def test_a_vehicle_has_five_seconds_to_follow() -> None:
    """A second change within them comes when they are over; of several the last."""
    pace = DutyPace()
    pace.at(HALF, 0.0)
    assert [pace.at(TEN_A, 1.0), pace.at(SIXTEEN_A, 4.9), pace.at(SIXTEEN_A, 5.0)] == [HALF, HALF, SIXTEEN_A]
    assert [pace.at(HALF, 9.9), pace.at(HALF, 10.0)] == [SIXTEEN_A, HALF]


def test_a_pause_does_not_wait_for_them() -> None:
    """Whatever was changed just before."""
    pace = DutyPace()
    pace.at(HALF, 0.0)
    assert pace.at(OFF, 0.1) == OFF


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.sampled_from([OFF, TEN_A, SIXTEEN_A, HALF])), max_size=40))
def test_no_two_changes_of_an_offer_are_closer(steps: list[tuple[float, int]]) -> None:
    """Every change but those from and to the steady level is 5 s after the one before."""
    pace, now_s, changed_s, shown = DutyPace(), 0.0, -10.0, OFF
    for wait_s, wanted in steps:
        now_s += wait_s
        before, shown = shown, pace.at(wanted, now_s)
        assert shown in (before, wanted)
        if shown != before:
            assert OFF in (before, shown) or now_s - changed_s >= 5.0
            changed_s = now_s
