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
from hal.errors import DeviceUnavailable
from hal.ports import SafetyIo
from hal.types import SafetyInputs, SafetyOutputs

log = logging.getLogger(__name__)

IDLE_TICK_S = 1.0
"""How often the lines are read while nothing is wished or closed."""

RECLAIM_S = 1.0
"""From losing the lines until they are claimed again."""

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
        self._is_open = False
        self._is_told = False
        self._trouble = ""  # why the lines cannot be claimed or driven
        self._reclaim_s = 0.0
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
        """Look at the lines until cancelled, leave everything open. Lines that cannot be claimed or driven count as unreadable."""
        loop = asyncio.get_running_loop()
        try:
            self._state = gate.initial(self._connectors, loop.time())
            while True:
                self._look(loop.time())
                try:
                    async with asyncio.timeout(self._tick_s(loop.time())):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                self._changed.clear()
        finally:
            self._close()

    def _tick_s(self, now_s: float) -> float:
        is_quiet = not self._wishes and all(c.mode is gate.GateMode.SAFE for c in self._state.contactors.values())
        if is_quiet:
            return to_next_s(IDLE_TICK_S, now_s)  # in step with the beat
        if self._is_told:
            return to_next_s(self._options.lease_s / TOLD_TICKS_PER_LEASE, now_s)
        return self._options.tick_s

    def _look(self, now_s: float) -> None:
        if not self._is_open and now_s >= self._reclaim_s:
            self._open()
        inputs = self._io.read() if self._is_open else SafetyInputs(is_readable=False)
        outcome = gate.step(self._state, inputs, self._wishes, now_s - self._lease_s, now_s, self._options)
        self._state = outcome.state
        self.last_tick_s = now_s
        if outcome.coils != self._coils:
            self._drive(outcome.coils)
        for trip in outcome.trips:
            log.warning("gate connector=%d code=%s over=%s", trip.connector, trip.code, trip.is_over)
            connector = ConnectorId(trip.connector)
            info = self._trouble if trip.code == "safety-inputs" else ""
            self._emit(GateCleared(connector, trip.code) if trip.is_over else GateTripped(connector, trip.code, info))
        for connector_id in sorted(self._connectors):
            is_closed = connector_id in inputs.closed_contactors
            if self._told_closed.get(connector_id) != is_closed:
                self._told_closed[connector_id] = is_closed
                self._emit(ContactorUpdated(ConnectorId(connector_id), is_closed))

    def _drive(self, coils: frozenset[int]) -> None:
        self._coils = coils
        if not self._is_open:
            return
        try:
            self._io.apply(SafetyOutputs(coils))
        except DeviceUnavailable as error:
            self._lose(error)
            self._close()
            self._changed.set()

    # --- claiming ---------------------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._io.open()
        except DeviceUnavailable as error:
            self._lose(error)
            return
        self._is_open, self._trouble = True, ""
        self._is_told = self._io.watch(self._changed.set)

    def _close(self) -> None:
        """Everything open, as far as it can be driven."""
        self._coils = frozenset()
        if self._is_open:
            self._is_open = False
            try:
                self._io.close()
            except DeviceUnavailable as error:
                log.warning("gate_lines_not_given_back error=%s", error)

    def _lose(self, error: DeviceUnavailable) -> None:
        self._reclaim_s = asyncio.get_running_loop().time() + RECLAIM_S
        if str(error) != self._trouble:
            self._trouble = str(error)
            log.error("gate_lines_lost error=%s", error)
