"""A tiny station for tests: sends what it is told to, and gives back what comes."""

from __future__ import annotations

import itertools
import json
from types import TracebackType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

BOOT = {"chargePointVendor": "Example", "chargePointModel": "DC240"}


class TinyStation:
    """One connection, closed at the end of `async with`."""

    _numbers = itertools.count(1)

    def __init__(self, url: str, **settings: Any) -> None:
        self._connecting = connect(url, subprotocols=[Subprotocol("ocpp1.6")], compression=None, proxy=None, **settings)
        self.socket: ClientConnection

    async def __aenter__(self) -> TinyStation:
        self.socket = await self._connecting
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.socket.close()

    async def send(self, action: str, payload: dict[str, Any], message_id: str | None = None) -> str:
        message_id = message_id or f"m{next(self._numbers)}"
        await self.socket.send(json.dumps([2, message_id, action, payload]))
        return message_id

    async def receive(self) -> list[Any]:
        frame: list[Any] = json.loads(await self.socket.recv())
        return frame

    async def call(self, action: str, payload: dict[str, Any], message_id: str | None = None) -> dict[str, Any]:
        """The payload of the answer, which must be the next frame."""
        sent = await self.send(action, payload, message_id)
        kind, answered, result = await self.receive()
        assert (kind, answered) == (3, sent)
        assert isinstance(result, dict)
        return result

    async def answer(self, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Takes the next request, answers it, gives its action and payload."""
        kind, message_id, action, asked = await self.receive()
        assert kind == 2
        await self.socket.send(json.dumps([3, message_id, payload]))
        return action, asked


def start(**changes: Any) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "04A2B1", "meterStart": 1000, "timestamp": "2025-06-01T10:00:00.000Z"} | changes


def stop(number: int, **changes: Any) -> dict[str, Any]:
    return {"transactionId": number, "meterStop": 3000, "timestamp": "2025-06-01T11:00:00.000Z", "reason": "Local"} | changes


def meter_values(number: int | None, minute: int = 1) -> dict[str, Any]:
    value = {"timestamp": f"2025-06-01T10:{minute:02}:00Z", "sampledValue": [{"value": "1500"}]}
    return {"connectorId": 1, "meterValue": [value]} | ({} if number is None else {"transactionId": number})
