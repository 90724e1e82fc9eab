"""The power path of one DC connector: modules, contactor, cable, vehicle, meter register, as one model.

Order of one step: contactor, lock, vehicle, modules, flow of energy. The path has three places with a voltage of their own: the modules'
output, the cable, and the battery behind the vehicle's own contactor; a contactor that closes makes one of two. Current flows only from the
modules through both contactors into the battery, and back where the modules' diodes have failed. What passes the meter, between the
station's contactor and the cable, is afterwards in the battery or in the cable, as energy or as heat.
"""

from __future__ import annotations

from dataclasses import replace

from hal.mock.battery import Vehicle
from hal.mock.cable import Cable, transferred_wh
from hal.mock.dc_flaws import DcFlaws
from hal.mock.dialogue import Dialogue, Handshake
from hal.mock.outlet import AMBIENT_C, Outlet, Wear
from hal.mock.regulator import CAPACITANCE_F, Aim, ModuleLimits, Regulator, decayed
from hal.types import ControlPilot, EvRequest, MeterReading, ModuleAlarm, ModuleTelemetry, SeccOutput, SeccPhase, Setpoint

_LEAST_A = 1.0
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


class DcOutlet(Outlet):
    """One DC connector; `setpoint` is a wish from outside too."""

    kind = "dc"

    def __init__(self, limits: ModuleLimits | None = None, times: Handshake | None = None) -> None:
        super().__init__()
        self.limits = limits or ModuleLimits()
        self.setpoint = Setpoint()
        self.is_enabled = True  # the modules, by a line of their own where there is one
        self.ambient_c = AMBIENT_C
        self.flaws = DcFlaws(self.limits.modules)
        self.inlet_wear = Wear()  # of the contactor of the vehicle that is plugged in
        self.cable = Cable(self.limits.max_current_a)
        self._times = times or Handshake()
        self._dialogue: Dialogue | None = None
        self._regulator = Regulator(self.limits)
        self._was_inlet_closed = False
        self._heard = _orders(self.told)

    # --- the cable ----------------------------------------------------------------------------------------------------------------

    @property
    def car(self) -> Dialogue | None:
        """The vehicle that is plugged in, with its SECC."""
        return self._dialogue

    def plug_in(self, vehicle: Vehicle) -> None:
        """Hang a vehicle on the cable."""
        self._dialogue = Dialogue(vehicle, self._times)
        self.inlet_wear = Wear()

    def plug_out(self) -> None:
        """Take the vehicle away, at any moment."""
        self._dialogue, self.flaws.is_inlet_closed, self._was_inlet_closed = None, None, False
        self._flow(0.0)

    def adopt(self, before: Outlet) -> None:
        """Take over the vehicle too, and the modules; they are off."""
        super().adopt(before)
        if isinstance(before, DcOutlet):
            self._dialogue, self._was_inlet_closed = before._dialogue, before._was_inlet_closed
            self.cable, self.inlet_wear = before.cable, before.inlet_wear
            self.flaws, self.ambient_c = before.flaws, before.ambient_c
            if self.flaws.has_no_bleeder:
                self._regulator.voltage_v = before._regulator.voltage_v

    def request(self) -> EvRequest:
        """What the vehicle asks for; without one, the pilot says A."""
        request = self._dialogue.request(self.told) if self._dialogue else NO_VEHICLE
        if self.flaws.target_voltage_v is not None and request.phase is SeccPhase.CURRENT_DEMAND:
            request = replace(request, target_voltage_v=self.flaws.target_voltage_v)
        pilot = self.flaws.pilot or request.control_pilot
        return replace(request, control_pilot=pilot, connector_temperature_c=self.connector_temperature_c)

    # --- what is measured -----------------------------------------------------------------------------------------------------------

    @property
    def module_voltage_v(self) -> float:
        """Voltage on the modules' side of the contactor."""
        return self.cable.voltage_v if self._is_path_closed else self._regulator.voltage_v

    @property
    def outlet_voltage_v(self) -> float:
        """Voltage on the cable's side of the contactor."""
        return self.cable.voltage_v

    @property
    def power_w(self) -> float:
        """Power at the output terminal, as the meter sees it."""
        return self.outlet_voltage_v * self.current_a

    @property
    def connector_temperature_c(self) -> float:
        """Of the contacts in the plug."""
        forced_c = self.flaws.connector_temperature_c
        return self.ambient_c + self.cable.rise_k if forced_c is None else forced_c

    @property
    def insulation_ohm(self) -> float:
        """What a monitor of the output finds."""
        return self.flaws.insulation.resistance_ohm

    def reading(self) -> MeterReading:
        """What a meter at the output terminal measures."""
        return MeterReading(
            self.register_wh,
            self.power_w,
            self.outlet_voltage_v,
            self.current_a,
            export_wh=int(self.exported_wh),
            temperature_c=self.ambient_c,
        )

    def telemetry(self) -> ModuleTelemetry:
        """What the modules tell of themselves."""
        flaws, share = self.flaws, 0.0 if self.is_mains_lost else self._able / self.limits.modules
        conditions = {
            ModuleAlarm.MODULE_FAULT: flaws.modules_failed > 0,
            ModuleAlarm.MODULE_MISSING: flaws.modules_present < self.limits.modules,
            ModuleAlarm.INPUT_UNDER_VOLTAGE: self.is_mains_lost,
        }
        warm_c = self.ambient_c + _SELF_HEATING_K * abs(self.current_a) / self.limits.max_current_a
        return ModuleTelemetry(
            voltage_v=self.module_voltage_v,
            current_a=self.current_a,
            max_voltage_v=self.limits.max_voltage_v,
            max_current_a=self.limits.max_current_a * share,
            max_power_w=self.limits.max_power_w * share,
            modules_present=flaws.modules_present,
            temperature_c=warm_c if flaws.module_temperature_c is None else flaws.module_temperature_c,
            alarms=flaws.alarms | {alarm for alarm, is_up in conditions.items() if is_up},
        )

    # --- time -----------------------------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """See `Outlet`; a voltage that still falls, however slowly, is followed."""
        return super().is_idle and not self._is_falling(self._aim)

    def _is_falling(self, aim: Aim) -> bool:
        is_cable_alone = not self.is_closed and not self._is_inlet_closed
        return (is_cable_alone and self.cable.voltage_v > 0.0) or self._regulator.is_falling(aim)

    @property
    def _is_flow_moving(self) -> bool:
        aim = self._aim
        if self._regulator.is_rising(aim) or (self._is_falling(aim) and not self.flaws.has_no_bleeder):
            return True
        if self._dialogue is None:
            return False
        if self._heard != _orders(self.told) or self._dialogue.phase in _QUICK_PHASES or self._dialogue.settles_in_s() is not None:
            return True
        return self._is_inlet_closed and self._regulator.is_current_moving(aim)

    def _live(self, duration_s: float, real_s: float) -> None:
        if self._dialogue is not None:
            self._heard = _orders(self.told)
            self._dialogue.step(self.told, self.current_a, duration_s, real_s)
            self._note_inlet(self._dialogue)
        self._regulator.step(self._aim, duration_s, has_no_bleeder=self.flaws.has_no_bleeder)
        self._flow(duration_s)

    def _rest(self, duration_s: float) -> None:
        self.cable.carry(0.0, duration_s)

    # --- modules ----------------------------------------------------------------------------------------------------------------------

    @property
    def _able(self) -> int:
        """Modules that can deliver, with mains."""
        return max(self.flaws.modules_present - self.flaws.modules_failed, 0)

    @property
    def _order(self) -> Setpoint:
        """What the modules obey; a voltage that they give by themselves comes with a small current at least."""
        told, forced_v, forced_a = self.setpoint, self.flaws.voltage_v, self.flaws.current_a
        if forced_v is not None:
            told = Setpoint(forced_v, max(told.current_a, _LEAST_A))
        return told if forced_a is None else Setpoint(told.voltage_v, forced_a)

    @property
    def _aim(self) -> Aim:
        order = self._order
        if not (order.is_on and self.is_enabled) or self.is_mains_lost or self._able == 0:
            return Aim(0.0, 0.0, is_running=False, floor_v=self._floor_v)
        able_a = self.limits.max_current_a * self._able / self.limits.modules
        voltage_v = min(order.voltage_v, self.limits.max_voltage_v)
        return Aim(voltage_v, max(0.0, min(order.current_a, able_a)), is_running=True, floor_v=self._floor_v)

    @property
    def _floor_v(self) -> float:
        """Voltage that a connected battery gives to the output: sound diodes let it, and nobody pulls it down."""
        if self._dialogue is None or not self._is_path_closed or self.flaws.reverse_current_a > 0.0:
            return 0.0
        return self._dialogue.battery.open_circuit_voltage_v

    # --- contactors -------------------------------------------------------------------------------------------------------------------

    @property
    def _is_inlet_closed(self) -> bool:
        """The vehicle's own contactor."""
        if self._dialogue is None:
            return False
        return self._dialogue.is_contactor_closed if self.flaws.is_inlet_closed is None else self.flaws.is_inlet_closed

    @property
    def _is_path_closed(self) -> bool:
        return self.is_closed and self._is_inlet_closed

    def _meet(self) -> float:
        gap_v = self._regulator.voltage_v - self.cable.voltage_v
        if self._dialogue is not None and self._was_inlet_closed:
            self._charge_output(self._dialogue)
        else:
            self._follow_modules()
        return gap_v

    def _note_inlet(self, dialogue: Dialogue) -> None:
        is_closed = self._is_inlet_closed
        if is_closed is self._was_inlet_closed:
            return
        self._was_inlet_closed = is_closed
        if not is_closed:
            self.inlet_wear.opened(self.current_a)
            return
        battery = dialogue.battery
        self.inlet_wear.closed(battery.open_circuit_voltage_v - self.cable.voltage_v)
        battery.store(-self.cable.join(battery.open_circuit_voltage_v))
        if self.is_closed:
            self._charge_output(dialogue)

    def _charge_output(self, dialogue: Dialogue) -> None:
        """The modules' output comes onto the battery: the inrush passes the meter."""
        battery = dialogue.battery
        given_wh = transferred_wh(CAPACITANCE_F, self._regulator.voltage_v, battery.open_circuit_voltage_v)
        battery.store(-given_wh)
        self.count(-given_wh)

    # --- energy -----------------------------------------------------------------------------------------------------------------------

    def _flow(self, duration_s: float) -> None:
        """Current and voltages of this moment, as if they had been so for a while."""
        dialogue = self._dialogue
        self.current_a = 0.0
        if dialogue is not None and self._is_path_closed:
            self._charge(dialogue, duration_s)
        elif dialogue is not None and self._is_inlet_closed:
            dialogue.battery.store(-self.cable.bring(dialogue.battery.open_circuit_voltage_v))
        elif self.is_closed:
            self._follow_modules()
        else:
            self.cable.drain(decayed(self.cable.voltage_v, 0.0, duration_s, has_no_bleeder=self.flaws.has_no_bleeder))
        self.cable.carry(self.current_a, duration_s)

    def _charge(self, dialogue: Dialogue, duration_s: float) -> None:
        battery = dialogue.battery
        open_v, resistance_ohm = battery.open_circuit_voltage_v, battery.resistance_ohm + self.cable.resistance_ohm
        power_w = self.limits.max_power_w * self._able / self.limits.modules
        by_voltage_a = (self._regulator.voltage_v - open_v) / resistance_ohm
        self.current_a = max(0.0 - self.flaws.reverse_current_a, min(self._regulator.limit_a, by_voltage_a, power_w / open_v))
        battery.take(self.current_a, duration_s)
        battery.store(-self.cable.bring(open_v + self.current_a * resistance_ohm))
        self.count(self.power_w * duration_s / 3600.0)

    def _follow_modules(self) -> None:
        """The cable has the modules' voltage: what it takes up passes the meter, what it gives away becomes heat."""
        if self._regulator.voltage_v >= self.cable.voltage_v:
            self.count(self.cable.bring(self._regulator.voltage_v))
        else:
            self.cable.drain(self._regulator.voltage_v)


def _orders(told: SeccOutput) -> tuple[object, ...]:
    """The part of what the station tells that makes the vehicle act at once."""
    return told.is_enabled, told.authorization, told.wants_stop, told.is_waking, told.isolation
