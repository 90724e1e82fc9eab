"""The station whose journal file is broken: it says so, and charges."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from chargerd.core.facts import JournalReplaced, Phase, TransactionStopped
from tests.support.station_bench import CARD, Bench, bench, virtual

FILE = "chargerd.db"
OLDEST = "name = 'fact' AND pagetype = 'leaf' ORDER BY path LIMIT 1"


def check_told(station: Bench, *reasons: str) -> None:
    """The central system has these transactions, each begun and ended once under its number."""
    told = station.central
    assert (told.doubles, told.strays, told.problems, told.open_transactions) == ([], [], [], [])
    stops = [transaction.stop for transaction in told.transactions.values()]
    assert [stop and (stop["reason"], stop["transactionId"]) for stop in stops] == list(zip(reasons, told.transactions, strict=True))


def page_of(path: Path, query: str) -> int:
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute(f"SELECT pageno FROM dbstat WHERE {query}").fetchone()
    connection.close()
    return int(page)


def overwrite(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 512)
        file.write(b"\xa5" * 512)


async def cut_and(spoil: Callable[[Path], object], path: Path, station: Bench) -> None:
    """The power goes; before it comes back, something happens to the journal's file."""
    cut = asyncio.ensure_future(station.stage.power_cut())
    await asyncio.sleep(1)  # the daemon is down
    spoil(path)
    await cut
    await station.accepted()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: overwrite(path, 1),
        lambda path: overwrite(path, page_of(path, OLDEST)),
    ],
    ids=["empty", "cut off", "garbage header", "garbage page"],
)
def test_a_station_with_a_damaged_journal_starts_and_charges(
    spoil: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file is set aside, an error in the log and an event say so, and the next session is journaled and told as any other."""

    async def main() -> None:
        async with bench(tmp_path) as station:
            await station.begin()
            await asyncio.sleep(12)
            await station.end()
            await station.settled()
            await cut_and(spoil, tmp_path / FILE, station)
            (told,) = station.kinds(JournalReplaced)
            assert (told.connector, told.aside) == (0, "chargerd.db.damaged-1")
            assert [one.fact for one in await station.stage.daemon.journal.events(kinds=["JournalReplaced"])] == [told]
            await station.begin()
            await asyncio.sleep(12)
            await station.end()
            await station.settled()
            check_told(station, "Local", "Local")
            assert [len(transaction.meter_values) >= 2 for transaction in station.central.transactions.values()] == [True, True]

    virtual(main())
    assert (tmp_path / "chargerd.db.damaged-1").exists()
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR and "set aside" in record.getMessage()]
    assert "damaged" in said.getMessage()


def test_wherever_its_file_is_cut_off_the_station_charges(tmp_path: Path) -> None:
    """The power goes again and again, and each time the file comes back shorter: every next session begins, ends and is told."""

    async def main() -> None:
        async with bench(tmp_path) as station:
            for tenth in range(10):
                await station.begin()
                await station.end()
                await station.settled()
                (new, *_) = await station.stage.daemon.journal.transactions()
                assert (new.start_state, new.stop_state) == ("confirmed", "confirmed")
                await cut_and(lambda path, tenth=tenth: cut_off(path, tenth / 10), tmp_path / FILE, station)
            check_told(station, *["Local"] * 10)

    virtual(main())


def cut_off(path: Path, part: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])


def test_a_transaction_that_was_open_in_a_damaged_journal_is_ended(tmp_path: Path) -> None:
    """The power goes in a session, and the disk with it: what can be read is enough to end the transaction as PowerLoss, once."""

    async def main() -> None:
        async with bench(tmp_path) as station:
            await station.begin()
            await asyncio.sleep(60)
            await cut_and(lambda path: overwrite(path, page_of(path, OLDEST)), tmp_path / FILE, station)
            await station.settled()
            check_told(station, "PowerLoss")
            (told,) = station.kinds(JournalReplaced)
            assert "1 of them unfinished" in told.kept

    virtual(main())


def test_damage_that_shows_in_a_session_does_not_end_it(tmp_path: Path) -> None:
    """Old facts turn out to be unreadable while a session runs offline: it goes on, ends by card, and is told whole."""

    async def main() -> None:
        async with bench(tmp_path, AllowOfflineTxForUnknownId="true") as station:
            await station.begin()
            await asyncio.sleep(60)
            await station.end()
            await station.settled()
            await station.link("down")
            await station.begin()
            await asyncio.sleep(12)
            journal = station.stage.daemon.journal
            connection = journal._store._connection
            assert connection is not None
            (page,) = connection.execute(f"SELECT pageno FROM dbstat WHERE {OLDEST}").fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA shrink_memory")
            overwrite(tmp_path / FILE, page)
            await journal.events(limit=10_000)  # a technician looks
            await asyncio.sleep(12)
            assert station.view(1).phase is Phase.DELIVERING
            await station.end(card=CARD)
            assert len(station.kinds(JournalReplaced)) == 1
            await station.link("up")
            await station.settled()
            check_told(station, "Local", "Local")
            assert len(station.kinds(TransactionStopped)) == 2
            first, second = station.central.transactions.values()
            assert len(second.meter_values) >= 5
            assert second.start["meterStart"] == first.stop["meterStop"]  # type: ignore[index]

    virtual(main())
