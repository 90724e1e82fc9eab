"""The meter driver over lines of all qualities."""

from __future__ import annotations

import asyncio

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import ConfigError, DeviceFault, DeviceUnavailable
from hal.meter.modbus_map import MODELS, ModbusMapMeter, ModbusMeterOptions, load_model
from hal.types import MeterReading
from hal.wire.register_map import encode_values
from tests.conformance.links import QUALITIES, ModbusWire, Quality, Supervised

MODEL = load_model("meter1", "acrel-djsf1352")


def words(energy_wh: int, power_w: float = 50_000.0) -> dict[int, int]:
    measured = {"voltage_v": 400.0, "current_a": 125.0, "power_w": power_w, "temperature_c": 33.3}
    return encode_values(MODEL, {**measured, "energy_wh": energy_wh, "export_wh": 17})


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
        assert len(readings) >= (5 if quality == "garbage" else 20)  # a reading is three telegrams, three of ten of them spoilt

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
def test_an_impossible_register_is_not_passed_on(false_wh: int) -> None:
    """One or two telegrams that cannot be true change nothing; the true register is taken again afterwards."""

    async def scene() -> None:
        line, meter = rig(Quality())
        async with Supervised(meter) as run:
            await asyncio.sleep(2.5)
            line.registers = words(false_wh)
            await asyncio.sleep(2.0)
            line.registers = words(21_030)
            await asyncio.sleep(3.0)
        readings = [reading for reading in run.values if isinstance(reading, MeterReading)]
        assert run.errors == []
        assert {reading.energy_wh for reading in readings} == {21_018, 21_030}
        assert not any(reading.moved_wh for reading in readings)

    run_virtual(scene())


@pytest.mark.parametrize("new_wh", [0, 20_000, 4_000_000_000], ids=["begins anew", "runs back", "jumps"])
def test_a_register_that_stays_impossible_is_taken_with_its_step(new_wh: int, caplog: pytest.LogCaptureFixture) -> None:
    """The third time in a row it is true: the meter was exchanged or reset. The step is told once, and in the log."""

    async def scene() -> None:
        line, meter = rig(Quality())
        async with Supervised(meter) as run:
            await asyncio.sleep(2.5)
            for more in range(8):
                line.registers = words(new_wh + 10 * more)
                await asyncio.sleep(1.0)
        readings = [reading for reading in run.values if isinstance(reading, MeterReading)]
        assert run.errors == []
        assert [reading.energy_wh for reading in readings] == [21_018] * 3 + [new_wh + 10 * more for more in range(2, 8)]
        assert [reading.moved_wh for reading in readings if reading.moved_wh] == [new_wh + 20 - 21_018]

    run_virtual(scene())
    assert sum("meter_register_moved" in record.getMessage() for record in caplog.records) == 1


def test_a_register_that_goes_round_loses_no_energy() -> None:
    """From the last count of 32 bits to the first: the step is the whole circle, and what was delivered over it counts."""

    async def scene() -> None:
        line, meter = rig(Quality())
        line.registers = words(2**32 - 5)
        async with Supervised(meter) as run:
            await asyncio.sleep(1.5)
            line.registers = words(7)
            await asyncio.sleep(4.0)
        moved = next(reading for reading in run.values if isinstance(reading, MeterReading) and reading.moved_wh)
        assert (moved.energy_wh, moved.moved_wh) == (7, -(2**32))

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
        assert first.energy_wh == 2_102

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
    """Three blocks, with the model's function, once a poll."""

    async def scene() -> None:
        line, meter = rig(Quality(), unit=7)
        async with Supervised(meter):
            await asyncio.sleep(0.5)
        assert line.requests == [(7, 5, 1, 3), (7, 12, 4, 3), (7, 50, 6, 3)]

    run_virtual(scene())


@pytest.mark.parametrize("model", ["nobody-knows", "../models/acrel-djsf1352", ""])
def test_an_unknown_model_is_told_with_those_there_are(model: str) -> None:
    """The technician reads which models exist."""
    with pytest.raises(ConfigError, match="acrel-djsf1352"):
        load_model("meter1", model)


# --- every model ------------------------------------------------------------------------------------------------------------------------

VALUES = {
    "voltage_v": 400.0,
    "current_a": 12.5,
    "power_w": 5_000.0,
    "temperature_c": 33.3,
    "energy_wh": 1_234_500.0,
    "export_wh": 1_000.0,
    "voltage_l1_v": 231.0,
    "voltage_l2_v": 230.0,
    "voltage_l3_v": 229.0,
    "current_l1_a": 15.0,
    "current_l2_a": 16.0,
    "current_l3_a": 14.5,
}


def read(model: str, missing: tuple[str, ...] = (), **options: object) -> MeterReading:
    """The first reading of a meter that holds `VALUES`, those that are missing undefined."""
    parsed = load_model("meter1", model)
    held = {name: None if name in missing else VALUES[name] for name in parsed.registers}
    line = ModbusWire(encode_values(parsed, held), Quality())
    alternative = parsed.alternative()
    if alternative is not None:
        empty = {name: 0.0 for name, one in parsed.registers.items() if one.alternative is not None}
        line.registers |= encode_values(alternative, empty)
    for gap in range(0x6000):
        line.registers.setdefault(gap, 0)

    async def scene() -> MeterReading:
        meter = ModbusMapMeter("meter1", ModbusMeterOptions(model=model, **options), line)  # type: ignore[arg-type]
        async with Supervised(meter) as run:
            await asyncio.sleep(0.5)
        first = run.values[0]
        assert isinstance(first, MeterReading)
        return first

    return run_virtual(scene())


@pytest.mark.parametrize("model", sorted(path.stem for path in MODELS.glob("*.yaml")))
def test_every_model_makes_a_reading(model: str) -> None:
    """What the meter has is told in our units, the phases with their mean and their highest; what it has not is left out."""
    registers, reading = load_model("meter1", model).registers, read(model)
    assert reading.energy_wh == 1_234_500
    assert reading.power_w == pytest.approx(5_000.0)
    assert reading.export_wh == (1_000 if "export_wh" in registers else None)
    assert reading.temperature_c == (pytest.approx(33.3) if "temperature_c" in registers else None)
    if "voltage_l3_v" in registers:
        assert reading.phase_voltages_v == pytest.approx((231.0, 230.0, 229.0))
        assert reading.phase_currents_a == pytest.approx((15.0, 16.0, 14.5))
        assert (reading.voltage_v, reading.current_a) == (pytest.approx(230.0), pytest.approx(16.0))
    else:
        assert (reading.phase_voltages_v, reading.phase_currents_a) == (None, None)
        assert reading.voltage_v == pytest.approx(VALUES["voltage_v" if "voltage_v" in registers else "voltage_l1_v"])


def test_a_value_the_meter_has_not_now_is_left_out() -> None:
    """An ABB meter on one phase of three: the others are undefined, not 429 million volts."""
    reading = read("abb-b23", missing=("voltage_l2_v", "voltage_l3_v", "current_l2_a", "current_l3_a", "export_wh"))
    assert (reading.voltage_v, reading.current_a) == (pytest.approx(231.0), pytest.approx(15.0))
    assert (reading.phase_voltages_v, reading.phase_currents_a, reading.export_wh) == (None, None, None)


def test_a_meter_may_be_wired_the_other_way_round() -> None:
    """What goes into the vehicle is export to such a meter: registers change places, power and current change sign."""
    reading = read("ivy-em619002", is_reversed=True)
    assert (reading.energy_wh, reading.export_wh) == (1_000, 1_234_500)
    assert (reading.power_w, reading.current_a, reading.voltage_v) == (pytest.approx(-5_000.0), pytest.approx(-12.5), pytest.approx(400.0))
    with pytest.raises(ConfigError, match="tells no export"):
        read("carlogavazzi-em24", is_reversed=True)


def test_the_function_code_is_an_option() -> None:
    """Some DDSU666 answer to function 4 only."""
    line = ModbusWire(dict.fromkeys(range(0x5000), 0), Quality())
    meter = ModbusMapMeter("meter1", ModbusMeterOptions(model="chint-ddsu666", function=4), line)

    async def scene() -> None:
        async with Supervised(meter):
            await asyncio.sleep(0.5)

    run_virtual(scene())
    assert {function for *_, function in line.requests} == {4}


@pytest.mark.parametrize("is_newer", [False, True])
@pytest.mark.parametrize("refuses", [False, True])
def test_the_version_of_a_dtsu666_is_found(is_newer: bool, refuses: bool) -> None:
    """The energy stands at one of two places by the meter's version; the other one stays zero, or is refused. Found once, it is kept."""
    model = load_model("meter1", "chint-dtsu666")
    newer = model.alternative()
    assert newer is not None
    there, elsewhere = (newer, model) if is_newer else (model, newer)
    zeros = {"energy_wh": 0.0, "export_wh": 0.0}
    counted = {name: VALUES[name] for name in model.registers} | zeros

    async def scene() -> None:
        line = ModbusWire(encode_values(there, counted) | ({} if refuses else encode_values(elsewhere, zeros)), Quality())
        async with Supervised(ModbusMapMeter("meter1", ModbusMeterOptions(model="chint-dtsu666"), line)) as run:
            await asyncio.sleep(2.5)
            line.registers |= encode_values(there, {"energy_wh": 70.0})
            await asyncio.sleep(2.0)
            line.requests.clear()
            await asyncio.sleep(1.0)
        assert [reading.energy_wh for reading in run.values if isinstance(reading, MeterReading)][-1] == 70
        assert run.errors == []
        asked = {address for _, address, _, _ in line.requests}
        assert there.registers["energy_wh"].address in asked
        assert elsewhere.registers["energy_wh"].address not in asked

    run_virtual(scene())
