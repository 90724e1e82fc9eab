"""A daemon, a bench central system and a hand on the simulated world, started together and taken down together.

The daemon is the real one, whole; what differs between the modes is the clock, the way to the central system, and whether the hardware is
the mock devices or real drivers on wires to peers, which are in a process of their own or at the other end of wires in memory.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from chargerd.app.build import Daemon, Sources, build
from chargerd.app.config import Config, load
from chargerd.app.peers import host_spec
from chargerd.app.shipped import shipped
from chargerd.core.events import ClearFault, Event, RaiseFault, Reply
from chargerd.core.facts import Stamped
from chargerd.core.ids import ConnectorId
from chargerd.csms.policy import Policy
from chargerd.csms.server import CentralSystem, Options
from chargerd.ocpp.dial import unix_dialer
from chargerd.sim.keeper import Keeper
from chargerd.sim.rpc_client import RpcClient
from hal.bus.can import CanOptions
from hal.mock.host import Host
from hal.mock.memory import MemoryWires
from hal.mock.simulation import Simulation
from hal.ports import Place

VIRTUAL_EPOCH_UTC_S = 1_800_000_000.0


class Mode(Enum):
    """How a scenario is played."""

    VIRTUAL = "virtual"
    REALTIME = "realtime"
    WIRES = "wires"
    MEMORY_WIRES = "memory-wires"

    @property
    def is_virtual(self) -> bool:
        """Time does not pass, it jumps."""
        return self in (Mode.VIRTUAL, Mode.MEMORY_WIRES)

    @property
    def has_wires(self) -> bool:
        """Real drivers, with peers at the other ends."""
        return self in (Mode.WIRES, Mode.MEMORY_WIRES)


class Hand(Protocol):
    """Does `sim.*` methods, here or in the peers' process."""

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        """Raises ValueError with a sentence when it cannot be done."""


class LocalHand:
    """The plant is in this process. simulation: where, at the moment."""

    def __init__(self, simulation: Callable[[], Simulation | None]) -> None:
        self.simulation = simulation

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        """See `Hand`."""
        simulation = self.simulation()
        if simulation is None:
            raise ValueError("this station has no simulated hardware")
        return simulation.call(method, dict(params))


@dataclass(slots=True)
class Rig:
    """What a running rig offers. `facts` grows with each commit, over restarts of the daemon; `heard` is set at each."""

    keeper: Keeper
    central: CentralSystem
    hand: Hand
    facts: list[Stamped]
    heard: asyncio.Event

    @property
    def daemon(self) -> Daemon:
        """The daemon that runs now, or the last one while none does."""
        return self.keeper.daemon

    async def simulate(self, word: str, arguments: Mapping[str, Any]) -> None:
        """A deed by the word of the scenarios: a `sim.*` method, or one of the rig's own. Raises ValueError when it is refused."""
        match word:
            case "fault" | "clear_fault":
                reply = self.dispatch(_fault_event(word, arguments))
                if not reply.is_accepted:
                    raise ValueError(reply.reason)
            case "link":
                self.keeper.connect(is_wanted=arguments["value"] == "up")
            case "power_cut":
                await self.power_cut()
            case _:
                await self.hand.call(f"sim.{word}", arguments)

    async def power_cut(self) -> None:
        """The daemon ends as by SIGKILL, its connection with it. Returns when the next one serves."""
        if self.central.station(self.identity).is_connected:
            self.central.drop(self.identity)
        await self.keeper.cut()

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
    mode: Mode,
    folder: Path,
    overlay: Mapping[str, Any] | None = None,
    policy: Policy | None = None,
    seed: int = 1,
    station: Path | None = None,
    board_clock: Callable[[], float] | None = None,
) -> AsyncIterator[Rig]:
    """Start everything in `folder` (state, sockets); on leaving stop the daemon in order and take the rest down.

    overlay: changes to the configuration `station`, which is the shipped demo of the mode by default. board_clock: the daemon's wall clock
    (UTC seconds) where it is not right. Raises ConfigError, OSError.
    """
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        is_virtual = mode.is_virtual
        wall: Callable[[], float] = (lambda: VIRTUAL_EPOCH_UTC_S + loop.time()) if is_virtual else time.time
        unix_socket = folder / "csms.sock" if is_virtual else None
        options = Options(unix_socket=unix_socket, policy=policy or Policy(), utc_s=wall)
        central = await stack.enter_async_context(CentralSystem(options))
        url = "ws://127.0.0.1:9000/ocpp" if is_virtual else central.url
        file = write_overlay(mode, folder, overlay or {}, url, station)
        config = load(file)
        board = board_clock or wall
        sources = Sources(mono=loop.time, wall=board)
        if is_virtual:
            count, chance = itertools.count(1), random.Random(seed)  # noqa: S311 - repeatable, not secret
            dial = unix_dialer(config.ocpp, config.station.identity, folder / "csms.sock")

            def new_id() -> str:
                return f"id-{next(count)}"

            sources = Sources(mono=loop.time, new_id=new_id, new_local_id=new_id, random=chance.random, dial=dial, wall=board)
        peers: Hand | None = None
        if mode is Mode.WIRES:
            check_multicast(config)
            file = write_overlay(mode, folder, _merged(own_ports(config), overlay or {}), url, station)
            config = load(file)
            peers = await stack.enter_async_context(peers_process(file, folder))
        elif mode is Mode.MEMORY_WIRES:
            config = load(write_overlay(mode, folder, _merged(overlay or {}, _gateways(config)), url, station))
            wires = MemoryWires()
            sources = replace(sources, wiring=wires)
            simulation = await stack.enter_async_context(_peers_here(Host(host_spec(config, Place(folder, folder)), wires)))
            peers = LocalHand(lambda: simulation)
        facts: list[Stamped] = []
        heard = asyncio.Event()

        def hear(stamped: Stamped) -> None:
            facts.append(stamped)
            heard.set()

        keeper = Keeper(lambda: build(config, Place(folder, folder), sources), hear)
        await stack.enter_async_context(_kept(keeper))
        yield Rig(keeper, central, peers or LocalHand(lambda: keeper.daemon.simulation), facts, heard)


@asynccontextmanager
async def _kept(keeper: Keeper) -> AsyncIterator[None]:
    """Run daemons beside the body; an error of a daemon ends the body."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keeper.run(), name="keeper")
        await keeper.up()
        try:
            yield
        finally:
            keeper.stop()
            await asyncio.wait({task})


@asynccontextmanager
async def _peers_here(host: Host) -> AsyncIterator[Simulation]:
    """Plant and peers beside the body."""
    serving = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(host.run(lambda _: serving.set()), name="peers")
        await serving.wait()
        try:
            yield host.simulation
        finally:
            task.cancel()


def own_ports(config: Config) -> dict[str, Any]:
    """A free UDP port for each CAN bus on multicast: two rigs on one machine must not hear each other."""
    names = [bus.name for bus in config.buses if isinstance(bus.options, CanOptions) and bus.options.interface == "udp_multicast"]
    return {"buses": {name: {"port": port} for name, port in zip(names, _free_ports(socket.SOCK_DGRAM, len(names)), strict=True)}}


def _gateways(config: Config) -> dict[str, Any]:
    """Each Modbus line behind a gateway in this process: bytes over a socket arrive at once, over a pseudo terminal they do not."""
    names = [bus.name for bus in config.buses if bus.kind == "modbus"]
    ports = zip(names, _free_ports(socket.SOCK_STREAM, len(names)), strict=True)
    return {"buses": {name: {"type": "modbus-tcp", "host": "127.0.0.1", "port": port} for name, port in ports}}


def _free_ports(kind: socket.SocketKind, count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket(socket.AF_INET, kind)) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def check_multicast(config: Config) -> None:
    """Raises OSError, saying what to use instead, when a CAN bus on multicast has no way to its group on this machine."""
    for bus in config.buses:
        options = bus.options
        if not isinstance(options, CanOptions) or options.interface != "udp_multicast":
            continue
        with socket.socket(socket.AF_INET6 if ":" in options.channel else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((options.channel, options.port))
            except OSError as error:
                raise OSError(
                    f"{bus.name}: this machine has no route to the multicast group {options.channel} ({error.strerror}); use CAN over"
                    " pseudo terminals instead (`--station etc/demo-wires-slcan.yaml`), or give the group a route"
                    f" (`ip route add {options.channel} dev lo`)"
                ) from error


def write_overlay(mode: Mode, folder: Path, overlay: Mapping[str, Any], url: str, station: Path | None = None) -> Path:
    """A configuration over `station`, or over the shipped demo of the mode (JSON is YAML too). Returns its path."""
    base = station or shipped("demo-wires.yaml" if mode.has_wires else "demo.yaml")
    merged = _merged({"base": str(base.absolute()), "ocpp": {"url": url}}, overlay)
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
