"""Every card reader over links of all qualities: the same tests for each driver, with the reader's side from its codec."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceFault, DeviceUnavailable
from hal.ports import Place
from hal.reader.cards import CardOptions, Cards
from hal.reader.line import LineReader, LineReaderOptions
from hal.reader.pn532 import Pn532Reader
from hal.reader.rdm6300 import Rdm6300Reader
from hal.reader.twn4 import Twn4Reader
from hal.registry import DEVICES
from hal.types import TokenRead
from hal.wire import pn532, rdm6300, twn4
from hal.wire.lines import LineParser
from tests.conformance.links import QUALITIES, BytePipe, Quality, Supervised, now_s

PLACE = Place(Path("/state"), Path("/run"))


class Reader:
    """The reader's side of the wire. `card` rests before it; every driver makes of it the id tag `id_tag`."""

    driver: ClassVar[Callable[..., Any]]
    card: ClassVar[bytes]
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.shown: bytes | None = None
        self.pipe: BytePipe | None = None

    @abstractmethod
    def __call__(self, data: bytes) -> bytes:
        """What it answers to bytes from the driver."""

    def put(self, card: bytes | None) -> None:
        self.shown = card

    def say(self, data: bytes) -> None:
        assert self.pipe is not None
        if self.pipe.is_open:
            self.pipe.deliver(data)


class Pn532(Reader):
    """Keeps the question for cards open until one comes."""

    driver = Pn532Reader
    card = bytes.fromhex("04A224B26D4980")

    def __init__(self) -> None:
        super().__init__()
        self.ic = 0x32
        self.listings = 0
        self._is_listing = False
        self._parser = pn532.FrameParser()

    def __call__(self, data: bytes) -> bytes:
        said = b""
        for item in self._parser.feed(data):
            self._is_listing = False
            if isinstance(item, pn532.Frame):
                said += pn532.ACK + self._answer(pn532.decode_command(item))
        return said

    def _answer(self, command: pn532.Command) -> bytes:
        match command:
            case pn532.GetFirmwareVersion():
                return pn532.encode_answer(pn532.FirmwareVersion(self.ic, 1, 6, 7))
            case pn532.InListPassiveTarget():
                self.listings += 1
                self._is_listing = self.shown is None
                return self._found() if self.shown is not None else b""
        return pn532.encode_answer(pn532.SamConfigured())

    def _found(self) -> bytes:
        return pn532.encode_answer(pn532.TargetsFound((pn532.Target(1, 0x0044, 0x00, self.shown or b""),)))

    def put(self, card: bytes | None) -> None:
        super().put(card)
        if card is not None and self._is_listing:
            self._is_listing = False
            self.say(self._found())


class Rdm6300(Reader):
    """Repeats the frame while the card rests."""

    driver = Rdm6300Reader
    card = bytes.fromhex("00A1B2C3")

    def __call__(self, data: bytes) -> bytes:
        raise AssertionError("nothing is ever sent to this reader")

    def put(self, card: bytes | None) -> None:
        was_empty = self.shown is None
        super().put(card)
        if was_empty:
            self._repeat()

    def _repeat(self) -> None:
        if self.shown is not None:
            self.say(rdm6300.encode_tag(rdm6300.Tag(1, self.shown)))
            asyncio.get_running_loop().call_later(0.08, self._repeat)


class Twn4(Reader):
    """Answers what it is asked."""

    driver = Twn4Reader
    card = bytes.fromhex("9D44A346")
    refusal: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.masks: tuple[int, int] | None = None
        self._lines = LineParser(twn4.MAX_LINE)

    def __call__(self, data: bytes) -> bytes:
        (line,) = self._lines.feed(data)
        assert isinstance(line, bytes)
        match twn4.decode_command(line):
            case _ if self.refusal is not None:
                return twn4.encode_status(self.refusal)
            case twn4.GetVersionString():
                return twn4.encode_version("TWN4/B1.08/NCF4.80/S1SC1")
            case twn4.SetTagTypes(low, high):
                self.masks = low, high
                return twn4.encode_status(0)
        return twn4.encode_found(None if self.shown is None else twn4.Found(twn4.ISO14443A, 8 * len(self.shown), self.shown))


class Line(Reader):
    """Writes one line when a card comes."""

    driver = LineReader
    card = bytes.fromhex("04A224B26D4980")
    options: ClassVar[dict[str, Any]] = {"pattern": "CARD=(?P<uid>[0-9A-F]+)"}

    def __call__(self, data: bytes) -> bytes:
        raise AssertionError("nothing is ever sent to this reader")

    def put(self, card: bytes | None) -> None:
        super().put(card)
        if card is not None:
            self.say(b"\x02CARD=" + card.hex().upper().encode() + b"\x03\r\n")


READERS: dict[str, type[Reader]] = {"pn532": Pn532, "rdm6300": Rdm6300, "elatec-twn4": Twn4, "line-reader": Line}

each_reader = pytest.mark.parametrize("kind", READERS)


def rig(kind: str, quality: Quality | None = None, **options: object) -> tuple[Reader, BytePipe, Any]:
    reader = READERS[kind]()
    pipe = reader.pipe = BytePipe(reader, quality or Quality())
    made = reader.driver.Options(port="usb", **{**reader.options, **options})  # type: ignore[attr-defined]
    return reader, pipe, type(reader).driver("reader", made, PLACE, lambda name, port, baudrate: pipe)


def read(kind: str, **options: object) -> list[object]:
    """What becomes of the kind's card, with these options."""
    reader, _, driver = rig(kind, **options)

    async def scene() -> list[object]:
        async with Supervised(driver) as run:
            await asyncio.sleep(1.0)
            reader.put(reader.card)
            await asyncio.sleep(2.0)
        assert run.errors == []
        return list(run.values)

    return run_virtual(scene())


def test_no_reader_is_forgotten() -> None:
    """Every real reader of the registry is tried here."""
    assert {name for name, entry in DEVICES.items() if entry.role == "reader" and not name.startswith("mock-")} == READERS.keys()


@each_reader
@pytest.mark.parametrize("quality", QUALITIES)
def test_a_card_is_read_once_for_each_time_it_is_put_there(kind: str, quality: str) -> None:
    """One event while it rests, another after it was away; whatever the link does to the bytes."""

    async def scene() -> None:
        reader, _, driver = rig(kind, QUALITIES[quality]())
        async with Supervised(driver) as run:
            await asyncio.sleep(3.0)
            for _ in range(2):
                reader.put(reader.card)
                await asyncio.sleep(6.0)
                reader.put(None)
                await asyncio.sleep(4.0)
        assert set(run.values) <= {TokenRead(reader.card.hex().upper())}
        if kind == "line-reader" and quality in ("lossy", "garbage"):  # a line that is said once can be lost
            assert len(run.values) <= 2
        elif quality == "lossy":  # may lose a resting card for longer than the absence time, which reads as put there again
            assert 2 <= len(run.values) <= 4
        else:
            assert len(run.values) == 2

    run_virtual(scene())


@each_reader
def test_how_an_id_tag_is_written_is_an_option(kind: str) -> None:
    """Byte order, letter case, prefix, and the decimal number that is printed on cards."""
    card = READERS[kind].card
    digits = len(str(256 ** len(card) - 1))
    assert read(kind, byte_order="reversed", prefix="DE") == [TokenRead("DE" + card[::-1].hex().upper())]
    assert read(kind, letter_case="lower") == [TokenRead(card.hex())]
    assert read(kind, format="decimal") == [TokenRead(f"{int.from_bytes(card, 'big'):0{digits}d}")]


@each_reader
def test_a_vanished_adapter_is_unavailable_and_heals(kind: str) -> None:
    """Pulling the adapter ends the run at once, while it is away the port cannot be opened; plugging it in heals."""

    async def scene() -> None:
        reader, pipe, driver = rig(kind)
        async with Supervised(driver) as run:
            await asyncio.sleep(2.0)
            pipe.unplug()
            await asyncio.sleep(2.0)
            assert len(run.errors) >= 2
            assert all(isinstance(error, DeviceUnavailable) for _, error in run.errors)
            assert not pipe.is_open
            pipe.is_plugged = True
            await asyncio.sleep(1.0)
            reader.put(reader.card)
            await asyncio.sleep(3.0)
        assert run.values == [TokenRead(reader.card.hex().upper())]

    run_virtual(scene())


@each_reader
def test_a_card_that_rests_while_the_adapter_is_pulled_is_not_put_there_again(kind: str) -> None:
    """A loose plug makes no second event of the same card, where the reader tells the card in time."""

    async def scene() -> None:
        reader, pipe, driver = rig(kind)
        async with Supervised(driver, pause_s=0.2) as run:
            await asyncio.sleep(2.0)
            reader.put(reader.card)
            await asyncio.sleep(1.0)
            pipe.unplug()
            pipe.is_plugged = True
            await asyncio.sleep(2.0)
        assert run.values == [TokenRead(reader.card.hex().upper())]
        assert len(run.errors) == 1

    run_virtual(scene())


@each_reader
def test_the_port_is_released_when_the_driver_ends(kind: str) -> None:
    """Clean cancellation, also in the middle of a dialogue."""

    async def scene() -> None:
        for at_s in (0.0, 0.0005, 0.5, 2.0):
            _, pipe, driver = rig(kind)
            async with Supervised(driver) as run:
                await asyncio.sleep(at_s)
            assert not pipe.is_open
            assert run.errors == []

    run_virtual(scene())


@each_reader
def test_a_prefix_must_leave_room_for_a_uid(kind: str) -> None:
    """An id tag has at most twenty characters."""
    with pytest.raises(ValueError, match="prefix"):
        READERS[kind].driver.Options(port="usb", prefix="X" * 13)  # type: ignore[attr-defined]


# --- what only some of them have -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["elatec-twn4", "pn532"])
def test_a_silent_reader_is_unavailable_and_heals(kind: str) -> None:
    """Three failed cycles end the run; when the reader answers again the next run reads cards."""

    async def scene() -> None:
        reader, pipe, driver = rig(kind, answer_timeout_s=0.5)
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
            reader.put(reader.card)
            await asyncio.sleep(3.0)
        assert run.values == [TokenRead(reader.card.hex().upper())]

    run_virtual(scene())


@pytest.mark.parametrize("kind", ["elatec-twn4", "pn532"])
def test_random_uids_are_no_identity(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """A four-byte UID starting with 08 is ignored, with a warning for each time it is put there."""
    caplog.set_level(logging.WARNING)

    async def scene() -> None:
        reader, _, driver = rig(kind)
        reader.put(bytes.fromhex("08112233"))
        async with Supervised(driver) as run:
            await asyncio.sleep(5.0)
        assert (run.values, run.errors) == ([], [])

    run_virtual(scene())
    assert [record.getMessage() for record in caplog.records] == ["card_ignored device=reader cause=random_uid"]


def test_two_missed_acknowledgements_wake_the_reader_again() -> None:
    """A reader that lost its power for a moment is woken and goes on, without an error."""

    async def scene() -> None:
        reader, pipe, driver = rig("pn532")
        async with Supervised(driver) as run:
            await asyncio.sleep(1.5)
            pipe.quality.is_cut = True
            await asyncio.sleep(1.0)
            pipe.quality.is_cut = False
            reader.put(reader.card)
            await asyncio.sleep(2.0)
        assert pipe.written.count(pn532.WAKE_UP) >= 2
        assert run.errors == []
        assert run.values == [TokenRead("04A224B26D4980")]

    run_virtual(scene())


def test_another_chip_is_a_fault() -> None:
    """What is no PN532 is said to be none."""

    async def scene() -> None:
        reader, _, driver = rig("pn532")
        assert isinstance(reader, Pn532)
        reader.ic = 0x07
        async with Supervised(driver) as run:
            await asyncio.sleep(1.0)
        assert isinstance(run.errors[0][1], DeviceFault)

    run_virtual(scene())


def test_at_rest_it_is_quiet() -> None:
    """Without a card the reader is asked about once a second, not more."""

    async def scene() -> None:
        reader, _, driver = rig("pn532")
        assert isinstance(reader, Pn532)
        async with Supervised(driver):
            await asyncio.sleep(60.0)
        assert 50 <= reader.listings <= 62

    run_virtual(scene())


def test_the_version_may_belong_to_the_uid() -> None:
    """Some stations know their 125 kHz cards by all ten digits."""
    assert read("rdm6300", with_version=True) == [TokenRead("0100A1B2C3")]


def test_the_kinds_of_card_are_set_where_they_are_configured() -> None:
    """Both masks at once; without them the reader's own choice is left alone."""

    async def scene(**masks: int) -> tuple[int, int] | None:
        reader, _, driver = rig("elatec-twn4", **masks)
        async with Supervised(driver):
            await asyncio.sleep(1.0)
        assert isinstance(reader, Twn4)
        return reader.masks

    assert run_virtual(scene()) is None
    assert run_virtual(scene(low_frequency=0, high_frequency=0x01)) == (0, 1)
    with pytest.raises(ValueError, match="go together"):
        Twn4Reader.Options(port="usb", low_frequency=0)


def test_a_reader_with_other_firmware_is_a_fault() -> None:
    """It answers, but does not know the commands: waiting does not help."""

    async def scene() -> None:
        reader, _, driver = rig("elatec-twn4")
        assert isinstance(reader, Twn4)
        reader.refusal = 1
        async with Supervised(driver) as run:
            await asyncio.sleep(1.0)
        assert isinstance(run.errors[0][1], DeviceFault)
        assert "unknown function" in str(run.errors[0][1])

    run_virtual(scene())


@pytest.mark.parametrize(
    ("options", "said", "id_tags"),
    [
        ({}, b"04a224b2\n", ["04A224B2"]),
        ({"uid_base": "decimal"}, b"0010597059\r", ["00A1B2C3"]),
        ({"uid_base": "decimal", "format": "decimal"}, b"0010597059\r", ["0010597059"]),
        ({"uid_base": "decimal", "uid_size": 7}, b"12345678901\r", ["000002DFDC1C35"]),
        ({"pattern": r"UID: (?P<uid>\w{8}) *"}, b"UID: 04A224B2  \r\n", ["04A224B2"]),
        ({"ended_by": "pause"}, b"04A224B2", ["04A224B2"]),
        ({}, b"04A224\r", []),  # three bytes are no UID
        ({}, b"04A224B\r", []),
        ({"uid_base": "decimal"}, b"99999999999\r", []),
        ({}, b"HELLO\r", []),
        ({}, b"A" * 5000 + b"\r", []),
    ],
)
def test_lines_of_all_kinds(options: dict[str, Any], said: bytes, id_tags: list[str]) -> None:
    """Hexadecimal or decimal, with words around it, ended by a pause or a line end; what holds no UID is refused."""

    async def scene() -> None:
        reader = Line()
        pipe = reader.pipe = BytePipe(reader, Quality(piece=3))
        driver = LineReader("reader", LineReaderOptions(port="usb", **options), PLACE, lambda name, port, baudrate: pipe)
        async with Supervised(driver) as run:
            await asyncio.sleep(0.5)
            reader.say(said)
            await asyncio.sleep(1.0)
        assert run.values == [TokenRead(id_tag) for id_tag in id_tags]
        assert run.errors == []

    run_virtual(scene())


@pytest.mark.parametrize(("pattern", "words"), [("[0-9", "no regular expression"), ("[0-9A-F]+", "group named uid")])
def test_a_pattern_that_cannot_work_is_refused(pattern: str, words: str) -> None:
    """When the configuration is read, not at the first card."""
    with pytest.raises(ValueError, match=words):
        LineReaderOptions(port="usb", pattern=pattern)


# --- from UID to id tag ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4, 5, 7, 10])
@pytest.mark.parametrize("byte_order", ["reader", "reversed"])
@pytest.mark.parametrize("format_", ["hex", "decimal"])
def test_an_id_tag_leads_back_to_its_uid(size: int, byte_order: Any, format_: Any) -> None:
    """What a simulated card has to show, so that the station tells this id tag."""
    options = CardOptions(port="usb", byte_order=byte_order, format=format_, prefix="D")
    uid = bytes(range(1, size + 1))
    assert options.uid(options.id_tag(uid), (4, 5, 7, 10)) == uid


@pytest.mark.parametrize("id_tag", ["", "D", "D04A2", "04A2B1C3", "D04A2B1C", "D04A2B1CX", "D-4A2B1C3"])
def test_an_id_tag_no_card_can_show(id_tag: str) -> None:
    """Told with the form it must have."""
    with pytest.raises(ValueError, match="id_tag must be 'D' and the UID of a card, 8, 14 or 20 hexadecimal digits"):
        CardOptions(port="usb", prefix="D").uid(id_tag, (4, 7, 10))


def test_a_uid_too_long_for_an_id_tag_is_no_card() -> None:
    """Ten bytes behind a prefix, or as a decimal number, do not fit."""
    told: list[object] = []
    Cards("reader", CardOptions(port="usb", format="decimal")).show(bytes(10), 0.0, told.append)
    Cards("reader", CardOptions(port="usb", prefix="DE")).show(bytes(10), 0.0, told.append)
    assert told == []
