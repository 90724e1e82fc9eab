"""The journal as the loop sees it: each call is one piece of work for the thread `journal`, done in the order of the calls."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
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
_AT_ONCE = 32  # messages
_T = TypeVar("_T")


@dataclass(slots=True)
class _Ahead:
    """The next messages of the queue as they were looked up, after so many moves of its head; `is_all`: nothing is owed behind them."""

    moves: int
    owed: deque[Owed]
    is_all: bool


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
        self._ahead: _Ahead | None = None  # put there by the thread, so that a later look is never lost to an earlier one

    async def open(self) -> Restored:
        """Opens the file; gives what the core must know again."""
        return await self._in_thread(self._open)

    async def append(self, batch: Sequence[Fact], now: Now) -> list[Stamped]:
        """Commits the facts together; on return they are safe."""
        moves = self._moves
        return await self._run(lambda: self._append(batch, now, moves))

    async def next_owed(self) -> Owed | None:
        """The head of the queue, or None when nothing is owed; at once when it has been looked up along with a commit or the one before."""
        ahead, moves = self._ahead, self._moves
        if ahead is None or ahead.moves != moves or not (ahead.owed or ahead.is_all):
            ahead = await self._run(lambda: self._look_ahead(moves))
        return ahead.owed[0] if ahead.owed else None

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
        ahead, self._moves = self._ahead, self._moves + 1
        if ahead is not None and ahead.moves == self._moves - 1 and ahead.owed and ahead.owed[0].stamped.seq == seq:
            ahead.owed.popleft()
            ahead.moves = self._moves

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
        try:
            self._compact(now)
        except StorageError as error:  # the facts are safe; the next append says whether the disk still works
            _LOG.warning("journal compaction failed error=%s", error)
        try:
            self._look_ahead(moves)  # the link's question that follows: one way to the thread instead of two
        except StorageError:
            self._ahead = None  # who asks is told
        return stamped

    def _look_ahead(self, moves: int) -> _Ahead:
        found = self._store.owed(_AT_ONCE)
        self._ahead = _Ahead(moves, deque(found), is_all=not found)
        return self._ahead

    def _compact(self, now: Now) -> None:
        try:
            self._store.compact_when_due(now)
        except DamagedError as error:
            self._replace(error)

    def _replace(self, error: DamagedError) -> Restored:
        """Go on with a new file; the fact `JournalReplaced` comes first in it."""
        self._ahead = None
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
