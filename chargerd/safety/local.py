"""The gate inside the daemon's own process: for mock hardware, and for benches whose lines are simulated.

The same keeper works here as in the guard process; what differs is only who calls it. It reports through `emit` and is told of wishes and
of life by `wish` and `renew`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from chargerd.core.events import Event, GateCleared, GateTripped
from chargerd.core.ids import ConnectorId
from chargerd.runtime.pace import to_next_s
from chargerd.safety.conversation import ToldContactors
from chargerd.safety.gate import GateOptions
from chargerd.safety.keeper import Keeper
from hal.ports import SafetyIo
from hal.types import Flow

IDLE_TICK_S = 1.0
"""How often the lines are read while nothing is wished or closed."""

TOLD_TICKS_PER_LEASE = 4
"""Looks in the time of a lease at a board that tells by itself when a line moves."""


class LocalGate:
    """See the module. `connectors`: those that have a contactor."""

    def __init__(
        self,
        io: SafetyIo,
        connectors: frozenset[int],
        options: GateOptions,
        emit: Callable[[Event], object],
        enables: frozenset[int] = frozenset(),
    ) -> None:
        self._changed = asyncio.Event()
        self._keeper = Keeper(io, connectors, options, self._changed.set, enables)
        self._emit = emit
        self._lease_s = 0.0
        self._flows: Mapping[int, Flow] = {}
        self._contactors = ToldContactors(connectors)
        self.last_tick_s = 0.0

    def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
        """Take a wish. One that opens acts now, one that closes at the next look."""
        before = self._keeper.wishes
        wishes = before | {connector} if is_closed else before - {connector}
        if wishes == before:
            return
        if not before:
            self.renew(self._flows)
        self._keeper.wish(wishes, asyncio.get_running_loop().time())
        self._changed.set()

    def renew(self, flows: Mapping[int, Flow]) -> None:
        """The daemon is alive, has just decided something, and measures this."""
        self._lease_s, self._flows = asyncio.get_running_loop().time(), flows

    def view(self) -> dict[str, object]:
        """For people."""
        return {"where": "inside", "is_there": True, "loaded_openings": self._keeper.loaded_openings}

    async def run(self) -> None:
        """Look at the lines until cancelled, leave everything open. Lines that cannot be claimed or driven count as unreadable."""
        loop = asyncio.get_running_loop()
        try:
            self._keeper.begin(loop.time())
            while True:
                self._look(loop.time())
                try:
                    async with asyncio.timeout(self._tick_s(loop.time())):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                self._changed.clear()
        finally:
            self._keeper.close()

    def _tick_s(self, now_s: float) -> float:
        keeper = self._keeper
        if keeper.is_quiet:
            return to_next_s(IDLE_TICK_S, now_s)  # in step with the beat
        if keeper.is_told:
            return to_next_s(keeper.options.lease_s / TOLD_TICKS_PER_LEASE, now_s)
        return keeper.options.tick_s

    def _look(self, now_s: float) -> None:
        look = self._keeper.look(now_s, now_s - self._lease_s, self._flows)
        self.last_tick_s = now_s
        for trip in look.trips:
            connector = ConnectorId(trip.connector)
            self._emit(GateCleared(connector, trip.code) if trip.is_over else GateTripped(connector, trip.code, trip.info))
        for event in self._contactors.changes(look.closed):
            self._emit(event)
