"""One scalar of a configuration, checked against the type of its field; what does not fit is told in words.

Each decoder takes the value and the type it is to become, which is how cattrs calls them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

from hal.types import Range

Structure = Callable[[object, object], object]


class Misfit(ValueError):
    """A value that does not fit, in words for the person who wrote it."""


def shown(value: object) -> str:
    return f"{value!r}" if isinstance(value, str) else "nothing" if value is None else str(value)


def strict(kind: type, words: str) -> Structure:
    def structure(value: object, _: object) -> object:
        if type(value) is not kind:
            hint = "; put it in quotes" if kind is str and not isinstance(value, list | dict | None) else ""
            raise Misfit(f"should be {words}, not {shown(value)}{hint}")
        return value

    return structure


def as_float(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Misfit(f"should be a number, not {shown(value)}")
    return float(value)


def as_path(value: object, _: object) -> Path:
    if not isinstance(value, str) or not value:
        raise Misfit(f"should be the name of a file, not {shown(value)}")
    return Path(value)


def as_enum(value: object, cls: type[Enum]) -> Enum:
    for member in cls:
        if type(member.value) is type(value) and member.value == value:
            return member
    raise Misfit(f"{shown(value)} is not one of {', '.join(str(member.value) for member in cls)}")


def as_literal(value: object, kind: object) -> object:
    for allowed in get_args(kind):
        if type(allowed) is type(value) and allowed == value:
            return allowed
    raise Misfit(f"{shown(value)} is not one of {', '.join(str(allowed) for allowed in get_args(kind))}")


_KINDS_OF_UNITS: tuple[Mapping[str, float], ...] = (
    {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
    {"mV": 1e-3, "V": 1.0, "kV": 1e3},
    {"mA": 1e-3, "A": 1.0, "kA": 1e3},
    {"W": 1.0, "kW": 1e3, "MW": 1e6},
    {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    {"ohm": 1.0, "kohm": 1e3, "Mohm": 1e6},
    {"Hz": 1.0, "kHz": 1e3},
    {"B": 1.0, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3},
)
_QUANTITY = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([A-Za-z%°/]+)\s*")


def quantity(text: str, unit: str) -> float:
    """A number with its unit, such as "20min", in `unit`."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise Misfit(f"should be a number, not {text!r}")
    number, given = float(match[1]), match[2]
    if given == unit:
        return number
    for kind in _KINDS_OF_UNITS:
        if unit in kind:
            if given in kind:
                return number * kind[given] / kind[unit]
            raise Misfit(f"wrong unit in {text!r}: should be {unit} (or {', '.join(one for one in kind if one != unit)})")
    raise Misfit(f"wrong unit in {text!r}: should be {unit}" if unit else f"should be a number without a unit, not {text!r}")


def ranged(span: Range, inner: Structure, kind: object) -> Structure:
    def structure(value: object, _: object) -> object:
        given: object = value
        if isinstance(value, str):
            given = quantity(value, span.unit)
            if kind is int and abs(given - round(given)) < 1e-9:
                given = round(given)
        number = inner(given, kind)
        if isinstance(number, int | float) and not span.low <= number <= span.high:
            unit = f" {span.unit}" if span.unit else ""
            raise Misfit(f"{number:g}{unit} is outside {span.low:g}..{span.high:g}{unit}")
        return number

    return structure


def is_ranged(kind: object) -> bool:
    return get_origin(kind) is Annotated and any(isinstance(one, Range) for one in get_args(kind)[1:])


def is_scalar_union(kind: object) -> bool:
    members = set(get_args(kind)) - {NoneType}
    return get_origin(kind) in (Union, UnionType) and len(members) > 1 and members <= {str, int, float, bool}


def as_scalar(value: object, kind: object) -> object:
    if type(value) not in get_args(kind):
        words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        raise Misfit(f"should be {' or '.join(words[one] for one in get_args(kind) if one in words)}, not {shown(value)}")
    return value
