"""Elatec TWN4 with the Simple Protocol firmware on a serial port or as a USB device, as the card reader."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from hal.bus.serial_port import OpenLink, SerialPort
from hal.errors import DeviceFault, WireError
from hal.ports import Emit, Place
from hal.reader.asking import AskingReader, NoAnswerError
from hal.reader.cards import CardOptions, Cards
from hal.types import Range
from hal.wire import twn4 as wire
from hal.wire.lines import Line, LineParser

_log = logging.getLogger(__name__)


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Twn4Options(CardOptions):
    """`low_frequency`, `high_frequency`: bit masks of the kinds of card that are looked for; without them the reader's own choice stays."""

    baudrate: Annotated[int, Range(1_200, 921_600, "bit/s")] = 9_600
    low_frequency: Annotated[int, Range(0, 0xFFFF_FFFF)] | None = None
    high_frequency: Annotated[int, Range(0, 0xFFFF_FFFF)] | None = None
    answer_timeout_s: Annotated[float, Range(0.05, 5.0, "s")] = 1.5
    poll_interval_s: Annotated[float, Range(0.05, 2.0, "s")] = 0.4

    def __post_init__(self) -> None:
        CardOptions.__post_init__(self)
        if (self.low_frequency is None) is not (self.high_frequency is None):
            raise ValueError("low_frequency and high_frequency go together: the reader takes both masks at once")


class Twn4Reader(AskingReader):
    """Three failed cycles of asking end `run` with DeviceUnavailable; a reader that does not know the commands, with DeviceFault."""

    Options = Twn4Options
    bus_kind: ClassVar[str | None] = None
    kind = "TWN4 with the Simple Protocol"

    def __init__(self, name: str, options: Twn4Options, place: Place, open_link: OpenLink = SerialPort) -> None:
        super().__init__(name, options.port, open_link(name, place.runtime_dir / options.port, options.baudrate))
        self._options = options
        self._parser = LineParser(wire.MAX_LINE)
        self._lines: deque[Line] = deque()
        self._cards = Cards(name, options)

    async def _greet(self) -> None:
        version = await self._ask(wire.GetVersionString(), wire.decode_version)
        if self._options.low_frequency is not None and self._options.high_frequency is not None:
            await self._ask(wire.SetTagTypes(self._options.low_frequency, self._options.high_frequency), wire.decode_status)
        _log.info("reader_ready device=%s firmware=%s", self.name, version)

    async def _watch(self, emit: Emit) -> None:
        """Ask until the reader stops answering."""
        while True:
            found = await self._ask(wire.SearchTag(), wire.decode_found)
            self._answers()
            if found is not None:
                is_iso14443a = found.tag_type == wire.ISO14443A
                self._cards.show(found.uid, asyncio.get_running_loop().time(), emit, is_iso14443a=is_iso14443a)
            await asyncio.sleep(self._options.poll_interval_s)

    async def _ask(self, command: wire.Command, decode: Callable[[bytes], T]) -> T:
        """The answer to a command. What is still on its way to an earlier one is thrown away with what was received before."""
        self._parser.flush()
        self._lines.clear()
        await self._link.write(wire.encode_command(command))
        try:
            async with asyncio.timeout(self._options.answer_timeout_s):
                line = await self._next()
        except TimeoutError:
            raise NoAnswerError(f"no answer to {type(command).__name__} in time") from None
        try:
            if isinstance(line, WireError):
                raise line
            status = wire.decode_status(line)
            if status in wire.STATUSES:
                raise DeviceFault(f"{self.name}: the reader refuses {type(command).__name__}: {wire.STATUSES[status]}")
            return decode(line)
        except WireError as error:
            raise NoAnswerError(str(error)) from error

    async def _next(self) -> Line:
        while not self._lines:
            self._lines.extend(self._parser.feed(await self._link.read()))
        return self._lines.popleft()
