"""Our programs as processes: run to their end, or started and talked to."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chargerd.sim.daemon_process import DaemonProcess, daemon_process
from chargerd.sim.rpc_client import RpcClient


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as one JSON value."""
        return json.loads(self.out)


async def run_program(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Ran:
    """Run one of our programs to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def ready_daemon(config: Path, folder: Path, arguments: Sequence[str] = ()) -> AsyncIterator[tuple[DaemonProcess, RpcClient]]:
    """A daemon that is ready, and a client of its control socket."""
    async with daemon_process(config, folder, arguments) as daemon:
        await daemon.until_ready()
        async with RpcClient(daemon.control) as client:
            yield daemon, client


class Facts:
    """Committed facts as the control socket tells them, from the moment of entering: `async with Facts(path, ["StopConfirmed"])`."""

    def __init__(self, control: Path, kinds: Sequence[str] = ()) -> None:
        self._control = control
        self._kinds = list(kinds)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Facts:
        reader, writer = await asyncio.open_unix_connection(str(self._control))
        self._streams = reader, writer
        request = {"jsonrpc": "2.0", "id": 1, "method": "events.subscribe", "params": {"kinds": self._kinds}}
        writer.write(json.dumps(request).encode() + b"\n")
        answer = json.loads(await reader.readline())
        assert "result" in answer, answer
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def next(self) -> dict[str, Any]:
        """The next fact. Raises ConnectionError when the daemon is gone."""
        assert self._streams is not None
        line = await self._streams[0].readline()
        if not line:
            raise ConnectionError("the daemon is gone")
        params: dict[str, Any] = json.loads(line)["params"]
        return params

    async def until(self, kind: str, **fields: object) -> dict[str, Any]:
        """The next fact of a kind with these fields."""
        while True:
            fact = await self.next()
            if fact["kind"] == kind and all(fact.get(name) == value for name, value in fields.items()):
                return fact
