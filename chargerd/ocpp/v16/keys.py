"""The configuration keys (OCPP 1.6, chapter 9 and errata 2025-04): one row each.

From the rows come GetConfiguration, ChangeConfiguration, the factory values, the station's PICS and docs/configuration-keys.md. A row that
names a field of `Settings` takes type, range and unit from there; a row with `shown` follows from what is built. How rows are read and
changed is in `key_values.py`.
"""

from __future__ import annotations

from chargerd.ocpp.v16 import key_row
from chargerd.ocpp.v16.key_row import Access, Effect, Key

_RATE_WORDS = {"A": "Current", "W": "Power"}  # errata 3.88

KEYS: tuple[Key, ...] = (
    Key(
        name="AllowOfflineTxForUnknownId",
        meaning="Offline, a token nobody knows may charge too; needs LocalAuthorizeOffline.",
        field="allow_offline_tx_for_unknown_id",
        feature="offline_unknown_ids",
        is_required=False,
    ),
    Key(
        name="AuthorizationCacheEnabled",
        meaning="Remember what the central system said of a token.",
        field="authorization_cache_enabled",
        feature="authorization_cache",
        is_required=False,
    ),
    Key(
        name="AuthorizeRemoteTxRequests",
        meaning="Ask for the token of a remote start as for a card.",
        field="authorize_remote_tx_requests",
        access=Access.EITHER,
    ),
    Key(
        name="ChargeProfileMaxStackLevel",
        meaning="Highest stackLevel of a charging profile.",
        access=Access.READ,
        feature="smart_charging",
        shown=lambda station: station.options.charge_profile_max_stack_level,
    ),
    Key(
        name="ChargingScheduleAllowedChargingRateUnit",
        meaning="Units of charging profiles.",
        access=Access.READ,
        feature="smart_charging",
        shown=lambda station: tuple(_RATE_WORDS[unit] for unit in station.options.charging_rate_units),
    ),
    Key(
        name="ChargingScheduleMaxPeriods",
        meaning="Most periods in one charging schedule.",
        access=Access.READ,
        feature="smart_charging",
        shown=lambda station: station.options.charging_schedule_max_periods,
    ),
    Key(
        name="ClockAlignedDataInterval",
        meaning="Time between clock-aligned readings, counted from midnight UTC; 0: none.",
        field="clock_aligned_data_interval_s",
    ),
    Key(
        name="ConnectionTimeOut",
        meaning="Time between token and cable, in either order.",
        field="connection_time_out_s",
        effect=Effect.NEXT,
    ),
    Key(
        name="ConnectorPhaseRotation",
        meaning="How the phases of each connector are wired to the grid, such as `1.RST`; told to the central system, nothing else.",
        field="connector_phase_rotation",
        choices=key_row.rotations,
        most=key_row.rotation_list,
        built=key_row.rotations_built,
    ),
    Key(
        name="ConnectorPhaseRotationMaxLength",
        meaning="Longest list of ConnectorPhaseRotation.",
        access=Access.READ,
        is_required=False,
        shown=key_row.rotation_list,
    ),
    Key(
        name="GetConfigurationMaxKeys",
        meaning="Most keys that may be asked for by name at once; who asks for all gets all.",
        access=Access.READ,
        shown=lambda station: station.options.get_configuration_max_keys,
    ),
    Key(
        name="HeartbeatInterval",
        meaning="Time without a message before a Heartbeat; 0: once a day. The answer to BootNotification sets it.",
        field="heartbeat_interval_s",
    ),
    Key(
        name="LocalAuthListEnabled",
        meaning="Use the local list; false: it is kept, and neither used nor changed.",
        field="local_auth_list_enabled",
        feature="local_auth_list",
    ),
    Key(
        name="LocalAuthListMaxLength",
        meaning="Most tokens in the local list.",
        access=Access.READ,
        feature="local_auth_list",
        shown=lambda station: station.options.local_auth_list_max_length,
    ),
    Key(
        name="LocalAuthorizeOffline",
        meaning="Offline, a token from the local list or the cache may charge; false: none.",
        field="local_authorize_offline",
    ),
    Key(
        name="LocalPreAuthorize",
        meaning="Online, a token from the local list or the cache may charge without being asked for.",
        field="local_pre_authorize",
    ),
    Key(
        name="MaxChargingProfilesInstalled",
        meaning="Most charging profiles at a time.",
        access=Access.READ,
        feature="smart_charging",
        shown=lambda station: station.options.max_charging_profiles_installed,
    ),
    Key(
        name="MaxEnergyOnInvalidId",
        meaning="Energy that may still be delivered once the central system has refused the token of a running transaction.",
        field="max_energy_on_invalid_id_wh",
        feature="max_energy_on_invalid_id",
        is_required=False,
    ),
    Key(
        name="MessageTimeout",
        meaning="Wait for the answer to a message.",
        field="message_timeout_s",
        is_required=False,
    ),
    Key(
        name="MeterValuesAlignedData",
        meaning="Measurands of clock-aligned MeterValues; empty: the energy register.",
        field="meter_values_aligned_data",
        choices=key_row.aligned,
        most=key_row.aligned_list,
    ),
    Key(
        name="MeterValuesAlignedDataMaxLength",
        meaning="Longest list of MeterValuesAlignedData.",
        access=Access.READ,
        is_required=False,
        shown=key_row.aligned_list,
    ),
    Key(
        name="MeterValuesSampledData",
        meaning="Measurands of MeterValues in a transaction; empty: the energy register.",
        field="meter_values_sampled_data",
        choices=key_row.sampled,
        most=key_row.sampled_list,
        built=key_row.usually_sampled,
    ),
    Key(
        name="MeterValuesSampledDataMaxLength",
        meaning="Longest list of MeterValuesSampledData.",
        access=Access.READ,
        is_required=False,
        shown=key_row.sampled_list,
    ),
    Key(
        name="MeterValueSampleInterval",
        meaning="Time between MeterValues in a transaction; 0: none.",
        field="meter_value_sample_interval_s",
    ),
    Key(
        name="MinimumStatusDuration",
        meaning="How long a status must last before it is told.",
        field="minimum_status_duration_s",
        feature="minimum_status_duration",
        is_required=False,
    ),
    Key(
        name="NumberOfConnectors",
        meaning="Connectors without connector 0.",
        access=Access.READ,
        shown=lambda station: len(station.connectors),
    ),
    Key(
        name="ReserveConnectorZeroSupported",
        meaning="Any connector of the station can be reserved, without naming one.",
        access=Access.READ,
        feature="reservation",
        is_required=False,
        shown=lambda station: station.options.features.reserve_connector_zero,
    ),
    Key(
        name="ResetRetries",
        meaning="How often a reset that failed is tried again.",
        field="reset_retries",
    ),
    Key(
        name="SendLocalListMaxLength",
        meaning="Most tokens in one SendLocalList.",
        access=Access.READ,
        feature="local_auth_list",
        shown=lambda station: station.options.send_local_list_max_length,
    ),
    Key(
        name="StopTransactionMaxMeterValues",
        meaning="Most readings in transactionData of StopTransaction; beyond, those between the first and the last are thinned out.",
        access=Access.READ,
        is_required=False,
        shown=lambda station: station.options.stop_transaction_max_meter_values,
    ),
    Key(
        name="StopTransactionOnEVSideDisconnect",
        meaning="The end of the cable at the vehicle ends the transaction; false, at sockets: it waits for the vehicle to come back.",
        field="stop_transaction_on_ev_side_disconnect",
        access=Access.EITHER,
        effect=Effect.NEXT,
        fixed=lambda station: None if station.has_lock else True,
        is_required=False,
    ),
    Key(
        name="StopTransactionOnInvalidId",
        meaning="Stop when the central system refuses the token after the start; else the energy is withheld.",
        field="stop_transaction_on_invalid_id",
    ),
    Key(
        name="StopTxnAlignedData",
        meaning="Clock-aligned measurands in transactionData of StopTransaction; empty: none.",
        field="stop_txn_aligned_data",
        effect=Effect.NEXT,
        choices=key_row.aligned,
        most=key_row.stop_aligned_list,
    ),
    Key(
        name="StopTxnAlignedDataMaxLength",
        meaning="Longest list of StopTxnAlignedData.",
        access=Access.READ,
        is_required=False,
        shown=key_row.stop_aligned_list,
    ),
    Key(
        name="StopTxnSampledData",
        meaning="Measurands in transactionData of StopTransaction: at the start, at each sample and at the end; empty: none.",
        field="stop_txn_sampled_data",
        effect=Effect.NEXT,
        choices=key_row.sampled,
        most=key_row.stop_sampled_list,
    ),
    Key(
        name="StopTxnSampledDataMaxLength",
        meaning="Longest list of StopTxnSampledData.",
        access=Access.READ,
        is_required=False,
        shown=key_row.stop_sampled_list,
    ),
    Key(
        name="SupportedFeatureProfiles",
        meaning="Which parts of OCPP 1.6 the station has.",
        access=Access.READ,
        shown=lambda station: station.options.features.profiles,
    ),
    Key(
        name="TransactionMessageAttempts",
        meaning="How often a transaction message is sent before it is given up.",
        field="transaction_message_attempts",
    ),
    Key(
        name="TransactionMessageRetryInterval",
        meaning="Wait before the first repetition of a transaction message; each further wait is longer by as much.",
        field="transaction_message_retry_interval_s",
    ),
    Key(
        name="UnlockConnectorOnEVSideDisconnect",
        meaning="The station's own lock opens when the cable is taken out of the vehicle; false and read only where no connector has one.",
        field="unlock_connector_on_ev_side_disconnect",
        access=Access.EITHER,
        effect=Effect.NEXT,
        built=lambda station: station.has_lock,
        fixed=lambda station: None if station.has_lock else False,
    ),
    Key(
        name="WebSocketPingInterval",
        meaning="Time between WebSocket pings; 0: none.",
        field="web_socket_ping_interval_s",
        is_required=False,
    ),
)
