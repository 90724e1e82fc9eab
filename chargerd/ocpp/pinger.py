"""Finding out that a connection is half open: pings (OCPP-J 1.6, chapter 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chargerd.ocpp.wire import Connection, LinkStuckError


class Pinger:
    """Pings at WebSocketPingInterval, which `interval_s` gives; 0 leaves it to the central system."""

    def __init__(self, connection: Connection, interval_s: Callable[[], float]) -> None:
        self._connection = connection
        self._interval_s = interval_s
        self.look_again = asyncio.Event()  # set when the interval may have changed

    async def run(self) -> None:
        """For ever; raises LinkStuckError when a pong has not come before the next ping is due."""
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            self.look_again.clear()
            interval_s = self._interval_s()
            try:
                async with asyncio.timeout_at(last_s + interval_s if interval_s else None):
                    await self.look_again.wait()
            except TimeoutError:
                last_s = loop.time()
                await self._ping(interval_s)

    async def _ping(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                pong = await self._connection.ping()
                await pong
        except TimeoutError:
            raise LinkStuckError(f"no pong within {timeout_s:g} s: the connection is half open") from None
