"""Wires everything: from a checked configuration to a daemon that only has to be run."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import chargerd
from chargerd.app.bindings import BusConfig, ConnectorConfig, DeviceConfig
from chargerd.app.config import Config
from chargerd.app.control_ports import BusScan, KeysControl, LinkControl, device_entry
from chargerd.app.devices import QUIET, DeviceRunner
from chargerd.control.access import Doorkeeper
from chargerd.control.ports import ControlServices, SimulationPort
from chargerd.control.server import ControlServer
from chargerd.core.events import Event, Role
from chargerd.core.ids import ConnectorId, LocalId
from chargerd.core.station import Station
from chargerd.journal.writer import Journal
from chargerd.ocpp.backoff_file import BackoffFile
from chargerd.ocpp.dial import Dialer
from chargerd.ocpp.link import OcppLink
from chargerd.runtime.applier import Actuators, Applier, GatePort
from chargerd.runtime.beat import Beat
from chargerd.runtime.clock import Clock
from chargerd.runtime.reactor import Reactor
from chargerd.safety.client import GuardClient
from chargerd.safety.local import LocalGate
from chargerd.safety.options import Line, lines_by_board
from hal.io.united import united
from hal.ports import Bus, ConnectorLock, Device, Indicator, InsulationMonitor, Place, PowerSupply, SafetyIo, SafetyLines, Secc

if TYPE_CHECKING:
    from hal.bus.serial_port import ByteLink, OpenLink
    from hal.mock.plant_bus import PlantBus
    from hal.mock.simulation import Simulation
    from hal.mock.steering import Steered


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the daemon gets what a repeatable run must replace: loop time, wall time, ids, chance, the central system, and wires."""

    mono: Callable[[], float]
    wall: Callable[[], float] = time.time
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    new_local_id: Callable[[], str] = lambda: secrets.token_hex(8)  # of a transaction; each of its facts carries it, so it is short
    random: Callable[[], float] | None = None
    dial: Dialer | None = None
    wiring: Wiring | None = None


class Wiring(Protocol):
    """Where wires lead that do not leave this process."""

    def near_can(self, name: str) -> Bus:
        """The daemon's end of a CAN bus."""

    def open_port(self, name: str, path: Path, baudrate: int) -> ByteLink:
        """The driver's end of a serial line: name of the device, port, baud rate."""


class Gate(GatePort, Protocol):
    """Who owns the contactor lines: a part of this process, or the way to the guard."""

    @property
    def last_tick_s(self) -> float:
        """The loop's time of its last sign of life."""

    def view(self) -> dict[str, object]:
        """For people."""

    async def run(self) -> None:
        """Run until cancelled, and leave everything open."""


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


@dataclass(slots=True, kw_only=True)
class Daemon:
    """Everything that runs, made and not yet started. `simulation` is None on real hardware."""

    config: Config
    clock: Clock
    journal: Journal
    station: Station
    reactor: Reactor
    gate: Gate
    applier: Applier
    beat: Beat
    buses: Mapping[str, Bus]
    devices: tuple[DeviceRunner, ...]
    link: OcppLink
    control: ControlServer
    simulation: Simulation | None

    def have_devices_spoken(self) -> bool:
        """Each device that has something to say at rest has said it."""
        return all(one.last_reading is not None for one in self.devices if one.role not in QUIET)


def build(config: Config, place: Place, sources: Sources, told_alive: Callable[[], None] = lambda: None) -> Daemon:
    """Make every part and hand the parts to one another; no I/O yet.

    told_alive is called after each beat (the service manager's watchdog). Raises ConfigError for wiring that a board refuses.
    """
    station = Station(config.station_settings(), lambda: LocalId(sources.new_local_id()))
    journal = Journal(place.state_dir / config.journal.path, config.journal)
    clock = Clock(sources.mono, sources.wall)
    reactor_slot: list[Reactor] = []

    def dispatch(event: Event) -> object:
        return reactor_slot[0].dispatch(event)

    guard = _guard(config, place, dispatch) if config.safety.is_guarded else None
    parts = _Parts(config, place, sources.wiring, guard)
    safety_io = parts.safety_io()  # guarded or not, the wiring is checked
    gate = guard or LocalGate(safety_io, frozenset(one.number for one in config.connectors), config.safety.gate, dispatch)
    applier = Applier(parts.actuators(), gate)
    reactor = Reactor(station, journal, clock, applier.apply)
    reactor_slot.append(reactor)
    chance = {} if sources.random is None else {"random": sources.random}
    built = [connector.settings for connector in config.connectors]
    link = OcppLink(
        config.ocpp,
        config.station.identity,
        built,
        reactor,
        journal,
        clock,
        BackoffFile(place.runtime_dir / "backoff"),
        dial=sources.dial,
        new_id=sources.new_id,
        **chance,
    )
    devices = parts.runners(dispatch)
    simulation = parts.simulation()
    beat = Beat(reactor, gate, applier.is_energising, config.safety.gate.lease_s, told_alive)
    return Daemon(
        config=config,
        clock=clock,
        journal=journal,
        station=station,
        reactor=reactor,
        gate=gate,
        applier=applier,
        beat=beat,
        buses=parts.buses,
        devices=devices,
        link=link,
        control=_control(config, place, clock, reactor, journal, link, beat, gate, parts.buses, devices, simulation),
        simulation=simulation,
    )


def _guard(config: Config, place: Place, dispatch: Callable[[Event], object]) -> GuardClient:
    connectors, safety = frozenset(one.number for one in config.connectors), config.safety
    return GuardClient(place.runtime_dir / safety.guard_socket, connectors, safety.gate, dispatch)


class _Parts:
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


def _control(
    config: Config,
    place: Place,
    clock: Clock,
    reactor: Reactor,
    journal: Journal,
    link: OcppLink,
    beat: Beat,
    gate: Gate,
    buses: Mapping[str, Bus],
    devices: tuple[DeviceRunner, ...],
    simulation: Simulation | None,
) -> ControlServer:
    station, began_s = config.station, clock.mono_s()
    services = ControlServices(
        version=chargerd.__version__,
        identity={
            "id": station.id,
            "vendor": station.vendor,
            "model": station.model,
            "serial_number": station.serial_number,
            "firmware_version": station.firmware_version,
        },
        uptime_s=lambda: clock.mono_s() - began_s,
        utc_s=clock.utc_s,
        station=reactor,
        link=LinkControl(link),
        trace=link.trace,
        keys=KeysControl(link.keys, lambda: reactor.settings, reactor.dispatch),
        records=journal,
        devices=lambda: tuple(device_entry(runner, clock.mono_s()) for runner in devices),
        listen=lambda name, listener: next(one for one in devices if one.device.name == name).listen(listener),
        scan=BusScan(buses),
        config=config.shown(),
        lateness=beat.lateness.view,
        guard=gate.view,
        simulation=cast("SimulationPort | None", simulation),
    )
    control = config.control
    return ControlServer(place.runtime_dir / control.socket, services, Doorkeeper(control.read_group, control.change_group))
