"""The daemon as a process of its own: started and heard as a service manager does it. Nothing here waits by guessing.

The process is the one of the unit file: `chargerd run`, READY=1 on `$NOTIFY_SOCKET`, requests on its control socket.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = ("chargerd.cli.daemon",)
START_S = 30.0
"""How long the daemon may take to be ready, on a machine with other work."""


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
        """Wait for READY=1. Raises OSError with the last words of the process when it ends or hangs instead."""
        ended = asyncio.ensure_future(self.process.wait())
        ready = asyncio.ensure_future(self.ready.wait())
        try:
            await asyncio.wait({ended, ready}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            ready.cancel()
        if not self.ready.is_set():
            raise OSError(f"the daemon is not ready, exit code {self.process.returncode}: {log_tail(self.folder)}")

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
async def daemon_process(
    config: Path, folder: Path, arguments: Sequence[str] = (), program: Sequence[str] = PROGRAM
) -> AsyncIterator[DaemonProcess]:
    """Start the daemon over `folder`; on leaving kill it if it still runs. It may not be ready yet.

    program: a Python module with its own arguments, which runs the daemon with the rest.
    """
    address = folder / "notify.sock"
    address.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    listening.bind(str(address))
    loop = asyncio.get_running_loop()
    try:
        with (folder / "daemon.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *program, "run", "--config", str(config)),
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


def log_tail(folder: Path, lines: int = 40) -> str:
    """The newest lines of the daemon's log."""
    log = folder / "daemon.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
