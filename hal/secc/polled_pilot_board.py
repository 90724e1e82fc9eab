"""A control pilot board for who has no event loop: the guard, through whom the daemon talks to it.

What the vehicle is told and which contactors are closed travel in one frame. So the daemon's frames pass through here, their contactors
replaced by the gate's last word; what the board says is passed on as it comes. When the daemon says nothing more, the vehicle is offered
nothing, in frames of our own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hal.bus.serial_port import SerialPort
from hal.errors import DeviceUnavailable
from hal.ports import Place, SafetyIo, SafetyLines
from hal.secc import board_lines
from hal.secc.pilot_board import BAUDRATE, PERIOD_S, PilotBoardOptions
from hal.types import SafetyInputs, SafetyOutputs
from hal.wire import safety_board as wire
from hal.wire.safety_board import ChargeControl, ChargeState

_log = logging.getLogger(__name__)

QUIET: Final = ChargeControl(is_pwm_on=True, duty_permille=1000)
"""Steady +12 V: nothing offered, and a vehicle that comes can be seen."""

_OWN_AFTER_S: Final = 3 * PERIOD_S
_MOST_KEPT: Final = 4096


class PolledPilotBoard:
    """A `Relay`: `heard()` and `say()` carry the bytes of the daemon's driver."""

    Options = PilotBoardOptions

    def __init__(self, name: str, options: PilotBoardOptions, place: Place, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._options = options
        self._port = SerialPort(name, place.runtime_dir / options.port, BAUDRATE)
        self._clock = clock
        self._parser = wire.FrameParser()
        self._from_daemon = wire.FrameParser()
        self._heard = bytearray()
        self._state: ChargeState | None = None
        self._heard_at_s = 0.0
        self._wanted = QUIET
        self._wanted_at_s = 0.0
        self._said_at_s = 0.0
        self._is_closed = False

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns. Raises ConfigError for a coil used as an input, or the other way round."""
        board_lines.check(self.name, lines)
        return _PolledLines(self, lines, self._options.contactors)

    # --- for the daemon ---------------------------------------------------------------------------------------------------------------

    def heard(self) -> bytes:
        """What the board has said since the last call."""
        data = bytes(self._heard)
        self._heard.clear()
        return data

    def say(self, data: bytes) -> None:
        """Pass on what the daemon says: controls with the gate's contactors, inquiries as they are, nothing else."""
        for item in self._from_daemon.feed(data):
            match item:
                case ChargeControl():
                    self._wanted, self._wanted_at_s = item, self._clock()
                    self._control()
                case wire.Inquiry():
                    self._write(item)
                case _:
                    _log.warning("not_passed_on device=%s item=%s", self.name, item)

    # --- for the gate -----------------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Raises DeviceUnavailable when the port cannot be had."""
        self.close()
        self._port.open()
        self._state, self._heard_at_s = None, self._clock()
        self._parser = wire.FrameParser()

    def look(self) -> ChargeState | None:
        """What the board said last; None while it is away. Speaks for the daemon where that has gone silent."""
        now_s = self._clock()
        self._receive(now_s)
        if now_s - self._wanted_at_s >= _OWN_AFTER_S:
            self._wanted = QUIET
        if now_s - self._said_at_s >= (PERIOD_S if self._wanted is QUIET else _OWN_AFTER_S):
            self._control()
        if now_s - self._heard_at_s > self._options.silence_s:
            self._state = None
        return self._state

    def drive(self, is_closed: bool) -> None:
        """Close or open the contactor, in a frame of its own and at once."""
        if is_closed is not self._is_closed:
            self._is_closed = is_closed
            self._control()

    def close(self) -> None:
        """The contactor open, nothing offered, the port released."""
        self._is_closed, self._wanted = False, QUIET
        try:
            self._control()
        except DeviceUnavailable as error:
            _log.debug("board_not_told device=%s error=%s", self.name, error)
        self._port.close()

    def _receive(self, now_s: float) -> None:
        data = self._port.read_now()
        self._heard += data[: _MOST_KEPT - len(self._heard)]
        for item in self._parser.feed(data):
            if isinstance(item, ChargeState):
                self._state, self._heard_at_s = item, now_s

    def _control(self) -> None:
        closed = self._is_closed
        self._write(
            replace(self._wanted, is_contactor_1_wanted=closed, is_contactor_2_wanted=closed and self._options.contactors == "both")
        )
        self._said_at_s = self._clock()

    def _write(self, message: wire.Message) -> None:
        self._port.put(wire.encode(message))


class _PolledLines:
    """See the port."""

    def __init__(self, board: PolledPilotBoard, lines: SafetyLines, contactors: board_lines.Contactors) -> None:
        self.name = board.name
        self._board = board
        self._lines = lines
        self._contactors: board_lines.Contactors = contactors
        self._is_driven = False

    def open(self) -> None:
        self._board.open()
        self._is_driven = False

    def read(self) -> SafetyInputs:
        try:
            state = self._board.look()
        except DeviceUnavailable as error:
            _log.debug("board_unreadable device=%s error=%s", self.name, error)
            state = None
        return board_lines.inputs(state, self._lines, self._contactors, is_driven=self._is_driven)

    def watch(self, moved: Callable[[], None]) -> bool:
        return False

    def apply(self, outputs: SafetyOutputs) -> None:
        self._is_driven = not outputs.closed_contactors.isdisjoint(self._lines.contactors)
        self._board.drive(self._is_driven)

    def close(self) -> None:
        self._is_driven = False
        self._board.close()
