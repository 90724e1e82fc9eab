from __future__ import annotations

import os
import sqlite3
import stat
from decimal import Decimal
from pathlib import Path

import pytest
from journal_facts import ONE, now, sampled, started, stopped

from chargerd.core.errors import StorageError
from chargerd.core.events import StopReason
from chargerd.core.facts import Phase, PhaseChanged, Reserved, TransactionStopped
from chargerd.core.ids import IdTag
from chargerd.core.schedule import Period
from chargerd.journal import database, soundness
from chargerd.journal.database import DamagedError, schema_steps
from chargerd.journal.store import Store

DATABASES = Path(__file__).parent / "databases"
TABLES = (
    "meta",
    "run",
    "fact",
    "tx",
    "failure",
    "abandoned",
    "setting",
    "availability",
    "auth_cache",
    "local_list",
    "reservation",
    "profile",
    "latch",
)


def made(path: Path, facts: int = 0) -> Path:
    """A journal with one transaction in it, and more facts."""
    store = Store(path)
    store.open()
    store.append([started(), sampled(), stopped(), *[PhaseChanged(ONE, Phase.IDLE)] * facts], now())
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
    """An upgrade finds transaction, queue with its message ids, settings, and what is latched, listed, reserved and allowed."""
    store = Store(changed(tmp_path / "old.db", text.read_text(encoding="utf-8")))
    restored = store.open()
    (transaction,) = restored.transactions
    assert (transaction.local_id, transaction.remote_id, transaction.checkpoint_wh) == ("b", 18, 2400)
    assert restored.settings == (("heartbeat_interval_s", "120"),)
    assert restored.inoperative == {2}
    assert restored.has_been_accepted
    assert [token.id_tag for token in restored.cache] == ["04A2B1C3"]
    assert [(fault.connector, fault.code) for fault in restored.latched] == [(2, "contactor-welded")] * (text.stem > "0001")
    version, entries = restored.local_list
    assert (version, [entry.id_tag for entry in entries]) == ((7, ["04A2B1C3", "04D5E6F7"]) if text.stem > "0002" else (0, []))
    reserved = [Reserved(ONE, 5, IdTag("04D5E6F7"), 1_900_000_000.0, IdTag("FLEET"))]
    assert list(restored.reservations) == (reserved if text.stem > "0003" else [])
    assert [(one.connector, one.profile.periods) for one in restored.profiles] == (
        [(0, (Period(0, Decimal(6000)), Period(3600, Decimal("7.5"), 1)))] if text.stem > "0003" else []
    )
    waiting = store.queue().waiting
    assert [(one.message, one.attempts, one.message_id) for one in waiting] == [
        ("MeterValues", 1, "fccd0ed6-04f3-52d1-90a3-62cec3138871"),
    ]
    store.close()


def test_every_schema_has_its_fixture() -> None:
    """A new schema step comes with a database of the step before."""
    assert {int(text.stem) for text in DATABASES.glob("*.sql")} >= {number for number, _ in schema_steps()}


def test_a_later_step_is_applied_to_an_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next schema step finds the content of the one before, changes it once, and is named in the file."""
    path = made(tmp_path / "j.db")
    steps = [*schema_steps(), (len(schema_steps()) + 1, "ALTER TABLE run ADD COLUMN version TEXT;")]
    monkeypatch.setattr(database, "schema_steps", lambda: steps)
    for _ in range(2):
        store = Store(path)
        store.open()
        assert len(store.transactions()) == 1
        store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(steps)
    assert soundness.own_version(connection) == len(steps)
    connection.close()


def test_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    """A downgrade is told which way is open, and the file stays as it was."""
    path = changed(made(tmp_path / "j.db"), "PRAGMA user_version = 99; UPDATE meta SET value = '99' WHERE name = 'schema';")
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"newer version of chargerd \(schema 99") as refused:
        Store(path).open()
    assert not isinstance(refused.value, DamagedError)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE address (name TEXT);",
        "CREATE TABLE meta (name TEXT, value TEXT); PRAGMA application_id = 7;",
    ],
)
def test_foreign_database_is_refused_untouched(sql: str, tmp_path: Path) -> None:
    """Somebody else's SQLite file is not made ours, nor set aside."""
    path = changed(tmp_path / "j.db", sql)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="database of another program") as refused:
        Store(path).open()
    assert not isinstance(refused.value, DamagedError)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("PRAGMA user_version = 99;", "the header says schema 99, the content 4"),
        ("PRAGMA user_version = 0;", "the header says schema 0, the content 4"),
        ("PRAGMA application_id = 7;", "the header says"),
        ("UPDATE meta SET value = 'x';", "the content 0"),
        ("DROP TABLE meta;", "the content None"),
        ("".join(f"DROP TABLE {table};" for table in TABLES), "nothing is in it"),
        ("DROP TABLE setting;", "not those of this version"),
        ("UPDATE tx SET started_seq = 1000;", "after the newest fact"),
        ("UPDATE fact SET settled = 1000;", "more is settled"),
        ("UPDATE fact SET settled = 1;", "settled and owed"),
    ],
)
def test_content_that_contradicts_itself_is_damaged(sql: str, words: str, tmp_path: Path) -> None:
    """What SQLite finds nothing wrong with, and no version has written, is told apart from a newer version's and another program's."""
    path = changed(made(tmp_path / "j.db"), sql)
    with pytest.raises(DamagedError, match=words):
        Store(path).open()


@pytest.mark.parametrize(("place", "words"), [(0, "not a database"), (700, "damaged"), (6000, "damaged")])
def test_garbage_is_damage_and_stays_untouched(place: int, words: str, tmp_path: Path) -> None:
    """Garbage in the header, in the schema or in a page is named; nothing is changed or deleted by looking at it."""
    path = made(tmp_path / "j.db", facts=100)
    content = path.read_bytes()
    path.write_bytes(content[:place] + b"\xa5" * 700 + content[place + 700 :])
    before = path.read_bytes()
    with pytest.raises(DamagedError, match=words):
        Store(path).open()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["", "station: {id: CP001}\n" * 200])
def test_file_that_is_no_database_is_damaged(content: str, tmp_path: Path) -> None:
    """An empty file was never made by us: a journal is at its place only when it is whole. Text is no database either."""
    path = tmp_path / "j.db"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DamagedError):
        Store(path).open()


def test_missing_file_whose_wal_is_there_is_damage(tmp_path: Path) -> None:
    """A new file beside the WAL of an old one would be mixed with it."""
    path = tmp_path / "j.db"
    store = Store(path)
    store.open()
    store.append([started()], now())
    store.drop()
    made(tmp_path / "other.db")
    (tmp_path / "j.db-wal").write_bytes(b"frames")
    path.unlink()
    with pytest.raises(DamagedError, match="is missing"):
        Store(path).open()


def test_a_first_start_that_is_cut_off_leaves_no_half_file(tmp_path: Path) -> None:
    """Until it is whole the new file has another name; what a cut left of that is begun again."""
    path = tmp_path / "j.db"
    (tmp_path / "j.db.draft").write_bytes(b"half of a file")
    store = Store(path)
    store.open()
    store.append([started()], now())
    store.close()
    assert [one.name for one in tmp_path.iterdir()] == ["j.db"]


def test_a_large_file_is_not_read_whole_at_start(tmp_path: Path) -> None:
    """Facts in a large file are left to whoever reads them; the other tables are checked all the same."""
    path = made(tmp_path / "j.db", facts=90_000)
    assert path.stat().st_size > 8192 * 512
    connection = sqlite3.connect(path)
    middle = connection.execute("SELECT pageno FROM dbstat WHERE name = 'fact' AND pagetype = 'leaf' LIMIT 1 OFFSET 4000").fetchone()[0]
    setting = connection.execute("SELECT pageno FROM dbstat WHERE name = 'setting'").fetchone()[0]
    connection.close()
    _spoil(path, middle)
    store = Store(path)
    store.open()
    with pytest.raises(DamagedError):
        store.events(limit=90_000)
    store.drop()
    _spoil(path, setting)
    with pytest.raises(DamagedError):
        Store(path).open()


def _spoil(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 512)
        file.write(b"\xa5" * 512)


def test_second_owner_is_refused(tmp_path: Path) -> None:
    """Two daemons on one state directory would tell the same transactions twice; whom the file belongs to never finds it locked.

    libocpp#671.
    """
    store = Store(tmp_path / "j.db")
    store.open()
    with pytest.raises(StorageError, match="in use by another process") as refused:
        Store(tmp_path / "j.db").open()
    assert not isinstance(refused.value, DamagedError)
    store.append([started()], now())
    store.drop()


def test_old_sqlite_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without strict tables nothing is begun."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StorageError, match=r"3\.37 or newer"):
        Store(tmp_path / "j.db").open()


def test_wal_has_its_length_from_the_start(tmp_path: Path) -> None:
    """Commits and checkpoints go on inside it, so that none changes the size of a file that it must wait for."""
    store = Store(tmp_path / "j.db")
    store.open()
    wal = tmp_path / "j.db-wal"
    length = wal.stat().st_size
    for energy_wh in range(1000):
        store.append([sampled(energy_wh=energy_wh)], now())
    assert wal.stat().st_size == length
    assert len(store.events(limit=2000)) == 1000
    store.drop()
    after = Store(tmp_path / "j.db")
    after.open()
    assert wal.stat().st_size == length
    assert len(after.events(limit=2000)) == 1000
    after.close()


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
