"""The other end: a central system that can send any frame, answers as it is told to, and keeps the books on what the station answers."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from chargerd.ocpp.iso_time import render_time
from tests.fuzz.frames import RESULT, Frame

LATE_S = 12.0


class Mood(Enum):
    """How the peer treats the station."""

    FRIENDLY = "friendly"
    GARBLES = "garbles"  # a part of the answers is late, wrong, no JSON, or missing; never that to StartTransaction
    SLOW = "slow"  # each answer takes half of what the station will wait
    LATE = "late"  # each answer comes after the station has given up waiting
    SILENT = "silent"  # nothing is answered
    CLOSES = "closes"  # the connection ends with every message
    HANGS_UP = "hangs-up"  # the connection ends as soon as it stands
    DEAF = "deaf"  # the connection stands and nothing is read any more, not even a ping


class Peer:
    """Listens on a Unix socket between `async with`; one station at a time.

    heard: messages of the station by action; starts and stops: payloads of its StartTransaction and StopTransaction, repetitions aside.
    answers: by code, RESULT included. surprises: answers that nobody waited for, or with another code than deserved, as sentences.
    """

    def __init__(self, path: Path, utc_s: Callable[[], float], seed: int = 1) -> None:
        self.mood = Mood.FRIENDLY
        self.dials = 0
        self.heard: Counter[str] = Counter()
        self.starts: dict[str, Mapping[str, Any]] = {}
        self.stops: dict[str, Mapping[str, Any]] = {}
        self.answers: Counter[str] = Counter()
        self.surprises: list[str] = []
        self.path = path
        self._utc_s = utc_s
        self._chance = random.Random(seed)
        self._owed: dict[str, list[Frame]] = {}
        self._news = asyncio.Event()
        self._connection: ServerConnection | None = None
        self._server: Server | None = None
        self._late: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Peer:
        await self.listen()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._late:
            task.cancel()
        await self.close()

    async def listen(self) -> None:
        """Be there, or there again."""
        self.path.unlink(missing_ok=True)
        protocols = [Subprotocol("ocpp1.6")]
        self._server = await unix_serve(
            self._serve, str(self.path), subprotocols=protocols, compression=None, ping_interval=None, close_timeout=1, max_size=None
        )

    async def close(self) -> None:
        """Be gone, and leave the path to another."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    # --- what is sent

    async def send(self, frame: Frame) -> None:
        """Send a frame; nothing when the station is gone."""
        connection = self._connection
        if connection is None:
            return
        if frame.answer:
            self._owed.setdefault(frame.message_id, []).append(frame)
        try:
            if frame.is_text and isinstance(frame.data, bytes):
                async with connection.send_context():
                    connection.protocol.send_text(frame.data)
            else:
                await connection.send(frame.data)
        except ConnectionClosed:
            pass

    async def answered(self, within_s: float = 60.0) -> None:
        """Wait until every frame has its answer; those that have none in time are surprises."""
        await self.until(lambda: not self._owed, within_s)
        for waiting in self._owed.values():
            self.surprises += [f"no answer to {_short(frame.data)}" for frame in waiting]
        self._owed.clear()

    async def until(self, claim: Callable[[], object], within_s: float = 60.0) -> bool:
        """Wait for something that a message or a connection makes true; False when it did not in time."""
        try:
            async with asyncio.timeout(within_s):
                while not claim():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def drop(self) -> None:
        """Break the connection without a word."""
        if self._connection is not None:
            self._connection.transport.abort()

    # --- what comes

    async def _serve(self, connection: ServerConnection) -> None:
        self.dials += 1
        self._connection = connection
        self._news.set()
        try:
            if self.mood is Mood.DEAF:
                connection.transport.pause_reading()  # type: ignore[attr-defined]
            if self.mood is Mood.HANGS_UP:
                await connection.close()
            async for text in connection:
                await self._take(connection, str(text))
        except ConnectionClosed:
            pass
        finally:
            if self._connection is connection:
                self._connection = None
            self._news.set()

    async def _take(self, connection: ServerConnection, text: str) -> None:
        frame = json.loads(text)
        if frame[0] == 2:
            await self._asked(connection, frame[1], frame[2], frame[3])
        else:
            self._answer_came(text, frame[1], RESULT if frame[0] == 3 else str(frame[2]))
        self._news.set()

    def _answer_came(self, text: str, message_id: str, code: str) -> None:
        self.answers[code] += 1
        waiting = self._owed.get(message_id, [])
        if not waiting:
            self.surprises.append(f"an answer to nothing: {_short(text)}")
            return
        frame = waiting.pop(0)
        if not waiting:
            del self._owed[message_id]
        if frame.answer != code:
            self.surprises.append(f"{_short(frame.data)} deserves {frame.answer}, got {_short(text)}")

    async def _asked(self, connection: ServerConnection, message_id: str, action: str, payload: Mapping[str, Any]) -> None:
        self.heard[action] += 1
        if action == "StartTransaction":
            self.starts.setdefault(message_id, payload)
        elif action == "StopTransaction":
            self.stops.setdefault(message_id, payload)
        answer = json.dumps([3, message_id, self._proper(action, message_id)])
        match self.mood:
            case Mood.SILENT | Mood.DEAF:
                return
            case Mood.CLOSES:
                await connection.close()
            case Mood.SLOW:
                self._later(connection, answer, LATE_S / 4)
            case Mood.LATE:
                self._later(connection, answer, LATE_S)
            case Mood.GARBLES if action not in ("BootNotification", "StartTransaction") and self._chance.random() < 0.5:
                self._garble(connection, answer, message_id)
            case _:
                await connection.send(answer)

    def _proper(self, action: str, message_id: str) -> Mapping[str, Any]:
        now = render_time(self._utc_s())
        accepted = {"idTagInfo": {"status": "Accepted"}}
        match action:
            case "BootNotification":
                return {"status": "Accepted", "currentTime": now, "interval": 20}
            case "Heartbeat":
                return {"currentTime": now}
            case "StartTransaction":
                return {**accepted, "transactionId": 700_001 + list(self.starts).index(message_id)}
            case "Authorize" | "StopTransaction":
                return accepted
        return {}

    def _garble(self, connection: ServerConnection, answer: str, message_id: str) -> None:
        """One of the ways in which an answer can be no use."""
        ways = (
            "",
            answer[:-1],
            json.dumps([3, message_id]),
            json.dumps([3, message_id, []]),
            json.dumps([3, message_id, {"currentTime": "9999-12-31T23:59:59Z"}]),
            json.dumps([3, message_id, {"currentTime": "1970-01-01T00:00:00Z"}]),
            json.dumps([3, message_id, {"currentTime": 7, "more": [1] * 5000}]),
            json.dumps([3, message_id, {"idTagInfo": {"status": "\ud800", "expiryDate": "0001-01-01T00:00:00+14:00"}}]),
            json.dumps([4, message_id, "InternalError", "", {}]),
            json.dumps([4, message_id, "\ud800" * 100, "x" * 10_000, []]),
            json.dumps([4, message_id]),
            json.dumps([2, message_id, "GetConfiguration", {"key": ["NumberOfConnectors"]}]),
        )
        chosen = self._chance.choice((*ways, None))
        if chosen is None:
            self._later(connection, answer, LATE_S)
        elif chosen:
            if chosen.startswith("[2,"):
                self._owed.setdefault(message_id, []).append(Frame(kind="", data=chosen, message_id=message_id, answer=RESULT))
            self._later(connection, chosen, 0.0)

    def _later(self, connection: ServerConnection, text: str, delay_s: float) -> None:
        task = asyncio.create_task(_send_later(connection, text, delay_s), name="answer")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


async def _send_later(connection: ServerConnection, text: str, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    with suppress(ConnectionClosed):
        await connection.send(text)


def _short(data: str | bytes) -> str:
    text = repr(data)
    return text if len(text) <= 300 else f"{text[:300]} ... ({len(data)})"
