"""Parts of the mock board: a lock on the plant's bolt, a light."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chargerd.sim.virtual_loop import run_virtual
from hal.mock.mock_io import MockIo
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.steering import Health
from hal.ports import Place
from hal.types import IndicatorState, LockState
from tests.conformance.links import Supervised


def test_a_lock_of_the_board_moves_the_bolt_and_shares_its_fate() -> None:
    """It can be jammed by its label, and is lost with the board."""

    async def main() -> None:
        bus = PlantBus("plant", PlantOptions(outlets=1, kind="ac", register_file=None), Place(Path(), Path()))
        io = MockIo("io", MockIo.Options(), bus)
        lock, light = io.connector_lock("lock1", 1), io.indicator("led1")
        running = asyncio.create_task(bus.run(), name="plant")
        async with Supervised(lock) as run, Supervised(light):
            light.apply(IndicatorState.CHARGING)
            lock.apply(True)
            await asyncio.sleep(1.0)
            assert run.values[-1] is LockState.LOCKED
            io.set_field("lock1_jammed", True)
            lock.apply(False)
            await asyncio.sleep(1.0)
            assert run.values[-1] is LockState.FAILED
            io.misbehave(Health(is_online=False))
            await asyncio.sleep(3.0)
            assert str(run.errors[0][1]).startswith("io.lock1: no answer")
        running.cancel()

    run_virtual(main())
