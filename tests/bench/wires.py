"""How quickly the daemon answers on CAN, and how evenly it repeats its set-points, seen from the bus itself.

The daemon runs as a process with real drivers, the modules and controllers in another, on multicast CAN of this machine; a third listener
on both buses clocks the frames.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from chargerd.app.config import load
from chargerd.sim.rig import Mode, own_ports, peers_process, write_overlay
from chargerd.sim.rpc_client import RpcClient
from hal.bus.can import CanBus, CanOptions
from hal.ports import Place
from hal.wire import advantics_evse, infypower_v113
from tests.bench.aims import compared
from tests.bench.central import Central, Peer
from tests.bench.measure import Measure
from tests.bench.progress import steps
from tests.bench.stations import LORRY, OURS
from tests.support.processes import ready_daemon

CYCLE_S = 0.1
FLOOD_PER_S = 500
FIRST = 0  # address of the first module of connector 1
QUICK = {"devices": {"psu1": {"refresh_s": CYCLE_S}, "psu2": {"refresh_s": CYCLE_S}}}


@dataclass
class Ear:
    """Hears both buses. Times are the loop's."""

    modules: CanBus
    controllers: CanBus
    answers: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # the last output each module told
    setpoints: dict[int, list[tuple[float, float]]] = field(default_factory=dict)  # of each module: when, A
    demands: list[tuple[float, float]] = field(default_factory=list)  # of outlet 1, as they change: when, A

    def listen(self) -> None:
        self.modules.subscribe(lambda _: True, self._on_module_frame)
        self.controllers.subscribe(lambda _: True, self._on_controller_frame)

    def _on_module_frame(self, identifier: int, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        header = infypower_v113.decode_header(identifier)
        match header.command, header.source, header.destination:
            case infypower_v113.Code.SET_OUTPUT, infypower_v113.CONTROLLER, destination:
                _, request = infypower_v113.decode_request(identifier, data)
                assert isinstance(request, infypower_v113.SetOutput)
                self.setpoints.setdefault(destination, []).append((now_s, request.current_a))
            case infypower_v113.Code.OUTPUT, source, infypower_v113.CONTROLLER:
                self.answers[source] = identifier, data

    def _on_controller_frame(self, identifier: int, data: bytes) -> None:
        outlet, message = advantics_evse.decode(identifier, data)
        if outlet != 1 or not isinstance(message, advantics_evse.DcPowerControl):
            return
        if not self.demands or self.demands[-1][1] != message.max_current_a:
            self.demands.append((asyncio.get_running_loop().time(), message.max_current_a))

    def is_power_asked(self) -> bool:
        """The first module is told to give something."""
        told = self.setpoints.get(FIRST)
        return bool(told) and told[-1][1] > 10.0

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(30.0):
            while not holds():
                await asyncio.sleep(0.01)


async def wires(pauses: int, cycles: int) -> list[Measure]:
    """A vehicle charges: how soon its wish for nothing is on the bus; then the cycle, while the bus is flooded and the link busy."""
    async with Central() as central, _station(central) as (peer, hand, ear):
        await hand.call("sim.plug_in", {"connector": 1, "ev": LORRY})
        await peer.until(lambda: peer.statuses.get(1) == "Preparing")
        await peer.call("RemoteStartTransaction", {"idTag": "CARD1", "connectorId": 1})
        await peer.until(lambda: peer.statuses.get(1) == "Charging")
        await ear.until(ear.is_power_asked)
        reactions_s = [await _reaction(hand, ear) for _ in steps(pauses)]
        lateness_s = await _lateness(peer, ear, cycles)
        return [
            compared("vehicle's wish to set-point on CAN", {"ours": [1e3 * one for one in reactions_s]}),
            compared(f"set-point cycle of 100 ms, late at {FLOOD_PER_S} frames/s", {"ours": [1e3 * one for one in lateness_s]}),
        ]


async def _reaction(hand: RpcClient, ear: Ear) -> float:
    """The vehicle asks for nothing: seconds from its controller's frame to ours that says so to a module."""
    ear.setpoints.clear()
    ear.demands.clear()
    await hand.call("sim.ev_pause", {"connector": 1})
    await ear.until(lambda: _first_zero_s(ear.demands) and _first_zero_s(ear.setpoints.get(FIRST, ())))
    reaction_s = min(_first_zero_s(told) or math.inf for told in ear.setpoints.values()) - (_first_zero_s(ear.demands) or 0.0)
    await hand.call("sim.ev_resume", {"connector": 1})
    await ear.until(ear.is_power_asked)
    await asyncio.sleep(0.3)
    return reaction_s


def _first_zero_s(told: Iterable[tuple[float, float]]) -> float | None:
    return next((at_s for at_s, current_a in told if current_a == 0.0), None)


async def _lateness(peer: Peer, ear: Ear, cycles: int) -> list[float]:
    """By how much each set-point comes later than a cycle after the one before."""
    busy = [asyncio.create_task(_ask_without_end(peer)), asyncio.create_task(_flood(ear))]
    try:
        await asyncio.sleep(1.0)
        ear.setpoints.clear()
        for _ in steps(cycles // 10):
            await asyncio.sleep(10 * CYCLE_S)
    finally:
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
    times_s = [at_s for at_s, _ in ear.setpoints[FIRST]]
    return [max(after_s - before_s - CYCLE_S, 0.0) for before_s, after_s in pairwise(times_s)]


async def _ask_without_end(peer: Peer) -> None:
    while True:
        await peer.call("GetConfiguration", {})


async def _flood(ear: Ear) -> None:
    """What the modules said last, again and again: frames that the daemon has to read."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        for identifier, data in tuple(ear.answers.values()):
            with suppress(OSError):
                ear.modules.send(identifier, data)
            due_s += 1 / FLOOD_PER_S
        await asyncio.sleep(max(due_s - loop.time(), 0.0))


@asynccontextmanager
async def _station(central: Central) -> AsyncIterator[tuple[Peer, RpcClient, Ear]]:
    with tempfile.TemporaryDirectory(prefix="chargerd-bench-") as name:
        folder = Path(name)
        shipped = load(write_overlay(Mode.WIRES, folder, QUICK, central.url))
        file = write_overlay(Mode.WIRES, folder, {**QUICK, **own_ports(shipped)}, central.url)
        options = {bus.name: bus.options for bus in load(file).buses}
        modules, controllers = (CanBus(bus, _can(options[bus]), Place(folder, folder)) for bus in ("can0", "can1"))
        peer = central.peer(OURS)
        async with peers_process(file, folder) as hand, ready_daemon(file, folder) as (daemon, _):
            tasks = [asyncio.create_task(bus.run()) for bus in (modules, controllers)]
            try:
                await asyncio.gather(modules.ready(), controllers.ready())
                ear = Ear(modules, controllers)
                ear.listen()
                await peer.until(lambda: peer.statuses.keys() >= {0, 1, 2})
                yield peer, hand, ear
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await daemon.stop()


def _can(options: object) -> CanOptions:
    assert isinstance(options, CanOptions)
    return options
