"""What the modules of one connector said last, and what follows from it for the connector. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from hal.power.dialect import Measured, Rated, State
from hal.power.group import Capability
from hal.types import ModuleAlarm, ModuleTelemetry

_BEYOND = 1.2  # a module's own measurement may exceed its rating by so much, or be as far below zero as this is above one

ENDING = frozenset(
    {
        ModuleAlarm.MODULE_FAULT,
        ModuleAlarm.PROTECTION,
        ModuleAlarm.OVER_TEMPERATURE,
        ModuleAlarm.OUTPUT_SHORT_CIRCUIT,
        ModuleAlarm.OUTPUT_OVER_VOLTAGE,
        ModuleAlarm.INPUT_OVER_VOLTAGE,
        ModuleAlarm.INPUT_UNDER_VOLTAGE,
        ModuleAlarm.INPUT_PHASE_LOST,
        ModuleAlarm.BUS_ABNORMAL,
        ModuleAlarm.FUSE,
    }
)
"""With one of these a module that is off is off by itself."""


@dataclass(slots=True)
class Heard:
    """One module. `measured` is whole once voltage and current were told; `capability` as last told, `best` the most ever told."""

    rated: Rated
    measured: Measured = field(default_factory=Measured)
    capability: Capability | None = None
    best: Capability | None = None
    state: State | None = None
    temperature_c: float | None = None
    _is_voltage_new: bool = False
    _is_current_new: bool = False

    @property
    def is_whole(self) -> bool:
        """It has told its output."""
        return self.measured.voltage_v is not None and self.measured.current_a is not None

    @property
    def has_failed(self) -> bool:
        """It says that it is off and why: no current can be had of it."""
        return self.state is not None and self.state.is_off and not ENDING.isdisjoint(self.state.alarms)

    def rate(self, rated: Rated, highest: Capability) -> bool:
        """Take what it can give, if there may be such a module. Returns whether it was believed."""
        merged = _merge(self.rated, rated)
        if not _is_possible(merged, highest):
            return False
        self.rated = merged
        if merged.max_voltage_v is not None and merged.max_current_a is not None and merged.max_power_w is not None:
            told = self.capability = Capability(merged.max_voltage_v, merged.max_current_a, merged.max_power_w)
            best = self.best or told
            self.best = Capability(
                max(best.max_voltage_v, told.max_voltage_v), max(best.max_current_a, told.max_current_a), told.max_power_w
            )
        return True

    def measure(self, measured: Measured, highest: Capability) -> bool:
        """Take its output, if it can give that. CAN's checksum does not help against a module that has lost its wits."""
        known, below = self.best or highest, 1.0 - _BEYOND
        voltage_v, current_a = measured.voltage_v, measured.current_a
        if voltage_v is not None and not below * known.max_voltage_v <= voltage_v <= _BEYOND * known.max_voltage_v:
            return False
        if current_a is not None and not below * known.max_current_a <= current_a <= _BEYOND * known.max_current_a:
            return False
        if voltage_v is not None:
            self.measured, self._is_voltage_new = Measured(voltage_v, self.measured.current_a), True
        if current_a is not None:
            self.measured, self._is_current_new = Measured(self.measured.voltage_v, current_a), True
        return True

    def ends_round(self) -> bool:
        """Voltage and current were both told since this was last true."""
        if not (self._is_voltage_new and self._is_current_new):
            return False
        self._is_voltage_new = self._is_current_new = False
        return True


def _merge(known: Rated, told: Rated) -> Rated:
    changes = {name: value for name in Rated.__slots__ if (value := getattr(told, name)) is not None}
    return replace(known, **changes)


def _is_possible(rated: Rated, highest: Capability) -> bool:
    pairs = (
        (rated.max_voltage_v, highest.max_voltage_v),
        (rated.max_current_a, highest.max_current_a),
        (rated.max_power_w, highest.max_power_w),
    )
    return all(value is None or 0.0 < value <= most for value, most in pairs)


def summed(modules: Collection[Heard], *, is_complete: bool) -> ModuleTelemetry:
    """What the connector's modules give together and could give. modules: at least one, each whole and with its capability known."""
    able = [module.capability for module in modules if module.capability is not None and not module.has_failed]
    alarms = frozenset[str]().union(*(module.state.alarms for module in modules if module.state is not None))
    return ModuleTelemetry(
        voltage_v=max(module.measured.voltage_v or 0.0 for module in modules),
        current_a=sum(module.measured.current_a or 0.0 for module in modules),
        max_voltage_v=min(module.capability.max_voltage_v for module in modules if module.capability is not None),
        max_current_a=sum(capability.max_current_a for capability in able),
        max_power_w=sum(capability.max_power_w for capability in able),
        modules_present=len(modules),
        temperature_c=max((module.temperature_c for module in modules if module.temperature_c is not None), default=None),
        alarms=alarms if is_complete else alarms | {ModuleAlarm.MODULE_MISSING},
    )
