"""The gate inside the daemon's own process: for mock hardware, and for benches whose lines are simulated.

The same `gate.step` runs here as in a guard process; what differs is only who calls it. It reports through `emit` and is told of wishes and
of life by `wish` and `renew`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from chargerd.core.events import ContactorUpdated, Event, GateCleared, GateTripped
from chargerd.core.ids import ConnectorId
from chargerd.runtime.pace import to_next_s
from chargerd.safety import gate
from hal.ports import SafetyIo
from hal.types import SafetyOutputs

log = logging.getLogger(__name__)

IDLE_TICK_S = 1.0
"""How often the lines are read while nothing is wished or closed."""

TOLD_TICKS_PER_LEASE = 4
"""Looks in the time of a lease at a board that tells by itself when a line moves."""


class LocalGate:
    """See the module. `connectors`: those that have a contactor."""

    def __init__(self, io: SafetyIo, connectors: frozenset[int], options: gate.GateOptions, emit: Callable[[Event], object]) -> None:
        self._io = io
        self._options = options
        self._emit = emit
        self._connectors = connectors
        self._wishes: frozenset[int] = frozenset()
        self._lease_s = 0.0
        self._told_closed: dict[int, bool] = {}
        self._changed = asyncio.Event()
        self._state = gate.initial(connectors, 0.0)
        self._coils: frozenset[int] = frozenset()
        self._is_told = False
        self.last_tick_s = 0.0

    def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
        """Take a wish. One that opens acts now, one that closes at the next look."""
        before = self._wishes
        self._wishes = before | {connector} if is_closed else before - {connector}
        if self._wishes == before:
            return
        if not before:
            self.renew()
        if not is_closed and connector in self._coils:
            self._drive(self._coils - {connector})
        self._changed.set()

    def renew(self) -> None:
        """The daemon is alive and has just decided something."""
        self._lease_s = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Claim the lines, look at them until cancelled, leave everything open."""
        loop = asyncio.get_running_loop()
        self._io.open()
        self._is_told = self._io.watch(self._changed.set)
        try:
            self._state = gate.initial(self._connectors, loop.time())
            self._coils = frozenset()
            while True:
                self._look(loop.time())
                try:
                    async with asyncio.timeout(self._tick_s(loop.time())):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                self._changed.clear()
        finally:
            self._io.close()
            self._coils = frozenset()

    def _tick_s(self, now_s: float) -> float:
        is_quiet = not self._wishes and all(c.mode is gate.GateMode.SAFE for c in self._state.contactors.values())
        if is_quiet:
            return to_next_s(IDLE_TICK_S, now_s)  # in step with the beat
        if self._is_told:
            return to_next_s(self._options.lease_s / TOLD_TICKS_PER_LEASE, now_s)
        return self._options.tick_s

    def _look(self, now_s: float) -> None:
        inputs = self._io.read()
        outcome = gate.step(self._state, inputs, self._wishes, now_s - self._lease_s, now_s, self._options)
        self._state = outcome.state
        self.last_tick_s = now_s
        if outcome.coils != self._coils:
            self._drive(outcome.coils)
        for trip in outcome.trips:
            log.warning("gate connector=%d code=%s over=%s", trip.connector, trip.code, trip.is_over)
            connector = ConnectorId(trip.connector)
            self._emit(GateCleared(connector, trip.code) if trip.is_over else GateTripped(connector, trip.code))
        for connector_id in sorted(self._connectors):
            is_closed = connector_id in inputs.closed_contactors
            if self._told_closed.get(connector_id) != is_closed:
                self._told_closed[connector_id] = is_closed
                self._emit(ContactorUpdated(ConnectorId(connector_id), is_closed))

    def _drive(self, coils: frozenset[int]) -> None:
        self._coils = coils
        self._io.apply(SafetyOutputs(coils))
