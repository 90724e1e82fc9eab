"""The station's PICS (Protocol Implementation Conformance Statement): what the running code would do with a configuration.

Derived from configuration and code, in the layout of the Open Charge Alliance's certificates: rows HFS-n (hardware), C-nn (Core), AQ-n
(questions of the laboratory), ORS-n (ranges and limits of keys). What is not built yet is named under `missing`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chargerd.app.bindings import ConnectorConfig
from chargerd.app.config import Config
from chargerd.core.settings import ConnectorKind
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.v16.key_values import KeyTable, setting_range
from chargerd.ocpp.v16.keys import KEYS

MISSING: Mapping[str, str] = {
    "profiles.advanced_security": "security profile 3 is not built",
    "profiles.firmware_management": "the profile is not built",
    "profiles.security_extension": "security profiles 1 to 3 are not built",
    "features.core.C-11": "security profile 1 is not built",
    "features.optional.F-1": "firmware update is not built",
    "features.optional.SEC-1": "security profile 1 is not built",
    "features.optional.SEC-2": "security profile 2 is not built",
    "features.optional.SEC-3": "security profile 3 is not built",
    "cipher_suites": "TLS is not built",
    "additional_questions.AQ-1": "the store of root certificates is not built",
    "additional_questions.AQ-3": "the store of station certificates is not built",
    "additional_questions.AQ-4": "firmware update is not built",
    "settings.ORS-16": "SupportedFileTransferProtocols: firmware update and diagnostics are not built",
    "settings.ORS-17": "CertificateSignedMaxChainSize: TLS is not built",
    "settings.ORS-18": "CertificateStoreMaxLength: TLS is not built",
}
"""Places of the layout, with dots between, that have no value yet, and why."""


def pics(config: Config) -> dict[str, Any]:
    """The statement as plain values. True and False stand for a printed Yes and No, None for a row that says nothing."""
    return _Statement(config).whole()


class _Statement:
    """One configuration, and what follows from it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._connectors = config.connectors
        self._keys = KeyTable(config.ocpp, [one.settings for one in config.connectors])
        self._values = self._keys.values(config.factory)

    def whole(self) -> dict[str, Any]:
        features = self._config.ocpp.features
        return {
            "id": self._config.path.stem,
            "kind": "charging_station",
            "product": self._product(),
            "profiles": {
                "core": True,
                "local_auth_list_management": features.local_auth_list,
                "reservation": features.reservation,
                "remote_trigger": features.remote_trigger,
                "smart_charging": features.smart_charging,
            },
            "hardware": {"features": self._hardware(), "connectors": [_connector(one) for one in self._connectors], "other": _other()},
            "features": {"core": self._core(), "optional": self._optional()},
            "measurands": {
                "sampled": {"id": "C-09.1", "supported": list(self._keys.station.sampled)},
                "aligned": {"id": "C-09.2", "supported": list(self._keys.station.aligned)},
            },
            "additional_questions": self._questions(),
            "settings": self._settings(),
            "ocpp_configuration": {name: _plain(value) for name, value in self._values.items()},
            "missing": dict(MISSING),
        }

    def _product(self) -> dict[str, Any]:
        station = self._config.station
        return {
            "vendor": station.vendor,
            "designation": station.model,
            "software_version": station.firmware_version,
            "ocpp_transport": "JSON",
        }

    def _hardware(self) -> dict[str, Any]:
        cables = {_cable(one) for one in self._connectors}
        phases = {_phases(one) for one in self._connectors}
        is_dc = any(not one.settings.kind.is_ac for one in self._connectors)
        rows = {
            "HFS-1": ("detachable_cable", "detachable" in cables),
            "HFS-2": ("fixed_cable", "fixed" in cables),
            "HFS-3": ("ac", any(one.settings.kind.is_ac for one in self._connectors)),
            "HFS-4": ("dc", is_dc),
            "HFS-5": ("phases_1", 1 in phases),
            "HFS-6": ("phases_2", 2 in phases),
            "HFS-7": ("phases_3", 3 in phases),
            "HFS-8": ("connector_count", len(self._connectors)),
            "HFS-9": ("communication", list(self._config.station.communication)),
            "HFS-10": ("rfid_readers", self._readers()),
            "HFS-11": ("dc_power_level_kw", _whole(self._config.station.max_power_w / 1000) if is_dc else None),
        }
        return _named(rows)

    def _readers(self) -> str:
        readers = {one.reader for one in self._connectors} - {None}
        return "single" if len(readers) == 1 else "multiple" if readers else "none"

    def _core(self) -> dict[str, bool]:
        has_reader = self._readers() != "none"
        knows_by = ("AuthorizationCacheEnabled", "LocalAuthListEnabled", "AllowOfflineTxForUnknownId")
        may_know = any(name in self._values for name in knows_by)
        return {
            "C-01": may_know and self._can_be("LocalAuthorizeOffline", wanted=True),
            "C-02": "AllowOfflineTxForUnknownId" in self._values,
            "C-03": "MaxEnergyOnInvalidId" in self._values,
            "C-04": "AuthorizationCacheEnabled" in self._values,
            "C-05": "MinimumStatusDuration" in self._values,
            "C-06.1": self._can_be("StopTransactionOnEVSideDisconnect", wanted=False),
            "C-06.2": self._can_be("StopTransactionOnEVSideDisconnect", wanted=True),
            "C-07": has_reader,
            "C-08": has_reader,
            "C-10.1": self._can_be("UnlockConnectorOnEVSideDisconnect", wanted=True),
            "C-10.2": self._can_be("UnlockConnectorOnEVSideDisconnect", wanted=False),
        }

    def _optional(self) -> dict[str, bool]:
        features = self._config.ocpp.features
        units = self._config.ocpp.charging_rate_units if features.smart_charging else ()
        return {
            "LA-0": features.local_auth_list,
            "RT-0": features.remote_trigger,
            "SC-1.1": "A" in units,
            "SC-1.2": "W" in units,
            "R-0": features.reservation,
            "R-1": features.reserve_connector_zero,
        }

    def _can_be(self, name: str, *, wanted: bool) -> bool:
        """The key holds this value, or the central system may give it to it."""
        (field,) = (key.field for key in KEYS if key.name == name and key.field is not None)
        is_writable = name in self._values and not self._keys.get(name, self._config.factory).is_read_only
        return is_writable or getattr(self._config.factory, field) is wanted

    def _questions(self) -> dict[str, bool | None]:
        return {
            "AQ-2": False,  # a lock holds a cable that is in; nothing keeps it from being plugged in
            "AQ-5": False,  # a card without a choice takes the connector that is plugged in
            "AQ-6": any(one.settings.kind.is_ac for one in self._connectors),
            "AQ-7.1": False,  # the journal needs no last gasp:
            "AQ-7.2": True,  # what a power loss left open is closed and told after the next start
            "AQ-8": None,  # on no certificate known to us
            "AQ-9": any(one.settings.has_lock for one in self._connectors),
            "AQ-10": None,
            "AQ-11": self._readers() != "none",
        }

    def _settings(self) -> dict[str, Any]:
        sample, beat = setting_range("meter_value_sample_interval_s"), setting_range("heartbeat_interval_s")
        rows: dict[str, tuple[str, Any]] = {
            "ORS-4": ("MeterValueSampleInterval.min", int(sample.low) if sample is not None else None),
            "ORS-5": ("MeterValueSampleInterval.max", int(sample.high) if sample is not None else None),
            "ORS-6": ("HeartbeatInterval.min", int(beat.low) if beat is not None else None),
            "ORS-7": ("HeartbeatInterval.max", int(beat.high) if beat is not None else None),
        }
        rows |= {row: (name, self._values.get(name)) for row, name in _LIMITS.items()}
        return _named(dict(sorted(rows.items(), key=lambda one: int(one[0].removeprefix("ORS-")))))


_LIMITS = {
    "ORS-1": "GetConfigurationMaxKeys",
    "ORS-2": "MeterValuesAlignedDataMaxLength",
    "ORS-3": "MeterValuesSampledDataMaxLength",
    "ORS-8": "StopTransactionMaxMeterValues",
    "ORS-9": "StopTxnAlignedDataMaxLength",
    "ORS-10": "StopTxnSampledDataMaxLength",
    "ORS-11": "WebSocketPingInterval",
    "ORS-12": "LocalAuthListMaxLength",
    "ORS-13": "SendLocalListMaxLength",
    "ORS-14": "ChargeProfileMaxStackLevel",
    "ORS-15": "ChargingScheduleMaxPeriods",
    "ORS-19": "MaxChargingProfilesInstalled",
}
"""Rows that repeat what a key holds."""


def _other() -> dict[str, Any]:
    return {"timestamps_with_milliseconds": "." in render_time(0.0)}


def _named(rows: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    return {row: {"name": name, "value": value} for row, (name, value) in rows.items()}


def _connector(one: ConnectorConfig) -> dict[str, Any]:
    built = one.settings
    current = "AC" if built.kind.is_ac else "DC"
    return {"id": built.id, "current": current, "phases": _phases(one), "type": built.kind.value, "cable": _cable(one)}


def _phases(one: ConnectorConfig) -> int | None:
    return one.settings.phases if one.settings.kind.is_ac else None


def _cable(one: ConnectorConfig) -> str:
    return "detachable" if one.settings.kind is ConnectorKind.TYPE2_SOCKET else "fixed"


def _whole(number: float) -> float:
    return int(number) if number.is_integer() else number


def _plain(value: object) -> object:
    """A value of a key as JSON and YAML have it; an empty list is a key without a value."""
    return (",".join(value) or None) if isinstance(value, tuple) else value
