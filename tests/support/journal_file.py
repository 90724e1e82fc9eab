"""The files that a killed daemon leaves behind, read from outside: the journal's SQLite file and the mock meter's registers."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MESSAGES = {"TransactionStarted": "StartTransaction", "MeterSampled": "MeterValues", "TransactionStopped": "StopTransaction"}


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """One row of `tx`."""

    local_id: str
    connector: int
    remote_id: int | None
    meter_start_wh: int
    meter_stop_wh: int | None
    reason: str | None

    @property
    def is_running(self) -> bool:
        """Nothing on disk says that it ended."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One row of `fact`."""

    seq: int
    boot: int
    connector: int
    kind: str
    is_owed: bool
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """The OCPP message that tells it."""
        return _MESSAGES[self.kind]


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it at one moment."""

    transactions: dict[str, StoredTransaction]
    facts: tuple[StoredFact, ...]

    @property
    def owed(self) -> tuple[StoredFact, ...]:
        """What the central system has to be told, in order."""
        return tuple(fact for fact in self.facts if fact.is_owed)

    def last_register_wh(self, local_id: str) -> int:
        """The highest register on disk of a transaction."""
        sampled = [fact.body["energy_wh"] for fact in self.facts if fact.kind == "MeterSampled" and fact.body["local_id"] == local_id]
        return max([self.transactions[local_id].meter_start_wh, *sampled])


def read_journal(path: Path) -> Picture:
    """What is committed. A copy is read, so that the file stays exactly as the process left it."""
    if not path.exists():
        return Picture({}, ())
    with tempfile.TemporaryDirectory() as folder:
        for name in (path.name, f"{path.name}-wal"):
            if (path.parent / name).exists():
                shutil.copy(path.parent / name, folder)
        with closing(sqlite3.connect(Path(folder) / path.name)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'tx'").fetchone():
                return Picture({}, ())  # killed before the first run had made its tables
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = connection.execute("SELECT local_id, connector, remote_id, meter_start_wh, meter_stop_wh, reason FROM tx")
            transactions = {row[0]: StoredTransaction(*row) for row in rows}
            rows = connection.execute("SELECT seq, boot, connector, kind, owed = 1, body FROM fact ORDER BY seq")
            facts = tuple(StoredFact(*row[:4], bool(row[4]), json.loads(row[5])) for row in rows)
    return Picture(transactions, facts)


def read_registers(path: Path, outlets: int = 2) -> dict[int, int]:
    """The whole watt-hours of each outlet, by connector; zeros before the first run."""
    if not path.exists() or path.stat().st_size == 0:
        return dict.fromkeys(range(1, outlets + 1), 0)
    records = struct.iter_unpack("<qd", path.read_bytes()[8:])
    return {connector: whole_wh for connector, (whole_wh, _) in enumerate(records, 1)}
