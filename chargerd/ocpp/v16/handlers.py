"""What the station answers to the central system (OCPP 1.6, chapter 5): translate, dispatch, translate back.

A handler never makes a CALL of its own. Most answer at once. The others wait for one of two things: that a change is on disk, or the end of
an unlock, which is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from chargerd.core.events import (
    ChangeAvailability,
    ChangeSettings,
    ClearCache,
    Event,
    RemoteStart,
    RemoteStop,
    Reply,
    Reset,
    ResetKind,
    UnlockConnector,
    Verdict,
)
from chargerd.core.facts import Fact, UnlockFinished
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.ocpp.ports import StationPort
from chargerd.ocpp.rpc import Call, CallRefusedError, Payload
from chargerd.ocpp.schema import ErrorCode
from chargerd.ocpp.v16.answering import Answer, Answers, stored
from chargerd.ocpp.v16.charging_profile import RefusedProfileError
from chargerd.ocpp.v16.key_values import KeyTable, KeyValue, RefusedValueError, UnknownKeyError
from chargerd.ocpp.v16.local_list import LocalListRequests
from chargerd.ocpp.v16.reservation import ReservationRequests
from chargerd.ocpp.v16.smart_charging import ChargingProfileRequests
from chargerd.ocpp.v16.trigger import TriggerRequests

_ANSWERING_S = 0.1


@dataclass(frozen=True, slots=True)
class _Unlocking:
    """An unlock whose end is waited for, until `due_s` of the loop's time."""

    ticket: int
    end: asyncio.Future[bool]
    due_s: float


class Handlers:
    """Answers to every request of the Core profile, and those of the other profiles.

    is_accepted, is_pending: what the central system has said to our BootNotification. triggers: what it wants to hear.
    """

    def __init__(
        self,
        station: StationPort,
        keys: KeyTable,
        unlock_timeout_s: float,
        is_accepted: Callable[[], bool],
        is_pending: Callable[[], bool] = lambda: False,
    ) -> None:
        self._station = station
        self._keys = keys
        self._unlock_timeout_s = unlock_timeout_s
        self._is_accepted = is_accepted
        self._unlocking: dict[ConnectorId, _Unlocking] = {}
        options = keys.station.options
        self._charging_profiles = ChargingProfileRequests(station, options)
        self.triggers = TriggerRequests(station, options, is_accepted, is_pending)
        self._table: Answers = {
            **LocalListRequests(station, options).answers,
            **ReservationRequests(station, options).answers,
            **self._charging_profiles.answers,
            **self.triggers.answers,
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ClearCache": self._clear_cache,
            "DataTransfer": self._data_transfer,
            "GetConfiguration": self._get_configuration,
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "Reset": self._reset,
            "UnlockConnector": self._unlock,
        }

    @property
    def actions(self) -> frozenset[str]:
        """The requests that are answered here."""
        return frozenset(self._table)

    def answer(self, call: Call) -> Answer:
        """The answer to a valid CALL of one of `actions`, or what it waits for. Both raise CallRefusedError for an answer with an error."""
        return self._table[call.action](call.payload)

    def on_fact(self, fact: Fact) -> None:
        """Let a waiting unlock go on."""
        if isinstance(fact, UnlockFinished):
            waiting = self._unlocking.get(fact.connector)
            if waiting is not None and waiting.ticket == fact.ticket and not waiting.end.done():
                waiting.end.set_result(fact.is_unlocked)

    def unlock_owed_until_s(self) -> float:
        """Until when the answer to an unlock is owed at the latest, by the loop's time; minus infinity when none is.

        It has to come before what the unlock brings about: Finishing, and StopTransaction (OCPP 1.6, 5.18; TC_018_1).
        """
        return max((one.due_s + _ANSWERING_S for one in self._unlocking.values()), default=float("-inf"))

    # --- transactions

    def _remote_start(self, payload: Payload) -> Payload:
        """A chargingProfile is left aside by a station without smart charging (OCPP 1.6, 5.11)."""
        number = cast("int | None", payload.get("connectorId"))
        if not self._is_accepted() or (number is not None and not self._has_connector(number)):
            return {"status": "Rejected"}
        connector = ConnectorId(number) if number is not None else None
        try:
            profile = self._charging_profiles.of_remote_start(payload)
        except RefusedProfileError:
            return {"status": "Rejected"}
        return self._accepted_or_rejected(RemoteStart(IdTag(cast("str", payload["idTag"])), connector, profile))

    def _remote_stop(self, payload: Payload) -> Payload:
        if not self._is_accepted():
            return {"status": "Rejected"}
        return self._accepted_or_rejected(RemoteStop(cast("int", payload["transactionId"])))

    async def _unlock(self, payload: Payload) -> Payload:
        number = cast("int", payload["connectorId"])
        connector = ConnectorId(number)
        if not self._has_connector(number):
            return {"status": "NotSupported"}
        if connector in self._unlocking:
            return {"status": _unlock_status(is_unlocked=await self._end_of(self._unlocking[connector]))}
        reply = self._station.dispatch(UnlockConnector(connector))
        match reply.verdict:
            case Verdict.NOT_SUPPORTED:
                return {"status": "NotSupported"}
            case Verdict.ACCEPTED:
                return {"status": "Unlocked"}
            case Verdict.PENDING:
                return {"status": _unlock_status(is_unlocked=await self._unlocked(connector, reply))}
            case _:
                return {"status": "UnlockFailed"}

    async def _unlocked(self, connector: ConnectorId, reply: Reply) -> bool:
        loop = asyncio.get_running_loop()
        waiting = self._unlocking[connector] = _Unlocking(reply.ticket, loop.create_future(), loop.time() + self._unlock_timeout_s)
        try:
            return await self._end_of(waiting)
        finally:
            del self._unlocking[connector]

    async def _end_of(self, unlocking: _Unlocking) -> bool:
        """Whether it opened in time; any number of requests may wait for the same end."""
        try:
            async with asyncio.timeout_at(unlocking.due_s):
                return await asyncio.shield(unlocking.end)
        except TimeoutError:
            return False

    # --- the station

    def _reset(self, payload: Payload) -> Payload:
        return self._accepted_or_rejected(Reset(ResetKind(payload["type"])))

    async def _change_availability(self, payload: Payload) -> Payload:
        number = cast("int", payload["connectorId"])
        if number != STATION and not self._has_connector(number):
            return {"status": "Rejected"}
        reply = self._station.dispatch(ChangeAvailability(ConnectorId(number), payload["type"] == "Operative"))
        await stored(self._station)
        words = {Verdict.ACCEPTED: "Accepted", Verdict.SCHEDULED: "Scheduled"}
        return {"status": words.get(reply.verdict, "Rejected")}

    def _clear_cache(self, _: Payload) -> Payload:
        return self._accepted_or_rejected(ClearCache())

    def _data_transfer(self, _: Payload) -> Payload:
        return {"status": "UnknownVendorId"}

    # --- configuration

    def _get_configuration(self, payload: Payload) -> Payload:
        """No names: everything, uncut; the limit holds for keys asked for by name."""
        names = cast("list[str]", payload.get("key", []))
        settings = self._station.settings
        if not names:
            return {"configurationKey": [_shown(value) for value in self._keys.all(settings)]}
        if len(names) > self._keys.max_keys:
            raise CallRefusedError(ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, f"at most {self._keys.max_keys} keys can be asked for by name")
        known, unknown = [], []
        for name in names:
            try:
                known.append(_shown(self._keys.get(name, settings)))
            except UnknownKeyError:
                unknown.append(name)
        return {"configurationKey": known, **({"unknownKey": unknown} if unknown else {})}

    async def _change_configuration(self, payload: Payload) -> Payload:
        try:
            change = self._keys.change(cast("str", payload["key"]), cast("str", payload["value"]))
        except UnknownKeyError:
            return {"status": "NotSupported"}
        except RefusedValueError:
            return {"status": "Rejected"}
        reply = self._station.dispatch(ChangeSettings({change.field: change.value}))
        if not reply.is_accepted:
            return {"status": "Rejected"}
        await stored(self._station)
        return {"status": change.answer}

    # --- helpers

    def _has_connector(self, number: int) -> bool:
        return any(connector.connector == number for connector in self._station.view().connectors)

    def _accepted_or_rejected(self, event: Event) -> Payload:
        return {"status": "Accepted" if self._station.dispatch(event).is_accepted else "Rejected"}


def _unlock_status(*, is_unlocked: bool) -> str:
    return "Unlocked" if is_unlocked else "UnlockFailed"


def _shown(key: KeyValue) -> dict[str, object]:
    """A key without a value is shown without the field."""
    return {"key": key.name, "readonly": key.is_read_only, **({"value": key.value} if key.value else {})}
