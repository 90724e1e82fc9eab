"""What a light shows for a state of its connector: colours and blinking. Pure; time is an argument.

There is no standard for it. By trade practice green says available, blue charging, red fault, and white or yellow that the station waits
for its user; a light that lacks a colour mixes it, or says by blinking what it cannot say by colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from hal.types import IndicatorState

Colour = Literal["green", "blue", "white", "yellow", "red"]
Blink = Literal["steady", "slow", "fast", "flash", "pulse"]

COLOURS: tuple[Colour, ...] = get_args(Colour)
"""In the order in which a light without a fitting colour is searched; red is no substitute, it means a fault."""

_MIXES: Mapping[Colour, tuple[Colour, ...]] = {"white": ("red", "green", "blue"), "yellow": ("red", "green")}

_ON_OFF_S: Mapping[Blink, tuple[float, float]] = {"slow": (1.0, 1.0), "fast": (0.25, 0.25), "flash": (0.25, 1.75), "pulse": (1.5, 0.5)}
"""All periods divide two seconds, so that lights change together and wake nobody more often than needed."""

_SOON_S = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class LightCode:
    """Colours that are lit together, none: dark; and how."""

    colours: tuple[Colour, ...] = ()
    blink: Blink = "steady"


@dataclass(frozen=True, slots=True)
class _Usual:
    """colours: the first of these that the light has; otherwise any, with the other blinking. `otherwise` None: then dark."""

    colours: tuple[Colour, ...]
    blink: Blink
    otherwise: Blink | None


_USUAL: Mapping[IndicatorState, _Usual] = {
    IndicatorState.OFF: _Usual((), "steady", None),
    IndicatorState.AVAILABLE: _Usual(("green",), "steady", "steady"),
    IndicatorState.PREPARING: _Usual(("white", "yellow"), "slow", "slow"),
    IndicatorState.CHARGING: _Usual(("blue",), "pulse", "pulse"),
    IndicatorState.SUSPENDED: _Usual(("blue",), "steady", "flash"),
    IndicatorState.FINISHING: _Usual(("white", "yellow"), "steady", "slow"),
    IndicatorState.RESERVED: _Usual(("yellow", "white"), "steady", "flash"),
    IndicatorState.UNAVAILABLE: _Usual(("red",), "flash", None),
    IndicatorState.FAULTED: _Usual(("red",), "steady", "fast"),
}


def leds(colour: Colour, present: frozenset[Colour]) -> frozenset[Colour] | None:
    """What is lit for a colour: the LED itself, or those it is mixed from; None where it cannot be shown."""
    parts = frozenset([colour]) if colour in present else frozenset(_MIXES.get(colour, (colour,)))
    return parts if parts <= present else None


def usual(state: IndicatorState, present: frozenset[Colour]) -> LightCode:
    """The code of a state for a light with these LEDs, at least one."""
    row = _USUAL[state]
    for colour in row.colours:
        if leds(colour, present) is not None:
            return LightCode(colours=(colour,), blink=row.blink)
    substitutes = [colour for colour in COLOURS if colour in present - {"red"}]
    if row.otherwise is None or not substitutes:
        return LightCode()
    return LightCode(colours=(substitutes[0],), blink=row.otherwise)


def lit(blink: Blink, now_s: float) -> tuple[bool, float | None]:
    """Whether a light is on now, and when that changes next; None: never."""
    if blink == "steady":
        return True, None
    on_s, off_s = _ON_OFF_S[blink]
    into_s = (now_s + _SOON_S) % (on_s + off_s)  # a timer may ring a little early
    is_on = into_s < on_s
    return is_on, now_s + (on_s if is_on else on_s + off_s) - into_s + _SOON_S
