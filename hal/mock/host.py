"""The plant and the peers of a configuration's wires, in a process of their own, with the `sim.*` methods on a socket.

For each bus of the configuration one wire is opened, for each device the peer at its other end. Ports and sockets with relative names are
made in the runtime directory, where the daemon looks for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hal.bus.can import CanBus, CanOptions
from hal.bus.modbus import ModbusOptions
from hal.errors import ConfigError, HalError
from hal.io.gpio import GpioOptions
from hal.meter.modbus_map import ModbusMeterOptions
from hal.mock.peers.acrel_djsf1352 import AcrelMeter, ModbusLine
from hal.mock.peers.advantics import AdvanticsController
from hal.mock.peers.infypower import InfypowerModules
from hal.mock.peers.lines import LinePeer, LineRoles
from hal.mock.peers.peer import Peer
from hal.mock.peers.pn532 import Pn532Peer
from hal.mock.peers.pty_wire import PtyWire
from hal.mock.peers.slcan_link import SlcanLink
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.sim_server import SimServer
from hal.mock.simulation import Simulation
from hal.ports import Place
from hal.power.infypower_v113 import InfypowerOptions
from hal.reader.pn532 import Pn532Options
from hal.secc.advantics_evse import AdvanticsOptions

_READY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One device of the configuration. `options` and `bus_options` are what its driver and its bus were given; `bus` is the bus's name.

    connectors: those that use the device, in order.
    """

    name: str
    driver: str
    options: object
    bus: str | None = None
    bus_options: object = None
    connectors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """Everything `serve` builds from. `roles`: what the lines of each I/O board stand for, by the board's device name."""

    place: Place
    devices: tuple[DeviceSpec, ...]
    plant: PlantOptions = field(default_factory=PlantOptions)
    roles: Mapping[str, LineRoles] = field(default_factory=dict)
    socket: str = "sim.sock"


class Service(Protocol):
    """Anything that serves until it is cancelled, and says when it does."""

    is_serving: asyncio.Event

    async def run(self) -> None: ...


CanWire = CanBus | SlcanLink


class Host:
    """All of a specification, built without I/O. Raises ConfigError with one problem for each device that has no peer."""

    def __init__(self, spec: HostSpec) -> None:
        self._spec = spec
        self.plant = PlantBus("plant", spec.plant, spec.place)
        self._can: dict[str, CanWire] = {}
        self._lines: dict[str, ModbusLine] = {}
        self.peers: dict[str, Peer] = {}
        self.ports: dict[str, str] = {}  # of each serial device or bus: the path to open
        problems: list[str] = []
        for device in spec.devices:
            try:
                self.peers[device.name] = self._peer(device)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)
        self.simulation = Simulation(self.plant, self.peers)
        self._server = SimServer(self.simulation, spec.place.runtime_dir / spec.socket)

    async def run(self, announce: Callable[[dict[str, object]], None]) -> None:
        """Serve until cancelled; `announce` is called once, when every wire and the socket are there."""
        services: dict[str, Service] = {**self._lines, **self.peers, "simulation": self._server}
        async with asyncio.TaskGroup() as group:
            group.create_task(self.plant.run(), name="plant")
            for name, can in self._can.items():
                group.create_task(can.run(), name=name)
            for name, service in services.items():
                group.create_task(service.run(), name=name)
            async with asyncio.timeout(_READY_S):
                for service in services.values():
                    await service.is_serving.wait()
            announce(self.addresses())

    def addresses(self) -> dict[str, object]:
        """Where everything is, as plain data."""
        spec = self._spec
        return {
            "socket": str(spec.place.runtime_dir / spec.socket),
            "runtime_dir": str(spec.place.runtime_dir),
            "ports": dict(self.ports),
            "devices": sorted(self.peers),
            "connectors": list(self.plant.plant.connectors),
        }

    # --- building ---------------------------------------------------------------------------------------------------------------------

    def _peer(self, device: DeviceSpec) -> Peer:
        match device.options:
            case InfypowerOptions():
                return InfypowerModules(device.name, device.options.addresses, self._connector(device), self._can_of(device), self.plant)
            case AdvanticsOptions():
                return AdvanticsController(device.name, device.options.outlet, self._connector(device), self._can_of(device), self.plant)
            case ModbusMeterOptions(model="acrel-djsf1352"):
                return self._meter(device, device.options)
            case Pn532Options():
                return self._reader(device.name, device.options)
            case GpioOptions():
                return self._board(device.name, device.options)
            case ModbusMeterOptions(model=model):
                raise ConfigError([f"{device.name}: there is no wire peer for the meter model {model}; there is one for acrel-djsf1352"])
            case _:
                raise ConfigError([f"{device.name}: there is no wire peer for the driver {device.driver}"])

    def _connector(self, device: DeviceSpec) -> int:
        if len(device.connectors) != 1:
            raise ConfigError([f"{device.name}: a device of exactly one connector is simulated, it has {list(device.connectors)}"])
        connector = device.connectors[0]
        if connector not in self.plant.plant.connectors:
            raise ConfigError([f"{device.name}: the simulated plant has no connector {connector}; set its `outlets`"])
        return connector

    def _can_of(self, device: DeviceSpec) -> CanWire:
        if device.bus is None or not isinstance(device.bus_options, CanOptions):
            raise ConfigError([f"{device.name}: needs a CAN bus"])
        if device.bus not in self._can:
            self._can[device.bus] = self._new_can(device.bus, device.bus_options)
        return self._can[device.bus]

    def _new_can(self, name: str, options: CanOptions) -> CanWire:
        if options.interface == "slcan":
            return SlcanLink(name, self._pty(name, options.channel))
        return CanBus(name, options, self._spec.place)

    def _meter(self, device: DeviceSpec, options: ModbusMeterOptions) -> Peer:
        meter = AcrelMeter(device.name, options.unit, self._connector(device), self.plant)
        if device.bus is None or not isinstance(device.bus_options, ModbusOptions) or device.bus_options.framer != "rtu":
            raise ConfigError([f"{device.name}: its wire peer needs a bus of type modbus-rtu"])
        if device.bus not in self._lines:
            self._lines[device.bus] = ModbusLine(device.bus, self._pty(device.bus, str(device.bus_options.port)))
        self._lines[device.bus].add(meter)
        return meter

    def _reader(self, name: str, options: Pn532Options) -> Peer:
        is_reversed = options.byte_order == "reversed"
        return Pn532Peer(name, self._pty(name, options.port), self.plant, prefix=options.prefix, is_reversed=is_reversed)

    def _board(self, name: str, options: GpioOptions) -> Peer:
        if options.mirror is None:
            raise ConfigError([f"{name}: needs `factory: mock` and `mirror`, the socket on which its lines are simulated"])
        inputs = [label for label, line in options.lines.items() if line.direction == "in"]
        roles = self._spec.roles.get(name, LineRoles())
        return LinePeer(name, inputs, roles, self._spec.place.runtime_dir / options.mirror, self.plant)

    def _pty(self, name: str, port: str) -> PtyWire:
        wire = PtyWire(name, self._spec.place.runtime_dir, port)
        self.ports[name] = str(wire.path)
        return wire


async def serve(spec: HostSpec, announce: Callable[[dict[str, object]], None]) -> None:
    """Run plant, peers and the `sim.*` socket until cancelled; `announce` gets their addresses when they are ready.

    Raises ConfigError for a device without a peer, DeviceUnavailable for a wire that cannot be opened or fails.
    """
    try:
        await Host(spec).run(announce)
    except ExceptionGroup as group:
        failures, _ = group.split(HalError)
        if failures is None:
            raise
        raise failures.exceptions[0] from group
