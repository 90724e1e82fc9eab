"""A central system that costs next to nothing: it answers every CALL from a dict and clocks what it sends and sees."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Payload = dict[str, Any]

_ACCEPTED = {"status": "Accepted"}


class RefusedError(Exception):
    """The station answered with a CALLERROR."""


class Peer:
    """One station as seen from here. `received` counts its CALLs, `last_s` says when the newest of each action came (perf_counter)."""

    def __init__(self, identity: str, numbers: itertools.count[int]) -> None:
        self.identity = identity
        self.received: Counter[str] = Counter()
        self.last_s: dict[str, float] = {}
        self.statuses: dict[int, str] = {}
        self.transaction = 0  # the number given last
        self._numbers = numbers
        self._message_ids = itertools.count(1)
        self._socket: ServerConnection | None = None
        self._waiting: dict[str, asyncio.Future[tuple[float, Payload]]] = {}
        self._news = asyncio.Event()

    async def call(self, action: str, payload: Payload) -> tuple[float, Payload]:
        """A request and its answer; gives the seconds between them. Raises RefusedError."""
        if self._socket is None:
            raise ConnectionError(f"{self.identity} is not connected")
        message_id = str(next(self._message_ids))
        answer: asyncio.Future[tuple[float, Payload]] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = answer
        text = json.dumps([2, message_id, action, payload])
        began_s = time.perf_counter()
        await self._socket.send(text)
        came_s, result = await answer
        return came_s - began_s, result

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait until a claim about what was received holds."""
        while not claim():
            self._news.clear()
            await self._news.wait()

    async def heard(self, action: str, count: int = 1) -> None:
        """Wait until a CALL has come so many times."""
        await self.until(lambda: self.received[action] >= count)

    async def serve(self, socket: ServerConnection) -> None:
        """Answer until the connection is over."""
        self._socket = socket
        try:
            while True:
                text = await socket.recv()
                await self._take(json.loads(text), time.perf_counter())
                self._news.set()
        except ConnectionClosed:
            self._socket = None

    async def _take(self, frame: list[Any], now_s: float) -> None:
        if frame[0] == 2:
            _, message_id, action, payload = frame
            self.received[action] += 1
            self.last_s[action] = now_s
            await self._send([3, message_id, self._answer(action, payload)])
            return
        waiting = self._waiting.pop(frame[1])
        if frame[0] == 3:
            waiting.set_result((now_s, frame[2]))
        else:
            waiting.set_exception(RefusedError(f"{frame[2]}: {frame[3]}"))

    def _answer(self, action: str, payload: Payload) -> Payload:
        match action:
            case "BootNotification":
                return {**_ACCEPTED, "currentTime": _now(), "interval": 300}
            case "Heartbeat":
                return {"currentTime": _now()}
            case "Authorize":
                return {"idTagInfo": _ACCEPTED}
            case "StartTransaction":
                self.transaction = next(self._numbers)
                return {"idTagInfo": _ACCEPTED, "transactionId": self.transaction}
            case "StatusNotification":
                self.statuses[payload["connectorId"]] = payload["status"]
        return {}

    async def _send(self, frame: list[Any]) -> None:
        if self._socket is not None:
            await self._socket.send(json.dumps(frame))


class Central:
    """Listens between `async with`; `peers` grows with each station that was asked for or has come."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}
        self._numbers = itertools.count(1)
        self._server: Server | None = None

    async def __aenter__(self) -> Central:
        self._server = await serve(self._serve, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], compression=None, ping_interval=None)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """What a station is given; it adds `/` and its identity."""
        assert self._server is not None
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    def peer(self, identity: str) -> Peer:
        """A station by its identity, come or yet to come."""
        if identity not in self._peers:
            self._peers[identity] = Peer(identity, self._numbers)
        return self._peers[identity]

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        await self.peer(socket.request.path.rpartition("/")[2]).serve(socket)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
