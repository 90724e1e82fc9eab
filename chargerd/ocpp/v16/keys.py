"""The configuration keys (OCPP 1.6, chapter 9): one row each, from which GetConfiguration, ChangeConfiguration and the docs are made.

A row that names a field of `Settings` takes type and range from there; a row with `shown` is computed and read-only. No key needs a
reboot: a change is effective when it is answered Accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from chargerd.core.settings import ConnectorKind, ConnectorSettings, Settings
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.v16.convert import comma_separated, same_spelling
from hal.errors import ConfigError
from hal.types import Range

FEATURE_PROFILES = ("Core",)

_PHASE_ROTATIONS = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Station:
    """What the values of keys depend on beside the settings."""

    options: OcppOptions
    connectors: tuple[ConnectorSettings, ...]

    @property
    def has_lock(self) -> bool:
        """A lock of the station's own (a socket); a fixed cable has none."""
        return any(connector.has_lock for connector in self.connectors)


@dataclass(frozen=True, slots=True)
class Key:
    """One row.

    field: the field of `Settings` behind it. shown: the value of a computed key, or what stands for an empty list. items: checks and
    spells the items of a list; None when one does not fit. max_length: the longest list. is_fixed: the station cannot change it.
    """

    name: str
    field: str | None = None
    shown: Callable[[Station], str] | None = None
    items: Callable[[list[str], Station], list[str] | None] | None = None
    max_length: Callable[[Station], int] | None = None
    is_fixed: Callable[[Station], bool] = lambda _: False
    is_required: bool = True


# --- lists ---------------------------------------------------------------------------------------------------------------------------


def _measurands(items: list[str], station: Station) -> list[str] | None:
    return same_spelling(items, station.options.measurands)


def _rotations(items: list[str], station: Station) -> list[str] | None:
    return same_spelling(items, (f"{number}.{word}" for number in range(len(station.connectors) + 1) for word in _PHASE_ROTATIONS))


def _rotations_built(station: Station) -> str:
    """What holds until somebody says more: direct current has no phases."""
    words = {kind: "NotApplicable" if kind is ConnectorKind.CCS2 else "Unknown" for kind in ConnectorKind}
    each = [words[connector.kind] for connector in station.connectors]
    whole = "NotApplicable" if set(each) == {"NotApplicable"} else "Unknown"
    return ",".join(f"{number}.{word}" for number, word in enumerate([whole, *each]))


def _meter_list(station: Station) -> int:
    return station.options.meter_values_list_max_length or len(station.options.measurands)


def _stop_list(station: Station) -> int:
    return station.options.stop_txn_list_max_length or len(station.options.measurands)


def _rotation_list(station: Station) -> int:
    return len(station.connectors) + 1


def _text(number: Callable[[Station], int]) -> Callable[[Station], str]:
    return lambda station: str(number(station))


# --- the table -------------------------------------------------------------------------------------------------------------------------

KEYS: tuple[Key, ...] = (
    Key("AllowOfflineTxForUnknownId", "allow_offline_tx_for_unknown_id", is_required=False),
    Key("AuthorizationCacheEnabled", "authorization_cache_enabled", is_required=False),
    Key("AuthorizeRemoteTxRequests", "authorize_remote_tx_requests"),
    Key("ClockAlignedDataInterval", "clock_aligned_data_interval_s"),
    Key("ConnectionTimeOut", "connection_time_out_s"),
    Key("ConnectorPhaseRotation", "connector_phase_rotation", shown=_rotations_built, items=_rotations, max_length=_rotation_list),
    Key("ConnectorPhaseRotationMaxLength", shown=_text(_rotation_list), is_required=False),
    Key("GetConfigurationMaxKeys", shown=_text(lambda station: station.options.get_configuration_max_keys)),
    Key("HeartbeatInterval", "heartbeat_interval_s"),
    Key("LocalAuthorizeOffline", "local_authorize_offline"),
    Key("LocalPreAuthorize", "local_pre_authorize"),
    Key("MaxEnergyOnInvalidId", "max_energy_on_invalid_id_wh", is_required=False),
    Key("MessageTimeout", "message_timeout_s", is_required=False),
    Key("MeterValuesAlignedData", "meter_values_aligned_data", items=_measurands, max_length=_meter_list),
    Key("MeterValuesAlignedDataMaxLength", shown=_text(_meter_list), is_required=False),
    Key("MeterValuesSampledData", "meter_values_sampled_data", items=_measurands, max_length=_meter_list),
    Key("MeterValuesSampledDataMaxLength", shown=_text(_meter_list), is_required=False),
    Key("MeterValueSampleInterval", "meter_value_sample_interval_s"),
    Key("MinimumStatusDuration", "minimum_status_duration_s", is_required=False),
    Key("NumberOfConnectors", shown=_text(lambda station: len(station.connectors))),
    Key("ResetRetries", "reset_retries"),
    Key("StopTransactionMaxMeterValues", shown=_text(lambda one: one.options.stop_transaction_max_meter_values), is_required=False),
    Key("StopTransactionOnEVSideDisconnect", "stop_transaction_on_ev_side_disconnect", is_required=False),
    Key("StopTransactionOnInvalidId", "stop_transaction_on_invalid_id"),
    Key("StopTxnAlignedData", "stop_txn_aligned_data", items=_measurands, max_length=_stop_list),
    Key("StopTxnAlignedDataMaxLength", shown=_text(_stop_list), is_required=False),
    Key("StopTxnSampledData", "stop_txn_sampled_data", items=_measurands, max_length=_stop_list),
    Key("StopTxnSampledDataMaxLength", shown=_text(_stop_list), is_required=False),
    Key("SupportedFeatureProfiles", shown=lambda _: ",".join(FEATURE_PROFILES)),
    Key("TransactionMessageAttempts", "transaction_message_attempts"),
    Key("TransactionMessageRetryInterval", "transaction_message_retry_interval_s"),
    Key("UnlockConnectorOnEVSideDisconnect", "unlock_connector_on_ev_side_disconnect", is_fixed=lambda station: not station.has_lock),
    Key("WebSocketPingInterval", "web_socket_ping_interval_s", is_required=False),
)


# --- what is read from it ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as GetConfiguration shows it."""

    name: str
    value: str
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A checked change: the field of `Settings` and its new value."""

    field: str
    value: object


class UnknownKeyError(KeyError):
    """The station has no such key: NotSupported."""


class RefusedValueError(ValueError):
    """The key is read-only or the value does not fit: Rejected. The text says why."""


class KeyTable:
    """The keys of one station. Raises ConfigError for options that name keys wrongly."""

    def __init__(self, options: OcppOptions, connectors: Sequence[ConnectorSettings]) -> None:
        self._station = Station(options, tuple(connectors))
        _check_names("absent_keys", options.absent_keys, (key.name for key in KEYS if not key.is_required))
        _check_names("read_only_keys", options.read_only_keys, (key.name for key in KEYS))
        self._rows = {key.name.casefold(): key for key in KEYS if key.name not in options.absent_keys}
        self.max_keys = options.get_configuration_max_keys

    def all(self, settings: Settings) -> list[KeyValue]:
        """Every key, in alphabetical order."""
        return [self._value(key, settings) for key in sorted(self._rows.values(), key=lambda key: key.name.casefold())]

    def get(self, name: str, settings: Settings) -> KeyValue:
        """One key, by its name in any case. Raises UnknownKeyError."""
        return self._value(self._row(name), settings)

    def change(self, name: str, text: str) -> Change:
        """What a new value means. Raises UnknownKeyError and RefusedValueError."""
        key = self._row(name)
        if self._is_read_only(key):
            raise RefusedValueError(f"{key.name} is read-only")
        return self._changed(key, text)

    def factory(self, base: Settings | None = None) -> Settings:
        """The settings with the factory values of the options. Raises ConfigError naming each value that does not fit."""
        problems, values = [], {}
        for name, value in self._station.options.keys.items():
            try:
                change = self._changed(self._row(name), str(value))
                values[change.field] = change.value
            except UnknownKeyError:
                problems.append(f"ocpp.keys.{name}: the station has no such key")
            except RefusedValueError as error:
                problems.append(f"ocpp.keys.{name}: {error}")
        if problems:
            raise ConfigError(problems)
        settings = base or Settings()
        return replace(settings, **cast("dict[str, Any]", values))

    def _row(self, name: str) -> Key:
        key = self._rows.get(name.strip().casefold())
        if key is None:
            raise UnknownKeyError(name)
        return key

    def _is_read_only(self, key: Key) -> bool:
        return key.field is None or key.is_fixed(self._station) or key.name in self._station.options.read_only_keys

    def _value(self, key: Key, settings: Settings) -> KeyValue:
        value = getattr(settings, key.field) if key.field is not None else ()
        text = key.shown(self._station) if key.shown is not None and value == () else _as_text(value)
        return KeyValue(key.name, text, self._is_read_only(key))

    def _changed(self, key: Key, text: str) -> Change:
        if key.field is None:
            raise RefusedValueError(f"{key.name} follows from the station")
        kind, span = _field_kind(key.field)
        text = text.strip()
        if kind is bool:
            return Change(key.field, _as_bool(text))
        if kind is int:
            return Change(key.field, _as_int(text, span))
        return Change(key.field, self._as_list(key, text))

    def _as_list(self, key: Key, text: str) -> tuple[str, ...]:
        items = comma_separated(text)
        known = key.items(items, self._station) if key.items is not None else items
        if known is None:
            raise RefusedValueError("holds an item that this station does not know")
        if key.max_length is not None and len(known) > key.max_length(self._station):
            raise RefusedValueError(f"holds more than {key.max_length(self._station)} items")
        return tuple(known)


def setting_range(field: str) -> Range | None:
    """The allowed span of a field of `Settings`."""
    return _field_kind(field)[1]


@cache
def _field_kind(field: str) -> tuple[type, Range | None]:
    hint = get_type_hints(Settings, include_extras=True)[field]
    if get_origin(hint) is Annotated:
        kind, *notes = get_args(hint)
        return kind, next((note for note in notes if isinstance(note, Range)), None)
    return get_origin(hint) or hint, None


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


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
