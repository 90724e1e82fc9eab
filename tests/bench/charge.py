"""How much work a session is: an hour of it in virtual time, and single events in the core."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from chargerd.core.events import Event, EvUpdated, MeterUpdated, SupplyUpdated, Tick
from chargerd.core.facts import Phase
from chargerd.sim.rig import Mode, rig
from chargerd.sim.virtual_loop import run_virtual
from hal.types import EvRequest, MeterReading
from tests.bench.measure import Measure
from tests.bench.stations import LORRY
from tests.support.core_bench import ONE, CoreBench

HOUR_S = 3600.0
COMMIT_S = 0.004


def hour(runs: int) -> list[Measure]:
    """The whole daemon, its OCPP client, its journal and a central system through an hour of charging with a sample a minute."""
    return [Measure("an hour of charging, sample every 60 s, virtual time", "s", tuple(_hour() for _ in range(runs)), 3.0)]


def _hour() -> float:
    with tempfile.TemporaryDirectory(prefix="chargerd-bench-") as name:
        return run_virtual(_charge(Path(name)), executor_latency_s=COMMIT_S)


async def _charge(folder: Path) -> float:
    async with rig(Mode.VIRTUAL, folder) as stage:
        station = stage.central.station(stage.identity)
        await stage.central.until(lambda: station.status(2) == "Available")
        await stage.simulate("plug_in", {"connector": 1, "ev": LORRY})
        await stage.simulate("swipe", {"id_tag": "CARD1"})
        await stage.central.until(lambda: station.status(1) == "Charging")
        began_s = time.perf_counter()
        await asyncio.sleep(HOUR_S)
        took_s = time.perf_counter() - began_s
        (transaction,) = station.open_transactions
        if station.status(1) != "Charging" or len(transaction.meter_values) < HOUR_S / 60 - 1:
            raise RuntimeError(f"the session did not last: {station.status(1)}, {len(transaction.meter_values)} samples")
        return took_s


def core(seconds: int) -> list[Measure]:
    """Event to output in the core, over the events of a delivering session: the vehicle and the modules at 10 Hz, meter and beat."""
    bench = CoreBench()
    bench.charge()
    times_ms = []
    for tenth in range(10 * seconds):
        bench.mono_s += 0.1
        for event in _events(bench, tenth):
            began_s = time.perf_counter()
            bench.station.handle(event, bench.now())
            bench.station.outputs()
            bench.station.next_deadline_s()
            times_ms.append((time.perf_counter() - began_s) * 1e3)
    if bench.phase() is not Phase.DELIVERING:
        raise RuntimeError(f"the session did not last: {bench.phase()}")
    return [Measure("core: event to output, delivering", "ms", tuple(times_ms), 0.2)]


def _events(bench: CoreBench, tenth: int) -> list[Event]:
    view = bench.view(ONE)
    events: list[Event] = [EvUpdated(ONE, _wanting(view.ev, 120.0 + tenth % 7)), SupplyUpdated(ONE, view.supply)]
    if tenth % 10 == 0:
        bench.energy_wh[ONE] += 15
        events.append(MeterUpdated(ONE, MeterReading(bench.energy_wh[ONE], voltage_v=400.0, current_a=120.0, power_w=48_000.0)))
    if tenth % 3 == 0:
        events.append(Tick())
    return events


def _wanting(ev: EvRequest, current_a: float) -> EvRequest:
    return replace(ev, target_current_a=current_a)
