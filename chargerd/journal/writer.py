"""The journal as the loop sees it: each call is one piece of work for the thread `journal`, done in the order of the calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chargerd.core.errors import StorageError
from chargerd.core.facts import Fact, Owed, Restored, Stamped
from chargerd.core.ids import LocalId
from chargerd.core.now import Now
from chargerd.journal.database import DamagedError
from chargerd.journal.queries import Wanted
from chargerd.journal.records import JournalOptions, QueueView, TransactionRecord
from chargerd.journal.store import Store

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of the queue as a commit left it, after so many moves."""

    moves: int
    owed: Owed | None


class Journal:
    """Owns the store and its thread. Every coroutine raises StorageError when the disk does not do its part.

    A file that turns out to be damaged is replaced on the way; the work is then done with the new one.
    """

    def __init__(self, path: Path, options: JournalOptions | None = None) -> None:
        self._store = Store(path, options)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._is_dropped = False
        self._settled = 0  # goes along with the next piece of work, as the store belongs to its thread
        self._moves = 0  # of the queue's head, other than by a commit
        self._head: _Head | None = None

    async def open(self) -> Restored:
        """Opens the file; gives what the core must know again."""
        return await self._in_thread(self._open)

    async def append(self, batch: Sequence[Fact], now: Now) -> list[Stamped]:
        """Commits the facts together; on return they are safe."""
        moves = self._moves
        return await self._run(lambda: self._append(batch, now, moves))

    async def next_owed(self) -> Owed | None:
        """The head of the queue, or None when nothing is owed; at once when the last commit has looked at it."""
        if self._head is not None and self._head.moves == self._moves:
            return self._head.owed
        return await self._run(self._store.next_owed)

    async def samples(self, local_id: LocalId, wanted: Wanted) -> tuple[Stamped, ...]:
        """Of the samples of a transaction that carry `stop_values`, oldest first, those at the places `wanted` chooses of so many."""
        return await self._run(lambda: self._store.samples(local_id, wanted))

    async def started(self, local_id: LocalId) -> Stamped | None:
        """The `TransactionStarted` fact of a transaction."""
        return await self._run(lambda: self._store.started(local_id))

    async def failed(self, seq: int, attempts: int) -> None:
        """Notes that the message of fact `seq` has failed so many times."""
        self._moves += 1
        await self._run(lambda: self._store.failed(seq, attempts))

    def settle(self, seq: int) -> None:
        """The message of fact `seq` (MeterValues) is done; written with the next commit."""
        self._settled = max(self._settled, seq)
        self._moves += 1

    async def transactions(self, limit: int = 100) -> tuple[TransactionRecord, ...]:
        """Stored transactions, newest first."""
        return await self._run(lambda: self._store.transactions(limit))

    async def events(self, limit: int = 100, kinds: Collection[str] = (), connector: int | None = None) -> tuple[Stamped, ...]:
        """The newest facts, oldest first: all, or those of some kinds (class names) or of one connector."""
        return await self._run(lambda: self._store.events(limit, kinds, connector))

    async def queue(self, limit: int = 100) -> QueueView:
        """What waits for the central system."""
        return await self._run(lambda: self._store.queue(limit))

    async def close(self) -> None:
        """Writes what is pending, lets go of the file and ends the thread; does nothing after `drop`."""
        if self._is_dropped:
            return
        try:
            await self._in_thread(self._close)
        finally:
            self._executor.shutdown(wait=False)

    async def drop(self) -> None:
        """Lets go of the file as a power cut does: what is not committed is gone."""
        self._is_dropped = True
        try:
            await self._in_thread(self._store.drop)
        finally:
            self._executor.shutdown(wait=False)

    # --- in the thread

    def _open(self) -> Restored:
        try:
            return self._store.open()
        except DamagedError as error:
            return self._replace(error)

    def _append(self, batch: Sequence[Fact], now: Now, moves: int) -> list[Stamped]:
        stamped = self._store.append(batch, now)
        self._look_ahead(moves)
        try:
            self._compact(now)
        except StorageError as error:  # the facts are safe; the next append says whether the disk still works
            _LOG.warning("journal compaction failed error=%s", error)
        return stamped

    def _look_ahead(self, moves: int) -> None:
        """The link's question that follows a commit is answered along with it: one way to the thread instead of two."""
        try:
            self._head = _Head(moves, self._store.next_owed())
        except StorageError:  # the facts are safe; who asks is told
            self._head = None

    def _compact(self, now: Now) -> None:
        try:
            self._store.compact_when_due(now)
        except DamagedError as error:
            self._replace(error)

    def _replace(self, error: DamagedError) -> Restored:
        """Go on with a new file; the fact `JournalReplaced` comes first in it."""
        self._head = None
        _LOG.error("%s; it is set aside and a new one is begun, the event JournalReplaced tells what could be kept", error)
        return self._store.replace(error)

    def _close(self) -> None:
        self._store.settle(self._settled)
        self._store.close()

    async def _run(self, work: Callable[[], _T]) -> _T:
        settled = self._settled

        def job() -> _T:
            self._store.settle(settled)
            try:
                return work()
            except DamagedError as error:
                self._replace(error)
                return work()

        return await self._in_thread(job)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
