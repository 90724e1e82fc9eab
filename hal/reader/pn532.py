"""NXP PN532 on a serial port (HSU) as the card reader."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from hal.bus.serial_port import OpenLink, SerialPort
from hal.errors import DeviceFault, WireError
from hal.ports import Emit, Place
from hal.reader.asking import AskingReader, NoAnswerError
from hal.reader.cards import CardOptions, Cards
from hal.types import Range
from hal.wire import pn532 as wire

_log = logging.getLogger(__name__)

_IC_PN532 = 0x32
_SENDS = 2  # of one command, before the reader is woken again

T = TypeVar("T", bound=wire.Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pn532Options(CardOptions):
    """Times of the dialogue; the rest is as with all readers."""

    baudrate: Annotated[int, Range(9_600, 1_288_000, "bit/s")] = 115_200
    ack_timeout_s: Annotated[float, Range(0.01, 5.0, "s")] = 0.1
    answer_timeout_s: Annotated[float, Range(0.05, 5.0, "s")] = 0.5
    poll_interval_s: Annotated[float, Range(0.05, 2.0, "s")] = 0.25  # while a card rests
    relist_s: Annotated[float, Range(0.2, 30.0, "s")] = 1.0  # the command to wait for a card is given anew, which shows that it is heard


class Pn532Reader(AskingReader):
    """Three failed cycles of waking and asking end `run` with DeviceUnavailable."""

    Options = Pn532Options
    bus_kind: ClassVar[str | None] = None
    kind = "PN532"

    def __init__(self, name: str, options: Pn532Options, place: Place, open_link: OpenLink = SerialPort) -> None:
        super().__init__(name, options.port, open_link(name, place.runtime_dir / options.port, options.baudrate))
        self._options = options
        self._parser = wire.FrameParser()
        self._items: deque[wire.Item] = deque()
        self._cards = Cards(name, options)

    async def _greet(self) -> None:
        self._parser.reset()
        self._items.clear()
        await self._link.write(wire.WAKE_UP)
        await self._ask(wire.SamConfiguration(), wire.SamConfigured)
        firmware = await self._ask(wire.GetFirmwareVersion(), wire.FirmwareVersion)
        if firmware.ic != _IC_PN532:
            raise DeviceFault(f"{self.name}: the chip on {self._options.port} is {firmware.ic:#04x}, not a PN532")
        _log.info("reader_ready device=%s firmware=%d.%d", self.name, firmware.version, firmware.revision)

    async def _watch(self, emit: Emit) -> None:
        """List cards until the reader stops answering."""
        while True:
            await self._command(wire.InListPassiveTarget())
            self._answers()
            try:
                answer = await self._answer(wire.TargetsFound, self._options.relist_s)
            except NoAnswerError:  # no card: give up waiting, and ask again
                await self._link.write(wire.ACK)
                continue
            for target in answer.targets:
                self._cards.show(target.uid, asyncio.get_running_loop().time(), emit, is_iso14443a=True)
            await asyncio.sleep(self._options.poll_interval_s)

    async def _ask(self, command: wire.Command, kind: type[T]) -> T:
        await self._command(command)
        return await self._answer(kind, self._options.answer_timeout_s)

    async def _command(self, command: wire.Command) -> None:
        """Send until acknowledged; answers that were on their way to an earlier command are passed over."""
        for _ in range(_SENDS):
            await self._link.write(wire.encode_command(command))
            try:
                async with asyncio.timeout(self._options.ack_timeout_s):
                    while not isinstance(await self._next(), wire.Ack):
                        pass
            except TimeoutError:
                self._parser.reset()
            else:
                return
        raise NoAnswerError(f"{type(command).__name__} is not acknowledged")

    async def _answer(self, kind: type[T], timeout_s: float) -> T:
        """The next answer of this kind; raises NoAnswerError for damage and after the time-out."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    answer = _decoded(await self._next())
                    if isinstance(answer, kind):
                        return answer
        except TimeoutError:
            self._parser.reset()
            raise NoAnswerError(f"no {kind.__name__} in time") from None

    async def _next(self) -> wire.Item:
        while not self._items:
            self._items.extend(self._parser.feed(await self._link.read()))
        return self._items.popleft()


def _decoded(item: wire.Item) -> wire.Answer | None:
    """None for what is no information frame; raises NoAnswerError for what cannot be understood on either side."""
    match item:
        case wire.Frame():
            try:
                return wire.decode_answer(item)
            except WireError as error:
                raise NoAnswerError(str(error)) from error
        case wire.SyntaxErrorFrame():
            raise NoAnswerError("the reader did not understand")
        case WireError():
            raise NoAnswerError(str(item))
    return None
