"""One AC connector: mains, contactor, a fixed cable or a socket, the vehicle and a meter before the contactor.

The control pilot is the station's only word to the vehicle: amperes, or none. Current flows only through a closed contactor into a vehicle
that shows state C, and there energy is counted: on the meter, and less the charger's losses in the battery.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal

from hal.mock.battery import Vehicle
from hal.mock.mode3_car import Mode3, Mode3Car, Offer
from hal.mock.outlet import AMBIENT_C, Outlet
from hal.types import ControlPilot, EvRequest, LockState, MeterReading, Range
from hal.wire import pilot_pwm

_HEATING_K = 30.0  # of the plug, at the current it is made for, in the end
_HEATING_TAU_S = 600.0
_PLUG_A = 32.0
_REACTIVE_SHARE = 0.05
TOO_HOT_C = 90.0
"""At the contacts; a board stops by it."""

CABLES_A = (13.0, 20.0, 32.0, 63.0)
"""What a cable of type 2 can be coded for."""


class Trouble(Enum):
    """What a board can find wrong, by the words of `sim.set`."""

    DIODE = "diode_fault"
    SHORT = "short_circuit"
    INVALID = "invalid_level"
    PROXIMITY = "proximity_error"
    CONTACTOR = "contactor_error"
    SENSOR = "sensor_failed"
    OFF = "board_off"


_CODES = {
    Trouble.DIODE: "pilot-diode",
    Trouble.SHORT: "pilot-short",
    Trouble.INVALID: "pilot-invalid",
    Trouble.PROXIMITY: "proximity-error",
    Trouble.CONTACTOR: "contactor-error",
    Trouble.SENSOR: "temperature-sensor",
    Trouble.OFF: "pilot-off",
}
_SHOWN = {Trouble.SHORT: ControlPilot.E, Trouble.INVALID: ControlPilot.UNKNOWN, Trouble.OFF: ControlPilot.F}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcSupply:
    """What an AC outlet hangs on and what it is. `is_socket`: the cable can be taken away; else it is fixed."""

    phases: Literal[1, 3] = 3
    voltage_v: Annotated[float, Range(100.0, 300.0, "V")] = 230.0
    is_socket: bool = False


class AcOutlet(Outlet):
    """See the module."""

    kind = "ac"

    def __init__(self, supply: AcSupply | None = None, times: Mode3 | None = None) -> None:
        super().__init__()
        self.supply = supply or AcSupply()
        self.forced_temperature_c: float | None = None
        self.cable_a: float | None = 32.0  # what a cable in the socket is coded for; None: its coding is not seen
        self.troubles: set[Trouble] = set()
        self._warmth_k = 0.0
        self._times = times or Mode3()
        self._car: Mode3Car | None = None
        self._has_cable = False  # a plug is in the socket

    # --- the cable ----------------------------------------------------------------------------------------------------------------

    @property
    def car(self) -> Mode3Car | None:
        """The vehicle that is plugged in."""
        return self._car

    @property
    def has_plug(self) -> bool:
        """A vehicle, or with a socket a cable that was left in it."""
        return self._car is not None or self._has_cable

    def plug_in(self, vehicle: Vehicle) -> None:
        """Hang a vehicle on the cable, which comes along where there is a socket."""
        self._car = Mode3Car(vehicle, self._times)
        self._has_cable = self.supply.is_socket

    def plug_out(self) -> None:
        """Take vehicle and cable away. What the lock holds stays: then the cable is pulled from the vehicle only.

        Raises ValueError when nothing but a locked plug is left.
        """
        is_held = self._has_cable and self.lock_state is LockState.LOCKED
        if is_held and self._car is None:
            raise ValueError("the vehicle is gone, and the lock holds the other end of the cable")
        self._car = None
        self._flow(0.0)
        if not is_held:
            self._has_cable = False
            self.is_half_plugged = False

    def adopt(self, before: Outlet) -> None:
        """Take over vehicle and cable too."""
        super().adopt(before)
        if isinstance(before, AcOutlet):
            self._car, self._has_cable, self.cable_a = before._car, before._has_cable, before.cable_a
            self.forced_temperature_c, self.troubles = before.forced_temperature_c, before.troubles
            self._warmth_k = before._warmth_k

    # --- what is measured -----------------------------------------------------------------------------------------------------------

    @property
    def offered_a(self) -> float:
        """What the pilot's duty says; 0: a steady level."""
        offer_a = 0.0 if self.is_mains_lost else self.told.offer_a
        return min(offer_a, pilot_pwm.MOST_A) if offer_a >= pilot_pwm.LEAST_A else 0.0

    @property
    def temperature_c(self) -> float:
        """Of the contacts in the plug."""
        if self.forced_temperature_c is not None:
            return self.forced_temperature_c
        return AMBIENT_C + self._warmth_k

    @property
    def pilot(self) -> ControlPilot:
        """What the vehicle shows, or that there is none."""
        return self._car.pilot if self._car is not None else ControlPilot.A

    @property
    def coding_a(self) -> float | None:
        """What proximity says of the plug in the socket; None: there is none to be seen."""
        return self.cable_a if self._has_cable else None

    def request(self) -> EvRequest:
        """Pilot and proximity as a board tells them; of a vehicle in Mode 3 nothing else is known."""
        faults = {_CODES[trouble] for trouble in self.troubles} | ({"contact-temperature"} if self.temperature_c >= TOO_HOT_C else set())
        return EvRequest(
            control_pilot=next((pilot for trouble, pilot in _SHOWN.items() if trouble in self.troubles), self.pilot),
            is_cable_present=self.coding_a is not None if self.supply.is_socket else None,
            connector_temperature_c=self.temperature_c,
            cable_max_current_a=self.coding_a,
            pilot_offer_a=self.offered_a,
            faults=frozenset(faults),
        )

    def reading(self) -> MeterReading:
        """What a meter between mains and contactor measures."""
        voltage_v = 0.0 if self.is_mains_lost else self.supply.voltage_v
        used = self._car.phases(self._offer()) if self._car is not None else 0
        first_a, second_a, third_a = (self.current_a if phase < used else 0.0 for phase in range(3))
        has_phases = self.supply.phases == 3
        return MeterReading(
            self.register_wh,
            power_w=self._power_w,
            voltage_v=voltage_v,
            current_a=self.current_a,
            phase_voltages_v=(voltage_v, voltage_v, voltage_v) if has_phases else None,
            phase_currents_a=(first_a, second_a, third_a) if has_phases else None,
            export_wh=0,
            reactive_import_varh=round(_REACTIVE_SHARE * self.register_wh),
            reactive_export_varh=0,
            current_export_a=0.0,
            temperature_c=AMBIENT_C,
        )

    # --- energy -----------------------------------------------------------------------------------------------------------------------

    def advance(self, duration_s: float, speed: float) -> None:
        """The contacts warm up and cool down slowly, at rest too."""
        super().advance(duration_s, speed)
        lasting_k = _HEATING_K * (self.current_a / _PLUG_A) ** 2
        self._warmth_k = lasting_k + (self._warmth_k - lasting_k) * math.exp(-duration_s / _HEATING_TAU_S)

    def _offer(self) -> Offer:
        is_live = self.is_closed and not self.is_mains_lost
        return Offer(self.offered_a, self.supply.voltage_v if is_live else 0.0, self.supply.phases)

    @property
    def _is_flow_moving(self) -> bool:
        return self._car is not None and self._car.is_changing(self._offer())

    def _live(self, duration_s: float, real_s: float) -> None:
        if self._car is not None:
            self._car.step(self._offer(), duration_s)
        self._flow(duration_s)

    @property
    def _power_w(self) -> float:
        return self.current_a * self.supply.voltage_v * self._car.phases(self._offer()) if self._car is not None else 0.0

    def _flow(self, duration_s: float) -> None:
        self.current_a = self._car.current_a if self._car is not None else 0.0
        self.count(self._power_w * duration_s / 3600.0)
