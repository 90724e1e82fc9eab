"""Telling the central system what it is owed: the head of the queue as a CALL, and what its end means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

from chargerd.core.errors import StorageError
from chargerd.core.events import MessageGivenUp, StartAnswered, StopAnswered
from chargerd.core.facts import Fact, MeterSampled, TransactionStarted, TransactionStopped
from chargerd.ocpp.outbox import GiveUp, Idle, RetryRules, Send, Wait
from chargerd.ocpp.ports import Owed
from chargerd.ocpp.rpc import Payload
from chargerd.ocpp.standing import Standing, Surroundings
from chargerd.ocpp.v16 import outbound
from chargerd.ocpp.v16.convert import id_tag_info
from chargerd.ocpp.v16.outbound import Instant, Request
from chargerd.ocpp.v16.transaction_data import Bounds, TransactionData
from chargerd.ocpp.wire import CallFailedError

log = logging.getLogger(__name__)

STORE_RETRY_S = 10.0

Transactional = TransactionStarted | MeterSampled | TransactionStopped
Take = Callable[[Payload], None]

_MESSAGES = {TransactionStarted: "StartTransaction", MeterSampled: "MeterValues", TransactionStopped: "StopTransaction"}


class Caller(Protocol):
    """Makes a CALL; raises CallFailedError."""

    async def __call__(self, request: Request, take: Take, message_id: str | None = None) -> None: ...


class Delivery:
    """The queue on one connection. The store keeps what is owed and how often it failed; `Standing.outbox` decides."""

    def __init__(self, around: Surroundings, standing: Standing, call: Caller) -> None:
        self._around = around
        self._standing = standing
        self._call = call
        self._may_owe = True
        self.next_s = 0.0  # when the head is to be looked at again

    def on_fact(self, fact: Fact) -> None:
        """A new fact may be owed."""
        if isinstance(fact, Transactional):
            self.look_again()
            self._standing.is_drained.clear()

    def look_again(self) -> None:
        """What was held may go now."""
        self._may_owe = True

    async def step(self) -> bool:
        """Send the head of the queue or give it up; False when there is nothing to do now."""
        try:
            return await self._step()
        except StorageError as error:
            log.error("ocpp_queue_waits reason=%s", error)  # noqa: TRY400 - the journal itself tells the whole story
            self.next_s = _now_s() + STORE_RETRY_S
            self._standing.outbox.pause(self.next_s)
            return False

    async def _step(self) -> bool:
        if not self._may_owe and _now_s() < self.next_s:
            return False
        self._may_owe = False
        owed = await self._around.store.next_owed()
        settings = self._around.station.settings
        rules = RetryRules(settings.transaction_message_attempts, settings.transaction_message_retry_interval_s)
        match self._standing.outbox.next_step(owed, _now_s(), rules):
            case Idle():
                self.next_s = float("inf")
                if not self._may_owe:
                    self._standing.is_drained.set()
                return False
            case Wait(until_s=until_s):
                self.next_s = until_s
                return False
            case GiveUp(owed=head):
                self._may_owe = True
                await self._give_up(head)
                return True
            case Send(owed=head) if isinstance(head.stamped.fact, TransactionStopped) and _now_s() < self._held_until_s():
                self.next_s = self._held_until_s()
                return False
            case Send(owed=head):
                self._may_owe = True
                await self._send(head)
                return True

    def _held_until_s(self) -> float:
        """The answer to an unlock goes before the end of the transaction that it ends."""
        return self._around.handlers.unlock_owed_until_s()

    async def _send(self, owed: Owed) -> None:
        """One transmission. Its answer is settled on disk before the store is asked again, so that nothing goes out twice."""
        request, take = await self._message(owed)

        def taken(answer: Payload) -> None:
            self._standing.outbox.done(owed)
            take(answer)

        try:
            await self._call(request, taken, owed.message_id)
        except CallFailedError as error:
            attempts = self._standing.outbox.failed(owed, _now_s())
            log.warning("ocpp_call_failed seq=%d attempts=%d %s", owed.stamped.seq, attempts, error)
            await self._around.store.failed(owed.stamped.seq, attempts)
        else:
            await self._around.station.committed()

    async def _message(self, owed: Owed) -> tuple[Request, Take]:
        """The request for an owed fact, and what its answer does."""
        around, seq = self._around, owed.stamped.seq
        now = Instant(around.clock.mono_s(), around.clock.utc_s())
        at_utc_s = now.of(owed.stamped)
        match owed.stamped.fact:
            case TransactionStarted() as started:
                return outbound.start_transaction(started, at_utc_s), lambda answer: self._started(started, answer, seq)
            case MeterSampled() as sampled:
                return outbound.meter_values(sampled, at_utc_s, outbound.transaction_id(owed)), lambda _: around.store.settle(seq)
            case TransactionStopped() as stopped:
                data = await self._transaction_data(stopped, at_utc_s, now)
                request = outbound.stop_transaction(stopped, at_utc_s, outbound.transaction_id(owed), data)
                return request, lambda answer: self._stopped(stopped, answer, seq)
            case other:
                raise TypeError(f"fact {seq} ({type(other).__name__}) is nothing the central system is told of")

    async def _transaction_data(self, fact: TransactionStopped, at_utc_s: float, now: Instant) -> list[dict[str, object]]:
        store, options = self._around.store, self._around.options
        bounds = Bounds(options.stop_transaction_max_meter_values, options.stop_transaction_max_bytes)
        data = TransactionData(await store.started(fact.local_id), fact, at_utc_s, now, bounds)
        return data.with_samples(await store.samples(fact.local_id, data.wanted))

    def _started(self, fact: TransactionStarted, answer: Payload, seq: int) -> None:
        remote_id = cast("int", answer["transactionId"])
        self._around.station.dispatch(StartAnswered(fact.local_id, fact.id_tag, remote_id, id_tag_info(answer), settles=seq))

    def _stopped(self, fact: TransactionStopped, answer: Payload, seq: int) -> None:
        info = id_tag_info(answer) if "idTagInfo" in answer else None
        self._around.station.dispatch(StopAnswered(fact.local_id, fact.id_tag, info, settles=seq))

    async def _give_up(self, owed: Owed) -> None:
        fact, seq = cast("Transactional", owed.stamped.fact), owed.stamped.seq
        message = _MESSAGES[type(fact)]
        log.error("ocpp_message_given_up message=%s seq=%d attempts=%d", message, seq, owed.attempts)
        self._standing.outbox.done(owed)
        self._around.station.dispatch(MessageGivenUp(fact.connector, fact.local_id, message, owed.attempts, settles=seq))
        await self._around.station.committed()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
