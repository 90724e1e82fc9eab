"""The vehicle's side of a CCS session, with its SECC: what it asks for, step by step (DIN 70121, ISO 15118-2).

Theory of operation. The vehicle goes through the phases of `SeccPhase` in order. A phase lasts at least its duration in `Handshake`
(simulated seconds, so a faster plant has a faster vehicle), and then until the station has done its part. How long the vehicle waits
for the station is counted in real seconds: the station does not run faster. Whatever goes wrong ends in STOPPING and FINISHED with
the vehicle still plugged, and one that has waited too long for an authorization sleeps (PAUSED); the station can wake both over the pilot
for a full new start, where the vehicle lets itself be woken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from hal.mock.battery import Battery, Vehicle
from hal.types import ControlPilot, EvRequest, Isolation, Range, SeccOutput, SeccPhase

_Duration = Range(0.0, 600.0, "s")

_LIVE = frozenset({SeccPhase.CABLE_CHECK, SeccPhase.PRECHARGE, SeccPhase.READY, SeccPhase.CURRENT_DEMAND})
_STOPPABLE = _LIVE | {SeccPhase.HANDSHAKE, SeccPhase.AUTHORIZATION, SeccPhase.PARAMETERS}
_ENDED = frozenset({SeccPhase.PAUSED, SeccPhase.FINISHED})
_PILOT_C = _LIVE | {SeccPhase.STOPPING}
_LIMITS_KNOWN = _LIVE | {SeccPhase.PARAMETERS, SeccPhase.STOPPING, SeccPhase.WELDING_DETECTION}
_TEST_VOLTAGE_SHARE = 0.9  # the insulation test counts from here on
_PRECHARGE_WINDOW_V = 20.0
_SMALL_CURRENT_A = 2.0  # in cable check and precharge
_LOW_VOLTAGE_V = 60.0
_OPEN_BELOW_A = 1.0
_NOTHING_A = 1.0  # allowed less than this, it is given nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """How long each step of the vehicle takes, and how long it waits for the station (`..._patience_s`, real seconds)."""

    plug_s: Annotated[float, _Duration] = 0.2
    handshake_s: Annotated[float, _Duration] = 2.0
    authorization_s: Annotated[float, _Duration] = 0.5
    parameters_s: Annotated[float, _Duration] = 1.0
    cable_check_s: Annotated[float, _Duration] = 1.0
    precharge_s: Annotated[float, _Duration] = 0.3
    ready_s: Annotated[float, _Duration] = 0.5
    stopping_s: Annotated[float, _Duration] = 0.3
    welding_detection_s: Annotated[float, _Duration] = 1.0
    wake_s: Annotated[float, _Duration] = 1.0
    authorization_patience_s: Annotated[float, Range(1.0, 3600.0, "s")] = 60.0
    cable_check_patience_s: Annotated[float, Range(1.0, 3600.0, "s")] = 40.0
    precharge_patience_s: Annotated[float, Range(1.0, 3600.0, "s")] = 7.0
    stopping_patience_s: Annotated[float, Range(1.0, 3600.0, "s")] = 5.0
    cable_check_voltage_v: Annotated[float, Range(100.0, 1500.0, "V")] = 500.0


class Dialogue:
    """One plugged-in vehicle. `told` is what the station tells it; `request()` is what it asks for."""

    def __init__(self, vehicle: Vehicle, times: Handshake) -> None:
        self.battery = Battery(vehicle)
        self.phase = SeccPhase.IDLE
        self.is_contactor_closed = False  # the vehicle's own, behind its inlet
        self.is_paused = False  # asks for 0 A in the loop
        self.stays_in: SeccPhase | None = None  # a phase that it does not leave by itself
        self._vehicle = vehicle
        self._times = times
        self._in_phase_s = 0.0  # simulated
        self._waiting_s = 0.0  # real
        self._starved_s = 0.0  # real, in the loop and allowed nothing
        self._wants_stop = False
        self._is_emergency = False
        self._is_test_done = False
        self._is_waking = False

    # --- time ---------------------------------------------------------------------------------------------------------------------

    def step(self, told: SeccOutput, current_a: float, duration_s: float, real_s: float) -> None:
        """Live on for a while. `current_a` is what flows into the vehicle."""
        self._in_phase_s += duration_s
        self._waiting_s += real_s
        self._end_early(told)
        if self.phase is self.stays_in:
            return
        if self.phase in _ENDED:
            self._wait_for_wake(told)
        elif self.phase in (SeccPhase.IDLE, SeccPhase.HANDSHAKE, SeccPhase.AUTHORIZATION, SeccPhase.PARAMETERS):
            self._talk(told)
        elif self.phase in (SeccPhase.CABLE_CHECK, SeccPhase.PRECHARGE, SeccPhase.READY):
            self._prepare_output(told)
        elif self.phase is SeccPhase.CURRENT_DEMAND:
            self._charge(told, real_s)
        elif self.phase in (SeccPhase.STOPPING, SeccPhase.WELDING_DETECTION):
            self._end(current_a)

    def settles_in_s(self) -> float | None:
        """Simulated seconds until the present step may end by itself; None while only the station can move it on."""
        duration_s = {
            SeccPhase.IDLE: self._times.plug_s,
            SeccPhase.HANDSHAKE: self._times.handshake_s,
            SeccPhase.AUTHORIZATION: self._times.authorization_s,
            SeccPhase.PARAMETERS: self._times.parameters_s,
            SeccPhase.CABLE_CHECK: self._times.cable_check_s,
            SeccPhase.PRECHARGE: self._times.precharge_s,
            SeccPhase.READY: self._times.ready_s,
            SeccPhase.CURRENT_DEMAND: self._vehicle.draw_delay_s,
            SeccPhase.STOPPING: self._times.stopping_s,
            SeccPhase.WELDING_DETECTION: self._times.welding_detection_s,
        }.get(self.phase, self._times.wake_s if self._is_waking else 0.0)
        left_s = duration_s - self._in_phase_s
        return left_s if left_s > 0.0 else None

    # --- what it asks for -----------------------------------------------------------------------------------------------------------

    def request(self, told: SeccOutput) -> EvRequest:
        """What the vehicle asks for now."""
        voltage_v, current_a = self._target(told)
        is_known = self.phase in _LIMITS_KNOWN or self.phase in _ENDED
        return EvRequest(
            control_pilot=ControlPilot.C if self.phase in _PILOT_C else ControlPilot.B,
            phase=self.phase,
            target_voltage_v=voltage_v,
            target_current_a=current_a,
            is_contactor_wanted=self.phase in _PILOT_C and not self._is_emergency,
            max_voltage_v=self.battery.max_voltage_v if is_known else None,
            max_current_a=self._vehicle.max_current_a if is_known else None,
            max_power_w=self._vehicle.max_power_w if is_known else None,
            soc_percent=self.battery.soc_percent if is_known else None,
            target_soc_percent=self._vehicle.target_soc_percent if is_known else None,
            capacity_wh=self.battery.capacity_wh if is_known else None,
            wants_stop=self._wants_stop,
            is_emergency=self._is_emergency and self.phase not in _ENDED,
            protocol="ISO 15118-2" if self.phase not in (SeccPhase.IDLE, SeccPhase.HANDSHAKE) else None,
            evccid="0242AC110001",
        )

    def _target(self, told: SeccOutput) -> tuple[float, float]:
        match self.phase:
            case SeccPhase.CABLE_CHECK:
                return (0.0, 0.0) if self._is_test_done else (self._test_voltage_v, _SMALL_CURRENT_A)
            case SeccPhase.PRECHARGE:
                return self.battery.open_circuit_voltage_v, _SMALL_CURRENT_A
            case SeccPhase.CURRENT_DEMAND:
                return self.battery.max_voltage_v, self._wanted_current_a(told)
            case _:  # in READY too: the battery holds the output up already
                return 0.0, 0.0

    @property
    def _test_voltage_v(self) -> float:
        """The station's test voltage, never above what the vehicle bears."""
        return min(self._times.cable_check_voltage_v, self.battery.max_voltage_v)

    def _wanted_current_a(self, told: SeccOutput) -> float:
        if self.is_paused or self._in_phase_s < self._vehicle.draw_delay_s:
            return 0.0
        return min(self.battery.wanted_current_a(), self._allowed_a(told))

    def _allowed_a(self, told: SeccOutput) -> float:
        """What the station lets it take."""
        by_power_a = told.max_power_w / self.battery.open_circuit_voltage_v
        return max(0.0, min(told.max_current_a, by_power_a))

    # --- steps ------------------------------------------------------------------------------------------------------------------------

    def _enter(self, phase: SeccPhase) -> None:
        self.phase = phase
        self._in_phase_s = 0.0
        self._waiting_s = 0.0
        self._is_waking = False

    def _is_over(self, duration_s: float) -> bool:
        return self._in_phase_s >= duration_s - 1e-9

    def _end_early(self, told: SeccOutput) -> None:
        if self.phase in _LIVE and not told.is_enabled:
            self.shut_down()
        elif self.phase in _STOPPABLE and told.wants_stop:
            self._stop(by_vehicle=False)

    def shut_down(self) -> None:
        """The vehicle wants everything off at once, where anything is on."""
        if self.phase in _LIVE:
            self._is_emergency = True
            self.is_contactor_closed = False
            self._enter(SeccPhase.STOPPING)

    def _stop(self, by_vehicle: bool) -> None:
        self._wants_stop = by_vehicle
        self._enter(SeccPhase.STOPPING if self.phase in _LIVE else SeccPhase.FINISHED)

    def _talk(self, told: SeccOutput) -> None:
        if self.phase is SeccPhase.IDLE:
            if self._is_over(self._times.plug_s):
                self._enter(SeccPhase.HANDSHAKE)
        elif self.phase is SeccPhase.HANDSHAKE:
            # The SECC waits for the station's enable before it goes on (Advantics: System_Enable after New_Charge_Session).
            if told.is_enabled and self._is_over(self._times.handshake_s):
                self._enter(SeccPhase.AUTHORIZATION)
            elif self._waiting_s >= self._times.handshake_s + self._times.authorization_patience_s:
                self._enter(SeccPhase.PAUSED)
        elif self.phase is SeccPhase.AUTHORIZATION:
            if told.authorization is False:
                self._stop(by_vehicle=False)
            elif told.authorization and self._is_over(self._times.authorization_s):
                self._enter(SeccPhase.PARAMETERS)
            elif self._waiting_s >= self._times.authorization_patience_s:
                self._enter(SeccPhase.PAUSED)
        elif told.is_enabled and self._is_over(self._times.parameters_s):
            self._is_test_done = False
            self._enter(SeccPhase.CABLE_CHECK)

    def _prepare_output(self, told: SeccOutput) -> None:
        if self.phase is SeccPhase.CABLE_CHECK:
            self._check_cable(told)
        elif self.phase is SeccPhase.PRECHARGE:
            gap_v = abs(told.present_voltage_v - self.battery.open_circuit_voltage_v)
            if gap_v <= _PRECHARGE_WINDOW_V and self._is_over(self._times.precharge_s):
                self.is_contactor_closed = True
                self._enter(SeccPhase.READY)
            elif self._waiting_s >= self._times.precharge_patience_s:
                self._stop(by_vehicle=True)
        elif self._is_over(self._times.ready_s):
            self._enter(SeccPhase.CURRENT_DEMAND)

    def _check_cable(self, told: SeccOutput) -> None:
        if told.isolation is Isolation.FAULT or self._waiting_s >= self._times.cable_check_patience_s:
            self._stop(by_vehicle=True)
        elif self._is_test_done:
            if told.present_voltage_v < _LOW_VOLTAGE_V:
                self._enter(SeccPhase.PRECHARGE)
        elif told.present_voltage_v < _TEST_VOLTAGE_SHARE * self._test_voltage_v:
            self._in_phase_s = 0.0
        elif told.isolation in (Isolation.SAFE, Isolation.WARNING) and self._is_over(self._times.cable_check_s):
            self._is_test_done = True

    def _charge(self, told: SeccOutput, real_s: float) -> None:
        """End the loop when full, or when allowed nothing for longer than it bears: DIN 70121 knows no pause of the station."""
        self._starved_s = self._starved_s + real_s if self._allowed_a(told) < _NOTHING_A else 0.0
        if self.battery.is_full or self._starved_s > self._vehicle.zero_current_s:
            self._stop(by_vehicle=True)

    def _end(self, current_a: float) -> None:
        if self.phase is SeccPhase.STOPPING:
            is_low = current_a < _OPEN_BELOW_A and self._is_over(self._times.stopping_s)
            if self._is_emergency or is_low or self._waiting_s >= self._times.stopping_patience_s:
                self.is_contactor_closed = False
                self._enter(SeccPhase.WELDING_DETECTION)
        elif self._is_over(self._times.welding_detection_s):
            self._enter(SeccPhase.FINISHED)

    def _wait_for_wake(self, told: SeccOutput) -> None:
        if not (told.is_waking and self._vehicle.can_be_woken):
            self._is_waking = False
        elif not self._is_waking:
            self._is_waking = True
            self._in_phase_s = 0.0
        elif self._is_over(self._times.wake_s):
            self._wants_stop = self._is_emergency = False
            self._starved_s = 0.0
            self._enter(SeccPhase.HANDSHAKE)
