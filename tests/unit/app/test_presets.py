"""What each preset answers to GetConfiguration, through the real handlers."""

from __future__ import annotations

import pytest

from chargerd.app.config import Config, load
from chargerd.bench.required_keys import REQUIRED
from chargerd.ocpp.rpc import Call, CallRefusedError, Payload
from chargerd.ocpp.schema import ErrorCode, check_response
from chargerd.ocpp.v16.handlers import Handlers
from chargerd.ocpp.v16.key_values import KeyTable
from chargerd.sim.virtual_loop import run_virtual
from tests.support.ocpp_fakes import FakeStation, FakeStore, given
from tests.support.presets import CERTIFICATES, PRESETS


def ask(config: Config, action: str, **payload: object) -> Payload:
    """The answer of a station as delivered."""
    keys = KeyTable(config.ocpp, [one.settings for one in config.connectors])
    station = FakeStation(FakeStore(), config.factory, len(config.connectors))
    answer = run_virtual(given(Handlers(station, keys, 10.0, lambda: True).answer(Call("1", action, payload))))
    assert check_response(action, answer) is None
    return answer


def all_keys(config: Config) -> dict[str, Payload]:
    """Every key by its name, as shown."""
    shown: list[Payload] = ask(config, "GetConfiguration")["configurationKey"]  # type: ignore[assignment]
    return {str(one["key"]): one for one in shown}


@pytest.mark.parametrize("name", PRESETS)
def test_required_keys(name: str) -> None:
    """TC_019: each required key is shown, with the right readonly flag."""
    shown = all_keys(load(PRESETS[name]))
    for key, is_read_only in REQUIRED["Core"].items():
        assert is_read_only in (None, shown[key]["readonly"]), key


@pytest.mark.parametrize("name", PRESETS)
def test_as_many_keys_by_name_as_promised(name: str) -> None:
    """TC_019: GetConfigurationMaxKeys names, or all there are, are answered completely; one more is refused."""
    config = load(PRESETS[name])
    names = list(all_keys(config))
    most = int(str(all_keys(config)["GetConfigurationMaxKeys"]["value"]))
    answer = ask(config, "GetConfiguration", key=names[:most])
    assert [one["key"] for one in answer["configurationKey"]] == names[:most]  # type: ignore[attr-defined, index]
    assert "unknownKey" not in answer
    with pytest.raises(CallRefusedError) as caught:
        ask(config, "GetConfiguration", key=(names * 2)[:most] + ["HeartbeatInterval"] * max(1, most + 1 - 2 * len(names)))
    assert caught.value.code is ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION


@pytest.mark.parametrize("name", PRESETS)
def test_feature_profiles_alone(name: str) -> None:
    """TC_019: asked for by itself, without unknownKey, whatever GetConfigurationMaxKeys says."""
    answer = ask(load(PRESETS[name]), "GetConfiguration", key=["SupportedFeatureProfiles"])
    profiles = "Core" if name == "ecu-l7002s" else "Core,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"
    assert answer == {"configurationKey": [{"key": "SupportedFeatureProfiles", "readonly": True, "value": profiles}]}


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("bsec-240k-dc", {"AllowOfflineTxForUnknownId", "MaxEnergyOnInvalidId", "MinimumStatusDuration"}),
        ("bsec-22k-ac", {"AllowOfflineTxForUnknownId", "MaxEnergyOnInvalidId", "MinimumStatusDuration"}),
        ("xcharge-c6", {"MinimumStatusDuration"}),
        ("ecu-l7002s", {"AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled", "MaxEnergyOnInvalidId"}),
    ],
)
def test_keys_of_features_that_a_product_lacks(name: str, absent: set[str]) -> None:
    """C-02 to C-05 of the certificates: what the product lacks is neither shown nor changed nor in force."""
    config = load(PRESETS[name])
    features = {"AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled", "MaxEnergyOnInvalidId", "MinimumStatusDuration"}
    assert features - all_keys(config).keys() == absent
    for key in absent:
        assert ask(config, "ChangeConfiguration", key=key, value="1") == {"status": "NotSupported"}
    assert not (config.factory.allow_offline_tx_for_unknown_id and "AllowOfflineTxForUnknownId" in absent)
    assert config.factory.authorization_cache_enabled is ("AuthorizationCacheEnabled" not in absent)


@pytest.mark.parametrize(
    ("name", "key", "value", "status"),
    [
        ("bsec-240k-dc", "StopTransactionOnEVSideDisconnect", "false", "Rejected"),
        ("bsec-240k-dc", "StopTxnSampledData", "SoC,Voltage", "Accepted"),
        ("bsec-240k-dc", "StopTxnSampledData", "SoC,Voltage,Temperature", "Rejected"),
        ("bsec-240k-dc", "MeterValuesSampledData", "Current.Offered", "Rejected"),
        ("bsec-240k-dc", "MeterValuesSampledData", "Voltage.L1", "Rejected"),
        ("bsec-22k-ac", "MeterValuesSampledData", "SoC,Voltage.L1,Current.Import", "Accepted"),
        ("bsec-22k-ac", "ConnectorPhaseRotation", "0.RST,1.RST,2.TRS", "Accepted"),
        ("bsec-22k-ac", "UnlockConnectorOnEVSideDisconnect", "true", "Rejected"),
        ("xcharge-c6", "MeterValuesSampledData", "Energy.Reactive.Import.Register,Current.Export", "Accepted"),
        ("xcharge-c6", "MeterValuesAlignedData", "Energy.Active.Import.Register", "Accepted"),
        ("xcharge-c6", "MeterValuesAlignedData", "Voltage", "Rejected"),
        ("ecu-l7002s", "MeterValuesSampledData", "Voltage", "Rejected"),
        ("ecu-l7002s", "MeterValuesSampledData", "Energy.Active.Import.Register,Energy.Active.Import.Register", "Accepted"),
        ("ecu-l7002s", "ConnectorPhaseRotation", "0.Unknown,1.Unknown,2.Unknown", "Accepted"),
        ("ecu-l7002s", "ConnectorPhaseRotation", "", "Accepted"),
    ],
)
def test_changes_that_products_take_differently(name: str, key: str, value: str, status: str) -> None:
    """What a certificate declares decides what ChangeConfiguration takes."""
    assert ask(load(PRESETS[name]), "ChangeConfiguration", key=key, value=value) == {"status": status}


def test_whole_list_of_the_one_certificate_that_prints_it() -> None:
    """OCA.0016.0284.CS: every key with its value; a dash is a key that is not there, or one that is required and has no value."""
    shown = all_keys(load(PRESETS["ecu-l7002s"]))
    printed = CERTIFICATES["ecu-l7002s"]["ocpp_configuration"]
    assert shown.keys() <= printed.keys()
    for key, value in printed.items():
        if value is None:
            assert (key in shown) == (key in REQUIRED["Core"]), key
            assert "value" not in shown.get(key, {}), key
        else:
            assert shown[key]["value"] == (str(value).lower() if isinstance(value, bool) else str(value)), key
