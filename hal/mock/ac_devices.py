"""The mock device of an AC outlet: the board that drives and reads the control pilot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hal.mock.ac_fields import car_fields, plug_fields, trouble_fields
from hal.mock.ac_outlet import AcOutlet, Trouble
from hal.mock.devices import DrivenDevice, DrivenOptions
from hal.mock.plant_bus import PlantBus
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
        return is_warmer or replace(new, connector_temperature_c=old.connector_temperature_c) != old

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The vehicle, plug and cable, and everything that a board can find wrong, which this one tells as long as it is so."""
        return {**car_fields(self._outlet), **plug_fields(self._outlet), **trouble_fields(self._outlet, *Trouble)}
