from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from journal_facts import ENERGY, ONE, TAG, confirmed, latched, now, sampled, started, stop_confirmed, stopped, unlatched

from chargerd.core.events import AuthorizationStatus, ListEntry
from chargerd.core.facts import (
    AvailabilityChanged,
    CacheCleared,
    FaultCleared,
    FaultRaised,
    LocalListChanged,
    MessageAbandoned,
    MeterSampled,
    OpenTransaction,
    Phase,
    PhaseChanged,
    ProfileInstalled,
    ProfileRemoval,
    ProfileRemoved,
    ReadingContext,
    ReservationEnd,
    ReservationEnded,
    Reserved,
    SettingChanged,
    TokenCached,
)
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.core.schedule import Kind, Period, Profile, Purpose, RateUnit
from chargerd.journal.records import JournalOptions
from chargerd.journal.store import Store

STATION = ConnectorId(0)
TX = LocalId("tx")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "chargerd.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path)
    store.open()
    yield store
    store.drop()


def reopened(store: Store, path: Path) -> Store:
    """The next run of the process, after a kill."""
    store.drop()
    after = Store(path)
    after.open()
    return after


def test_places_and_stamps(store: Store) -> None:
    """Facts get strictly increasing places over batches, and come back in that order with their times."""
    first = store.append([started(), sampled()], now(1.0))
    second = store.append([stopped()], now(2.0))
    assert [one.seq for one in first + second] == [1, 2, 3]
    assert list(store.events()) == first + second
    assert second[0].utc_s == now(2.0).utc_s


def test_places_go_on_after_a_restart(store: Store, path: Path) -> None:
    """A new run continues the numbers, and its facts bear its own number."""
    (before,) = store.append([started()], now())
    after = reopened(store, path)
    (later,) = after.append([sampled()], now())
    after.drop()
    assert (later.seq, later.boot) == (before.seq + 1, before.boot + 1)


def test_file_is_private(store: Store, path: Path) -> None:
    """Only the owner may read id tags."""
    store.append([started()], now())
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_batch_is_all_or_nothing(store: Store) -> None:
    """When one fact of a batch cannot be written, none is, and the next batch takes the same places."""
    store.append([started("a")], now())
    with pytest.raises(sqlite3.IntegrityError):
        store.append([SettingChanged(STATION, "heartbeat_interval_s", "60"), started("a")], now())
    assert len(store.events()) == 1
    assert store.append([started("b")], now())[0].seq == 2
    assert len(store.transactions()) == 2


def test_restores_what_the_core_must_know(store: Store, path: Path) -> None:
    """An open transaction with its last register, availability, settings and cache survive; a finished transaction is over."""
    store.append([started("old"), stopped("old")], now(1.0))
    store.append([started("a", 1000), confirmed(1, 7, "old"), stop_confirmed(2, "old"), confirmed(3, -5)], now(2.0))
    store.append([sampled(energy_wh=1700, is_owed=False)], now(3.0))
    store.append([AvailabilityChanged(ONE, False, is_scheduled=True), AvailabilityChanged(STATION, True)], now(4.0))
    store.append([SettingChanged(STATION, "b", "1"), SettingChanged(STATION, "a", "2"), SettingChanged(STATION, "b", "3")], now(5.0))
    token = TokenCached(ONE, TAG, AuthorizationStatus.ACCEPTED, IdTag("PARENT"), 1.5)
    store.append([TokenCached(ONE, IdTag(TAG.lower()), AuthorizationStatus.BLOCKED), token], now(6.0))
    store.drop()
    after = Store(path)
    restored = after.open()
    after.drop()
    assert restored.transactions == (OpenTransaction(ONE, LocalId("a"), TAG, 1000, 1700, now(6.0).utc_s, -5, None),)
    assert restored.inoperative == {ONE}
    assert restored.settings == (("a", "2"), ("b", "3"))
    assert restored.cache == (token,)


def test_last_alive_is_of_the_run_that_carried_the_transaction(store: Store, path: Path) -> None:
    """A short run after the power cut that did not get as far as closing the transaction does not lengthen it."""
    store.append([started()], now(10.0))
    store.append([PhaseChanged(ONE, Phase.DELIVERING)], now(20.0))
    between = reopened(store, path)
    between.append([PhaseChanged(ONE, Phase.IDLE)], now(500.0))
    between.drop()
    after = Store(path)
    (transaction,) = after.open().transactions
    after.drop()
    assert transaction.last_alive_utc_s == now(20.0).utc_s
    assert transaction.checkpoint_wh == 1000


def test_last_alive_is_not_before_what_was_told(store: Store, path: Path) -> None:
    """A clock that was set back, or a sample that stands for an instant a moment later: a stop would be told as before it."""
    store.append([started("a")], now(10.0))
    store.append([replace(sampled("a"), at_utc_s=now(20.0).utc_s + 0.001)], now(20.0))
    assert [one.last_alive_utc_s for one in restored(store, path)] == [now(20.0).utc_s + 0.001]


def test_last_alive_is_not_before_the_start(store: Store, path: Path) -> None:
    """The clock was set back by an hour after the start."""
    store.append([started("a")], now(10.0))
    store.append([PhaseChanged(ONE, Phase.DELIVERING)], Now(20.0, now(20.0).utc_s - 3600.0, True))
    assert [one.last_alive_utc_s for one in restored(store, path)] == [now(10.0).utc_s]


def restored(store: Store, path: Path) -> tuple[OpenTransaction, ...]:
    """What the next run finds open."""
    store.drop()
    after = Store(path)
    found = after.open().transactions
    after.drop()
    return found


def test_cleared_cache_is_empty_after_a_restart(store: Store, path: Path) -> None:
    """ClearCache holds for ever."""
    store.append([TokenCached(ONE, TAG, AuthorizationStatus.ACCEPTED), CacheCleared(STATION)], now())
    store.drop()
    after = Store(path)
    assert after.open().cache == ()
    after.drop()


@pytest.mark.parametrize("is_cut_off", [True, False])
def test_the_local_list_is_there_again_after_a_restart(store: Store, path: Path, *, is_cut_off: bool) -> None:
    """Each change whole, in its order; case does not count, and a full list leaves nothing of the one before."""
    accepted, blocked = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED
    old, kept = ListEntry(IdTag("OLD"), accepted), ListEntry(IdTag("Kept"), accepted, IdTag("FLEET"), 1.5)
    store.append([LocalListChanged(STATION, 3, True, (old,))], now())
    store.append([LocalListChanged(STATION, 4, True, (kept, ListEntry(IdTag("gone"), blocked), ListEntry(IdTag("b"), accepted)))], now())
    store.append([LocalListChanged(STATION, 5, False, (ListEntry(IdTag("GONE")), ListEntry(IdTag("B"), blocked)))], now())
    store.drop() if is_cut_off else store.close()
    after = Store(path)
    assert after.open().local_list == (5, (ListEntry(IdTag("B"), blocked), kept))
    after.append([LocalListChanged(STATION, 0, True)], now())
    after.close()
    last = Store(path)
    assert last.open().local_list == (0, ())
    last.close()


@pytest.mark.parametrize("is_cut_off", [True, False])
def test_reservations_are_there_again_after_a_restart(store: Store, path: Path, *, is_cut_off: bool) -> None:
    """The newest of each number, until it ends."""
    kept = Reserved(ConnectorId(2), 1, IdTag("B"), 2.5, IdTag("FLEET"))
    store.append([Reserved(ONE, 1, TAG, 1.5), Reserved(STATION, 2, TAG, 9.0)], now())
    store.append([ReservationEnded(ONE, 1, ReservationEnd.REPLACED), kept], now())
    store.append([ReservationEnded(STATION, 2, ReservationEnd.CANCELLED)], now())
    store.drop() if is_cut_off else store.close()
    after = Store(path)
    assert after.open().reservations == (kept,)
    after.close()


def profile(number: int, limit: str = "6") -> Profile:
    """One as it may come, with all that can be said left out or not."""
    return Profile(
        profile_id=number,
        stack_level=0,
        purpose=Purpose.DEFAULT,
        kind=Kind.ABSOLUTE,
        unit=RateUnit.AMPERES,
        periods=(Period(0, Decimal(limit)), Period(60, Decimal("0.1"), 1)),
        start_ms=1_800_000_000_123,
    )


@pytest.mark.parametrize("is_cut_off", [True, False])
def test_charging_profiles_are_there_again_after_a_restart(store: Store, path: Path, *, is_cut_off: bool) -> None:
    """Field lesson libocpp#1051: what was replaced or cleared does not come back. Limits are as exact as they came."""
    bound = ProfileInstalled(ONE, profile(1), TX)
    store.append([bound, ProfileInstalled(STATION, profile(2, "16.05")), ProfileInstalled(ONE, profile(3))], now())
    store.append([ProfileRemoved(ONE, 3, ProfileRemoval.CLEARED), ProfileInstalled(STATION, profile(4))], now())
    store.append([ProfileRemoved(STATION, 4, ProfileRemoval.REPLACED), ProfileInstalled(ONE, profile(4, "7"))], now())
    store.drop() if is_cut_off else store.close()
    after = Store(path)
    assert after.open().profiles == (bound, ProfileInstalled(STATION, profile(2, "16.05")), ProfileInstalled(ONE, profile(4, "7")))
    after.close()


@pytest.mark.parametrize(
    "body", ["{}", "x", '{"profile":[1,0,"New","Absolute","A",[]]}', '{"profile":[1,0,"TxProfile","Absolute","A",[[0,"NaN"]]]}']
)
def test_a_charging_profile_that_cannot_be_read_is_left_out(store: Store, path: Path, body: str) -> None:
    """Of a newer version, or damaged; the station starts with the others."""
    store.append([ProfileInstalled(ONE, profile(1)), ProfileInstalled(ONE, profile(2))], now())
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE profile SET body = ? WHERE profile_id = 1", (body,))
    connection.commit()
    connection.close()
    after = Store(path)
    assert [one.profile.profile_id for one in after.open().profiles] == [2]
    after.close()


# --- latched faults -----------------------------------------------------------------------------------------------------------------


def test_what_is_latched_stays_over_restarts(store: Store, path: Path) -> None:
    """With its text, until it is cleared; a fault that ends with its cause is not kept. One of another connector is another one."""
    welded, other = latched(), latched(connector=2)
    store.append([welded, other, FaultRaised(ONE, "meter-silent", "PowerMeterFailure")], now())
    store = reopened(store, path)
    store.append([unlatched(other)], now())
    for _ in range(2):
        store.drop()
        store = Store(path)
        assert store.open().latched == (welded,)
    store.append([unlatched(welded)], now())
    store.drop()
    assert store.open().latched == ()
    store.drop()


def test_what_is_latched_is_on_the_medium(store: Store) -> None:
    """Coming and going are committed fully; of other faults they need not be."""
    for facts, is_full in (
        ([latched()], True),
        ([FaultRaised(ONE, "meter-silent", "PowerMeterFailure")], False),
        ([unlatched(latched())], True),
        ([FaultCleared(ONE, "meter-silent")], False),
    ):
        store._full_at_mono_s = now().mono_s
        store.append(facts, now())
        assert store._is_full is is_full


def test_what_is_latched_is_never_forgotten(tmp_path: Path) -> None:
    """However many facts have come since, and whether or not the one that tells of it is still there."""
    path = tmp_path / "j.db"
    store = Store(path, JournalOptions(max_facts=1000))
    store.open()
    store.append([latched()], now())
    for _ in range(8):
        store.append([PhaseChanged(ONE, Phase.IDLE)] * 300, now())
        store.compact_when_due(now())
    assert not store.events(limit=10_000, kinds=["FaultRaised"])
    store.drop()
    assert store.open().latched == (latched(),)
    store.drop()


def test_queue_is_in_order_over_the_station(store: Store) -> None:
    """Start, sample and stop are owed in the order they happened; the remote id is known once it is bound (field lesson #3)."""
    start, sample, stop = store.append([started(), sampled(), stopped()], now())
    head = store.next_owed()
    assert head is not None
    assert (head.stamped, head.remote_id, head.is_start_abandoned, head.attempts) == (start, None, False, 0)
    store.append([confirmed(start.seq, remote_id=0)], now())
    head = store.next_owed()
    assert head is not None
    assert (head.stamped, head.remote_id) == (sample, 0)
    store.settle(sample.seq)
    head = store.next_owed()
    assert head is not None
    assert head.stamped == stop
    store.append([stop_confirmed(stop.seq)], now())
    assert store.next_owed() is None
    (record,) = store.transactions()
    assert (record.start_state, record.stop_state, record.remote_id) == ("confirmed", "confirmed", 0)


def test_offline_transaction_is_whole_after_a_reset(store: Store, path: Path) -> None:
    """A session begun and ended offline, then a reset: start and stop are both still owed, in order (field lesson #2)."""
    store.append([started()], now())
    store.append([stopped()], now())
    after = reopened(store, path)
    assert [one.message for one in after.queue().waiting] == ["StartTransaction", "StopTransaction"]
    after.drop()


def test_samples_without_values_are_not_owed(store: Store) -> None:
    """A mere checkpoint makes no message."""
    store.append([sampled(is_owed=False)], now())
    assert store.next_owed() is None
    assert store.queue().length == 0


def test_settled_sample_is_written_with_the_next_commit(store: Store, path: Path) -> None:
    """The position of MeterValues is pending until something is committed; a kill before that means one retry with the same id."""
    start, sample, stop = store.append([started(), sampled(), stopped()], now())
    store.append([confirmed(start.seq)], now())
    told = store.next_owed()
    store.settle(sample.seq)
    killed = reopened(store, path)
    assert killed.next_owed() == told
    killed.settle(sample.seq)
    killed.append([PhaseChanged(ONE, Phase.IDLE)], now())
    after = reopened(killed, path)
    head = after.next_owed()
    after.drop()
    assert head is not None
    assert head.stamped == stop


def test_orderly_end_writes_the_pending_position(store: Store, path: Path) -> None:
    """After `close` nothing that was told is told again."""
    (sample,) = store.append([sampled()], now())
    store.settle(sample.seq)
    store.close()
    after = Store(path)
    after.open()
    assert after.next_owed() is None
    after.drop()


def test_message_id_is_the_same_at_each_retry(store: Store, path: Path) -> None:
    """The id of an owed message survives restarts (field lesson #5), fits OCPP's 36 characters and is no other message's."""
    store.append([started(), stopped()], now())
    before = store.queue()
    after = reopened(store, path)
    assert after.queue() == before
    after.drop()
    ids = [one.message_id for one in before.waiting]
    assert len(set(ids)) == 2
    assert all(len(one) == 36 for one in ids)


def test_message_id_is_not_reused_after_a_power_cut(store: Store, path: Path) -> None:
    """When the cut takes the last facts, their places are given again in the next run, but never their message ids."""
    (told,) = store.append([sampled()], now())
    lost = store.message_id(told)
    store.drop()
    with sqlite3.connect(path) as connection:  # as if the page had not reached the disk
        connection.execute("DELETE FROM fact")
    connection.close()
    after = Store(path)
    after.open()
    (again,) = after.append([sampled()], now())
    assert again.seq == told.seq
    assert after.message_id(again) != lost
    after.drop()


def test_attempts_survive_a_restart_and_end_with_the_message(store: Store, path: Path) -> None:
    """Failures are counted over restarts; the next message begins at none."""
    start, _ = store.append([started(), stopped()], now())
    store.failed(start.seq, 2)
    after = reopened(store, path)
    head = after.next_owed()
    assert head is not None
    assert head.attempts == 2
    after.append([confirmed(start.seq)], now())
    head = after.next_owed()
    assert head is not None
    assert head.attempts == 0
    after.failed(start.seq, 3)
    assert after.queue().waiting[0].attempts == 0
    after.drop()


def test_abandoned_start_is_kept_and_marked(store: Store, path: Path) -> None:
    """A given-up StartTransaction stays in the journal; its later messages know that the number is -1."""
    start, stop = store.append([started(), stopped()], now())
    store.append([MessageAbandoned(ONE, LocalId("a"), "StartTransaction", 3, start.seq)], now())
    head = store.next_owed()
    assert head is not None
    assert (head.stamped, head.is_start_abandoned, head.remote_id) == (stop, True, None)
    store.append([MessageAbandoned(ONE, LocalId("a"), "StopTransaction", 3, stop.seq)], now())
    (record,) = store.transactions()
    assert (record.start_state, record.stop_state) == ("abandoned", "abandoned")
    store.drop()
    connection = sqlite3.connect(path)
    assert list(connection.execute("SELECT * FROM abandoned")) == [(start.seq, "StartTransaction", 3), (stop.seq, "StopTransaction", 3)]
    connection.close()


def test_samples_of_one_transaction(store: Store) -> None:
    """Only samples for transactionData, of this transaction, oldest first; of them only the wanted ones are read."""
    first, second, other = (
        MeterSampled(ONE, LocalId(local_id), energy_wh, ReadingContext.PERIODIC, stop_values=ENERGY)
        for local_id, energy_wh in (("a", 1), ("a", 2), ("b", 3))
    )
    store.append([started("a"), first, sampled("a"), second, stopped("a"), started("b"), other], now())
    assert [one.fact for one in store.samples(LocalId("a"), range)] == [first, second]
    assert [one.fact for one in store.samples(LocalId("b"), range)] == [other]
    assert store.samples(LocalId("c"), range) == ()
    assert [one.fact for one in store.samples(LocalId("a"), lambda count: [count - 1])] == [second]
    start = store.started(LocalId("b"))
    assert start is not None
    assert start.fact == started("b")
    assert store.started(LocalId("c")) is None


def test_facts_from_before_utc_is_known_are_dated_later(store: Store, path: Path) -> None:
    """No 1970: the time is unknown until the clock is set, then computed from the monotonic stamp (field lesson #9)."""
    (start,) = store.append([started()], now(10.0, is_trusted=False))
    assert start.utc_s is None
    head = store.next_owed()
    assert head is not None
    assert head.stamped.utc_s is None
    store.append([sampled()], now(30.0))
    head = store.next_owed()
    assert head is not None
    assert head.stamped.utc_s == pytest.approx(now(10.0).utc_s)
    after = reopened(store, path)
    assert after.transactions()[0].started_utc_s == pytest.approx(now(10.0).utc_s)
    after.drop()


def test_events_can_be_chosen(store: Store) -> None:
    """By kind, by connector, and never more than asked for: the newest, oldest first."""
    idle = PhaseChanged(ConnectorId(2), Phase.IDLE)
    store.append([started(), sampled(), idle, stopped()], now())
    assert [one.fact for one in store.events(connector=2)] == [idle]
    assert [one.fact for one in store.events(kinds=["TransactionStopped", "TransactionStarted"])] == [started(), stopped()]
    assert [one.fact for one in store.events(limit=2)] == [idle, stopped()]


def test_facts_of_a_newer_version_are_skipped_and_kept(store: Store, path: Path) -> None:
    """An unknown kind hides nothing else and stays in the file, even where it is owed."""
    store.append([started(), stopped()], now())
    store.drop()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE fact SET kind = 'TransactionSigned' WHERE seq = 1")
    connection.commit()
    connection.close()
    after = Store(path)
    after.open()
    assert [one.fact for one in after.events()] == [stopped()]
    head = after.next_owed()
    assert head is not None
    assert head.stamped.seq == 2
    after.drop()


def synchronous(store: Store) -> int:
    assert store._connection is not None
    return int(store._connection.execute("PRAGMA synchronous").fetchone()[0])


def test_durable_facts_are_committed_fully(store: Store) -> None:
    """A durable fact reaches the medium, a sample only the kernel, except when the last full commit is a minute ago."""
    full, normal = 2, 1
    store.append([started()], now(100.0))
    assert synchronous(store) == full
    store.append([sampled()], now(101.0))
    assert synchronous(store) == normal
    store.append([sampled()], now(159.9))
    assert synchronous(store) == normal
    store.append([sampled()], now(160.0))
    assert synchronous(store) == full


def test_old_delivered_facts_are_forgotten(tmp_path: Path) -> None:
    """Facts beyond the age go once their transaction is delivered; the transaction itself and its times stay, the numbers go on."""
    store = Store(tmp_path / "j.db", JournalOptions(keep_days=1))
    store.open()
    start, *_, stop = store.append([started(), *[sampled(is_owed=False)] * 300, stopped()], now(0.0))
    late = now(2 * 86400.0)
    assert store.compact_when_due(late) == 0  # still owed
    store.append([confirmed(start.seq), stop_confirmed(stop.seq), *[PhaseChanged(ONE, Phase.IDLE)] * 300], late)
    assert store.compact_when_due(late) == 300
    assert store.compact_when_due(late) == 0  # not due
    (record,) = store.transactions()
    assert (record.started_utc_s, record.stopped_utc_s) == (now(0.0).utc_s, now(0.0).utc_s)
    last = store.events(limit=1)[0].seq
    store.drop()
    after = Store(tmp_path / "j.db")
    after.open()
    assert after.append([started("b")], late)[0].seq == last + 1
    after.drop()


def test_too_many_facts_are_forgotten(tmp_path: Path) -> None:
    """Beyond the number of rows the oldest go, whatever their age."""
    store = Store(tmp_path / "j.db", JournalOptions(max_facts=1000))
    store.open()
    store.append([PhaseChanged(ONE, Phase.IDLE)] * 1500, now())
    assert store.compact_when_due(now()) == 500
    assert store.events(limit=10_000)[0].seq == 501
    store.drop()


def test_long_queue_is_thinned_but_never_of_start_and_stop(tmp_path: Path) -> None:
    """Over the limit every second waiting MeterValues is given up; order, head, start and stop stay (field lesson #12)."""
    store = Store(tmp_path / "j.db", JournalOptions(max_owed=100))
    store.open()
    store.append([started(), *[sampled(energy_wh=1000 + n) for n in range(300)], stopped()], now())
    head = store.next_owed()
    store.compact_when_due(now())
    view = store.queue(limit=1000)
    assert (view.length, len(view.waiting)) == (152, 152)
    assert (view.waiting[0].message, view.waiting[-1].message) == ("StartTransaction", "StopTransaction")
    assert store.next_owed() == head
    store.drop()


def test_cache_is_bounded(tmp_path: Path) -> None:
    """A full cache loses first what is not valid, then the oldest (OCPP 1.6, 3.5.1)."""
    store = Store(tmp_path / "j.db", JournalOptions(max_cached_tokens=2))
    store.open()
    accepted, blocked = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED
    tags = [("A", accepted), ("B", accepted), ("C", accepted), ("D", blocked)]
    store.append([TokenCached(ONE, IdTag(tag), status) for tag, status in tags], now())
    store.append([PhaseChanged(ONE, Phase.IDLE)] * 300, now())
    store.compact_when_due(now())
    store.drop()
    after = Store(tmp_path / "j.db")
    assert [token.id_tag for token in after.open().cache] == ["B", "C"]
    after.drop()


def test_id_tag_that_is_no_proper_text(store: Store) -> None:
    """Half a surrogate pair, which JSON can carry, is journaled like any other tag and does not stop the writer."""
    odd = IdTag("04\ud800")
    store.append([replace(started(), id_tag=odd), TokenCached(ONE, odd, AuthorizationStatus.INVALID)], now())
    head = store.next_owed()
    assert head is not None
    assert head.stamped.fact == replace(started(), id_tag=odd)
    assert store.transactions()[0].id_tag == "04?"
