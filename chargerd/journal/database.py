"""Opens the SQLite file: one owner, our schema brought up to date, and errors in words a technician can act on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

from chargerd.core.errors import StorageError
from chargerd.journal import soundness

APPLICATION_ID = 0x63686764  # "chgd"
OLDEST_SQLITE = (3, 37)  # STRICT tables
PAGE = 512
"""The smallest there is: it keeps a commit small on flash."""

_CHECKPOINT_FRAMES = 512
_WAL_BYTES = 76 * 4096  # the frames until a checkpoint (536 bytes each) and the rest of the last transaction
_BLOCK = 4096


class DamagedError(StorageError):
    """The file is ours, or should be, and cannot be trusted any more."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that owns the file alone, in WAL mode, with every schema step applied; a file that is not there is made.

    Raises DamagedError for a file that is broken, StorageError when it cannot be had, is not ours, or comes from a newer version. The
    file is left as it is then.
    """
    with explained(path):
        _check_library(path)
        _find_or_make(path)
        # The journal's executor has one thread; with a virtual-time loop the work is done on the loop's own.
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # held until the connection is closed
            _refuse(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN EXCLUSIVE")  # takes the lock now, not at the first fact
            connection.execute("COMMIT")
            _upgrade(connection)
            _check(connection, path)
            _lay_out_wal(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def make(path: Path, fill: Callable[[sqlite3.Connection], None] = lambda _: None) -> None:
    """A new file with our schema and what `fill` puts into it. It is at its place only when it is whole and on the medium."""
    draft = path.with_name(f"{path.name}.draft")
    for left in (draft, wal_of(draft)):
        left.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))  # it holds id tags
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        _upgrade(connection)
        connection.execute("BEGIN IMMEDIATE")
        fill(connection)
        connection.execute("COMMIT")
    draft.rename(path)
    synchronise(path.parent)


def wal_of(path: Path) -> Path:
    """Where SQLite keeps what is committed and not yet in the file itself."""
    return path.with_name(f"{path.name}-wal")


def synchronise(folder: Path) -> None:
    """Names in a folder reach the medium."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite and the file system raise into StorageError. A broken constraint is a bug of ours and stays what it is."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        damage = _damage(error)
        if damage:
            raise DamagedError(f"journal {path}: damaged ({damage})") from error
        raise StorageError(f"journal {path}: {_words(error)}") from error


@cache
def schema_steps() -> tuple[tuple[int, str], ...]:
    """Number and SQL of each schema file, in order."""
    found = (files("chargerd.journal") / "schema").iterdir()
    return tuple(sorted((int(step.name[:4]), step.read_text(encoding="utf-8")) for step in found if step.name.endswith(".sql")))


def _check_library(path: Path) -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StorageError(
            f"journal {path}: the SQLite library of this Python is {sqlite3.sqlite_version}; 3.37 or newer is needed,"
            " install a newer one or another Python"
        )


def _find_or_make(path: Path) -> None:
    if not path.exists():
        if wal_of(path).exists():
            raise DamagedError(f"journal {path}: the file is missing, only its {wal_of(path).name} is there")
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    size = path.stat().st_size
    if size == 0 or size % PAGE:  # SQLite would fill up the last page with zeros
        raise DamagedError(f"journal {path}: damaged (cut off after {size} bytes)")


def _refuse(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StorageError for a file that must not be touched, DamagedError for one of ours whose header lies."""
    application, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    own_version = soundness.own_version(connection)
    if soundness.is_empty(connection):
        raise DamagedError(f"journal {path}: damaged (nothing is in it)")
    if own_version is None and application != APPLICATION_ID:
        raise StorageError(f"journal {path}: this is the database of another program; give another journal.path, or move the file away")
    if own_version != version or application != APPLICATION_ID:
        raise DamagedError(f"journal {path}: damaged (the header says schema {version}, the content {own_version})")
    newest = schema_steps()[-1][0]
    if version > newest:
        raise StorageError(
            f"journal {path}: written by a newer version of chargerd (schema {version}, this one knows {newest}); "
            "install that version again, or move the file away once its transactions are delivered"
        )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if fault := soundness.fault(connection, _empty):
        raise DamagedError(f"journal {path}: damaged ({fault})")


def _upgrade(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, sql in schema_steps():
        if number > version:
            _apply(connection, number, sql)


def _apply(connection: sqlite3.Connection, number: int, sql: str) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{sql}\nREPLACE INTO meta VALUES ('schema', '{number}');\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};\nCOMMIT;"
        )
    finally:
        if connection.in_transaction:
            connection.rollback()


def _empty() -> sqlite3.Connection:
    """A database in memory with our schema, to compare with."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _upgrade(connection)
    return connection


def _lay_out_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Give the WAL its full length, so that a commit writes its frames and no metadata of the file system.

    Block by block: the kernel counts, and may write, what a block shares its memory with.
    """
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_FRAMES}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with wal_of(path).open("r+b", buffering=0) as wal:
        for _ in range(0, _WAL_BYTES, _BLOCK):
            wal.write(bytes(_BLOCK))
        os.fsync(wal.fileno())


def _damage(error: sqlite3.Error | OSError | UnicodeDecodeError) -> str:
    """What is broken in the file; empty when the file is not to blame."""
    if isinstance(error, UnicodeDecodeError):  # garbage that SQLite quotes in its own message
        return "garbage where text should be"
    if isinstance(error, sqlite3.Error):
        if _primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return str(error)
        if str(error).startswith("Could not decode"):  # raised by the Python module, without a code
            return "garbage where text should be"
    return ""


def _words(error: sqlite3.Error | OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}; check the directory, its owner and the disk"
    match _primary_code(error):
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
    return str(error)


def _primary_code(error: Exception) -> int:
    """The low byte is the primary code; errors of the Python module itself have none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
