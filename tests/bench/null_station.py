"""A station that answers from a dict and knows nothing: the floor for a station in Python. `python -m tests.bench.null_station URL`."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.bench.yardstick import BOOT, ID_TAG, KEYS, now, sampled

_KEYS = [{"key": name, "readonly": False, "value": value} for name, value in KEYS.items()]
_ACCEPTED: Mapping[str, Any] = {"status": "Accepted"}
_AT_ONCE = {"RemoteStartTransaction": "StartTransaction", "RemoteStopTransaction": "StopTransaction", "TriggerMessage": "Heartbeat"}
"""What is sent after the answer."""


class NullStation:
    """One connection of it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._message_ids = itertools.count(1)
        self._transaction: int | None = None
        self._meter: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Boot, then answer until the connection is over."""
        await self._call("BootNotification", BOOT)
        while True:
            frame = json.loads(await self._socket.recv())
            if frame[0] == 2:
                await self._send([3, frame[1], self._answer(frame[2], frame[3])])
                if frame[2] in _AT_ONCE:
                    await self._tell(_AT_ONCE[frame[2]])
            elif "transactionId" in frame[2]:
                self._transaction = frame[2]["transactionId"]
                self._meter = asyncio.create_task(self._sample(), name="meter")

    def _answer(self, action: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        if action == "GetConfiguration":
            return {"configurationKey": _KEYS[:1] if payload.get("key") else _KEYS}
        return _ACCEPTED

    async def _tell(self, action: str) -> None:
        match action:
            case "StartTransaction":
                await self._call(action, {"connectorId": 1, "idTag": ID_TAG, "meterStart": 0, "timestamp": now()})
            case "StopTransaction":
                if self._meter is not None:
                    self._meter.cancel()
                await self._call(action, {"transactionId": self._transaction, "meterStop": 0, "timestamp": now()})
            case _:
                await self._call(action, {})

    async def _sample(self) -> None:
        for register_wh in itertools.count():
            await asyncio.sleep(1.0)
            await self._call("MeterValues", {"connectorId": 1, "transactionId": self._transaction, "meterValue": sampled(register_wh)})

    async def _call(self, action: str, payload: Mapping[str, Any]) -> None:
        await self._send([2, str(next(self._message_ids)), action, payload])

    async def _send(self, frame: list[Any]) -> None:
        await self._socket.send(json.dumps(frame))


async def main(url: str) -> None:
    """Run until the central system ends the connection."""
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], compression=None, ping_interval=None) as socket:
        with suppress(ConnectionClosed):
            await NullStation(socket).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
