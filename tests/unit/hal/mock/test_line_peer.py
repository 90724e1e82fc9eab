"""The world behind the lines of a board: the bolt of a socket, moved by the real driver over the mirror, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.bus.gpio import LineOptions
from hal.io.gpio import GpioIo, GpioOptions
from hal.mock.ac_outlet import AcSupply
from hal.mock.host import Host, HostSpec
from hal.mock.peers.spec import DeviceSpec
from hal.mock.plant_bus import PlantOptions
from hal.ports import ConnectorLock, Place, SafetyLines
from hal.types import IndicatorState, LockState
from tests.conformance.links import Supervised

BOARD = GpioOptions(
    factory="mock",
    mirror="lines.sock",
    lines={
        "lock1_lock": LineOptions(number=5, direction="out"),
        "lock1_unlock": LineOptions(number=6, direction="out"),
        "lock1_locked": LineOptions(number=7, direction="in"),
        "lock1_unlocked": LineOptions(number=8, direction="in"),
        "led1_green": LineOptions(number=9, direction="out"),
    },
)
PLANT = PlantOptions(outlets=1, kind="ac", supply=AcSupply(is_socket=True), register_file=None)


class Bench:
    """Board and world on one mirror."""

    def __init__(self, folder: Path) -> None:
        place = Place(folder, folder)
        self.host = Host(
            HostSpec(place=place, plant=PLANT, devices=(DeviceSpec(name="io", driver="gpio", options=BOARD, locks={1: "lock1"}),))
        )
        self.outlet = self.host.plant.plant.outlet(1)
        self.io = GpioIo("io", BOARD, place)
        self.lock: ConnectorLock = self.io.connector_lock("lock1", 1)
        self.run = Supervised(self.lock, pause_s=0.1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Bench]:
        served = asyncio.Event()
        host = asyncio.create_task(self.host.run(lambda addresses: served.set()), name="host")
        await served.wait()
        async with Supervised(self.io, pause_s=0.1), self.run:
            await asyncio.sleep(0.5)
            yield self
        host.cancel()
        await asyncio.gather(host, return_exceptions=True)

    def set(self, field: str, value: object) -> None:
        self.host.simulation.set("io", field, value)

    @property
    def state(self) -> object:
        return self.run.values[-1]


def played(folder: Path, act: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Bench(folder).running() as bench:
            await act(bench)

    run_virtual(main())


def test_the_motor_moves_the_bolt(tmp_path: Path) -> None:
    """Both ways, and the end switches say so; it stays where it is when nobody drives it."""

    async def act(bench: Bench) -> None:
        assert bench.state is LockState.UNLOCKED
        bench.lock.apply(True)
        await asyncio.sleep(2.0)
        assert (bench.state, bench.outlet.lock_state) == (LockState.LOCKED, LockState.LOCKED)
        assert not bench.outlet.is_lock_powered
        bench.lock.apply(False)
        await asyncio.sleep(5.0)
        assert (bench.state, bench.outlet.lock_state) == (LockState.UNLOCKED, LockState.UNLOCKED)

    played(tmp_path, act)


@pytest.mark.parametrize("field", ["lock1_jammed", "lock1_half_plugged"])
def test_a_bolt_in_trouble_gives_a_failure(tmp_path: Path, field: str) -> None:
    """Neither switch ever says that it is locked; without the trouble it works when it is asked once more."""

    async def act(bench: Bench) -> None:
        bench.set(field, True)
        bench.lock.apply(True)
        await asyncio.sleep(20.0)
        assert bench.state is LockState.FAILED
        assert LockState.LOCKED not in bench.run.values
        bench.set(field, False)
        bench.lock.apply(True)
        await asyncio.sleep(5.0)
        assert bench.state is LockState.LOCKED

    played(tmp_path, act)


def test_a_lost_world_stops_the_motor_and_heals(tmp_path: Path) -> None:
    """Nothing can be read: the lock says so, and goes on with what is wanted when the world is back."""

    async def act(bench: Bench) -> None:
        bench.host.simulation.device("io", online=False)
        await asyncio.sleep(2.0)
        bench.lock.apply(True)
        await asyncio.sleep(2.0)
        assert "cannot be read" in str(bench.run.errors[-1][1])
        assert bench.outlet.lock_state is LockState.UNLOCKED
        bench.host.simulation.device("io", online=True)
        await asyncio.sleep(8.0)
        assert bench.state is LockState.LOCKED

    played(tmp_path, act)


def test_an_auxiliary_contact_lies(tmp_path: Path) -> None:
    """The line says closed while the contactor is open, and the truth when it is let."""

    async def main() -> None:
        labels = {"k1": LineOptions(number=5, direction="out"), "k1_feedback": LineOptions(number=6, direction="in", pull="down")}
        options, lines = replace(BOARD, lines=labels), SafetyLines(contactors={1: "k1"})
        place = Place(tmp_path, tmp_path)
        device = DeviceSpec(name="io", driver="gpio", options=options, lines=lines)
        host, io, served = Host(HostSpec(place=place, plant=PLANT, devices=(device,))), GpioIo("io", options, place), asyncio.Event()
        gate = io.safety_io(lines)
        serving = asyncio.create_task(host.run(lambda addresses: served.set()), name="host")
        await served.wait()
        async with Supervised(io, pause_s=0.1):
            await asyncio.sleep(0.5)
            gate.open()
            for said, closed in (("closed", {1}), (None, set())):
                host.simulation.set("io", "k1_feedback", said)
                await asyncio.sleep(0.5)
                gate.read()  # the first look at a change does not count yet
                await asyncio.sleep(0.5)
                assert gate.read().closed_contactors == closed
            gate.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    run_virtual(main())


def test_lights_harm_nobody(tmp_path: Path) -> None:
    """They are driven and seen by nobody."""

    async def act(bench: Bench) -> None:
        light = bench.io.indicator("led1")
        light.apply(IndicatorState.CHARGING)
        async with Supervised(light):
            await asyncio.sleep(10.0)
            assert bench.state is LockState.UNLOCKED

    played(tmp_path, act)
