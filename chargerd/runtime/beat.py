"""The proof of life: an event through the core at a steady pace, and only then the lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from chargerd.core.events import Tick
from chargerd.runtime.applier import GatePort
from chargerd.runtime.lateness import Lateness
from chargerd.runtime.pace import to_next_s
from chargerd.runtime.reactor import Reactor

REST_S = 1.0
"""Pace while nothing is energised; the service manager's watchdog is fed by it."""

BEATS_PER_LEASE = 4
"""Pace while something is energised; the gate looks as often."""


class Beat:
    """Beats several times a lease while something is energised, else slowly.

    `last_s` is the loop's time of the last beat, `lateness` how punctual they all were: as punctual as anything else in this process.
    """

    def __init__(self, reactor: Reactor, gate: GatePort, is_energising: asyncio.Event, lease_s: float, told: Callable[[], None]) -> None:
        self._reactor = reactor
        self._gate = gate
        self._is_energising = is_energising
        self._lease_s = lease_s
        self._told = told
        self.last_s = 0.0
        self.lateness = Lateness()

    async def run(self) -> None:
        """Beat until cancelled; `told` is called after each beat."""
        loop = asyncio.get_running_loop()
        while True:
            self._reactor.dispatch(Tick())
            self._gate.renew(self._reactor.flows())
            self.last_s = loop.time()
            self._told()
            if self._is_energising.is_set():
                due_s = self.last_s + to_next_s(self._lease_s / BEATS_PER_LEASE, self.last_s)
                await asyncio.sleep(due_s - self.last_s)
            else:
                due_s = self.last_s + to_next_s(REST_S, self.last_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(due_s):
                        await self._is_energising.wait()
            if loop.time() >= due_s:  # else there was news
                self.lateness.note(loop.time() - due_s)
