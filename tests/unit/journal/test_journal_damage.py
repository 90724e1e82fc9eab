"""A journal that was cut off or spoilt opens with what it had at some moment, or is set aside; in either case the station goes on.

`EVERY_BYTE=1` tries each byte of each file (`make damage-series`); else those around the borders of pages and frames, and some between.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from journal_facts import ONE, TAG, confirmed, now, sampled, started, stop_confirmed, stopped

from chargerd.core.events import AuthorizationStatus, Tick
from chargerd.core.facts import (
    AvailabilityChanged,
    Fact,
    JournalReplaced,
    LinkStateChanged,
    Phase,
    PhaseChanged,
    Restored,
    SettingChanged,
    Stamped,
    TokenCached,
)
from chargerd.core.ids import STATION, ConnectorId, LocalId
from chargerd.core.settings import ConnectorSettings, StationSettings
from chargerd.core.station import Station
from chargerd.journal.database import wal_of
from chargerd.journal.store import Store
from chargerd.journal.writer import Journal
from chargerd.sim.virtual_loop import run_virtual

EVERY_BYTE = bool(os.environ.get("EVERY_BYTE"))
PAGE, FRAME = 512, 536
RUNS, TRANSACTIONS = 2, 3
LAST = f"tx-{RUNS - 1}-{TRANSACTIONS - 1}"


class Known:
    """A journal with a history, as it was when its process was killed: its files, its facts and their message ids.

    checkpoints: how far the content of the WAL had gone into the file itself, and the WAL been begun again.
    """

    def __init__(self, folder: Path, checkpoints: str) -> None:
        self.path = folder / "known.db"
        self.checkpoints = checkpoints
        self.facts: dict[int, Stamped] = {}
        self.ids: dict[int, str] = {}
        for run in range(RUNS):
            store = Store(self.path)
            store.open()
            self._work(store, run, checkpoints)
            self.main, self.wal = self.path.read_bytes(), wal_of(self.path).read_bytes().rstrip(b"\0")
            store.close()

    def _work(self, store: Store, run: int, checkpoints: str) -> None:
        token = TokenCached(ONE, TAG, AuthorizationStatus.ACCEPTED)
        self._append(store, LinkStateChanged(STATION, True), SettingChanged(STATION, f"setting{run}", '"x"'), token)
        for number in range(TRANSACTIONS):
            local_id, at_s = f"tx-{run}-{number}", 1000.0 * run + 100 * number
            if number == 1 and checkpoints == "begun again":
                _checkpoint(store)
            start, *_ = self._append(store, started(local_id), PhaseChanged(ONE, Phase.LOCKING), at_s=at_s)
            if (run, number) == (RUNS - 1, TRANSACTIONS - 1):
                self._append(store, sampled(local_id, 1500), sampled(local_id, 1600), at_s=at_s + 10)
                break  # cut off while it runs, nothing of it told
            self._append(store, confirmed(start.seq, 7 * number, local_id), at_s=at_s + 1)
            sample, stop = self._append(store, sampled(local_id, 1500), stopped(local_id), at_s=at_s + 20)
            if (run, number) < (RUNS - 1, TRANSACTIONS - 2):
                store.settle(sample.seq)
                availability = AvailabilityChanged(ConnectorId(2), number % 2 == 0)
                self._append(store, stop_confirmed(stop.seq, local_id), availability, at_s=at_s + 30)
        if checkpoints == "in the file":
            _checkpoint(store)

    def _append(self, store: Store, *facts: Fact, at_s: float = 0.0) -> list[Stamped]:
        stamped = store.append(facts, now(at_s))
        self.facts |= {one.seq: one for one in stamped}
        self.ids |= {one.seq: store.message_id(one) for one in stamped}
        return stamped


def _checkpoint(store: Store) -> None:
    assert store._connection is not None
    store._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


@pytest.fixture(scope="module", params=["in the WAL", "begun again", "in the file"])
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Known:
    return Known(tmp_path_factory.mktemp("known"), request.param)


@contextmanager
def copied(*, main: bytes, wal: bytes | None) -> Iterator[Path]:
    """The two files with other contents, in memory where that is possible: thousands of files are made."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "chargerd.db"
        path.write_bytes(main)
        if wal is not None:
            wal_of(path).write_bytes(wal)
        yield path


def cuts(length: int, step: int) -> list[int]:
    """Where to cut: around each border, and somewhere between."""
    if EVERY_BYTE:
        return list(range(length))
    places = {border + aside for border in range(0, length, step) for aside in (-1, 0, 1, step // 3)}
    return sorted(place for place in places if 0 <= place < length)


async def look(path: Path) -> tuple[Restored, list[Stamped], list[Stamped], dict[int, str]]:
    """Open it, let the core have it, use everything. Gives what was restored, the facts that were there, those that are new, and ids."""
    journal = Journal(path)
    restored = await journal.open()
    station = Station(StationSettings(connectors=(ConnectorSettings(id=1), ConnectorSettings(id=2))), lambda: LocalId("new"))
    station.restore(Restored(restored.transactions, restored.inoperative, (), restored.cache), now())
    station.handle(Tick(), now())
    before = list(await journal.events(limit=10_000))
    waiting = {one.stamped.seq: one.message_id for one in (await journal.queue(limit=1000)).waiting}
    await journal.transactions()
    new = await journal.append([started("new"), sampled("new"), stopped("new")], now(9000.0))
    head = await journal.next_owed()
    assert head is not None
    await journal.samples(LocalId(LAST), range)
    await journal.started(LocalId(LAST))
    await journal.failed(head.stamped.seq, 1)
    ids = {one.stamped.seq: one.message_id for one in (await journal.queue(limit=1000)).waiting}
    assert waiting.items() <= ids.items()
    await journal.close()
    return restored, before, new, ids


def check_goes_on(known: Known, path: Path) -> str:
    """Whatever the file was: facts are those that were written, each under its id, and new ones are told apart. Says what happened."""
    restored, before, new, ids = run_virtual(look(path))
    new_seqs = [one.seq for one in new]
    assert new_seqs == sorted(new_seqs)
    assert min(new_seqs) > max([0, *(one.seq for one in before)])
    for one in before:
        assert one == known.facts[one.seq]
    for seq, message_id in ids.items():
        if seq in new_seqs:
            assert message_id not in known.ids.values()
        else:
            assert message_id == known.ids[seq]
    assert {one.local_id for one in restored.transactions} <= {
        f"tx-{run}-{number}" for run in range(RUNS) for number in range(TRANSACTIONS)
    }
    aside = path.with_name("chargerd.db.damaged-1")
    if isinstance(new[0].fact, JournalReplaced):
        assert new[0].fact.aside == aside.name
        assert aside.exists() or wal_of(aside).exists()
        return "set aside"
    assert not aside.exists()
    assert [one.seq for one in before] == list(range(1, len(before) + 1))  # as it was at one moment, with nothing missing
    return "opened"


def all_of(known: Known) -> int:
    return max(known.facts)


def test_the_whole_copy_opens_with_everything(known: Known) -> None:
    """What the cuts are cut from: every fact, the queue and the transaction that was running."""
    with copied(main=known.main, wal=known.wal) as path:
        restored, before, _, ids = run_virtual(look(path))
    assert [one.seq for one in before] == list(range(1, all_of(known) + 1))
    assert [one.local_id for one in restored.transactions] == [LAST]
    owed = [seq for seq in ids if seq <= all_of(known)]
    assert [type(known.facts[seq].fact).__name__ for seq in owed] == [
        *("MeterSampled", "TransactionStopped"),
        *("TransactionStarted", "MeterSampled", "MeterSampled"),
    ]


def test_the_file_cut_at_any_byte(known: Known) -> None:
    """With its WAL or without: it opens as it was at some moment, or is set aside, and new transactions are journaled and told."""
    main, wal, ends = known.main, known.wal, []
    for place in cuts(len(main), PAGE):
        for beside in (wal, None):
            with copied(main=main[:place], wal=beside) as path:
                ends.append(_noted(known, path, f"file cut at {place} of {len(main)}, {'with' if beside else 'without'} WAL"))
    assert ends.count("set aside") > len(ends) / 3
    with copied(main=main, wal=None) as path:
        assert check_goes_on(known, path) == "opened"  # as of the last checkpoint


def test_the_wal_cut_at_any_byte(known: Known) -> None:
    """Commits behind the cut are gone, as after a power cut; those before it are all there.

    Only where the file has the content of the WAL already, which no power cut leaves behind, old pages would hide new ones: set aside.
    """
    ends = []
    for place in cuts(len(known.wal), 3 * FRAME):
        with copied(main=known.main, wal=known.wal[:place]) as path:
            ends.append(_noted(known, path, f"WAL cut at {place} of {len(known.wal)}"))
    assert set(ends) == ({"opened", "set aside"} if known.checkpoints == "in the file" else {"opened"})


def test_any_byte_spoilt(known: Known) -> None:
    """A byte turned over anywhere may change a number that nothing can check; it is never more than an event and a new file."""
    for name, content in (("file", known.main), ("WAL", known.wal)):
        for place in range(0, len(content), 1 if EVERY_BYTE else 211):
            mask = 0xFF if place % 2 else 1 << place % 8
            spoilt = content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]
            files = {"file": known.main, "WAL": known.wal, name: spoilt}
            with copied(main=files["file"], wal=files["WAL"]) as path:
                try:
                    run_virtual(look(path))
                except BaseException as error:
                    error.add_note(f"{name}: byte {place} of {len(content)} spoilt with {mask:#x}")
                    raise


@pytest.mark.parametrize("words", [b"name TEXT PRIMARY KEY", b"value TEXT NOT NULL", b"settled INTEGER NOT NULL"])
def test_a_column_whose_name_is_spoilt(known: Known, words: bytes) -> None:
    """The definition of a table is text in the file: what names no column of ours any more is damage, not another program's file."""
    spoilt = known.main.replace(words, bytes([words[0] ^ 0xFF]) + words[1:])
    assert spoilt != known.main
    for content in (spoilt, known.main.replace(words, b"X" + words[1:])):
        with copied(main=content, wal=None) as path:
            assert check_goes_on(known, path) == "set aside"


def _noted(known: Known, path: Path, what: str) -> str:
    try:
        return check_goes_on(known, path)
    except BaseException as error:
        error.add_note(what)
        raise
