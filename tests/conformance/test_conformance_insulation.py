"""The insulation monitor over lines of all qualities."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceFault, DeviceUnavailable
from hal.insulation.bender_isocha import BenderIsoCha, BenderOptions, judged
from hal.types import InsulationReading
from hal.wire import bender_isocha as wire
from hal.wire.bender_isocha import Alarm, Channel, SelfTest, Unit, Validity
from tests.conformance.links import QUALITIES, ModbusWire, Quality, Supervised, now_s

NAME = wire.encode_text("isoCHA425HV", wire.DEVICE_NAME_SIZE)
SAFE = Channel(250_000.0, Unit.OHM)


class Monitor(ModbusWire):
    """The device: its channel, and a test that lasts a while."""

    def __init__(self, quality: Quality, version: int = 501, test_s: float = 2.0) -> None:
        super().__init__({}, quality)
        self.channel = SAFE
        self.test_s = test_s
        self.is_deaf = False
        self.test_ends_s = 0.0
        self.written: list[tuple[int, list[int]]] = []
        self._put(wire.DEVICE_NAME, NAME)
        self._put(wire.FIRMWARE, (592, version, 15, 6, 2021, 0))

    def _put(self, address: int, words: Sequence[int]) -> None:
        self.registers |= dict(enumerate(words, start=address))

    async def read(self, unit: int, address: int, count: int, function: int) -> list[int]:
        is_testing = now_s() < self.test_ends_s
        channel = Channel(0.0, Unit.OHM, Validity.INVALID, test=SelfTest.EXTERNAL) if is_testing else self.channel
        self._put(wire.INSULATION, wire.encode_channel(channel))
        return await super().read(unit, address, count, function)

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        await super().write(unit, address, words)
        self.written.append((address, list(words)))
        if address == wire.SELF_TEST and not self.is_deaf:
            self.test_ends_s = now_s() + self.test_s


def rig(quality: Quality, **options: object) -> tuple[Monitor, BenderIsoCha]:
    line = Monitor(quality)
    return line, BenderIsoCha("imd1", BenderOptions(**options), line)  # type: ignore[arg-type]


def play(scene: Callable[[], object]) -> None:
    run_virtual(scene())  # type: ignore[arg-type]


@pytest.mark.parametrize("quality", QUALITIES)
def test_only_what_the_device_says_is_told(quality: str) -> None:
    """Each reading is one the device had, whatever the line does."""

    async def scene() -> None:
        line, monitor = rig(QUALITIES[quality]())
        random = Random(3)
        had = {250_000.0}
        async with Supervised(monitor) as run:
            for _ in range(60):
                await asyncio.sleep(2.0)
                value = float(random.randrange(1_000, 1_000_000))
                line.channel = Channel(value, Unit.OHM)
                had.add(value)
        readings = [reading for reading in run.values if isinstance(reading, InsulationReading)]
        assert len(readings) >= 20
        assert {reading.resistance_ohm for reading in readings} <= had
        assert all(reading.is_safe is ((reading.resistance_ohm or 0.0) >= 100_000.0) for reading in readings)

    play(scene)


def test_it_is_tested_before_it_is_believed() -> None:
    """Fast mode, then the test; nothing is told before its end."""

    async def scene() -> None:
        line, monitor = rig(Quality())
        async with Supervised(monitor) as run:
            await asyncio.sleep(1.5)
            assert line.written == [(wire.TEST_MODE, [wire.TEST_MODE_FAST]), (wire.SELF_TEST, [0x5445])]
            assert run.values == []
            await asyncio.sleep(2.0)
            assert InsulationReading(is_safe=True, resistance_ohm=250_000.0) in run.values

    play(scene)


def test_old_firmware_knows_no_fast_test() -> None:
    """It is not asked for one."""

    async def scene() -> None:
        line = Monitor(Quality(), version=450)
        async with Supervised(BenderIsoCha("imd1", BenderOptions(), line)):
            await asyncio.sleep(1.0)
        assert line.written == [(wire.SELF_TEST, [wire.SELF_TEST_START])]

    play(scene)


@pytest.mark.parametrize(("test_s", "is_deaf", "words"), [(90.0, False, "does not end"), (0.0, True, "does not begin")])
def test_a_test_that_never_ends_or_begins_is_told(test_s: float, is_deaf: bool, words: str) -> None:
    """And nothing is emitted."""

    async def scene() -> None:
        line = Monitor(Quality(), test_s=test_s)
        line.is_deaf = is_deaf
        async with Supervised(BenderIsoCha("imd1", BenderOptions(), line)) as run:
            await asyncio.sleep(45.0)
        assert isinstance(run.errors[0][1], DeviceUnavailable)
        assert words in str(run.errors[0][1])
        assert run.values == []

    play(scene)


def test_a_broken_device_is_a_fault_and_heals() -> None:
    """It answers and says that it cannot measure; when it can again, it is tested again."""

    async def scene() -> None:
        line, monitor = rig(Quality())
        async with Supervised(monitor) as run:
            await asyncio.sleep(5.0)
            line.channel = Channel(250_000.0, Unit.OHM, alarm=Alarm.DEVICE_ERROR)
            await asyncio.sleep(3.0)
            assert isinstance(run.errors[0][1], DeviceFault)
            assert str(run.errors[0][1]).startswith("imd1: ")
            line.channel = SAFE
            healed_s = now_s()
            await asyncio.sleep(6.0)
            assert run.since(healed_s)

    play(scene)


def test_three_silent_polls_are_unavailable() -> None:
    """One or two pass."""

    async def scene() -> None:
        line, monitor = rig(Quality(), self_test=False)
        async with Supervised(monitor) as run:
            await asyncio.sleep(3.0)
            line.quality.is_cut = True
            await asyncio.sleep(2.5)
            assert run.errors == []
            await asyncio.sleep(3.0)
            assert isinstance(run.errors[0][1], DeviceUnavailable)

    play(scene)


@pytest.mark.parametrize(
    ("channel", "is_safe"),
    [
        (Channel(100_000.0, Unit.OHM), True),
        (Channel(99_999.0, Unit.OHM), False),
        (Channel(20e6, Unit.OHM, Validity.TRUE_IS_LARGER), True),
        (Channel(50_000.0, Unit.OHM, Validity.TRUE_IS_LARGER), False),
        (Channel(200_000.0, Unit.OHM, Validity.TRUE_IS_SMALLER), False),
    ],
)
def test_what_a_channel_proves(channel: Channel, is_safe: bool) -> None:
    """100 kOhm by IEC 61851-23; an upper bound proves nothing."""
    assert judged(channel, 100_000.0) == InsulationReading(is_safe, channel.value)
