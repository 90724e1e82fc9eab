"""The PN532 driver over links of all qualities."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceFault
from hal.ports import Place
from hal.reader.pn532 import Pn532Options, Pn532Reader
from hal.types import TokenRead
from hal.wire import pn532 as wire
from tests.conformance.links import BytePipe, Quality, Supervised

PLACE = Place(Path("/state"), Path("/run"))
CARD = bytes.fromhex("04A224B26D4980")


class FakeReader:
    """The reader's side: answers commands, and keeps InListPassiveTarget open until a card comes."""

    def __init__(self) -> None:
        self.card: bytes | None = None
        self.ic = 0x32
        self.pipe: BytePipe | None = None
        self.is_listing = False
        self.listings = 0
        self._parser = wire.FrameParser()

    def __call__(self, data: bytes) -> bytes:
        said = b""
        for item in self._parser.feed(data):
            self.is_listing = False
            if isinstance(item, wire.Frame):
                said += wire.ACK + self._answer(wire.decode_command(item))
        return said

    def _answer(self, command: wire.Command) -> bytes:
        match command:
            case wire.GetFirmwareVersion():
                return wire.encode_answer(wire.FirmwareVersion(self.ic, 1, 6, 7))
            case wire.SamConfiguration():
                return wire.encode_answer(wire.SamConfigured())
            case wire.InListPassiveTarget():
                self.listings += 1
                self.is_listing = self.card is None
                return self._found() if self.card is not None else b""
        return wire.encode_answer(wire.Released())

    def _found(self) -> bytes:
        assert self.card is not None
        return wire.encode_answer(wire.TargetsFound((wire.Target(1, 0x0044, 0x00, self.card),)))

    def put(self, card: bytes | None) -> None:
        self.card = card
        if card is not None and self.is_listing and self.pipe is not None:
            self.is_listing = False
            self.pipe.deliver(self._found())


def rig(quality: Quality, **options: object) -> tuple[FakeReader, BytePipe, Pn532Reader]:
    reader = FakeReader()
    pipe = BytePipe(reader, quality)
    reader.pipe = pipe
    driver = Pn532Reader("reader", Pn532Options(port="nfc", **options), PLACE, lambda name, port, baudrate: pipe)  # type: ignore[arg-type]
    return reader, pipe, driver


def test_two_missed_acknowledgements_wake_the_reader_again() -> None:
    """A reader that lost its power for a moment is woken and goes on, without an error."""

    async def scene() -> None:
        reader, pipe, driver = rig(Quality())
        async with Supervised(driver) as run:
            await asyncio.sleep(1.5)
            pipe.quality.is_cut = True
            await asyncio.sleep(1.0)
            pipe.quality.is_cut = False
            reader.put(CARD)
            await asyncio.sleep(2.0)
        assert pipe.written.count(wire.WAKE_UP) >= 2
        assert run.errors == []
        assert run.values == [TokenRead("04A224B26D4980")]

    run_virtual(scene())


def test_another_chip_is_a_fault() -> None:
    """What is no PN532 is said to be none."""

    async def scene() -> None:
        reader, _, driver = rig(Quality())
        reader.ic = 0x07
        async with Supervised(driver) as run:
            await asyncio.sleep(1.0)
        assert isinstance(run.errors[0][1], DeviceFault)

    run_virtual(scene())


def test_at_rest_it_is_quiet() -> None:
    """Without a card the reader is asked about once a second, not more."""

    async def scene() -> None:
        reader, _, driver = rig(Quality())
        async with Supervised(driver):
            await asyncio.sleep(60.0)
        assert 50 <= reader.listings <= 62

    run_virtual(scene())
