"""What the devices of one connector say, how old it is, and what follows from it without a decision."""

from __future__ import annotations

from chargerd.core.events import ContactorUpdated, DeviceEvent, EvUpdated, InsulationUpdated, LockUpdated, MeterUpdated, Role, SupplyUpdated
from chargerd.core.now import NEVER, Now
from chargerd.core.settings import ConnectorSettings, Timing
from hal.types import ControlPilot, EvRequest, Flow, InsulationReading, LockState, MeterReading, ModuleTelemetry, SeccPhase, Setpoint

RISE = 1.02
"""By so much the voltage of a battery may rise with its current before the modules are heard again."""
_SLEEPING = (SeccPhase.PAUSED, SeccPhase.FINISHED)
_SILENT = (SeccPhase.IDLE, SeccPhase.UNAVAILABLE)
_DIALOGUE_BEGINS_S = 10.0  # after the plug; later, none is a vehicle that has given up
_A_LITTLE_V = 20.0  # more than they need, many vehicles ask for


class Sensed:
    """The last word of each device. None: not heard yet. `watched`: the devices whose silence ends a session."""

    def __init__(self, built: ConnectorSettings, timing: Timing) -> None:
        self._built = built
        self._timing = timing
        self.watched = (Role.SECC, Role.METER) if built.kind.is_ac else (Role.SECC, Role.POWER, Role.METER)
        self.ev = EvRequest()
        self.supply: ModuleTelemetry | None = None
        self.meter: MeterReading | None = None
        self.insulation: InsulationReading | None = None
        self.lock = LockState.UNKNOWN
        self.phases_in_use: int | None = None  # AC: those in which the vehicle was seen to draw
        self.is_contactor_closed = False
        self.opened_at_s = -NEVER
        self.plugged_at_s = -NEVER
        self.watched_since_s = -NEVER  # the beginning of the session
        self.w_per_a = built.watts_per_ampere(0.0)  # what an ampere is worth as a limit; kept, as it is asked for at every turn
        self._heard_s: dict[Role, float] = {}

    def take(self, event: DeviceEvent, now: Now) -> Role:
        """Keep a device's news. Returns which device spoke."""
        role = Role.IO
        match event:
            case EvUpdated(request=request):
                if request.control_pilot.is_plugged and not self.ev.control_pilot.is_plugged:
                    self.plugged_at_s = now.mono_s
                if request.control_pilot is ControlPilot.A:
                    self.phases_in_use = None
                self.ev, role = request, Role.SECC
            case SupplyUpdated(telemetry=telemetry):
                self.supply, role = telemetry, Role.POWER
            case MeterUpdated(reading=reading):
                self.meter, role = reading, Role.METER
                self.phases_in_use = _carrying(reading) or self.phases_in_use
            case InsulationUpdated(reading=insulation):
                self.insulation, role = insulation, Role.INSULATION
            case LockUpdated(state=state):
                self.lock, role = state, Role.LOCK
            case ContactorUpdated(is_closed=is_closed):
                if self.is_contactor_closed and not is_closed:
                    self.opened_at_s = now.mono_s
                self.is_contactor_closed = is_closed
        self._heard_s[role] = now.mono_s
        if not self._built.kind.is_ac and (role is Role.SECC or role is Role.POWER):
            self.w_per_a = self._built.watts_per_ampere(self._limit_voltage_v())
        return role

    def forget(self, role: Role) -> None:
        """A device was lost: what it said last counts no more."""
        self._heard_s.pop(role, None)

    def stale_at_s(self, role: Role) -> float:
        """When a device counts as silent if it says nothing more."""
        return self._heard_s.get(role, -NEVER) + (self._timing.meter_stale_s if role is Role.METER else self._timing.stale_s)

    def silent_at_s(self, role: Role) -> float:
        """The same in a session, where silence counts from its beginning: at rest a device may be quiet for longer."""
        return self.stale_at_s(role) + max(0.0, self.watched_since_s - self._heard_s.get(role, NEVER))

    def is_stale(self, role: Role, now: Now) -> bool:
        """A device has said nothing for too long, or was lost."""
        return now.mono_s >= self.stale_at_s(role)

    def has_heard(self, role: Role, since_s: float) -> bool:
        """A device has spoken since this moment."""
        return self._heard_s.get(role, -NEVER) >= since_s

    def told_voltage_v(self) -> float | None:
        """The highest voltage at the output that a device which is there told last: at rest they speak on change. None: nobody can."""
        told = []
        if self.supply is not None and Role.POWER in self._heard_s:
            told.append(self.supply.voltage_v)
        if self.meter is not None and self.meter.voltage_v is not None and Role.METER in self._heard_s:
            told.append(self.meter.voltage_v)
        return max(told, default=None)

    def is_register_fresh(self) -> bool:
        """The register was read after the contactor opened."""
        return self._heard_s.get(Role.METER, -NEVER) >= self.opened_at_s

    def output_voltage_v(self, now: Now) -> float | None:
        """The highest voltage that anybody fresh sees at the output; None when nobody does."""
        seen = []
        if self.supply is not None and not self.is_stale(Role.POWER, now):
            seen.append(self.supply.voltage_v)
        if self.meter is not None and self.meter.voltage_v is not None and not self.is_stale(Role.METER, now):
            seen.append(self.meter.voltage_v)
        return max(seen, default=None)

    def is_current_low(self, now: Now) -> bool:
        """The contactor may open without load, as far as anybody can tell; on AC somebody has to tell."""
        if not self.is_contactor_closed:
            return True
        if self._built.kind.is_ac:
            flowing_a = self.meter.current_a if self.meter is not None and not self.is_stale(Role.METER, now) else None
            is_low = flowing_a is not None and flowing_a <= self._built.open_below_current_a
            return is_low or not self.ev.control_pilot.is_ready
        if self.supply is None or self.is_stale(Role.POWER, now):
            return True
        return self.supply.current_a <= self._built.open_below_current_a

    def flow(self, now: Now, setpoint: Setpoint) -> Flow:
        """What fresh devices tell of the output, beside the wanted level."""
        meter = None if self.meter is None or self.is_stale(Role.METER, now) else self.meter
        power_w = meter.power_w if meter is not None else None
        if self._built.kind.is_ac:
            return Flow(meter_power_w=power_w)
        is_told = self.supply is not None and not self.is_stale(Role.POWER, now)
        return Flow(
            voltage_v=self.output_voltage_v(now),
            current_a=self.supply.current_a if self.supply is not None and is_told else None,
            meter_power_w=power_w,
            max_voltage_v=self.max_voltage_v(),
            max_current_a=setpoint.current_a,
            has_output=setpoint.is_on,
        )

    def watts_per_ampere(self) -> float:
        """What one ampere is worth to this vehicle: on AC in the phases that it was seen to use, in all before it was seen."""
        is_known = self._built.kind.is_ac and self.phases_in_use
        return self.w_per_a * (self.phases_in_use or 0) / self._built.phases if is_known else self.w_per_a

    def flowing_a(self) -> float | None:
        """The highest current that anybody told last; 0 behind an open contactor, None where nobody measures it."""
        if not self.is_contactor_closed:
            return 0.0
        told = (self.supply.current_a if self.supply is not None else None, self.meter.current_a if self.meter is not None else None)
        return max((one for one in told if one is not None), default=None)

    def flowing_w(self) -> float:
        """The same as power: on AC as if it flowed in all phases, which is how their budget is divided."""
        flowing_a = self.flowing_a() or 0.0
        if self._built.kind.is_ac:
            return flowing_a * self.w_per_a
        return flowing_a * self.supply.voltage_v if self.supply is not None else 0.0

    def _limit_voltage_v(self) -> float:
        """The voltage at which powers become limits of current.

        In the charge loop the present one and a little more, never above what is to be given; before it the most there may be.
        """
        if self.ev.phase is not SeccPhase.CURRENT_DEMAND:
            return self.max_voltage_v()
        present_v = self.supply.voltage_v if self.supply is not None else 0.0
        return min(self.voltage_v(), present_v * RISE) if present_v >= self._built.min_voltage_v else self.voltage_v()

    def is_vehicle_asleep(self, now: Now) -> bool:
        """A vehicle is plugged in, and there is no dialogue with it: it has ended, is paused, or has not begun for too long."""
        has_given_up = self.ev.phase in _SILENT and now.mono_s >= self.plugged_at_s + _DIALOGUE_BEGINS_S
        return self.ev.control_pilot is not ControlPilot.A and (self.ev.phase in _SLEEPING or has_given_up)

    def is_output_low(self) -> bool:
        """The contactor may close: who measures the output sees no voltage on either side of it, as far as each can see."""
        voltage_v = self.told_voltage_v()
        return voltage_v is not None and voltage_v < self._built.safe_voltage_v

    def asks_too_much(self) -> bool:
        """The vehicle asks for more voltage than it bears itself, or than can be given here."""
        is_battery_asked = self.ev.phase in (SeccPhase.PRECHARGE, SeccPhase.CURRENT_DEMAND)
        return is_battery_asked and self.ev.target_voltage_v > self.max_voltage_v() + _A_LITTLE_V

    def max_voltage_v(self) -> float:
        """The lowest of what connector, vehicle and modules can bear or give."""
        known = [self._built.max_voltage_v]
        if self.ev.max_voltage_v is not None:
            known.append(self.ev.max_voltage_v)
        if self.supply is not None and self.supply.max_voltage_v > 0:
            known.append(self.supply.max_voltage_v)
        return min(known)

    def test_voltage_v(self) -> float:
        """The voltage of the cable check as the SECC asks for it; 0 before it asks and once its measurement is done."""
        return min(self.ev.target_voltage_v, self.max_voltage_v())

    def is_test_voltage_reached(self) -> bool:
        """The test voltage stands at the cable: only now does an insulation reading say something of it."""
        test_v = self.test_voltage_v()
        return test_v > 0 and self.is_contactor_closed and self.supply is not None and self.supply.voltage_v >= 0.9 * test_v

    def voltage_v(self) -> float:
        """The voltage to give in the charge loop, or the one that stands at the output before it; on AC the nominal one."""
        if self._built.kind.is_ac:
            return self._built.nominal_voltage_v
        if self.ev.phase is SeccPhase.CURRENT_DEMAND and self.ev.target_voltage_v > 0:
            return min(self.ev.target_voltage_v, self.max_voltage_v())
        return min(self.supply.voltage_v, self.max_voltage_v()) if self.supply is not None else 0.0


_CARRYING_A = 1.0  # a phase that is not used shows less, one that is at least nearly the 6 A of Mode 3


def _carrying(reading: MeterReading) -> int:
    """How many phases carry a current; 0: none, or the meter tells no phases."""
    return sum(current_a >= _CARRYING_A for current_a in reading.phase_currents_a or ())
