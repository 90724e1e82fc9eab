"""The reference of the configuration file as Markdown, read from the dataclasses that decode it: `python -m chargerd.app.reference`.

Names, types, ranges and defaults come from the types, what a key means from `reference_words.py`. Nothing here is needed to run a station.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from chargerd.app.bindings import _ConnectorSection
from chargerd.app.config import ControlSection, StationSection, _SecuritySection
from chargerd.app.reference_words import MEANINGS
from chargerd.app.sim_section import SimSection
from chargerd.core.settings import ConnectorSettings, Policy, Timing
from chargerd.journal.records import JournalOptions
from chargerd.ocpp.options import OcppOptions
from chargerd.safety.options import SafetySection
from hal.registry import BUSES, DEVICES, bus_class, driver_class
from hal.types import Range

ABSENT = "–"

_DECIDED = ("id", "kind", "has_lock")
"""Fields of `ConnectorSettings` that follow from other keys of the connector."""


@dataclass(frozen=True, slots=True)
class Option:
    """One key of a section. owner: `Class.field` of the dataclass that declares it; default None: the key is required."""

    name: str
    kind: str
    allowed: str
    default: str | None
    owner: str

    @property
    def meaning(self) -> str:
        """What it is for. Raises KeyError for a key nobody has described."""
        return MEANINGS[self.owner]


def options(cls: type[Any], without: Iterable[str] = (), prefix: str = "") -> Iterator[Option]:
    """The keys of a section, those of sections inside it with dots between."""
    hints = get_type_hints(cls, include_extras=True)
    for one in fields(cls):
        hint, name = hints[one.name], prefix + one.name
        inner = get_args(hint)[1] if get_origin(hint) is Mapping else hint
        if one.name in without:
            continue
        if isinstance(inner, type) and is_dataclass(inner):
            yield from options(inner, prefix=f"{name}." if inner is hint else f"{name}.NAME.")
        else:
            yield Option(name, _kind(hint), _allowed(hint), _default(one), _owner(cls, one.name))


def _owner(cls: type[Any], name: str) -> str:
    declaring = next(base for base in reversed(cls.__mro__) if name in getattr(base, "__annotations__", {}))
    return f"{declaring.__name__}.{name}"


def _parts(hint: object) -> tuple[object, Range | None]:
    """The type itself and its range, without the "or nothing"."""
    if get_origin(hint) in (Union, UnionType):
        members = [one for one in get_args(hint) if one is not NoneType]
        if len(members) == 1:
            return _parts(members[0])
    if get_origin(hint) is Annotated:
        bare, *notes = get_args(hint)
        return bare, next((one for one in notes if isinstance(one, Range)), None)
    return hint, None


def _kind(hint: object) -> str:
    bare, _ = _parts(hint)
    words = {bool: "yes or no", int: "whole number", float: "number", str: "text", Path: "file"}
    if isinstance(bare, type) and bare in words:
        return words[bare]
    if get_origin(bare) is tuple:
        return f"list of {_kind(get_args(bare)[0])}s"
    if get_origin(bare) is Mapping:
        return "mapping"
    if get_origin(bare) in (Union, UnionType):
        return " or ".join(_kind(one) for one in get_args(bare))
    return "word"


def _allowed(hint: object) -> str:
    bare, span = _parts(hint)
    if get_origin(bare) is tuple:
        return _allowed(get_args(bare)[0])
    if span is not None and span.low == span.high:
        return f"`{_number(span.low)}`"
    if span is not None:
        return f"{_number(span.low)} to {_number(span.high)} {span.unit}".rstrip()
    if isinstance(bare, type) and issubclass(bare, Enum):
        return ", ".join(f"`{one.value}`" for one in bare)
    return ", ".join(f"`{one}`" for one in get_args(bare)) if get_origin(bare) is Literal else ""


def _default(one: Field[Any]) -> str | None:
    value = one.default_factory() if one.default_factory is not MISSING else one.default
    if value is MISSING:
        return None
    return ABSENT if value is None else f"`{_value(value)}`"


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case int() | float():
            return _number(value)
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            return "{}"
    return str(value) or '""'


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


# --- the page -----------------------------------------------------------------------------------------------------------------------


def table(rows: Iterable[Option]) -> str:
    """Options as a Markdown table; what has no default says that it is required."""
    lines = ["| key | type | allowed | default | meaning |", "|---|---|---|---|---|"]
    lines += [f"| `{one.name}` | {one.kind} | {one.allowed} | {one.default or '**required**'} | {one.meaning} |" for one in rows]
    return "\n".join(lines)


def sections() -> str:
    """All sections of the file."""
    return "\n\n".join(f"### `{name}`\n\n{MEANINGS[name]}\n\n{body()}" for name, body in SECTIONS.items())


def _connectors() -> str:
    limits = options(ConnectorSettings, without=_DECIDED, prefix="limits.")
    return table([*options(_ConnectorSection), *limits])


def _buses() -> str:
    """One table for the types that share a class."""
    parts = []
    for target in dict.fromkeys(entry.target for entry in BUSES.values()):
        types = [name for name, entry in BUSES.items() if entry.target == target]
        cls = bus_class(types[0]).Options
        rows = options(cls, without=BUSES[types[0]].preset)
        parts.append(f"`type: {'`, `'.join(types)}`\n\n{table(rows)}")
    return "\n\n".join(parts)


def _devices() -> str:
    """One table for the drivers that share their options."""
    shared: dict[type[Any], list[str]] = {}
    for name in DEVICES:
        shared.setdefault(driver_class(name).Options, []).append(name)
    parts = []
    for cls, names in shared.items():
        uses = "; ".join(f"`driver: {name}` ({DEVICES[name].role}, {_bus_words(name)})" for name in names)
        rows = list(options(cls))
        parts.append(f"{uses}\n\n{table(rows) if rows else 'No options.'}")
    return "\n\n".join(parts)


def _bus_words(driver: str) -> str:
    kind = DEVICES[driver].bus_kind
    types = [name for name, entry in BUSES.items() if entry.kind == kind]
    return f"bus: {' or '.join(types)}" if types else "no bus"


SECTIONS: Mapping[str, Callable[[], str]] = {
    "station": lambda: table(options(StationSection)),
    "buses": _buses,
    "devices": _devices,
    "connectors": _connectors,
    "safety": lambda: table(options(SafetySection)),
    "ocpp": lambda: table([*options(_SecuritySection), *options(OcppOptions)]),
    "policy": lambda: table(options(Policy)),
    "timing": lambda: table(options(Timing)),
    "journal": lambda: table(options(JournalOptions)),
    "control": lambda: table(options(ControlSection)),
    "sim": lambda: table(options(SimSection, without=("plant",))),
}
"""In the order of the file."""


def described() -> frozenset[str]:
    """Every name that needs a meaning: `Class.field` of each option, and the sections."""
    rows = [one for cls in (StationSection, _ConnectorSection, SafetySection, _SecuritySection, OcppOptions) for one in options(cls)]
    rows += [one for cls in (Policy, Timing, JournalOptions, ControlSection, SimSection) for one in options(cls)]
    rows += options(ConnectorSettings, without=_DECIDED)
    rows += [one for name, entry in BUSES.items() for one in options(bus_class(name).Options, without=entry.preset)]
    rows += [one for name in DEVICES for one in options(driver_class(name).Options)]
    return frozenset({one.owner for one in rows} | set(SECTIONS))


if __name__ == "__main__":
    sys.stdout.write(f"{sections()}\n")
