"""One connection's messages: our CALLs one at a time, theirs answered meanwhile, all of it on the trace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from chargerd.ocpp.ports import ClockPort
from chargerd.ocpp.rpc import Answered, Call, CallError, CallRefusedError, CallResult, Ignored, Payload, Received, Rpc
from chargerd.ocpp.trace import Direction, Trace

log = logging.getLogger(__name__)

_MOST_IN_HAND = 64
"""So many requests are worked on at a time. A central system may have one outstanding (OCPP-J 1.6, 4.1.1); one that sends more at once is
answered all the same, only that nothing more is read while so many have no answer yet: memory is bounded, and nothing is refused.
"""


class Connection(Protocol):
    """What is needed of a WebSocket; that of `websockets` fits. All raise `websockets.exceptions.ConnectionClosed` when it is over."""

    @property
    def subprotocol(self) -> str | None: ...

    async def send(self, message: str, /) -> None: ...

    async def recv(self) -> str | bytes: ...

    async def ping(self) -> Awaitable[float]: ...


class CallFailedError(Exception):
    """Our CALL was refused, answered with nonsense, or not answered in time."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"{action}: {reason}")
        self.reason = reason


class LinkStuckError(Exception):
    """The other side is connected but does not answer; the connection is worth nothing."""


@dataclass(slots=True)
class _Waiting:
    take: Callable[[Payload], None]
    sent_at_s: float
    done: asyncio.Future[CallError | None]


class Wire:
    """Messages over one connection.

    answer: gives the payload for a CALL, at once or to be waited for, or raises CallRefusedError. answered: told when one that had to be
    waited for is out.
    """

    def __init__(
        self,
        connection: Connection,
        rpc: Rpc,
        trace: Trace,
        clock: ClockPort,
        answer: Callable[[Call], Payload | Awaitable[Payload]],
        answered: Callable[[Call], None],
        max_unanswered: int,
    ) -> None:
        self._connection = connection
        self._rpc = rpc
        self._trace = trace
        self._clock = clock
        self._answer = answer
        self._answered = answered
        self._max_unanswered = max_unanswered
        self._unanswered = 0
        self._in_hand = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._waiting: _Waiting | None = None
        self.last_sent_s = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Read until the connection is over, which raises. The answers to our CALLs come by here: only a flood may hold this up."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._has_room.wait()
                text = await self._connection.recv()
                if isinstance(text, bytes):
                    log.warning("ocpp_message_ignored reason=binary bytes=%d", len(text))
                    continue
                now_s = loop.time()
                self._take(text, await self._received(text), now_s, group)
                await self._flush(now_s)

    async def call(self, action: str, payload: Payload, message_id: str, timeout_s: float, take: Callable[[Payload], None]) -> None:
        """Make a CALL and wait for its end.

        take: gets the answer in the very step in which it is read, so that an answer that came is never lost with the connection.
        Raises CallFailedError.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(take, loop.time(), loop.create_future())
        self._rpc.call(action, payload, message_id)
        self._waiting = waiting
        try:
            async with asyncio.timeout(timeout_s):
                await self._flush()
                await asyncio.shield(waiting.done)  # the answer may come in the step in which time is up
        except TimeoutError:
            if not waiting.done.done():
                self._unanswered += 1
                raise CallFailedError(action, f"no answer within {timeout_s:g} s") from None
        finally:
            self._waiting = None
            self._rpc.forget()
        error = waiting.done.result()
        if error is not None:
            raise CallFailedError(action, f"{error.code} {error.description!r}")

    def check(self) -> None:
        """Raises LinkStuckError after too many of our CALLs in a row that nobody answered."""
        if self._unanswered >= self._max_unanswered:
            raise LinkStuckError(f"{self._unanswered} CALLs in a row were not answered")

    async def _received(self, text: str) -> Received:
        """A long list is looked at in pieces, so that it holds up nobody else."""
        steps = self._rpc.receive_in_steps(text)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return cast("Received", end.value)
            await asyncio.sleep(0)

    def _take(self, text: str, received: Received, now_s: float, group: asyncio.TaskGroup) -> None:
        waiting = self._waiting
        latency_s = now_s - waiting.sent_at_s if waiting is not None and isinstance(received, CallResult | CallError) else None
        self._trace.add(Direction.IN, self._clock.utc_s(), text, latency_s)
        match received:
            case Call():
                self._begin(received, now_s, group)
            case CallResult() if waiting is not None:
                self._unanswered = 0
                waiting.take(received.payload)
                waiting.done.set_result(None)
            case CallError() if waiting is not None:
                self._unanswered = 0
                waiting.done.set_result(received)
            case Answered(code=code, reason=reason):
                log.warning("ocpp_call_refused code=%s reason=%s", code, reason)
            case Ignored(reason=reason):
                log.warning("ocpp_message_ignored reason=%s", reason)

    def _begin(self, call: Call, now_s: float, group: asyncio.TaskGroup) -> None:
        """Answer a CALL at once where that can be; what has to wait gets a task of its own."""
        try:
            answer = self._answer(call)
        except CallRefusedError as refusal:
            self._rpc.error(call, refusal.code, refusal.description)
            return
        if isinstance(answer, Mapping):
            self._rpc.result(call, answer)
            return
        self._in_hand += 1
        if self._in_hand >= _MOST_IN_HAND:
            self._has_room.clear()
        group.create_task(self._finish(call, answer, now_s), name=f"ocpp.answer.{call.action}")

    async def _finish(self, call: Call, answer: Awaitable[Payload], received_at_s: float) -> None:
        try:
            try:
                payload = await answer
            except CallRefusedError as refusal:
                self._rpc.error(call, refusal.code, refusal.description)
            else:
                self._rpc.result(call, payload)
            await self._flush(received_at_s)
            self._answered(call)
        finally:
            self._in_hand -= 1
            self._has_room.set()

    async def _flush(self, asked_at_s: float | None = None) -> None:
        """Send what the framing holds; `asked_at_s` is when the CALL came that this answers."""
        now_s = asyncio.get_running_loop().time()
        for text in self._rpc.drain():
            latency_s = now_s - asked_at_s if asked_at_s is not None else None
            self._trace.add(Direction.OUT, self._clock.utc_s(), text, latency_s)
            self.last_sent_s = now_s
            await self._connection.send(text)
