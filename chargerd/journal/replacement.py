"""A new journal file in place of a damaged one, which is set aside under `<name>.damaged-<n>` for whoever wants to look into it.

The new file is made whole under the name `<name>.new`; from that moment on the replacement is decided, and `finish` carries it out, in
this run or, when the power goes, in the next. What could be read of the old file is in it already (see `salvage.py`).
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chargerd.core.facts import FaultRaised, JournalReplaced
from chargerd.core.ids import STATION
from chargerd.journal.database import make, synchronise, wal_of
from chargerd.journal.salvage import Positions, carry_over, words

_KEPT_ASIDE = 10
"""A medium that damages file after file must not fill itself with them."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the new file says of the old one until the first batch has told it as a fact."""

    fact: JournalReplaced
    positions: Positions


def replace(path: Path, cause: str, known: Positions, latched: Iterable[FaultRaised]) -> None:
    """Put a new file in place of the damaged one. known, latched: what the process knows of the old one."""

    def fill(connection: sqlite3.Connection) -> None:
        positions = carry_over(path, connection, known, latched)
        fact = JournalReplaced(STATION, _next_aside(path).name, cause, words(connection))
        connection.execute("INSERT INTO meta VALUES ('replaced', ?)", (_written(Note(fact, positions)),))

    make(_ready(path), fill)
    finish(path)


def finish(path: Path) -> None:
    """Carry out a replacement that was decided: the old file goes aside, its WAL first, then the new one takes its place."""
    ready = _ready(path)
    if not ready.exists():
        return
    aside = _next_aside(path)
    if wal_of(path).exists():
        wal_of(path).rename(wal_of(aside))
    if path.exists():
        path.rename(aside)
    ready.rename(path)
    synchronise(path.parent)
    for old in _asides(path)[:-_KEPT_ASIDE]:
        old.unlink()
        wal_of(old).unlink(missing_ok=True)


def note(connection: sqlite3.Connection) -> Note | None:
    """What is still to be told; None: nothing."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'replaced'").fetchone()
    if row is None:
        return None
    aside, cause, kept, settled, next_seq = json.loads(row[0])
    return Note(JournalReplaced(STATION, aside, cause, kept), Positions(settled, next_seq))


def told(connection: sqlite3.Connection) -> None:
    """The fact is written, in the caller's transaction."""
    connection.execute("DELETE FROM meta WHERE name = 'replaced'")


def _written(note: Note) -> str:
    fact, positions = note.fact, note.positions
    return json.dumps([fact.aside, fact.cause, fact.kept, positions.settled, positions.next_seq])


def _ready(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _next_aside(path: Path) -> Path:
    """The same until the file has gone there."""
    return path.with_name(f"{path.name}.damaged-{_number(_asides(path)[-1]) + 1 if _asides(path) else 1}")


def _asides(path: Path) -> list[Path]:
    """The files set aside, oldest first."""
    found = (one for one in path.parent.glob(f"{path.name}.damaged-*") if re.search(r"-\d+$", one.name))
    return sorted(found, key=_number)


def _number(aside: Path) -> int:
    return int(aside.name.rpartition("-")[2])
