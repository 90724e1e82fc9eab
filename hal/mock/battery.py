"""A vehicle's traction battery: voltage over state of charge, what it asks for, and what it takes in."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

Curve = tuple[tuple[float, float], ...]
"""Points of a line over the state of charge in percent, in rising order; before the first and after the last it is level."""

# Share of the nominal voltage: a flat lithium curve with steep ends.
_VOLTAGE_CURVE = ((0.0, 0.80), (10.0, 0.875), (50.0, 0.92), (90.0, 0.985), (100.0, 1.025))
# Share of the vehicle's full power it asks for: all of it up to 60 %, tapering to 80 %, then strongly.
_POWER_CURVE = ((0.0, 1.0), (60.0, 1.0), (80.0, 0.55), (100.0, 0.04))
_RESISTANCE_OHM_PER_V = 1.25e-4  # 50 milliohm for a 400 V pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What is plugged in; the default is a middle-class car. `target_soc_percent` is where it ends the session itself.

    voltage_curve, power_curve: open-circuit voltage as a share of `voltage_v`, and what it asks for as a share of `max_power_w`.
    max_voltage_share: the most it bears, as a share of `voltage_v`.
    DC: `zero_current_s`, how long it stays in the charge loop while it is allowed nothing; `can_be_woken`, from its sleep, over the pilot.
    """

    kind: str = "dc"
    soc_percent: float = 30.0
    capacity_kwh: float = 60.0
    voltage_v: float = 400.0
    max_current_a: float = 250.0
    max_power_w: float = 150_000.0
    phases: int = 3
    draw_delay_s: float = 0.0
    target_soc_percent: float = 100.0
    voltage_curve: Curve = _VOLTAGE_CURVE
    power_curve: Curve = _POWER_CURVE
    max_voltage_share: float = 1.06
    zero_current_s: float = 86400.0
    can_be_woken: bool = True


class Battery:
    """State of charge that rises with the current put in. Energy is counted at the open-circuit voltage; the rest is heat."""

    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle
        self.resistance_ohm = vehicle.voltage_v * _RESISTANCE_OHM_PER_V
        self.capacity_wh = vehicle.capacity_kwh * 1000.0
        self.max_voltage_v = vehicle.voltage_v * vehicle.max_voltage_share
        self.soc_percent = vehicle.soc_percent
        self.stored_wh = 0.0  # since plug-in
        self.heat_wh = 0.0

    @property
    def open_circuit_voltage_v(self) -> float:
        """Voltage without current at the present state of charge."""
        return self._vehicle.voltage_v * _interpolate(self._vehicle.voltage_curve, self.soc_percent)

    @property
    def is_full(self) -> bool:
        """The state of charge at which the vehicle ends the session is reached."""
        return self.soc_percent >= self._vehicle.target_soc_percent

    def wanted_current_a(self) -> float:
        """Current the vehicle asks for at its present state of charge."""
        power_w = self._vehicle.max_power_w * _interpolate(self._vehicle.power_curve, self.soc_percent)
        return min(self._vehicle.max_current_a, power_w / self.open_circuit_voltage_v)

    def take(self, current_a: float, duration_s: float) -> None:
        """Put a current in for a while; a negative one comes out."""
        hours = duration_s / 3600.0
        self.heat_wh += self.resistance_ohm * current_a * current_a * hours
        self.store(self.open_circuit_voltage_v * current_a * hours)

    def store(self, energy_wh: float) -> None:
        """Put energy in, or take it out, without loss."""
        self.stored_wh += energy_wh
        self.soc_percent = min(100.0, max(0.0, self.soc_percent + 100.0 * energy_wh / self.capacity_wh))


def _interpolate(curve: Curve, at: float) -> float:
    if at <= curve[0][0]:
        return curve[0][1]
    if at >= curve[-1][0]:
        return curve[-1][1]
    index = bisect_right(curve, at, key=lambda point: point[0]) - 1
    (left, low), (right, high) = curve[index], curve[index + 1]
    return low + (high - low) * (at - left) / (right - left)
