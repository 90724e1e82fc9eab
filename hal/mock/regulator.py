"""How the power modules of one outlet regulate: up by ramps, down by the bleeder, and never through their diodes.

With nothing connected their voltage charges the capacitance of the output, so it rises no faster than the ramp and the current they may
give; down it goes only as fast as the bleeder discharges it. A battery that is connected holds the voltage up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from hal.types import Range

CAPACITANCE_F = 200e-6  # of the modules' output and the bus to the contactor
_BLEEDER_S = 0.4  # 500 V fall below 60 V in 0.85 s
_LEAKING_S = 120.0  # without it
_SETTLED_V = 0.5
_SETTLED_A = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleLimits:
    """What the module group of one connector can do with all its modules present, and how fast. Switched off, it gives nothing at once."""

    modules: Annotated[int, Range(1, 64)] = 4
    max_voltage_v: Annotated[float, Range(50.0, 1500.0, "V")] = 1000.0
    max_current_a: Annotated[float, Range(1.0, 2000.0, "A")] = 250.0
    max_power_w: Annotated[float, Range(1000.0, 1_000_000.0, "W")] = 120_000.0
    voltage_rise_v_per_s: Annotated[float, Range(10.0, 10_000.0, "V/s")] = 400.0
    current_rise_a_per_s: Annotated[float, Range(1.0, 10_000.0, "A/s")] = 150.0
    current_fall_a_per_s: Annotated[float, Range(1.0, 10_000.0, "A/s")] = 1000.0


class Aim(NamedTuple):
    """What the modules are after: volts, amperes, whether they run at all, and the volts that a connected battery holds up."""

    voltage_v: float
    current_a: float
    is_running: bool
    floor_v: float

    @property
    def standing_v(self) -> float:
        """Where the voltage will be in the end."""
        return max(self.voltage_v, self.floor_v)


class Regulator:
    """`voltage_v` is what they regulate to at this moment, `limit_a` the most they let through."""

    def __init__(self, limits: ModuleLimits) -> None:
        self.voltage_v = 0.0
        self.limit_a = 0.0
        self._limits = limits

    def is_rising(self, aim: Aim) -> bool:
        """The voltage is on its way up."""
        return aim.standing_v - self.voltage_v > _SETTLED_V and (aim.current_a > 0.0 or aim.floor_v > self.voltage_v)

    def is_falling(self, aim: Aim) -> bool:
        """The voltage is on its way down."""
        return self.voltage_v - aim.standing_v > _SETTLED_V

    def is_current_moving(self, aim: Aim) -> bool:
        """The current limit is on its way."""
        return abs(self.limit_a - aim.current_a) > _SETTLED_A

    def step(self, aim: Aim, duration_s: float, *, has_no_bleeder: bool = False) -> None:
        """Regulate for a while."""
        self.limit_a = self._next_limit_a(aim, duration_s)
        target_v = aim.standing_v
        if target_v < self.voltage_v:
            self.voltage_v = decayed(self.voltage_v, target_v, duration_s, has_no_bleeder=has_no_bleeder)
        elif aim.floor_v > 0.0:
            self.voltage_v = min(target_v, max(aim.floor_v, self.voltage_v + self._limits.voltage_rise_v_per_s * duration_s))
        else:
            rise_v_per_s = min(self._limits.voltage_rise_v_per_s, self.limit_a / CAPACITANCE_F)
            self.voltage_v = min(target_v, self.voltage_v + rise_v_per_s * duration_s)

    def _next_limit_a(self, aim: Aim, duration_s: float) -> float:
        if not aim.is_running:
            return 0.0
        if aim.current_a >= self.limit_a:
            return min(aim.current_a, self.limit_a + self._limits.current_rise_a_per_s * duration_s)
        return max(aim.current_a, self.limit_a - self._limits.current_fall_a_per_s * duration_s)


def decayed(voltage_v: float, target_v: float, duration_s: float, *, has_no_bleeder: bool) -> float:
    """Where a voltage has fallen to by the discharge circuit, or without it by what leaks."""
    left_v = (voltage_v - target_v) * math.exp(-duration_s / (_LEAKING_S if has_no_bleeder else _BLEEDER_S))
    return target_v + left_v if left_v >= _SETTLED_V else target_v
