"""Facts and states as requests to the central system (OCPP 1.6, chapter 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargerd.core.facts import MeterSampled, ReadingContext, Samples, Stamped, StatusChanged, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, IdTag
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.options import StationIdentity
from chargerd.ocpp.ports import Owed
from chargerd.ocpp.rpc import Payload
from chargerd.ocpp.v16.convert import INFO_LENGTH, VENDOR_ERROR_CODE_LENGTH, meter_value, truncated

ABANDONED_TRANSACTION_ID = -1
"""What later messages of a transaction carry whose StartTransaction was given up (errata 3.18)."""

_MAX_VENDOR_ID = 255


@dataclass(frozen=True, slots=True)
class Request:
    """A CALL to make."""

    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Instant:
    """The present, by which facts get a time that were written while UTC was not known."""

    mono_s: float
    utc_s: float

    def of(self, stamped: Stamped) -> float:
        """When what a fact tells happened, in UTC seconds: the time it names itself, else its own."""
        match stamped.fact:
            case MeterSampled(at_utc_s=float(at_utc_s)) | TransactionStopped(at_utc_s=float(at_utc_s)):
                return at_utc_s
        if stamped.utc_s is not None:
            return stamped.utc_s
        return self.utc_s - max(0.0, self.mono_s - stamped.mono_s)


def boot_notification(identity: StationIdentity) -> Request:
    """All the station tells of itself; fields without content are left out."""
    fields = {
        "chargePointVendor": identity.vendor,
        "chargePointModel": identity.model,
        "chargePointSerialNumber": identity.charge_point_serial_number,
        "chargeBoxSerialNumber": identity.charge_box_serial_number,
        "firmwareVersion": identity.firmware_version,
        "iccid": identity.iccid,
        "imsi": identity.imsi,
        "meterType": identity.meter_type,
        "meterSerialNumber": identity.meter_serial_number,
    }
    return Request("BootNotification", {name: text for name, text in fields.items() if text})


def heartbeat() -> Request:
    return Request("Heartbeat", {})


def authorize(id_tag: IdTag) -> Request:
    return Request("Authorize", {"idTag": id_tag})


def status_notification(status: StatusChanged, vendor: str, at_utc_s: float) -> Request:
    """A status with the time as of which it is told."""
    payload: dict[str, object] = {
        "connectorId": status.connector,
        "errorCode": status.error_code,
        "status": status.status.value,
        "timestamp": render_time(at_utc_s),
    }
    if status.info:
        payload["info"] = truncated(status.info, INFO_LENGTH)
    if status.vendor_error_code:
        payload["vendorId"] = truncated(vendor, _MAX_VENDOR_ID)
        payload["vendorErrorCode"] = truncated(status.vendor_error_code, VENDOR_ERROR_CODE_LENGTH)
    return Request("StatusNotification", payload)


def start_transaction(fact: TransactionStarted, at_utc_s: float) -> Request:
    payload: dict[str, object] = {
        "connectorId": fact.connector,
        "idTag": fact.id_tag,
        "meterStart": fact.meter_start_wh,
        "timestamp": render_time(at_utc_s),
    }
    if fact.reservation_id is not None:
        payload["reservationId"] = fact.reservation_id
    return Request("StartTransaction", payload)


def meter_values(fact: MeterSampled, at_utc_s: float, transaction_id: int) -> Request:
    value = meter_value(at_utc_s, fact.values, fact.context)
    return Request("MeterValues", {"connectorId": fact.connector, "transactionId": transaction_id, "meterValue": [value]})


def triggered_meter_values(connector: ConnectorId, values: Samples, at_utc_s: float, transaction_id: int | None) -> Request:
    """A reading that was asked for, in a transaction or not."""
    running: dict[str, object] = {} if transaction_id is None else {"transactionId": transaction_id}
    value = meter_value(at_utc_s, values, ReadingContext.TRIGGER)
    return Request("MeterValues", {"connectorId": connector, **running, "meterValue": [value]})


def diagnostics_status(status: str) -> Request:
    return Request("DiagnosticsStatusNotification", {"status": status})


def stop_transaction(
    fact: TransactionStopped, at_utc_s: float, transaction_id: int, transaction_data: Sequence[dict[str, object]] = ()
) -> Request:
    payload: dict[str, object] = {
        "transactionId": transaction_id,
        "meterStop": fact.meter_stop_wh,
        "timestamp": render_time(at_utc_s),
        "reason": fact.reason.value,
    }
    if fact.id_tag is not None:
        payload["idTag"] = fact.id_tag
    if transaction_data:
        payload["transactionData"] = list(transaction_data)
    return Request("StopTransaction", payload)


def transaction_id(owed: Owed) -> int:
    """The central system's number of the transaction that an owed fact belongs to.

    It is put in when the message is sent, never before; a number that is missing without StartTransaction having been given up is a
    fault of the queue's order, and raises ValueError.
    """
    if owed.remote_id is not None:
        return owed.remote_id
    if owed.is_start_abandoned:
        return ABANDONED_TRANSACTION_ID
    raise ValueError(f"fact {owed.stamped.seq} is owed before its StartTransaction has been answered")
