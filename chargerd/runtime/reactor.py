"""The shell around the core: one event in, lower outputs at once, facts to disk, higher outputs after the commit.

`dispatch` is synchronous and not re-entrant: when it returns, the answer is ready and everything that removes energy has been passed on.
What adds energy to a connector waits until the facts that justify it (`JUSTIFYING`) are durable; once they are, set-points follow at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chargerd.core.charging_profiles import Composite
from chargerd.core.errors import StorageError
from chargerd.core.events import Event, Reply, StorageChanged, Tick
from chargerd.core.facts import JUSTIFYING, Fact, Restored, Stamped
from chargerd.core.ids import STATION, ConnectorId
from chargerd.core.now import Now
from chargerd.core.outputs import Outputs, lowered
from chargerd.core.settings import Settings
from chargerd.core.station import Station
from chargerd.core.view import StationView
from chargerd.runtime.clock import Clock
from hal.types import Flow

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Pause after a commit that failed."""

_OFF = Outputs()


class JournalPort(Protocol):
    """Where facts become durable."""

    async def append(self, batch: Sequence[Fact], now: Now) -> list[Stamped]:
        """Commit a batch, in order. Raises StorageError and has then written nothing."""


Listener = Callable[[Stamped], None]


@dataclass(slots=True)
class _Batch:
    facts: list[Fact]
    now: Now


class Reactor:
    """See the module. `apply` takes the level of one connector; it must not block and must not dispatch."""

    def __init__(self, station: Station, journal: JournalPort, clock: Clock, apply: Callable[[ConnectorId, Outputs], None]) -> None:
        self._station = station
        self._journal = journal
        self._clock = clock
        self._apply = apply
        self._applied: dict[ConnectorId, Outputs] = {}
        self._batches: deque[_Batch] = deque()
        self._unproven: dict[ConnectorId, int] = {}
        self._listeners: list[Listener] = []
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._decided = 0
        self._written = 0
        self._has_batch = asyncio.Event()
        self._is_due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_s = float("inf")
        self._is_dispatching = False
        self._is_storage_working = True

    # --- edges ------------------------------------------------------------------------------------------------------------------

    def dispatch(self, event: Event) -> Reply:
        """Hand an event to the core; the answer is ready on return."""
        if self._is_dispatching:
            raise RuntimeError(f"dispatch of {type(event).__name__} from inside another dispatch")
        self._is_dispatching = True
        try:
            now = self._clock.now()
            facts, reply = self._station.handle(event, now)
            self._decide(facts, now)
        finally:
            self._is_dispatching = False
        return reply

    def restore(self, restored: Restored) -> None:
        """Give the core what the journal kept; before the first event."""
        now = self._clock.now()
        self._decide(self._station.restore(restored, now), now)

    def view(self) -> StationView:
        """The station as it is now."""
        return self._station.view()

    def composite(self, connector: ConnectorId, duration_s: int) -> Composite | None:
        """What a connector, or with 0 the whole station, may take from now on; None: there is no such connector."""
        return self._station.composite(connector, duration_s, self._clock.now())

    def flows(self) -> Mapping[int, Flow]:
        """What is measured at each output now, by connector number."""
        return self._station.flows(self._clock.now())

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._station.settings

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each committed fact, in order, from now on; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def committed(self) -> None:
        """Wait until every fact decided so far is on disk. Raises StorageError when the journal cannot write."""
        if self._written == self._decided:
            return
        if not self._is_storage_working:
            raise StorageError("the journal cannot be written")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._decided, waiter))
        await waiter

    def waiting_since_s(self) -> float | None:
        """Since when (monotonic) the oldest undone commit waits while the journal is thought to work; None: nothing waits.

        A journal that answered with an error is a fault that is shown, not a hang.
        """
        return self._batches[0].now.mono_s if self._batches and self._is_storage_working else None

    # --- deciding and applying ----------------------------------------------------------------------------------------------------

    def _decide(self, facts: list[Fact], now: Now) -> None:
        if facts:
            self._decided += 1
            self._batches.append(_Batch(facts, now))
            self._has_batch.set()
            for connector in self._justified(facts):
                self._unproven[connector] = self._unproven.get(connector, 0) + 1
        self._pass_on()
        self._arm()

    def _justified(self, facts: Sequence[Fact]) -> list[ConnectorId]:
        """Where the facts justify energy, once for each of them."""
        places = [fact.connector for fact in facts if isinstance(fact, JUSTIFYING)]
        return [one for place in places for one in (self._station.outputs() if place == STATION else (place,))]

    def _pass_on(self) -> None:
        for connector, wanted in self._station.outputs().items():
            applied = self._applied.get(connector, _OFF)
            level = lowered(applied, wanted) if self._unproven.get(connector) else wanted
            if level != applied or connector not in self._applied:
                self._applied[connector] = level
                self._apply(connector, level)

    def _arm(self) -> None:
        """One timer, moved only when the deadline moves."""
        deadline_s = self._station.next_deadline_s()
        if deadline_s == self._armed_s:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed_s = deadline_s
        if deadline_s < float("inf"):
            self._timer = asyncio.get_running_loop().call_at(deadline_s, self._is_due.set)

    # --- tasks --------------------------------------------------------------------------------------------------------------------

    async def run_timer(self) -> None:
        """Dispatch `Tick` when the core's deadline comes."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            self._armed_s = float("inf")
            self.dispatch(Tick())

    async def run_journal(self) -> None:
        """Commit batches in order, then let what they justify happen and tell the listeners."""
        while True:
            await self._has_batch.wait()
            self._has_batch.clear()
            while self._batches:
                await self._commit(self._batches[0])

    async def _commit(self, batch: _Batch) -> None:
        try:
            stamped = await self._journal.append(batch.facts, batch.now)
        except StorageError as error:
            log.error("journal cannot write error=%s", error)  # noqa: TRY400 - the text says it all, and it repeats
            self._storage_failed(str(error))
            await asyncio.sleep(RETRY_S)
            return
        self._batches.popleft()
        self._written += 1
        self._proven(batch.facts)
        while self._waiters and self._waiters[0][0] <= self._written:
            waiter = self._waiters.popleft()[1]
            if not waiter.done():
                waiter.set_result(None)
        for fact in stamped:
            for listener in tuple(self._listeners):
                listener(fact)
        if not self._is_storage_working:
            self._is_storage_working = True
            self.dispatch(StorageChanged(is_working=True))

    def _proven(self, facts: Sequence[Fact]) -> None:
        justified = self._justified(facts)
        for connector in justified:
            self._unproven[connector] -= 1
        if justified:
            self._pass_on()

    def _storage_failed(self, detail: str) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()[1]
            if not waiter.done():
                waiter.set_exception(StorageError(detail))
        if self._is_storage_working:
            self._is_storage_working = False
            self.dispatch(StorageChanged(is_working=False, detail=detail))

    async def drain(self) -> None:
        """Wait until nothing is left to commit (at an orderly end); returns at once when the journal cannot write."""
        try:
            await self.committed()
        except StorageError:
            log.warning("ending with facts that could not be written count=%d", len(self._batches))
