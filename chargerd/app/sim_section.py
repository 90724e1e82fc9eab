"""The `sim:` section: the simulated world behind wires. Read only where a configuration has one, so that no other imports the plant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hal.mock.peers.adapter_wire import AdapterOptions
from hal.mock.plant_bus import PlantOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSection:
    """For the process that plays the wires' other ends; a relative `socket` stands in the runtime directory.

    adapters: its own ends of wires that lead to a real controller, by the name of the bus, or of the device that has a port of its own.
    """

    socket: str = "sim.sock"
    plant: PlantOptions = field(default_factory=PlantOptions)
    adapters: Mapping[str, AdapterOptions] = field(default_factory=dict)
