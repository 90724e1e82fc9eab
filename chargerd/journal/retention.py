"""What the journal forgets, so that it stays small: old facts that were told, then intermediate samples. Never a start or a stop."""

from __future__ import annotations

import logging
import sqlite3

from chargerd.core.now import Now
from chargerd.journal.records import JournalOptions
from chargerd.journal.tables import OWED, THINNED

_LOG = logging.getLogger(__name__)

_AT_ONCE = 1000  # rows, so that one commit stays short


def compact(connection: sqlite3.Connection, options: JournalOptions, settled: int, now: Now) -> int:
    """Deletes what may go, inside the caller's transaction; returns how many facts went.

    settled: the last fact whose message is done.
    """
    _thin(connection, options.max_owed, settled)
    _shrink_cache(connection, options.max_cached_tokens)
    return _forget(connection, options, settled, now)


def _forget(connection: sqlite3.Connection, options: JournalOptions, settled: int, now: Now) -> int:
    """Old facts that are not owed; samples only of transactions that are over; the newest of all stays, it says which place comes next.

    Starts and stops stay too: they date the stored transactions.
    """
    (newest,) = connection.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()
    (unfinished,) = connection.execute("SELECT min(started_seq) FROM tx WHERE stop_state IN ('running', 'owed')").fetchone()
    oldest_utc_s = now.utc_s - options.keep_days * 86400 if now.is_utc_trusted else 0.0
    gone = connection.execute(
        "DELETE FROM fact WHERE seq IN (SELECT seq FROM fact WHERE seq < ? AND kind NOT IN ('TransactionStarted', 'TransactionStopped')"
        " AND NOT (owed = ? AND seq > ?) AND NOT (kind = 'MeterSampled' AND seq > ?) AND (utc < ? OR seq <= ?) ORDER BY seq LIMIT ?)",
        (newest, OWED, settled, newest if unfinished is None else unfinished, oldest_utc_s, newest - options.max_facts, _AT_ONCE),
    ).rowcount
    connection.execute("DELETE FROM run WHERE boot < (SELECT boot FROM fact ORDER BY seq LIMIT 1)")
    return gone


def _thin(connection: sqlite3.Connection, max_owed: int, settled: int) -> None:
    """Gives up every second waiting MeterValues when too much waits, marked; the head stays, as it may be on its way."""
    (length, head) = connection.execute("SELECT count(*), min(seq) FROM fact WHERE seq > ? AND owed = ?", (settled, OWED)).fetchone()
    if length > max_owed:
        thinned = connection.execute(
            "UPDATE fact SET owed = ? WHERE seq IN (SELECT seq FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM fact"
            " WHERE seq > ? AND owed = ? AND kind = 'MeterSampled') WHERE place % 2 = 0)",
            (THINNED, head, OWED),
        ).rowcount
        _LOG.warning("journal queue thinned waiting=%d given_up=%d: the central system has been out of reach too long", length, thinned)


def _shrink_cache(connection: sqlite3.Connection, max_tokens: int) -> None:
    """Tokens beyond the limit: first those that may not charge, then those not heard of for longest (OCPP 1.6, 3.5.1)."""
    connection.execute(
        "DELETE FROM auth_cache WHERE id_tag_key IN (SELECT id_tag_key FROM auth_cache"
        " ORDER BY status = 'Accepted' DESC, seq DESC LIMIT -1 OFFSET ?)",
        (max_tokens,),
    )
