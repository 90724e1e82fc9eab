"""Mock devices on one plant, in virtual time: readings, levels, misbehaviour, and the `sim.*` methods that steer them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import VirtualLoop
from hal.errors import DeviceUnavailable, WireError
from hal.mock.devices import OutletOptions
from hal.mock.mock_meter import MockMeter
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.ports import Place, SafetyLines
from hal.types import (
    ControlPilot,
    EvRequest,
    InsulationReading,
    Isolation,
    LockState,
    MeterReading,
    ModuleTelemetry,
    Reading,
    SafetyOutputs,
    SeccOutput,
    Setpoint,
    Talk,
    TokenRead,
)
from tests.support.mock_bench import MockBench, virtual


@virtual
@pytest.mark.parametrize("has_no_cut_off", [False, True])
async def test_modules_that_are_left_alone_cut_off(tmp_path: Path, has_no_cut_off: bool) -> None:
    """Silence: nothing is told, and after the cut-off they are off. Asking tells it and commands nothing; then the level holds again."""
    async with MockBench(tmp_path).running() as bench:
        bench.sim.set("psu1", "no_cut_off", has_no_cut_off)
        bench.power.apply(Setpoint(50.0, 2.0))
        await asyncio.sleep(1.0)
        assert bench.last(ModuleTelemetry).voltage_v == 50.0
        bench.power.limit_talk(Talk.SILENT)
        told = bench.count("psu1")
        for _ in range(25):
            bench.power.apply(Setpoint(80.0, 2.0))
            await asyncio.sleep(0.5)
        assert bench.count("psu1") == told
        bench.power.limit_talk(Talk.ASKING)
        await asyncio.sleep(0.1)
        assert bench.last(ModuleTelemetry).voltage_v == pytest.approx(50.0 if has_no_cut_off else 0.0, abs=1.0)
        bench.power.apply(Setpoint())
        bench.power.limit_talk(Talk.FREE)
        await asyncio.sleep(3.0)
        assert bench.last(ModuleTelemetry).voltage_v < 2.0


@virtual
async def test_a_meter_that_is_watched_speaks_every_second(tmp_path: Path) -> None:
    """At rest too, and no longer than somebody looks."""
    async with MockBench(tmp_path).running() as bench:
        bench.meter.watch(is_watched=True)
        await asyncio.sleep(5.5)
        assert bench.count("meter1") == 6
        bench.meter.watch(is_watched=False)
        await asyncio.sleep(20.0)
        assert bench.count("meter1") == 6


@virtual
async def test_each_device_tells_its_state_at_the_start(tmp_path: Path) -> None:
    """At the start every device emits its state once, and nothing more while the station rests for twenty seconds."""
    async with MockBench(tmp_path).running() as bench:
        await asyncio.sleep(20.0)
        assert bench.last(EvRequest).control_pilot is ControlPilot.A
        assert bench.last(MeterReading) == MeterReading(0, 0.0, 0.0, 0.0)
        assert bench.last(InsulationReading).is_safe
        assert bench.last(LockState) is LockState.UNLOCKED
        assert {bench.count(device.name) for device in bench.looping if device is not bench.reader} == {1}
        await asyncio.sleep(30.0)
        assert bench.count("meter1") == 2


@virtual
async def test_plug_in_is_seen_at_once(tmp_path: Path) -> None:
    """The pilot changes in the same moment as the plug."""
    async with MockBench(tmp_path).running() as bench:
        await asyncio.sleep(5.0)
        plugged_s = asyncio.get_running_loop().time()
        bench.sim.plug_in(1)
        await asyncio.sleep(0.001)
        at_s, _, reading = next(seen for seen in bench.seen if isinstance(seen[2], EvRequest) and seen[2].control_pilot is ControlPilot.B)
        assert at_s == plugged_s
        assert isinstance(reading, EvRequest)


@virtual
async def test_whole_chain_charges(tmp_path: Path) -> None:
    """Driven through the ports, the vehicle charges, and every device tells the same story each second."""
    async with MockBench(tmp_path).running() as bench:
        await bench.charge()
        seconds = 10
        before = {name: bench.count(name) for name in ("meter1", "psu1", "secc1", "imd1")}
        for _ in range(seconds):
            bench.grant(bench.last(EvRequest), bench.last(ModuleTelemetry))
            await asyncio.sleep(1.0)
        assert all(bench.count(name) - before[name] >= seconds - 1 for name in before)
        meter, supply = bench.last(MeterReading), bench.last(ModuleTelemetry)
        assert meter.current_a == pytest.approx(supply.current_a, abs=5.0)
        assert meter.power_w is not None
        assert meter.power_w > 20_000.0
        assert meter.energy_wh > 50
        bench.sim.set("meter1", "current_factor", 0.5)
        await asyncio.sleep(1.0)
        assert bench.last(MeterReading).current_a == pytest.approx(0.5 * bench.last(ModuleTelemetry).current_a, abs=2.0)


@virtual
async def test_level_lapses(tmp_path: Path) -> None:
    """A set-point that is not refreshed becomes zero after its time to live."""
    async with MockBench(tmp_path).running() as bench:
        await bench.charge()
        for _ in range(4):
            bench.secc.apply(SeccOutput(True, True, False, 150.0, 1000.0, 100.0, 1e5, 400.0, 100.0, Isolation.SAFE))
            await asyncio.sleep(1.0)
        assert bench.last(ModuleTelemetry).current_a == 0.0


@virtual
async def test_silent_secc_is_told_and_the_vehicle_stops(tmp_path: Path) -> None:
    """A SECC that goes away raises DeviceUnavailable, and the vehicle behind it makes an emergency stop."""
    async with MockBench(tmp_path).running() as bench:
        await bench.charge()
        bench.sim.device("secc1", online=False)
        await asyncio.sleep(1.5)
        assert isinstance(bench.errors["secc1"], DeviceUnavailable)
        assert bench.bus.plant.outlet(1).request().is_emergency
        await asyncio.sleep(1.5)
        assert not bench.bus.plant.outlet(1).request().is_emergency  # it is over


@virtual
async def test_device_is_back(tmp_path: Path) -> None:
    """A meter that fell silent raises, as often as it is run again, and emits once it is online."""
    async with MockBench(tmp_path).running() as bench:
        bench.sim.device("meter1", online=False)
        await asyncio.sleep(2.0)
        assert "meter1: no answer" in str(bench.errors["meter1"])
        with pytest.raises(DeviceUnavailable):
            await bench.meter.run(lambda reading: None)
        bench.sim.device("meter1")
        seen: list[Reading] = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await bench.meter.run(seen.append)
        assert len(seen) == 1


@virtual
async def test_corrupt_device(tmp_path: Path) -> None:
    """A device that answers garbage emits nothing and raises WireError."""
    async with MockBench(tmp_path).running() as bench:
        count = bench.count("imd1")
        bench.sim.device("imd1", corrupt=True)
        await asyncio.sleep(2.0)
        assert isinstance(bench.errors["imd1"], WireError)
        assert bench.count("imd1") == count


@virtual
async def test_late_device(tmp_path: Path) -> None:
    """What a late device emits comes that much later."""
    async with MockBench(tmp_path).running() as bench:
        bench.sim.device("reader", delay_s=2.5)
        bench.sim.swipe("04A2B1")
        await asyncio.sleep(2.4)
        assert bench.count("reader") == 0
        await asyncio.sleep(0.2)
        assert bench.last(TokenRead) == TokenRead("04A2B1")


@virtual
async def test_card_for_chosen_connectors(tmp_path: Path) -> None:
    """A card is read once, at once, with the connectors its holder chose."""
    async with MockBench(tmp_path).running() as bench:
        bench.sim.call("sim.swipe", {"id_tag": "04A2B1", "reader": "reader", "connectors": [1]})
        await asyncio.sleep(60.0)
        assert [reading for _, name, reading in bench.seen if name == "reader"] == [TokenRead("04A2B1", (1,))]


@virtual
async def test_set_readings(tmp_path: Path) -> None:
    """`sim.set` reaches insulation, register, temperature and contactor."""
    async with MockBench(tmp_path).running() as bench:
        io = bench.io.safety_io(SafetyLines(contactors={1: "k1"}, estop="estop", mains="mains"))
        io.open()
        bench.sim.set("imd1", "resistance_ohm", 5000)
        bench.sim.set("meter1", "energy_wh", 777)
        bench.sim.set("psu1", "temperature_c", 91)
        bench.sim.set("io", "k1_welded", True)
        await asyncio.sleep(31.0)
        assert bench.last(InsulationReading) == InsulationReading(False, 5000.0)
        assert bench.last(MeterReading).energy_wh == 777
        assert bench.last(ModuleTelemetry).temperature_c == 91.0
        assert io.read().closed_contactors == frozenset({1})


@virtual
async def test_flaws_are_seen_through_the_ports(tmp_path: Path) -> None:
    """What is set of modules, meter, vehicle and contactor shows in what their devices tell; null takes it away again."""
    async with MockBench(tmp_path).running() as bench:
        io = bench.io.safety_io(SafetyLines(contactors={1: "k1"}, estop="estop"))
        io.open()
        flaws: list[tuple[str, str, object]] = [
            ("psu1", "voltage_v", 400),
            ("psu1", "no_bleeder", True),
            ("psu1", "reverse_current_a", 20),
            ("meter1", "current_factor", 1.2),
            ("secc1", "pilot", "E"),
            ("secc1", "temperature_c", 88),
            ("secc1", "ambient_c", 40),
            ("imd1", "positive_ohm", 0),
            ("io", "k1_feedback", "closed"),
        ]
        for device, field, value in flaws:
            bench.sim.set(device, field, value)
        await asyncio.sleep(2.0)
        assert bench.last(ModuleTelemetry).voltage_v == 400.0
        assert bench.last(ModuleTelemetry).temperature_c == 40.0
        assert (bench.last(EvRequest).control_pilot, bench.last(EvRequest).connector_temperature_c) == (ControlPilot.E, 88.0)
        assert bench.last(InsulationReading) == InsulationReading(False, 0.0)
        assert io.read().closed_contactors == frozenset({1})
        for device, field in (("psu1", "voltage_v"), ("secc1", "pilot"), ("secc1", "temperature_c"), ("io", "k1_feedback")):
            bench.sim.set(device, field, None)
        await asyncio.sleep(2.0)
        assert bench.last(ModuleTelemetry).voltage_v > 390.0  # the bleeder has failed
        assert (bench.last(EvRequest).control_pilot, bench.last(EvRequest).connector_temperature_c) == (ControlPilot.A, 40.0)
        assert io.read().closed_contactors == frozenset()
        bench.sim.set("psu1", "no_bleeder", False)
        await asyncio.sleep(5.0)
        bench.sim.set("secc1", "temperature_c", 70)  # at rest, and nothing else changes
        await asyncio.sleep(1.0)
        assert bench.last(EvRequest).connector_temperature_c == 70.0


@virtual
async def test_flaws_are_checked(tmp_path: Path) -> None:
    """What makes no sense is a ValueError that says what would."""
    async with MockBench(tmp_path).running() as bench:
        bench.io.safety_io(SafetyLines(contactors={1: "k1"}))
        wrong: list[tuple[str, str, object, str]] = [
            ("psu1", "voltage_v", 1200, "number from 0 to 1000"),
            ("psu1", "current_a", "much", "number from 0 to 250"),
            ("psu1", "no_bleeder", 1, "true or false"),
            ("meter1", "current_factor", -1, "number from 0 to 10"),
            ("secc1", "pilot", "G", "null or one of A, B, C, D, E, F"),
            ("secc1", "inlet", "closed", "no vehicle is plugged in"),
            ("io", "k1_feedback", True, "open, closed or null"),
        ]
        for device, field, value, message in wrong:
            with pytest.raises(ValueError, match=message):
                bench.sim.set(device, field, value)
        bench.sim.plug_in(1, {"model": "vw-id-4"})
        bench.sim.set("secc1", "inlet", "closed")
        await asyncio.sleep(0.5)
        assert bench.last(MeterReading).voltage_v == pytest.approx(342.0, abs=1.0)


@virtual
async def test_safety_lines(tmp_path: Path) -> None:
    """Coils are driven and read back; inputs are seen under the label of their line; closing opens everything."""
    async with MockBench(tmp_path).running() as bench:
        io = bench.io.safety_io(SafetyLines(contactors={1: "k1"}, estop="stop_button", door="door", mains="mains"))
        assert not io.read().is_readable
        io.open()
        io.apply(SafetyOutputs(frozenset({1})))
        await asyncio.sleep(0.15)
        assert io.read().closed_contactors == frozenset({1})
        bench.sim.input("stop_button", True)
        bench.sim.power_loss()
        await asyncio.sleep(0.15)
        inputs = io.read()
        assert inputs.is_estop_pressed
        assert inputs.is_mains_lost
        assert not inputs.is_door_open
        assert inputs.closed_contactors == frozenset()
        bench.sim.device("io", online=False)
        assert not io.read().is_readable
        io.close()
        assert not bench.bus.plant.outlet(1).is_coil_on


@virtual
async def test_insulation_line(tmp_path: Path) -> None:
    """A yes/no monitor on a line says no while its line is active."""
    async with MockBench(tmp_path).running() as bench:
        seen: list[Reading] = []
        monitor = bench.io.insulation_monitor("imd_alarm")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(monitor.run(seen.append), name="line")
            await asyncio.sleep(0.01)
            bench.sim.input("imd_alarm", True)
            await asyncio.sleep(0.01)
            task.cancel()
        assert seen == [InsulationReading(True), InsulationReading(False)]


@virtual
async def test_lock(tmp_path: Path) -> None:
    """A lock follows its wish and tells when it has arrived."""
    async with MockBench(tmp_path).running() as bench:
        bench.lock.apply(True)
        await asyncio.sleep(1.0)
        assert bench.last(LockState) is LockState.LOCKED


@virtual
async def test_register_outlives_the_bus(tmp_path: Path) -> None:
    """A new bus on the same state directory goes on where the old one stopped."""
    async with MockBench(tmp_path).running() as bench:
        bench.sim.set("meter1", "energy_wh", 4321)
    async with MockBench(tmp_path).running() as bench:
        assert bench.last(MeterReading).energy_wh == 4321


@virtual
async def test_wrong_calls_are_explained(tmp_path: Path) -> None:
    """Every mistake in a `sim.*` call is a ValueError that says what is wrong."""
    async with MockBench(tmp_path).running() as bench:
        wrong: list[tuple[str, dict[str, object], str]] = [
            ("sim.plug_in", {"connector": 7}, "no connector 7"),
            ("sim.plug_in", {"connector": "1"}, "must be a number"),
            ("sim.plug_in", {"connector": 1, "ev": {"colour": "red"}}, "unknown colour"),
            ("sim.plug_in", {"connector": 1, "ev": {"kind": "ac"}}, "simulated outlets give dc"),
            ("sim.plug_in", {"connector": 1, "ev": {"soc_percent": 140}}, "soc_percent must be a number from 0 to 100"),
            ("sim.plug_in", {}, "missing a required argument"),
            ("sim.plug_out", {"connector": 1}, "no vehicle"),
            ("sim.ev_pause", {"connector": 1}, "no vehicle"),
            ("sim.swipe", {"id_tag": ""}, "1 to 20 characters"),
            ("sim.swipe", {"id_tag": "A", "reader": "meter1"}, "reads no cards"),
            ("sim.input", {"name": "window", "active": True}, "no input 'window'"),
            ("sim.input", {"name": "estop", "active": 1}, "true or false"),
            ("sim.device", {"device": "meter9"}, "no simulated device 'meter9'"),
            ("sim.device", {"device": "meter1", "delay_s": -1}, "number from 0"),
            ("sim.set", {"device": "meter1", "field": "colour", "value": 1}, "what can be set: current_factor, energy_wh, frozen"),
            ("sim.set", {"device": "meter1", "field": "energy_wh", "value": -3}, "meter1: energy_wh must be a number"),
        ]
        for method, params, message in wrong:
            with pytest.raises(ValueError, match=message):
                bench.sim.call(method, params)
        with pytest.raises(LookupError, match="there is no method"):
            bench.sim.call("sim.fly", {})
        bench.sim.plug_in(1)
        with pytest.raises(ValueError, match="already plugged in"):
            bench.sim.plug_in(1)


def test_device_of_a_missing_outlet(tmp_path: Path) -> None:
    """A device that names an outlet the plant does not have is refused with the setting to change."""
    bus = PlantBus("plant", PlantOptions(outlets=1), Place(tmp_path, tmp_path))
    with pytest.raises(DeviceUnavailable, match="see `outlets` and `kind` of plant"):
        MockMeter("meter2", OutletOptions(connector=2), bus)


def test_two_runs_are_identical(tmp_path: Path) -> None:
    """The same session in virtual time emits the same readings at the same moments."""

    async def session(path: Path) -> list[tuple[float, str, Reading]]:
        async with MockBench(path, PlantOptions(outlets=1, register_file=None)).running() as bench:
            await bench.charge()
            bench.sim.plug_out(1)
            await asyncio.sleep(10.0)
            return bench.seen

    def run(path: Path) -> list[tuple[float, str, Reading]]:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(session(path))

    assert run(tmp_path / "one") == run(tmp_path / "two")
