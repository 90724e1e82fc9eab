"""The other ends of the wires of a configuration: what the bench's peers process is built from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chargerd.app.bindings import DeviceConfig, Line
from chargerd.app.config import Config, load
from chargerd.app.sim_section import SimSection
from hal.mock.host import HostSpec, serve
from hal.mock.peers.spec import DeviceSpec, LineRoles
from hal.ports import Place


async def serve_peers(file: Path, where: Place, announce: Callable[[dict[str, object]], None]) -> None:
    """Run plant and peers until cancelled. Raises ConfigError for the configuration or a device that has no peer, HalError for a wire."""
    config = load(file)
    await serve(host_spec(config, where), announce)


def host_spec(config: Config, where: Place) -> HostSpec:
    """Everything the peers need to know of a configuration."""
    buses = {bus.name: bus.options for bus in config.buses}
    sim = config.sim or SimSection()
    return HostSpec(
        place=where,
        devices=tuple(_device_spec(config, device, buses) for device in config.devices),
        plant=sim.plant,
        socket=sim.socket,
    )


def _device_spec(config: Config, device: DeviceConfig, buses: dict[str, object]) -> DeviceSpec:
    served = tuple(
        connector.settings.id
        for connector in config.connectors
        if device.name in (connector.secc, connector.power, connector.meter, connector.reader, connector.lock, connector.contactor.device)
    )
    bus_options = buses[device.bus] if device.bus is not None else None
    return DeviceSpec(
        name=device.name,
        driver=device.driver,
        options=device.options,
        bus=device.bus,
        bus_options=bus_options,
        connectors=served,
        roles=_roles(config) if device.name == config.safety.io else LineRoles(),
    )


def _roles(config: Config) -> LineRoles:
    safety = config.safety
    insulation = {c.settings.id: c.insulation.label for c in config.connectors if isinstance(c.insulation, Line)}
    return LineRoles(
        contactors={c.settings.id: c.contactor.label for c in config.connectors},
        insulation=insulation,
        estop=safety.estop,
        door=safety.door,
        mains=safety.mains,
    )
