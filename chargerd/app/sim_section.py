"""The `sim:` section: the simulated world behind wires. Read only where a configuration has one, so that no other imports the plant."""

from __future__ import annotations

from dataclasses import dataclass, field

from hal.mock.plant_bus import PlantOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSection:
    """For the process that plays the wires' other ends; a relative `socket` stands in the runtime directory."""

    socket: str = "sim.sock"
    plant: PlantOptions = field(default_factory=PlantOptions)
