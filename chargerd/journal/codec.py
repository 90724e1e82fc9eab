"""Facts as text: a kind (the name of the fact's class) and a JSON body of its fields."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from chargerd.core.facts import Fact, Sample

KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(Fact)}

_Reader = Callable[[Any], Any]


def encode(fact: Fact) -> tuple[str, str]:
    """Kind and body of a fact. Fields that hold nothing (None, no samples) by default are left out."""
    body = {
        name: _written(value)
        for name, default in _DEFAULTS[type(fact)].items()
        if (value := getattr(fact, name)) not in (None, ()) or value != default
    }
    return type(fact).__name__, json.dumps(body, separators=(",", ":"))


def decode(kind: str, body: str) -> Fact | None:
    """The fact of a stored row; None for what only a newer version understands (kind, or value of an enumeration).

    Fields that are not known are ignored. Raises ValueError for a body that no version has written.
    """
    if (cls := KINDS.get(kind)) is None:
        return None
    stored = json.loads(body)
    try:
        values = {name: read(stored[name]) for name, read in _READERS[cls].items() if name in stored}
    except _UnknownValue:
        return None
    try:
        return typing.cast("Fact", cls(**values))
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from error


class _UnknownValue(Exception):
    """An enumeration does not have this value (yet)."""


def _written(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [[sample.measurand, sample.value, sample.unit] for sample in value]
    return value


def _reader(hint: Any) -> _Reader:
    if get_origin(hint) in (typing.Union, types.UnionType):
        (inner,) = (part for part in get_args(hint) if part is not type(None))
        read = _reader(inner)
        return lambda value: None if value is None else read(value)
    if hint == tuple[Sample, ...]:
        return lambda value: tuple(Sample(*sample) for sample in value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value: _member(hint, value)
    plain = getattr(hint, "__supertype__", hint)
    if plain not in (int, float, str, bool):
        raise TypeError(f"the journal cannot keep a field of type {hint}")
    return lambda value: value


def _member(enumeration: type[Enum], value: object) -> Enum:
    try:
        return enumeration(value)
    except ValueError:
        raise _UnknownValue from None


_DEFAULTS: dict[type[Any], dict[str, object]] = {cls: {item.name: item.default for item in fields(cls)} for cls in KINDS.values()}
_READERS: dict[type[Any], dict[str, _Reader]] = {
    cls: {name: _reader(hint) for name, hint in get_type_hints(cls).items() if name in _DEFAULTS[cls]} for cls in KINDS.values()
}
