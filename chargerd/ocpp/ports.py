"""What the OCPP side asks of the rest of the daemon. Implemented by the reactor and the journal, handed over by `app/build.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from chargerd.core.charging_profiles import Composite
from chargerd.core.events import Event, Reply
from chargerd.core.facts import Owed as Owed
from chargerd.core.facts import Stamped
from chargerd.core.ids import ConnectorId, LocalId
from chargerd.core.settings import Settings
from chargerd.core.view import StationView


class OutboxStore(Protocol):
    """The queue of transaction messages as a position in the facts."""

    async def next_owed(self) -> Owed | None:
        """The head of the queue, or None when nothing is owed."""

    async def samples(self, local_id: LocalId, wanted: Callable[[int], Sequence[int]]) -> tuple[Stamped, ...]:
        """Of the `MeterSampled` facts of a transaction that carry `stop_values`, oldest first, those at the places `wanted` chooses.

        wanted: is told how many there are, and gives places counted from 0.
        """

    async def started(self, local_id: LocalId) -> Stamped | None:
        """The `TransactionStarted` fact of a transaction (its `begin_values` open the transactionData); None when it is not kept."""

    async def failed(self, seq: int, attempts: int) -> None:
        """Note that the message of fact `seq` has failed so many times."""

    def settle(self, seq: int) -> None:
        """The message of fact `seq` (MeterValues) is done; written with the next commit. Start and Stop are settled by their facts."""


class StationPort(Protocol):
    """The reactor, as seen from the edge."""

    def dispatch(self, event: Event) -> Reply:
        """Hand an event to the core; the answer is ready on return."""

    async def committed(self) -> None:
        """Wait until every fact decided so far is on disk. Raises StorageError when the journal cannot write."""

    def view(self) -> StationView:
        """The station as it is now; made anew at each call."""

    def composite(self, connector: ConnectorId, duration_s: int) -> Composite | None:
        """What a connector, or with 0 the whole station, may take from now on; None: there is no such connector."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""

    def subscribe(self, listener: Callable[[Stamped], None]) -> Callable[[], None]:
        """Call `listener` with each committed fact, in order, from now on; returns what ends it."""


class ClockPort(Protocol):
    """Time, and the means to correct it."""

    def mono_s(self) -> float: ...

    def utc_s(self) -> float: ...

    def synchronise(self, utc_s: float) -> None:
        """The central system says it is `utc_s` now; steps only beyond 2 s."""
