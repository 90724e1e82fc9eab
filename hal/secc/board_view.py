"""What a control pilot board says, as the request that it amounts to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hal.types import ControlPilot, EvRequest
from hal.wire.pilot_pwm import offered_a
from hal.wire.safety_board import Channel, ChargeState, ContactorState, Pilot, Proximity

_PILOTS: Final = {
    Pilot.UNKNOWN: ControlPilot.UNKNOWN,
    Pilot.A: ControlPilot.A,
    Pilot.B: ControlPilot.B,
    Pilot.C: ControlPilot.C,
    Pilot.D: ControlPilot.D,
    Pilot.E: ControlPilot.E,
    Pilot.F: ControlPilot.F,
    Pilot.INVALID: ControlPilot.UNKNOWN,
}
_CABLES_A: Final = {Proximity.A13: 13.0, Proximity.A20: 20.0, Proximity.A32: 32.0, Proximity.A63: 63.0}
_NO_CABLES: Final = (Proximity.TYPE1_CONNECTED, Proximity.TYPE1_PRESSED, Proximity.ERROR)  # in a socket of type 2


@dataclass(frozen=True, slots=True)
class Heard:
    """The last word of the board; `contactors`: those that are used, `is_socket`: what the proximity says counts."""

    state: ChargeState
    contactors: tuple[ContactorState, ...]
    channels: tuple[Channel, ...]
    is_socket: bool

    def request(self) -> EvRequest:
        """Pilot, proximity, the hottest contact, and what is wrong. Of a vehicle in Mode 3 nothing else is known."""
        proximity = self.state.proximity
        return EvRequest(
            control_pilot=_PILOTS[self.state.pilot],
            is_cable_present=proximity is not Proximity.NO_CABLE if self.is_socket else None,
            connector_temperature_c=max((one.temperature_c for one in self.channels if one.temperature_c is not None), default=None),
            cable_max_current_a=_CABLES_A.get(proximity) if self.is_socket else None,
            pilot_offer_a=offered_a(self.state.duty_permille) if self.state.is_pwm_on else 0.0,
            faults=frozenset(code for code, is_found in FAULTS.items() if is_found(self)),
        )


FAULTS: Final[Mapping[str, Callable[[Heard], bool]]] = {
    "pilot-short": lambda heard: heard.state.is_pilot_shorted or heard.state.pilot is Pilot.E,
    "pilot-diode": lambda heard: heard.state.has_diode_fault,
    "pilot-invalid": lambda heard: heard.state.pilot is Pilot.INVALID,
    "pilot-off": lambda heard: heard.state.pilot is Pilot.F,  # the station never asks for it
    "proximity-error": lambda heard: heard.is_socket and heard.state.proximity in _NO_CABLES,
    "contactor-error": lambda heard: any(one.has_error for one in heard.contactors),
    "contact-temperature": lambda heard: any(one.has_stopped_charging for one in heard.channels),
    "temperature-sensor": lambda heard: any(one.has_failed for one in heard.channels),
}
"""What can be wrong, by the codes of the core's faults. Whatever it is, the board shows pilot F as well until it is reset."""
