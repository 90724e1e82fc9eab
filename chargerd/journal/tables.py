"""Keeps the side tables true to the facts, in the transaction that writes them."""

from __future__ import annotations

import logging
import sqlite3
from typing import NamedTuple, overload

from chargerd.core.events import AuthorizationStatus, ListEntry
from chargerd.core.facts import (
    AvailabilityChanged,
    CacheCleared,
    Fact,
    FaultCleared,
    FaultRaised,
    LinkStateChanged,
    LocalListChanged,
    MessageAbandoned,
    MeterSampled,
    ProfileInstalled,
    ProfileRemoved,
    ReservationEnded,
    Reserved,
    SettingChanged,
    Stamped,
    StopConfirmed,
    TokenCached,
    TransactionConfirmed,
    TransactionStarted,
    TransactionStopped,
)
from chargerd.core.ids import ConnectorId, IdTag
from chargerd.journal.codec import decode, encode

log = logging.getLogger(__name__)

MESSAGES = {"TransactionStarted": "StartTransaction", "MeterSampled": "MeterValues", "TransactionStopped": "StopTransaction"}
"""OCPP action that tells a fact of this kind."""


class TxState(NamedTuple):
    """What the queue must know of a transaction."""

    remote_id: int | None
    is_start_abandoned: bool


_STATUSES = {status.value: status for status in AuthorizationStatus}

NOT_OWED, OWED, THINNED = 0, 1, 2
"""Marks of a fact: no message, a message, a message given up because the queue was too long."""


def owed_mark(fact: Fact) -> int:
    """Whether the central system must be told by a transaction message."""
    match fact:
        case TransactionStarted() | TransactionStopped():
            return OWED
        case MeterSampled(values=values) if values:
            return OWED
    return NOT_OWED


def settled_by(fact: Fact) -> int | None:
    """The fact whose message this one settles."""
    match fact:
        case TransactionConfirmed(settles=seq) | StopConfirmed(settles=seq) | MessageAbandoned(settles=seq):
            return seq
    return None


def project(connection: sqlite3.Connection, stamped: Stamped) -> None:
    """Brings the side tables up to one fact; facts without a table pass."""
    match stamped.fact:
        case TransactionStarted() as fact:
            _started(connection, stamped.seq, fact)
        case TransactionConfirmed() as fact:
            _confirmed(connection, fact)
        case TransactionStopped() as fact:
            _stopped(connection, stamped.seq, fact)
        case StopConfirmed() as fact:
            _stop_confirmed(connection, fact)
        case MessageAbandoned() as fact:
            _abandoned(connection, fact)
        case SettingChanged() as fact:
            _setting(connection, fact)
        case AvailabilityChanged() as fact:
            _availability(connection, fact)
        case TokenCached() as fact:
            _cached(connection, stamped.seq, fact)
        case FaultRaised(is_latching=True) as fact:
            latch(connection, fact)
        case FaultCleared(connector=connector, code=code):
            connection.execute("DELETE FROM latch WHERE connector = ? AND code = ?", (connector, _storable(code)))
        case LinkStateChanged(is_accepted=True):
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('accepted', '1')")
        case CacheCleared():
            connection.execute("DELETE FROM auth_cache")
        case LocalListChanged() as fact:
            _local_list(connection, fact)
        case Reserved() as fact:
            _reserved(connection, fact)
        case ProfileInstalled() as fact:
            _installed(connection, stamped.seq, fact)
        case ProfileRemoved(profile_id=profile_id):
            connection.execute("DELETE FROM profile WHERE profile_id = ?", (profile_id,))
        case ReservationEnded(reservation_id=reservation_id):
            connection.execute("DELETE FROM reservation WHERE reservation_id = ?", (reservation_id,))


def tx_state(connection: sqlite3.Connection, local_id: str) -> TxState:
    """The state of a transaction. Of one that is not known (a damaged file has lost it) the start will never be told."""
    row = connection.execute("SELECT remote_id, start_state = 'abandoned' FROM tx WHERE local_id = ?", (local_id,)).fetchone()
    return TxState(row[0], bool(row[1])) if row else TxState(None, True)


def cached_tokens(connection: sqlite3.Connection) -> list[TokenCached]:
    """The authorisation cache, the newest knowledge at the end; without statuses that only a newer version understands."""
    rows = connection.execute("SELECT connector, id_tag, status, parent_id_tag, expiry_utc FROM auth_cache ORDER BY seq, id_tag_key")
    return [
        TokenCached(ConnectorId(connector), IdTag(id_tag), _STATUSES[status], parent and IdTag(parent), expiry_utc_s)
        for connector, id_tag, status, parent, expiry_utc_s in rows
        if status in _STATUSES
    ]


def local_list(connection: sqlite3.Connection) -> tuple[int, tuple[ListEntry, ...]]:
    """Version and entries; what a newer version has written of a token, and only it understands, refuses the token."""
    (version,) = connection.execute("SELECT value FROM meta WHERE name = 'local_list_version'").fetchone() or (0,)
    rows = connection.execute("SELECT id_tag, status, parent_id_tag, expiry_utc FROM local_list ORDER BY id_tag_key")
    entries = tuple(
        ListEntry(IdTag(id_tag), _STATUSES.get(status, AuthorizationStatus.INVALID), parent and IdTag(parent), expiry_utc_s)
        for id_tag, status, parent, expiry_utc_s in rows
    )
    return int(version), entries


def reservations(connection: sqlite3.Connection) -> list[Reserved]:
    """Those that stand."""
    rows = connection.execute("SELECT reservation_id, connector, id_tag, expiry_utc, parent_id_tag FROM reservation")
    return [
        Reserved(ConnectorId(connector), reservation_id, IdTag(id_tag), expiry_utc_s, parent and IdTag(parent))
        for reservation_id, connector, id_tag, expiry_utc_s, parent in rows
    ]


def profiles(connection: sqlite3.Connection) -> list[ProfileInstalled]:
    """Those that are installed, the oldest first; without what only a newer version understands, and what nobody can read."""
    found = []
    for connector, body in connection.execute("SELECT connector, body FROM profile ORDER BY seq, profile_id"):
        try:
            fact = decode(ProfileInstalled.__name__, connector, body)
        except ValueError as error:
            log.warning("charging profile left out connector=%d %s", connector, error)
            continue
        if isinstance(fact, ProfileInstalled):
            found.append(fact)
    return found


def latched(connection: sqlite3.Connection) -> list[FaultRaised]:
    """The faults that nobody has cleared yet, those of the station first."""
    rows = connection.execute("SELECT connector, code, error_code, info FROM latch ORDER BY connector, code")
    return [FaultRaised(ConnectorId(connector), code, error_code, info, is_latching=True) for connector, code, error_code, info in rows]


def latch(connection: sqlite3.Connection, fault: FaultRaised) -> None:
    """A fault is up until it is cleared."""
    row = (fault.connector, _storable(fault.code), fault.error_code, _storable(fault.info))
    connection.execute("INSERT OR REPLACE INTO latch VALUES (?, ?, ?, ?)", row)


def _started(connection: sqlite3.Connection, seq: int, fact: TransactionStarted) -> None:
    connection.execute(
        "INSERT INTO tx (local_id, connector, id_tag, parent_id_tag, meter_start_wh, started_seq, start_state, stop_state)"
        " VALUES (?, ?, ?, ?, ?, ?, 'owed', 'running')",
        (fact.local_id, fact.connector, _storable(fact.id_tag), _storable(fact.parent_id_tag), fact.meter_start_wh, seq),
    )


def _confirmed(connection: sqlite3.Connection, fact: TransactionConfirmed) -> None:
    connection.execute(
        "UPDATE tx SET remote_id = ?, parent_id_tag = coalesce(?, parent_id_tag), start_state = 'confirmed' WHERE local_id = ?",
        (fact.remote_id, _storable(fact.parent_id_tag), fact.local_id),
    )


def _stopped(connection: sqlite3.Connection, seq: int, fact: TransactionStopped) -> None:
    connection.execute(
        "UPDATE tx SET meter_stop_wh = ?, reason = ?, stopped_seq = ?, stop_state = 'owed' WHERE local_id = ?",
        (fact.meter_stop_wh, fact.reason.value, seq, fact.local_id),
    )


def _stop_confirmed(connection: sqlite3.Connection, fact: StopConfirmed) -> None:
    connection.execute("UPDATE tx SET stop_state = 'confirmed' WHERE local_id = ?", (fact.local_id,))


def _abandoned(connection: sqlite3.Connection, fact: MessageAbandoned) -> None:
    connection.execute("INSERT OR REPLACE INTO abandoned VALUES (?, ?, ?)", (fact.settles, fact.message, fact.attempts))
    connection.execute("UPDATE tx SET start_state = 'abandoned' WHERE local_id = ? AND started_seq = ?", (fact.local_id, fact.settles))
    connection.execute("UPDATE tx SET stop_state = 'abandoned' WHERE local_id = ? AND stopped_seq = ?", (fact.local_id, fact.settles))


def _setting(connection: sqlite3.Connection, fact: SettingChanged) -> None:
    connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (fact.name, fact.value))


def _availability(connection: sqlite3.Connection, fact: AvailabilityChanged) -> None:
    connection.execute("INSERT OR REPLACE INTO availability VALUES (?, ?, ?)", (fact.connector, fact.is_operative, fact.is_scheduled))


def _cached(connection: sqlite3.Connection, seq: int, fact: TokenCached) -> None:
    id_tag = _storable(fact.id_tag)
    connection.execute(
        "INSERT OR REPLACE INTO auth_cache VALUES (?, ?, ?, ?, ?, ?, ?)",
        (id_tag.casefold(), id_tag, fact.status.value, _storable(fact.parent_id_tag), fact.expiry_utc_s, fact.connector, seq),
    )


def _local_list(connection: sqlite3.Connection, fact: LocalListChanged) -> None:
    if fact.is_full:
        connection.execute("DELETE FROM local_list")
    gone = [(_storable(entry.id_tag).casefold(),) for entry in fact.entries if entry.status is None]
    told = [
        (
            _storable(entry.id_tag).casefold(),
            _storable(entry.id_tag),
            entry.status.value,
            _storable(entry.parent_id_tag),
            entry.expiry_utc_s,
        )
        for entry in fact.entries
        if entry.status is not None
    ]
    connection.executemany("DELETE FROM local_list WHERE id_tag_key = ?", gone)
    connection.executemany("INSERT OR REPLACE INTO local_list VALUES (?, ?, ?, ?, ?)", told)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('local_list_version', ?)", (str(fact.version),))


def _installed(connection: sqlite3.Connection, seq: int, fact: ProfileInstalled) -> None:
    _, connector, body = encode(fact)
    connection.execute("INSERT OR REPLACE INTO profile VALUES (?, ?, ?, ?)", (fact.profile.profile_id, connector, seq, body))


def _reserved(connection: sqlite3.Connection, fact: Reserved) -> None:
    row = (fact.reservation_id, fact.connector, _storable(fact.id_tag), fact.expiry_utc_s, _storable(fact.parent_id_tag))
    connection.execute("INSERT OR REPLACE INTO reservation VALUES (?, ?, ?, ?, ?)", row)


@overload
def _storable(text: str) -> str: ...
@overload
def _storable(text: str | None) -> str | None: ...
def _storable(text: str | None) -> str | None:
    """Text as SQLite can hold it: JSON from outside may carry half of a surrogate pair."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")
