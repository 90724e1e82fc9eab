"""An Elatec TWN4 with the Simple Protocol on a serial port: it answers what it is asked."""

from __future__ import annotations

import logging

from hal.errors import WireError
from hal.mock.peers.byte_wire import ByteWire
from hal.mock.peers.card_reader import CardReaderPeer
from hal.mock.plant_bus import PlantBus
from hal.reader.cards import CardOptions
from hal.wire import twn4 as wire
from hal.wire.lines import LineParser

_log = logging.getLogger(__name__)

_UNKNOWN_FUNCTION = 1


class Twn4Peer(CardReaderPeer[CardOptions]):
    """Every card is a MIFARE Classic."""

    def __init__(self, name: str, port: ByteWire, plant: PlantBus, options: CardOptions) -> None:
        super().__init__(name, port, plant, options)
        self._parser = LineParser(wire.MAX_LINE)

    def _on_bytes(self, data: bytes) -> None:
        for line in self._parser.feed(data):
            try:
                command = wire.decode_command(line) if isinstance(line, bytes) else None
            except WireError as error:
                _log.debug("line_refused device=%s error=%s", self.name, error)
                command = None
            self._write(self._answer(command))

    def _answer(self, command: wire.Command | None) -> bytes:
        match command:
            case wire.GetVersionString(max_length):
                return wire.encode_version("TWN4/B1.08/NCF4.80/S1SC1"[:max_length])
            case wire.SetTagTypes():
                return wire.encode_status(wire.STATUS_OK)
            case wire.SearchTag():
                return wire.encode_found(wire.Found(wire.ISO14443A, 8 * len(self._uid), self._uid) if self._uid else None)
        return wire.encode_status(_UNKNOWN_FUNCTION)
