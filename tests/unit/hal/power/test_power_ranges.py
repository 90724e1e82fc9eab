"""Voltage ranges: chosen by the ceiling, changed at rest only, and nobody is on before the change is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hal.power.dialect import Band
from hal.power.ranges import WAIT_S, Ranges
from hal.types import Setpoint

BORDER_V = 500.0
ONE, TWO = 1, 2
HAIR_S = 1e-9  # of sums of floats

wishes = st.builds(Setpoint, st.sampled_from([0.0, 300.0, 500.0, 800.0]), st.just(10.0), st.sampled_from([0.0, 450.0, 500.0, 501.0, 900.0]))


def rested(*wished: Setpoint) -> Ranges:
    """Two modules that have been off since 0 s, and what was wished since."""
    ranges = Ranges(BORDER_V)
    for address in (ONE, TWO):
        ranges.told(address, 0.0, is_on=False)
    for wish in wished:
        ranges.choose(wish)
    return ranges


def test_a_ceiling_up_to_the_border_is_low_and_beyond_it_high() -> None:
    """The border itself can be given in the low range."""
    assert rested(Setpoint(ceiling_v=500.0)).due((ONE,), 2.0) == ((ONE, Band.LOW),)
    assert rested(Setpoint(ceiling_v=500.1)).due((ONE,), 2.0) == ((ONE, Band.HIGH),)


def test_without_a_ceiling_nothing_is_changed_that_can_give_the_voltage() -> None:
    """Nothing at all while nothing is asked for; the high range for what the low one cannot give, or when none was chosen yet."""
    assert rested(Setpoint()).due((ONE,), 2.0) == ()
    assert rested(Setpoint(300.0, 1.0)).due((ONE,), 2.0) == ((ONE, Band.HIGH),)
    assert rested(Setpoint(ceiling_v=450.0), Setpoint(300.0, 1.0)).due((ONE,), 2.0) == ((ONE, Band.LOW),)
    assert rested(Setpoint(ceiling_v=450.0), Setpoint(600.0, 1.0)).due((ONE,), 2.0) == ((ONE, Band.HIGH),)


def test_a_change_waits_before_and_after() -> None:
    """Two seconds each; it is ordered once."""
    ranges = rested(Setpoint(ceiling_v=450.0))
    assert ranges.due((ONE, TWO), 1.99) == ()
    assert ranges.held((ONE, TWO), 1.99) == {ONE, TWO}
    assert ranges.due((ONE, TWO), 2.0) == ((ONE, Band.LOW), (TWO, Band.LOW))
    assert ranges.due((ONE, TWO), 3.0) == ()
    assert ranges.held((ONE, TWO), 3.99) == {ONE, TWO}
    assert ranges.held((ONE, TWO), 4.0) == frozenset()


def test_a_module_that_fell_silent_is_changed_anew() -> None:
    """It may have restarted in another range; the other one goes on."""
    ranges = rested(Setpoint(ceiling_v=450.0))
    ranges.due((ONE, TWO), 2.0)
    ranges.forget(TWO)
    assert ranges.held((ONE, TWO), 10.0) == {TWO}
    ranges.told(TWO, 10.0, is_on=False)
    assert ranges.due((ONE, TWO), 12.0) == ((TWO, Band.LOW),)


def test_with_one_range_nobody_is_ever_held() -> None:
    """Whatever the ceiling."""
    ranges = Ranges(None)
    ranges.choose(Setpoint(800.0, 1.0, 900.0))
    assert ranges.held((ONE,), 0.0) == frozenset()
    assert ranges.due((ONE,), 10.0) == ()


@given(st.lists(st.tuples(wishes, st.floats(0.1, 3.0)), max_size=30))
def test_no_module_is_changed_while_on_or_on_while_it_changes(steps: list[tuple[Setpoint, float]]) -> None:
    """Whatever is wished, in whatever order: two seconds off before a change, two after, and then what was wished can be given."""
    ranges, now_s, band = Ranges(BORDER_V), 0.0, None
    off_since_s, changed_s = 0.0, -WAIT_S
    ranges.told(ONE, now_s, is_on=False)
    was_on = False
    for wish, pause_s in steps:
        now_s += pause_s
        ranges.choose(wish)
        for _, selected in ranges.due((ONE,), now_s):
            assert not was_on
            assert now_s - off_since_s >= WAIT_S - HAIR_S
            band, changed_s = selected, now_s
        is_on = wish.is_on and ONE not in ranges.held((ONE,), now_s)
        if is_on:
            assert now_s - changed_s >= WAIT_S - HAIR_S
            assert band is Band.HIGH or wish.voltage_v <= BORDER_V
        if was_on and not is_on:
            off_since_s = now_s
        ranges.told(ONE, now_s, is_on=is_on)
        was_on = is_on
