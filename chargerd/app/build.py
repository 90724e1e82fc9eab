"""Wires everything: from a checked configuration to a daemon that only has to be run."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import chargerd
from chargerd.app.config import Config
from chargerd.app.control_ports import BusScan, KeysControl, LinkControl, device_entry
from chargerd.app.devices import QUIET, DeviceRunner
from chargerd.app.parts import Parts, Wiring
from chargerd.control.access import Doorkeeper
from chargerd.control.ports import ControlServices, SimulationPort
from chargerd.control.server import ControlServer
from chargerd.core.events import Event
from chargerd.core.ids import LocalId
from chargerd.core.reactions import reactions
from chargerd.core.station import Station
from chargerd.journal.writer import Journal
from chargerd.ocpp.backoff_file import BackoffFile
from chargerd.ocpp.dial import Dialer
from chargerd.ocpp.link import OcppLink
from chargerd.runtime.applier import Applier, GatePort
from chargerd.runtime.beat import Beat
from chargerd.runtime.clock import Clock
from chargerd.runtime.reactor import Reactor
from chargerd.safety.client import GuardClient
from chargerd.safety.local import LocalGate
from hal.ports import Bus, Place

if TYPE_CHECKING:
    from hal.mock.simulation import Simulation


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


class Gate(GatePort, Protocol):
    """Who owns the contactor lines: a part of this process, or the way to the guard."""

    @property
    def last_tick_s(self) -> float:
        """The loop's time of its last sign of life."""

    def view(self) -> dict[str, object]:
        """For people."""

    async def run(self) -> None:
        """Run until cancelled, and leave everything open."""


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

    numbers = frozenset(one.number for one in config.connectors)
    enables = frozenset(one.number for one in config.connectors if one.module_enable is not None)
    safety, guard = config.safety, None
    if safety.is_guarded:
        guard = GuardClient(place.runtime_dir / safety.guard_socket, numbers, safety.gate, dispatch)
    parts = Parts(config, place, sources.wiring, guard)
    safety_io = parts.safety_io()  # guarded or not, the wiring is checked
    gate = guard or LocalGate(safety_io, numbers, safety.gate, dispatch, enables)
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
    beat = Beat(reactor, gate, applier.is_energising, safety.gate.lease_s, told_alive)
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
        reactions=lambda code: reactions(code, config.timing, config.safety.gate.open_s),
        config=config.shown(),
        lateness=beat.lateness.view,
        guard=gate.view,
        simulation=cast("SimulationPort | None", simulation),
    )
    control = config.control
    return ControlServer(place.runtime_dir / control.socket, services, Doorkeeper(control.read_group, control.change_group))
