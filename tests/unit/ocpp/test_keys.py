"""The configuration keys: one table behind GetConfiguration, ChangeConfiguration and the factory values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pytest

from chargerd.bench.required_keys import REQUIRED
from chargerd.core.settings import ConnectorKind, ConnectorSettings, Settings
from chargerd.ocpp.options import Features
from chargerd.ocpp.v16.key_row import Access, Effect, Key
from chargerd.ocpp.v16.key_values import Change, KeyTable, RefusedValueError, UnknownKeyError
from chargerd.ocpp.v16.keys import KEYS
from hal.errors import ConfigError
from tests.support.ocpp_fakes import CONNECTORS, options

AC = (ConnectorSettings(id=1, kind=ConnectorKind.TYPE2_CABLE),)
SOCKET = (ConnectorSettings(id=1, kind=ConnectorKind.TYPE2_SOCKET, has_lock=True),)


def table(connectors: Sequence[ConnectorSettings] = CONNECTORS, **changed: object) -> KeyTable:
    return KeyTable(options(**changed), connectors)


def shown(keys: KeyTable, name: str) -> str:
    """A key's value as delivered."""
    return keys.get(name, keys.factory()).value


def test_every_setting_has_one_key() -> None:
    """MicroOcpp#394: nothing the central system may change is hidden, and nothing is there twice."""
    named = [key.field for key in KEYS if key.field is not None]
    assert sorted(named) == sorted(one.name for one in fields(Settings))
    assert len({key.name for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize(("name", "is_read_only"), REQUIRED["Core"].items())
def test_required_keys_are_shown(name: str, is_read_only: bool | None) -> None:
    """MicroOcpp#394: each required key is there, with the right read-only flag."""
    found = table().get(name, Settings())
    assert found.name == name
    assert is_read_only in (None, found.is_read_only)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NumberOfConnectors", "2"),
        ("SupportedFeatureProfiles", "Core,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"),
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
    assert shown(table(), name) == value


@pytest.mark.parametrize("name", ["heartbeatinterval", "HEARTBEATINTERVAL", " HeartbeatInterval "])
def test_names_are_found_in_any_case(name: str) -> None:
    """Names compare without case and are shown in the standard spelling."""
    assert table().get(name, Settings()).name == "HeartbeatInterval"
    assert table().change(name, "10") == Change("heartbeat_interval_s", 10, Effect.NOW)


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


def test_value_longer_than_its_message_may_hold() -> None:
    """OCPP 1.6, 7.29: a value has at most 500 characters; the limit holds for the technician and the configuration as well."""
    items = ",".join(f"{number}.NotApplicable" for number in range(33))
    with pytest.raises(RefusedValueError, match="500"):
        table([ConnectorSettings(id=number) for number in range(1, 33)]).change("ConnectorPhaseRotation", items, is_local=True)


def test_default_of_a_large_station_fits() -> None:
    """What 32 connectors are built like is told as far as 500 characters go, in whole items."""
    value = shown(table([ConnectorSettings(id=number) for number in range(1, 33)]), "ConnectorPhaseRotation")
    assert len(value) <= 500
    assert value.endswith(".NotApplicable")


@pytest.mark.parametrize("item", ["Voltage.L1", "Current.Import.L3"])
def test_one_phase_of_a_measurand(item: str) -> None:
    """OCPP 1.6, 9.1.17: where phases are measured, a list may ask for one of them."""
    assert table(AC).change("MeterValuesSampledData", item.lower()).value == (item,)
    assert table(AC).change("StopTxnAlignedData", item).value == (item,)


def test_single_phase_has_no_phases() -> None:
    """One phase is told without its name, and its rotation is nobody's question."""
    keys = table([ConnectorSettings(id=1, kind=ConnectorKind.TYPE2_CABLE, phases=1)])
    with pytest.raises(RefusedValueError):
        keys.change("MeterValuesSampledData", "Voltage.L1")
    assert shown(keys, "ConnectorPhaseRotation") == "0.NotApplicable,1.NotApplicable"


@pytest.mark.parametrize("item", ["Voltage.L4", "Energy.Active.Import.Register.L1", "Current.Offered.L1", "SoC"])
def test_what_alternating_current_does_not_measure(item: str) -> None:
    """Neither a phase of what has none, nor the vehicle's state of charge, which no control pilot tells."""
    with pytest.raises(RefusedValueError):
        table(AC).change("MeterValuesSampledData", item)


def test_declared_measurands_decide_what_a_list_may_hold() -> None:
    """A product may declare more than is measured, and less for clock-aligned readings than for samples."""
    names = ("Energy.Active.Import.Register", "Energy.Reactive.Export.Register", "SoC")
    keys = table(AC, sampled_measurands=names, aligned_measurands=names[:1])
    for name in ("MeterValuesSampledData", "StopTxnSampledData"):
        assert keys.change(name, ",".join(names)).value == names
    for name in ("MeterValuesAlignedData", "StopTxnAlignedData"):
        assert keys.change(name, names[0]).value == names[:1]
        with pytest.raises(RefusedValueError):
            keys.change(name, names[1])
    assert shown(keys, "MeterValuesSampledData") == "Energy.Active.Import.Register,SoC"
    assert shown(keys, "MeterValuesSampledDataMaxLength") == "3"
    assert shown(keys, "MeterValuesAlignedDataMaxLength") == "1"
    assert shown(keys, "StopTxnAlignedDataMaxLength") == "1"


def test_aligned_readings_are_declared_like_samples_unless_told_otherwise() -> None:
    """One list is enough for a product that makes no difference."""
    keys = table(sampled_measurands=("Energy.Active.Import.Register", "Frequency"))
    assert keys.change("MeterValuesAlignedData", "Frequency").value == ("Frequency",)


@pytest.mark.parametrize("names", [("Voltage",), ("Energy.Active.Import.Register", "Charm"), ()])
def test_declared_measurands_are_checked(names: tuple[str, ...]) -> None:
    """Only names of OCPP 1.6, and the register always, because an empty list means it."""
    with pytest.raises(ValueError, match="sampled_measurands"):
        table(sampled_measurands=names)


def test_socket_can_be_held_until_unplugged() -> None:
    """With a lock of the station's own UnlockConnectorOnEVSideDisconnect can be changed, and is delivered as true."""
    keys = table(SOCKET)
    assert shown(keys, "UnlockConnectorOnEVSideDisconnect") == "true"
    assert keys.change("UnlockConnectorOnEVSideDisconnect", "false").value is False
    assert shown(keys, "ConnectorPhaseRotation") == "0.Unknown,1.Unknown"


def test_fixed_cable_has_nothing_to_unlock() -> None:
    """Not even the technician or the configuration can make it so."""
    assert table().get("UnlockConnectorOnEVSideDisconnect", table().factory()).is_read_only
    with pytest.raises(RefusedValueError):
        table().change("UnlockConnectorOnEVSideDisconnect", "true", is_local=True)
    with pytest.raises(ConfigError, match="always false"):
        table(keys={"UnlockConnectorOnEVSideDisconnect": True}).factory()
    assert not table(keys={"UnlockConnectorOnEVSideDisconnect": False}).factory().unlock_connector_on_ev_side_disconnect


@pytest.mark.parametrize(
    ("feature", "name", "field"),
    [
        ("authorization_cache", "AuthorizationCacheEnabled", "authorization_cache_enabled"),
        ("offline_unknown_ids", "AllowOfflineTxForUnknownId", "allow_offline_tx_for_unknown_id"),
        ("max_energy_on_invalid_id", "MaxEnergyOnInvalidId", "max_energy_on_invalid_id_wh"),
        ("minimum_status_duration", "MinimumStatusDuration", "minimum_status_duration_s"),
    ],
)
def test_feature_that_is_off_takes_its_key_away(feature: str, name: str, field: str) -> None:
    """OCPP 1.6, chapter 9: an optional key that is there says that the function is there. Without it the setting is neutral."""
    assert name in [one.name for one in table().all(Settings())]
    keys = table(features=Features(**{feature: False}))
    assert name not in [one.name for one in keys.all(Settings())]
    with pytest.raises(UnknownKeyError):
        keys.change(name, "1")
    assert not getattr(keys.factory(), field)
    with pytest.raises(ConfigError, match=f"features.{feature} is off"):
        table(features=Features(**{feature: False}), keys={name: 1}).factory()


def test_products_hide_and_fix_keys() -> None:
    """A preset leaves optional keys out and makes others read-only."""
    keys = table(absent_keys=("MessageTimeout",), read_only_keys=("AuthorizeRemoteTxRequests",))
    assert "MessageTimeout" not in [one.name for one in keys.all(Settings())]
    with pytest.raises(UnknownKeyError):
        keys.change("MessageTimeout", "1")
    assert keys.get("AuthorizeRemoteTxRequests", Settings()).is_read_only
    with pytest.raises(RefusedValueError):
        keys.change("AuthorizeRemoteTxRequests", "false")


def test_technician_sets_what_the_product_fixes() -> None:
    """A local setting: read-only for the central system alone. What follows from the station nobody can set."""
    keys = table(read_only_keys=("AuthorizeRemoteTxRequests",))
    assert keys.change("AuthorizeRemoteTxRequests", "true", is_local=True).value is True
    with pytest.raises(RefusedValueError):
        keys.change("NumberOfConnectors", "3", is_local=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"absent_keys": ("HeartbeatInterval",)},
        {"absent_keys": ("MinimumStatusDuration",)},
        {"absent_keys": ("Nonsense",)},
        {"read_only_keys": ("Nonsense",)},
        {"read_only_keys": ("HeartbeatInterval",)},
    ],
)
def test_options_name_real_keys(changed: dict[str, object]) -> None:
    """A required key cannot be hidden nor one that must be writable be fixed, a feature has its own switch, a misspelt key is told."""
    with pytest.raises(ConfigError):
        table(**changed)


def test_phase_rotation_may_be_left_empty() -> None:
    """A product that does not know says nothing, although the key is required."""
    assert shown(table(keys={"ConnectorPhaseRotation": ""}), "ConnectorPhaseRotation") == ""


def test_change_after_a_restart() -> None:
    """A key that is read at the start only is answered RebootRequired; no key of OCPP 1.6 is."""
    row = Key(name="HeartbeatInterval", meaning="", field="heartbeat_interval_s", effect=Effect.REBOOT)
    assert KeyTable(options(), CONNECTORS, [row]).change("HeartbeatInterval", "9").answer == "RebootRequired"
    assert Effect.REBOOT not in {key.effect for key in KEYS}


def test_what_is_computed_can_only_be_read() -> None:
    """A row has a field that can be changed, or a value that follows from the station."""
    for key in KEYS:
        assert (key.field is None) == (key.shown is not None) == (key.access is Access.READ), key.name


def test_stored_changes_are_taken_while_they_fit() -> None:
    """After a change of the configuration, what was stored before is judged as a new value would be."""
    keys = table(
        features=Features(minimum_status_duration=False),
        sampled_measurands=("Energy.Active.Import.Register",),
        read_only_keys=("AuthorizeRemoteTxRequests",),
    )
    good = (
        ("heartbeat_interval_s", "20"),
        ("meter_values_sampled_data", '["Energy.Active.Import.Register"]'),
        ("authorize_remote_tx_requests", "false"),
        ("stop_txn_sampled_data", "[]"),
    )
    stale = (
        ("minimum_status_duration_s", "10"),
        ("stop_txn_sampled_data", '["SoC"]'),
        ("unlock_connector_on_ev_side_disconnect", "true"),
        ("connection_time_out_s", "0"),
        ("a_setting_of_another_version", "1"),
    )
    assert keys.still_valid(good + stale) == good


def test_factory_values() -> None:
    """`ocpp.keys` gives settings, read-only keys included; values of YAML may be numbers and booleans."""
    keys = table(
        keys={
            "HeartbeatInterval": 20,
            "LocalPreAuthorize": True,
            "AuthorizeRemoteTxRequests": "true",
            "MeterValuesSampledData": "SoC",
        },
        read_only_keys=("AuthorizeRemoteTxRequests",),
    )
    settings = keys.factory()
    assert settings.heartbeat_interval_s == 20
    assert settings.local_pre_authorize
    assert settings.authorize_remote_tx_requests
    assert settings.meter_values_sampled_data == ("SoC",)
    assert settings.connection_time_out_s == Settings().connection_time_out_s


def test_wrong_factory_values_are_told_together() -> None:
    """Every problem is named with its key."""
    with pytest.raises(ConfigError) as caught:
        table(keys={"HeartbeatInterval": -1, "Nonsense": "x", "NumberOfConnectors": 3}).factory()
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "ocpp.keys.HeartbeatInterval",
        "ocpp.keys.Nonsense",
        "ocpp.keys.NumberOfConnectors",
    ]


@pytest.mark.parametrize("connectors", [CONNECTORS, AC, SOCKET])
def test_every_value_shown_can_be_set_again(connectors: Sequence[ConnectorSettings]) -> None:
    """What GetConfiguration shows of a writable key, ChangeConfiguration takes."""
    keys = table(connectors)
    for one in keys.all(keys.factory()):
        if not one.is_read_only:
            keys.change(one.name, one.value)
