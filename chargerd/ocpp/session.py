"""The conversation over one connection: registration, then authorisation, status, queue and heartbeat, one CALL at a time.

One task talks. In each round it says the most urgent thing there is, or sleeps until something happens or a time comes. What must
outlive the connection is in `Standing`. Sources: OCPP 1.6, 3.7, 4.2, 4.6, 4.9; OCPP-J 1.6, 5.4; errata 2025-04.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from websockets.exceptions import ConnectionClosed

from chargerd.core.events import LinkChanged
from chargerd.core.facts import (
    AuthorizationAsked,
    Fact,
    MeterSampled,
    SettingChanged,
    StatusChanged,
    TransactionStarted,
    TransactionStopped,
)
from chargerd.core.settings import Settings
from chargerd.ocpp.delivery import Delivery
from chargerd.ocpp.pinger import Pinger
from chargerd.ocpp.registration import Registrar, RejectedError, take_time
from chargerd.ocpp.rpc import Call, Payload, Rpc
from chargerd.ocpp.standing import Standing, Surroundings
from chargerd.ocpp.triggered import Triggered
from chargerd.ocpp.v16 import outbound
from chargerd.ocpp.v16.convert import id_tag_info
from chargerd.ocpp.v16.outbound import Request
from chargerd.ocpp.wire import CallFailedError, Connection, LinkStuckError, Wire

log = logging.getLogger(__name__)

DAY_S = 86400.0

_WORTH_WAKING_FOR = AuthorizationAsked | StatusChanged | SettingChanged | TransactionStarted | MeterSampled | TransactionStopped


class Session:
    """One conversation. `on_proven` is called when the central system has shown that it works for us."""

    def __init__(self, around: Surroundings, standing: Standing, connection: Connection, on_proven: Callable[[], None]) -> None:
        self._around = around
        self._standing = standing
        self._on_proven = on_proven
        self._rpc = Rpc(around.handlers.actions, standing.answers_for(self._now_s))
        self._wire = Wire(
            connection, self._rpc, around.trace, around.clock, around.handlers.answer, self._answered, around.options.max_unanswered_calls
        )
        self._delivery = Delivery(around, standing, self._call)
        self._wake = asyncio.Event()
        self._triggered = Triggered(around, standing, self._call)
        self._registrar = Registrar(around, standing, self._call, self._until_boot, self._wire.check, on_proven)
        self._pinger = Pinger(connection, lambda: self._settings.web_socket_ping_interval_s)
        self.is_accepted = False

    @property
    def outstanding(self) -> str | None:
        """The action of our CALL that waits for its answer."""
        return self._rpc.outstanding.action if self._rpc.outstanding is not None else None

    async def run(self) -> str:
        """Converse until the connection is over; gives the reason in words. What is not the connection's fault is raised."""
        reasons: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._wire.run(), name="ocpp.receive")
                group.create_task(self._talk(), name="ocpp.talk")
                group.create_task(self._pinger.run(), name="ocpp.ping")
        except* (ConnectionClosed, LinkStuckError, RejectedError) as over:
            reasons = [str(error) for error in _leaves(over)]
        finally:
            self._end()
        return reasons[0] if reasons else "closed"

    def on_fact(self, fact: Fact) -> None:
        """Something was decided that may be worth saying."""
        self._delivery.on_fact(fact)
        if isinstance(fact, SettingChanged):
            self._pinger.look_again.set()
        if isinstance(fact, _WORTH_WAKING_FOR):
            self._wake.set()

    def _answered(self, call: Call) -> None:
        """An answer of ours is on its way; what had to come after it may be said now."""
        if call.action == "UnlockConnector":
            self._delivery.look_again()
        if call.action in ("UnlockConnector", "TriggerMessage"):
            self._wake.set()

    def _begin(self) -> None:
        """The central system has accepted us, now or before this connection."""
        self.is_accepted = True
        self._standing.is_drained.clear()
        self._standing.statuses.begin_connection(self._now_s)
        self._around.station.dispatch(LinkChanged(is_accepted=True))
        self._around.desk.open()

    def _end(self) -> None:
        self._standing.connected_until_s = self._now_s
        self._around.handlers.triggers.forget()
        if self.is_accepted:
            self.is_accepted = False
            self._standing.is_drained.set()
            self._standing.statuses.end_connection()
            self._around.desk.close()
            self._around.station.dispatch(LinkChanged(is_accepted=False))

    # --- talking

    async def _talk(self) -> None:
        await self._registrar.register()
        self._begin()
        while True:
            self._wake.clear()
            if not await self._say_something():
                await self._sleep(self._next_time_s())
            self._wire.check()

    async def _until_boot(self) -> None:
        """Before the acceptance nothing is said but what was triggered."""
        while self._now_s < self._standing.next_boot_s:
            self._wake.clear()
            if not await self._triggered.step():
                await self._sleep(self._standing.next_boot_s)
            self._wire.check()

    async def _say_something(self) -> bool:
        """Say the most urgent thing; False when there is nothing to say."""
        is_said = await self._ask() or await self._tell_status() or await self._say_triggered()
        return is_said or await self._delivery.step() or await self._beat()

    def _next_time_s(self) -> float:
        settings = self._settings
        status_s = self._standing.statuses.next_due_s(settings.minimum_status_duration_s)
        status_s = max(status_s, self._around.handlers.unlock_owed_until_s())
        return min(status_s, self._delivery.next_s, self._next_beat_s(settings))

    async def _sleep(self, until_s: float) -> None:
        try:
            async with asyncio.timeout_at(until_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _call(self, request: Request, take: Callable[[Payload], None], message_id: str | None = None) -> None:
        timeout_s = self._settings.message_timeout_s
        await self._wire.call(request.action, request.payload, message_id or self._around.new_id(), timeout_s, take)
        if self.is_accepted:
            self._on_proven()

    # --- what there is to say, beside the queue

    async def _ask(self) -> bool:
        question = self._around.desk.next()
        if question is None:
            return False
        answer = self._around.desk.answer
        try:
            await self._call(outbound.authorize(question.id_tag), lambda payload: answer(question, id_tag_info(payload)))
        except CallFailedError as error:
            log.warning("ocpp_call_failed connector=%d %s", question.connector, error)
            answer(question, None)
        return True

    async def _tell_status(self) -> bool:
        statuses = self._standing.statuses
        if self._now_s < self._around.handlers.unlock_owed_until_s():
            return False
        change = statuses.take(self._now_s, self._settings.minimum_status_duration_s)
        if change is None:
            return False
        at_utc_s = self._around.clock.utc_s() - (self._now_s - change.at_s)
        request = outbound.status_notification(change.status, self._around.identity.vendor, at_utc_s)
        try:
            await self._call(request, lambda _: statuses.delivered(change.status))
        except CallFailedError as error:  # not sent again on this connection unless it changes
            log.warning("ocpp_call_failed connector=%d %s", change.status.connector, error)
        return True

    async def _say_triggered(self) -> bool:
        """Behind the statuses, as it may be one of them."""
        return self._now_s >= self._around.handlers.unlock_owed_until_s() and await self._triggered.step()

    async def _beat(self) -> bool:
        """Heartbeat, when nothing was sent for its interval; once a day in any case, for the time."""
        if self._now_s < self._next_beat_s(self._settings):
            return False
        sent_s = self._now_s
        try:
            await self._call(outbound.heartbeat(), lambda answer: take_time(self._around, self._standing, answer, sent_s))
        except CallFailedError as error:
            self._standing.clock_set_s = self._now_s  # the daily time is not asked for again at once
            log.warning("ocpp_call_failed %s", error)
        return True

    def _next_beat_s(self, settings: Settings) -> float:
        return min(self._wire.last_sent_s + (settings.heartbeat_interval_s or DAY_S), self._standing.clock_set_s + DAY_S)

    @property
    def _settings(self) -> Settings:
        return self._around.station.settings

    @property
    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
