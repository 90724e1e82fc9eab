"""Facts as rows: a kind (the name of the fact's class), the connector, and a JSON body of all other fields.

Samples are most of what is ever written. A known measurand is its number in `MEASURANDS`, with its phase behind it where it has one,
and its unit is written only where it is not the usual one: `[[6,1500],[[21,"L1"],230.4]]`.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, cast, get_args, get_origin, get_type_hints

from chargerd.core.facts import Fact, Sample

KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(Fact)}

MEASURANDS = (
    ("Current.Export", "A"),
    ("Current.Import", "A"),
    ("Current.Offered", "A"),
    ("Energy.Active.Export.Interval", "Wh"),
    ("Energy.Active.Export.Register", "Wh"),
    ("Energy.Active.Import.Interval", "Wh"),
    ("Energy.Active.Import.Register", "Wh"),
    ("Energy.Reactive.Export.Interval", "varh"),
    ("Energy.Reactive.Export.Register", "varh"),
    ("Energy.Reactive.Import.Interval", "varh"),
    ("Energy.Reactive.Import.Register", "varh"),
    ("Frequency", "Hz"),
    ("Power.Active.Export", "W"),
    ("Power.Active.Import", "W"),
    ("Power.Factor", ""),
    ("Power.Offered", "W"),
    ("Power.Reactive.Export", "var"),
    ("Power.Reactive.Import", "var"),
    ("RPM", ""),
    ("SoC", "Percent"),
    ("Temperature", "Celcius"),
    ("Voltage", "V"),
)
"""OCPP 1.6, 7.31, with the usual unit. Journals hold the places: append, never change."""

_PLACES = {name: place for place, (name, _) in enumerate(MEASURANDS)}

_Reader = Callable[[Any], Any]


def encode(fact: Fact) -> tuple[str, int, str]:
    """Kind, connector and body of a fact. Fields with their default value are left out: a default, once released, may not change."""
    body = {name: _written(value) for name, default in _DEFAULTS[type(fact)].items() if (value := getattr(fact, name)) != default}
    return type(fact).__name__, fact.connector, json.dumps(body, separators=(",", ":"))


def decode(kind: str, connector: int, body: str) -> Fact | None:
    """The fact of a stored row; None for what only a newer version understands (kind, value of an enumeration, measurand).

    Fields that are not known are ignored. Raises ValueError for a body that no version has written.
    """
    if (cls := KINDS.get(kind)) is None:
        return None
    try:
        stored = json.loads(body)
        values = {name: read(stored[name]) for name, read in _READERS[cls].items() if name in stored}
        return typing.cast("Fact", cls(connector=connector, **values))
    except _UnknownValue:
        return None
    except (TypeError, RecursionError) as error:
        raise ValueError(f"{kind}: {error}") from error


class _UnknownValue(Exception):
    """An enumeration does not have this value (yet)."""


def _written(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if is_dataclass(value):
        return _written_entry(value)
    if isinstance(value, tuple):
        return [_written_sample(item) if isinstance(item, Sample) else _written_entry(item) for item in value]
    return value


def _written_entry(entry: Any) -> list[object]:
    """The fields in their order, without those at the end that have their default value."""
    values = [(getattr(entry, item.name), item.default) for item in fields(entry)]
    while values and values[-1][0] == values[-1][1]:
        values.pop()
    return [_written(value) for value, _ in values]


def _written_sample(sample: Sample) -> list[object]:
    name, _, phase = (sample.measurand, "", "") if sample.measurand in _PLACES else sample.measurand.rpartition(".")
    place = _PLACES.get(name)
    if place is None or (name != sample.measurand and not phase):
        return [sample.measurand, sample.value, sample.unit]
    measurand = [place, phase] if phase else place
    return [measurand, sample.value, *([] if sample.unit == MEASURANDS[place][1] else [sample.unit])]


def _read_sample(stored: Any) -> Sample:
    """Raises TypeError for a sample of another shape."""
    match stored:
        case [str() as name, value, str() as unit]:
            return Sample(name, _of(float, value), unit)
        case [[int() as place, str() as phase], value, *unit]:
            name, usual = _measurand(place)
            return Sample(f"{name}.{phase}", _of(float, value), *(_of(str, one) for one in unit or [usual]))
        case [int() as place, value, *unit]:
            name, usual = _measurand(place)
            return Sample(name, _of(float, value), *(_of(str, one) for one in unit or [usual]))
    raise TypeError(f"{stored!r:.40} is no sample")


def _measurand(place: int) -> tuple[str, str]:
    if not 0 <= place < len(MEASURANDS):
        raise _UnknownValue
    return MEASURANDS[place]


def _of(kind: type[Any], value: Any) -> Any:
    """The value, if it has the type that was written; a whole number is a float too. Raises TypeError."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise TypeError(f"{value!r:.40} should be {kind.__name__}")
    return value


def _reader(hint: Any) -> _Reader:
    if get_origin(hint) in (typing.Union, types.UnionType):
        (inner,) = (part for part in get_args(hint) if part is not type(None))
        read = _reader(inner)
        return lambda value: None if value is None else read(value)
    if hint == tuple[Sample, ...]:
        return lambda value: tuple(_read_sample(sample) for sample in _of(list, value))
    if get_origin(hint) is tuple:
        read_one = _entry_reader(get_args(hint)[0])
        return lambda value: tuple(read_one(_of(list, one)) for one in _of(list, value))
    if is_dataclass(hint):
        read_whole = _entry_reader(cast("type[Any]", hint))
        return lambda value: read_whole(_of(list, value))
    if hint is Decimal:
        return lambda value: _decimal(_of(str, value))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value: _member(hint, value)
    plain = getattr(hint, "__supertype__", hint)
    if plain not in (int, float, str, bool):
        raise TypeError(f"the journal cannot keep a field of type {hint}")
    return lambda value: _of(plain, value)


def _entry_reader(kind: type[Any]) -> _Reader:
    """Of a dataclass that was written as the list of its fields."""
    reads = [(name, _reader(hint)) for name, hint in get_type_hints(kind).items()]
    return lambda values: kind(**{name: read(value) for (name, read), value in zip(reads, values, strict=False)})


def _decimal(text: str) -> Decimal:
    """Raises TypeError for what is no number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise TypeError(f"{text!r:.40} is no number") from None
    if not number.is_finite():
        raise TypeError(f"{text!r:.40} is no finite number")
    return number


def _member(enumeration: type[Enum], value: object) -> Enum:
    try:
        return enumeration(value)
    except ValueError:
        raise _UnknownValue from None


_DEFAULTS: dict[type[Any], dict[str, object]] = {
    cls: {item.name: item.default for item in fields(cls) if item.name != "connector"} for cls in KINDS.values()
}
_READERS: dict[type[Any], dict[str, _Reader]] = {
    cls: {name: _reader(hint) for name, hint in get_type_hints(cls).items() if name in _DEFAULTS[cls]} for cls in KINDS.values()
}
