"""Requests of the profile Smart Charging (OCPP 1.6, 5.5, 5.7 and 5.16)."""

from __future__ import annotations

from typing import cast

from chargerd.core.charging_profiles import Composite
from chargerd.core.events import ClearChargingProfile, SetChargingProfile, Verdict
from chargerd.core.ids import STATION, ConnectorId
from chargerd.core.schedule import MS, Profile, Purpose, RateUnit
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.ports import StationPort
from chargerd.ocpp.rpc import CallRefusedError, Payload
from chargerd.ocpp.schema import ErrorCode
from chargerd.ocpp.v16.answering import Answers, stored
from chargerd.ocpp.v16.charging_profile import Bounds, RefusedProfileError, profile_of


class ChargingProfileRequests:
    """None without the profile: then they are not supported (errata 3.39)."""

    def __init__(self, station: StationPort, options: OcppOptions) -> None:
        self._station = station
        self._options = options
        self._bounds = Bounds.of(options)
        table: Answers = {
            "ClearChargingProfile": self._clear,
            "GetCompositeSchedule": self._composite,
            "SetChargingProfile": self._set,
        }
        self.answers: Answers = table if options.features.smart_charging else {}

    def of_remote_start(self, payload: Payload) -> Profile | None:
        """The profile in a RemoteStartTransaction, if there is one. Raises RefusedProfileError (OCPP 1.6, 5.16.2)."""
        if "chargingProfile" not in payload or not self.answers:
            return None
        profile = profile_of(cast("Payload", payload["chargingProfile"]), self._bounds)
        if profile.purpose is not Purpose.TRANSACTION or profile.transaction_id is not None:
            raise RefusedProfileError("the profile of a remote start is a TxProfile of no transaction yet")
        if len(self._station.view().profiles) >= self._options.max_charging_profiles_installed:
            raise RefusedProfileError("so many profiles are installed that there is no room for its own")
        return profile

    async def _set(self, payload: Payload) -> Payload:
        connector = self._connector(cast("int", payload["connectorId"]))
        try:
            profile = profile_of(cast("Payload", payload["csChargingProfiles"]), self._bounds)
        except RefusedProfileError:
            return {"status": "Rejected"}
        reply = self._station.dispatch(SetChargingProfile(connector, profile, self._options.max_charging_profiles_installed))
        await stored(self._station)
        return {"status": "Accepted" if reply.is_accepted else "Rejected"}

    def _connector(self, number: int) -> ConnectorId:
        """Raises CallRefusedError for one that there is not (errata 3.39)."""
        if number != STATION and all(one.connector != number for one in self._station.view().connectors):
            raise CallRefusedError(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"there is no connector {number}")
        return ConnectorId(number)

    async def _clear(self, payload: Payload) -> Payload:
        purpose = cast("str | None", payload.get("chargingProfilePurpose"))
        number = cast("int | None", payload.get("connectorId"))
        event = ClearChargingProfile(
            profile_id=cast("int | None", payload.get("id")),
            connector=None if number is None else ConnectorId(number),
            purpose=None if purpose is None else Purpose(purpose),
            stack_level=cast("int | None", payload.get("stackLevel")),
        )
        reply = self._station.dispatch(event)
        await stored(self._station)
        return {"status": "Unknown" if reply.verdict is Verdict.UNKNOWN else "Accepted"}

    def _composite(self, payload: Payload) -> Payload:
        number, duration_s = cast("int", payload["connectorId"]), cast("int", payload["duration"])
        units = self._options.charging_rate_units
        unit = cast("str", payload.get("chargingRateUnit", units[0]))
        composite = self._station.composite(ConnectorId(number), duration_s) if duration_s > 0 and unit in units else None
        if composite is None:
            return {"status": "Rejected"}
        start = render_time(composite.window.begin_ms / MS)
        # errata 3.57 leaves startSchedule out, as scheduleStart says it; some central systems look for it
        begin = {"startSchedule": start} if self._options.composite_start_schedule else {}
        schedule = {
            "duration": (composite.window.end_ms - composite.window.begin_ms) // MS,
            **begin,
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": _periods(composite, RateUnit(unit)),
        }
        return {"status": "Accepted", "connectorId": number, "scheduleStart": start, "chargingSchedule": schedule}


def _periods(composite: Composite, unit: RateUnit) -> list[Payload]:
    return [
        {
            "startPeriod": period.start_s,
            "limit": float(period.limit),
            **({} if period.phases is None else {"numberPhases": period.phases}),
        }
        for period in composite.periods(unit)
    ]
