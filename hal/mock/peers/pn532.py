"""A PN532 card reader on a serial port: it acknowledges at once, and keeps a search for cards waiting until one comes."""

from __future__ import annotations

import logging

from hal.errors import WireError
from hal.mock.peers.byte_wire import ByteWire
from hal.mock.peers.card_reader import CardReaderPeer
from hal.mock.plant_bus import PlantBus
from hal.reader.cards import CardOptions
from hal.wire import pn532 as wire

_log = logging.getLogger(__name__)

_MIFARE_CLASSIC = 0x08
_SENS_RES = 0x0004


class Pn532Peer(CardReaderPeer[CardOptions]):
    """Every card is a MIFARE Classic."""

    def __init__(self, name: str, port: ByteWire, plant: PlantBus, options: CardOptions) -> None:
        super().__init__(name, port, plant, options)
        self._parser = wire.FrameParser()
        self._is_searching = False
        self._last = b""

    def _card_came(self) -> None:
        if self._is_searching:
            self._show_card()

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
