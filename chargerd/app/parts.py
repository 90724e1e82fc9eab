"""Buses and devices of a configuration, made and not yet started, and what the daemon wants of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from chargerd.app.bindings import BusConfig, ConnectorConfig, DeviceConfig
from chargerd.app.config import Config
from chargerd.app.devices import DeviceRunner
from chargerd.core.events import Event, Role
from chargerd.core.ids import ConnectorId
from chargerd.runtime.applier import Actuators
from chargerd.safety.client import GuardClient
from chargerd.safety.options import Line, lines_by_board
from hal.io.united import united
from hal.ports import Bus, ConnectorLock, Device, Indicator, InsulationMonitor, Place, PowerSupply, SafetyIo, SafetyLines, Secc

if TYPE_CHECKING:
    from hal.bus.serial_port import ByteLink, OpenLink
    from hal.mock.plant_bus import PlantBus
    from hal.mock.simulation import Simulation
    from hal.mock.steering import Steered


class Wiring(Protocol):
    """Where wires lead that do not leave this process."""

    def near_can(self, name: str) -> Bus:
        """The daemon's end of a CAN bus."""

    def open_port(self, name: str, path: Path, baudrate: int) -> ByteLink:
        """The driver's end of a serial line: name of the device, port, baud rate."""


class IoBoard(Device, Protocol):
    """What an I/O board offers beside running."""

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns."""

    def insulation_monitor(self, line: str) -> InsulationMonitor:
        """A yes/no insulation monitor on a line."""

    def connector_lock(self, label: str, connector: int) -> ConnectorLock:
        """The connector's lock on the lines that begin with the label."""

    def indicator(self, label: str) -> Indicator:
        """The light on the lines that begin with the label."""


class Parts:
    """Buses and devices by name, made once."""

    def __init__(self, config: Config, place: Place, wiring: Wiring | None, guard: GuardClient | None) -> None:
        self._config = config
        self._boards = lines_by_board(config.connectors, config.safety)
        self._guard = guard
        self.buses: dict[str, Bus] = {bus.name: _bus(bus, place, wiring) for bus in config.buses}
        self.devices: dict[str | Line, Device] = {  # by the part's line where a device is a part of a board
            device.name: _device(device, self.buses[device.bus] if device.bus else place, self._opener(device, wiring))
            for device in config.devices
        }
        for connector in config.connectors:
            self.devices |= {one: self._part(one, role, connector) for one, role in _bound(connector) if isinstance(one, Line)}
        self._board_names = {*self._boards, *(one.device for one in self.devices if isinstance(one, Line))}

    def _opener(self, device: DeviceConfig, wiring: Wiring | None) -> OpenLink | None:
        """How a device's serial port is opened; None: as ports are."""
        if device.bus is not None or not hasattr(device.options, "port"):
            return None
        if self._guard is not None and device.name in self._boards:
            return self._guard.link
        return wiring.open_port if wiring is not None else None

    def _part(self, line: Line, role: Role, connector: ConnectorConfig) -> Device:
        board = self._board(line.device)
        match role:
            case Role.LOCK:
                return board.connector_lock(line.label, connector.settings.id)
            case Role.INDICATOR:
                return board.indicator(line.label)
            case _:
                return board.insulation_monitor(line.label)

    def _board(self, name: str) -> IoBoard:
        return cast("IoBoard", self.devices[name])

    def safety_io(self) -> SafetyIo:
        return united([self._board(name).safety_io(lines) for name, lines in self._boards.items()])

    def actuators(self) -> dict[ConnectorId, Actuators]:
        return {
            ConnectorId(connector.settings.id): Actuators(
                power=cast("PowerSupply", self.devices[connector.power]) if connector.power else None,
                secc=cast("Secc", self.devices[connector.secc]),
                lock=cast("ConnectorLock", self.devices[connector.lock]) if connector.lock else None,
                indicator=cast("Indicator", self.devices[connector.indicator]) if connector.indicator else None,
            )
            for connector in self._config.connectors
        }

    def runners(self, dispatch: Callable[[Event], object]) -> tuple[DeviceRunner, ...]:
        """One runner a device, with the connectors it serves; a part of a board runs as a device of its own."""
        configured = {device.name: device for device in self._config.devices}
        runners = []
        for (one, role), connectors in self._served().items():
            device = configured[one.device if isinstance(one, Line) else one]
            is_board = one in self._board_names
            runners.append(DeviceRunner(self.devices[one], role, tuple(connectors), dispatch, device.driver, device.bus, is_board))
        return tuple(runners)

    def _served(self) -> dict[tuple[str | Line, Role], list[ConnectorId]]:
        served: dict[tuple[str | Line, Role], list[ConnectorId]] = {}
        for connector in self._config.connectors:
            for one, role in _bound(connector):
                served.setdefault((one, role), []).append(ConnectorId(connector.settings.id))
        for device in self._config.devices:
            if device.role == "io" and device.name in self._board_names:
                served[device.name, Role.IO] = [ConnectorId(connector.settings.id) for connector in self._config.connectors]
        return served

    def simulation(self) -> Simulation | None:
        """The hand in the simulated world, where the plant is in this process."""
        plant = next((bus for bus in self._config.buses if bus.kind == "plant"), None)
        if plant is None:
            return None
        from hal.mock.simulation import Simulation  # not in the memory of a station with real hardware

        on_plant = [device.name for device in self._config.devices if device.bus == plant.name]
        return Simulation(cast("PlantBus", self.buses[plant.name]), {name: cast("Steered", self.devices[name]) for name in on_plant})


def _bus(bus: BusConfig, place: Place, wiring: Wiring | None) -> Bus:
    if wiring is not None and bus.kind == "can":
        return wiring.near_can(bus.name)
    return bus.cls(bus.name, bus.options, place)


def _device(device: DeviceConfig, bus: Bus | Place, open_link: OpenLink | None) -> Device:
    return device.cls(device.name, device.options, bus, *(() if open_link is None else (open_link,)))


def _bound(connector: ConnectorConfig) -> list[tuple[str | Line, Role]]:
    bound: list[tuple[str | Line | None, Role]] = [
        (connector.secc, Role.SECC),
        (connector.power, Role.POWER),
        (connector.meter, Role.METER),
        (connector.reader, Role.READER),
        (connector.lock, Role.LOCK),
        (connector.insulation, Role.INSULATION),
        (connector.indicator, Role.INDICATOR),
    ]
    return [(one, role) for one, role in bound if one is not None]
