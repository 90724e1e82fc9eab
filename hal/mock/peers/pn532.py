"""A PN532 card reader on a serial port; cards are laid before it by `swipe` and taken away again after a while."""

from __future__ import annotations

import asyncio
import logging

from hal.errors import WireError
from hal.mock.peers.peer import Peer
from hal.mock.peers.pty_wire import PtyWire
from hal.mock.plant_bus import PlantBus
from hal.wire import pn532 as wire

_log = logging.getLogger(__name__)

_PRESENT_S = 1.0
_UID_DIGITS = (8, 14, 20)
_MIFARE_CLASSIC = 0x08
_SENS_RES = 0x0004


class Pn532Peer(Peer):
    """The chip: acknowledges at once, answers, and keeps a search for cards waiting until one comes.

    `prefix` and `is_reversed` are what the station makes of a UID, so that `swipe` takes the id tag the station will tell.
    """

    def __init__(self, name: str, port: PtyWire, plant: PlantBus, *, prefix: str = "", is_reversed: bool = False) -> None:
        super().__init__(name, plant)
        self._prefix = prefix
        self._is_reversed = is_reversed
        self._port = port
        self._parser = wire.FrameParser()
        self._uid = b""
        self._removal: asyncio.TimerHandle | None = None
        self._is_searching = False
        self._last = b""

    async def run(self) -> None:
        """Serve the port."""
        self._port.open(self._on_bytes)
        self.is_serving.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._take_away()
            self._port.close()

    @property
    def is_reader(self) -> bool:
        """Cards can be put before it."""
        return True

    def swipe(self, id_tag: str, connectors: tuple[int, ...]) -> None:
        """Lay a card before it whose UID gives this id tag."""
        if connectors:
            raise ValueError(f"{self.name} stands on a wire: its cards cannot choose a connector")
        uid = self._uid_of(id_tag)
        if not self.health.is_online:
            return
        self._take_away()
        self._uid = uid
        self._removal = asyncio.get_running_loop().call_later(_PRESENT_S, self._take_away)
        if self._is_searching:
            self._show_card()

    def _uid_of(self, id_tag: str) -> bytes:
        digits = id_tag.removeprefix(self._prefix)
        if not id_tag.startswith(self._prefix) or len(digits) not in _UID_DIGITS or not set(digits) <= set("0123456789abcdefABCDEF"):
            form = f"{self._prefix!r} and " if self._prefix else ""
            raise ValueError(f"{self.name} stands on a wire: id_tag must be {form}the UID of a card, 8, 14 or 20 hexadecimal digits")
        uid = bytes.fromhex(digits)
        return uid[::-1] if self._is_reversed else uid

    def _take_away(self) -> None:
        self._uid = b""
        if self._removal is not None:
            self._removal.cancel()
            self._removal = None

    def _on_bytes(self, data: bytes) -> None:
        for item in self._parser.feed(data):
            match item:
                case wire.Frame():
                    self._on_frame(item)
                case wire.Ack():  # from the host: it gives up what it asked for
                    self._is_searching = False
                case wire.Nack():
                    self._write(self._last)
                case WireError() | wire.SyntaxErrorFrame():
                    _log.debug("frame_refused device=%s", self.name)

    def _on_frame(self, frame: wire.Frame) -> None:
        self._is_searching = False
        try:
            command = wire.decode_command(frame)
        except WireError:
            self._write(wire.ACK)
            self._answer(wire.ERROR_FRAME)
            return
        self._write(wire.ACK)
        match command:
            case wire.GetFirmwareVersion():
                self._answer(wire.encode_answer(wire.FirmwareVersion(0x32, 1, 6, 7)))
            case wire.SamConfiguration():
                self._answer(wire.encode_answer(wire.SamConfigured()))
            case wire.InRelease():
                self._answer(wire.encode_answer(wire.Released()))
            case wire.InListPassiveTarget():
                self._is_searching = True
                if self._uid:
                    self._show_card()

    def _show_card(self) -> None:
        self._is_searching = False
        target = wire.Target(1, _SENS_RES, _MIFARE_CLASSIC, self._uid)
        self._answer(wire.encode_answer(wire.TargetsFound((target,))))

    def _answer(self, data: bytes) -> None:
        self._last = data
        self._write(data)

    def _write(self, data: bytes) -> None:
        self.send(data, self._port.write)
