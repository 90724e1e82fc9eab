"""A vehicle on an AC cable: what it shows on the control pilot and what its charger draws (IEC 61851-1, Mode 3).

It goes from B to C a while after the pilot offers current, and back when it has enough, is told to pause, or nothing is offered any more.
It draws in C only, from a closed contactor, and in no phase more than is offered. What a bad one does instead is set from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from hal.mock.battery import Battery, Vehicle
from hal.types import ControlPilot, Range

_EFFICIENCY = 0.92  # of the charger on board
_RAMP_A_PER_S = 16.0
_WAKE_S = 3.0  # of a pilot without an offer, between two offers


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
    """One plugged-in vehicle. `current_a` is what it draws in each phase it uses.

    `is_asleep`: an offer means nothing to it before one has ended and another one begun. `needs_ventilation`: it shows D for C.
    `is_stubborn`: it goes on when the offer ends. `forced_current_a`: what it draws, whatever it is offered.
    """

    def __init__(self, vehicle: Vehicle, times: Mode3) -> None:
        self.battery = Battery(vehicle)
        self.is_paused = False
        self.is_asleep = False
        self.needs_ventilation = False
        self.is_stubborn = False
        self.forced_current_a: float | None = None
        self.current_a = 0.0
        self._vehicle = vehicle
        self._times = times
        self._is_asking = False
        self._heard_a: float | None = None  # the last offer; None: never one
        self._hears_current = False
        self._quiet_s = 0.0  # since an offer has ended
        self._in_state_s = 0.0
        self._undecided_s = 0.0  # since it wants another state

    @property
    def pilot(self) -> ControlPilot:
        """What it shows."""
        asking = ControlPilot.D if self.needs_ventilation else ControlPilot.C
        return asking if self._is_asking else ControlPilot.B

    def phases(self, offer: Offer) -> int:
        """In how many phases it draws."""
        return min(self._vehicle.phases, offer.phases)

    def is_changing(self, offer: Offer) -> bool:
        """Pilot or current are on their way."""
        has_heard = self._hears_current is (offer.current_a > 0.0)
        return not has_heard or self._is_turning or abs(self.current_a - self._target_a(offer)) > 0.1

    def step(self, offer: Offer, duration_s: float) -> None:
        """Live on for a while."""
        self._hear(offer.current_a, duration_s)
        self._show(duration_s)
        self.current_a = min(self._target_a(offer), self.current_a + _RAMP_A_PER_S * duration_s)
        power_w = self.current_a * offer.voltage_v * self.phases(offer)
        self.battery.take(power_w * _EFFICIENCY / self.battery.open_circuit_voltage_v, duration_s)

    def _hear(self, offered_a: float, duration_s: float) -> None:
        self._hears_current = offered_a > 0.0
        if not self._hears_current:
            self._quiet_s += duration_s
            return
        if self._heard_a is not None and self._quiet_s >= _WAKE_S - 1e-6:
            self.is_asleep = False
        self._heard_a, self._quiet_s = offered_a, 0.0

    @property
    def _wants(self) -> bool:
        hears = self._hears_current or (self.is_stubborn and self._is_asking)
        return hears and not self.is_asleep and not self.is_paused and not self.battery.is_full

    @property
    def _is_turning(self) -> bool:
        return self._wants is not self._is_asking

    def _show(self, duration_s: float) -> None:
        if not self._is_turning:
            self._undecided_s = 0.0
            self._in_state_s += duration_s
            return
        self._undecided_s += duration_s
        if self._undecided_s >= (self._times.ready_s if self._wants else self._times.stop_s) - 1e-9:
            self._is_asking = self._wants
            self._undecided_s = self._in_state_s = 0.0

    def _target_a(self, offer: Offer) -> float:
        is_drawing = self._wants and not self._is_turning and self.pilot is ControlPilot.C
        if not is_drawing or offer.voltage_v <= 0.0 or self._in_state_s < self._vehicle.draw_delay_s:
            return 0.0
        if self.forced_current_a is not None:
            return self.forced_current_a
        allowed_a = offer.current_a if self._hears_current else self._heard_a or 0.0
        by_power_a = self._vehicle.max_power_w / (offer.voltage_v * self.phases(offer))
        return max(0.0, min(allowed_a, self._vehicle.max_current_a, by_power_a))
