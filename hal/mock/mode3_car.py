"""A vehicle on an AC cable: what it shows on the control pilot and what its charger draws (IEC 61851-1, Mode 3).

It goes from B to C a while after the pilot offers current, and back when it has enough, is told to pause, or nothing is offered any more.
It draws in C only, from a closed contactor, and in no phase more than is offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from hal.mock.battery import Battery, Vehicle
from hal.types import ControlPilot, Range

_EFFICIENCY = 0.92  # of the charger on board
_RAMP_A_PER_S = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode3:
    """How fast the vehicle is; IEC 61851-1 gives it 3 s to let go."""

    ready_s: Annotated[float, Range(0.0, 600.0, "s")] = 1.0
    stop_s: Annotated[float, Range(0.0, 60.0, "s")] = 0.5


@dataclass(frozen=True, slots=True)
class Offer:
    """What the station gives it: amperes by the pilot (0: no signal), and the mains behind the contactor (0 V while it is open)."""

    current_a: float
    voltage_v: float
    phases: int


class Mode3Car:
    """One plugged-in vehicle. `pilot` is what it shows, `current_a` what it draws in each phase it uses."""

    def __init__(self, vehicle: Vehicle, times: Mode3) -> None:
        self.battery = Battery(vehicle)
        self.is_paused = False
        self.pilot = ControlPilot.B
        self.current_a = 0.0
        self._vehicle = vehicle
        self._times = times
        self._hears_current = False
        self._in_state_s = 0.0
        self._undecided_s = 0.0  # since it wants another state

    def phases(self, offer: Offer) -> int:
        """In how many phases it draws."""
        return min(self._vehicle.phases, offer.phases)

    def is_changing(self, offer: Offer) -> bool:
        """Pilot or current are on their way."""
        has_heard = self._hears_current is (offer.current_a > 0.0)
        return not has_heard or self._is_turning or abs(self.current_a - self._target_a(offer)) > 0.1

    def step(self, offer: Offer, duration_s: float) -> None:
        """Live on for a while."""
        self._hears_current = offer.current_a > 0.0
        self._show(duration_s)
        self.current_a = min(self._target_a(offer), self.current_a + _RAMP_A_PER_S * duration_s)
        power_w = self.current_a * offer.voltage_v * self.phases(offer)
        self.battery.take(power_w * _EFFICIENCY / self.battery.open_circuit_voltage_v, duration_s)

    @property
    def _wants(self) -> bool:
        return self._hears_current and not self.is_paused and not self.battery.is_full

    @property
    def _is_turning(self) -> bool:
        return self._wants is not self.pilot.is_ready

    def _show(self, duration_s: float) -> None:
        if not self._is_turning:
            self._undecided_s = 0.0
            self._in_state_s += duration_s
            return
        self._undecided_s += duration_s
        if self._undecided_s >= (self._times.ready_s if self._wants else self._times.stop_s) - 1e-9:
            self.pilot = ControlPilot.C if self._wants else ControlPilot.B
            self._undecided_s = self._in_state_s = 0.0

    def _target_a(self, offer: Offer) -> float:
        if self._is_turning or not self._wants or offer.voltage_v <= 0.0 or self._in_state_s < self._vehicle.draw_delay_s:
            return 0.0
        by_power_a = self._vehicle.max_power_w / (offer.voltage_v * self.phases(offer))
        return max(0.0, min(offer.current_a, self._vehicle.max_current_a, by_power_a))
