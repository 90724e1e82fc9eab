"""What can still be read of a damaged journal goes into a new one: the small tables, and of the facts those that are not over.

Told and finished history stays in the file that is set aside. A row that is broken is left out; of the facts, those before and behind a
broken page are read, each from its own end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chargerd.core.facts import FaultCleared, FaultRaised
from chargerd.journal import queries
from chargerd.journal.database import PAGE
from chargerd.journal.tables import latch, project

_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)  # the latter where SQLite quotes garbage in its message

_TABLES = ("run", "tx", "failure", "abandoned", "setting", "availability", "auth_cache", "local_list", "reservation", "profile", "latch")
_MOST_FACTS = 50_000
_FACTS = "SELECT seq, boot, mono_s, utc, connector, kind, owed, min(settled, seq), body FROM fact"

_SETTLED = "SELECT min(settled, seq) FROM fact WHERE typeof(settled) = 'integer' ORDER BY seq DESC LIMIT 1"
_FAULTS = f"{queries.FACTS} WHERE kind IN ('FaultRaised', 'FaultCleared')"
_OWED = (
    "SELECT started_seq FROM tx WHERE start_state = 'owed'"
    " UNION ALL SELECT stopped_seq FROM tx WHERE stop_state = 'owed' AND stopped_seq IS NOT NULL"
)

_REPAIRS = (  # what no fact tells any more can be told no more
    "UPDATE tx SET start_state = 'abandoned' WHERE start_state = 'owed' AND NOT EXISTS (SELECT 1 FROM fact WHERE seq = started_seq)",
    "UPDATE tx SET stop_state = 'abandoned' WHERE stop_state = 'owed' AND NOT EXISTS (SELECT 1 FROM fact WHERE seq = stopped_seq)",
)

_COUNTS = (
    ("settings", "SELECT count(*) FROM setting"),
    ("latched faults", "SELECT count(*) FROM latch"),
    ("tokens", "SELECT count(*) FROM auth_cache"),
    ("listed tokens", "SELECT count(*) FROM local_list"),
    ("reservations", "SELECT count(*) FROM reservation"),
    ("charging profiles", "SELECT count(*) FROM profile"),
    ("transactions", "SELECT count(*) FROM tx"),
    ("of them unfinished", "SELECT count(*) FROM tx WHERE stop_state IN ('running', 'owed')"),
    ("facts", "SELECT count(*) FROM fact"),
)


@dataclass(frozen=True, slots=True)
class Positions:
    """The last fact whose message is done, and the place of the next fact."""

    settled: int
    next_seq: int


def carry_over(path: Path, new: sqlite3.Connection, known: Positions, latched: Iterable[FaultRaised]) -> Positions:
    """Read what can be read of the damaged file into the new one, in the caller's transaction; nothing when it is no database any more.

    known, latched: what the process knows of the file; 0, 1 and none where it knows nothing.
    """
    for fault in latched:
        latch(new, fault)
    if not path.exists() or path.stat().st_size < PAGE:  # SQLite would throw away its WAL
        return known
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as old:
            old.text_factory = lambda text: text.decode("utf-8", "replace")
            old.execute("PRAGMA locking_mode = EXCLUSIVE")
            return _carry_over(old, new, known)
    except _UNREADABLE as error:
        _raise_if_in_use(error)
        return known


def words(new: sqlite3.Connection) -> str:
    """How much was carried over, for people."""
    counts = ((new.execute(sql).fetchone()[0], name) for name, sql in _COUNTS)
    return ", ".join(f"{count} {name}" for count, name in counts if count) or "nothing"


def _carry_over(old: sqlite3.Connection, new: sqlite3.Connection, known: Positions) -> Positions:
    for table in _TABLES:
        for row in _readable(old, f"SELECT * FROM {table}"):  # noqa: S608 - our own names
            _insert(new, table, row)
    for row in _readable(old, "SELECT name, value FROM meta WHERE name IN ('accepted', 'local_list_version')"):
        _insert(new, "meta", row)
    _carry_latched(old, new)
    settled = max([known.settled, *(row[0] for row in _readable(old, _SETTLED))])
    settled = min([settled, *(seq - 1 for (seq,) in new.execute(_OWED))])
    _carry_facts(old, new, settled)
    _repair(new)
    (newest,) = new.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()
    (told,) = new.execute("SELECT coalesce(max(max(started_seq, coalesce(stopped_seq, 0))), 0) FROM tx").fetchone()
    return Positions(settled, max(known.next_seq, newest + 1, settled + 1, told + 1))


def _carry_latched(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Where the table of latched faults is broken, what the readable facts say is up; rather one too many than one forgotten."""
    try:
        old.execute("SELECT * FROM latch").fetchall()
    except _UNREADABLE as error:
        _raise_if_in_use(error)
    else:
        return
    rows = {row[0]: row for direction in ("DESC", "ASC") for row in _readable(old, f"{_FAULTS} ORDER BY seq {direction}")}
    up: dict[tuple[int, str], FaultRaised] = {}
    for stamped in queries.facts((rows[seq] for seq in sorted(rows)), {}):
        match stamped.fact:
            case FaultRaised(is_latching=True) as fault:
                up[fault.connector, fault.code] = fault
            case FaultCleared(connector=connector, code=code):
                up.pop((connector, code), None)
    for fault in up.values():
        latch(new, fault)


def _carry_facts(old: sqlite3.Connection, new: sqlite3.Connection, settled: int) -> None:
    """Facts that are owed, and those of transactions that are not over."""
    (unfinished,) = new.execute("SELECT min(started_seq) FROM tx WHERE stop_state IN ('running', 'owed')").fetchone()
    first = settled + 1 if unfinished is None else min(settled + 1, unfinished)
    for direction in ("DESC", "ASC"):
        for row in _readable(old, f"{_FACTS} WHERE seq >= {first} ORDER BY seq {direction} LIMIT {_MOST_FACTS}"):
            _insert(new, "fact", row)


def _repair(new: sqlite3.Connection) -> None:
    """Make tables and facts agree again."""
    rows = new.execute(f"{queries.FACTS} ORDER BY seq").fetchall()
    known = {local_id for (local_id,) in new.execute("SELECT local_id FROM tx")}
    for stamped in queries.facts(rows, {}):
        local_id = getattr(stamped.fact, "local_id", None)
        if local_id is not None and local_id not in known:
            project(new, stamped)
    for sql in _REPAIRS:
        new.execute(sql)


def _readable(old: sqlite3.Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    """Rows until the end or the first that cannot be read."""
    try:
        yield from old.execute(sql)
    except _UNREADABLE as error:
        _raise_if_in_use(error)


def _raise_if_in_use(error: Exception) -> None:
    """A file that somebody holds is not unreadable."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
        raise error


def _insert(new: sqlite3.Connection, table: str, row: tuple[Any, ...]) -> None:
    """One row, where it fits."""
    with suppress(sqlite3.DatabaseError):
        new.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - our own names
