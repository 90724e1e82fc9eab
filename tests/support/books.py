"""Journal and central system as two books that must say the same, and the power cut after which they are compared."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from chargerd.core.errors import StorageError
from chargerd.core.facts import MeterSampled, Stamped, StopConfirmed, TransactionConfirmed, TransactionStarted, TransactionStopped
from tests.support.station_bench import Bench

TOLD = ("StartTransaction", "MeterValues", "StopTransaction")


async def check_books(station: Bench) -> None:
    """Journal and central system have the same transactions, each begun once and ended once, told in the journal's order."""
    records, told = await station.records(), station.central
    assert (told.doubles, told.strays, told.problems, told.open_transactions) == ([], [], [], [])
    assert [record.remote_id for record in records] == list(told.transactions)
    for record, transaction in zip(records, told.transactions.values(), strict=True):
        assert (record.start_state, record.stop_state) == ("confirmed", "confirmed")
        assert transaction.stop is not None
        assert (transaction.connector, transaction.start["meterStart"]) == (record.connector, record.meter_start_wh)
        assert (transaction.stop["reason"], transaction.stop["meterStop"]) == (record.reason, record.meter_stop_wh)
        assert cast("int", transaction.stop["meterStop"]) >= record.meter_start_wh
        assert [payload["transactionId"] for payload in transaction.meter_values] == [transaction.number] * len(transaction.meter_values)
    await check_wire(station)


async def check_wire(station: Bench) -> None:
    """Repetitions aside, the messages are those the journal owes, in its order; a repetition is the same text under the same id."""
    texts: dict[str, Mapping[str, Any]] = {}
    order: list[str] = []
    for message_id, action, payload, _ in station.calls(*TOLD):
        if message_id not in texts:
            order.append(action)
        assert texts.setdefault(message_id, payload) == payload
    facts = await station.stage.daemon.journal.events(limit=10_000)
    assert order == [owed for stamped in facts if (owed := _owed(stamped))]


def _owed(stamped: Stamped) -> str:
    match stamped.fact:
        case TransactionStarted():
            return "StartTransaction"
        case MeterSampled(values=values) if values:
            return "MeterValues"
        case TransactionStopped():
            return "StopTransaction"
    return ""


def check_repetitions(station: Bench, heard: list[Stamped]) -> None:
    """One cut repeats one start or stop at the most, and none whose answer was on disk; samples are noted as told with the next commit."""
    ids = [message_id for message_id, *_ in station.calls("StartTransaction", "StopTransaction")]
    assert len(ids) - len(set(ids)) <= 1
    for kind, action in ((TransactionConfirmed, "StartTransaction"), (StopConfirmed, "StopTransaction")):
        if any(isinstance(stamped.fact, kind) for stamped in heard):
            assert len(station.calls(action)) == 1


class Cut:
    """A power cut at the n-th piece of work of the journal: before it, so that nothing of it is on disk, or right after it.

    "After": it is on disk, but nobody has heard of it yet. From then on the disk does nothing any more.
    """

    def __init__(self, nth: int, *, is_before: bool) -> None:
        self.count = 0
        self.has_come = asyncio.Event()
        self._nth = nth
        self._is_before = is_before

    def __call__(self) -> None:
        self.count += 1
        if self.count > self._nth - self._is_before:
            self.has_come.set()
            raise StorageError("the power is gone")
        if self.count == self._nth:
            self.has_come.set()
