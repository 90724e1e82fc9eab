"""A control pilot and safety board (chargebyte Charge SOM) on a serial port, before an AC outlet of the plant.

It says nothing until it is told something. It closes contactors in pilot C only and opens them by itself when the vehicle lets go. Any
fault, and any of its inputs, makes it show pilot F until it is reset. What it does when the host falls silent is not published: here it
goes on as it was told, which is the worst that a board could do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from hal.mock.ac_fields import car_fields, plug_fields, trouble_fields
from hal.mock.ac_outlet import TOO_HOT_C, AcOutlet, Trouble
from hal.mock.outlet_fields import contactor_fields
from hal.mock.peers.byte_wire import ByteWire
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import flag
from hal.ports import SafetyLines
from hal.secc.board_lines import COIL, STOPS
from hal.secc.pilot_board import PilotBoardOptions
from hal.types import SeccOutput
from hal.wire import safety_board as wire
from hal.wire.pilot_pwm import offered_a
from hal.wire.safety_board import Channel, Contact, ContactorState, Pilot, Proximity, Stop

_PERIOD_S = 0.1
_CONTACTOR_S = 0.2  # to follow its coil
_FOUND = (Trouble.DIODE, Trouble.SHORT, Trouble.INVALID, Trouble.PROXIMITY, Trouble.SENSOR)
_CABLES = {13.0: Proximity.A13, 20.0: Proximity.A20, 32.0: Proximity.A32, 63.0: Proximity.A63}
_FIRMWARE = wire.FirmwareVersion(0, 3, 5)
_HASH = wire.FirmwareHash(bytes.fromhex("5A3D0C1E8B7F6942"))


class PilotBoardPeer(Peer):
    """One board. `lines` say which of its inputs are wired, and to what of the station; the others are not configured."""

    def __init__(self, name: str, port: ByteWire, connector: int, lines: SafetyLines, options: PilotBoardOptions, plant: PlantBus) -> None:
        super().__init__(name, plant)
        self._port = port
        self._options = options
        self._outlet = plant.plant.outlet_of(connector, AcOutlet)
        named = {lines.estop: "estop", lines.door: "door", lines.mains: "mains"}
        self._inputs = {label: named.get(label, label) for label in lines.inputs}
        for role in self._inputs.values():
            plant.plant.add_input(role)
        self._parser = wire.FrameParser()
        self._control: wire.ChargeControl | None = None  # None: fresh from a reset
        self._is_latched = False
        self._strayed_s: float | None = None  # since the contactor is not where its coil should have it
        self._has_contactor_error = False

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> PilotBoardPeer:
        """The board on its port."""
        options = device.options_as(PilotBoardOptions)
        port = wires.port(device.name, options.port)
        return cls(device.name, port, wires.connector(device), device.lines, options, wires.plant)

    async def run(self) -> None:
        """Serve the port."""
        await self.plant.opened()
        self._port.open(self._on_bytes)
        self.is_serving.set()
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        try:
            while True:
                self.plant.advance()
                self._follow()
                if loop.time() >= next_s:
                    next_s = loop.time() + _PERIOD_S
                    self._say_state()
                await self.plant.next_look(next_s - loop.time())
        finally:
            self._switch(SeccOutput(), is_coil_on=False)
            self._port.close()

    def plant_input(self, label: str) -> str | None:
        """The plant's input behind a line."""
        return self._inputs.get(label)

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The vehicle, the contactor, plug and cable, and what the board finds by itself. `reset`: true lets it begin anew."""
        return {
            **car_fields(self._outlet),
            **contactor_fields(COIL, self._outlet),
            **plug_fields(self._outlet),
            **trouble_fields(self._outlet, *_FOUND),
            "reset": self._reset,
        }

    def _reset(self, value: object) -> None:
        if flag(value):
            self._control, self._strayed_s = None, None
            self._is_latched = self._has_contactor_error = False

    # --- from the station -------------------------------------------------------------------------------------------------------------

    def _on_bytes(self, data: bytes) -> None:
        for item in self._parser.feed(data) if self.health.is_online else ():
            match item:
                case wire.ChargeControl():
                    self._control = item
                    self.plant.advance()
                    self._follow()
                case wire.Inquiry(wire.PacketId.FIRMWARE_VERSION):
                    self._say(_FIRMWARE)
                case wire.Inquiry(wire.PacketId.FIRMWARE_HASH):
                    self._say(_HASH)

    def _follow(self) -> None:
        """Bring pilot and contactor to where request, vehicle and faults have them."""
        self._watch_contactor()
        self._is_latched |= self._is_anything_wrong()
        control = self._control or wire.ChargeControl()
        offer_a = offered_a(control.duty_permille) if control.is_pwm_on and not self._is_latched else 0.0
        told = SeccOutput(is_enabled=True, authorization=True, max_current_a=offer_a) if offer_a else SeccOutput()
        self._switch(told, is_coil_on=control.is_contactor_1_wanted and self._may_close)

    def _switch(self, told: SeccOutput, *, is_coil_on: bool) -> None:
        outlet = self._outlet
        if (outlet.told, outlet.is_coil_on) != (told, is_coil_on):
            outlet.told, outlet.is_coil_on = told, is_coil_on
            self.plant.poke()

    @property
    def _pilot(self) -> Pilot:
        if Trouble.INVALID in self._outlet.troubles:
            return Pilot.INVALID
        if self._is_latched:
            return Pilot.F
        if self._control is None or not self._control.is_pwm_on:
            return Pilot.E  # 0 V
        return Pilot[self._outlet.pilot.value]

    @property
    def _may_close(self) -> bool:
        return self._pilot is Pilot.C

    # --- what it finds ----------------------------------------------------------------------------------------------------------------

    def _is_anything_wrong(self) -> bool:
        has_fault = not self._outlet.troubles.isdisjoint(_FOUND) or self._has_contactor_error
        return has_fault or self._is_too_hot or Stop.TRIPPED in self._stops()

    def _watch_contactor(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._outlet.is_seen_closed is self._outlet.is_coil_on:
            self._strayed_s = None
        elif self._strayed_s is None:
            self._strayed_s = now_s
        else:
            self._has_contactor_error |= now_s - self._strayed_s >= _CONTACTOR_S

    @property
    def _is_too_hot(self) -> bool:
        return self._outlet.temperature_c >= TOO_HOT_C

    def _stops(self) -> tuple[Stop, Stop, Stop]:
        first, second, third = (self._stop(label) for label in STOPS)
        return first, second, third

    def _stop(self, label: str) -> Stop:
        if label not in self._inputs:
            return Stop.NOT_CONFIGURED
        return Stop.TRIPPED if self.plant.plant.is_active(self._inputs[label]) else Stop.NOT_TRIPPED

    def _proximity(self) -> Proximity:
        if Trouble.PROXIMITY in self._outlet.troubles:
            return Proximity.ERROR
        coding_a = self._outlet.coding_a
        return Proximity.NO_CABLE if coding_a is None else _CABLES[coding_a]

    # --- to the station ---------------------------------------------------------------------------------------------------------------

    def _say_state(self) -> None:
        if self._control is None:
            return
        contactor = ContactorState(Contact.CLOSED if self._outlet.is_seen_closed else Contact.OPEN, self._has_contactor_error)
        state = wire.ChargeState(
            is_pwm_on=self._control.is_pwm_on and not self._is_latched,
            duty_permille=self._control.duty_permille,
            pilot=self._pilot,
            is_pilot_shorted=Trouble.SHORT in self._outlet.troubles,
            has_diode_fault=Trouble.DIODE in self._outlet.troubles,
            proximity=self._proximity(),
            contactor_1=contactor,
            contactor_2=contactor if self._options.contactors == "both" else ContactorState(),
            is_hv_ready=self._may_close,
            stops=self._stops(),
        )
        self._say(state)
        has_failed = Trouble.SENSOR in self._outlet.troubles
        hottest = Channel(round(self._outlet.temperature_c, 1), has_stopped_charging=self._is_too_hot, has_failed=has_failed)
        self._say(wire.Temperatures((hottest, Channel(), Channel(), Channel())))

    def _say(self, message: wire.Message) -> None:
        self.send(wire.encode(message), self._port.write)
