"""The keys that TC_019 looks for. Source: OCTT 1.6 test cases, TC_019_CS; OCPP 1.6, chapter 9."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chargerd.bench.product import ShownKey

READ_ONLY, WRITABLE, EITHER = True, False, None

REQUIRED: Mapping[str, Mapping[str, bool | None]] = {
    "Core": {
        "AuthorizeRemoteTxRequests": EITHER,
        "ClockAlignedDataInterval": WRITABLE,
        "ConnectionTimeOut": WRITABLE,
        "ConnectorPhaseRotation": WRITABLE,
        "GetConfigurationMaxKeys": READ_ONLY,
        "HeartbeatInterval": WRITABLE,
        "LocalAuthorizeOffline": WRITABLE,
        "LocalPreAuthorize": WRITABLE,
        "MeterValuesAlignedData": WRITABLE,
        "MeterValuesSampledData": WRITABLE,
        "MeterValueSampleInterval": WRITABLE,
        "NumberOfConnectors": READ_ONLY,
        "ResetRetries": WRITABLE,
        "StopTransactionOnInvalidId": WRITABLE,
        "StopTxnAlignedData": WRITABLE,
        "StopTxnSampledData": WRITABLE,
        "SupportedFeatureProfiles": READ_ONLY,
        "TransactionMessageAttempts": WRITABLE,
        "TransactionMessageRetryInterval": WRITABLE,
        "UnlockConnectorOnEVSideDisconnect": EITHER,
    },
    "LocalAuthListManagement": {
        "LocalAuthListEnabled": WRITABLE,
        "LocalAuthListMaxLength": READ_ONLY,
        "SendLocalListMaxLength": READ_ONLY,
    },
    "SmartCharging": {
        "ChargeProfileMaxStackLevel": READ_ONLY,
        "ChargingScheduleAllowedChargingRateUnit": READ_ONLY,
        "ChargingScheduleMaxPeriods": READ_ONLY,
        "MaxChargingProfilesInstalled": READ_ONLY,
    },
}


def wrong_flags(shown: Mapping[str, ShownKey], profiles: Collection[str]) -> list[str]:
    """What is wrong with the keys of a station that supports these profiles, as sentences."""
    problems = []
    for profile in profiles:
        for key, is_read_only in REQUIRED.get(profile, {}).items():
            if key not in shown:
                problems.append(f"{key} is missing")
            elif is_read_only is not EITHER and shown[key].is_read_only is not is_read_only:
                problems.append(f"{key} is {'read-only' if shown[key].is_read_only else 'writable'}")
    return problems
