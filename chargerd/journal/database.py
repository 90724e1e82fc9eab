"""Opens the SQLite file: one owner, our schema brought up to date, and errors in words a technician can act on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from chargerd.core.errors import StorageError

APPLICATION_ID = 0x63686764  # "chgd"


def connect(path: Path) -> sqlite3.Connection:
    """A connection that owns the file alone, in WAL mode, with every schema step applied.

    Raises StorageError when the file cannot be had, is damaged, is not ours, or comes from a newer version. It is never deleted.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # it holds id tags
        # The journal's executor has one thread; with a virtual-time loop the work is done on the loop's own.
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # held until the connection is closed
            _refuse(connection, path)
            _prepare(connection)
            _upgrade(connection)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite and the file system raise into StorageError. A broken constraint is a bug of ours and stays what it is."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise StorageError(f"journal {path}: {_words(error, path)}") from error


def schema_steps() -> list[tuple[int, str]]:
    """Number and SQL of each schema file, in order."""
    found = (files("chargerd.journal") / "schema").iterdir()
    return sorted((int(step.name[:4]), step.read_text(encoding="utf-8")) for step in found if step.name.endswith(".sql"))


def _refuse(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StorageError for a file that must not be touched."""
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if application != APPLICATION_ID and not (is_empty and application == 0):
        raise StorageError(f"journal {path}: this is the database of another program; give another journal.path, or move the file away")
    newest = schema_steps()[-1][0]
    if (version := _version(connection)) > newest:
        raise StorageError(
            f"journal {path}: written by a newer version of chargerd (schema {version}, this one knows {newest}); "
            "install that version again, or move the file away once its transactions are delivered"
        )
    if fault := _fault(connection):
        raise StorageError(f"journal {path}: {_damaged(path, fault)}")


def _prepare(connection: sqlite3.Connection) -> None:
    """Small pages keep a commit small on flash. The empty transaction takes the lock now, not at the first fact."""
    connection.execute("PRAGMA page_size = 512")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")


def _upgrade(connection: sqlite3.Connection) -> None:
    version = _version(connection)
    for number, sql in schema_steps():
        if number > version:
            _apply(connection, number, sql)


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _fault(connection: sqlite3.Connection) -> str:
    (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return "" if result == "ok" else str(result)


def _apply(connection: sqlite3.Connection, number: int, sql: str) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};\nCOMMIT;"
        )
    finally:
        if connection.in_transaction:
            connection.rollback()


def _damaged(path: Path, detail: str) -> str:
    aside = f"{path}.damaged"
    return (
        f"damaged ({detail}); set it aside for inspection with `mv {path} {aside}` (and `mv {path}-wal {aside}-wal` where it exists), "
        "then start again: a new one is made"
    )


def _words(error: sqlite3.Error | OSError | UnicodeDecodeError, path: Path) -> str:
    if isinstance(error, UnicodeDecodeError):  # garbage that SQLite quotes in its own message
        return _damaged(path, "garbage where text should be")
    if isinstance(error, OSError):
        return f"{error.strerror or error}; check the directory, its owner and the disk"
    # The low byte is the primary code; errors of the Python module itself have none.
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "the disk is full; free some space"
        case sqlite3.SQLITE_READONLY:
            return "cannot be written (read-only); check the mount and the owner of the file and its directory"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "in use by another process; is a second chargerd running on this state directory?"
        case sqlite3.SQLITE_CANTOPEN:
            return "cannot be opened; check the directory and its owner"
        case sqlite3.SQLITE_IOERR:
            return f"the disk fails ({error}); check its health"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _damaged(path, str(error))
    return str(error)
