"""The meter driver over lines of all qualities."""

from __future__ import annotations

import asyncio

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import ConfigError, DeviceFault, DeviceUnavailable, WireError
from hal.meter.modbus_map import ModbusMapMeter, ModbusMeterOptions, load_model
from hal.types import MeterReading
from hal.wire.register_map import encode_values
from tests.conformance.links import QUALITIES, ModbusWire, Quality, Supervised

MODEL = load_model("meter1", "acrel-djsf1352")


def words(energy_wh: int, power_w: float = 50_000.0) -> dict[int, int]:
    return encode_values(MODEL, {"voltage_v": 400.0, "current_a": 125.0, "power_w": power_w, "energy_wh": energy_wh})


def rig(quality: Quality, **options: object) -> tuple[ModbusWire, ModbusMapMeter]:
    line = ModbusWire(words(21_018), quality)
    return line, ModbusMapMeter("meter1", ModbusMeterOptions(model="acrel-djsf1352", **options), line)  # type: ignore[arg-type]


@pytest.mark.parametrize("quality", QUALITIES)
def test_only_values_of_the_wire_are_emitted(quality: str) -> None:
    """Each value is one the meter had, energy in order, whatever the line does."""

    async def scene() -> None:
        line, meter = rig(QUALITIES[quality]())
        told_wh, told_w = {21_018}, {50_000.0}
        async with Supervised(meter) as run:
            for step in range(1, 20):
                await asyncio.sleep(3.0)
                line.registers = words(21_018 + 14 * step, 50_000.0 + 250 * step)
                told_wh.add(21_018 + 14 * step)
                told_w.add(50_000.0 + 250 * step)
        readings = [reading for reading in run.values if isinstance(reading, MeterReading)]
        assert {reading.energy_wh for reading in readings} <= told_wh
        assert {reading.power_w for reading in readings} <= told_w
        energies = [reading.energy_wh for reading in readings]
        assert energies == sorted(energies)
        assert len(readings) >= 20

    run_virtual(scene())


def test_three_silent_polls_are_unavailable_and_it_heals() -> None:
    """One or two missing answers pass; three end the run, and the next run goes on."""

    async def scene() -> None:
        line, meter = rig(Quality())
        async with Supervised(meter) as run:
            await asyncio.sleep(3.0)
            line.quality.is_cut = True
            await asyncio.sleep(1.9)
            assert run.errors == []
            await asyncio.sleep(2.0)
            assert isinstance(run.errors[0][1], DeviceUnavailable)
            line.quality.is_cut = False
            before = len(run.values)
            await asyncio.sleep(4.0)
            assert len(run.values) > before

    run_virtual(scene())


@pytest.mark.parametrize("false_wh", [20_000, 4_000_000_000], ids=["runs back", "jumps"])
def test_an_impossible_register_is_never_passed_on(false_wh: int) -> None:
    """It is refused with its cause, and the true register is taken again afterwards."""

    async def scene() -> None:
        line, meter = rig(Quality())
        async with Supervised(meter) as run:
            await asyncio.sleep(2.5)
            line.registers = words(false_wh)
            await asyncio.sleep(5.0)
            line.registers = words(21_030)
            await asyncio.sleep(3.0)
        assert isinstance(run.errors[0][1], WireError)
        assert "energy register" in str(run.errors[0][1])
        assert {reading.energy_wh for reading in run.values if isinstance(reading, MeterReading)} == {21_018, 21_030}

    run_virtual(scene())


def test_energy_that_flowed_while_the_meter_was_away_is_taken() -> None:
    """The longer the silence, the further the register may have moved."""

    async def scene() -> None:
        line, meter = rig(Quality())
        async with Supervised(meter) as run:
            await asyncio.sleep(2.0)
            line.quality.is_cut = True
            await asyncio.sleep(600.0)
            line.quality.is_cut = False
            line.registers = words(40_000)
            await asyncio.sleep(5.0)
        last = run.values[-1]
        assert isinstance(last, MeterReading)
        assert last.energy_wh == 40_000

    run_virtual(scene())


def test_the_unit_of_the_energy_register_is_an_option() -> None:
    """A meter that counts tenths of a watt-hour."""

    async def scene() -> None:
        _, meter = rig(Quality(), energy_unit_wh=0.1)
        async with Supervised(meter) as run:
            await asyncio.sleep(0.5)
        first = run.values[0]
        assert isinstance(first, MeterReading)
        assert first.energy_wh == 2_101

    run_virtual(scene())


def test_a_refusing_meter_is_a_fault_at_once() -> None:
    """An illegal address does not heal by asking again."""

    async def scene() -> None:
        line, meter = rig(Quality())
        line.registers = {}
        async with Supervised(meter) as run:
            await asyncio.sleep(0.2)
        assert isinstance(run.errors[0][1], DeviceFault)

    run_virtual(scene())


def test_only_the_registers_of_a_reading_are_read() -> None:
    """Two blocks, with the model's function, once a poll."""

    async def scene() -> None:
        line, meter = rig(Quality(), unit=7)
        async with Supervised(meter):
            await asyncio.sleep(0.5)
        assert line.requests == [(7, 12, 2, 3), (7, 50, 6, 3)]

    run_virtual(scene())


@pytest.mark.parametrize("model", ["nobody-knows", "../models/acrel-djsf1352", ""])
def test_an_unknown_model_is_told_with_those_there_are(model: str) -> None:
    """The technician reads which models exist."""
    with pytest.raises(ConfigError, match="acrel-djsf1352"):
        load_model("meter1", model)
