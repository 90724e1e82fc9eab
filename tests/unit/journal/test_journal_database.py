from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from journal_facts import now, sampled, started, stopped

from chargerd.core.errors import StorageError
from chargerd.core.events import StopReason
from chargerd.core.facts import TransactionStopped
from chargerd.journal.database import schema_steps
from chargerd.journal.store import Store

DATABASES = Path(__file__).parent / "databases"


def made(path: Path) -> Path:
    """A journal with one transaction in it."""
    store = Store(path)
    store.open()
    store.append([started(), sampled(), stopped()], now())
    store.close()
    return path


def changed(path: Path, sql: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(sql)
    connection.close()
    return path


def test_schema_steps_are_numbered_without_gaps() -> None:
    """The files are found as package data and are applied in this order."""
    assert [number for number, _ in schema_steps()] == list(range(1, len(schema_steps()) + 1))


@pytest.mark.parametrize("text", sorted(DATABASES.glob("*.sql")), ids=lambda text: text.stem)
def test_database_of_each_released_schema_opens(text: Path, tmp_path: Path) -> None:
    """An upgrade finds the open transaction, the queue with its message ids, and the settings."""
    store = Store(changed(tmp_path / "old.db", text.read_text(encoding="utf-8")))
    restored = store.open()
    (transaction,) = restored.transactions
    assert (transaction.local_id, transaction.remote_id, transaction.checkpoint_wh) == ("b", 18, 2400)
    assert restored.settings == (("heartbeat_interval_s", "120"),)
    assert restored.inoperative == {2}
    assert [token.id_tag for token in restored.cache] == ["04A2B1C3"]
    waiting = store.queue().waiting
    assert [(one.message, one.attempts, one.message_id) for one in waiting] == [
        ("MeterValues", 1, "3e26f90a-ed8a-5ed8-8bef-4936c285e0a3"),
    ]
    store.close()


def test_every_schema_has_its_fixture() -> None:
    """A new schema step comes with a database of the step before."""
    assert {int(text.stem) for text in DATABASES.glob("*.sql")} >= {number for number, _ in schema_steps()}


def test_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    """A downgrade is told which way is open, and the file stays as it was."""
    path = changed(made(tmp_path / "j.db"), "PRAGMA user_version = 99;")
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"newer version of chargerd \(schema 99"):
        Store(path).open()
    assert path.read_bytes() == before


def test_foreign_database_is_refused_untouched(tmp_path: Path) -> None:
    """Somebody else's SQLite file is not made ours."""
    path = changed(tmp_path / "j.db", "CREATE TABLE address (name TEXT);")
    before = path.read_bytes()
    with pytest.raises(StorageError, match="database of another program"):
        Store(path).open()
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", [0, 3000])
def test_damaged_file_is_refused_untouched(place: int, tmp_path: Path) -> None:
    """Garbage in the header or in a page is named at start, with what to do; nothing is deleted."""
    path = made(tmp_path / "j.db")
    content = path.read_bytes()
    path.write_bytes(content[:place] + b"\xa5" * 700 + content[place + 700 :])
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"damaged .*mv .*\.damaged"):
        Store(path).open()
    assert path.read_bytes() == before


def test_text_file_is_refused(tmp_path: Path) -> None:
    """A file that is no database at all is called damaged too."""
    path = tmp_path / "j.db"
    path.write_text("station: {id: CP001}\n" * 200, encoding="utf-8")
    with pytest.raises(StorageError, match="damaged"):
        Store(path).open()


def test_second_owner_is_refused(tmp_path: Path) -> None:
    """Two daemons on one state directory would tell the same transactions twice."""
    store = Store(tmp_path / "j.db")
    store.open()
    with pytest.raises(StorageError, match="in use by another process"):
        Store(tmp_path / "j.db").open()
    store.append([started()], now())
    store.drop()


def test_full_disk_stops_the_write_and_nothing_else(tmp_path: Path) -> None:
    """The batch that does not fit is refused as a whole, what is there stays readable, and with room again it goes on."""
    path = tmp_path / "j.db"
    store = Store(path)
    store.open()
    store.append([started()], now())
    connection = store._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="the disk is full"):
        store.append([sampled()] * 100, now())
    assert len(store.events()) == 1
    connection.execute("PRAGMA max_page_count = 100000")
    assert store.append([sampled()], now())[0].seq == 2
    store.drop()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_directory_is_named(tmp_path: Path) -> None:
    """A state directory of another owner is an error that says so."""
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StorageError, match="check the directory"):
        Store(tmp_path / "j.db").open()


def test_directory_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    """A path that cannot be opened is an error that names it."""
    with pytest.raises(StorageError, match=str(tmp_path)):
        Store(tmp_path).open()


def test_recovered_stop_keeps_its_own_time(tmp_path: Path) -> None:
    """The end of a transaction closed after a power cut is the last moment known alive."""
    store = Store(tmp_path / "j.db")
    store.open()
    fact = stopped()
    store.append([started(), TransactionStopped(fact.connector, fact.local_id, StopReason.POWER_LOSS, 1500, at_utc_s=5.0)], now())
    assert store.transactions()[0].stopped_utc_s == 5.0
    store.drop()
