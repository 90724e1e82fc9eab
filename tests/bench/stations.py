"""The stations that are measured side by side, each a process of its own: ours, and the two yardsticks."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chargerd.sim.daemon_process import daemon_process
from chargerd.sim.rig import Mode, write_overlay
from chargerd.sim.rpc_client import RpcClient
from tests.bench.central import Central, Peer
from tests.bench.measure import YARDSTICKS
from tests.support.processes import ready_daemon

OURS = "CP001"
LORRY = {"capacity_kwh": 1000.0, "soc_percent": 10.0, "max_power_w": 150_000.0, "max_current_a": 350.0}
"""A battery that takes full power as long as it is measured."""


@dataclass(frozen=True, slots=True)
class Running:
    """A station that has booted. hand: moves its simulated world; a yardstick has none."""

    name: str
    pid: int
    peer: Peer
    hand: RpcClient | None = None

    async def arrive(self) -> None:
        """A vehicle comes to connector 1."""
        if self.hand is not None:
            await self.hand.call("sim.plug_in", {"connector": 1, "ev": LORRY})
            await self.peer.until(lambda: self.peer.statuses.get(1) == "Preparing")

    async def start(self) -> float:
        """A remote start; gives the seconds from its request to StartTransaction.req."""
        return await self._caused("RemoteStartTransaction", {"idTag": "CARD1", "connectorId": 1}, "StartTransaction")

    async def stop(self) -> float:
        """A remote stop; gives the seconds from its request to StopTransaction.req."""
        return await self._caused("RemoteStopTransaction", {"transactionId": self.peer.transaction}, "StopTransaction")

    async def trigger(self) -> float:
        """A trigger of a Heartbeat; gives the seconds from its request to the Heartbeat. Raises RefusedError."""
        return await self._caused("TriggerMessage", {"requestedMessage": "Heartbeat"}, "Heartbeat")

    async def leave(self) -> None:
        """The vehicle goes."""
        if self.hand is not None:
            await self.hand.call("sim.plug_out", {"connector": 1})
            await self.peer.until(lambda: self.peer.statuses.get(1) == "Available")

    async def charge(self) -> None:
        """A vehicle comes and charges."""
        await self.arrive()
        await self.start()
        await self.peer.heard("MeterValues")

    async def _caused(self, asked: str, payload: Mapping[str, Any], told: str) -> float:
        count = self.peer.received[told] + 1
        asked_s = asyncio.get_running_loop().time()
        await self.peer.call(asked, dict(payload))
        await self.peer.heard(told, count)
        return self.peer.last_s[told] - asked_s


@asynccontextmanager
async def side_by_side(overlay: Mapping[str, Any]) -> AsyncIterator[list[Running]]:
    """All three, booted and at one central system. overlay: changes to the demo configuration, for ours."""
    async with Central() as central, AsyncExitStack() as stack:
        stations = [await stack.enter_async_context(_ours(central, overlay))]
        for name in YARDSTICKS:
            pid = await stack.enter_async_context(yardstick(name, central))
            stations.append(Running(name, pid, central.peer(name)))
            await central.peer(name).heard("BootNotification")
        yield stations


@asynccontextmanager
async def _ours(central: Central, overlay: Mapping[str, Any]) -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="chargerd-bench-") as name:
        config = write_overlay(Mode.REALTIME, Path(name), overlay, central.url)
        peer = central.peer(OURS)
        async with ready_daemon(config, Path(name)) as (daemon, hand):
            await peer.until(lambda: peer.statuses.keys() >= {0, 1, 2})
            yield Running("ours", daemon.process.pid, peer, hand)
            await daemon.stop()


@asynccontextmanager
async def yardstick(name: str, central: Central) -> AsyncIterator[int]:
    """The process of a yardstick, started now; gives its pid."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", f"tests.bench.{name}_station", f"{central.url}/{name}")
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def ours(central: Central) -> AsyncIterator[int]:
    """Our daemon with the demo configuration and an empty journal, started now and perhaps not ready; gives its pid."""
    with tempfile.TemporaryDirectory(prefix="chargerd-bench-") as name:
        async with daemon_process(write_overlay(Mode.REALTIME, Path(name), {}, central.url), Path(name)) as daemon:
            yield daemon.process.pid


def starting(name: str, central: Central) -> tuple[Peer, AbstractAsyncContextManager[int]]:
    """A station by the name of its column: what it is at the central system, and its process."""
    if name == "ours":
        return central.peer(OURS), ours(central)
    return central.peer(name), yardstick(name, central)
