"""Requests of the profile Reservation (OCPP 1.6, 5.3 and 5.13)."""

from __future__ import annotations

from typing import cast

from chargerd.core.events import CancelReservation, Event, ReserveNow, Verdict
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.ports import StationPort
from chargerd.ocpp.rpc import Payload
from chargerd.ocpp.v16.answering import Answers, stored

_WORDS = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.FAULTED: "Faulted",
    Verdict.OCCUPIED: "Occupied",
    Verdict.UNAVAILABLE: "Unavailable",
}


class ReservationRequests:
    """ReserveNow of what a station does not have is Rejected: without the profile (TC_048_4), or of connector 0 (TC_050_4)."""

    def __init__(self, station: StationPort, options: OcppOptions) -> None:
        self._station = station
        self._features = options.features
        cancel: Answers = {"CancelReservation": self._cancel} if self._features.reservation else {}
        self.answers: Answers = {"ReserveNow": self._reserve, **cancel}

    async def _reserve(self, payload: Payload) -> Payload:
        number = cast("int", payload["connectorId"])
        is_built = self._features.reservation and (number != STATION or self._features.reserve_connector_zero)
        parent = cast("str | None", payload.get("parentIdTag"))
        event = ReserveNow(
            ConnectorId(number),
            reservation_id=cast("int", payload["reservationId"]),
            id_tag=IdTag(cast("str", payload["idTag"])),
            expiry_utc_s=parse_time(cast("str", payload["expiryDate"])),
            parent_id_tag=IdTag(parent) if parent else None,
        )
        return await self._answer(event) if is_built else {"status": "Rejected"}

    async def _cancel(self, payload: Payload) -> Payload:
        return await self._answer(CancelReservation(cast("int", payload["reservationId"])))

    async def _answer(self, event: Event) -> Payload:
        reply = self._station.dispatch(event)
        await stored(self._station)
        return {"status": _WORDS.get(reply.verdict, "Rejected")}
