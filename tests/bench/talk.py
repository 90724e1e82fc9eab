"""How fast running stations answer their central system: real processes, a real journal, WebSocket over loopback.

Times are taken at the central system, from the moment a frame is sent to the moment the answering frame is in. The stations take turns in
short blocks, so that what else the machine does meets all of them alike.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Iterator

from chargerd.app.config import load
from chargerd.app.shipped import shipped
from chargerd.ocpp.rpc import Call, Rpc
from chargerd.ocpp.v16.handlers import Handlers
from chargerd.ocpp.v16.key_values import KeyTable
from tests.bench.aims import compared
from tests.bench.central import Payload, Peer, RefusedError
from tests.bench.measure import Measure, NotYet, Result
from tests.bench.process import use
from tests.bench.progress import steps
from tests.bench.stations import Running, side_by_side
from tests.support.kill_lane import FAST
from tests.support.ocpp_fakes import FakeStation, FakeStore, given

BLOCK = 50
ONE_KEY: Payload = {"key": ["HeartbeatInterval"]}


async def answers(calls: int) -> list[Result]:
    """CALL to CALLRESULT, one after another, and TriggerMessage to its message."""
    intervals = itertools.cycle(("299", "300"))
    requests = {
        "GetConfiguration, one key": ("GetConfiguration", itertools.repeat(ONE_KEY)),
        "GetConfiguration, all keys": ("GetConfiguration", itertools.repeat(Payload())),
        "ChangeConfiguration, on disk": ("ChangeConfiguration", ({"key": "HeartbeatInterval", "value": value} for value in intervals)),
    }
    async with side_by_side(FAST) as stations:
        await _warmed(stations)
        found: list[Result] = [await _asked(stations, name, *request, calls) for name, request in requests.items()]
        return [*found, await _triggered(stations, calls // 10)]


async def _warmed(stations: list[Running]) -> None:
    for station in stations:
        for _ in range(BLOCK):
            await station.peer.call("GetConfiguration", ONE_KEY)


async def _asked(stations: list[Running], name: str, action: str, payloads: Iterator[Payload], calls: int) -> Measure:
    times_ms = defaultdict(list)
    for _ in range(max(1, calls // BLOCK)):
        for station in stations:
            for payload in itertools.islice(payloads, BLOCK):
                took_s, _ = await station.peer.call(action, payload)
                times_ms[station.name].append(took_s * 1e3)
    return compared(name, times_ms)


async def _triggered(stations: list[Running], calls: int) -> Result:
    name = "TriggerMessage to Heartbeat"
    times_ms = defaultdict(list)
    try:
        for _ in range(max(1, calls)):
            for station in stations:
                times_ms[station.name].append(await station.trigger() * 1e3)
    except RefusedError:
        return NotYet(name)
    return compared(name, times_ms)


async def throughput(blocks: int, calls: int) -> list[Measure]:
    """Requests of one key in a pipeline, so that the station always has the next one waiting; and what a request costs it."""
    async with side_by_side(FAST) as stations:
        await _warmed(stations)
        rates: dict[int, dict[str, list[float]]] = {1: defaultdict(list), 16: defaultdict(list)}
        cpu_ms = defaultdict(list)
        for _ in steps(blocks):
            for depth, station in itertools.product(rates, stations):
                before, began_s = use(station.pid), time.perf_counter()
                await _pipelined(station.peer, calls, depth)
                rates[depth][station.name].append(calls / (time.perf_counter() - began_s))
                if depth == 1:
                    cpu_ms[station.name].append((use(station.pid) - before).cpu_s * 1e3 / calls)
    return [
        compared("requests per second, 1 deep", rates[1]),
        compared("requests per second, 16 deep", rates[16]),
        compared("CPU of the station per request", cpu_ms),
    ]


async def _pipelined(peer: Peer, calls: int, depth: int) -> None:
    left = iter(range(calls))

    async def lane() -> None:
        for _ in left:
            await peer.call("GetConfiguration", ONE_KEY)

    async with asyncio.TaskGroup() as group:
        for _ in range(depth):
            group.create_task(lane())


async def remote(runs: int) -> list[Measure]:
    """Remote start to StartTransaction.req and remote stop to StopTransaction.req; ours has the vehicle plugged and the row on disk.

    The simulated world runs at twenty times its pace. The stop waits for the current to fall and for the contactor.
    """
    starts_ms, stops_ms = defaultdict(list), defaultdict(list)
    async with side_by_side(FAST) as stations:
        for _ in steps(runs):
            for station in stations:
                await station.arrive()
                starts_ms[station.name].append(await station.start() * 1e3)
                await station.peer.heard("MeterValues", station.peer.received["StartTransaction"])
                stops_ms[station.name].append(await station.stop() * 1e3)
                await station.leave()
    return [compared("RemoteStart to StartTransaction, on disk", starts_ms), compared("RemoteStop to StopTransaction", stops_ms)]


async def inside(calls: int) -> list[Measure]:
    """The daemon's own part of an answer: frame, schema, handler and answer, without socket and loop."""
    config = load(shipped("demo.yaml"))
    keys = KeyTable(config.ocpp, [connector.settings for connector in config.connectors])
    handlers = Handlers(FakeStation(FakeStore()), keys, 1.0, lambda: True)
    rpc = Rpc(handlers.actions)
    times_ms = []
    for number in range(calls):
        text = json.dumps([2, f"id{number}", "GetConfiguration", ONE_KEY])
        began_s = time.perf_counter()
        call = rpc.receive(text)
        if not isinstance(call, Call):
            raise TypeError(f"not taken as a CALL: {call}")
        rpc.result(call, await given(handlers.answer(call)))
        rpc.drain()
        times_ms.append((time.perf_counter() - began_s) * 1e3)
    return [Measure("GetConfiguration, one key, text in to text out", "ms", tuple(times_ms), 1.0)]
