"""Mock devices of a DC outlet: power modules, CCS controller, insulation monitor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from hal.mock.dc_fields import insulation_fields, power_fields, secc_fields
from hal.mock.dc_outlet import DcOutlet
from hal.mock.devices import DrivenDevice, DrivenOptions, OutletDevice, OutletOptions
from hal.mock.level import SOON_S
from hal.mock.plant_bus import PlantBus
from hal.types import EvRequest, InsulationReading, ModuleTelemetry, Range, Reading, SeccOutput, Setpoint, Talk


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOptions(DrivenOptions):
    """`cut_off_s`: the modules are off so long after the last word that was said to them."""

    cut_off_s: Annotated[float, Range(1.0, 60.0, "s")] = 10.0


class MockPower(DrivenDevice[DcOutlet, ModuleTelemetry, Setpoint]):
    """The power modules."""

    Options = PowerOptions
    outlet_class = DcOutlet

    def __init__(self, name: str, options: PowerOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus, Setpoint())
        self._cut_off_s = options.cut_off_s
        self._talk = Talk.FREE
        self._silent_since_s = 0.0

    def limit_talk(self, talk: Talk) -> None:
        """See the port."""
        now_s = asyncio.get_running_loop().time()
        self._bus.advance()
        self._talk, self._silent_since_s, self._emitted = talk, now_s, None
        if self._hears:
            self._tell(self._level.at(now_s))
        self._bus.poke()

    @property
    def _hears(self) -> bool:
        return super()._hears and self._talk is Talk.FREE

    def _due(self, now_s: float) -> list[Reading]:
        if self._talk is Talk.FREE:
            return super()._due(now_s)
        if self._talk is Talk.ASKING:
            return self._news(now_s)
        is_due = now_s >= self._silent_since_s + self._cut_off_s - SOON_S
        if is_due and self._outlet.setpoint.is_on and not self._outlet.flaws.has_no_cut_off:
            self._outlet.setpoint = Setpoint()
            self._bus.poke()
        return []

    def _next_s(self, now_s: float) -> float | None:
        left_s = self._silent_since_s + self._cut_off_s - now_s
        return left_s if self._talk is Talk.SILENT and left_s > 0.0 else super()._next_s(now_s)

    def _tell(self, level: Setpoint) -> bool:
        self._outlet.setpoint = level
        return True

    def _read(self) -> ModuleTelemetry:
        return replace(self._outlet.telemetry(), cut_off_s=self._cut_off_s)

    def _differs(self, old: ModuleTelemetry, new: ModuleTelemetry) -> bool:
        return (
            abs(new.voltage_v - old.voltage_v) > 2.0
            or abs(new.current_a - old.current_a) > 1.0
            or (new.max_current_a, new.modules_present, new.alarms) != (old.max_current_a, old.modules_present, old.alarms)
            or abs((new.temperature_c or 0.0) - (old.temperature_c or 0.0)) > 2.0
        )

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """Temperature, modules, alarms, and what they do by themselves."""
        return power_fields(self._outlet)


class MockSecc(DrivenDevice[DcOutlet, EvRequest, SeccOutput]):
    """The vehicle as its SECC tells it."""

    Options = DrivenOptions
    outlet_class = DcOutlet

    def __init__(self, name: str, options: DrivenOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus, SeccOutput())

    def _tell(self, level: SeccOutput) -> bool:
        before, self._outlet.told = self._outlet.told, level
        return _is_news(before, level)

    def _read(self) -> EvRequest:
        return self._outlet.request()

    def _differs(self, old: EvRequest, new: EvRequest) -> bool:
        exact = (new.control_pilot, new.phase, new.is_contactor_wanted, new.wants_stop, new.is_emergency)
        return (
            exact != (old.control_pilot, old.phase, old.is_contactor_wanted, old.wants_stop, old.is_emergency)
            or abs(new.target_voltage_v - old.target_voltage_v) > 0.5
            or abs(new.target_current_a - old.target_current_a) > 0.5
            or abs((new.connector_temperature_c or 0.0) - (old.connector_temperature_c or 0.0)) > 2.0
        )

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The vehicle, the connector and the pilot."""
        return secc_fields(self._outlet)


def _is_news(before: SeccOutput, after: SeccOutput) -> bool:
    """The vehicle would react at once; what is measured and small changes of a limit can wait for the plant's next step."""
    words = ("is_enabled", "authorization", "wants_stop", "is_waking", "isolation", "max_voltage_v")
    return abs(before.max_current_a - after.max_current_a) > 2.0 or any(getattr(before, w) != getattr(after, w) for w in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsulationOptions(OutletOptions):
    """`alarm_ohm`: below it the verdict is unsafe (100 kOhm by IEC 61851-23)."""

    alarm_ohm: Annotated[float, Range(1000.0, 1e6, "ohm")] = 100_000.0


class MockInsulation(OutletDevice[DcOutlet, InsulationReading]):
    """The insulation monitor of one output."""

    Options = InsulationOptions
    outlet_class = DcOutlet

    def __init__(self, name: str, options: InsulationOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus)
        self._alarm_ohm = options.alarm_ohm

    def _read(self) -> InsulationReading:
        resistance_ohm = self._outlet.insulation_ohm
        return InsulationReading(resistance_ohm >= self._alarm_ohm, resistance_ohm)

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The resistances."""
        return insulation_fields(self._outlet)
