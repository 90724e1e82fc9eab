"""What the messages of an Advantics controller mean to the station: messages in, one `EvRequest` out. Pure: time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hal.types import ControlPilot, EvRequest, SeccPhase
from hal.wire import advantics_evse as wire
from hal.wire.advantics_evse import Pilot, PowerFunction, State, StopOrigin

_WISH_VALID_S: Final = 0.5  # DC_Power_Control and Emergency_Stop come every 100 ms: five missing end them
_PILOT_VALID_S: Final = 1.0
_TEMPERATURES_VALID_S: Final = 5.0  # they come once a second
_LOWEST_C: Final = -40  # is what a missing sensor gives
_HIGHEST_C: Final = 150
_FULL_PERCENT: Final = 100

_PHASES: Final = {
    State.INITIALISING: SeccPhase.UNAVAILABLE,
    State.WAITING_FOR_VEHICLE: SeccPhase.IDLE,
    State.NEGOTIATING: SeccPhase.HANDSHAKE,
    State.CONNECTED: SeccPhase.PARAMETERS,
    State.INSULATION_TEST: SeccPhase.CABLE_CHECK,
    State.PRECHARGE: SeccPhase.PRECHARGE,
    State.WAITING_FOR_CHARGE: SeccPhase.READY,
    State.CHARGING: SeccPhase.CURRENT_DEMAND,
    State.ENDING: SeccPhase.STOPPING,
    State.WELDING_DETECTION: SeccPhase.WELDING_DETECTION,
    State.CLOSING: SeccPhase.FINISHED,
    State.AUTHORISATION: SeccPhase.AUTHORIZATION,
    State.NOT_AVAILABLE: SeccPhase.UNAVAILABLE,
    State.PAUSE: SeccPhase.PAUSED,
}
_PILOTS: Final = {
    Pilot.A: ControlPilot.A,
    Pilot.B: ControlPilot.B,
    Pilot.C: ControlPilot.C,
    Pilot.D: ControlPilot.D,
    Pilot.E_OR_F: ControlPilot.E,
}
# Interfaces before 3.5 do not send the pilot: then the state stands for it.
_IMPLIED_PILOTS: Final = {
    State.WAITING_FOR_VEHICLE: ControlPilot.A,
    State.NEGOTIATING: ControlPilot.B,
    State.CONNECTED: ControlPilot.B,
    State.AUTHORISATION: ControlPilot.B,
    State.INSULATION_TEST: ControlPilot.C,
    State.PRECHARGE: ControlPilot.C,
    State.WAITING_FOR_CHARGE: ControlPilot.C,
    State.CHARGING: ControlPilot.C,
    State.ENDING: ControlPilot.C,
    State.WELDING_DETECTION: ControlPilot.B,
    State.CLOSING: ControlPilot.B,
    State.PAUSE: ControlPilot.B,
}
_PROTOCOLS: Final = {
    0: "DIN 70121",
    1: "ISO 15118-2",
    2: "ISO 15118-2",
    3: "CHAdeMO",
    4: "CHAdeMO",
    5: "CHAdeMO",
    6: "IEC 61851-1",
    7: "ISO 15118-20",
}
_ENDING: Final = (State.ENDING, State.WELDING_DETECTION, State.CLOSING)
_FUNCTIONS: Final = {
    State.INSULATION_TEST: PowerFunction.INSULATION_TEST,
    State.PRECHARGE: PowerFunction.PRECHARGE,
    State.CHARGING: PowerFunction.POWER,
}


@dataclass(slots=True)
class _Vehicle:
    """What is known of the vehicle of this session."""

    max_voltage_v: float | None = None
    max_current_a: float | None = None
    max_power_w: float | None = None
    soc_percent: float | None = None
    target_soc_percent: float | None = None
    capacity_wh: float | None = None
    protocol: str | None = None
    evccid: str | None = None
    has_ended: bool = False


class EvseView:
    """Remembers what was said since `reset` and gives the request it amounts to."""

    def __init__(self, test_current_a: float) -> None:
        self._test_current_a = test_current_a
        self.reset(0.0)

    def reset(self, now_s: float) -> None:
        """Forget everything."""
        self.state: State | None = None
        self.state_at_s = now_s
        self._state_since_s = now_s
        self._begun_s = now_s
        self._vehicle = _Vehicle()
        self._pilot: tuple[float, Pilot] | None = None
        self._temperatures: tuple[float, tuple[int, int]] | None = None
        self._wish: tuple[float, wire.DcPowerControl] | None = None
        self._emergency_at_s: float | None = None

    def take(self, message: wire.Message, now_s: float, is_stop_ours: bool) -> None:
        """Remember a message. `is_stop_ours`: the station asked for the end, so an end is not the vehicle's."""
        vehicle = self._vehicle
        match message:
            case wire.ControllerStatus(state):
                self._take_state(state, now_s, is_stop_ours)
            case wire.NewChargeSession(protocol):
                vehicle.has_ended, vehicle.protocol = False, _PROTOCOLS.get(protocol)
            case wire.ChargeStatusChange(is_started=False) | wire.ChargeSessionFinished():
                vehicle.has_ended |= not is_stop_ours
            case wire.DcPowerControl():
                self._wish = now_s, message
            case wire.EmergencyStop(origin):
                # our own "not enabled" comes back as a stop by the station
                self._emergency_at_s = now_s if origin is StopOrigin.VEHICLE or not is_stop_ours else self._emergency_at_s
            case wire.EvBattery(capacity_wh, soc_percent, _, target_soc_percent):
                vehicle.capacity_wh, vehicle.soc_percent = capacity_wh or None, float(soc_percent)
                vehicle.target_soc_percent = float(target_soc_percent) if 0 < target_soc_percent <= _FULL_PERCENT else None
            case wire.EvVoltages(_, max_voltage_v):
                vehicle.max_voltage_v = max_voltage_v or None
            case wire.EvChargeLimits(_, max_current_a, _, max_power_w):
                vehicle.max_current_a, vehicle.max_power_w = max_current_a or None, max_power_w or None
            case wire.EvccId(octets):
                vehicle.evccid = octets.hex().upper() if any(octets) else None
            case wire.SeccInputs():
                self._temperatures = now_s, message.connector_temperatures_c
            case wire.PilotState(pilot):
                self._pilot = now_s, pilot

    def _take_state(self, state: State, now_s: float, is_stop_ours: bool) -> None:
        if state in (State.INITIALISING, State.WAITING_FOR_VEHICLE) and state is not self.state:
            self._vehicle = _Vehicle()
            self._emergency_at_s = None
        self._vehicle.has_ended |= state in _ENDING and self.state not in _ENDING and self.state is not None and not is_stop_ours
        if state is not self.state:
            self._state_since_s = now_s
        self.state, self.state_at_s = state, now_s

    def request(self, now_s: float) -> EvRequest | None:
        """The request as of now, None before the first status."""
        if self.state is None:
            return None
        vehicle = self._vehicle
        voltage_v, current_a, is_contactor_wanted = self._demand(now_s)
        return EvRequest(
            control_pilot=self._control_pilot(self.state, now_s),
            phase=self._phase(self.state, now_s),
            target_voltage_v=voltage_v,
            target_current_a=current_a,
            is_contactor_wanted=is_contactor_wanted,
            max_voltage_v=vehicle.max_voltage_v,
            max_current_a=vehicle.max_current_a,
            max_power_w=vehicle.max_power_w,
            soc_percent=vehicle.soc_percent,
            target_soc_percent=vehicle.target_soc_percent,
            capacity_wh=vehicle.capacity_wh,
            wants_stop=vehicle.has_ended,
            is_emergency=self._emergency_at_s is not None and now_s - self._emergency_at_s <= _WISH_VALID_S,
            protocol=vehicle.protocol,
            evccid=vehicle.evccid,
            connector_temperature_c=self._connector_temperature_c(now_s),
        )

    def _phase(self, state: State, now_s: float) -> SeccPhase:
        """The state; the loop, though, from its first wish on, which follows in a frame of its own: until then no wish is no pause."""
        is_asking = self._wished(now_s).function is _FUNCTIONS[State.CHARGING]
        if state is State.CHARGING and not is_asking and now_s - self._state_since_s <= _WISH_VALID_S:
            return SeccPhase.READY
        return _PHASES[state]

    def _demand(self, now_s: float) -> tuple[float, float, bool]:
        """Voltage and current of the wish where it is one of this state: a voltage of the cable check is none for a battery."""
        wish = self._wished(now_s)
        if wish.function is not _FUNCTIONS.get(self.state or State.INITIALISING):
            return 0.0, 0.0, wish.is_contactor_closed
        current_a = max(wish.max_current_a, 0.0)
        if self.state is not State.CHARGING:
            current_a = min(current_a, self._test_current_a) or self._test_current_a
        return wish.target_voltage_v, current_a, wish.is_contactor_closed

    def _wished(self, now_s: float) -> wire.DcPowerControl:
        """The last wish; once it is old, the one for nothing."""
        if self._wish is None or now_s - self._wish[0] > _WISH_VALID_S:
            return wire.DcPowerControl()
        return self._wish[1]

    def _connector_temperature_c(self, now_s: float) -> float | None:
        """The hotter contact; None where the controller has no sensor, or tells none any more."""
        if self._temperatures is None or now_s - self._temperatures[0] > _TEMPERATURES_VALID_S:
            return None
        measured = [one for one in self._temperatures[1] if _LOWEST_C < one <= _HIGHEST_C]
        return float(max(measured)) if measured else None

    def _control_pilot(self, state: State, now_s: float) -> ControlPilot:
        if self._pilot is not None:
            at_s, pilot = self._pilot
            return _PILOTS[pilot] if now_s - at_s <= _PILOT_VALID_S else ControlPilot.UNKNOWN
        if now_s - self._begun_s <= _PILOT_VALID_S:
            return ControlPilot.UNKNOWN
        return _IMPLIED_PILOTS.get(state, ControlPilot.UNKNOWN)
