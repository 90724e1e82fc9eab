"""One connection of one station: frames in, answers and operations out, and the misbehaviour that was ordered."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from chargerd.csms.model import ACTIONS, Request, Station
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from chargerd.ocpp.answers import AnswerMemory
from chargerd.ocpp.rpc import Answered, Call, CallError, CallRefusedError, CallResult, Ignored, Payload, Rpc

_LOG = logging.getLogger(__name__)


class OperationError(Exception):
    """An operation got no proper answer; `code` is the CALLERROR's, or empty."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class Connection:
    """Serves one WebSocket until it closes.

    record: called with direction ("in", "out") and text of every frame.  changed: called after every frame was taken.
    policy, utc_s: asked at each message.
    """

    def __init__(
        self,
        socket: ServerConnection,
        station: Station,
        *,
        policy: Callable[[], Policy],
        utc_s: Callable[[], float],
        record: Callable[[str, str], None],
        changed: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._station = station
        self._policy = policy
        self._utc_s = utc_s
        self._record = record
        self._changed = changed
        self._rpc = Rpc(ACTIONS, AnswerMemory(0))  # repetitions are told apart by the station's record, which outlives the connection
        self._one_call = asyncio.Lock()
        self._answer: asyncio.Future[CallResult | CallError] | None = None
        self._late: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serves until the connection is closed by either side."""
        try:
            async for text in self._socket:
                if isinstance(text, bytes):
                    self._station.problems.append("binary frame")
                    continue
                self._record("in", text)
                await self._receive(text)
                self._changed()
        except ConnectionClosed:
            pass  # without a closing handshake: the same to us
        finally:
            await self._end()

    async def call(self, action: str, payload: Payload, timeout_s: float) -> Payload:
        """Sends a CALL and gives the payload of its answer. One after the other (OCPP-J 1.6, 4.1.1).

        Raises OperationError: CALLERROR, no answer in time, or the connection is gone.
        """
        async with self._one_call:
            self._answer = asyncio.get_running_loop().create_future()
            self._rpc.call(action, payload, str(uuid.uuid4()))
            try:
                async with asyncio.timeout(timeout_s):
                    await self._flush()
                    answer = await self._answer
            except TimeoutError:
                raise OperationError(f"{self._station.identity} did not answer {action} within {timeout_s:g} s") from None
            except ConnectionClosed:
                raise OperationError(f"{self._station.identity} is gone") from None
            finally:
                self._rpc.forget()
                self._answer = None
        if isinstance(answer, CallError):
            raise OperationError(f"{action} refused: {answer.code} {answer.description}".rstrip(), answer.code)
        return answer.payload

    async def send_raw(self, text: str) -> None:
        """Sends any text, also what is no OCPP."""
        self._record("out", text)
        await self._socket.send(text)

    async def close(self, code: int = 1001) -> None:
        """Closes with the closing handshake."""
        await self._socket.close(code)

    def drop(self) -> None:
        """Breaks the connection without a word, as a dead network does."""
        self._socket.transport.abort()

    async def _receive(self, text: str) -> None:
        match self._rpc.receive(text):
            case Call() as call:
                await self._handle(call)
            case (CallResult() | CallError()) as answer:
                if self._answer is not None and not self._answer.done():
                    self._station.answered += 1
                    self._answer.set_result(answer)
            case Answered(code=code, reason=reason):
                self._station.problems.append(f"{code}: {reason}")
                await self._flush()
            case Ignored(reason=reason):
                self._station.problems.append(f"ignored: {reason}")

    async def _handle(self, call: Call) -> None:
        station = self._station
        station.hear(Request(call.message_id, call.action, call.payload))
        rule = self._policy().misbehaviour(call.action, station.received[call.action])
        if rule is not None:
            _LOG.info("misbehaves station=%s action=%s twist=%s", station.identity, call.action, rule.twist.value)
        if rule is not None and rule.twist is Twist.ERROR:
            self._rpc.error(call, rule.code, "as ordered")
            await self._flush()
            return
        self._decide(call)
        await self._twisted(call, rule)

    def _decide(self, call: Call) -> None:
        """Puts the answer into the texts to send."""
        try:
            answer = self._station.answer(call.message_id, call.action, call.payload, self._policy(), self._utc_s())
        except CallRefusedError as refusal:
            self._rpc.error(call, refusal.code, refusal.description)
        else:
            self._rpc.result(call, answer)

    async def _twisted(self, call: Call, rule: Misbehaviour | None) -> None:
        match rule.twist if rule else None:
            case Twist.SILENCE:
                self._rpc.drain()
            case Twist.DROP_BEFORE:
                self._rpc.drain()
                self.drop()
            case Twist.DROP_AFTER:
                await self._flush()
                await self.close()
            case Twist.LATE if rule:
                task = asyncio.create_task(self._send_late(self._rpc.drain(), rule.delay_s), name=f"late-{call.action}")
                self._late.add(task)
                task.add_done_callback(self._late.discard)
            case _:
                await self._flush()

    async def _send_late(self, texts: list[str], delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            for text in texts:
                await self.send_raw(text)
        except ConnectionClosed:
            _LOG.info("late answer without a connection station=%s", self._station.identity)

    async def _flush(self) -> None:
        for text in self._rpc.drain():
            await self.send_raw(text)

    async def _end(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(OperationError(f"{self._station.identity} is gone"))
