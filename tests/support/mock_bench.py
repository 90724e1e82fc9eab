"""One plant in virtual time with a mock device of every kind on its first outlet, driven through the ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import TypeVar

from chargerd.sim.virtual_loop import VirtualLoop
from hal.errors import HalError
from hal.mock.dc_devices import InsulationOptions, MockInsulation, MockPower, MockSecc, PowerOptions
from hal.mock.devices import DrivenOptions, MockDevice, MockLock, MockReader, OutletOptions, ReaderOptions
from hal.mock.mock_io import IoOptions, MockIo
from hal.mock.mock_meter import MeterOptions, MockMeter
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.simulation import Simulation
from hal.mock.steering import Steered
from hal.ports import Place, SafetyIo, SafetyLines
from hal.types import EvRequest, Isolation, ModuleTelemetry, Reading, SafetyOutputs, SeccOutput, SeccPhase, Setpoint

R = TypeVar("R")


def virtual(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a clock that jumps."""

    @wraps(test)
    def run(**arguments: object) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:

            async def body() -> None:
                await test(**arguments)

            runner.run(body())

    return run


class MockBench:
    """One plant with a device of every kind on its first outlet; keeps what they emit and how they end."""

    def __init__(self, path: Path, options: PlantOptions | None = None) -> None:
        self.bus = PlantBus("plant", options or PlantOptions(outlets=1), Place(path, path))
        self.meter = MockMeter("meter1", MeterOptions(connector=1), self.bus)
        self.power = MockPower("psu1", PowerOptions(connector=1), self.bus)
        self.secc = MockSecc("secc1", DrivenOptions(connector=1), self.bus)
        self.reader = MockReader("reader", ReaderOptions(), self.bus)
        self.insulation = MockInsulation("imd1", InsulationOptions(connector=1), self.bus)
        self.lock = MockLock("lock1", OutletOptions(connector=1), self.bus)
        self.io = MockIo("io", IoOptions(), self.bus)
        self.looping: list[MockDevice] = [self.meter, self.power, self.secc, self.reader, self.insulation, self.lock]
        steered: list[Steered] = [*self.looping, self.io]
        self.sim = Simulation(self.bus, {device.name: device for device in steered})
        self.seen: list[tuple[float, str, Reading]] = []
        self.errors: dict[str, HalError] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[MockBench]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.bus.run(), name="plant")]
            tasks += [group.create_task(self._run(device), name=device.name) for device in self.looping]
            await asyncio.sleep(0.01)
            yield self
            for task in tasks:
                task.cancel()

    async def _run(self, device: MockDevice) -> None:
        try:
            await device.run(lambda reading: self.seen.append((asyncio.get_running_loop().time(), device.name, reading)))
        except HalError as error:
            self.errors[device.name] = error

    def last(self, kind: type[R]) -> R:
        return next(reading for _, _, reading in reversed(self.seen) if isinstance(reading, kind))

    def count(self, name: str) -> int:
        return sum(1 for _, device, _ in self.seen if device == name)

    async def charge(self) -> SafetyIo:
        """A short-sighted station: grants, follows the vehicle, refreshes its levels. Returns the lines of the gate."""
        lines = self.io.safety_io(SafetyLines(contactors={1: "k1"}, estop="estop", door="door"))
        lines.open()
        self.sim.plug_in(1)
        for _ in range(200):
            ev, supply = self.last(EvRequest), self.last(ModuleTelemetry)
            if ev.phase is SeccPhase.CURRENT_DEMAND and supply.current_a > 50.0:
                return lines
            lines.apply(SafetyOutputs(frozenset({1} if ev.is_contactor_wanted else ())))
            self.grant(ev, supply)
            await asyncio.sleep(0.1)
        raise AssertionError("the vehicle did not charge")

    def grant(self, ev: EvRequest, supply: ModuleTelemetry) -> None:
        current_a = max(2.0, min(ev.target_current_a, 100.0))
        self.power.apply(Setpoint(ev.target_voltage_v, current_a) if ev.is_contactor_wanted else Setpoint())
        self.secc.apply(SeccOutput(True, True, False, 150.0, 1000.0, 100.0, 1e5, supply.voltage_v, supply.current_a, Isolation.SAFE))
