"""A CAN bus with one owner: frames with 29-bit identifiers in and out.

Reception runs on the loop (by descriptor, or handed over from python-can's thread where the interface has none); cyclic sending is done
by the drivers' own tasks, never by the kernel, whose cyclic sender would go on while this process hangs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

import can

from hal.bus.subscriptions import FrameCallback, Match, Subscriptions
from hal.errors import DeviceUnavailable
from hal.ports import Place
from hal.types import Range

_log = logging.getLogger(__name__)

_BUS_OFF = 0x40  # class of a SocketCAN error frame, linux/can/error.h
_SLCAN_WRITE_S = 0.2  # pyserial counts what a busy machine takes from us, too
_THREAD_POLL_S = 0.05
_OPEN_WAIT_S = 2.0


class CanLink(Protocol):
    """What a driver needs of its bus."""

    name: str

    async def ready(self) -> None: ...

    def subscribe(self, match: Match, callback: FrameCallback) -> Callable[[], None]: ...

    def send(self, identifier: int, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CanOptions:
    """`channel`: interface, multicast group, serial port or name; the last four are for slcan and udp_multicast only."""

    interface: Literal["socketcan", "udp_multicast", "slcan", "virtual"]
    channel: str
    bitrate: Annotated[int, Range(10_000, 1_000_000, "bit/s")] | None = None
    tty_baudrate: Annotated[int, Range(9_600, 4_000_000, "bit/s")] = 115_200
    port: Annotated[int, Range(1, 65_535)] = 43_113


class CanBus:
    """See the module. `run` raises DeviceUnavailable when the bus cannot be opened, fails, or goes bus-off."""

    Options = CanOptions
    kind: ClassVar[str] = "can"

    def __init__(self, name: str, options: CanOptions, place: Place) -> None:
        self.name = name
        self._options = options
        self._place = place
        self._bus: can.BusABC | None = None
        self._subscriptions = Subscriptions()
        self._received: deque[can.Message] = deque()
        self._failure: Exception | None = None
        self._wake = asyncio.Event()
        self._is_open = asyncio.Event()

    async def ready(self) -> None:
        """Wait a moment for the bus to be opened; raises DeviceUnavailable when it is not."""
        try:
            async with asyncio.timeout(_OPEN_WAIT_S):
                await self._is_open.wait()
        except TimeoutError:
            raise DeviceUnavailable(f"{self.name}: CAN {self._options.channel} is down") from None

    def subscribe(self, match: Match, callback: FrameCallback) -> Callable[[], None]:
        """Call back with identifier and data of each frame whose identifier matches; the returned function ends that.

        On udp_multicast these are the bus's own frames too: match the other side's identifiers.
        """
        return self._subscriptions.add(match, callback)

    def send(self, identifier: int, data: bytes) -> None:
        """Send one frame now. Raises DeviceUnavailable when the bus is down or its buffer is full."""
        if self._bus is None:
            raise DeviceUnavailable(f"{self.name}: CAN {self._options.channel} is down")
        message = can.Message(arbitration_id=identifier, data=data, is_extended_id=True)
        try:
            self._bus.send(message, timeout=_SLCAN_WRITE_S if self._options.interface == "slcan" else 0)
        except (can.CanError, OSError) as error:
            raise DeviceUnavailable(f"{self.name}: CAN {self._options.channel} cannot send: {error}") from error

    async def run(self) -> None:
        """Open the bus and hand frames to the subscribers until it fails."""
        self._failure = None
        self._received.clear()
        bus = self._bus = self._open()
        stop = self._start_reception(bus)
        self._is_open.set()
        _log.info("can_open bus=%s interface=%s channel=%s", self.name, self._options.interface, self._options.channel)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._dispatch()
        finally:
            self._is_open.clear()
            self._bus = None
            stop()
            _shut_down(bus)

    def _open(self) -> can.BusABC:
        options = self._options
        settings: dict[str, Any] = {"interface": options.interface, "channel": options.channel}
        match options.interface:
            case "udp_multicast":
                settings |= {"port": options.port, "hop_limit": 0, "fd": False}  # hop_limit 0: stay on this machine
            case "slcan":
                port = str(self._place.runtime_dir / Path(options.channel))
                # no waiting after opening and no waiting reads: both would block the loop
                settings |= {"channel": port, "tty_baudrate": options.tty_baudrate, "sleep_after_open": 0, "timeout": 0}
                settings |= {} if options.bitrate is None else {"bitrate": options.bitrate}
        try:
            return can.Bus(**settings)
        except (can.CanError, OSError, ValueError) as error:
            hint = "; without a multicast route use slcan" if options.interface == "udp_multicast" else ""
            raise DeviceUnavailable(f"{self.name}: CAN {options.channel} cannot be opened: {error}{hint}") from error

    def _start_reception(self, bus: can.BusABC) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        try:
            descriptor = bus.fileno()
        except NotImplementedError:
            notifier = can.Notifier(bus, [_HandOver(loop, self._on_message, self._on_error)], timeout=_THREAD_POLL_S)
            return notifier.stop
        loop.add_reader(descriptor, self._on_readable, bus)
        return lambda: _ignore(loop.remove_reader(descriptor))

    def _on_readable(self, bus: can.BusABC) -> None:
        try:
            while (message := self._received_now(bus)) is not None:
                self._on_message(message)
        except (can.CanError, OSError) as error:
            self._on_error(error)

    def _received_now(self, bus: can.BusABC) -> can.Message | None:
        try:
            return bus.recv(0)
        except (ValueError, IndexError) as error:  # slcan text that is no frame; it is used up
            _log.warning("can_text_damaged bus=%s error=%s", self.name, error)
            return None  # the loop reports the descriptor again when there is more

    def _on_message(self, message: can.Message) -> None:
        self._received.append(message)
        self._wake.set()

    def _on_error(self, error: Exception) -> None:
        self._failure = error
        self._wake.set()

    def _dispatch(self) -> None:
        while self._received:
            message = self._received.popleft()
            if message.is_error_frame:
                self._judge_error_frame(message)
            elif message.is_extended_id and not message.is_remote_frame:
                self._subscriptions.deliver(message.arbitration_id, bytes(message.data))
        if self._failure is not None:
            raise DeviceUnavailable(f"{self.name}: CAN {self._options.channel} failed: {self._failure}") from self._failure

    def _judge_error_frame(self, message: can.Message) -> None:
        if message.arbitration_id & _BUS_OFF:
            raise DeviceUnavailable(f"{self.name}: CAN {self._options.channel} went bus-off; check wiring, termination and bit rate")
        _log.debug("can_error_frame bus=%s class=%#x", self.name, message.arbitration_id)


class _HandOver(can.Listener):
    """Carries what python-can's thread receives into the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, message: Callable[[can.Message], None], error: Callable[[Exception], None]) -> None:
        self._loop = loop
        self._message = message
        self._error = error

    def on_message_received(self, msg: can.Message) -> None:
        self._loop.call_soon_threadsafe(self._message, msg)

    def on_error(self, exc: Exception) -> None:
        self._loop.call_soon_threadsafe(self._error, exc)


def _shut_down(bus: can.BusABC) -> None:
    try:
        bus.shutdown()
    except (can.CanError, OSError) as error:  # a vanished adapter cannot be closed politely
        _log.debug("can_shutdown error=%s", error)


def _ignore(_: object) -> None:
    return None
