"""Wires in memory: the daemon's drivers at one end, the peers at the other, in one process and on one clock.

Frames and bytes take a moment and arrive whole and in order. They are for runs in virtual time, where a pseudo terminal would answer late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from hal.bus.subscriptions import FrameCallback, Match, Subscriptions
from hal.errors import DeviceUnavailable
from hal.mock.in_order import InOrder

CAN_FRAME_S = 0.001  # 125 kbit/s, a frame of eight bytes
BYTES_S = 0.002


class MemoryCan:
    """One end of a CAN bus. `run` as of a `Bus`; what one end sends, the other hears."""

    kind: ClassVar[str] = "can"

    def __init__(self, name: str) -> None:
        self.name = name
        self.other: MemoryCan | None = None
        self._subscriptions = Subscriptions()
        self._sent = InOrder()

    async def run(self) -> None:
        """Be there."""
        await asyncio.get_running_loop().create_future()

    async def ready(self) -> None:
        """At once."""

    def subscribe(self, match: Match, callback: FrameCallback) -> Callable[[], None]:
        """Call back with each frame of the other end whose identifier matches; the returned function ends that."""
        return self._subscriptions.add(match, callback)

    def send(self, identifier: int, data: bytes) -> None:
        """Have the other end hear a frame."""
        if self.other is not None:
            deliver = self.other._subscriptions.deliver
            self._sent.call_later(CAN_FRAME_S, lambda: deliver(identifier, data))


class MemoryPort:
    """The driver's end of a serial line."""

    def __init__(self, name: str, line: MemoryLine) -> None:
        self._name = name
        self._line = line
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._sent = InOrder()

    def open(self) -> None:
        """Raises DeviceUnavailable while nobody is at the other end."""
        if not self._line.is_open:
            raise DeviceUnavailable(f"{self._name}: nobody is at the other end of {self._line.path}")
        self._arrived = asyncio.Queue()
        self._line.port = self

    async def read(self) -> bytes:
        """What has come in."""
        return await self._arrived.get()

    async def write(self, data: bytes) -> None:
        """Have the peer hear it."""
        self.put(data)

    def put(self, data: bytes) -> None:
        """The same, for those who cannot wait."""
        self._sent.call_later(BYTES_S, lambda: self._line.hear(data))

    def arrive(self, data: bytes) -> None:
        """The peer has sent something."""
        self._arrived.put_nowait(data)

    def close(self) -> None:
        """Hear no more."""
        if self._line.port is self:
            self._line.port = None


class MemoryLine:
    """The peer's end of a serial line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port: MemoryPort | None = None
        self._received: Callable[[bytes], None] | None = None
        self._sent = InOrder()

    @property
    def is_open(self) -> bool:
        """Somebody is here."""
        return self._received is not None

    def open(self, received: Callable[[bytes], None]) -> None:
        """Be here; `received` gets what comes in."""
        self._received = received

    def write(self, data: bytes) -> None:
        """Have the driver hear it; lost while none has the port open."""
        if (port := self.port) is not None:
            self._sent.call_later(BYTES_S, lambda: port.arrive(data))

    def hear(self, data: bytes) -> None:
        """The driver has sent something."""
        if self._received is not None:
            self._received(data)

    def close(self) -> None:
        """Be gone."""
        self._received = None


class MemoryWires:
    """All wires of a station: both ends of each by its name, made when first asked for. Another daemon may be built over them."""

    def __init__(self) -> None:
        self._can: dict[str, MemoryCan] = {}
        self._lines: dict[Path, MemoryLine] = {}

    def near_can(self, name: str) -> MemoryCan:
        """A new end for the daemon, which takes the place of the one before."""
        near, far = MemoryCan(name), self.far_can(name)
        near.other, far.other = far, near
        return near

    def far_can(self, name: str) -> MemoryCan:
        """The peers' end of a bus."""
        return self._can.setdefault(name, MemoryCan(name))

    def open_port(self, name: str, path: Path, baudrate: int) -> MemoryPort:
        """The driver's end of the line that ends in this port, as `SerialPort` would be made."""
        return MemoryPort(name, self.line(path))

    def line(self, path: Path) -> MemoryLine:
        """The peer's end of the line that ends in this port."""
        return self._lines.setdefault(path, MemoryLine(path))
