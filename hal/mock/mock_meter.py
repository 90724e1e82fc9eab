"""A mock energy meter: what the outlet measures, at the pace of a meter that is polled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hal.mock.devices import IN_USE_S, OutletDevice, OutletOptions
from hal.mock.outlet import Outlet
from hal.mock.outlet_fields import meter_fields
from hal.mock.plant_bus import PlantBus
from hal.types import MeterReading

Extra = Literal["export", "reactive", "temperature"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOptions(OutletOptions):
    """`measures`: what it has beside import, power, voltage and current (of each phase, where there are three)."""

    measures: tuple[Extra, ...] = ()


class MockMeter(OutletDevice[Outlet, MeterReading]):
    """The energy meter: at the output terminal on DC, between mains and contactor on AC."""

    Options = MeterOptions

    def __init__(self, name: str, options: MeterOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus)
        self._absent: dict[str, Any] = {
            field: None for extra, fields in _EXTRAS.items() if extra not in options.measures for field in fields
        }
        self._is_watched = False

    def watch(self, *, is_watched: bool) -> None:
        """See the port."""
        self._is_watched = is_watched
        self._bus.poke()

    def _period_s(self) -> float:
        return IN_USE_S if self._is_watched else super()._period_s()

    def _next_s(self, now_s: float) -> float | None:
        if not self._is_watched or self._emitted is None:
            return super()._next_s(now_s)
        return max(0.0, self._emitted[0] + IN_USE_S - now_s)

    def _read(self) -> MeterReading:
        return replace(self._outlet.shown(), **self._absent)

    def _differs(self, old: MeterReading, new: MeterReading) -> bool:
        # Meters are polled about once a second: only what a person would call a change is told sooner.
        return abs((new.current_a or 0.0) - (old.current_a or 0.0)) > 5.0 or abs((new.voltage_v or 0.0) - (old.voltage_v or 0.0)) > 20.0

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """Its register, and how true it is."""
        return meter_fields(self._outlet)


_EXTRAS: Mapping[Extra, tuple[str, ...]] = {
    "export": ("export_wh", "current_export_a"),
    "reactive": ("reactive_import_varh", "reactive_export_varh"),
    "temperature": ("temperature_c",),
}
