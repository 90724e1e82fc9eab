"""The devices' ends of the wires of a configuration: each is made once and shared by all that hang on it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from hal.bus.can import CanBus, CanOptions
from hal.bus.modbus import ModbusOptions
from hal.errors import ConfigError
from hal.mock.peers.modbus_line import ModbusLine
from hal.mock.peers.pty_wire import PtyWire
from hal.mock.peers.slcan_link import SlcanLink
from hal.mock.peers.spec import DeviceSpec
from hal.mock.plant_bus import PlantBus
from hal.ports import Place

CanWire = CanBus | SlcanLink


class Service(Protocol):
    """Anything that serves until it is cancelled, and says when it does."""

    is_serving: asyncio.Event

    async def run(self) -> None: ...


class Wires:
    """Made without I/O. Every question raises ConfigError, with the device's name, where the device does not fit the wire."""

    def __init__(self, place: Place, plant: PlantBus) -> None:
        self.place = place
        self.plant = plant
        self.can: dict[str, CanWire] = {}
        self.lines: dict[str, ModbusLine] = {}
        self.ports: dict[str, str] = {}  # of each serial device or bus: the path to open

    def connector(self, device: DeviceSpec) -> int:
        """The one connector of the plant that a device belongs to."""
        if len(device.connectors) != 1:
            raise ConfigError([f"{device.name}: a device of exactly one connector is simulated, it has {list(device.connectors)}"])
        connector = device.connectors[0]
        if connector not in self.plant.plant.connectors:
            raise ConfigError([f"{device.name}: the simulated plant has no connector {connector}; set its `outlets`"])
        return connector

    def can_of(self, device: DeviceSpec) -> CanWire:
        """The CAN bus a device hangs on."""
        if device.bus is None or not isinstance(device.bus_options, CanOptions):
            raise ConfigError([f"{device.name}: needs a CAN bus"])
        if device.bus not in self.can:
            self.can[device.bus] = self._new_can(device.bus, device.bus_options)
        return self.can[device.bus]

    def _new_can(self, name: str, options: CanOptions) -> CanWire:
        if options.interface == "slcan":
            return SlcanLink(name, self.port(name, options.channel))
        return CanBus(name, options, self.place)

    def line_of(self, device: DeviceSpec) -> ModbusLine:
        """The Modbus RTU line a device hangs on."""
        if device.bus is None or not isinstance(device.bus_options, ModbusOptions) or device.bus_options.framer != "rtu":
            raise ConfigError([f"{device.name}: its wire peer needs a bus of type modbus-rtu"])
        if device.bus not in self.lines:
            self.lines[device.bus] = ModbusLine(device.bus, self.port(device.bus, str(device.bus_options.port)))
        return self.lines[device.bus]

    def port(self, name: str, port: str) -> PtyWire:
        """A serial port of a device or bus of this name."""
        wire = PtyWire(name, self.place.runtime_dir, port)
        self.ports[name] = str(wire.path)
        return wire
