"""The station under test as a daemon of its own, in real time, kept running as a service manager does it."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from chargerd.app.config import Config, load
from chargerd.bench.under_test import lock_of
from chargerd.csms.server import CentralSystem
from chargerd.sim.daemon_process import DaemonProcess, daemon_process, log_tail
from chargerd.sim.rig import Mode, write_overlay
from chargerd.sim.rpc_client import RpcClient

DOWN_S = 0.3
"""From the end of one process to the start of the next."""

SEEN_S = 3.0
"""So long a station may take to see a vehicle."""

_LOOK_S = 0.02


class ProcessStation:
    """See `StationUnderTest`. The simulated vehicles end with the process; they are plugged in again before the next one may connect."""

    def __init__(self, config: Config, folder: Path, central: CentralSystem) -> None:
        self.identity = config.station.id
        self.central = central
        self._config = config
        self._folder = folder
        self._vehicles: dict[int, dict[str, object]] = {}  # connector -> parameters of sim.plug_in
        self._daemon: DaemonProcess | None = None
        self._client: RpcClient | None = None
        self._is_up = asyncio.Event()
        self._is_stopping = False

    def lock(self, connector: int) -> str | None:
        """See `StationUnderTest`."""
        return lock_of(self._config, connector)

    async def simulate(self, word: str, **arguments: object) -> None:
        """See `StationUnderTest`."""
        await self._call(f"sim.{word}", arguments)
        connector = cast("int", arguments.get("connector", 0))
        if word == "plug_in":
            self._vehicles[connector] = arguments
        elif word == "plug_out":
            self._vehicles.pop(connector, None)

    async def set_link(self, *, is_up: bool) -> None:
        """See `StationUnderTest`."""
        await self._call("ocpp.connect" if is_up else "ocpp.disconnect", {})

    async def power_cycle(self) -> None:
        """See `StationUnderTest`."""
        await self._is_up.wait()
        self._is_up.clear()
        if self._daemon is not None:
            self._daemon.kill()
        await self._is_up.wait()

    async def owed(self) -> int:
        """See `StationUnderTest`."""
        return len(cast("list[object]", await self._call("outbox.list", {})))

    async def keep_running(self) -> None:
        """One process after the other until `stop`. Raises OSError when one ends by itself other than in order."""
        while not self._is_stopping:
            self.central.hold()
            async with daemon_process(self._config.path, self._folder) as daemon:
                self._daemon = daemon
                await daemon.until_ready()
                async with RpcClient(daemon.control) as client:
                    self._client = client
                    for connector, vehicle in self._vehicles.items():
                        await _plug_in_again(client, connector, vehicle)
                    self._is_up.set()
                    self.central.admit()
                    code = await daemon.process.wait()
            self._is_up.clear()
            if code not in (0, -signal.SIGKILL):
                raise OSError(f"the daemon ended with code {code}: {log_tail(self._folder)}")
            await asyncio.sleep(DOWN_S)

    async def up(self) -> None:
        """Wait until it serves."""
        await self._is_up.wait()

    def stop(self) -> None:
        """Let the present process end in order; no other follows."""
        self._is_stopping = True
        if self._daemon is not None and self._daemon.process.returncode is None:
            self._daemon.process.terminate()

    async def _call(self, method: str, params: Mapping[str, object]) -> object:
        await self._is_up.wait()
        if self._client is None:
            raise ConnectionError("the daemon is down")
        return await self._client.call(method, params)


async def _plug_in_again(client: RpcClient, connector: int, vehicle: Mapping[str, object]) -> None:
    """Returns when the station has taken it into account, or shows no other status for it (Unavailable)."""
    loop, last = asyncio.get_running_loop(), {"kinds": ["StatusChanged"], "connector": connector, "limit": 1}
    before = await client.call("events.list", last)
    await client.call("sim.plug_in", vehicle)
    until_s = loop.time() + SEEN_S
    while loop.time() < until_s and await client.call("events.list", last) == before:  # noqa: ASYNC110 - asked of another process
        await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def process_station(config: Path, overlay: Mapping[str, Any]) -> AsyncIterator[ProcessStation]:
    """A station of this configuration with fresh state, running. Raises ConfigError, OSError."""
    with tempfile.TemporaryDirectory(prefix="certify-") as name:
        folder = Path(name)
        async with CentralSystem() as central:
            file = write_overlay(Mode.REALTIME, folder, overlay, central.url, config)
            station = ProcessStation(load(file), folder, central)
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(station.keep_running(), name="station")
                await station.up()
                try:
                    yield station
                finally:
                    station.stop()
                    await asyncio.wait({keeping})
