"""What is read from the journal."""

from __future__ import annotations

import json
import logging
import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from chargerd.core.facts import MeterSampled, Restored, Stamped, TransactionStarted, TransactionStopped
from chargerd.core.ids import LocalId
from chargerd.journal import recovery
from chargerd.journal.codec import decode
from chargerd.journal.records import QueueView, TransactionRecord, Waiting
from chargerd.journal.tables import MESSAGES, cached_tokens, latched, local_list, profiles, reservations

_LOG = logging.getLogger(__name__)

_LAST_PLACE = 2**63 - 1
_COLUMNS = "SELECT seq, boot, mono_s, utc, fact.connector, kind, body"
FACTS = f"{_COLUMNS} FROM fact"
"""Each fact as a row for `facts`."""
_CHOSEN = " WHERE (NOT ? OR kind IN (SELECT value FROM json_each(?))) AND (? IS NULL OR connector = ?)"
_SAMPLES = (  # of one transaction lie between its start and its stop
    " FROM fact JOIN tx ON seq BETWEEN started_seq AND coalesce(stopped_seq, ?)"
    " WHERE local_id = ? AND kind = 'MeterSampled' AND fact.connector = tx.connector"
)

UtcOffsets = Mapping[int, float]
"""utc - mono_s of each run in which UTC became known: it dates what was written before."""

Wanted = Callable[[int], Sequence[int]]
"""Chooses places, counted from 0, of so many things."""


def last_boot(connection: sqlite3.Connection) -> int:
    """The number of the last run that left anything."""
    newest: tuple[int] = connection.execute("SELECT boot FROM fact ORDER BY seq DESC LIMIT 1").fetchone() or (0,)
    counted: tuple[int] = connection.execute("SELECT coalesce(max(boot), 0) FROM run").fetchone()
    return max(newest[0], counted[0])


def runs(connection: sqlite3.Connection) -> dict[int, str]:
    """The namespace of the message ids of each run."""
    return dict(connection.execute("SELECT boot, id FROM run"))


def utc_offsets(connection: sqlite3.Connection) -> dict[int, float]:
    """See `UtcOffsets`."""
    return dict(connection.execute("SELECT boot, utc_offset_s FROM run WHERE utc_offset_s IS NOT NULL"))


class OwedFact(NamedTuple):
    stamped: Stamped
    local_id: LocalId


def facts(rows: Iterable[tuple[int, int, float, float | None, int, str, str]], offsets: UtcOffsets) -> Iterator[Stamped]:
    """Facts from rows of `FACTS`; what only a newer version understands is passed over and stays in the file."""
    for seq, boot, mono_s, utc_s, connector, kind, body in rows:
        try:
            fact = decode(kind, connector, body)
        except ValueError as error:
            _LOG.warning("journal row unreadable seq=%d kind=%s error=%s", seq, kind, error)
            continue
        if fact is not None:
            yield Stamped(seq, boot, mono_s, resolved(utc_s, boot, mono_s, offsets), fact)


def resolved(utc_s: float | None, boot: int, mono_s: float, offsets: UtcOffsets) -> float | None:
    """The time of a fact, also of one that was written before UTC was known; None while it is not."""
    if utc_s is None and boot in offsets:
        return offsets[boot] + mono_s
    return utc_s


def owed_from(connection: sqlite3.Connection, start: int, limit: int, offsets: UtcOffsets) -> Iterator[OwedFact]:
    """Owed facts from place `start` on: samples, up to the first start or stop, whose answer may change what follows."""
    for one in islice(_owed(connection, start, offsets), limit):
        yield one
        if not isinstance(one.stamped.fact, MeterSampled):
            return


def queue(
    connection: sqlite3.Connection,
    settled: int,
    limit: int,
    attempts: Callable[[int], int],
    message_id: Callable[[Stamped], str],
    offsets: UtcOffsets,
) -> QueueView:
    """How much is owed after place `settled`, and the first of it; `attempts` gives the failures of a message."""
    (length,) = connection.execute("SELECT count(*) FROM fact WHERE seq > ? AND owed = 1", (settled,)).fetchone()
    waiting: list[Waiting] = []
    for one in _owed(connection, settled + 1, offsets):
        if len(waiting) == limit:
            break
        message = MESSAGES[type(one.stamped.fact).__name__]
        waiting.append(Waiting(one.stamped, message, one.local_id, attempts(one.stamped.seq), message_id(one.stamped)))
    return QueueView(length, tuple(waiting))


def _owed(connection: sqlite3.Connection, start: int, offsets: UtcOffsets) -> Iterator[OwedFact]:
    rows = connection.execute(f"{FACTS} WHERE seq >= ? AND owed = 1 ORDER BY seq", (start,))
    for stamped in facts(rows, offsets):
        match stamped.fact:
            case TransactionStarted() | MeterSampled() | TransactionStopped() as fact:
                yield OwedFact(stamped, fact.local_id)


def samples(connection: sqlite3.Connection, local_id: LocalId, wanted: Wanted, offsets: UtcOffsets) -> tuple[Stamped, ...]:
    """Of the samples of a transaction that carry `stop_values`, oldest first, those at the places that `wanted` chooses."""
    places = array("q")
    for (seq,) in connection.execute(
        f"SELECT seq {_SAMPLES} AND instr(body, '\"stop_values\"') AND instr(body, ?) ORDER BY seq",
        (_LAST_PLACE, local_id, f'"local_id":{json.dumps(local_id)}'),
    ):
        places.append(seq)
    chosen = [places[place] for place in wanted(len(places))]
    found = (facts(connection.execute(f"{FACTS} WHERE seq = ?", (seq,)), offsets) for seq in chosen)
    return tuple(stamped for one in found for stamped in one)


def _newest_samples(connection: sqlite3.Connection, local_id: str, offsets: UtcOffsets) -> Iterator[tuple[Stamped, MeterSampled]]:
    """Samples of one transaction; newest first."""
    rows = connection.execute(
        f"{_COLUMNS} {_SAMPLES} ORDER BY seq DESC",
        (_LAST_PLACE, local_id),
    )
    for stamped in facts(rows, offsets):
        if isinstance(stamped.fact, MeterSampled) and stamped.fact.local_id == local_id:
            yield stamped, stamped.fact


def started(connection: sqlite3.Connection, local_id: LocalId, offsets: UtcOffsets) -> Stamped | None:
    """The fact that began a transaction."""
    rows = connection.execute(f"{FACTS} JOIN tx ON seq = started_seq WHERE local_id = ?", (local_id,))
    return next(facts(rows, offsets), None)


def transactions(connection: sqlite3.Connection, limit: int, offsets: UtcOffsets) -> tuple[TransactionRecord, ...]:
    """Transactions, newest first."""
    rows = connection.execute(
        "SELECT started_seq, stopped_seq, local_id, connector, remote_id, id_tag, parent_id_tag, meter_start_wh, meter_stop_wh, reason,"
        " start_state, stop_state FROM tx ORDER BY started_seq DESC LIMIT ?",
        (limit,),
    ).fetchall()
    return tuple(
        TransactionRecord(_time_of(connection, started_seq, offsets), _time_of(connection, stopped_seq, offsets), *rest)
        for started_seq, stopped_seq, *rest in rows
    )


def _time_of(connection: sqlite3.Connection, seq: int | None, offsets: UtcOffsets) -> float | None:
    """When a transaction started or stopped, by the fact that says so."""
    stamped = next(facts(connection.execute(f"{FACTS} WHERE seq = ?", (seq,)), offsets), None)
    if stamped is None:
        return None
    if isinstance(stamped.fact, TransactionStopped) and stamped.fact.at_utc_s is not None:
        return stamped.fact.at_utc_s
    return stamped.utc_s


def events(
    connection: sqlite3.Connection, limit: int, kinds: Collection[str], connector: int | None, offsets: UtcOffsets
) -> tuple[Stamped, ...]:
    """The newest facts, oldest first."""
    rows = connection.execute(
        f"{FACTS}{_CHOSEN} ORDER BY seq DESC LIMIT ?",
        (bool(kinds), json.dumps(sorted(kinds)), connector, connector, limit),
    ).fetchall()
    return tuple(facts(reversed(rows), offsets))


def restored(connection: sqlite3.Connection, offsets: UtcOffsets) -> Restored:
    """What the runs before have left."""
    return recovery.restored(
        _traces(connection, offsets),
        connection.execute("SELECT connector, is_operative FROM availability"),
        connection.execute("SELECT name, value FROM setting"),
        cached_tokens(connection),
        local_list(connection),
        reservations(connection),
        profiles(connection),
        latched(connection),
        has_been_accepted=connection.execute("SELECT 1 FROM meta WHERE name = 'accepted'").fetchone() is not None,
    )


def _traces(connection: sqlite3.Connection, offsets: UtcOffsets) -> list[recovery.Trace]:
    rows = connection.execute(
        "SELECT tx.connector, local_id, id_tag, parent_id_tag, remote_id, meter_start_wh, fact.boot FROM tx"
        " LEFT JOIN fact ON fact.seq = started_seq WHERE stop_state = 'running'"
    ).fetchall()
    traces = []
    for connector, local_id, id_tag, parent, remote_id, start_wh, boot in rows:
        last = next(_newest_samples(connection, local_id, offsets), None)
        begun = started(connection, local_id, offsets)
        told_utc_s = (
            _last_time(connection, boot if last is None else last[0].boot, offsets),
            begun.utc_s if begun else None,
            last[1].at_utc_s if last else None,
        )
        sample_wh = None if last is None else last[1].energy_wh
        traces.append(recovery.Trace(connector, local_id, id_tag, parent, remote_id, start_wh, sample_wh, told_utc_s))
    return traces


def _last_time(connection: sqlite3.Connection, boot: int | None, offsets: UtcOffsets) -> float | None:
    """When a run wrote its last fact."""
    row = connection.execute("SELECT utc, mono_s FROM fact WHERE boot = ? ORDER BY seq DESC LIMIT 1", (boot,)).fetchone()
    return None if row is None or boot is None else resolved(row[0], boot, row[1], offsets)
