"""Operations as lines of JSON: `{"station": "CP001", "action": "Reset", "payload": {"type": "Soft"}}`, one line of answer to each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import cast

from websockets.exceptions import ConnectionClosed

from chargerd.csms.connection import OperationError
from chargerd.csms.server import CentralSystem
from chargerd.ocpp.rpc import Payload

Say = Callable[[Mapping[str, object]], None]


async def perform(central: CentralSystem, line: str) -> dict[str, object]:
    """Does one operation. The answer repeats station, action and, where given, `id`, and has `answer` or `error`."""
    try:
        asked = _parse(line)
    except ValueError as error:
        return {"error": {"code": "", "description": str(error)}}
    head = {name: asked[name] for name in ("id", "station", "action") if name in asked}
    try:
        payload = await central.call(str(asked["station"]), str(asked["action"]), cast("Payload", asked["payload"]))
    except OperationError as error:
        return head | {"error": {"code": error.code, "description": str(error)}}
    except ConnectionClosed:
        return head | {"error": {"code": "", "description": f"{asked['station']} is gone"}}
    return head | {"answer": payload}


async def serve_lines(central: CentralSystem, reader: asyncio.StreamReader, say: Say) -> None:
    """Does the operations that come in lines until the input ends, side by side; `say` gets each answer."""
    async with asyncio.TaskGroup() as tasks:
        async for line in reader:
            if line.strip():
                tasks.create_task(_answer(central, line.decode("utf-8", "replace"), say), name="operation")


async def _answer(central: CentralSystem, line: str, say: Say) -> None:
    say(await perform(central, line))


def _parse(line: str) -> dict[str, object]:
    """Raises ValueError for anything but an operation."""
    match json.loads(line):
        case {"station": str(), "action": str(), **rest} as asked if isinstance(rest.get("payload", {}), dict):
            return {"payload": {}} | cast("dict[str, object]", asked)
    raise ValueError('an operation looks like {"station": "CP001", "action": "Reset", "payload": {"type": "Soft"}}')


def dumped(answer: Mapping[str, object]) -> str:
    """An answer as one line."""
    return json.dumps(answer, ensure_ascii=False, default=float)
