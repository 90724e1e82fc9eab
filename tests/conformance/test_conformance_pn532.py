"""The PN532 driver over links of all qualities."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceFault, DeviceUnavailable
from hal.ports import Place
from hal.reader.pn532 import Pn532Options, Pn532Reader
from hal.types import TokenRead
from hal.wire import pn532 as wire
from tests.conformance.links import QUALITIES, BytePipe, Quality, Supervised, now_s

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


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_card_is_read_once_for_each_time_it_is_put_there(quality: str) -> None:
    """One event while it rests, another after it was away; whatever the link does to the bytes."""

    async def scene() -> None:
        reader, _, driver = rig(QUALITIES[quality]())
        async with Supervised(driver) as run:
            await asyncio.sleep(3.0)
            for _ in range(2):
                reader.put(CARD)
                await asyncio.sleep(6.0)
                reader.put(None)
                await asyncio.sleep(4.0)
        assert set(run.values) == {TokenRead("04A224B26D4980")}
        # a lossy link may lose a resting card for longer than the absence time, which reads as put there again
        assert len(run.values) == 2 if quality != "lossy" else 2 <= len(run.values) <= 4

    run_virtual(scene())


def test_byte_order_and_prefix_are_options() -> None:
    """Reversed order and a prefix make another id tag of the same card."""

    async def scene() -> None:
        reader, _, driver = rig(Quality(), byte_order="reversed", prefix="DE")
        reader.card = CARD
        async with Supervised(driver) as run:
            await asyncio.sleep(2.0)
        assert run.values == [TokenRead("DE80496DB224A204")]

    run_virtual(scene())


def test_random_uids_are_no_identity() -> None:
    """A four-byte UID starting with 08 is ignored."""

    async def scene() -> None:
        reader, _, driver = rig(Quality())
        reader.card = bytes.fromhex("08112233")
        async with Supervised(driver) as run:
            await asyncio.sleep(5.0)
        assert run.values == []
        assert run.errors == []

    run_virtual(scene())


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


def test_a_silent_reader_is_unavailable_and_heals() -> None:
    """Three failed cycles end the run; when the reader answers again the next run reads cards."""

    async def scene() -> None:
        reader, pipe, driver = rig(Quality())
        async with Supervised(driver) as run:
            await asyncio.sleep(2.0)
            cut_at_s = now_s()
            pipe.quality.is_cut = True
            await asyncio.sleep(5.0)
            at_s, error = run.errors[0]
            assert isinstance(error, DeviceUnavailable)
            assert "reader" in str(error)
            assert at_s - cut_at_s < 3.0
            pipe.quality.is_cut = False
            reader.put(CARD)
            await asyncio.sleep(2.0)
        assert run.values == [TokenRead("04A224B26D4980")]
        assert not pipe.is_open

    run_virtual(scene())


def test_a_vanished_adapter_is_unavailable_and_heals() -> None:
    """Pulling the adapter ends the run at once; plugging it in heals."""

    async def scene() -> None:
        reader, pipe, driver = rig(Quality())
        async with Supervised(driver) as run:
            await asyncio.sleep(2.0)
            pipe.unplug()
            await asyncio.sleep(2.0)
            assert run.errors
            pipe.is_plugged = True
            reader.put(CARD)
            await asyncio.sleep(3.0)
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


def test_a_prefix_must_leave_room_for_a_uid() -> None:
    """An id tag has at most twenty characters."""
    with pytest.raises(ValueError, match="prefix"):
        Pn532Options(port="nfc", prefix="X" * 13)
