"""An Advantics CCS controller (generic EVSE interface 3.x) with the vehicle of one outlet behind it.

Sends its status every 100 ms, listens to the station's status, parameters and sequence flags, and supervises the station's status
between the beginning and the end of a session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from hal.bus.can import CanLink
from hal.errors import WireError
from hal.mock.dc_fields import secc_fields
from hal.mock.dc_outlet import DcOutlet
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.secc.advantics_evse import AdvanticsOptions
from hal.types import ControlPilot, EvRequest, Isolation, SeccOutput, SeccPhase
from hal.wire import advantics_evse as wire
from hal.wire.advantics_evse import PowerFunction, State

_PERIOD_S = 0.1
_STATION_SILENCE_S = 1.0
_SAFE_OHM = 100_000.0
_SLOW_EVERY = 10  # periods
_DC_POWER_W = 1e6  # the interface has no limit of power from the station

_STATES = {
    SeccPhase.IDLE: State.NEGOTIATING,
    SeccPhase.HANDSHAKE: State.NEGOTIATING,
    SeccPhase.AUTHORIZATION: State.AUTHORISATION,
    SeccPhase.PARAMETERS: State.CONNECTED,
    SeccPhase.CABLE_CHECK: State.INSULATION_TEST,
    SeccPhase.PRECHARGE: State.PRECHARGE,
    SeccPhase.READY: State.WAITING_FOR_CHARGE,
    SeccPhase.CURRENT_DEMAND: State.CHARGING,
    SeccPhase.STOPPING: State.ENDING,
    SeccPhase.WELDING_DETECTION: State.WELDING_DETECTION,
    SeccPhase.FINISHED: State.CLOSING,
    SeccPhase.PAUSED: State.PAUSE,
    SeccPhase.UNAVAILABLE: State.NOT_AVAILABLE,
}
_PILOTS = {
    ControlPilot.A: wire.Pilot.A,
    ControlPilot.B: wire.Pilot.B,
    ControlPilot.C: wire.Pilot.C,
    ControlPilot.D: wire.Pilot.D,
    ControlPilot.E: wire.Pilot.E_OR_F,
    ControlPilot.F: wire.Pilot.E_OR_F,
}
_BEFORE_SESSION = (SeccPhase.IDLE, SeccPhase.HANDSHAKE)
_ENDED = (SeccPhase.FINISHED, SeccPhase.PAUSED)


class AdvanticsController(Peer):
    """One outlet of the controller; `outlet_index` is the one in its identifiers."""

    def __init__(self, name: str, outlet_index: int, connector: int, link: CanLink, plant: PlantBus) -> None:
        super().__init__(name, plant)
        self._link = link
        self._index = outlet_index
        self._outlet = plant.plant.outlet_of(connector, DcOutlet)
        self._status = wire.PowerModulesStatus()
        self._parameters = wire.DcPowerParameters(0.0, 0.0)
        self._sequence = wire.SequenceControl()
        self._wants_stop = False
        self._is_pilot_renewed = False  # 5 % duty after a rest, with the vehicle asleep
        self._status_at_s = 0.0
        self._phase: SeccPhase | None = None
        self._periods = 0  # in this phase
        self._told_vehicle: tuple[wire.Message, ...] = ()

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> AdvanticsController:
        """One outlet on its bus."""
        outlet = device.options_as(AdvanticsOptions).outlet
        return cls(device.name, outlet, wires.connector(device), wires.can_of(device), wires.plant)

    async def run(self) -> None:
        """Serve the bus."""
        await self._link.ready()
        end_subscription = self._link.subscribe(self._is_ours, self._on_frame)
        self.is_serving.set()
        try:
            while True:
                self._period()
                await asyncio.sleep(_PERIOD_S)
        finally:
            end_subscription()
            self._outlet.told = SeccOutput()

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The vehicle, the connector and the pilot."""
        return secc_fields(self._outlet)

    # --- from the station -------------------------------------------------------------------------------------------------------------

    def _is_ours(self, identifier: int) -> bool:
        outlet, number = wire.split_identifier(identifier)
        return outlet == self._index and number in _FROM_STATION

    def _on_frame(self, identifier: int, data: bytes) -> None:
        if not self.health.is_online:
            return
        try:
            _, message = wire.decode(identifier, data)
        except WireError:
            return
        match message:
            case wire.PowerModulesStatus():
                self._status = message
                self._status_at_s = asyncio.get_running_loop().time()
            case wire.DcPowerParameters():
                self._parameters = message
            case wire.SequenceControl():
                is_pressed = message.is_user_stop and not self._sequence.is_user_stop
                self._wants_stop |= is_pressed and self._phase is not None  # without a vehicle there is nothing to stop
                self._is_pilot_renewed |= message.may_start and not self._sequence.may_start and self._phase in _ENDED
                self._sequence = message

    def _tell_vehicle(self) -> None:
        is_station_alive = asyncio.get_running_loop().time() - self._status_at_s < _STATION_SILENCE_S
        limits = self._outlet.limits
        told = SeccOutput(
            is_enabled=self._status.is_enabled and is_station_alive,
            authorization=self._sequence.is_authorization_valid if self._sequence.is_authorization_done else None,
            wants_stop=self._wants_stop,
            is_waking=self._is_pilot_renewed and self._sequence.may_start,
            max_voltage_v=self._parameters.max_voltage_v or limits.max_voltage_v,
            max_current_a=self._parameters.max_current_a or limits.max_current_a,
            max_power_w=_DC_POWER_W,
            present_voltage_v=self._status.voltage_v,
            present_current_a=self._status.current_a,
            isolation=_isolation(self._status.insulation_ohm),
        )
        if told != self._outlet.told:
            self._outlet.told = told
            self.plant.poke()

    # --- to the station ---------------------------------------------------------------------------------------------------------------

    def _period(self) -> None:
        self.plant.advance()
        self._tell_vehicle()
        request = self._outlet.request()
        phase = request.phase if request.control_pilot.is_plugged else None
        if phase is not self._phase:
            self._change_phase(phase)
        self._periods += 1
        self._say(wire.ControllerStatus(self._state(phase)))
        if self._periods % _SLOW_EVERY == 1:
            contact_c = round(self._outlet.connector_temperature_c)
            self._say(wire.SeccInputs(connector_temperatures_c=(contact_c, contact_c)))
        self._say(wire.PilotState(_PILOTS[request.control_pilot], 5.0 if phase else 100.0))
        if phase is None:
            return
        if phase is SeccPhase.HANDSHAKE and not self._status.is_enabled:
            self._say(wire.NewChargeSession())
        if phase not in _BEFORE_SESSION and phase not in _ENDED:
            self._say(self._power_control(request))
            self._describe_vehicle(request)
        if request.is_emergency and phase not in _ENDED:
            self._say(wire.EmergencyStop(wire.StopOrigin.STATION))

    def _change_phase(self, phase: SeccPhase | None) -> None:
        old, self._phase, self._periods = self._phase, phase, 0
        self._is_pilot_renewed = False
        self._wants_stop &= phase is not None
        if phase is SeccPhase.HANDSHAKE:
            self._say(wire.NewChargeSession())
            self._told_vehicle = ()
            self._wants_stop = False
        if SeccPhase.CURRENT_DEMAND in (old, phase):
            self._say(wire.ChargeStatusChange(is_started=phase is SeccPhase.CURRENT_DEMAND))
        if old is not None and old not in _ENDED and (phase is None or phase in _ENDED):
            self._say(wire.ChargeSessionFinished(is_clean=phase is not None and not self._outlet.request().is_emergency))
            self._wants_stop = False

    def _state(self, phase: SeccPhase | None) -> State:
        return State.WAITING_FOR_VEHICLE if phase is None else _STATES[phase]

    def _power_control(self, request: EvRequest) -> wire.DcPowerControl:
        closed = request.is_contactor_wanted
        match request.phase:
            case SeccPhase.CABLE_CHECK if request.target_voltage_v > 0.0:
                # 0 A: the station uses a small limit of its own
                return wire.DcPowerControl(request.target_voltage_v, 0.0, 0.0, PowerFunction.INSULATION_TEST, is_contactor_closed=closed)
            case SeccPhase.CABLE_CHECK:
                return wire.DcPowerControl(function=PowerFunction.STANDBY, is_contactor_closed=closed, is_lowering=True)
            case SeccPhase.PRECHARGE:
                wish, function = request, PowerFunction.PRECHARGE
            case SeccPhase.CURRENT_DEMAND:
                wish, function = request, PowerFunction.POWER
            case SeccPhase.WELDING_DETECTION:
                return wire.DcPowerControl(function=PowerFunction.STANDBY, is_contactor_closed=closed, is_lowering=self._periods > 1)
            case _:
                return wire.DcPowerControl(function=PowerFunction.STANDBY, is_contactor_closed=closed)
        return wire.DcPowerControl(wish.target_voltage_v, wish.target_current_a, 0.0, function, is_contactor_closed=closed)

    def _describe_vehicle(self, request: EvRequest) -> None:
        car = self._outlet.car
        if car is None:
            return
        battery = car.battery
        described: tuple[wire.Message, ...] = (
            wire.EvBattery(round(battery.capacity_wh), round(battery.soc_percent), 0, round(request.target_soc_percent or 0.0)),
            wire.EvVoltages(0.0, battery.max_voltage_v, round(battery.open_circuit_voltage_v)),
            wire.EvChargeLimits(0.0, request.max_current_a or 0.0, 0, round(request.max_power_w or 0.0)),
        )
        for message in described:
            if message not in self._told_vehicle:
                self._say(message)
        self._told_vehicle = described
        if self._periods % _SLOW_EVERY == 1:
            self._say(wire.EvccId(bytes.fromhex(request.evccid or "")))

    def _say(self, message: wire.Message) -> None:
        self.send_frame(self._link, *wire.encode(message, self._index))


def _isolation(insulation_ohm: float) -> Isolation:
    """A yes/no monitor says full scale or nothing; nothing is not yet a fault while the test goes on."""
    if insulation_ohm <= 0.0:
        return Isolation.INVALID
    return Isolation.SAFE if insulation_ohm >= _SAFE_OHM else Isolation.FAULT


_FROM_STATION = frozenset({wire.MessageId.POWER_MODULES_STATUS, wire.MessageId.DC_POWER_PARAMETERS, wire.MessageId.SEQUENCE_CONTROL})
