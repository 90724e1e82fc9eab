"""A daemon, a bench central system and a hand on the simulated world, started together and taken down together.

The daemon is the real one, whole; what differs between the modes is the clock, the way to the central system, and whether the hardware is
the mock devices or real drivers on wires to peers in a process of their own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from chargerd.app.build import Daemon, Sources, build
from chargerd.app.config import load
from chargerd.app.main import Ending, run
from chargerd.app.shipped import shipped
from chargerd.core.events import ClearFault, Event, RaiseFault, Reply
from chargerd.core.facts import Stamped
from chargerd.core.ids import ConnectorId
from chargerd.csms.policy import Policy
from chargerd.csms.server import CentralSystem, Options
from chargerd.ocpp.dial import unix_dialer
from chargerd.sim.rpc_client import RpcClient
from hal.ports import Place

VIRTUAL_EPOCH_UTC_S = 1_800_000_000.0


class Mode(Enum):
    """How a scenario is played."""

    VIRTUAL = "virtual"
    REALTIME = "realtime"
    WIRES = "wires"


class Hand(Protocol):
    """Does `sim.*` methods, here or in the peers' process."""

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        """Raises ValueError with a sentence when it cannot be done."""


class LocalHand:
    """The plant is in this process; faults from outside go to the core."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        """See `Hand`."""
        if self._daemon.simulation is None:
            raise ValueError("this station has no simulated hardware")
        return self._daemon.simulation.call(method, dict(params))


@dataclass(slots=True)
class Rig:
    """What a running rig offers. `facts` grows with each commit; `heard` is set at each."""

    daemon: Daemon
    central: CentralSystem
    hand: Hand
    facts: list[Stamped] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def simulate(self, word: str, arguments: Mapping[str, Any]) -> None:
        """A `sim.*` method by its bare name. Raises ValueError when it is refused."""
        if word in ("fault", "clear_fault"):
            reply = self.daemon.reactor.dispatch(_fault_event(word, arguments))
            if not reply.is_accepted:
                raise ValueError(reply.reason)
            return
        await self.hand.call(f"sim.{word}", arguments)

    @property
    def identity(self) -> str:
        """The station's name at the central system."""
        return self.daemon.config.station.id

    def dispatch(self, event: Event) -> Reply:
        """An event of the rig's own."""
        return self.daemon.reactor.dispatch(event)


def _fault_event(word: str, arguments: Mapping[str, Any]) -> Event:
    connector, error_code = ConnectorId(int(arguments.get("connector", 0))), str(arguments.get("error_code", "OtherError"))
    code = str(arguments.get("vendor_error_code") or error_code)
    if word == "fault":
        return RaiseFault(connector, code, error_code, str(arguments.get("info", "")))
    return ClearFault(connector, code)


@asynccontextmanager
async def rig(
    mode: Mode, folder: Path, overlay: Mapping[str, Any] | None = None, policy: Policy | None = None, seed: int = 1
) -> AsyncIterator[Rig]:
    """Start everything in `folder` (state, sockets); on leaving stop the daemon in order and take the rest down.

    overlay: changes to the shipped demo configuration. Raises ConfigError, OSError.
    """
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        is_virtual = mode is Mode.VIRTUAL
        wall: Callable[[], float] = (lambda: VIRTUAL_EPOCH_UTC_S + loop.time()) if is_virtual else time.time
        socket = folder / "csms.sock" if is_virtual else None
        options = Options(unix_socket=socket, policy=policy or Policy(), utc_s=wall)
        central = await stack.enter_async_context(CentralSystem(options))
        file = write_overlay(mode, folder, overlay or {}, "ws://127.0.0.1:9000/ocpp" if is_virtual else central.url)
        config = load(file)
        sources = Sources(mono=loop.time, wall=wall)
        if is_virtual:
            count, chance = itertools.count(1), random.Random(seed)  # noqa: S311 - repeatable, not secret
            dial = unix_dialer(config.ocpp, config.station.identity, folder / "csms.sock")
            sources = Sources(mono=loop.time, new_id=lambda: f"id-{next(count)}", random=chance.random, dial=dial, wall=wall)
        peers = await stack.enter_async_context(peers_process(file, folder)) if mode is Mode.WIRES else None
        daemon = build(config, Place(folder, folder), sources)
        made = Rig(daemon, central, peers if peers is not None else LocalHand(daemon))
        await stack.enter_async_context(running(daemon, made))
        yield made


@asynccontextmanager
async def running(daemon: Daemon, made: Rig) -> AsyncIterator[None]:
    """Run the daemon beside the body, collecting its facts; an error of the daemon ends the body."""

    def hear(stamped: Stamped) -> None:
        made.facts.append(stamped)
        made.heard.set()

    daemon.reactor.subscribe(hear)
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task: asyncio.Task[Ending] = group.create_task(run(daemon, stop, ready.set), name="daemon")
        await ready.wait()
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait({task})


def write_overlay(mode: Mode, folder: Path, overlay: Mapping[str, Any], url: str) -> Path:
    """A configuration over the shipped one (JSON is YAML too). Returns its path."""
    base = shipped("demo-wires.yaml" if mode is Mode.WIRES else "demo.yaml")
    merged = _merged({"base": str(base), "ocpp": {"url": url}}, overlay)
    file = folder / "station.yaml"
    file.write_text(json.dumps(merged, indent=1))
    return file


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


@asynccontextmanager
async def peers_process(config: Path, folder: Path) -> AsyncIterator[RpcClient]:
    """Plant and wire peers in a process of their own. Raises OSError with its last words when it does not come up."""
    command = (sys.executable, "-m", "chargerd.cli.bench", "peers", "--config", str(config), "--runtime-dir", str(folder))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    try:
        line = await process.stdout.readline()
        if not line:
            _, words = await process.communicate()
            raise OSError(f"the wire peers did not start: {words.decode(errors='replace').strip()}")
        addresses: dict[str, Any] = json.loads(line)
        async with RpcClient(Path(str(addresses["socket"]))) as client:
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
