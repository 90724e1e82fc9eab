"""The power path of one connector: modules, contactor, cable, vehicle, meter register, as one model.

Order of one step: contactor, vehicle, modules, flow of energy. Current flows only from the modules through a closed contactor and a
closed vehicle contactor into the battery, and only there energy is counted: on the meter and in the battery alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from hal.mock.battery import Vehicle
from hal.mock.dialogue import Dialogue, Handshake
from hal.types import ControlPilot, EvRequest, LockState, ModuleTelemetry, Range, SeccOutput, SeccPhase, Setpoint

_FINE_STEP_S = 0.1
_COARSE_STEP_S = 1.0
_CONTACTOR_S = 0.03
_LOCK_S = 0.3
_VOLTAGE_RAMP_V_PER_S = 400.0
_CURRENT_RAMP_A_PER_S = 150.0
_SETTLED_V = 0.5
_SETTLED_A = 2.0
_BLEEDER_TAU_S = 0.4  # 500 V fall below 60 V in 0.85 s
_AMBIENT_C = 25.0
_SELF_HEATING_K = 25.0  # at full current
# Those that last only as long as the vehicle or a ready station needs.
_QUICK_PHASES = frozenset(SeccPhase) - {
    SeccPhase.HANDSHAKE,
    SeccPhase.AUTHORIZATION,
    SeccPhase.CURRENT_DEMAND,
    SeccPhase.FINISHED,
    SeccPhase.PAUSED,
    SeccPhase.UNAVAILABLE,
}
NO_VEHICLE = EvRequest(control_pilot=ControlPilot.A)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleLimits:
    """What the module group of one connector can do with all its modules present."""

    modules: Annotated[int, Range(1, 64)] = 4
    max_voltage_v: Annotated[float, Range(50.0, 1500.0, "V")] = 1000.0
    max_current_a: Annotated[float, Range(1.0, 2000.0, "A")] = 250.0
    max_power_w: Annotated[float, Range(1000.0, 1_000_000.0, "W")] = 120_000.0


class Outlet:
    """One connector. The wishes (`setpoint`, `told`, `is_coil_on`, `is_lock_wanted`) are set from outside; `step` lives on."""

    def __init__(self, limits: ModuleLimits, times: Handshake) -> None:
        self.setpoint = Setpoint()
        self.told = SeccOutput()
        self.is_coil_on = False
        self.is_lock_wanted = False
        self.is_mains_lost = False
        self.is_interlock_open = False  # emergency stop or door, in series with the coil
        self.is_welded = False
        self.is_stuck = False
        self.is_lock_jammed = False
        self.is_meter_frozen = False
        self.insulation_ohm = 1_000_000.0
        self.modules_present = limits.modules
        self.forced_temperature_c: float | None = None
        self.alarms: frozenset[str] = frozenset()
        self.register_wh = 0
        self.register_fraction = 0.0  # of a watt-hour
        self.current_a = 0.0
        self.lock_state = LockState.UNLOCKED
        self.limits = limits
        self._times = times
        self._dialogue: Dialogue | None = None
        self._drive_v = 0.0  # what the modules regulate to
        self._limit_a = 0.0
        self._heard = _orders(self.told)
        self._contactor_s = 0.0  # since the coil was switched
        self._is_pulled_in = False
        self._lock_s = 0.0

    # --- the cable ----------------------------------------------------------------------------------------------------------------

    @property
    def dialogue(self) -> Dialogue | None:
        """The vehicle that is plugged in."""
        return self._dialogue

    def plug_in(self, vehicle: Vehicle) -> None:
        """Hang a vehicle on the cable."""
        self._dialogue = Dialogue(vehicle, self._times)

    def plug_out(self) -> None:
        """Take the vehicle away, at any moment."""
        self._dialogue = None
        self._flow(0.0)

    def adopt(self, before: Outlet) -> None:
        """Take over the vehicle, the register and what was broken; contactor open, modules off."""
        self._dialogue, self.lock_state = before._dialogue, before.lock_state
        self.register_wh, self.register_fraction = before.register_wh, before.register_fraction
        self.is_welded, self.is_stuck, self.is_lock_jammed = before.is_welded, before.is_stuck, before.is_lock_jammed
        self.is_meter_frozen, self.insulation_ohm = before.is_meter_frozen, before.insulation_ohm
        self.modules_present, self.forced_temperature_c, self.alarms = before.modules_present, before.forced_temperature_c, before.alarms

    def request(self) -> EvRequest:
        """What the vehicle asks for; without one, the pilot says A."""
        return self._dialogue.request(self.told) if self._dialogue else NO_VEHICLE

    # --- what is measured -----------------------------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """The main contacts of the station's contactor."""
        return self.is_welded or self._is_pulled_in

    @property
    def module_voltage_v(self) -> float:
        """Voltage on the modules' side of the contactor."""
        if self._is_path_closed:
            return self._battery_v
        return self._drive_v

    @property
    def outlet_voltage_v(self) -> float:
        """Voltage on the cable's side of the contactor."""
        if self._dialogue is not None and self._dialogue.is_contactor_closed:
            return self._battery_v
        return self._drive_v if self.is_closed else 0.0

    @property
    def power_w(self) -> float:
        """Power at the output terminal, as the meter sees it."""
        return self.outlet_voltage_v * self.current_a

    def telemetry(self) -> ModuleTelemetry:
        """What the modules tell of themselves."""
        share = 0.0 if self.is_mains_lost else self.modules_present / self.limits.modules
        warm_c = _AMBIENT_C + _SELF_HEATING_K * self.current_a / self.limits.max_current_a
        return ModuleTelemetry(
            voltage_v=self.module_voltage_v,
            current_a=self.current_a,
            max_voltage_v=self.limits.max_voltage_v,
            max_current_a=self.limits.max_current_a * share,
            max_power_w=self.limits.max_power_w * share,
            modules_present=self.modules_present,
            temperature_c=warm_c if self.forced_temperature_c is None else self.forced_temperature_c,
            alarms=self.alarms | {"input-under-voltage"} if self.is_mains_lost else self.alarms,
        )

    # --- time -----------------------------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Nothing is plugged and nothing will change by itself."""
        return self._dialogue is None and not self.is_moving

    @property
    def is_moving(self) -> bool:
        """Something changes quickly: steps must be fine."""
        if self.is_switching or self._is_locking or self._is_voltage_moving:
            return True
        if self._dialogue is None:
            return False
        if self._heard != _orders(self.told) or self._dialogue.phase in _QUICK_PHASES or self._dialogue.settles_in_s() is not None:
            return True
        return self._dialogue.is_contactor_closed and abs(self._limit_a - self._target_a) > _SETTLED_A

    def advance(self, duration_s: float, speed: float) -> None:
        """Let simulated time pass; `speed` tells how much of it fits into a real second."""
        left_s = duration_s
        while left_s > 1e-9 and not self.is_idle:
            step_s = min(left_s, self._longest_step_s())
            self._step(step_s, step_s / speed)
            left_s -= step_s

    def _longest_step_s(self) -> float:
        if self.is_switching:
            return max(0.001, _CONTACTOR_S - self._contactor_s)
        return _FINE_STEP_S if self.is_moving else _COARSE_STEP_S

    def _step(self, duration_s: float, real_s: float) -> None:
        self._switch(duration_s)
        self._lock(duration_s)
        if self._dialogue is not None:
            self._heard = _orders(self.told)
            self._dialogue.step(self.told, self.current_a, duration_s, real_s)
        self._regulate(duration_s)
        self._flow(duration_s)

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

    @property
    def _is_locking(self) -> bool:
        wanted = LockState.LOCKED if self.is_lock_wanted else LockState.UNLOCKED
        return self.lock_state is not wanted and not (self.is_lock_jammed and self.lock_state is LockState.FAILED)

    def _lock(self, duration_s: float) -> None:
        if not self._is_locking:
            self._lock_s = 0.0
            return
        self._lock_s += duration_s
        if self._lock_s >= _LOCK_S:
            moved = LockState.LOCKED if self.is_lock_wanted else LockState.UNLOCKED
            self.lock_state = LockState.FAILED if self.is_lock_jammed else moved
            self._lock_s = 0.0

    # --- modules ----------------------------------------------------------------------------------------------------------------------

    @property
    def _is_running(self) -> bool:
        return self.setpoint.is_on and not self.is_mains_lost and self.modules_present > 0

    @property
    def _target_v(self) -> float:
        return min(self.setpoint.voltage_v, self.limits.max_voltage_v) if self._is_running else 0.0

    @property
    def _target_a(self) -> float:
        if not self._is_running:
            return 0.0
        telemetry_a = self.limits.max_current_a * self.modules_present / self.limits.modules
        return max(0.0, min(self.setpoint.current_a, telemetry_a))

    @property
    def _is_voltage_moving(self) -> bool:
        return abs(max(self._target_v, self._holding_v) - self._drive_v) > _SETTLED_V

    @property
    def _holding_v(self) -> float:
        """Voltage that a connected battery gives to the output: the modules' diodes let it, and nobody pulls it down."""
        if self._dialogue is None or not self._is_path_closed:
            return 0.0
        return self._dialogue.battery.open_circuit_voltage_v

    def _regulate(self, duration_s: float) -> None:
        target_v = max(self._target_v, self._holding_v)
        if target_v >= self._drive_v:
            self._drive_v = min(target_v, max(self._holding_v, self._drive_v + _VOLTAGE_RAMP_V_PER_S * duration_s))
        else:
            self._drive_v = target_v + (self._drive_v - target_v) * math.exp(-duration_s / _BLEEDER_TAU_S)
        if abs(self._drive_v - target_v) < _SETTLED_V:
            self._drive_v = target_v
        if self._target_a >= self._limit_a:
            self._limit_a = min(self._target_a, self._limit_a + _CURRENT_RAMP_A_PER_S * duration_s)
        else:
            self._limit_a = self._target_a

    # --- energy -----------------------------------------------------------------------------------------------------------------------

    @property
    def _is_path_closed(self) -> bool:
        return self.is_closed and self._dialogue is not None and self._dialogue.is_contactor_closed

    @property
    def _battery_v(self) -> float:
        if self._dialogue is None:
            return 0.0
        battery = self._dialogue.battery
        return battery.open_circuit_voltage_v + self.current_a * battery.resistance_ohm

    def _flow(self, duration_s: float) -> None:
        dialogue = self._dialogue
        if dialogue is None or not self._is_path_closed:
            self.current_a = 0.0
            return
        battery = dialogue.battery
        open_v = battery.open_circuit_voltage_v
        power_w = self.limits.max_power_w * self.modules_present / self.limits.modules
        by_voltage_a = (self._drive_v - open_v) / battery.resistance_ohm
        self.current_a = max(0.0, min(self._limit_a, by_voltage_a, power_w / open_v))
        energy_wh = self.power_w * duration_s / 3600.0
        battery.take(self.current_a, duration_s)
        if not self.is_meter_frozen:
            whole_wh, self.register_fraction = divmod(self.register_fraction + energy_wh, 1.0)
            self.register_wh += int(whole_wh)


def _orders(told: SeccOutput) -> tuple[object, ...]:
    """The part of what the station tells that makes the vehicle act at once."""
    return told.is_enabled, told.authorization, told.wants_stop, told.isolation
