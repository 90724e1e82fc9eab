"""A whole run: so many frames against a station that charges, and what is known of it afterwards."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chargerd.sim.virtual_loop import run_virtual
from tests.fuzz.frames import Frame, frames
from tests.fuzz.peer import Mood
from tests.fuzz.station import Charging, charging

MOST_AT_ONCE = 40
WARM = 2000
"""So many frames fill what has a bound: the trace, the memory of answers, the caches of the libraries."""

MOST_PAUSE_S = 0.5
COMMIT_S = 0.004
Progress = Callable[[int], None]


@dataclass(slots=True)
class Report:
    """problems: what went wrong, as sentences; empty: nothing did."""

    seed: int
    problems: list[str] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)  # frames by kind
    answers: Counter[str] = field(default_factory=Counter)  # by code
    heard: Counter[str] = field(default_factory=Counter)  # the station's own messages by action
    connections: int = 0
    virtual_s: float = 0.0
    real_s: float = 0.0
    rss_before_kib: int = 0  # once warm
    rss_after_kib: int = 0
    energy_wh: int = 0
    quiet_energy_wh: int = 0  # of the same time without a single frame

    @property
    def grown_kib(self) -> int:
        """Memory that the frames took after that."""
        return self.rss_after_kib - self.rss_before_kib

    def table(self) -> str:
        """For people."""
        rows = [("seed", str(self.seed)), *((f"sent: {kind}", str(count)) for kind, count in sorted(self.sent.items()))]
        rows += [(f"answered: {code}", str(count)) for code, count in sorted(self.answers.items())]
        rows += [(f"heard: {action}", str(count)) for action, count in sorted(self.heard.items())]
        rows += [
            ("connections", str(self.connections)),
            ("time, virtual and real", f"{self.virtual_s:.0f} s, {self.real_s:.0f} s"),
            ("resident size, before and after", f"{self.rss_before_kib / 1024:.1f} MB, {self.rss_after_kib / 1024:.1f} MB"),
            ("energy, and without frames", f"{self.energy_wh} Wh, {self.quiet_energy_wh} Wh"),
            ("problems", str(len(self.problems))),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value:>12}" for name, value in rows)


def fuzz(count: int, seed: int, progress: Progress = lambda _: None) -> Report:
    """Send so many frames to a station that charges. Raises what the daemon raises."""
    report, began_s = Report(seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chargerd-") as folder:
        run_virtual(_fuzz(Path(folder), count, report, progress), executor_latency_s=COMMIT_S)
    with tempfile.TemporaryDirectory(prefix="chargerd-") as folder:
        report.quiet_energy_wh = run_virtual(_quiet(Path(folder), report), executor_latency_s=COMMIT_S)
    report.real_s = time.monotonic() - began_s
    if abs(report.energy_wh - report.quiet_energy_wh) > 0.002 * report.quiet_energy_wh + 2:
        report.problems.append(f"the energy is another one: {report.energy_wh} Wh, {report.quiet_energy_wh} Wh without frames")
    return report


async def _fuzz(folder: Path, count: int, report: Report, progress: Progress) -> None:
    async with charging(folder, report.seed) as station:
        loop, began_s, began_wh = asyncio.get_running_loop(), asyncio.get_running_loop().time(), station.energy_wh
        await _assault(station, count, report, progress)
        report.virtual_s, report.energy_wh = loop.time() - began_s, station.energy_wh - began_wh
        report.problems += station.problems()
        report.problems += await _told(station)
        peer = station.peer
        report.problems += peer.surprises
        report.answers, report.heard, report.connections = peer.answers, peer.heard, peer.dials


async def _assault(station: Charging, count: int, report: Report, progress: Progress) -> None:
    peer, chance = station.peer, random.Random(report.seed)
    peer.mood = Mood.GARBLES
    left = 0
    for number, frame in enumerate(frames(report.seed, count), 1):
        if left <= 0 or frame.is_late or frame.is_fatal:
            await peer.answered()
            await asyncio.sleep(chance.random() * MOST_PAUSE_S)
            left = chance.randint(1, MOST_AT_ONCE)
        if not peer.is_connected:
            await peer.until(lambda: peer.is_connected)
        await peer.send(frame)
        report.sent[frame.kind] += 1
        left -= 1
        if frame.is_fatal:
            await _ended(station, frame, report)
        if number == max(count // 10, min(count, WARM)):
            report.rss_before_kib = rss_kib()
        if number % 5000 == 0:
            progress(number)
    await peer.answered()
    report.rss_after_kib = rss_kib()


async def _ended(station: Charging, frame: Frame, report: Report) -> None:
    """The station leaves, and comes back."""
    if not await station.peer.until(lambda: not station.peer.is_connected, within_s=5.0):
        report.problems.append(f"the connection stands after {frame.kind}: {frame.data[:50]!r}")
    await station.peer.until(lambda: station.peer.is_connected)


async def _told(station: Charging) -> list[str]:
    """End the session, and see that the central system gets to know it whole, once it behaves."""
    station.peer.mood = Mood.FRIENDLY
    await station.end()
    found = [] if await station.told(within_s=3600.0) else ["the queue is not empty after an hour"]
    starts, stops = list(station.peer.starts.values()), list(station.peer.stops.values())
    if len(starts) != 1 or len(stops) != 1:
        return [*found, f"{len(starts)} transactions begun and {len(stops)} ended"]
    if stops[0]["meterStop"] - starts[0]["meterStart"] <= 0 or stops[0]["reason"] != "Local":
        found.append(f"the transaction ended with {stops[0]}")
    return found


async def _quiet(folder: Path, report: Report) -> int:
    async with charging(folder, report.seed) as station:
        began_wh = station.energy_wh
        await asyncio.sleep(report.virtual_s)
        return station.energy_wh - began_wh


def rss_kib() -> int:
    """Resident size of this process, after a collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
