"""A new file in place of a damaged one: what goes over, what goes on, and that it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from journal_facts import ONE, TAG, confirmed, latched, now, sampled, started, stop_confirmed, stopped, unlatched

from chargerd.core.errors import StorageError
from chargerd.core.events import AuthorizationStatus, ListEntry
from chargerd.core.facts import (
    AvailabilityChanged,
    JournalReplaced,
    LinkStateChanged,
    LocalListChanged,
    Phase,
    PhaseChanged,
    Reserved,
    Restored,
    SettingChanged,
    TokenCached,
)
from chargerd.core.ids import STATION, IdTag
from chargerd.journal.database import DamagedError, wal_of
from chargerd.journal.store import Store
from chargerd.journal.writer import Journal
from chargerd.sim.virtual_loop import run_virtual

HISTORY = "WHERE name = 'fact' AND pagetype = 'leaf' LIMIT 1 OFFSET 3000"
OLD_FACTS = 90_000  # so many that they are not read at start, nor kept in memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chargerd.db"


RESERVED = Reserved(ONE, 5, TAG, 1_900_000_000.0)
LISTED = ListEntry(IdTag("LISTED"), AuthorizationStatus.ACCEPTED)


def fill(store: Store, old_facts: int = 0) -> None:
    """A told transaction and old facts; then settings and the like; then a transaction of which one sample is told, and which runs."""
    start, *_ = store.append([started("old"), *[PhaseChanged(ONE, Phase.IDLE)] * old_facts], now(1.0))
    (stop,) = store.append([stopped("old")], now(2.0))
    store.append([confirmed(start.seq, 41, "old"), stop_confirmed(stop.seq, "old"), LinkStateChanged(STATION, True)], now(3.0))
    store.append([SettingChanged(STATION, "heartbeat_interval_s", "120"), AvailabilityChanged(ONE, is_operative=False)], now(4.0))
    store.append([TokenCached(ONE, TAG, AuthorizationStatus.ACCEPTED), LocalListChanged(STATION, 7, True, (LISTED,)), RESERVED], now(5.0))
    start, told, *_ = store.append([started("new"), sampled("new", 1500), sampled("new", 1700), sampled("new", 1800)], now(6.0))
    store.append([confirmed(start.seq, 42, "new")], now(7.0))
    store.settle(told.seq)
    store.append([PhaseChanged(ONE, Phase.DELIVERING)], now(8.0))


def spoil(path: Path, sql: str) -> None:
    """Garbage in the page that a query on `dbstat` names."""
    connection = sqlite3.connect(path)
    (page,) = connection.execute(f"SELECT pageno FROM dbstat {sql}").fetchone()
    connection.close()
    overwrite(path, page)


def overwrite(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 512)
        file.write(b"\xa5" * 512)


def closed(path: Path, old_facts: int = 0) -> tuple[list[tuple[int, str]], int]:
    """Makes a journal file. Gives place and message id of what is owed, and the place of the newest fact."""
    store = Store(path)
    store.open()
    fill(store, old_facts)
    owed, newest = [(one.stamped.seq, one.message_id) for one in store.queue().waiting], store.events(limit=1)[0].seq
    store.close()
    return owed, newest


async def opened(path: Path) -> tuple[Journal, Restored]:
    journal = Journal(path)
    return journal, await journal.open()


async def owed_now(journal: Journal) -> list[tuple[int, str]]:
    return [(one.stamped.seq, one.message_id) for one in (await journal.queue()).waiting]


def test_what_is_not_over_goes_over(path: Path) -> None:
    """Old facts are unreadable: settings, availability, tokens, transactions and everything owed are there as before, under its ids."""
    owed, newest = closed(path, 500)
    spoil(path, "WHERE name = 'fact' AND pagetype = 'leaf' LIMIT 1 OFFSET 20")
    before = path.read_bytes()

    async def main() -> None:
        journal, restored = await opened(path)
        (transaction,) = restored.transactions
        assert (transaction.local_id, transaction.remote_id, transaction.checkpoint_wh) == ("new", 42, 1800)
        assert restored.settings == (("heartbeat_interval_s", "120"),)
        assert restored.inoperative == {ONE}
        assert [token.id_tag for token in restored.cache] == [TAG]
        assert restored.local_list == (7, (LISTED,))
        assert restored.reservations == (RESERVED,)
        assert restored.has_been_accepted
        assert await owed_now(journal) == owed
        assert [record.local_id for record in await journal.transactions()] == ["new", "old"]
        told, phase = await journal.append([PhaseChanged(ONE, Phase.IDLE)], now(100.0))
        assert isinstance(told.fact, JournalReplaced)
        assert (told.seq, phase.seq) == (newest + 1, newest + 2)
        assert told.fact.aside == "chargerd.db.damaged-1"
        assert "damaged" in told.fact.cause
        assert told.fact.kept == "1 settings, 1 tokens, 1 listed tokens, 1 reservations, 2 transactions, 1 of them unfinished, 6 facts"
        await journal.close()

    run_virtual(main())
    assert path.with_name("chargerd.db.damaged-1").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, None])
def test_a_file_that_says_nothing_is_replaced_by_an_empty_one(content: bytes | None, path: Path) -> None:
    """Nothing could be kept, and the event says so; the station's first transaction is journaled under ids of its own."""
    owed, _ = closed(path)
    if content is None:
        path.unlink()
        wal_of(path).write_bytes(b"a WAL without its file")
    else:
        path.write_bytes(content)

    async def main() -> None:
        journal, restored = await opened(path)
        assert restored == Restored()
        told, start = await journal.append([started("first")], now())
        assert isinstance(told.fact, JournalReplaced)
        assert told.fact.kept == "nothing"
        (waiting,) = (await journal.queue()).waiting
        assert (waiting.stamped, waiting.message) == (start, "StartTransaction")
        assert waiting.message_id not in dict(owed).values()
        await journal.close()

    run_virtual(main())
    aside = path.with_name("chargerd.db.damaged-1")
    assert aside.exists() or wal_of(aside).exists()


async def append(journal: Journal) -> None:
    await journal.append([sampled("new", 1900)], now(200.0))


async def read_history(journal: Journal) -> None:
    await journal.events(limit=OLD_FACTS)


async def compact(journal: Journal) -> None:
    await journal.append([PhaseChanged(ONE, Phase.IDLE)] * 300, now(200.0 + 200 * 86400.0))


@pytest.mark.parametrize(
    ("work", "where"),
    [
        (append, "WHERE name = 'fact' AND pagetype = 'leaf' ORDER BY path DESC LIMIT 1"),
        (append, "WHERE name = 'fact' AND pagetype = 'internal' ORDER BY path LIMIT 1"),
        (read_history, HISTORY),
        (compact, "WHERE name = 'fact' AND pagetype = 'leaf' LIMIT 1 OFFSET 20"),
    ],
    ids=["newest page", "root page", "history", "compaction"],
)
def test_damage_that_shows_while_running(work: Callable[[Journal], Awaitable[None]], where: str, path: Path) -> None:
    """Whoever comes upon it gets its answer from the new file. What runs goes on in it: same queue, same ids, places never given twice."""
    owed, newest = closed(path, OLD_FACTS)

    async def main() -> None:
        journal, _ = await opened(path)
        before = await journal.append([sampled("new", 1850)], now(100.0))
        connection = journal._store._connection
        assert connection is not None
        (page,) = connection.execute(f"SELECT pageno FROM dbstat {where}").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA shrink_memory")
        overwrite(path, page)
        await work(journal)
        (stop,) = [one for one in await journal.append([stopped("new")], now(300.0)) if not isinstance(one.fact, JournalReplaced)]
        (told,) = await journal.events(kinds=["JournalReplaced"])
        assert stop.seq > told.seq > before[0].seq > newest
        now_owed = await owed_now(journal)
        if "ORDER BY" not in where:  # else some of it lay in the page
            assert now_owed[: len(owed)] == owed
        assert now_owed[-1][0] == stop.seq
        assert len({message_id for _, message_id in now_owed}) == len(now_owed)
        for seq, message_id in owed:
            assert dict(now_owed).get(seq, message_id) == message_id
        head = await journal.next_owed()
        assert head is not None
        assert head.remote_id == 42
        journal.settle(stop.seq)
        assert await journal.next_owed() is None
        await journal.close()

    run_virtual(main())
    assert path.with_name("chargerd.db.damaged-1").exists()


def test_an_answer_that_was_under_way_settles_what_it_answers(path: Path) -> None:
    """The message went out, the file was replaced, the answer came: nothing else is settled by it and nothing is sent again."""
    closed(path, OLD_FACTS)

    async def main() -> None:
        journal, _ = await opened(path)
        head = await journal.next_owed()
        assert head is not None
        connection = journal._store._connection
        assert connection is not None
        (page,) = connection.execute(f"SELECT pageno FROM dbstat {HISTORY}").fetchone()
        connection.execute("PRAGMA shrink_memory")
        overwrite(path, page)
        await read_history(journal)
        journal.settle(head.stamped.seq)
        following = await journal.next_owed()
        assert following is not None
        assert following.stamped.seq == head.stamped.seq + 1
        await journal.close()

    run_virtual(main())


def test_the_event_outlives_a_power_cut(path: Path) -> None:
    """The power goes before anything was written into the new file: the next run tells of the replacement, once."""
    closed(path)
    path.write_bytes(b"garbage" * 1000)

    async def main() -> None:
        for _ in range(2):
            journal, _ = await opened(path)
            await journal.drop()
        journal, _ = await opened(path)
        told, _ = await journal.append([PhaseChanged(ONE, Phase.IDLE)], now())
        assert isinstance(told.fact, JournalReplaced)
        assert len(await journal.append([PhaseChanged(ONE, Phase.IDLE)], now())) == 1
        await journal.close()
        journal, _ = await opened(path)
        assert len(await journal.append([PhaseChanged(ONE, Phase.IDLE)], now())) == 1
        await journal.close()

    run_virtual(main())
    assert [one.name for one in path.parent.glob("*damaged*")] == ["chargerd.db.damaged-1"]


@pytest.mark.parametrize("is_readable", [True, False])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_replacement_that_is_cut_off_is_carried_out_by_the_next_run(
    nth: int, is_readable: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any of the renamings: nothing more is lost, it is told once, and the old WAL never comes beside the new file."""
    owed, _ = closed(path, 500)
    spoil(path, "WHERE name = 'fact' AND pagetype = 'leaf' LIMIT 1 OFFSET 20")
    if not is_readable:
        path.write_bytes(b"cut off")
        wal_of(path).write_bytes(b"of the old file")
    rename, count = Path.rename, 0

    def cut(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == nth:
            raise OSError("the power is gone")
        return rename(self, target)

    async def main() -> None:
        monkeypatch.setattr(Path, "rename", cut)
        with pytest.raises(StorageError):
            await Journal(path).open()
        monkeypatch.setattr(Path, "rename", rename)
        journal, _ = await opened(path)
        assert await owed_now(journal) == (owed if is_readable else [])
        told, _ = await journal.append([PhaseChanged(ONE, Phase.IDLE)], now())
        assert isinstance(told.fact, JournalReplaced)
        await journal.close()

    run_virtual(main())
    names = {"chargerd.db", "chargerd.db.damaged-1", *([] if is_readable else ["chargerd.db.damaged-1-wal"])}
    assert {one.name for one in path.parent.iterdir()} == names


def test_a_medium_that_damages_the_new_file_too_is_a_storage_fault(path: Path) -> None:
    """A file is not replaced again before a hundred facts are in it: the core is told that the journal does not work."""
    store = Store(path)
    store.open()
    store.append([started()], now())
    store.replace(DamagedError("damaged"))
    with pytest.raises(DamagedError):
        store.replace(DamagedError("again"))
    store.append([PhaseChanged(ONE, Phase.IDLE)] * 100, now())
    store.replace(DamagedError("later"))
    assert [one.message for one in store.queue().waiting] == ["StartTransaction"]
    store.close()


def test_files_set_aside_are_the_ten_newest(path: Path) -> None:
    """A medium that damages file after file does not fill itself."""
    for number in range(12):
        path.write_bytes(b"garbage %d" % number)
        store = Store(path)
        with pytest.raises(DamagedError):
            store.open()
        store.replace(DamagedError("damaged"))
        store.close()
    kept = sorted(path.parent.glob("chargerd.db.damaged-*"), key=lambda one: int(one.name.rpartition("-")[2]))
    assert [one.read_bytes() for one in kept] == [b"garbage %d" % number for number in range(2, 12)]


def test_a_transaction_whose_start_is_lost_is_told_as_abandoned(path: Path) -> None:
    """The fact of the start is gone with its page: its stop carries -1 (errata 3.18), and nothing stands still before it."""
    store = Store(path)
    store.open()
    for number in range(40):
        store.append([started(f"{number}"), sampled(f"{number}"), stopped(f"{number}")], now())
    store.close()
    spoil(path, "WHERE name = 'fact' AND pagetype = 'leaf' LIMIT 1 OFFSET 10")

    async def main() -> None:
        journal, _ = await opened(path)
        states = {record.local_id: (record.start_state, record.stop_state) for record in await journal.transactions()}
        assert set(states.values()) > {("owed", "owed")}
        assert ("abandoned", "owed") in states.values() or ("owed", "abandoned") in states.values()
        told = 0
        while (head := await journal.next_owed()) is not None:
            told += 1
            assert head.remote_id is None
            if type(head.stamped.fact).__name__ != "TransactionStarted":
                local_id = head.stamped.fact.local_id  # type: ignore[union-attr]
                assert head.is_start_abandoned is (states.get(local_id, ("abandoned",))[0] == "abandoned")
            journal.settle(head.stamped.seq)
        assert 110 < told < 120
        await journal.close()

    run_virtual(main())


# --- latched faults -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["WHERE name = 'fact' AND pagetype = 'leaf' LIMIT 1 OFFSET 20", "WHERE name = 'latch'"])
def test_what_is_latched_goes_over(where: str, path: Path) -> None:
    """From its own table; where that is the broken part, from the facts that tell of it."""
    store = Store(path)
    store.open()
    cleared = latched("residual-current")
    store.append([PhaseChanged(ONE, Phase.IDLE)] * 500, now())
    store.append([latched(), cleared, unlatched(cleared)], now())
    store.close()
    spoil(path, where)
    store = Store(path)  # which knows nothing
    with pytest.raises(DamagedError) as damaged:
        store.open()
    assert store.replace(damaged.value).latched == (latched(),)
    (told, _) = store.append([PhaseChanged(ONE, Phase.IDLE)], now())
    assert isinstance(told.fact, JournalReplaced)
    assert "1 latched faults" in told.fact.kept
    store.close()


def test_what_the_process_knows_to_be_latched_goes_over(path: Path) -> None:
    """Even when nothing of the file can be read any more; what was cleared in between does not come back."""
    store = Store(path)
    store.open()
    cleared = latched("residual-current")
    store.append([latched(), cleared], now())
    store.drop()
    store.open()
    store.append([unlatched(cleared)], now())
    path.write_bytes(b"garbage" * 1000)
    assert store.replace(DamagedError("damaged")).latched == (latched(),)
    store.close()
