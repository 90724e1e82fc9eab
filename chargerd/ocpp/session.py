"""The conversation over one connection: registration, then authorisation, status, queue and heartbeat, one CALL at a time.

One task talks. In each round it says the most urgent thing there is, or sleeps until something happens or a time comes. What must
outlive the connection is in `Standing`. Sources: OCPP 1.6, 3.7, 4.2, 4.6, 4.9; OCPP-J 1.6, 5.4; errata 2025-04.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from websockets.exceptions import ConnectionClosed

from chargerd.core.events import ChangeSettings, LinkChanged
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
from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.rpc import Payload, Rpc
from chargerd.ocpp.standing import Registration, Standing, Surroundings
from chargerd.ocpp.v16 import outbound
from chargerd.ocpp.v16.convert import id_tag_info
from chargerd.ocpp.v16.key_values import setting_range
from chargerd.ocpp.v16.outbound import Request
from chargerd.ocpp.wire import CallFailedError, Connection, LinkStuckError, Wire

log = logging.getLogger(__name__)

DAY_S = 86400.0
BOOT_JITTER = 0.25
"""Random lengthening of our own boot interval, so that many stations do not come back in step."""

_WORTH_WAKING_FOR = AuthorizationAsked | StatusChanged | SettingChanged | TransactionStarted | MeterSampled | TransactionStopped


class _RejectedError(Exception):
    """The central system will not have us for now."""


class Session:
    """One conversation. `on_proven` is called when the central system has shown that it works for us."""

    def __init__(self, around: Surroundings, standing: Standing, connection: Connection, on_proven: Callable[[], None]) -> None:
        self._around = around
        self._standing = standing
        self._connection = connection
        self._on_proven = on_proven
        self._rpc = Rpc(around.handlers.actions, standing.answers_for(self._now_s))
        self._wire = Wire(connection, self._rpc, around.trace, around.clock, around.handlers.answer, around.options.max_unanswered_calls)
        self._delivery = Delivery(around, standing, self._call)
        self._wake = asyncio.Event()
        self._settings_changed = asyncio.Event()
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
                group.create_task(self._ping(), name="ocpp.ping")
        except* (ConnectionClosed, LinkStuckError, _RejectedError) as over:
            reasons = [str(error) for error in _leaves(over)]
        finally:
            self._end()
        return reasons[0] if reasons else "closed"

    def on_fact(self, fact: Fact) -> None:
        """Something was decided that may be worth saying."""
        self._delivery.on_fact(fact)
        if isinstance(fact, SettingChanged):
            self._settings_changed.set()
        if isinstance(fact, _WORTH_WAKING_FOR):
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
        if self.is_accepted:
            self.is_accepted = False
            self._standing.is_drained.set()
            self._standing.statuses.end_connection()
            self._around.desk.close()
            self._around.station.dispatch(LinkChanged(is_accepted=False))

    # --- talking

    async def _talk(self) -> None:
        await self._register()
        self._begin()
        while True:
            self._wake.clear()
            if not await self._say_something():
                await self._sleep(self._next_time_s())
            self._wire.check()

    async def _say_something(self) -> bool:
        """Say the most urgent thing; False when there is nothing to say."""
        return await self._ask() or await self._tell_status() or await self._delivery.step() or await self._beat()

    def _next_time_s(self) -> float:
        settings = self._settings
        status_s = self._standing.statuses.next_due_s(settings.minimum_status_duration_s)
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

    # --- registration

    async def _register(self) -> None:
        """BootNotification until it is answered Accepted, never earlier than the central system wants it; nothing when it was before."""
        standing = self._standing
        while not standing.is_registered:
            await asyncio.sleep(max(0.0, standing.next_boot_s - self._now_s))
            try:
                await self._boot()
            except CallFailedError as error:
                standing.registration = Registration.NONE
                standing.next_boot_s = self._now_s + self._boot_wait_s(standing.boot_interval_s)
                log.warning("ocpp_boot_failed retry_in_s=%.0f %s", standing.next_boot_s - self._now_s, error)
                self._wire.check()
            if standing.registration is Registration.REJECTED:
                raise _RejectedError(f"the central system rejects the station; next attempt in {standing.next_boot_s - self._now_s:.0f} s")

    async def _boot(self) -> None:
        sent_s = self._now_s
        await self._call(outbound.boot_notification(self._around.identity), lambda answer: self._booted(answer, sent_s))

    def _booted(self, answer: Payload, sent_s: float) -> None:
        standing = self._standing
        interval_s = max(0, cast("int", answer["interval"]))
        standing.registration = Registration(answer["status"])
        log.info("ocpp_boot status=%s interval_s=%d", standing.registration.value, interval_s)
        if not standing.is_registered:
            standing.boot_interval_s = interval_s
            standing.next_boot_s = self._now_s + self._boot_wait_s(interval_s)
            return
        self._set_clock(answer, sent_s)
        self._take_heartbeat_interval(interval_s)
        standing.statuses.forget_delivered()
        self._on_proven()

    def _boot_wait_s(self, interval_s: float) -> float:
        """The wait before the next BootNotification; 0 leaves it to us."""
        return interval_s or self._around.options.boot_retry_s * (1 + BOOT_JITTER * self._around.random())

    def _take_heartbeat_interval(self, interval_s: int) -> None:
        """The interval of an accepted boot is the heartbeat's; 0 keeps our own."""
        span = setting_range("heartbeat_interval_s")
        if interval_s and span is not None:
            interval_s = int(min(max(interval_s, span.low), span.high))
        if interval_s not in (0, self._settings.heartbeat_interval_s):
            self._around.station.dispatch(ChangeSettings({"heartbeat_interval_s": interval_s}))

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

    async def _beat(self) -> bool:
        """Heartbeat, when nothing was sent for its interval; once a day in any case, for the time."""
        if self._now_s < self._next_beat_s(self._settings):
            return False
        sent_s = self._now_s
        try:
            await self._call(outbound.heartbeat(), lambda answer: self._set_clock(answer, sent_s))
        except CallFailedError as error:
            self._standing.clock_set_s = self._now_s  # the daily time is not asked for again at once
            log.warning("ocpp_call_failed %s", error)
        return True

    def _next_beat_s(self, settings: Settings) -> float:
        return min(self._wire.last_sent_s + (settings.heartbeat_interval_s or DAY_S), self._standing.clock_set_s + DAY_S)

    def _set_clock(self, answer: Payload, sent_s: float) -> None:
        """The central system's time, corrected by half the round trip."""
        self._standing.clock_set_s = self._now_s
        self._around.clock.synchronise(parse_time(cast("str", answer["currentTime"])) + (self._now_s - sent_s) / 2)

    # --- the connection itself

    async def _ping(self) -> None:
        """Ping at WebSocketPingInterval; without a pong before the next is due the connection is half open (OCPP-J 1.6, chapter 7)."""
        last_s = self._now_s
        while True:
            self._settings_changed.clear()
            interval_s = self._settings.web_socket_ping_interval_s
            try:
                async with asyncio.timeout_at(last_s + interval_s if interval_s else None):
                    await self._settings_changed.wait()
            except TimeoutError:
                last_s = self._now_s
                await self._ping_once(interval_s)

    async def _ping_once(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                pong = await self._connection.ping()
                await pong
        except TimeoutError:
            raise LinkStuckError(f"no pong within {timeout_s:g} s: the connection is half open") from None

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
