"""What a case expects of a message: its action and some of its fields.

The value of a field is compared; a tuple names alternatives, None among them that the field may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chargerd.bench.parameters import CONNECTOR
from chargerd.csms.model import Request


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expected message."""

    action: str
    fields: Mapping[str, object] = field(default_factory=dict)

    def fits(self, request: Request) -> bool:
        """The message is the expected one."""
        return request.action == self.action and all(_fits(request.payload.get(name), wanted) for name, wanted in self.fields.items())

    def __str__(self) -> str:
        """The pattern as a person reads it."""
        return " ".join([self.action, *(f"{name}={_words(wanted)}" for name, wanted in self.fields.items())])


def _fits(value: object, wanted: object) -> bool:
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def _words(wanted: object) -> str:
    return "|".join("(none)" if one is None else str(one) for one in (wanted if isinstance(wanted, tuple) else (wanted,)))


def described(request: Request) -> str:
    """A message as a person reads it; long values are cut."""
    return " ".join([request.action, *(f"{name}={str(value)[:80]}" for name, value in request.payload.items())])


# --- the messages of Core ----------------------------------------------------------------------------------------------------------


def boot_notification() -> Pattern:
    """A station that has started."""
    return Pattern("BootNotification")


def heartbeat() -> Pattern:
    """A sign of life."""
    return Pattern("Heartbeat")


def status(*statuses: str, connector: int = CONNECTOR, error: str = "NoError", **more: object) -> Pattern:
    """One of these statuses of a connector, without an error unless one is named."""
    return Pattern("StatusNotification", {"connectorId": connector, "status": statuses, "errorCode": error, **more})


def authorize(id_tag: str) -> Pattern:
    """The station asks whether a token may charge."""
    return Pattern("Authorize", {"idTag": id_tag})


def start_transaction(id_tag: str, connector: int = CONNECTOR, *, reservation: int | None = None) -> Pattern:
    """A transaction begins, and uses this reservation up; None: it is nobody's."""
    return Pattern("StartTransaction", {"connectorId": connector, "idTag": id_tag, "reservationId": reservation})


def stop_transaction(transaction: int, *reasons: str | None, **more: object) -> Pattern:
    """A transaction ends, for one of these reasons."""
    return Pattern("StopTransaction", {"transactionId": transaction, "reason": reasons, **more})


def meter_values(transaction: int | None, connector: int = CONNECTOR) -> Pattern:
    """A sample in a transaction, or in none."""
    return Pattern("MeterValues", {"connectorId": connector, "transactionId": transaction})


# --- those of other profiles ---------------------------------------------------------------------------------------------------------


def diagnostics_status(*statuses: str) -> Pattern:
    """How far an upload of diagnostics is."""
    return Pattern("DiagnosticsStatusNotification", {"status": statuses})


def firmware_status(*statuses: str) -> Pattern:
    """How far an update of the firmware is."""
    return Pattern("FirmwareStatusNotification", {"status": statuses})
