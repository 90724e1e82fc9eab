"""The journal itself: facts in order, what is owed as a position in them, one SQLite transaction for each batch. Synchronous.

A commit with a durable fact is synchronous down to the medium, any other only handed to the kernel: SIGKILL loses no commit, a power cut
those since the last full one, which comes at least every `full_sync_s` as long as facts come.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chargerd.core.errors import StorageError
from chargerd.core.facts import Fact, Owed, Restored, Stamped
from chargerd.core.ids import LocalId
from chargerd.core.now import Now
from chargerd.journal import queries, retention
from chargerd.journal.codec import encode
from chargerd.journal.database import connect, explained
from chargerd.journal.records import JournalOptions, QueueView, TransactionRecord
from chargerd.journal.tables import is_owed, project, settled_by, tx_state

_COMPACT_EVERY = 256  # facts


class Store:
    """One journal file. Every method but `settle` blocks and raises StorageError; a failed write leaves file and object as they were."""

    def __init__(self, path: Path, options: JournalOptions | None = None) -> None:
        self._path = path
        self._options = options or JournalOptions()
        self._connection: sqlite3.Connection | None = None
        self._is_full = False  # what `PRAGMA synchronous` is set to
        self._full_at_mono_s = float("-inf")
        self._boot = 0
        self._station = uuid.UUID(int=0)
        self._next_seq = 1
        self._position = 0  # the last settled fact, as on disk
        self._settled = 0  # and as it will be with the next commit
        self._attempts = 0
        self._nothing_owed_before = 0
        self._utc_offsets: dict[int, float] = {}
        self._until_compaction = _COMPACT_EVERY

    def open(self) -> Restored:
        """Opens or makes the file, counts the run, and gives what was left by the runs before."""
        self._connection = connect(self._path)
        try:
            with self._write(is_full=True) as connection:
                self._station, self._boot = _identity(connection)
            with explained(self._path):
                self._next_seq = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM fact").fetchone()[0]
                self._position, self._attempts = connection.execute("SELECT seq, attempts FROM owed").fetchone()
                self._settled = self._position
                self._utc_offsets = dict(connection.execute("SELECT boot, utc_offset_s FROM boot"))
                return queries.restored(connection, self._utc_offsets)
        except BaseException:
            self.drop()
            raise

    def append(self, batch: Sequence[Fact], now: Now) -> list[Stamped]:
        """Writes the facts and all that follows from them in one transaction; returns them with their places once they are safe."""
        if not batch:
            return []
        utc_s = now.utc_s if now.is_utc_trusted else None
        stamped = [Stamped(seq, self._boot, now.mono_s, utc_s, fact) for seq, fact in enumerate(batch, self._next_seq)]
        is_full = any(fact.is_durable for fact in batch) or now.mono_s - self._full_at_mono_s >= self._options.full_sync_s
        settled = max(self._settled, *(settled_by(fact) or 0 for fact in batch))
        with self._write(is_full=is_full) as connection:
            connection.executemany("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_row, stamped))
            for one in stamped:
                project(connection, one)
            if utc_s is not None and self._boot not in self._utc_offsets:
                connection.execute("INSERT INTO boot VALUES (?, ?)", (self._boot, utc_s - now.mono_s))
            self._write_position(connection, settled)
        self._next_seq += len(batch)
        self._moved_to(settled)
        if is_full:
            self._full_at_mono_s = now.mono_s
        if utc_s is not None:
            self._utc_offsets.setdefault(self._boot, utc_s - now.mono_s)
        self._until_compaction -= len(batch)
        return stamped

    def settle(self, seq: int) -> None:
        """The message of fact `seq` is done; written with the next commit."""
        self._settled = max(self._settled, seq)

    def next_owed(self) -> Owed | None:
        """The head of the queue, or None when nothing is owed."""
        with explained(self._path):
            connection = self._opened()
            start = max(self._settled + 1, self._nothing_owed_before)
            found = queries.first_owed(connection, start, self._utc_offsets)
            if found is None:
                self._nothing_owed_before = self._next_seq
                return None
            self._nothing_owed_before = found.stamped.seq
            state = tx_state(connection, found.local_id)
            attempts = self._attempts if self._settled == self._position else 0
            return Owed(found.stamped, attempts, state.remote_id, state.is_start_abandoned, self.message_id(found.stamped))

    def samples(self, local_id: LocalId) -> tuple[Stamped, ...]:
        """All `MeterSampled` facts of a transaction that carry `stop_values`, oldest first."""
        with explained(self._path):
            return queries.samples(self._opened(), local_id, self._utc_offsets)

    def started(self, local_id: LocalId) -> Stamped | None:
        """The `TransactionStarted` fact of a transaction."""
        with explained(self._path):
            return queries.started(self._opened(), local_id, self._utc_offsets)

    def failed(self, seq: int, attempts: int) -> None:
        """Notes that the message of fact `seq` has failed so many times."""
        if seq <= self._settled:
            return
        settled = self._settled
        with self._write(is_full=False) as connection:
            self._write_position(connection, settled)
            connection.execute("UPDATE owed SET attempts = ?", (attempts,))
        self._moved_to(settled)
        self._attempts = attempts

    def message_id(self, stamped: Stamped) -> str:
        """Message id of the fact: the same at each retry and after each restart, never that of another.

        The run is part of it, as a power cut may take the last facts and their places are then given again.
        """
        return str(uuid.uuid5(self._station, f"{stamped.boot}.{stamped.seq}"))

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
            attempts = self._attempts if self._settled == self._position else 0
            return queries.queue(self._opened(), self._settled, limit, attempts, self.message_id, self._utc_offsets)

    def compact_when_due(self, now: Now) -> int:
        """Forgets old, delivered facts once enough new ones have come; returns how many went."""
        if self._until_compaction > 0:
            return 0
        self._until_compaction = _COMPACT_EVERY
        with self._write(is_full=False) as connection:
            return retention.compact(connection, self._options, self._settled, now)

    def close(self) -> None:
        """Writes what is pending and lets go of the file."""
        if self._connection is None:
            return
        try:
            if self._settled > self._position:
                with self._write(is_full=True) as connection:
                    self._write_position(connection, self._settled)
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

    def _write_position(self, connection: sqlite3.Connection, settled: int) -> None:
        if settled > self._position:
            connection.execute("UPDATE owed SET seq = ?, attempts = 0", (settled,))

    def _moved_to(self, settled: int) -> None:
        if settled > self._position:
            self._position, self._attempts = settled, 0
        self._settled = max(self._settled, settled)


def _identity(connection: sqlite3.Connection) -> tuple[uuid.UUID, int]:
    """The namespace of the message ids, made once, and the number of this run."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('station', ?)", (str(uuid.uuid4()),))
    connection.execute("INSERT INTO meta VALUES ('boot', '1') ON CONFLICT (name) DO UPDATE SET value = value + 1")
    values: dict[str, str] = dict(connection.execute("SELECT name, value FROM meta"))
    return uuid.UUID(values["station"]), int(values["boot"])


def _row(stamped: Stamped) -> tuple[object, ...]:
    kind, body = encode(stamped.fact)
    fact = stamped.fact
    return stamped.seq, stamped.boot, stamped.mono_s, stamped.utc_s, fact.connector, kind, is_owed(fact), body
