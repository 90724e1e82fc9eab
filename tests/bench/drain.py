"""How fast a long queue is told: the daemon starts over a journal that owes thousands of messages from offline transactions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from chargerd.core.events import StopReason
from chargerd.core.facts import MeterSampled, ReadingContext, Sample, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.journal.store import Store
from chargerd.sim.daemon_process import daemon_process
from chargerd.sim.rig import Mode, write_overlay
from tests.bench.aims import compared
from tests.bench.central import Central
from tests.bench.measure import Measure
from tests.bench.stations import OURS

SAMPLES = 98  # of each transaction; with start and stop a hundred messages
TAG = IdTag("CARD1")
CONNECTOR = ConnectorId(1)
BEGAN_UTC_S = 1_800_000_000.0


async def drain(transactions: int) -> list[Measure]:
    """From the first message of the queue to the last, each answered at once."""
    with tempfile.TemporaryDirectory(prefix="chargerd-bench-") as name:
        _fill(Path(name) / "chargerd.db", transactions)
        async with Central() as central:
            peer = central.peer(OURS)
            config = write_overlay(Mode.REALTIME, Path(name), {}, central.url)
            async with daemon_process(config, Path(name)) as daemon:
                await peer.heard("StartTransaction")
                began_s = peer.last_s["StartTransaction"]
                await peer.heard("StopTransaction", transactions)
                took_s = peer.last_s["StopTransaction"] - began_s
                told = sum(peer.received[one] for one in ("StartTransaction", "MeterValues", "StopTransaction"))
                await daemon.stop()
    if told != transactions * (SAMPLES + 2):
        raise RuntimeError(f"{told} messages came of {transactions * (SAMPLES + 2)}")
    return [compared("10 000 queued messages told", {"ours": [took_s * 10_000 / told]})]


def _fill(path: Path, transactions: int) -> None:
    """One offline transaction after another, a sample a minute."""
    store = Store(path)
    store.open()
    for number in range(transactions):
        local_id = LocalId(f"transaction-{number}")
        began_s = 60.0 * SAMPLES * number
        store.append([TransactionStarted(CONNECTOR, local_id, TAG, 1000 * number)], _at(began_s))
        for minute in range(1, SAMPLES + 1):
            register_wh = 1000 * number + 10 * minute
            values = (Sample("Energy.Active.Import.Register", float(register_wh), "Wh"),)
            sampled = MeterSampled(CONNECTOR, local_id, register_wh, ReadingContext.PERIODIC, values=values)
            store.append([sampled], _at(began_s + 60.0 * minute))
        store.append([TransactionStopped(CONNECTOR, local_id, StopReason.LOCAL, 1000 * (number + 1), TAG)], _at(began_s + 60.0 * SAMPLES))
    store.close()


def _at(mono_s: float) -> Now:
    return Now(mono_s, BEGAN_UTC_S + mono_s, is_utc_trusted=True)
