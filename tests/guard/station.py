"""One station whose contactors are guarded: plant and peers, guard, and daemon, each a process, with a tap on the lines between."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from chargerd.app.config import load
from chargerd.app.shipped import shipped
from chargerd.sim.daemon_process import DaemonProcess, daemon_process
from chargerd.sim.rig import own_ports, peers_process
from chargerd.sim.rpc_client import RpcClient
from tests.guard.tap import Tap, serial_tap
from tests.support.processes import Facts
from tests.support.quick_vehicle import HANDSHAKE_S

LEASE_S = 1.0  # the default of the gate
TICK_S = 0.02  # the same

COIL = "k1"
NEVER_S = 30.0

OVERLAY: Mapping[str, Any] = {
    "ocpp": {"url": "ws://127.0.0.1:1/ocpp", "keys": {"AllowOfflineTxForUnknownId": True}},  # nobody listens there
    "policy": {"charge_before_first_acceptance": True},
    "timing": {"recovery_s": 1.0},
    "sim": {"plant": {"speed": 4, "handshake": HANDSHAKE_S}},
}


class GuardedStation:
    """See the module. Made by `guarded`."""

    def __init__(self, folder: Path, config: Path, hand: RpcClient, tap: Tap) -> None:
        self.tap = tap
        self._folder = folder
        self._config = config
        self._hand = hand
        self._stack = AsyncExitStack()
        self._guard: asyncio.subprocess.Process | None = None
        self._daemon: DaemonProcess | None = None
        self._plugged: list[int] = []

    # --- processes --------------------------------------------------------------------------------------------------------------------

    @property
    def daemon_pid(self) -> int:
        """Of the daemon that runs."""
        assert self._daemon is not None
        return self._daemon.process.pid

    @property
    def guard_pid(self) -> int:
        """Of the guard that runs."""
        assert self._guard is not None
        return self._guard.pid

    async def start(self) -> None:
        """Start what does not run, and wait until the daemon has heard of the guard and of every device."""
        if self._guard is None or self._guard.returncode is not None:
            self._guard = await self._start_guard()
        if self._daemon is None or self._daemon.process.returncode is not None:
            await self._stack.aclose()
            daemon = daemon_process(self._config, self._folder, program=("tests.guard.hurt_daemon",))
            self._daemon = await self._stack.enter_async_context(daemon)
            await self._daemon.until_ready()
        await self._until(lambda status: status["guard"].get("is_there") and not status["faults"], "the daemon is sound")

    async def _start_guard(self, *arguments: str) -> asyncio.subprocess.Process:
        command = ("-m", "chargerd.cli.guard", "--config", str(self._config), "--runtime-dir", str(self._folder), *arguments)
        with (self._folder / "guard.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(sys.executable, *command, stdout=log, stderr=log)

    async def drive_safe(self) -> None:
        """As the service manager does after the end of a guard."""
        process = await self._start_guard("--safe")
        assert await process.wait() == 0, self.log()

    async def stop(self) -> None:
        """End both processes, whatever state they are in."""
        await self._stack.aclose()
        if self._guard is not None and self._guard.returncode is None:
            self._guard.kill()
            await self._guard.wait()

    async def ended(self, *, is_guard: bool) -> None:
        """Wait for the end of a process that was killed."""
        process = self._guard if is_guard else (self._daemon.process if self._daemon is not None else None)
        assert process is not None
        await process.wait()

    def hurt(self, what: signal.Signals, *, is_guard: bool = False) -> float:
        """Send a signal to the daemon or the guard. Returns when."""
        now_s = asyncio.get_running_loop().time()
        os.kill(self.guard_pid if is_guard else self.daemon_pid, what)
        return now_s

    def fill_disk(self, *, is_full: bool) -> None:
        """No file of the daemon may grow any more, or again without limit."""
        resource.prlimit(self.daemon_pid, resource.RLIMIT_FSIZE, (0 if is_full else resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    # --- a session --------------------------------------------------------------------------------------------------------------------

    async def charge(self, connector: int = 1) -> None:
        """A new vehicle charges."""
        await self.unplug()
        await self.start()
        await self._in_phase(connector, "idle")
        await self._hand.call("sim.plug_in", {"connector": connector})
        self._plugged.append(connector)
        await self._in_phase(connector, "wait-auth")
        await self.ask("connector.start", {"connector": connector, "id_tag": "04A2B1C1"})
        await self._in_phase(connector, "delivering")
        await self.tap.until(f"k{connector}", is_active=True)

    async def _in_phase(self, connector: int, phase: str) -> None:
        await self._until(lambda status: status["connectors"][connector - 1]["phase"] == phase, f"connector {connector} is in {phase}")

    async def unplug(self) -> None:
        """Take the vehicle away, where one is."""
        while self._plugged:
            await self._hand.call("sim.plug_out", {"connector": self._plugged.pop()})

    async def press(self, *, is_pressed: bool) -> float:
        """The emergency stop. Returns when the board was told."""
        await self._hand.call("sim.input", {"name": "estop", "active": is_pressed})
        return await self.tap.until("estop", is_active=is_pressed)

    async def opened_s(self, since_s: float) -> float:
        """How long it took until the coil was let go."""
        return await self.tap.until(COIL, is_active=False, since_s=since_s) - since_s

    # --- what the daemon says ---------------------------------------------------------------------------------------------------------

    async def ask(self, method: str, params: Mapping[str, object]) -> Any:
        """A request at the control socket."""
        async with RpcClient(self._folder / "control.sock") as client:
            return await client.call(method, params)

    def facts(self, *kinds: str) -> Facts:
        """Facts from now on."""
        return Facts(self._folder / "control.sock", kinds)

    async def _until(self, holds: Any, what: str) -> None:
        status: Any = None
        try:
            async with asyncio.timeout(NEVER_S):
                while True:
                    status = await self.ask("station.status", {})
                    if holds(status):
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not within {NEVER_S:g} s: {what}; {json.dumps(status)}; {self.log()}") from None

    def log(self) -> str:
        """The last words of both processes."""
        return "\n".join((self._folder / name).read_text(errors="replace")[-3000:] for name in ("guard.log", "daemon.log"))


@asynccontextmanager
async def guarded(folder: Path, demo: str = "demo-guard.yaml") -> AsyncIterator[GuardedStation]:
    """Peers and taps in a folder; guard and daemon are started by `charge`."""
    base = {"base": str(shipped(demo).absolute()), **OVERLAY}
    ours, theirs = folder / "station.yaml", folder / "peers.yaml"
    ours.write_text(json.dumps(base))
    config = load(ours)
    base |= own_ports(config)
    boards = [device.name for device in config.devices if device.driver == "pilot-board"]
    theirs.write_text(json.dumps({**base, "devices": {"io": {"mirror": "world.sock"}}}))
    ours.write_text(json.dumps({**base, "devices": {name: {"port": f"{name}-tap"} for name in boards}}))
    async with peers_process(theirs, folder) as hand, Tap(folder / "lines.sock", folder / "world.sock") as tap:
        with ExitStack() as taps:
            for label, name in zip(("k1", "k2"), boards, strict=False):
                taps.enter_context(serial_tap(tap, folder / f"{name}-tap", folder / name, label))
            station = GuardedStation(folder, ours, hand, tap)
            try:
                yield station
            finally:
                await station.stop()
