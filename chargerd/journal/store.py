"""The journal itself: facts in order, what is owed as a position in them, one SQLite transaction for each batch. Synchronous.

A commit with a durable fact is synchronous down to the medium, any other only handed to the kernel: SIGKILL loses no commit, a power cut
those since the last full one, which comes at least every `full_sync_s` as long as facts come.
"""

from __future__ import annotations

import sqlite3
import traceback
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from chargerd.core.errors import StorageError
from chargerd.core.facts import Fact, FaultCleared, FaultRaised, Owed, Restored, Stamped
from chargerd.core.ids import LocalId
from chargerd.core.now import Now
from chargerd.journal import queries, replacement, retention
from chargerd.journal.codec import encode
from chargerd.journal.database import DamagedError, connect, explained
from chargerd.journal.records import JournalOptions, QueueView, TransactionRecord
from chargerd.journal.salvage import Positions
from chargerd.journal.tables import owed_mark, project, settled_by, tx_state

_MESSAGES = uuid.UUID("a3f0b9d2-6a0e-4c0e-9a1b-5c7d3e8f1042")  # the namespace of all message ids
_COMPACT_EVERY = 256  # facts
_WRITE_POSITION_EVERY = 64  # facts told while nothing else is written
_TRUSTED_AFTER = 100  # facts; a new file that is damaged before is not replaced again: the medium is to blame


class Store:
    """One journal file. Every method but `settle` blocks and raises StorageError; a failed write leaves file and object as they were.

    DamagedError says that the file cannot be trusted any more; `replace` then goes on with a new one.
    """

    def __init__(self, path: Path, options: JournalOptions | None = None) -> None:
        self._path = path
        self._options = options or JournalOptions()
        self._connection: sqlite3.Connection | None = None
        self._is_full = True  # what `PRAGMA synchronous` is set to
        self._full_at_mono_s = float("-inf")
        self._boot = 0
        self._runs: dict[int, str] = {}
        self._next_seq = 1
        self._settled = 0  # the last fact whose message is done
        self._written = 0  # and as the file says
        self._failure = (0, 0)  # the fact whose message failed last, and how often
        self._nothing_owed_before = 0
        self._utc_offsets: dict[int, float] = {}
        self._latched: dict[tuple[int, str], FaultRaised] = {}  # known here too, should the file be lost
        self._until_compaction = _COMPACT_EVERY
        self._written_since_replacement: int | None = None
        self._replaced: replacement.Note | None = None

    def open(self) -> Restored:
        """Opens or makes the file, counts the run, and gives what was left by the runs before."""
        replacement.finish(self._path)
        self._connection = connect(self._path)
        self._is_full = True
        try:
            with explained(self._path):
                self._read_positions()
            with self._write(is_full=True) as connection:
                self._boot = queries.last_boot(connection) + 1
                connection.execute("INSERT INTO run (boot, id) VALUES (?, ?)", (self._boot, str(uuid.uuid4())))
            with explained(self._path):
                self._runs = queries.runs(connection)
                self._utc_offsets = queries.utc_offsets(connection)
                restored = queries.restored(connection, self._utc_offsets)
        except BaseException:
            self.drop()
            raise
        self._latch(restored.latched)
        return restored

    def append(self, batch: Sequence[Fact], now: Now) -> list[Stamped]:
        """Writes the facts and all that follows from them in one transaction; returns them with their places once they are safe.

        The first batch in a new file is preceded by the fact that tells of the old one.
        """
        if not batch:
            return []
        note = self._replaced
        batch = [*([note.fact] if note else []), *batch]
        utc_s = now.utc_s if now.is_utc_trusted else None
        stamped = [Stamped(seq, self._boot, now.mono_s, utc_s, fact) for seq, fact in enumerate(batch, self._next_seq)]
        is_full = any(fact.is_durable for fact in batch) or now.mono_s - self._full_at_mono_s >= self._options.full_sync_s
        settled = max(self._settled, *(settled_by(fact) or 0 for fact in batch))
        with self._write(is_full=is_full) as connection:
            connection.executemany("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (_row(one, settled) for one in stamped))
            for one in stamped:
                project(connection, one)
            if utc_s is not None and self._boot not in self._utc_offsets:
                connection.execute("UPDATE run SET utc_offset_s = ? WHERE boot = ?", (utc_s - now.mono_s, self._boot))
            if note:
                replacement.told(connection)
        self._replaced = None
        self._next_seq += len(batch)
        self._settled = self._written = settled
        self._latch(batch)
        if is_full:
            self._full_at_mono_s = now.mono_s
        if utc_s is not None:
            self._utc_offsets.setdefault(self._boot, utc_s - now.mono_s)
        self._until_compaction -= len(batch)
        if self._written_since_replacement is not None:
            self._written_since_replacement += len(batch)
        return stamped

    def settle(self, seq: int) -> None:
        """The message of fact `seq` is done; written with the next commit, or with others like it."""
        self._settled = max(self._settled, seq)

    def next_owed(self) -> Owed | None:
        """The head of the queue, or None when nothing is owed."""
        return next(iter(self.owed(1)), None)

    def owed(self, limit: int) -> list[Owed]:
        """The head of the queue and what follows it; no further than what the answer to one of them may change."""
        if self._settled - self._written >= _WRITE_POSITION_EVERY:
            self._write_position(is_full=False)
        with explained(self._path):
            start = max(self._settled + 1, self._nothing_owed_before)
            found = list(queries.owed_from(self._opened(), start, limit, self._utc_offsets))
            self._nothing_owed_before = found[0].stamped.seq if found else self._next_seq
            return [self._as_owed(one) for one in found]

    def _as_owed(self, found: queries.OwedFact) -> Owed:
        state = tx_state(self._opened(), found.local_id)
        attempts = self._attempts(found.stamped.seq)
        return Owed(found.stamped, attempts, state.remote_id, state.is_start_abandoned, self.message_id(found.stamped))

    def samples(self, local_id: LocalId, wanted: queries.Wanted) -> tuple[Stamped, ...]:
        """Of the `MeterSampled` facts of a transaction that carry `stop_values`, oldest first, those at the places `wanted` chooses.

        wanted: is told how many there are; only what it chooses is read.
        """
        with explained(self._path):
            return queries.samples(self._opened(), local_id, wanted, self._utc_offsets)

    def started(self, local_id: LocalId) -> Stamped | None:
        """The `TransactionStarted` fact of a transaction."""
        with explained(self._path):
            return queries.started(self._opened(), local_id, self._utc_offsets)

    def failed(self, seq: int, attempts: int) -> None:
        """Notes that the message of fact `seq` has failed so many times."""
        if seq <= self._settled:
            return
        with self._write(is_full=False) as connection:
            connection.execute("DELETE FROM failure")
            connection.execute("INSERT INTO failure VALUES (?, ?)", (seq, attempts))
        self._failure = seq, attempts

    def message_id(self, stamped: Stamped) -> str:
        """Message id of the fact: the same at each retry and after each restart, never that of another.

        The namespace belongs to the run that wrote it: a power cut may take the last facts, or an old copy of the file be put back, and
        their places are then given again, but never in the same run.
        """
        run = self._runs.get(stamped.boot) or f"{self._runs[self._boot]}.{stamped.boot}"  # its row was lost with a damaged file
        return str(uuid.uuid5(_MESSAGES, f"{run}.{stamped.seq}"))

    def transactions(self, limit: int = 100) -> tuple[TransactionRecord, ...]:
        """Stored transactions, newest first."""
        with explained(self._path):
            return queries.transactions(self._opened(), limit, self._utc_offsets)

    def events(self, limit: int = 100, kinds: Collection[str] = (), connector: int | None = None) -> tuple[Stamped, ...]:
        """The newest facts, oldest first: all, or those of some kinds or of one connector."""
        with explained(self._path):
            return queries.events(self._opened(), limit, kinds, connector, self._utc_offsets)

    def queue(self, limit: int = 100) -> QueueView:
        """What waits for the central system."""
        with explained(self._path):
            return queries.queue(self._opened(), self._settled, limit, self._attempts, self.message_id, self._utc_offsets)

    def compact_when_due(self, now: Now) -> int:
        """Forgets old, delivered facts once enough new ones have come; returns how many went."""
        if self._until_compaction > 0:
            return 0
        self._until_compaction = _COMPACT_EVERY
        with self._write(is_full=False) as connection:
            return retention.compact(connection, self._options, self._settled, now)

    def replace(self, cause: DamagedError) -> Restored:
        """Sets the damaged file aside and opens a new one with what can still be read; what is settled and the places go on.

        Raises the cause when the file is a new one already, StorageError when no new one can be made.
        """
        if self._written_since_replacement is not None and self._written_since_replacement < _TRUSTED_AFTER:
            raise cause
        for error in (cause, cause.__cause__):  # a cursor in one of their frames would keep the file open
            if error is not None:
                traceback.clear_frames(error.__traceback__)
        with suppress(StorageError):  # what it could not do any more is what the new file is for
            self.drop()
        with explained(self._path):
            replacement.replace(self._path, str(cause), Positions(self._settled, self._next_seq), self._latched.values())
        self._written_since_replacement = 0
        return self.open()

    def close(self) -> None:
        """Writes what is pending and lets go of the file."""
        if self._connection is None:
            return
        try:
            if self._settled > self._written:
                self._write_position(is_full=True)
        finally:
            self.drop()

    def drop(self) -> None:
        """Lets go of the file without writing what is pending, as a killed process does."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with explained(self._path):
                connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StorageError(f"journal {self._path}: not open")
        return self._connection

    def _latch(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            match fact:
                case FaultRaised(is_latching=True):
                    self._latched[fact.connector, fact.code] = fact
                case FaultCleared():
                    self._latched.pop((fact.connector, fact.code), None)

    def _attempts(self, seq: int) -> int:
        return self._failure[1] if self._failure[0] == seq else 0

    def _read_positions(self) -> None:
        """Where the file is. What is known better from before a replacement stays."""
        connection = self._opened()
        newest, settled = connection.execute("SELECT seq, settled FROM fact ORDER BY seq DESC LIMIT 1").fetchone() or (0, 0)
        self._replaced = replacement.note(connection)
        if self._replaced is not None:
            newest = max(newest, self._replaced.positions.next_seq - 1)
            settled = max(settled, self._replaced.positions.settled)
        self._next_seq, self._settled, self._written = max(self._next_seq, newest + 1), max(self._settled, settled), settled
        self._failure = connection.execute("SELECT seq, attempts FROM failure ORDER BY seq DESC LIMIT 1").fetchone() or (0, 0)
        self._nothing_owed_before = 0

    @contextmanager
    def _write(self, *, is_full: bool) -> Iterator[sqlite3.Connection]:
        """One transaction, all or nothing."""
        connection = self._opened()
        with explained(self._path):
            try:
                if is_full is not self._is_full:
                    connection.execute(f"PRAGMA synchronous = {'FULL' if is_full else 'NORMAL'}")
                    self._is_full = is_full
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.rollback()

    def _write_position(self, *, is_full: bool) -> None:
        with self._write(is_full=is_full) as connection:
            connection.execute("UPDATE fact SET settled = ? WHERE seq = (SELECT max(seq) FROM fact)", (self._settled,))
        self._written = self._settled


def _row(stamped: Stamped, settled: int) -> tuple[object, ...]:
    kind, connector, body = encode(stamped.fact)
    return stamped.seq, stamped.boot, stamped.mono_s, stamped.utc_s, connector, kind, owed_mark(stamped.fact), settled, body
