"""What a light shows for each state, with whatever LEDs it has."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.io.light_codes import COLOURS, Blink, Colour, leds, lit, usual
from hal.types import IndicatorState

LIGHTS = [frozenset(some) for size in range(1, 6) for some in combinations(COLOURS, size) if some != ("red",)]
BLINKS: tuple[Blink, ...] = ("slow", "fast", "flash", "pulse")


def shown(state: IndicatorState, *present: Colour) -> tuple[tuple[Colour, ...], Blink]:
    code = usual(state, frozenset(present))
    return code.colours, code.blink


def test_the_colours_of_the_trade() -> None:
    """Green available, blue charging and pulsing, red fault, white while the station waits for its user."""
    assert shown(IndicatorState.AVAILABLE, *COLOURS) == (("green",), "steady")
    assert shown(IndicatorState.CHARGING, *COLOURS) == (("blue",), "pulse")
    assert shown(IndicatorState.FAULTED, *COLOURS) == (("red",), "steady")
    assert shown(IndicatorState.PREPARING, *COLOURS) == (("white",), "slow")
    assert shown(IndicatorState.OFF, *COLOURS) == ((), "steady")


def test_a_missing_colour_is_mixed_or_taken_from_the_next() -> None:
    """White of red, green and blue; yellow of red and green."""
    assert shown(IndicatorState.PREPARING, "red", "green", "blue") == (("white",), "slow")
    assert leds("white", frozenset(["red", "green", "blue"])) == {"red", "green", "blue"}
    assert shown(IndicatorState.PREPARING, "red", "green") == (("yellow",), "slow")
    assert leds("blue", frozenset(["red", "green"])) is None


def test_a_single_led_says_by_blinking_what_it_cannot_say_by_colour() -> None:
    """A fault is never what available looks like, nor is charging; out of operation it is dark."""
    assert shown(IndicatorState.AVAILABLE, "green") == (("green",), "steady")
    assert shown(IndicatorState.CHARGING, "green") == (("green",), "pulse")
    assert shown(IndicatorState.FAULTED, "green") == (("green",), "fast")
    assert shown(IndicatorState.UNAVAILABLE, "green") == ((), "steady")


def test_red_alone_is_a_fault_light() -> None:
    """It says nothing else, so that nobody takes a fault for something better."""
    assert shown(IndicatorState.FAULTED, "red") == (("red",), "steady")
    assert shown(IndicatorState.UNAVAILABLE, "red") == (("red",), "flash")
    assert shown(IndicatorState.AVAILABLE, "red") == shown(IndicatorState.CHARGING, "red") == ((), "steady")


@pytest.mark.parametrize("present", LIGHTS, ids=lambda light: "-".join(sorted(light)))
def test_every_light_can_show_every_code(present: frozenset[Colour]) -> None:
    """And tells the states apart that a passer-by has to tell apart."""
    codes = {state: usual(state, present) for state in IndicatorState}
    assert all(leds(colour, present) is not None for code in codes.values() for colour in code.colours)
    apart = (
        IndicatorState.AVAILABLE,
        IndicatorState.PREPARING,
        IndicatorState.CHARGING,
        IndicatorState.FAULTED,
        IndicatorState.UNAVAILABLE,
    )
    assert len({codes[state] for state in apart}) == len(apart)


def test_a_steady_light_wakes_nobody() -> None:
    assert lit("steady", 12.3) == (True, None)


@pytest.mark.parametrize(("blink", "on_s", "off_s"), [("slow", 1.0, 1.0), ("fast", 0.25, 0.25), ("flash", 0.25, 1.75), ("pulse", 1.5, 0.5)])
def test_how_a_light_blinks(blink: Blink, on_s: float, off_s: float) -> None:
    """On from each whole period of the clock on."""
    assert lit(blink, 100.0) == (True, pytest.approx(100.0 + on_s, abs=0.002))
    assert lit(blink, 100.0 + on_s) == (False, pytest.approx(100.0 + on_s + off_s, abs=0.002))


@given(st.sampled_from(BLINKS), st.floats(0.0, 1e7))
def test_the_next_change_changes_it(blink: Blink, now_s: float) -> None:
    """A timer that rings then sees the other state, and never has to ring for nothing."""
    is_on, next_s = lit(blink, now_s)
    assert next_s is not None
    assert next_s > now_s
    assert lit(blink, next_s)[0] is not is_on
