"""RDM6300 and other 125 kHz readers that repeat the number of the card before them, as the card reader."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Annotated, ClassVar

from hal.bus.serial_port import OpenLink, SerialPort
from hal.ports import Emit, Place
from hal.reader.cards import CardOptions, Cards
from hal.types import Range
from hal.wire import rdm6300 as wire

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rdm6300Options(CardOptions):
    """`with_version`: the UID has five bytes, the version or customer code before the number."""

    baudrate: Annotated[int, Range(1_200, 115_200, "bit/s")] = 9_600
    with_version: bool = False


class Rdm6300Reader:
    """It speaks when a card is there and never otherwise: that it lives cannot be known, only that its port does."""

    Options = Rdm6300Options
    bus_kind: ClassVar[str | None] = None

    def __init__(self, name: str, options: Rdm6300Options, place: Place, open_link: OpenLink = SerialPort) -> None:
        self.name = name
        self._options = options
        self._link = open_link(name, place.runtime_dir / options.port, options.baudrate)
        self._cards = Cards(name, options)

    async def run(self, emit: Emit) -> None:
        """Listen; see the port."""
        parser = wire.FrameParser()
        self._link.open()
        try:
            while True:
                for item in parser.feed(await self._link.read()):
                    match item:
                        case wire.Tag(version, number):
                            uid = bytes((version,)) + number if self._options.with_version else number
                            self._cards.show(uid, asyncio.get_running_loop().time(), emit)
                        case _:
                            _log.debug("frame_refused device=%s error=%s", self.name, item)
        finally:
            self._link.close()
