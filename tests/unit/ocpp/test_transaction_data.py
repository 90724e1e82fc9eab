"""The readings in StopTransaction, and what goes where there are too many."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.events import StopReason
from chargerd.core.facts import MeterSampled, ReadingContext, Sample, Stamped, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.journal.store import Store
from chargerd.ocpp.v16.convert import spread, thinned
from chargerd.ocpp.v16.outbound import Instant, stop_transaction
from chargerd.ocpp.v16.transaction_data import Bounds, TransactionData

ONE = ConnectorId(1)
TX = LocalId("tx-1")
NOW = Instant(mono_s=1000.0, utc_s=1_780_000_000.0)
PLENTY = 1_000_000


def wh(value: float) -> tuple[Sample, ...]:
    return (Sample("Energy.Active.Import.Register", value, "Wh"),)


def begun(**more: object) -> Stamped:
    return Stamped(1, 1, 0.0, 10.0, TransactionStarted(ONE, TX, IdTag("TAG"), 100, **more))  # type: ignore[arg-type]


def stopped(**more: object) -> TransactionStopped:
    return TransactionStopped(ONE, TX, StopReason.LOCAL, 5000, **more)  # type: ignore[arg-type]


def samples(count: int) -> list[Stamped]:
    return [
        Stamped(2 + n, 1, 0.0, 20.0 + n, MeterSampled(ONE, TX, 200 + n, ReadingContext.PERIODIC, stop_values=wh(200 + n)))
        for n in range(count)
    ]


def told(data: TransactionData, kept: list[Stamped]) -> list[str]:
    """The registers of all readings, of which only the wanted samples were read."""
    readings = data.with_samples([kept[place] for place in data.wanted(len(kept))])
    return [value["sampledValue"][0]["value"] for value in readings]  # type: ignore[index]


def test_from_begin_to_end() -> None:
    """Begin, samples in order, end, each with its own time and context."""
    data = TransactionData(begun(begin_values=wh(100)), stopped(end_values=wh(5000)), 999.0, NOW, Bounds(200, PLENTY))
    readings = data.with_samples(samples(3))
    assert [value["sampledValue"][0]["value"] for value in readings] == ["100", "200", "201", "202", "5000"]  # type: ignore[index]
    assert readings[0]["timestamp"] == "1970-01-01T00:00:10.000Z"
    assert [value["sampledValue"][0]["context"] for value in readings] == [  # type: ignore[index]
        "Transaction.Begin",
        *["Sample.Periodic"] * 3,
        "Transaction.End",
    ]


@pytest.mark.parametrize(
    ("most", "kept"),
    [(5, ["200", "201", "202", "203", "204"]), (3, ["200", "202", "204"]), (2, ["200", "204"]), (1, ["204"])],
)
def test_samples_alone_are_thinned(most: int, kept: list[str]) -> None:
    """Errata 3.91: over StopTransactionMaxMeterValues intermediate values go, never first and last; with room for one it is the last."""
    assert told(TransactionData(None, stopped(), 999.0, NOW, Bounds(most, PLENTY)), samples(5)) == kept


@pytest.mark.parametrize(
    ("most", "kept"),
    [(7, ["100", "200", "201", "202", "203", "204", "5000"]), (3, ["100", "202", "5000"]), (2, ["100", "5000"]), (1, ["5000"])],
)
def test_begin_and_end_are_the_first_and_the_last(most: int, kept: list[str]) -> None:
    """With Transaction.Begin and Transaction.End (errata 3.14) it is the samples that go; with 1 (ECU-L7002S) the end stays."""
    data = TransactionData(begun(begin_values=wh(100)), stopped(end_values=wh(5000)), 999.0, NOW, Bounds(most, PLENTY))
    assert told(data, samples(5)) == kept


@given(count=st.integers(0, 400), most=st.integers(1, 400), characters=st.integers(1024, 20_000), has_ends=st.booleans())
def test_never_too_many_nor_too_long(count: int, most: int, characters: int, has_ends: bool) -> None:
    """Within both bounds, first and last kept, in order; nothing is thinned that would fit.

    libocpp#651: a StopTransaction too large for its message.
    """
    ends = (begun(begin_values=wh(100)), stopped(end_values=wh(5000))) if has_ends else (None, stopped())
    data, kept = TransactionData(*ends, 999.0, NOW, Bounds(most, characters)), samples(count)
    readings = data.with_samples([kept[place] for place in data.wanted(count)])
    assert len(readings) <= most
    assert len(json.dumps(readings)) <= characters
    times = [str(value["timestamp"]) for value in readings]
    assert times == sorted(times)
    everything = TransactionData(*ends, 999.0, NOW, Bounds(PLENTY, 10 * PLENTY)).with_samples(kept)
    if len(readings) > 1:
        assert (readings[0], readings[-1]) == (everything[0], everything[-1])
    if len(everything) <= most and len(json.dumps(everything)) <= characters:
        assert readings == everything


@given(st.lists(st.integers(), max_size=60, unique=True), st.integers(1, 70))
def test_thinning_keeps_order_and_ends(items: list[int], most: int) -> None:
    """Never more than allowed, in order, without doubles, and as many as allowed."""
    kept = thinned(items, most)
    assert len(kept) == min(len(items), most) == len(spread(len(items), most))
    assert [item for item in items if item in kept] == kept
    if items:
        assert kept[-1] == items[-1]
    if len(items) > 1 and most > 1:
        assert kept[0] == items[0]


def test_a_day_of_samples_takes_the_memory_of_what_is_told(tmp_path: Path) -> None:
    """Twenty thousand samples, a message of 60 kB: only what is told is read, in a few hundred kB of memory.

    MicroOcpp#240: values grow until the device dies.
    """
    store = Store(tmp_path / "j.db")
    store.open()
    store.append([begun(begin_values=wh(100)).fact], Now(0.0, 1e9, True))
    for hundred in range(200):
        facts = [
            MeterSampled(ONE, TX, 200 + n, ReadingContext.PERIODIC, wh(n), wh(200 + n)) for n in range(hundred * 100, hundred * 100 + 100)
        ]
        store.append(facts, Now(float(hundred), 1e9 + hundred, True))
    stop = stopped(end_values=wh(50_000))
    store.append([stop], Now(300.0, 1e9 + 300, True))
    tracemalloc.start()
    data = TransactionData(store.started(TX), stop, 1e9 + 300, NOW, Bounds(2_147_483_647, 60_000))
    request = stop_transaction(stop, 1e9 + 300, 7, data.with_samples(store.samples(TX, data.wanted)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    store.drop()
    assert len(json.dumps(request.payload)) < 61_000
    assert len(request.payload["transactionData"]) > 250  # type: ignore[arg-type]
    assert peak < 2_000_000
