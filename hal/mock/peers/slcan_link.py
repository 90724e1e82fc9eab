"""A CAN adapter of the slcan kind on a pseudo terminal, with the simulated bus behind it (Lawicel CANUSB protocol)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hal.bus.subscriptions import FrameCallback, Match, Subscriptions
from hal.mock.peers.byte_wire import ByteWire

_HEAD = 10  # T, eight digits of the identifier, one of the length


class SlcanLink:
    """The same handle as a `CanBus` gives, on the far side of the adapter."""

    def __init__(self, name: str, wire: ByteWire) -> None:
        self.name = name
        self._wire = wire
        self._line = bytearray()
        self._subscriptions = Subscriptions()
        self._is_channel_open = False
        self._is_ready = asyncio.Event()

    async def ready(self) -> None:
        """Wait until the port is there."""
        await self._is_ready.wait()

    def subscribe(self, match: Match, callback: FrameCallback) -> Callable[[], None]:
        """Call back with each frame whose identifier matches."""
        return self._subscriptions.add(match, callback)

    def send(self, identifier: int, data: bytes) -> None:
        """Send one frame; lost while nobody has the channel open, as on a real adapter."""
        if self._is_channel_open:
            self._wire.write(b"T%08X%d%s\r" % (identifier, len(data), data.hex().upper().encode()))

    async def run(self) -> None:
        """Serve the port."""
        self._wire.open(self._on_bytes)
        self._is_ready.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._is_ready.clear()
            self._wire.close()

    def _on_bytes(self, data: bytes) -> None:
        self._line += data
        while (end := self._line.find(b"\r")) >= 0:
            line = bytes(self._line[:end])
            del self._line[: end + 1]
            self._on_line(line)

    def _on_line(self, line: bytes) -> None:
        if line[:1] == b"O":
            self._is_channel_open = True
        elif line[:1] == b"C":
            self._is_channel_open = False
        elif line[:1] == b"T" and len(line) >= _HEAD:
            identifier, size = int(line[1:9], 16), int(line[9:10])
            self._subscriptions.deliver(identifier, bytes.fromhex(line[_HEAD : _HEAD + 2 * size].decode("ascii")))
