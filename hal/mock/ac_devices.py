"""The mock device of an AC outlet: the board that drives and reads the control pilot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hal.mock.ac_outlet import AcOutlet
from hal.mock.devices import DrivenDevice, DrivenOptions
from hal.mock.outlet_fields import vehicle_fields
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import number
from hal.types import EvRequest, SeccOutput


class MockPilot(DrivenDevice[AcOutlet, EvRequest, SeccOutput]):
    """Control pilot, proximity where there is a socket, and the temperature of the contacts."""

    Options = DrivenOptions
    outlet_class = AcOutlet

    def __init__(self, name: str, options: DrivenOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus, SeccOutput())

    def _tell(self, level: SeccOutput) -> bool:
        before_a = self._outlet.offered_a
        self._outlet.told = level
        return abs(self._outlet.offered_a - before_a) > 0.5

    def _read(self) -> EvRequest:
        return self._outlet.request()

    def _differs(self, old: EvRequest, new: EvRequest) -> bool:
        is_warmer = abs((new.connector_temperature_c or 0.0) - (old.connector_temperature_c or 0.0)) > 2.0
        return is_warmer or (new.control_pilot, new.is_cable_present) != (old.control_pilot, old.is_cable_present)

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """State of charge, and `temperature_c` of the contacts (null: by load)."""
        return {**vehicle_fields(self._outlet), "temperature_c": self._set_temperature_c}

    def _set_temperature_c(self, value: object) -> None:
        self._outlet.forced_temperature_c = None if value is None else number(value, -40, 200)
