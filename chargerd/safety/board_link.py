"""The port of a board that the guard has opened, as the board's driver sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hal.errors import DeviceUnavailable

_MOST_KEPT = 4096


class BoardLink:
    """A `hal.bus.serial_port.ByteLink`. `say` passes on what the driver says, and never blocks."""

    def __init__(self, name: str, say: Callable[[bytes], None]) -> None:
        self._name = name
        self._say = say
        self._heard = bytearray()
        self._is_lost = False
        self._news = asyncio.Event()

    # --- for the driver ---------------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """The guard has the port open, or will have: what it has not, is silent."""
        self._heard.clear()
        self._is_lost = False

    async def read(self) -> bytes:
        """What the board has said; waits for it. Raises DeviceUnavailable when the guard is gone."""
        while not self._heard:
            if self._is_lost:
                raise DeviceUnavailable(f"{self._name}: the guard, who owns its port, does not answer")
            self._news.clear()
            await self._news.wait()
        data = bytes(self._heard)
        self._heard.clear()
        return data

    async def write(self, data: bytes) -> None:
        """See `put`."""
        self.put(data)

    def put(self, data: bytes) -> None:
        """Hand over all bytes at once; while the guard is away, to nobody."""
        self._say(data)

    def close(self) -> None:
        """The port stays the guard's."""

    # --- for the guard's client -------------------------------------------------------------------------------------------------------

    def hear(self, data: bytes) -> None:
        """The board has said something. What nobody reads is not kept for long."""
        self._heard += data[: _MOST_KEPT - len(self._heard)]
        self._news.set()

    def lose(self) -> None:
        """The guard is gone."""
        self._is_lost = True
        self._news.set()
