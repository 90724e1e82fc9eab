"""The configuration keys: one table behind GetConfiguration, ChangeConfiguration and the factory values."""

from __future__ import annotations

from dataclasses import fields

import pytest

from chargerd.core.settings import ConnectorKind, ConnectorSettings, Settings
from chargerd.ocpp.v16.keys import KEYS, Change, KeyTable, RefusedValueError, UnknownKeyError
from hal.errors import ConfigError
from tests.support.ocpp_fakes import CONNECTORS, options

REQUIRED_BY_TC_019 = {
    "AuthorizeRemoteTxRequests": None,
    "ClockAlignedDataInterval": False,
    "ConnectionTimeOut": False,
    "ConnectorPhaseRotation": False,
    "GetConfigurationMaxKeys": True,
    "HeartbeatInterval": False,
    "LocalAuthorizeOffline": False,
    "LocalPreAuthorize": False,
    "MeterValuesAlignedData": False,
    "MeterValuesSampledData": False,
    "MeterValueSampleInterval": False,
    "NumberOfConnectors": True,
    "ResetRetries": False,
    "StopTransactionOnInvalidId": False,
    "StopTxnAlignedData": False,
    "StopTxnSampledData": False,
    "SupportedFeatureProfiles": True,
    "TransactionMessageAttempts": False,
    "TransactionMessageRetryInterval": False,
    "UnlockConnectorOnEVSideDisconnect": None,
}
"""Key -> read-only as conformance case TC_019 wants it (None: either)."""


def table(**changed: object) -> KeyTable:
    return KeyTable(options(**changed), CONNECTORS)


def test_every_setting_has_one_key() -> None:
    """Field lesson 25: nothing the central system may change is hidden, and nothing is there twice."""
    named = [key.field for key in KEYS if key.field is not None]
    assert sorted(named) == sorted(one.name for one in fields(Settings))
    assert len({key.name for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize(("name", "is_read_only"), REQUIRED_BY_TC_019.items())
def test_required_keys_are_shown(name: str, is_read_only: bool | None) -> None:
    """Field lesson 25: each required key is there, with the right read-only flag."""
    shown = table().get(name, Settings())
    assert shown.name == name
    assert is_read_only in (None, shown.is_read_only)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NumberOfConnectors", "2"),
        ("SupportedFeatureProfiles", "Core"),
        ("GetConfigurationMaxKeys", "64"),
        ("HeartbeatInterval", "300"),
        ("LocalPreAuthorize", "false"),
        ("MeterValuesAlignedData", "Energy.Active.Import.Register"),
        ("StopTxnSampledData", ""),
        ("ConnectorPhaseRotation", "0.NotApplicable,1.NotApplicable,2.NotApplicable"),
        ("ConnectorPhaseRotationMaxLength", "3"),
        ("MeterValuesSampledDataMaxLength", "8"),
        ("StopTransactionMaxMeterValues", "200"),
    ],
)
def test_values_as_shown(name: str, value: str) -> None:
    """Values travel as text: true/false, whole numbers, comma-separated lists."""
    assert table().get(name, Settings()).value == value


@pytest.mark.parametrize("name", ["heartbeatinterval", "HEARTBEATINTERVAL", " HeartbeatInterval "])
def test_names_are_found_in_any_case(name: str) -> None:
    """Names compare without case and are shown in the standard spelling."""
    assert table().get(name, Settings()).name == "HeartbeatInterval"
    assert table().change(name, "10") == Change("heartbeat_interval_s", 10)


@pytest.mark.parametrize(
    ("name", "text", "change"),
    [
        ("MeterValueSampleInterval", "0", Change("meter_value_sample_interval_s", 0)),
        ("MeterValueSampleInterval", "86400", Change("meter_value_sample_interval_s", 86400)),
        ("LocalPreAuthorize", "TRUE", Change("local_pre_authorize", True)),
        ("LocalPreAuthorize", " false ", Change("local_pre_authorize", False)),
        ("MeterValuesSampledData", "voltage, SOC ,Voltage", Change("meter_values_sampled_data", ("Voltage", "SoC"))),
        ("MeterValuesSampledData", "", Change("meter_values_sampled_data", ())),
        ("ConnectorPhaseRotation", "0.Unknown,1.rst", Change("connector_phase_rotation", ("0.Unknown", "1.RST"))),
    ],
)
def test_accepted_changes(name: str, text: str, change: Change) -> None:
    """A value that fits becomes the field and value of a setting, lists without spaces or repetition."""
    assert table().change(name, text) == change


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MeterValueSampleInterval", "-1"),
        ("MeterValueSampleInterval", "86401"),
        ("MeterValueSampleInterval", "1.5"),
        ("MeterValueSampleInterval", "ten"),
        ("MeterValueSampleInterval", ""),
        ("MeterValueSampleInterval", "٣"),
        ("MeterValueSampleInterval", "9" * 5000),
        ("ConnectionTimeOut", "0"),
        ("WebSocketPingInterval", "-1"),
        ("TransactionMessageAttempts", "0"),
        ("LocalPreAuthorize", "1"),
        ("LocalPreAuthorize", "yes"),
        ("MeterValuesSampledData", "Voltage,RPM"),
        ("MeterValuesSampledData", "Voltage,,SoC"),
        ("MeterValuesSampledData", "Voltage.L1"),
        ("ConnectorPhaseRotation", "3.RST"),
        ("ConnectorPhaseRotation", "RST"),
        ("NumberOfConnectors", "2"),
        ("SupportedFeatureProfiles", "Core"),
        ("GetConfigurationMaxKeys", "3"),
        ("MeterValuesSampledDataMaxLength", "3"),
        ("UnlockConnectorOnEVSideDisconnect", "true"),
    ],
)
def test_refused_changes(name: str, text: str) -> None:
    """Wrong format, out of range, unsupported measurand and read-only keys are Rejected as a whole."""
    with pytest.raises(RefusedValueError):
        table().change(name, text)


def test_unknown_key() -> None:
    """TC_040_1: an unknown key is NotSupported, not Rejected."""
    with pytest.raises(UnknownKeyError):
        table().change("Testing", "1")
    with pytest.raises(UnknownKeyError):
        table().get("Testing", Settings())


def test_list_longer_than_its_limit() -> None:
    """The MaxLength keys are kept."""
    with pytest.raises(RefusedValueError):
        table(meter_values_list_max_length=1).change("MeterValuesSampledData", "Voltage,SoC")


def test_socket_can_be_held_until_unplugged() -> None:
    """With a lock of the station's own UnlockConnectorOnEVSideDisconnect can be changed."""
    socket = (ConnectorSettings(id=1, kind=ConnectorKind.TYPE2_SOCKET, has_lock=True),)
    keys = KeyTable(options(), socket)
    assert keys.change("UnlockConnectorOnEVSideDisconnect", "true") == Change("unlock_connector_on_ev_side_disconnect", True)
    assert keys.get("ConnectorPhaseRotation", Settings()).value == "0.Unknown,1.Unknown"


def test_products_hide_and_fix_keys() -> None:
    """A preset leaves optional keys out and makes others read-only."""
    keys = table(absent_keys=("MinimumStatusDuration",), read_only_keys=("StopTransactionOnEVSideDisconnect",))
    assert "MinimumStatusDuration" not in [one.name for one in keys.all(Settings())]
    with pytest.raises(UnknownKeyError):
        keys.change("MinimumStatusDuration", "1")
    assert keys.get("StopTransactionOnEVSideDisconnect", Settings()).is_read_only
    with pytest.raises(RefusedValueError):
        keys.change("StopTransactionOnEVSideDisconnect", "false")


@pytest.mark.parametrize(
    "changed", [{"absent_keys": ("HeartbeatInterval",)}, {"absent_keys": ("Nonsense",)}, {"read_only_keys": ("Nonsense",)}]
)
def test_options_name_real_keys(changed: dict[str, object]) -> None:
    """A required key cannot be hidden, and a misspelt one is told."""
    with pytest.raises(ConfigError):
        table(**changed)


def test_factory_values() -> None:
    """`ocpp.keys` gives settings, read-only keys included; values of YAML may be numbers and booleans."""
    keys = table(
        keys={
            "HeartbeatInterval": 20,
            "LocalPreAuthorize": True,
            "StopTransactionOnEVSideDisconnect": "false",
            "MeterValuesSampledData": "SoC",
        },
        read_only_keys=("StopTransactionOnEVSideDisconnect",),
    )
    settings = keys.factory(Settings(connection_time_out_s=30))
    assert settings.heartbeat_interval_s == 20
    assert settings.local_pre_authorize
    assert not settings.stop_transaction_on_ev_side_disconnect
    assert settings.meter_values_sampled_data == ("SoC",)
    assert settings.connection_time_out_s == 30


def test_wrong_factory_values_are_told_together() -> None:
    """Every problem is named with its key."""
    with pytest.raises(ConfigError) as caught:
        table(keys={"HeartbeatInterval": -1, "Nonsense": "x", "NumberOfConnectors": 3}).factory()
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "ocpp.keys.HeartbeatInterval",
        "ocpp.keys.Nonsense",
        "ocpp.keys.NumberOfConnectors",
    ]


def test_every_value_shown_can_be_set_again() -> None:
    """What GetConfiguration shows of a writable key, ChangeConfiguration takes."""
    keys = table()
    for shown in keys.all(Settings()):
        if not shown.is_read_only:
            keys.change(shown.name, shown.value)
