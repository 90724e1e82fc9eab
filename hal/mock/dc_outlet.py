"""The power path of one DC connector: modules, contactor, cable, vehicle, meter register, as one model.

Order of one step: contactor, lock, vehicle, modules, flow of energy. Current flows only from the modules through a closed contactor and a
closed vehicle contactor into the battery, and only there energy is counted: on the meter and in the battery alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from hal.mock.battery import Vehicle
from hal.mock.dialogue import Dialogue, Handshake
from hal.mock.outlet import AMBIENT_C, Outlet
from hal.types import ControlPilot, EvRequest, MeterReading, ModuleAlarm, ModuleTelemetry, Range, SeccOutput, SeccPhase, Setpoint

_VOLTAGE_RAMP_V_PER_S = 400.0
_CURRENT_RAMP_A_PER_S = 150.0
_SETTLED_V = 0.5
_SETTLED_A = 2.0
_BLEEDER_TAU_S = 0.4  # 500 V fall below 60 V in 0.85 s
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


class DcOutlet(Outlet):
    """One DC connector; `setpoint` is a wish from outside too."""

    kind = "dc"

    def __init__(self, limits: ModuleLimits | None = None, times: Handshake | None = None) -> None:
        super().__init__()
        self.limits = limits or ModuleLimits()
        self.setpoint = Setpoint()
        self.insulation_ohm = 1_000_000.0
        self.modules_present = self.limits.modules
        self.modules_failed = 0  # of those: they answer, and are off with a fault of their own
        self.forced_temperature_c: float | None = None
        self.alarms: frozenset[str] = frozenset()
        self.has_no_cut_off = False  # modules that go on without their controller
        self._times = times or Handshake()
        self._dialogue: Dialogue | None = None
        self._drive_v = 0.0  # what the modules regulate to
        self._limit_a = 0.0
        self._heard = _orders(self.told)

    # --- the cable ----------------------------------------------------------------------------------------------------------------

    @property
    def car(self) -> Dialogue | None:
        """The vehicle that is plugged in, with its SECC."""
        return self._dialogue

    def plug_in(self, vehicle: Vehicle) -> None:
        """Hang a vehicle on the cable."""
        self._dialogue = Dialogue(vehicle, self._times)

    def plug_out(self) -> None:
        """Take the vehicle away, at any moment."""
        self._dialogue = None
        self._flow(0.0)

    def adopt(self, before: Outlet) -> None:
        """Take over the vehicle too, and the modules; they are off."""
        super().adopt(before)
        if isinstance(before, DcOutlet):
            self._dialogue, self.insulation_ohm = before._dialogue, before.insulation_ohm
            self.modules_present, self.modules_failed = before.modules_present, before.modules_failed
            self.forced_temperature_c, self.alarms = before.forced_temperature_c, before.alarms
            self.has_no_cut_off = before.has_no_cut_off

    def request(self) -> EvRequest:
        """What the vehicle asks for; without one, the pilot says A."""
        return self._dialogue.request(self.told) if self._dialogue else NO_VEHICLE

    # --- what is measured -----------------------------------------------------------------------------------------------------------

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

    def reading(self) -> MeterReading:
        """What a meter at the output terminal measures."""
        return MeterReading(self.register_wh, self.power_w, self.outlet_voltage_v, self.current_a, export_wh=0, temperature_c=AMBIENT_C)

    def telemetry(self) -> ModuleTelemetry:
        """What the modules tell of themselves."""
        share = 0.0 if self.is_mains_lost else self._able / self.limits.modules
        conditions = {
            ModuleAlarm.MODULE_FAULT: self.modules_failed > 0,
            ModuleAlarm.MODULE_MISSING: self.modules_present < self.limits.modules,
            ModuleAlarm.INPUT_UNDER_VOLTAGE: self.is_mains_lost,
        }
        warm_c = AMBIENT_C + _SELF_HEATING_K * self.current_a / self.limits.max_current_a
        return ModuleTelemetry(
            voltage_v=self.module_voltage_v,
            current_a=self.current_a,
            max_voltage_v=self.limits.max_voltage_v,
            max_current_a=self.limits.max_current_a * share,
            max_power_w=self.limits.max_power_w * share,
            modules_present=self.modules_present,
            temperature_c=warm_c if self.forced_temperature_c is None else self.forced_temperature_c,
            alarms=self.alarms | {alarm for alarm, is_up in conditions.items() if is_up},
        )

    # --- time -----------------------------------------------------------------------------------------------------------------------

    @property
    def _is_flow_moving(self) -> bool:
        if self._is_voltage_moving:
            return True
        if self._dialogue is None:
            return False
        if self._heard != _orders(self.told) or self._dialogue.phase in _QUICK_PHASES or self._dialogue.settles_in_s() is not None:
            return True
        return self._dialogue.is_contactor_closed and abs(self._limit_a - self._target_a) > _SETTLED_A

    def _live(self, duration_s: float, real_s: float) -> None:
        if self._dialogue is not None:
            self._heard = _orders(self.told)
            self._dialogue.step(self.told, self.current_a, duration_s, real_s)
        self._regulate(duration_s)
        self._flow(duration_s)

    # --- modules ----------------------------------------------------------------------------------------------------------------------

    @property
    def _able(self) -> int:
        """Modules that can deliver, with mains."""
        return max(self.modules_present - self.modules_failed, 0)

    @property
    def _is_running(self) -> bool:
        return self.setpoint.is_on and not self.is_mains_lost and self._able > 0

    @property
    def _target_v(self) -> float:
        return min(self.setpoint.voltage_v, self.limits.max_voltage_v) if self._is_running else 0.0

    @property
    def _target_a(self) -> float:
        if not self._is_running:
            return 0.0
        telemetry_a = self.limits.max_current_a * self._able / self.limits.modules
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
        power_w = self.limits.max_power_w * self._able / self.limits.modules
        by_voltage_a = (self._drive_v - open_v) / battery.resistance_ohm
        self.current_a = max(0.0, min(self._limit_a, by_voltage_a, power_w / open_v))
        self.count(self.power_w * duration_s / 3600.0)
        battery.take(self.current_a, duration_s)


def _orders(told: SeccOutput) -> tuple[object, ...]:
    """The part of what the station tells that makes the vehicle act at once."""
    return told.is_enabled, told.authorization, told.wants_stop, told.isolation
