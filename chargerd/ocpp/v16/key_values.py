"""The configuration keys of one station: reading them, and judging what somebody wants to change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from chargerd.core.settings import ConnectorSettings, Settings
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.v16.convert import comma_separated, same_spelling
from chargerd.ocpp.v16.key_row import LONGEST_VALUE, Access, Effect, Key, Station, Value
from chargerd.ocpp.v16.keys import KEYS
from hal.errors import ConfigError
from hal.types import Range

_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as GetConfiguration shows it; an empty text is a key without a value."""

    name: str
    value: str
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A checked change: the field of `Settings`, its new value, and when it is felt."""

    field: str
    value: Value
    effect: Effect = Effect.NOW

    @property
    def answer(self) -> str:
        """The word of ChangeConfiguration once it is stored (OCPP 1.6, 5.3)."""
        return "RebootRequired" if self.effect is Effect.REBOOT else "Accepted"


class UnknownKeyError(KeyError):
    """The station has no such key: NotSupported."""


class RefusedValueError(ValueError):
    """The key is read-only or the value does not fit: Rejected. The text says why."""


class KeyTable:
    """The keys of one station. Raises ConfigError for options that name keys wrongly."""

    def __init__(self, options: OcppOptions, connectors: Sequence[ConnectorSettings], rows: Sequence[Key] = KEYS) -> None:
        self.station = Station(options, tuple(connectors))
        _check_names("absent_keys", options.absent_keys, (key.name for key in rows if not key.is_required and key.feature is None))
        _check_names("read_only_keys", options.read_only_keys, (key.name for key in rows if key.access is Access.EITHER))
        self._all = sorted(rows, key=lambda key: key.name.casefold())
        self._rows = {key.name.casefold(): key for key in self._all if self._why_absent(key) is None}
        self._read_only = {key.name for key in self._all if self._is_fixed(key) or key.name in options.read_only_keys}
        self.max_keys = options.get_configuration_max_keys

    def all(self, settings: Settings) -> list[KeyValue]:
        """Every key, in alphabetical order."""
        return [self._shown(key, settings) for key in self._rows.values()]

    def get(self, name: str, settings: Settings) -> KeyValue:
        """One key, by its name in any case. Raises UnknownKeyError."""
        return self._shown(self._row(name), settings)

    def values(self, settings: Settings) -> dict[str, Value]:
        """Every key with what it holds, in alphabetical order."""
        return {key.name: self._value(key, settings) for key in self._rows.values()}

    def change(self, name: str, text: str, *, is_local: bool = False) -> Change:
        """What a new value means. Raises UnknownKeyError and RefusedValueError.

        is_local: the technician asks, who may also set what the product lets the central system only read.
        """
        key = self._row(name)
        if key.name in self._read_only and not is_local:
            raise RefusedValueError(f"{key.name} is read-only")
        return self._changed(key, text)

    def factory(self) -> Settings:
        """The settings as delivered: what is built, then `ocpp.keys`, and the neutral value where a feature is off.

        Raises ConfigError naming each value of `ocpp.keys` that does not fit.
        """
        values: dict[str, Value] = {}
        for key in self._all:
            if key.field is not None and self._lacks_feature(key):
                values[key.field] = _neutral(key.field)
            elif key.field is not None and key.built is not None:
                values[key.field] = key.built(self.station)
        problems = []
        for name, value in self.station.options.keys.items():
            try:
                change = self._changed(self._row(name), str(value))
                values[change.field] = change.value
            except UnknownKeyError:
                problems.append(f"ocpp.keys.{name}: {self._why_unknown(name)}")
            except RefusedValueError as error:
                problems.append(f"ocpp.keys.{name}: {error}")
        if problems:
            raise ConfigError(problems)
        return replace(Settings(), **cast("dict[str, Any]", values))

    def still_valid(self, stored: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Of changes kept from an earlier run (field, JSON), those that the station as configured now would take."""
        return tuple((field, text) for field, text in stored if self._would_take(field, json.loads(text)))

    # --- one row

    def _row(self, name: str) -> Key:
        key = self._rows.get(name.strip().casefold())
        if key is None:
            raise UnknownKeyError(name)
        return key

    def _is_fixed(self, key: Key) -> bool:
        return key.access is Access.READ or key.fixed(self.station) is not None

    def _lacks_feature(self, key: Key) -> bool:
        return key.feature is not None and not getattr(self.station.options.features, key.feature)

    def _why_absent(self, key: Key) -> str | None:
        if self._lacks_feature(key):
            return f"the station has no such key, because ocpp.features.{key.feature} is off"
        return "the station does not show this key (ocpp.absent_keys)" if key.name in self.station.options.absent_keys else None

    def _why_unknown(self, name: str) -> str:
        absent = next((key for key in self._all if key.name.casefold() == name.strip().casefold()), None)
        return (self._why_absent(absent) if absent is not None else None) or "there is no such key"

    def _shown(self, key: Key, settings: Settings) -> KeyValue:
        return KeyValue(key.name, as_text(self._value(key, settings)), key.name in self._read_only)

    def _value(self, key: Key, settings: Settings) -> Value:
        if key.shown is not None:
            return key.shown(self.station)
        return cast("Value", getattr(settings, cast("str", key.field)))

    def _would_take(self, field: str, value: Any) -> bool:
        key = next((key for key in self._rows.values() if key.field == field), None)
        if key is None:
            return False
        try:
            self._changed(key, as_text(tuple(value) if isinstance(value, list) else value))
        except RefusedValueError:
            return False
        return True

    # --- a new value

    def _changed(self, key: Key, text: str) -> Change:
        if key.field is None:
            raise RefusedValueError(f"{key.name} follows from the station")
        value, fixed = self._read(key, key.field, text.strip()), key.fixed(self.station)
        if fixed is not None and value != fixed:
            raise RefusedValueError(f"is always {as_text(fixed)} on a station built like this")
        return Change(key.field, value, key.effect)

    def _read(self, key: Key, field: str, text: str) -> Value:
        kind, span = field_kind(field)
        if len(text) > LONGEST_VALUE:
            raise RefusedValueError(f"is longer than {LONGEST_VALUE} characters")
        if kind is bool:
            return _as_bool(text)
        return _as_int(text, span) if kind is int else self._as_list(key, text)

    def _as_list(self, key: Key, text: str) -> tuple[str, ...]:
        items = comma_separated(text)
        known = same_spelling(items, key.choices(self.station)) if key.choices is not None else items
        if known is None:
            raise RefusedValueError("holds an item that this station does not know")
        if key.most is not None and len(known) > key.most(self.station):
            raise RefusedValueError(f"holds more than {key.most(self.station)} items")
        return tuple(known)


def setting_range(field: str) -> Range | None:
    """The allowed span of a field of `Settings`."""
    return field_kind(field)[1]


@cache
def field_kind(field: str) -> tuple[type, Range | None]:
    """The type of a field of `Settings` (bool, int or tuple), and its allowed span."""
    hint = get_type_hints(Settings, include_extras=True)[field]
    if get_origin(hint) is Annotated:
        kind, *notes = get_args(hint)
        return kind, next((note for note in notes if isinstance(note, Range)), None)
    return get_origin(hint) or hint, None


def as_text(value: Value) -> str:
    """A value as it travels."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _neutral(field: str) -> Value:
    """What a setting holds where its feature is off: no, or nothing."""
    return cast("Value", field_kind(field)[0]())


def _as_bool(text: str) -> bool:
    words: Mapping[str, bool] = {"true": True, "false": False}
    if text.casefold() not in words:
        raise RefusedValueError("should be true or false")
    return words[text.casefold()]


def _as_int(text: str, span: Range | None) -> int:
    if not re.fullmatch(rf"[+-]?[0-9]{{1,{_MAX_DIGITS}}}", text):
        raise RefusedValueError("should be a whole number")
    number = int(text)
    if span is not None and not span.low <= number <= span.high:
        raise RefusedValueError(f"should be between {span.low:g} and {span.high:g} {span.unit}".rstrip())
    return number


def _check_names(option: str, names: Iterable[str], allowed: Iterable[str]) -> None:
    wrong = sorted(set(names) - set(allowed))
    if wrong:
        raise ConfigError([f"ocpp.{option}: {name} is not a key that can be listed here" for name in wrong])
