"""Card readers that write a line for each card, as the card reader: what a UID looks like in it is configuration."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from hal.bus.serial_port import OpenLink, SerialPort
from hal.errors import WireError
from hal.ports import Emit, Place
from hal.reader.cards import CardOptions, Cards
from hal.types import Range
from hal.wire.lines import LineParser

_log = logging.getLogger(__name__)

_MAX_LINE = 200
_LONGEST_UID = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReaderOptions(CardOptions):
    """`pattern` must match the whole line, control characters at its ends aside, and hold a group `uid`.

    uid_base: how the reader writes the UID; a decimal one has `uid_size` bytes. ended_by: `line` for CR, LF or both, `pause` for a
    reader that ends nothing and stays quiet for `pause_s`.
    """

    baudrate: Annotated[int, Range(1_200, 921_600, "bit/s")] = 9_600
    pattern: str = "(?P<uid>[0-9A-Fa-f]+)"
    uid_base: Literal["hex", "decimal"] = "hex"
    uid_size: Annotated[int, Range(4, _LONGEST_UID, "bytes")] = 4
    ended_by: Literal["line", "pause"] = "line"
    pause_s: Annotated[float, Range(0.01, 1.0, "s")] = 0.05

    def __post_init__(self) -> None:
        CardOptions.__post_init__(self)
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}") from error
        if "uid" not in groups:
            raise ValueError("pattern needs a group named uid, as in (?P<uid>[0-9A-F]+)")

    def uid_of(self, line: bytes) -> bytes:
        """The UID in a line. Raises WireError for a line without one."""
        text = line.decode("latin-1").strip("\x00\x02\x03 \t")
        match = re.fullmatch(self.pattern, text)
        try:
            digits = "" if match is None else match["uid"] or ""
            uid = bytes.fromhex(digits) if self.uid_base == "hex" else int(digits, 10).to_bytes(self.uid_size, "big")
        except (ValueError, OverflowError):
            uid = b""
        if not 4 <= len(uid) <= _LONGEST_UID:
            raise WireError(f"a line of {len(line)} characters holds no UID of 4 to {_LONGEST_UID} bytes; see the option pattern")
        return uid


class LineReader:
    """It speaks when a card is there and never otherwise: that it lives cannot be known, only that its port does."""

    Options = LineReaderOptions
    bus_kind: ClassVar[str | None] = None

    def __init__(self, name: str, options: LineReaderOptions, place: Place, open_link: OpenLink = SerialPort) -> None:
        self.name = name
        self._options = options
        self._link = open_link(name, place.runtime_dir / options.port, options.baudrate)
        self._cards = Cards(name, options)

    async def run(self, emit: Emit) -> None:
        """Listen; see the port."""
        parser = LineParser(_MAX_LINE)
        self._link.open()
        try:
            while True:
                for line in parser.feed(await self._link.read()):
                    self._take(line, emit)
                if self._options.ended_by == "pause":
                    await self._hear_out(parser, emit)
        finally:
            self._link.close()

    async def _hear_out(self, parser: LineParser, emit: Emit) -> None:
        """Read on until the reader pauses; then what has come is a line."""
        try:
            while True:
                async with asyncio.timeout(self._options.pause_s):
                    data = await self._link.read()
                for line in parser.feed(data):
                    self._take(line, emit)
        except TimeoutError:
            for line in parser.flush():
                self._take(line, emit)

    def _take(self, line: bytes | WireError, emit: Emit) -> None:
        try:
            if isinstance(line, WireError):
                raise line
            uid = self._options.uid_of(line)
        except WireError as error:
            _log.warning("card_line_refused device=%s error=%s", self.name, error)
            return
        self._cards.show(uid, asyncio.get_running_loop().time(), emit)
