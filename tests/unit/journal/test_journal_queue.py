"""The queue against a model of it: whatever happens, in whatever order, over restarts and power cuts."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_facts import ONE, confirmed, now, sampled, started, stop_confirmed, stopped

from chargerd.core.facts import Fact, MessageAbandoned, MeterSampled, Phase, PhaseChanged, Stamped, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, LocalId
from chargerd.journal.records import JournalOptions
from chargerd.journal.store import Store

MAX_OWED = 100
DEEDS = st.sampled_from(
    ("begin", *["sample"] * 3, "burst", "end", "note", *["answer"] * 3, "fail", "give up", "restart", "cut"),
)


@dataclass
class Model:
    """What the queue must be: places in order, failures of the head, numbers by transaction."""

    owed: list[Stamped] = field(default_factory=list)
    attempts: int = 0
    running: str = ""
    numbers: dict[str, int] = field(default_factory=dict)
    abandoned: set[str] = field(default_factory=set)
    count: int = 0
    ids: dict[int, str] = field(default_factory=dict)


class Station:
    """A store and its model, side by side."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.model = Model()
        self.store = self._opened()

    def _opened(self) -> Store:
        store = Store(self._path, JournalOptions(max_owed=MAX_OWED))
        store.open()
        return store

    def do(self, deed: str) -> None:
        model = self.model
        match deed:
            case "begin" if not model.running:
                model.count += 1
                model.running = f"t{model.count}"
                self._append(started(model.running))
            case "sample" if model.running:
                self._append(sampled(model.running))
            case "burst" if model.running:
                self._append(*[sampled(model.running)] * 60)
            case "end" if model.running:
                self._append(stopped(model.running))
                model.running = ""
            case "note":
                self._append(*[PhaseChanged(ONE, Phase.IDLE)] * 100)
            case "answer" if model.owed:
                self._answer(model.owed[0])
            case "fail" if model.owed:
                model.attempts += 1
                self.store.failed(model.owed[0].seq, model.attempts)
            case "give up" if model.owed:
                head = model.owed[0]
                local_id = head.fact.local_id  # type: ignore[union-attr]
                if isinstance(head.fact, TransactionStarted):
                    model.abandoned.add(local_id)
                self._append(MessageAbandoned(ONE, local_id, "message", model.attempts, head.seq), settles=head.seq)
            case "restart":
                self.store.close()
                self.store = self._opened()
            case "cut":
                self.store.drop()
                self.store = self._opened()
        self.check()

    def _answer(self, head: Stamped) -> None:
        match head.fact:
            case TransactionStarted(local_id=local_id):
                number = self.model.numbers[local_id] = 7  # the same for all: transactions are told apart by their own ids
                self._append(confirmed(head.seq, number, local_id), settles=head.seq)
            case TransactionStopped(local_id=local_id):
                self._append(stop_confirmed(head.seq, local_id), settles=head.seq)
            case _:
                self.store.settle(head.seq)
                self._append(PhaseChanged(ONE, Phase.IDLE), settles=head.seq)  # any commit writes it

    def _append(self, *facts: Fact, settles: int = 0) -> None:
        stamped = self.store.append(facts, now(float(self.model.count)))
        if settles:
            self.model.owed = [one for one in self.model.owed if one.seq > settles]
            self.model.attempts = 0
        told = [one for one in stamped if isinstance(one.fact, TransactionStarted | TransactionStopped) or _has_values(one.fact)]
        self.model.owed += told
        self.model.ids |= {one.seq: self.store.message_id(one) for one in told}
        self.store.compact_when_due(now(float(self.model.count)))

    def check(self) -> None:
        """The queue is the model's, but for samples that were thinned out of too long a one."""
        model, view = self.model, self.store.queue(limit=100_000)
        here = {one.stamped.seq for one in view.waiting}
        for one in model.owed:
            assert one.seq in here or isinstance(one.fact, MeterSampled), f"{one} is gone"
        model.owed = [one for one in model.owed if one.seq in here]
        assert [one.stamped.seq for one in view.waiting] == [one.seq for one in model.owed]
        assert view.length == len(model.owed)
        assert {one.stamped.seq: one.message_id for one in view.waiting}.items() <= model.ids.items()
        assert len(set(model.ids.values())) == len(model.ids)
        head = self.store.next_owed()
        if head is None:
            assert model.owed == []
            return
        local_id = head.stamped.fact.local_id  # type: ignore[union-attr]
        assert (head.stamped.seq, head.attempts, head.message_id) == (model.owed[0].seq, model.attempts, model.ids[head.stamped.seq])
        assert (head.remote_id, head.is_start_abandoned) == (model.numbers.get(local_id), local_id in model.abandoned)


def _has_values(fact: Fact) -> bool:
    return isinstance(fact, MeterSampled) and bool(fact.values)


@settings(max_examples=60, deadline=None)
@given(deeds=st.lists(DEEDS, max_size=40))
def test_the_queue_is_what_was_decided_in_its_order(deeds: list[str]) -> None:
    """Never a start or a stop is missing, none comes twice, ids and failures stay, the number is that of the own transaction.

    Field lessons #3 (libocpp#495), #5 (libocpp#688), #8 (MicroOcpp#345), #12 (open-ocpp#174).
    """
    with tempfile.TemporaryDirectory() as folder:
        station = Station(Path(folder) / "j.db")
        for deed in deeds:
            station.do(deed)
        while station.model.owed:  # all of it can be told
            station.do("answer")
        assert station.store.next_owed() is None
        station.store.drop()


@pytest.mark.parametrize("stop_first", [1, 2])
def test_two_transactions_with_the_same_number_stay_two(stop_first: int, tmp_path: Path) -> None:
    """The central system gave both the number 7: each keeps its own registers, and the answer to one stop is not that to the other's."""
    store = Store(tmp_path / "j.db")
    store.open()
    one, two = started("one", 1000), started("two", 5000)
    first, second = store.append([one, TransactionStarted(ConnectorId(2), LocalId("two"), two.id_tag, 5000)], now())
    store.append([confirmed(first.seq, 7, "one")], now())
    store.append([confirmed(second.seq, 7, "two")], now())
    order = ("one", "two") if stop_first == 1 else ("two", "one")
    for local_id in order:
        store.append([stopped(local_id, 2000 if local_id == "one" else 6000)], now())
    for local_id in order:
        head = store.next_owed()
        assert head is not None
        assert (head.stamped.fact.local_id, head.remote_id) == (local_id, 7)  # type: ignore[union-attr]
        store.append([stop_confirmed(head.stamped.seq, local_id)], now())
        other = next(record for record in store.transactions() if record.local_id != local_id)
        assert other.stop_state == ("owed" if local_id == order[0] else "confirmed")
    assert {record.local_id: (record.meter_start_wh, record.meter_stop_wh) for record in store.transactions()} == {
        "one": (1000, 2000),
        "two": (5000, 6000),
    }
    store.drop()


def test_a_year_without_the_central_system_is_bounded(tmp_path: Path) -> None:
    """Facts that nobody is owed go, samples are thinned and marked, starts and stops stay; then all of it is told in order.

    Field lesson #12 (ocpp-rpc#69).
    """
    store = Store(tmp_path / "j.db", JournalOptions(max_owed=MAX_OWED, max_facts=1000, keep_days=1))
    store.open()
    for day in range(40):
        at = now(86400.0 * day)
        store.append([started(f"t{day}"), *[PhaseChanged(ONE, Phase.IDLE)] * 50], at)
        store.append([*[sampled(f"t{day}", 1000 + number) for number in range(50)], stopped(f"t{day}")], at)
        store.compact_when_due(at)
    kinds = [type(one.stamped.fact).__name__ for one in store.queue(limit=10_000).waiting]
    assert (kinds.count("TransactionStarted"), kinds.count("TransactionStopped")) == (40, 40)
    assert len(kinds) < 80 + 4 * MAX_OWED
    connection = store._connection
    assert connection is not None
    marks = dict(connection.execute("SELECT owed, count(*) FROM fact WHERE kind = 'MeterSampled' GROUP BY owed"))
    assert marks[2] > marks[1] > 0
    assert connection.execute("SELECT count(*) FROM fact WHERE kind = 'PhaseChanged'").fetchone()[0] < 1000
    places = [one.stamped.seq for one in store.queue(limit=10_000).waiting]
    assert places == sorted(places)
    store.drop()
