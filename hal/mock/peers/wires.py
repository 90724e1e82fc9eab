"""The devices' ends of the wires of a configuration: each is made once and shared by all that hang on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from hal.bus.can import CanBus, CanOptions
from hal.bus.modbus import ModbusOptions
from hal.bus.serial_port import SerialPort
from hal.errors import ConfigError
from hal.mock.memory import MemoryCan, MemoryWires
from hal.mock.peers.adapter_wire import AdapterOptions, AdapterWire
from hal.mock.peers.byte_wire import ByteWire
from hal.mock.peers.modbus_line import ModbusLine
from hal.mock.peers.modbus_server import ModbusServer
from hal.mock.peers.pty_wire import PtyWire
from hal.mock.peers.slcan_link import SlcanLink
from hal.mock.peers.spec import DeviceSpec
from hal.mock.plant_bus import PlantBus
from hal.ports import Place

CanWire = CanBus | SlcanLink | MemoryCan
ModbusWire = ModbusLine | ModbusServer


class Service(Protocol):
    """Anything that serves until it is cancelled, and says when it does."""

    is_serving: asyncio.Event

    async def run(self) -> None: ...


class Wires:
    """Made without I/O. Every question raises ConfigError, with the device's name, where the device does not fit the wire.

    adapters: by the name of the bus, or of the device that has a port of its own. memory: CAN buses and serial lines that are none.
    """

    def __init__(
        self,
        place: Place,
        plant: PlantBus,
        adapters: Mapping[str, AdapterOptions] = MappingProxyType({}),
        memory: MemoryWires | None = None,
    ) -> None:
        self.place = place
        self.plant = plant
        self.can: dict[str, CanWire] = {}
        self.lines: dict[str, ModbusWire] = {}
        self.ports: dict[str, str] = {}  # of each serial device or bus: the path to open
        self._adapters = adapters
        self._memory = memory

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
        if self._memory is not None:
            return self._memory.far_can(name)
        adapter = self._adapters.get(name)
        if adapter is not None:
            if adapter.channel is None:
                raise ConfigError([f"{name}: the adapter of a CAN bus needs a channel"])
            return CanBus(name, replace(options, channel=adapter.channel), self.place)
        if options.interface == "slcan":
            return SlcanLink(name, self.port(name, options.channel))
        return CanBus(name, options, self.place)

    def line_of(self, device: DeviceSpec) -> ModbusWire:
        """The Modbus line a device hangs on, or the gateway it is behind."""
        options = device.bus_options
        if device.bus is None or not isinstance(options, ModbusOptions):
            raise ConfigError([f"{device.name}: needs a Modbus line"])
        if device.bus not in self.lines:
            self.lines[device.bus] = self._new_line(device.bus, options)
        return self.lines[device.bus]

    def _new_line(self, name: str, options: ModbusOptions) -> ModbusWire:
        if options.framer == "tcp":
            return ModbusServer(name, options.host, int(options.port))
        return ModbusLine(name, self.port(name, str(options.port)))

    def port(self, name: str, port: str) -> ByteWire:
        """The far end of the serial port of a device or bus of this name: made in the runtime directory, or a real adapter."""
        if self._memory is not None:
            return self._memory.line(self.place.runtime_dir / port)
        adapter = self._adapters.get(name)
        if adapter is None:
            wire: ByteWire = PtyWire(name, self.place.runtime_dir, port)
        elif adapter.port is None:
            raise ConfigError([f"{name}: the adapter of a serial line needs a port"])
        else:
            path = self.place.runtime_dir / Path(adapter.port)
            wire = AdapterWire(SerialPort(name, path, adapter.baudrate, adapter.parity, adapter.stopbits))
        self.ports[name] = str(wire.path)
        return wire
