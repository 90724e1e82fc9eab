"""Whether a journal file can be trusted: as a database, and in what its tables say of one another.

A small file is checked whole at start. A large one would take too long for that (3 ms for a thousand facts): there the facts
themselves are left out, and damage in them shows when they are read or when the next one is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

_WHOLE_PAGES = 8192  # of 512 bytes

_COLUMNS = (
    'SELECT of.name, own.name, own.type, own."notnull", own.pk FROM sqlite_schema AS of JOIN pragma_table_info(of.name) AS own'
    " WHERE of.type = 'table' ORDER BY of.name, own.cid"
)

_SETTLED = "SELECT 1 FROM (SELECT seq, settled FROM fact ORDER BY seq DESC LIMIT 1)"
_CONTRADICTIONS = (
    (
        "a transaction began or ended after the newest fact",
        "SELECT 1 FROM tx WHERE max(started_seq, coalesce(stopped_seq, 0)) > (SELECT coalesce(max(seq), 0) FROM fact)"
        " AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'replaced')",
    ),
    ("more is settled than was ever written", f"{_SETTLED} WHERE settled > seq"),
    ("a start is settled and owed", f"{_SETTLED} JOIN tx ON start_state = 'owed' AND started_seq <= settled"),
    ("a stop is settled and owed", f"{_SETTLED} JOIN tx ON stop_state = 'owed' AND stopped_seq <= settled"),
)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing at all is in it, as in a file that is cut off within its first page."""
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None


def own_version(connection: sqlite3.Connection) -> int | None:
    """The schema number that the content names; None when this is no journal of ours."""
    is_ours = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'fact', 'tx')").fetchone()[0] == 3
    if not is_ours:
        return None
    columns = connection.execute("SELECT count(*) FROM pragma_table_info('meta') WHERE name IN ('name', 'value')").fetchone()[0]
    if columns != 2:
        return 0
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return int(row[0]) if row and str(row[0]).isdecimal() else 0


def fault(connection: sqlite3.Connection, empty: Callable[[], sqlite3.Connection]) -> str:
    """What is wrong, in words; empty: nothing was found. `empty` gives a database with the schema that must be there."""
    columns = connection.execute(_COLUMNS).fetchall()
    pattern = empty()
    try:
        if columns != pattern.execute(_COLUMNS).fetchall():
            return "its tables are not those of this version"
    finally:
        pattern.close()
    return _broken_page(connection, sorted({table for table, *_ in columns})) or _contradiction(connection)


def _broken_page(connection: sqlite3.Connection, tables: list[str]) -> str:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    checks = ["PRAGMA quick_check(1)"] if pages <= _WHOLE_PAGES else [f"PRAGMA quick_check({table})" for table in tables if table != "fact"]
    for check in checks:
        (result,) = connection.execute(check).fetchone()
        if result != "ok":
            return " ".join(str(result).removeprefix("*** in database main ***").split())
    return ""


def _contradiction(connection: sqlite3.Connection) -> str:
    return next((words for words, sql in _CONTRADICTIONS if connection.execute(f"{sql} LIMIT 1").fetchone()), "")
