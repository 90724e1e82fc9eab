"""A station with every kind of device on its wire: customers charge while devices fail, and the books are compared at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chargerd.core.facts import TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId
from chargerd.sim.invariants import broken
from chargerd.sim.rig import Mode, Rig, rig
from hal.mock.register_file import RegisterFile
from tests.soak.customers import Customers
from tests.soak.outages import DEVICES, Outage, Outages

STATION = Path(__file__).parents[1] / "data/stations/everything-on-wires.yaml"
ALWAYS = [
    "energized_implies_authorized",
    "energized_implies_plugged",
    "energized_implies_sound",
    "current_within_limits",
    "closed_implies_session",
]
_WATCH_S = 1.0
_TAIL_S = 15.0
_READY_S = 30.0
_METER_BACK_S = 12.0  # until a meter that is well again is read again
_RESOLUTION_WH = 1


@dataclass(frozen=True, slots=True)
class Bill:
    """A transaction by its registers, and when it ended on the loop's clock."""

    start_wh: int
    stop_wh: int
    ended_s: float


@dataclass(frozen=True, slots=True)
class Books:
    """What one outlet gave, by the register of the plant, and the bills, in order."""

    given_wh: int
    bills: list[Bill]

    def unbilled(self) -> list[tuple[float, int]]:
        """When how much flowed outside of any transaction: what the register moved on until the next one, or the end."""
        starts = [*(bill.start_wh for bill in self.bills[1:]), self.given_wh]
        return [(bill.ended_s, start_wh - bill.stop_wh) for bill, start_wh in zip(self.bills, starts, strict=True)]


@dataclass(slots=True)
class Soaked:
    """How it went."""

    problems: list[str] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    told: int = 0
    charged: int = 0
    cleared: list[str] = field(default_factory=list)
    books: dict[int, Books] = field(default_factory=dict)


async def soak(mode: Mode, folder: Path, duration_s: float, seed: int, progress: Callable[[str], None] = lambda _: None) -> Soaked:
    """Run for so long on the mode's own clock. Raises ConfigError, OSError."""
    soaked = Soaked()
    async with rig(mode, folder, station=STATION, seed=seed) as stage:
        await _ready(stage)
        outages = Outages(stage, Random(f"{seed} outages"))
        turn = asyncio.Lock()
        customers = [Customers(stage, ConnectorId(number), Random(f"{seed} {number}"), outages, turn) for number in (1, 2)]
        began = len(stage.facts)
        tasks = [asyncio.create_task(one.run()) for one in (*customers, outages)]
        await _watch(stage, tasks, duration_s, soaked, progress)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        soaked.problems += [f"{error!r}" for error in ended if isinstance(error, Exception)]
        for device in DEVICES:
            await stage.simulate("device", {"device": device})
        await asyncio.sleep(_TAIL_S)
        soaked.outages, soaked.told = outages.past, outages.told
        soaked.problems += [*outages.problems, *(problem for one in customers for problem in one.problems)]
        soaked.charged = sum(one.charged for one in customers)
        soaked.cleared = [code for one in customers for code in one.cleared]
        soaked.problems += [f"at the end: {one.code} is up" for view in stage.daemon.reactor.view().connectors for one in view.faults]
        for connector in (1, 2):
            soaked.books[connector] = _books(stage, began, folder, connector)
            soaked.problems += _unexplained(soaked.books[connector], [one for one in outages.past if one.device == f"meter{connector}"])
    return soaked


async def _ready(stage: Rig) -> None:
    async with asyncio.timeout(_READY_S):
        while not (stage.daemon.reactor.view().is_link_accepted and stage.daemon.have_devices_spoken()):
            await asyncio.sleep(0.1)


async def _watch(stage: Rig, tasks: list[asyncio.Task[None]], duration_s: float, soaked: Soaked, progress: Callable[[str], None]) -> None:
    """Look at the invariants at every fact and every second."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + duration_s
    while loop.time() < ends_s and not any(task.done() for task in tasks):
        stage.heard.clear()
        try:
            async with asyncio.timeout(_WATCH_S):
                await stage.heard.wait()
        except TimeoutError:
            progress(f"{ends_s - loop.time():6.0f} s left, {len(stage.facts)} facts, {len(soaked.problems)} problems")
        for name in broken(ALWAYS, stage.daemon.reactor.view()):
            soaked.problems.append(f"invariant broken with {ends_s - loop.time():.1f} s left: {name}")


def _books(stage: Rig, began: int, folder: Path, connector: int) -> Books:
    register = RegisterFile("plant", folder / "mock-meter.bin", 2)
    try:
        given_wh, _ = register.load(connector - 1)
    finally:
        register.close()
    started: dict[str, int] = {}
    bills: list[Bill] = []
    for stamped in stage.facts[began:]:
        match stamped.fact:
            case TransactionStarted(connector=number, local_id=local_id, meter_start_wh=start_wh) if number == connector:
                started[local_id] = start_wh
            case TransactionStopped(connector=number, local_id=local_id, meter_stop_wh=stop_wh) if number == connector:
                bills.append(Bill(started[local_id], stop_wh, stamped.mono_s))
            case _:
                pass
    return Books(given_wh, bills)


def _unexplained(books: Books, outages: list[Outage]) -> list[str]:
    """Energy on no bill, unless the meter could not be read when the transaction ended; and energy that is on two."""
    problems: list[str] = []
    for ended_s, unbilled_wh in books.unbilled():
        is_meter_ill = any(one.began_s <= ended_s <= one.began_s + one.duration_s + _METER_BACK_S for one in outages)
        if unbilled_wh < 0 or (unbilled_wh > _RESOLUTION_WH and not is_meter_ill):
            problems.append(f"{unbilled_wh} Wh on no bill after the transaction that ended at {ended_s:.1f} s")
    return problems
