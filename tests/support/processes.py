"""The daemon as a process of its own: started, talked to, killed. Nothing here waits by guessing: readiness is told on a socket.

The process is the one a service manager starts: `chargerd run`, READY=1 on `$NOTIFY_SOCKET`, requests on its control socket.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chargerd.sim.rpc_client import RpcClient

START_S = 30.0
"""How long the daemon may take to be ready, on a machine with other work."""


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


@dataclass(slots=True)
class DaemonProcess:
    """One run of the daemon. `folder` holds its state, its sockets and its log, which goes on over runs."""

    process: asyncio.subprocess.Process
    folder: Path
    ready: asyncio.Event
    told: list[str] = field(default_factory=list)  # what the service manager would have heard

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.folder / "control.sock"

    async def until_ready(self) -> None:
        """Wait for READY=1. Raises AssertionError with the last words of the process when it ends or hangs instead."""
        ended = asyncio.ensure_future(self.process.wait())
        ready = asyncio.ensure_future(self.ready.wait())
        try:
            await asyncio.wait({ended, ready}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            ready.cancel()
        assert self.ready.is_set(), f"the daemon is not ready, exit code {self.process.returncode}: {log_tail(self.folder)}"

    def kill(self) -> None:
        """SIGKILL, now."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM and an orderly end; gives the exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()


@asynccontextmanager
async def daemon_process(config: Path, folder: Path, arguments: Sequence[str] = ()) -> AsyncIterator[DaemonProcess]:
    """Start the daemon over `folder`; on leaving kill it if it still runs. It may not be ready yet."""
    address = folder / "notify.sock"
    address.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    listening.bind(str(address))
    loop = asyncio.get_running_loop()
    try:
        with (folder / "daemon.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "chargerd.cli.daemon", "run", "--config", str(config)),
                *("--state-dir", str(folder), "--runtime-dir", str(folder), *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": str(address)},
            )
        daemon = DaemonProcess(process, folder, asyncio.Event())
        loop.add_reader(listening, _hear, listening, daemon)
        try:
            yield daemon
        finally:
            daemon.kill()
            await process.wait()
            loop.remove_reader(listening)
    finally:
        listening.close()


def _hear(listening: socket.socket, daemon: DaemonProcess) -> None:
    lines = listening.recv(4096).decode().splitlines()
    daemon.told += lines
    if "READY=1" in lines:
        daemon.ready.set()


@asynccontextmanager
async def ready_daemon(config: Path, folder: Path, arguments: Sequence[str] = ()) -> AsyncIterator[tuple[DaemonProcess, RpcClient]]:
    """A daemon that is ready, and a client of its control socket."""
    async with daemon_process(config, folder, arguments) as daemon:
        await daemon.until_ready()
        async with RpcClient(daemon.control) as client:
            yield daemon, client


def log_tail(folder: Path, lines: int = 40) -> str:
    """The newest lines of the daemon's log."""
    log = folder / "daemon.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"


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
