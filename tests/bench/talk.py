"""How fast the running daemon answers its central system: a real process, a real journal, WebSocket over loopback.

Times are taken at the central system, from the moment a frame is sent to the moment the answering frame is in.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from chargerd.app.config import load
from chargerd.app.shipped import shipped
from chargerd.csms.model import Message
from chargerd.csms.server import CentralSystem, Options
from chargerd.ocpp.rpc import Call, Rpc
from chargerd.ocpp.v16.handlers import Handlers
from chargerd.ocpp.v16.key_values import KeyTable
from chargerd.sim.rig import Mode, write_overlay
from chargerd.sim.rpc_client import RpcClient
from tests.bench.measure import Measure
from tests.support.kill_lane import FAST
from tests.support.ocpp_fakes import FakeStation, FakeStore
from tests.support.processes import ready_daemon

STATION = "CP001"
KEY = {"key": ["HeartbeatInterval"]}


@asynccontextmanager
async def _talking() -> AsyncIterator[tuple[CentralSystem, RpcClient]]:
    with tempfile.TemporaryDirectory(prefix="chargerd-bench-") as name:
        async with CentralSystem(Options(utc_s=time.perf_counter)) as central, asyncio.timeout(120):  # its stamps are only subtracted
            config = write_overlay(Mode.REALTIME, Path(name), FAST, central.url)
            async with ready_daemon(config, Path(name)) as (daemon, hand):
                await central.until(lambda: central.station(STATION).status(2) == "Available")
                yield central, hand
                await daemon.stop()


async def remote_start(runs: int) -> list[Measure]:
    """RemoteStart.req to StartTransaction.req: start point `authorized`, the vehicle plugged, the row on disk before it is sent."""
    times_s = []
    async with _talking() as (central, hand):
        station = central.station(STATION)
        for number in range(1, runs + 1):
            await hand.call("sim.plug_in", {"connector": 1})
            await central.until(lambda: station.status(1) == "Preparing")
            before = len(station.trace)
            await central.call(STATION, "RemoteStartTransaction", {"idTag": "CARD1", "connectorId": 1})
            await central.until(lambda count=number: station.received["StartTransaction"] == count)
            times_s.append(_between(list(station.trace)[before:], "RemoteStartTransaction", "StartTransaction"))
            await central.call(STATION, "RemoteStopTransaction", {"transactionId": number})
            await central.until(lambda: not station.open_transactions)
            await hand.call("sim.plug_out", {"connector": 1})
            await central.until(lambda: station.status(1) == "Available")
    return [Measure("RemoteStart.req to StartTransaction.req, on disk", "ms", tuple(value * 1e3 for value in times_s), 10.0)]


def _between(messages: Sequence[Message], asked: str, told: str) -> float:
    """Seconds from one CALL to another."""
    frames = [(message.at_utc_s, json.loads(message.text)) for message in messages]
    calls = {frame[2]: at_s for at_s, frame in frames if frame[0] == 2}
    return calls[told] - calls[asked]


async def one_key(runs: int) -> list[Measure]:
    """GetConfiguration of one key: the round trip over loopback as the central system sees it, and the daemon's own part."""
    times_ms = []
    async with _talking() as (central, _):
        for _ in range(runs):
            began_s = time.perf_counter()
            await central.call(STATION, "GetConfiguration", KEY)
            times_ms.append((time.perf_counter() - began_s) * 1e3)
    return [
        Measure("GetConfiguration of one key, over loopback", "ms", tuple(times_ms), 1.0),
        Measure("GetConfiguration of one key, text in to text out", "ms", await _one_key_inside(runs), 1.0),
    ]


async def _one_key_inside(runs: int) -> tuple[float, ...]:
    """Frame, schema, handler and answer, without socket and loop."""
    config = load(shipped("demo.yaml"))
    keys = KeyTable(config.ocpp, [connector.settings for connector in config.connectors])
    handlers = Handlers(FakeStation(FakeStore()), keys, 1.0, lambda: True)
    rpc = Rpc(handlers.actions)
    times_ms = []
    for number in range(runs):
        text = json.dumps([2, f"id{number}", "GetConfiguration", KEY])
        began_s = time.perf_counter()
        call = rpc.receive(text)
        if not isinstance(call, Call):
            raise TypeError(f"not taken as a CALL: {call}")
        rpc.result(call, await handlers.answer(call))
        rpc.drain()
        times_ms.append((time.perf_counter() - began_s) * 1e3)
    return tuple(times_ms)
