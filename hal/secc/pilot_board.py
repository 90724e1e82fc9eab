"""A control pilot and safety board on a serial line (chargebyte Charge SOM) as the SECC of an AC connector and as a board of the gate.

What the vehicle is told and which contactors are closed travel in one frame, every 100 ms and at once on change. The contactors in it are
those of the gate's last word, and nobody else's. Sources: chargebyte/chargebyte-docs (safety controller, protocol), EVerest's driver of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final

from hal.bus.serial_port import OpenLink, SerialPort
from hal.errors import ConfigError, DeviceUnavailable, WireError
from hal.ports import Emit, InsulationMonitor, Place, SafetyIo, SafetyLines
from hal.secc import board_lines
from hal.secc.board_lines import COIL, STOPS, Contactors
from hal.secc.board_view import Heard
from hal.secc.duty_pace import DutyPace
from hal.types import EvRequest, Range, SafetyInputs, SafetyOutputs, SeccOutput
from hal.wire import safety_board as wire
from hal.wire.pilot_pwm import duty_permille
from hal.wire.safety_board import ChargeControl, ChargeState

_log = logging.getLogger(__name__)

BAUDRATE: Final = 115_200
PERIOD_S: Final = 0.1
_EMIT_S: Final = 1.0
_DEAD_BAND_K: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotBoardOptions:
    """`contactors`: what the line `k1` switches, the first contactor alone or both together."""

    port: str
    is_socket: bool = False
    contactors: Contactors = "first"
    silence_s: Annotated[float, Range(0.3, 10.0, "s")] = 1.0
    time_to_live_s: Annotated[float, Range(0.5, 10.0, "s")] = 2.0

    @property
    def lines(self) -> tuple[str, ...]:
        """Labels of what the gate may own."""
        return (COIL, *STOPS)


class PilotBoard:
    """Emits with the board's frames, never without; raises DeviceUnavailable when none has come for `silence_s`."""

    Options = PilotBoardOptions
    bus_kind: ClassVar[str | None] = None

    def __init__(self, name: str, options: PilotBoardOptions, place: Place, open_link: OpenLink = SerialPort) -> None:
        self.name = name
        self._options = options
        self._link = open_link(name, place.runtime_dir / options.port, BAUDRATE)
        self._parser = wire.FrameParser()
        self._pace = DutyPace()
        self._output = SeccOutput()
        self._renewed_at_s = 0.0
        self._is_closed = False  # by the gate's last word
        self._is_running = False
        self._failure: DeviceUnavailable | None = None  # of a write that could not raise it
        self._said: ChargeControl | None = None
        self._said_at_s = 0.0
        self._state: ChargeState | None = None
        self._heard_at_s = 0.0
        self._channels: tuple[wire.Channel, ...] = ()
        self._emitted: tuple[float, EvRequest] | None = None
        self._watchers: list[Callable[[], None]] = []

    # --- the SECC -----------------------------------------------------------------------------------------------------------------

    def apply(self, output: SeccOutput) -> None:
        """Take what the vehicle is to be told."""
        self._output = output
        self._renewed_at_s = asyncio.get_running_loop().time()
        self._say_changes()

    async def run(self, emit: Emit) -> None:
        """Talk to the board; see the port. The last frame switches everything off."""
        self._link.open()
        self._begin()
        try:
            self._write(wire.Inquiry(wire.PacketId.FIRMWARE_VERSION))
            await self._talk(emit)
        finally:
            self._write(ChargeControl())
            self._is_running = False
            self._link.close()
            self._call_watchers()

    def _begin(self) -> None:
        self._is_running, self._failure = True, None
        self._said = self._state = self._emitted = None
        self._channels = ()
        self._heard_at_s = asyncio.get_running_loop().time()

    async def _talk(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._check(loop.time())
            self._expire(loop.time())
            self._say_changes()
            if loop.time() >= self._said_at_s + PERIOD_S:
                self._say(self._control())
            try:
                async with asyncio.timeout_at(min(self._said_at_s + PERIOD_S, self._heard_at_s + self._options.silence_s)):
                    data = await self._link.read()
            except TimeoutError:
                continue
            for item in self._parser.feed(data):
                self._take(item, emit)

    def _check(self, now_s: float) -> None:
        if self._failure is not None:
            raise self._failure
        if now_s >= self._heard_at_s + self._options.silence_s:
            raise DeviceUnavailable(f"{self.name}: the pilot board on {self._options.port} does not answer; check its supply and its port")

    def _expire(self, now_s: float) -> None:
        if self._output != SeccOutput() and now_s - self._renewed_at_s > self._options.time_to_live_s:
            _log.warning("secc_output_expired device=%s age_s=%.1f", self.name, now_s - self._renewed_at_s)
            self._output = SeccOutput()

    # --- to the board ---------------------------------------------------------------------------------------------------------------

    def _control(self) -> ChargeControl:
        """Without an offer a steady +12 V: without PWM the board would give 0 V, and nobody could see a vehicle come."""
        offered = self._pace.at(duty_permille(self._output.offer_a), asyncio.get_running_loop().time())
        return ChargeControl(True, offered, self._is_closed, self._is_closed and self._options.contactors == "both")

    def _say_changes(self) -> None:
        control = self._control()
        if control != self._said:
            self._say(control)

    def _say(self, control: ChargeControl) -> None:
        if self._is_running:
            self._said, self._said_at_s = control, asyncio.get_running_loop().time()
            self._write(control)

    def _write(self, message: wire.Message) -> None:
        """Hand a frame to the port, now. Whoever calls cannot do anything about a port that is gone; `run` ends by it."""
        try:
            self._link.put(wire.encode(message))
        except DeviceUnavailable as error:
            _log.warning("board_not_told device=%s error=%s", self.name, error)
            self._failure = error

    # --- from the board -------------------------------------------------------------------------------------------------------------

    def _take(self, item: wire.Item, emit: Emit) -> None:
        match item:
            case ChargeState():
                has_changed, self._state = item != self._state, item
                self._heard_at_s = asyncio.get_running_loop().time()
                self._tell(emit)
                if has_changed:  # after the core knows the pilot: a contactor that follows it is no failure
                    self._call_watchers()
            case wire.Temperatures(channels):
                self._channels = channels
                self._tell(emit)
            case wire.FirmwareVersion():
                _log.info("board_firmware device=%s version=%d.%d.%d", self.name, item.major, item.minor, item.build)
                self._write(wire.Inquiry(wire.PacketId.FIRMWARE_HASH))
            case wire.FirmwareHash(octets):
                _log.info("board_firmware device=%s hash=%s", self.name, octets.hex())
            case WireError():
                _log.debug("frame_refused device=%s error=%s", self.name, item)

    def _tell(self, emit: Emit) -> None:
        if self._state is None:
            return
        now_s = asyncio.get_running_loop().time()
        request = Heard(
            self._state, board_lines.used(self._state, self._options.contactors), self._channels, self._options.is_socket
        ).request()
        if self._emitted is None or now_s - self._emitted[0] >= _EMIT_S or _is_change(self._emitted[1], request):
            self._emitted = now_s, request
            emit(request)

    # --- the board of the gate --------------------------------------------------------------------------------------------------------

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns. Raises ConfigError for a coil used as an input, or the other way round."""
        board_lines.check(self.name, lines)
        return _BoardLines(self, lines, self._options.contactors)

    def insulation_monitor(self, line: str) -> InsulationMonitor:
        """There is none on AC."""
        raise ConfigError([f"{self.name}: line {line} cannot be an insulation monitor; use a line of another board"])

    def watch(self, moved: Callable[[], None]) -> None:
        """Call back when the board has said something new, and when it says nothing more."""
        self._watchers.append(moved)

    def drive(self, is_closed: bool) -> None:
        """Close or open the contactor, in a frame of its own and at once; while the board is away, in the first one after that."""
        self._is_closed = is_closed
        self._say_changes()

    def state(self) -> ChargeState | None:
        """What the board said last; None while it is away."""
        return self._state if self._is_running else None

    def _call_watchers(self) -> None:
        for moved in self._watchers:
            moved()


class _BoardLines:
    """See the port."""

    def __init__(self, board: PilotBoard, lines: SafetyLines, contactors: Contactors) -> None:
        self.name = board.name
        self._board = board
        self._lines = lines
        self._contactors: Contactors = contactors
        self._is_driven = False

    def open(self) -> None:
        self._drive(is_closed=False)

    def read(self) -> SafetyInputs:
        return board_lines.inputs(self._board.state(), self._lines, self._contactors, is_driven=self._is_driven)

    def watch(self, moved: Callable[[], None]) -> bool:
        self._board.watch(moved)
        return True

    def apply(self, outputs: SafetyOutputs) -> None:
        """Drive the coil."""
        self._drive(is_closed=not outputs.closed_contactors.isdisjoint(self._lines.contactors))

    def close(self) -> None:
        """The contactor open."""
        self._drive(is_closed=False)

    def _drive(self, *, is_closed: bool) -> None:
        self._is_driven = is_closed
        self._board.drive(is_closed)


def _is_change(before: EvRequest, after: EvRequest) -> bool:
    """Any word, or a temperature beyond the dead band."""
    old_c, new_c = before.connector_temperature_c, after.connector_temperature_c
    if old_c is None or new_c is None or abs(new_c - old_c) >= _DEAD_BAND_K:
        return before != after
    return replace(after, connector_temperature_c=old_c) != before
