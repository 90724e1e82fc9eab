"""What all outlets of the plant have: a contactor, perhaps a lock, the meter's register, and something on the cable.

The kinds of current differ in what flows: `dc_outlet.py` and `ac_outlet.py`. The wishes (`told`, `is_coil_on`, `is_lock_wanted`) are set
from outside, and so is what is broken (`is_...`, `forced_...`); `advance` lives on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol

from hal.mock.battery import Battery, Vehicle
from hal.types import EvRequest, LockState, MeterReading, SeccOutput

_FINE_STEP_S = 0.1
_COARSE_STEP_S = 1.0
_CONTACTOR_S = 0.03
_LOCK_S = 0.3
AMBIENT_C = 25.0


class Car(Protocol):
    """A vehicle on the cable. `is_paused`: it asks for nothing."""

    battery: Battery
    is_paused: bool


@dataclass(slots=True)
class Wear:
    """What the main contacts had to bear so far, the worst of each: volts between them as they met, amperes through them as they parted."""

    closings: int = 0
    openings: int = 0
    worst_closing_v: float = 0.0
    worst_opening_a: float = 0.0

    def closed(self, gap_v: float) -> None:
        """They have met."""
        self.closings += 1
        self.worst_closing_v = max(self.worst_closing_v, abs(gap_v))

    def opened(self, current_a: float) -> None:
        """They have parted."""
        self.openings += 1
        self.worst_opening_a = max(self.worst_opening_a, abs(current_a))


class Outlet(ABC):
    """One connector of the plant."""

    kind: ClassVar[Literal["dc", "ac"]]

    def __init__(self) -> None:
        self.told = SeccOutput()
        self.is_coil_on = False
        self.is_lock_wanted = False
        self.is_lock_powered = True  # the bolt's motor runs as long as it has to move
        self.is_mains_lost = False
        self.is_interlock_open = False  # emergency stop or door, in series with the coil
        self.is_welded = False
        self.is_stuck = False
        self.forced_feedback: bool | None = None  # of the auxiliary contact, whatever the main contacts do
        self.wear = Wear()
        self.is_lock_jammed = False  # the bolt moves neither way
        self.is_half_plugged = False  # the bolt meets the plug before its end
        self.is_meter_frozen = False
        self.meter_factor = 1.0  # it takes so many times the current for what flows
        self.register_wh = 0
        self.register_fraction = 0.0  # of a watt-hour
        self.exported_wh = 0.0  # out of the vehicle
        self.current_a = 0.0  # on AC the highest of the phases
        self.lock_state = LockState.UNLOCKED
        self._contactor_s = 0.0  # since the coil was switched
        self._is_pulled_in = False
        self._was_closed = False
        self._lock_s = 0.0

    # --- the cable ----------------------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def car(self) -> Car | None:
        """The vehicle that is plugged in."""

    @property
    def has_plug(self) -> bool:
        """There is something that can be pulled."""
        return self.car is not None

    @abstractmethod
    def plug_in(self, vehicle: Vehicle) -> None:
        """Hang a vehicle on the cable."""

    @abstractmethod
    def plug_out(self) -> None:
        """Take the vehicle away, at any moment."""

    def adopt(self, before: Outlet) -> None:
        """Take over the register and what was broken; the contactor is open."""
        self.lock_state = before.lock_state
        self.register_wh, self.register_fraction, self.exported_wh = before.register_wh, before.register_fraction, before.exported_wh
        self.is_welded, self.is_stuck, self.forced_feedback = before.is_welded, before.is_stuck, before.forced_feedback
        self.is_lock_jammed, self.is_half_plugged = before.is_lock_jammed, before.is_half_plugged
        self.is_meter_frozen, self.meter_factor = before.is_meter_frozen, before.meter_factor
        self.wear, self._was_closed = before.wear, self.is_closed
        if before.is_closed and not self.is_closed:
            self.wear.opened(before.current_a)

    # --- what is measured -----------------------------------------------------------------------------------------------------------

    @abstractmethod
    def request(self) -> EvRequest:
        """What the vehicle asks for; without one, the pilot says A."""

    @abstractmethod
    def reading(self) -> MeterReading:
        """What a true meter measures that measures everything."""

    def shown(self) -> MeterReading:
        """What the meter tells."""
        true, factor = self.reading(), self.meter_factor
        if factor == 1.0:
            return true
        phases = true.phase_currents_a
        return replace(
            true,
            power_w=None if true.power_w is None else factor * true.power_w,
            current_a=None if true.current_a is None else factor * true.current_a,
            phase_currents_a=None if phases is None else (factor * phases[0], factor * phases[1], factor * phases[2]),
        )

    @property
    def is_closed(self) -> bool:
        """The main contacts of the station's contactor."""
        return self.is_welded or self._is_pulled_in

    @property
    def is_seen_closed(self) -> bool:
        """What the auxiliary contact says of them."""
        return self.is_closed if self.forced_feedback is None else self.forced_feedback

    def count(self, energy_wh: float) -> None:
        """Energy has passed the meter, out of the vehicle where it is negative."""
        measured_wh = 0.0 if self.is_meter_frozen else self.meter_factor * energy_wh
        if measured_wh < 0.0:
            self.exported_wh -= measured_wh
            return
        whole_wh, self.register_fraction = divmod(self.register_fraction + measured_wh, 1.0)
        self.register_wh += int(whole_wh)

    # --- time -----------------------------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Nothing is plugged, no session waits for a vehicle, and nothing will change by itself."""
        return self.car is None and not self.told.is_enabled and not self.is_moving

    @property
    def is_moving(self) -> bool:
        """Something changes quickly: steps must be fine."""
        return self.is_switching or self._is_locking or self._is_flow_moving

    @property
    @abstractmethod
    def _is_flow_moving(self) -> bool:
        """Vehicle, voltage or current change quickly."""

    def advance(self, duration_s: float, speed: float) -> None:
        """Let simulated time pass; `speed` tells how much of it fits into a real second."""
        left_s = duration_s
        while left_s > 1e-9 and not self.is_idle:
            step_s = min(left_s, self._longest_step_s())
            self._switch(step_s)
            self._note_contacts()
            self._lock(step_s)
            self._live(step_s, step_s / speed)
            left_s -= step_s
        self._rest(left_s)

    def _longest_step_s(self) -> float:
        if self.is_switching:
            return max(0.001, _CONTACTOR_S - self._contactor_s)
        return _FINE_STEP_S if self.is_moving else _COARSE_STEP_S

    @abstractmethod
    def _live(self, duration_s: float, real_s: float) -> None:
        """Let the vehicle act and energy flow for a while."""

    def _rest(self, duration_s: float) -> None:  # noqa: B027 - not every kind has something that cools
        """Let time pass in which nobody looks closely."""

    # --- contactor and lock -----------------------------------------------------------------------------------------------------------

    @property
    def _is_pull_wanted(self) -> bool:
        return self.is_coil_on and not self.is_interlock_open and not self.is_stuck and not self.is_mains_lost

    @property
    def is_switching(self) -> bool:
        """The contactor has not followed its coil yet."""
        return self._is_pull_wanted is not self._is_pulled_in

    def _switch(self, duration_s: float) -> None:
        if not self.is_switching:
            self._contactor_s = 0.0
            return
        self._contactor_s += duration_s
        if self._contactor_s >= _CONTACTOR_S - 1e-9:
            self._is_pulled_in = self._is_pull_wanted
            self._contactor_s = 0.0

    def _note_contacts(self) -> None:
        if self.is_closed is self._was_closed:
            return
        self._was_closed = self.is_closed
        if self.is_closed:
            self.wear.closed(self._meet())
        else:
            self.wear.opened(self.current_a)

    def _meet(self) -> float:
        """The main contacts have met. Returns the voltage that was between them and that should not have been."""
        return 0.0

    @property
    def _lock_reach(self) -> LockState:
        """Where the motor will bring the bolt."""
        wanted = LockState.LOCKED if self.is_lock_wanted else LockState.UNLOCKED
        is_blocked = self.is_lock_jammed or (self.is_half_plugged and self.is_lock_wanted)
        return LockState.FAILED if is_blocked and self.lock_state is not wanted else wanted

    @property
    def _is_locking(self) -> bool:
        return self.is_lock_powered and self.lock_state is not self._lock_reach

    def _lock(self, duration_s: float) -> None:
        if not self._is_locking:
            self._lock_s = 0.0
            return
        self._lock_s += duration_s
        if self._lock_s >= _LOCK_S:
            self.lock_state = self._lock_reach
            self._lock_s = 0.0
