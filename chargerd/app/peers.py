"""The other ends of the wires of a configuration: what the bench's peers process is built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from chargerd.app.bindings import ConnectorConfig, DeviceConfig
from chargerd.app.config import Config, load
from chargerd.app.sim_section import SimSection
from chargerd.safety.options import Line, lines_by_board
from hal.mock.host import HostSpec, serve
from hal.mock.peers.spec import DeviceSpec
from hal.ports import Place, SafetyLines


async def serve_peers(file: Path, where: Place, announce: Callable[[dict[str, object]], None]) -> None:
    """Run plant and peers until cancelled. Raises ConfigError for the configuration or a device that has no peer, HalError for a wire."""
    config = load(file)
    await serve(host_spec(config, where), announce)


def host_spec(config: Config, where: Place) -> HostSpec:
    """Everything the peers need to know of a configuration."""
    buses = {bus.name: bus.options for bus in config.buses}
    boards = lines_by_board(config.connectors, config.safety)
    sim = config.sim or SimSection()
    return HostSpec(
        place=where,
        devices=tuple(_device_spec(config, device, buses, boards.get(device.name, SafetyLines())) for device in config.devices),
        plant=sim.plant,
        socket=sim.socket,
        adapters=sim.adapters,
    )


def _device_spec(config: Config, device: DeviceConfig, buses: dict[str, object], lines: SafetyLines) -> DeviceSpec:
    served = tuple(connector.settings.id for connector in config.connectors if device.name in _devices_of(connector))
    bus_options = buses[device.bus] if device.bus is not None else None
    return DeviceSpec(
        name=device.name,
        driver=device.driver,
        options=device.options,
        bus=device.bus,
        bus_options=bus_options,
        connectors=served,
        lines=lines,
        insulation=_of_board(device.name, {one.settings.id: one.insulation for one in config.connectors}),
        locks=_of_board(device.name, {one.settings.id: one.lock for one in config.connectors}),
    )


def _devices_of(connector: ConnectorConfig) -> tuple[str | Line | None, ...]:
    own = (connector.secc, connector.power, connector.meter, connector.reader, connector.lock, connector.insulation)
    return (*own, connector.contactor.device)


def _of_board(board: str, bound: Mapping[int, str | Line | None]) -> dict[int, str]:
    """The labels of those that are lines of this board, by connector."""
    return {connector: line.label for connector, line in bound.items() if isinstance(line, Line) and line.device == board}
