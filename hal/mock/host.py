"""The plant and the peers of a configuration's wires, in a process of their own, with the `sim.*` methods on a socket.

For each bus of the configuration one wire is opened, for each device the peer at its other end. Ports and sockets with relative names are
made in the runtime directory, where the daemon looks for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from hal.errors import ConfigError, HalError
from hal.mock.memory import MemoryWires
from hal.mock.peers.adapter_wire import AdapterOptions
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Service, Wires
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.sim_server import SimServer
from hal.mock.simulation import Simulation
from hal.ports import Place
from hal.registry import imported


class PeerClass(Protocol):
    """How a peer is made: without I/O. Raises ConfigError for a device that does not fit the wire."""

    def for_device(self, device: DeviceSpec, wires: Wires) -> Peer: ...


PEERS: Mapping[str, str] = {
    "modbus-map": "hal.mock.peers.modbus_meter:MeterPeer",
    "infypower-v113": "hal.mock.peers.infypower:InfypowerModules",
    "infypower-beg": "hal.mock.peers.infypower_beg:InfypowerBegModules",
    "protocol-060": "hal.mock.peers.protocol_060:Protocol060Modules",
    "uugreenpower": "hal.mock.peers.uugreen:UuGreenModules",
    "advantics-evse": "hal.mock.peers.advantics:AdvanticsController",
    "bender-isocha425hv": "hal.mock.peers.bender:BenderPeer",
    "pilot-board": "hal.mock.peers.pilot_board:PilotBoardPeer",
    "pn532": "hal.mock.peers.pn532:Pn532Peer",
    "rdm6300": "hal.mock.peers.rdm6300:Rdm6300Peer",
    "elatec-twn4": "hal.mock.peers.twn4:Twn4Peer",
    "line-reader": "hal.mock.peers.line_reader:LineReaderPeer",
    "gpio": "hal.mock.peers.lines:LinePeer",
}
"""The peer of each driver, "module:Class"."""

_READY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """Everything `serve` builds from."""

    place: Place
    devices: tuple[DeviceSpec, ...]
    plant: PlantOptions = field(default_factory=PlantOptions)
    socket: str = "sim.sock"
    adapters: Mapping[str, AdapterOptions] = field(default_factory=dict)


class Host:
    """All of a specification, built without I/O; with `memory` its CAN buses and serial lines are those.

    Raises ConfigError with one problem for each device that has no peer.
    """

    def __init__(self, spec: HostSpec, memory: MemoryWires | None = None) -> None:
        self._spec = spec
        self.plant = PlantBus("plant", spec.plant, spec.place)
        self._wires = Wires(spec.place, self.plant, spec.adapters, memory)
        self.peers: dict[str, Peer] = {}
        problems: list[str] = []
        for device in spec.devices:
            try:
                self.peers[device.name] = peer_for(device, self._wires)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)
        self.simulation = Simulation(self.plant, self.peers)
        self._server = SimServer(self.simulation, spec.place.runtime_dir / spec.socket)

    async def run(self, announce: Callable[[dict[str, object]], None]) -> None:
        """Serve until cancelled; `announce` is called once, when every wire and the socket are there."""
        services: dict[str, Service] = {**self._wires.lines, **self.peers, "simulation": self._server}
        async with asyncio.TaskGroup() as group:
            group.create_task(self.plant.run(), name="plant")
            for name, can in self._wires.can.items():
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
            "ports": dict(self._wires.ports),
            "devices": sorted(self.peers),
            "connectors": list(self.plant.plant.connectors),
        }


def peer_for(device: DeviceSpec, wires: Wires) -> Peer:
    """The peer at the other end of a device's wire. Raises ConfigError where there is none, or where it does not fit."""
    if device.driver not in PEERS:
        raise ConfigError([f"{device.name}: there is no wire peer for the driver {device.driver}"])
    peer = cast("PeerClass", imported(PEERS[device.driver]))
    try:
        return peer.for_device(device, wires)
    except ValueError as error:  # the plant has another kind of outlet
        raise ConfigError([f"{device.name}: {error}; set `kind` of `sim.plant`"]) from None


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
