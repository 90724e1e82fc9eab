"""Keeps a daemon running as a service manager does: after a reset or a power cut the next one begins in the same folder.

The simulated world outlives the daemon. Over wires it is in another process anyway; with mock devices, which are part of the daemon, the
next one takes over the vehicles and what was broken by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chargerd.app.build import Daemon
from chargerd.app.main import Ending, run
from chargerd.core.facts import Stamped

DOWN_S = 2.0
"""From the end of one daemon to the beginning of the next."""


class Keeper:
    """make: builds a daemon, each time over the same state. hear: told of every committed fact of every daemon."""

    def __init__(self, make: Callable[[], Daemon], hear: Callable[[Stamped], None]) -> None:
        self.daemon = make()
        self.runs = 0
        self._make = make
        self._hear = hear
        self._task: asyncio.Task[Ending] | None = None
        self._stop = asyncio.Event()
        self._is_up = asyncio.Event()
        self._is_link_wanted = True

    @property
    def is_up(self) -> bool:
        """The present daemon serves."""
        return self._is_up.is_set()

    async def up(self) -> None:
        """Wait until a daemon serves."""
        await self._is_up.wait()

    async def run(self) -> None:
        """Run one daemon after the other until `stop`; what a daemon raises comes out."""
        while await self._run_once() and not self._stop.is_set():
            await asyncio.sleep(DOWN_S)
            self._begin_next()

    def stop(self) -> None:
        """Let the present daemon end in order; no other follows."""
        self._stop.set()

    async def cut(self) -> None:
        """Power cut: the daemon ends as by SIGKILL, what is not committed is gone. Returns when the next one serves."""
        task = self._task
        if task is None or not self.is_up:
            raise ValueError("the daemon is down already")
        self._is_up.clear()
        await self.daemon.journal.drop()
        task.cancel()
        await self._is_up.wait()

    def connect(self, *, is_wanted: bool) -> None:
        """Bring the link to the central system up, or take it down, over restarts too."""
        self._is_link_wanted = is_wanted
        if is_wanted:
            self.daemon.link.connect()
        else:
            self.daemon.link.disconnect()

    async def _run_once(self) -> bool:
        """Returns whether another daemon is to follow."""
        unsubscribe = self.daemon.reactor.subscribe(self._hear)
        if not self._is_link_wanted:
            self.daemon.link.disconnect()
        async with asyncio.TaskGroup() as group:
            self._task = group.create_task(run(self.daemon, self._stop, self._ready), name="daemon")
        unsubscribe()
        self._is_up.clear()
        return self._task.cancelled() or self._task.result() is Ending.RESTART

    def _ready(self) -> None:
        self.runs += 1
        self._is_up.set()

    def _begin_next(self) -> None:
        before, self.daemon = self.daemon, self._make()
        if before.simulation is not None and self.daemon.simulation is not None:
            self.daemon.simulation.adopt(before.simulation)
