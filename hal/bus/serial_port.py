"""A serial port read by the event loop: bytes in, bytes out, and a clear error when the adapter vanishes."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import serial

from hal.errors import DeviceUnavailable

_CHUNK = 4096
_PARITY = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}

Parity = Literal["none", "even", "odd"]


class ByteLink(Protocol):
    """What a driver of a serial device needs of its port; `close` may be called at any time."""

    def open(self) -> None: ...

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...

    def put(self, data: bytes) -> None: ...

    def close(self) -> None: ...


OpenLink = Callable[[str, Path, int], ByteLink]
"""How a driver gets its port: name of the device, port, baud rate."""


class SerialPort:
    """One port with eight data bits, opened exclusively; `name` is the device's, for messages. Used by one task at a time."""

    def __init__(self, name: str, port: Path, baudrate: int, parity: Parity = "none", stopbits: int = 1) -> None:
        self.name = name
        self.path = port
        self._baudrate, self._parity, self._stopbits = baudrate, _PARITY[parity], stopbits
        self._serial: serial.Serial | None = None

    def open(self) -> None:
        """Raises DeviceUnavailable when the port is missing, held by somebody else, or refuses the settings."""
        try:
            self._serial = serial.Serial(
                str(self.path), self._baudrate, parity=self._parity, stopbits=self._stopbits, timeout=0, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise self._unavailable("cannot be opened", error) from error

    async def read(self) -> bytes:
        """What has come in, at least one byte; waits for it. Raises DeviceUnavailable when the port is gone."""
        descriptor = self._descriptor()
        while not (data := await self._receive(descriptor)):
            pass
        return data

    def read_now(self) -> bytes:
        """What has come in, perhaps nothing, for those who cannot wait. Raises DeviceUnavailable when the port is gone."""
        poll = select.poll()
        poll.register(self._descriptor(), select.POLLIN)
        return self._take(self._descriptor()) if poll.poll(0) else b""

    async def write(self, data: bytes) -> None:
        """Hand over all bytes to the port. Raises DeviceUnavailable when the port is gone."""
        descriptor = self._descriptor()
        while data := data[self.write_now(data) :]:
            loop = asyncio.get_running_loop()
            await _ready(descriptor, loop.add_writer, loop.remove_writer)

    def write_now(self, data: bytes) -> int:
        """Hand over as many bytes as the port takes without waiting. Returns their number; raises as `write`."""
        try:
            return os.write(self._descriptor(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._unavailable("is gone", error) from error

    def put(self, data: bytes) -> None:
        """Hand over all bytes at once, for those who cannot wait. Raises DeviceUnavailable when the port is gone, or does not take them."""
        if self.write_now(data) < len(data):
            raise DeviceUnavailable(f"{self.name}: port {self.path} takes no more bytes; does the adapter still work?")

    def close(self) -> None:
        """Release the port; harmless when it is not open."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None

    def _descriptor(self) -> int:
        if self._serial is None:
            raise DeviceUnavailable(f"{self.name}: port {self.path} is not open")
        descriptor: int = self._serial.fileno()
        return descriptor

    async def _receive(self, descriptor: int) -> bytes:
        """Bytes once the port says that it has some."""
        loop = asyncio.get_running_loop()
        await _ready(descriptor, loop.add_reader, loop.remove_reader)
        return self._take(descriptor)

    def _take(self, descriptor: int) -> bytes:
        """Bytes of a port that says that it has some; one that says so and has none was hung up."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._unavailable("is gone", error) from error
        if not data:
            raise self._unavailable("is gone", OSError("hung up"))
        return data

    def _unavailable(self, what: str, error: Exception) -> DeviceUnavailable:
        return DeviceUnavailable(f"{self.name}: port {self.path} {what}: {error}")


async def _ready(descriptor: int, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
    """Wait for the loop to report the descriptor; `add` and `remove` are the loop's for readers or for writers."""
    reported: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(descriptor, _wake, reported)
    try:
        await reported
    finally:
        remove(descriptor)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
