"""A small JSON-RPC client on a Unix socket: one question at a time; whoever comes meanwhile waits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType


class RpcClient:
    """Connected between `async with`. Errors of the other side are raised as ValueError with their message."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._is_free = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> RpcClient:
        self._streams = await asyncio.open_unix_connection(str(self._path))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        """Ask and wait for the answer. Raises ConnectionError when the other side is gone."""
        if self._streams is None:
            raise ConnectionError(f"not connected to {self._path}")
        reader, writer = self._streams
        async with self._is_free:
            self._count += 1
            request = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": dict(params)}
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        if not line:
            raise ConnectionError(f"{self._path} closed the connection")
        answer: dict[str, object] = json.loads(line)
        match answer:
            case {"error": {"message": message}}:
                raise ValueError(str(message))
        return answer.get("result")
