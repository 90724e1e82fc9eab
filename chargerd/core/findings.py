"""What is wrong at one connector, as its devices tell it: their news, held against what should be, become faults.

A fault that a device tells of lasts as long as it does so; what the phases and the gate find is raised by `connector.py` and `station.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chargerd.core import derating, module_faults
from chargerd.core.cable import Cable
from chargerd.core.events import Role
from chargerd.core.facts import Fact, Phase
from chargerd.core.fault_set import FaultSet
from chargerd.core.ids import ConnectorId
from chargerd.core.now import Now
from chargerd.core.overdraw import Overdraw, drawn_a
from chargerd.core.sensed import Sensed
from chargerd.core.session import path_of
from chargerd.core.settings import ConnectorSettings
from hal.types import ControlPilot, EvRequest, InsulationReading, MeterReading, ModuleAlarm, ModuleTelemetry


class Findings:
    """`faults`: all that are up here, by whomever. What becomes of them goes to `tell`. `sensed` has the news already."""

    def __init__(self, built: ConnectorSettings, sensed: Sensed, cable: Cable, tell: Callable[[Iterable[Fact]], None]) -> None:
        self.faults = FaultSet(ConnectorId(built.id))
        self.thermometer = derating.Thermometer(built.derating)
        self._built = built
        self._energised = path_of(built.kind).closed
        self._sensed = sensed
        self._cable = cable
        self._tell = tell
        self._by_secc: frozenset[str] = frozenset()
        self._module_alarms: tuple[ModuleAlarm, ...] = ()
        self._overdraw = Overdraw()

    def raise_(self, code: str, info: str = "", error_code: str | None = None) -> None:
        """Put a fault up, once."""
        self._tell(self.faults.raise_(code, info, error_code))

    def over(self, code: str) -> None:
        """The condition of a fault is gone."""
        self._tell(self.faults.condition_over(code))

    def lost(self, role: Role, detail: str) -> None:
        """A device answers no more; what modules alarmed of, nobody tells now."""
        if role is Role.POWER:
            self.modules(ModuleTelemetry())
        self.raise_(f"{role.value}-silent", detail)

    # --- the vehicle side -----------------------------------------------------------------------------------------------------------

    @property
    def asks_ventilation(self) -> bool:
        """State D (IEC 61851-1), and no station here has ventilation; on DC the vehicle says D as well as C."""
        return self._built.kind.is_ac and self._sensed.ev.control_pilot is ControlPilot.D

    def vehicle(self, request: EvRequest, phase: Phase, now: Now) -> None:
        """What the SECC tells of vehicle, cable and itself."""
        before, self._by_secc = self._by_secc, self._told_by_secc(now)
        for code in sorted(before - self._by_secc):
            self.over(code)
        for code in sorted(self._by_secc):
            self.raise_(code)
        self._temperature(request, now)
        if request.is_emergency:
            self.raise_("vehicle-emergency")
        if request.control_pilot is ControlPilot.A:
            self._tell(self.faults.unplugged())
        if request.control_pilot is not ControlPilot.UNKNOWN and phase in self._energised and self._sensed.asks_too_much():
            # More than anybody can bear is never given (`wanted.outputs`); that it was asked for is said.
            asked_v, most_v = request.target_voltage_v, self._sensed.max_voltage_v()
            self.raise_("voltage-request", f"The vehicle asks for {asked_v:.0f} V; at most {most_v:.0f} V is possible.")

    def _told_by_secc(self, now: Now) -> frozenset[str]:
        found = self._cable.faults(now)
        return found | {"ventilation-required"} if self.asks_ventilation else found

    def _temperature(self, request: EvRequest, now: Now) -> None:
        self.thermometer.take(request.connector_temperature_c, request.control_pilot.is_plugged, now.mono_s)
        info = "" if request.connector_temperature_c is None else f"{request.connector_temperature_c:.0f} degC"
        for code, is_up in ((derating.HOT, self.thermometer.is_hot), (derating.SENSOR, self.thermometer.is_broken)):
            self.raise_(code, info) if is_up else self.over(code)

    # --- the power side -------------------------------------------------------------------------------------------------------------

    def meter(self, reading: MeterReading, phase: Phase, offer_a: float, now: Now, *, is_counting: bool) -> None:
        """The register, and on AC whether the vehicle, which alone decides what flows, keeps to what its pilot says."""
        if reading.moved_wh and is_counting:
            self.raise_("meter-register", f"the register stepped by {reading.moved_wh} Wh without energy")
        if not self._built.kind.is_ac:
            return
        told_a = self._sensed.ev.pilot_offer_a
        allowed_a = offer_a if told_a is None else told_a
        current_a = drawn_a(reading, self._built.phases) if phase is Phase.DELIVERING and allowed_a > 0.0 else None
        if self._overdraw.lasts(current_a, allowed_a, now):
            self.raise_("vehicle-over-current", f"{current_a:.1f} A drawn, {allowed_a:.1f} A allowed")

    def insulation(self, reading: InsulationReading, phase: Phase) -> bool:
        """A verdict counts in the cable check once the test voltage stands, and from then on in every energised phase.

        Returns whether it lets the cable check go on.
        """
        is_measured = phase is Phase.CABLE_CHECK and self._sensed.is_test_voltage_reached()
        if not reading.is_safe and (is_measured or phase in self._energised - {Phase.CABLE_CHECK}):
            self.raise_("insulation-fault")
        return is_measured and reading.is_safe

    def modules(self, telemetry: ModuleTelemetry) -> None:
        """Each alarm is a fault as long as it is there; a stop only when no module is left that can deliver."""
        alarms = module_faults.known_alarms(telemetry)
        if alarms != self._module_alarms:
            for alarm in alarms:
                self.raise_(module_faults.code_of(alarm))
            for alarm in self._module_alarms:
                if alarm not in alarms:
                    self.over(module_faults.code_of(alarm))
            self._module_alarms = alarms
        failure = module_faults.failure_of(telemetry)
        for code in module_faults.FAILURES:
            if code != failure:
                self.over(code)
        if failure is not None and alarms:
            causes = ", ".join(alarms)
            self.raise_(failure, f"No module can deliver: {causes}.", module_faults.MEANINGS[alarms[0]].error_code)
