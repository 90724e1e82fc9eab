"""What the running daemon writes to the medium: a real process at real pace, `write_bytes` of `/proc/<pid>/io` as the kernel counts it.

The kernel counts a page of 4 KiB when it becomes dirty: a small write to a page that waits for its turn costs nothing more, and each
synchronous commit makes it wait no longer. The first minute is left out. What is no part of a real station is kept off the disk: the
simulated meter's registers, which a real meter keeps itself, and the log, which goes to the service manager.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chargerd.csms.model import Station
from chargerd.csms.server import CentralSystem
from chargerd.sim.daemon_process import DaemonProcess
from chargerd.sim.rig import Mode, write_overlay
from chargerd.sim.rpc_client import RpcClient
from tests.bench.aims import compared
from tests.bench.measure import Measure
from tests.bench.process import written_kib
from tests.bench.stations import LORRY, OURS
from tests.support.journal_file import read_journal
from tests.support.processes import Facts, ready_daemon

ASIDE_S = 60.0
MINUTE_S = 60.0
SAMPLES = 2
KEYS = {"HeartbeatInterval": 3600, "MeterValueSampleInterval": 5}
EVERY_SECOND = {**KEYS, "MeterValueSampleInterval": 1}


async def writes(transactions: int, minutes: int) -> list[Measure]:
    """KiB per transaction (remote start, two samples, remote stop) and per charging minute with a sample a second, checkpoints in."""
    per_transaction, per_minute = await asyncio.gather(_per_transaction(transactions), _per_minute(minutes))
    return [
        compared("written per transaction", {"ours": per_transaction}),
        compared("written per charging minute, sample every 1 s", {"ours": per_minute}),
    ]


@dataclass(frozen=True, slots=True)
class _Bench:
    central: CentralSystem
    daemon: DaemonProcess
    hand: RpcClient

    @property
    def station(self) -> Station:
        """What the central system knows."""
        return self.central.station(OURS)

    async def written(self, work: Callable[[], Coroutine[Any, Any, None]]) -> float:
        """KiB that the process writes while something is done."""
        before_kib = written_kib(self.daemon.process.pid)
        await work()
        return written_kib(self.daemon.process.pid) - before_kib

    async def begin(self) -> None:
        """A vehicle comes and charges."""
        await self.hand.call("sim.plug_in", {"connector": 1, "ev": LORRY})
        await self.central.until(lambda: self.station.status(1) == "Preparing")
        await self.central.call(OURS, "RemoteStartTransaction", {"idTag": "CARD1", "connectorId": 1})
        await self.central.until(lambda: bool(self.station.open_transactions))

    async def transaction(self) -> None:
        """From plug to plug."""
        await self.begin()
        (running,) = self.station.open_transactions
        await self.central.until(lambda: len(running.meter_values) == SAMPLES)
        await self.central.call(OURS, "RemoteStopTransaction", {"transactionId": running.number})
        await self.central.until(lambda: not self.station.open_transactions)
        await self.hand.call("sim.plug_out", {"connector": 1})
        await self.central.until(lambda: self.station.status(1) == "Available")


@asynccontextmanager
async def _bench(keys: dict[str, int]) -> AsyncIterator[_Bench]:
    async with AsyncExitStack() as stack:
        folder, memory = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chargerd-bench-", dir=place))) for place in (None, "/dev/shm")
        )
        _check_medium(folder)
        (folder / "mock-meter.bin").symlink_to(memory / "mock-meter.bin")
        central = await stack.enter_async_context(CentralSystem())
        config = write_overlay(Mode.REALTIME, folder, {"ocpp": {"keys": keys}}, central.url)
        daemon, hand = await stack.enter_async_context(ready_daemon(config, folder, ("--log-level", "error")))
        await central.until(lambda: central.station(OURS).status(2) == "Available")
        yield _Bench(central, daemon, hand)


def _check_medium(folder: Path) -> None:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    device = folder.stat().st_dev
    kind = next((mount[2] for mount in reversed(mounts) if Path(mount[1]).exists() and Path(mount[1]).stat().st_dev == device), "")
    if kind in ("tmpfs", "ramfs"):
        raise RuntimeError(f"{folder} is on {kind}, where nothing is written; set TMPDIR to a directory on a disk")


async def _per_transaction(count: int) -> list[float]:
    async with _bench(KEYS) as bench:
        await asyncio.sleep(ASIDE_S)
        found = [await bench.written(bench.transaction) for _ in range(count)]
        await bench.daemon.stop()
    return found


async def _per_minute(minutes: int) -> list[float]:
    """Minutes of one session, each as the mean of all, so that checkpoints are in; then SIGKILL.

    Raises RuntimeError when a sample that was told of is not on disk after it.
    """
    heard: set[int] = set()
    async with _bench(EVERY_SECOND) as bench, Facts(bench.daemon.control, ["MeterSampled"]) as samples:
        listening = asyncio.ensure_future(_listen(samples, heard))
        await bench.begin()
        await asyncio.sleep(ASIDE_S)
        found = [await bench.written(lambda: asyncio.sleep(MINUTE_S)) for _ in range(minutes)]
        bench.daemon.kill()
        await listening
        await bench.daemon.process.wait()
        kept = {fact.seq for fact in read_journal(bench.daemon.folder / "chargerd.db").facts}
    if len(heard) < MINUTE_S * minutes or not heard <= kept:
        raise RuntimeError(f"{len(heard)} samples were told, {len(heard - kept)} of them are lost after SIGKILL")
    return [sum(found) / minutes]


async def _listen(samples: Facts, heard: set[int]) -> None:
    try:
        while True:
            heard.add((await samples.next())["seq"])
    except ConnectionError:
        return
