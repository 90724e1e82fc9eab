"""Requests of the profile Remote Trigger (OCPP 1.6, 3.14 and 5.17): which messages the central system wants to have now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import cast

from chargerd.core.ids import STATION, ConnectorId
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.ports import StationPort
from chargerd.ocpp.rpc import Payload
from chargerd.ocpp.v16.answering import Answers

MOST_WANTED = 64
"""So many messages may wait to be said; beyond, a trigger is Rejected."""


class Message(Enum):
    """OCPP 1.6, 7.32 MessageTrigger, as far as the station has the message."""

    BOOT = "BootNotification"
    DIAGNOSTICS = "DiagnosticsStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    STATUS = "StatusNotification"


_OF_CONNECTORS = (Message.METER_VALUES, Message.STATUS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message to say. connector: of those that tell of one."""

    message: Message
    connector: ConnectorId = STATION


class TriggerRequests:
    """What was accepted waits here, in its order, for `next`; `forget` when the connection is over that wanted it.

    is_accepted, is_pending: what the central system has said to our BootNotification. Before that nothing else may be sent.
    """

    def __init__(self, station: StationPort, options: OcppOptions, is_accepted: Callable[[], bool], is_pending: Callable[[], bool]) -> None:
        self._station = station
        self._is_accepted = is_accepted
        self._is_pending = is_pending
        self._wanted: deque[Wanted] = deque()
        self.answers: Answers = {"TriggerMessage": self._trigger} if options.features.remote_trigger else {}

    def next(self) -> Wanted | None:
        """The next message that was asked for; it is given once."""
        return self._wanted.popleft() if self._wanted else None

    def forget(self) -> None:
        """Nobody is there any more who wants them."""
        self._wanted.clear()

    async def _trigger(self, payload: Payload) -> Payload:
        """To be waited for, though it never waits: what comes after an answer is said once the answer is out."""
        name = cast("str", payload["requestedMessage"])
        if name not in {message.value for message in Message}:
            return {"status": "NotImplemented"}
        wanted = self._all_wanted(Message(name), cast("int | None", payload.get("connectorId")))
        if not wanted or len(self._wanted) + len(wanted) > MOST_WANTED:
            return {"status": "Rejected"}
        self._wanted += wanted
        return {"status": "Accepted"}

    def _all_wanted(self, message: Message, number: int | None) -> list[Wanted]:
        """None: it does not suit. A connector that a message does not tell of does not matter (OCPP 1.6, 5.17)."""
        if not (self._is_accepted() or self._is_pending()):
            return []
        if message is Message.BOOT:  # after the acceptance no more (errata 3.35)
            return [Wanted(message)] if self._is_pending() else []
        if message not in _OF_CONNECTORS:
            return [Wanted(message)]
        view = self._station.view()
        if message is Message.STATUS:
            able = [STATION, *(one.connector for one in view.connectors if one.is_status_known)]
        else:
            able = [one.connector for one in view.connectors if one.meter is not None]
        return [Wanted(message, connector) for connector in able if number in (None, connector)]
