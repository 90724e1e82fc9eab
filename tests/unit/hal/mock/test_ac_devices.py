"""Mock devices of an AC outlet: the pilot board, a meter of three phases, and what the hand of the simulation may do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chargerd.core.faults import FAULTS
from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceUnavailable
from hal.mock.ac_devices import MockPilot
from hal.mock.ac_outlet import AcOutlet, AcSupply, Trouble
from hal.mock.dc_devices import MockPower, MockSecc
from hal.mock.devices import DrivenOptions, MockLock, OutletOptions
from hal.mock.mock_io import IoOptions, MockIo
from hal.mock.mock_meter import MeterOptions, MockMeter
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.simulation import Simulation
from hal.ports import Place, SafetyLines
from hal.types import ControlPilot, EvRequest, LockState, MeterReading, Reading, SafetyOutputs, SeccOutput

OFFER = SeccOutput(is_enabled=True, authorization=True, max_current_a=32.0)


class Bench:
    """One socket with its devices; keeps what they emit."""

    def __init__(self, folder: Path, meter: MeterOptions | None = None) -> None:
        options = PlantOptions(outlets=1, kind="ac", supply=AcSupply(is_socket=True), register_file=None)
        self.bus = PlantBus("plant", options, Place(folder, folder))
        self.pilot = MockPilot("pilot1", DrivenOptions(connector=1, ttl_s=3.0), self.bus)
        self.meter = MockMeter("meter1", meter or MeterOptions(connector=1), self.bus)
        self.lock = MockLock("lock1", OutletOptions(connector=1), self.bus)
        self.io = MockIo("io", IoOptions(), self.bus)
        self.sim = Simulation(self.bus, {one.name: one for one in (self.pilot, self.meter, self.lock, self.io)})
        self.outlet = self.bus.plant.outlet_of(1, AcOutlet)
        self.seen: list[Reading] = []

    def last(self, kind: type[Reading]) -> Reading:
        return next(reading for reading in reversed(self.seen) if isinstance(reading, kind))

    async def charge(self) -> None:
        """Until the vehicle draws; the duty is not renewed from then on."""
        io = self.io.safety_io(SafetyLines(contactors={1: "k1"}, estop="estop", door="door"))
        io.open()
        self.sim.plug_in(1)
        self.pilot.apply(OFFER)
        await asyncio.sleep(1.5)
        io.apply(SafetyOutputs(frozenset({1})))
        await asyncio.sleep(1.4)


def played(folder: Path, story: Callable[[Bench], Awaitable[None]], meter: MeterOptions | None = None) -> Bench:
    """A bench after a story in virtual time."""
    bench = Bench(folder, meter)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(bench.bus.run())]
            tasks += [group.create_task(device.run(bench.seen.append)) for device in (bench.pilot, bench.meter, bench.lock)]
            await asyncio.sleep(0.01)
            await story(bench)
            for task in tasks:
                task.cancel()

    run_virtual(main())
    return bench


def test_each_device_tells_its_state_at_the_start(tmp_path: Path) -> None:
    """No vehicle, no cable, unlocked, a register."""

    async def story(_: Bench) -> None:
        pass

    bench = played(tmp_path, story)
    assert bench.seen[:3] == [
        EvRequest(ControlPilot.A, is_cable_present=False, connector_temperature_c=25.0, pilot_offer_a=0.0),
        MeterReading(0, 0.0, 230.0, 0.0, phase_voltages_v=(230.0, 230.0, 230.0), phase_currents_a=(0.0, 0.0, 0.0)),
        LockState.UNLOCKED,
    ]


def test_a_duty_that_nobody_renews_ends(tmp_path: Path) -> None:
    """A daemon that hangs must not leave the vehicle asking for energy."""

    async def story(bench: Bench) -> None:
        await bench.charge()
        assert bench.outlet.current_a > 10.0
        await asyncio.sleep(3.0)
        assert bench.outlet.offered_a == 0.0

    bench = played(tmp_path, story)
    assert bench.last(EvRequest).control_pilot is ControlPilot.B


def test_the_pilot_board_drops_the_duty_when_it_leaves(tmp_path: Path) -> None:
    """Cancelled, or made to fall silent."""

    async def story(bench: Bench) -> None:
        await bench.charge()

    assert played(tmp_path, story).outlet.offered_a == 0.0


@pytest.mark.parametrize(
    ("measures", "known"),
    [
        ((), set()),
        (("export",), {"export_wh", "current_export_a"}),
        (("reactive", "temperature"), {"reactive_import_varh", "reactive_export_varh", "temperature_c"}),
    ],
)
def test_a_meter_shows_the_registers_it_has(measures: tuple, known: set[str], tmp_path: Path) -> None:
    """What it does not measure is None, never zero."""

    async def story(bench: Bench) -> None:
        await bench.charge()

    reading = played(tmp_path, story, MeterOptions(connector=1, measures=measures)).last(MeterReading)
    extras = ("export_wh", "current_export_a", "reactive_import_varh", "reactive_export_varh", "temperature_c")
    assert {name for name in extras if getattr(reading, name) is not None} == known


def test_what_the_hand_may_set(tmp_path: Path) -> None:
    """Temperature of the contacts, a jam, a plug that is not in to the end, the state of charge."""

    async def story(bench: Bench) -> None:
        bench.sim.set("pilot1", "temperature_c", 91)
        bench.sim.set("lock1", "half_plugged", True)
        bench.sim.plug_in(1, {"kind": "ac", "soc_percent": 20})
        bench.sim.set("pilot1", "soc_percent", 55)
        bench.lock.apply(True)
        await asyncio.sleep(1.0)

    bench = played(tmp_path, story)
    told = bench.last(EvRequest)
    assert isinstance(told, EvRequest)
    assert (told.connector_temperature_c, told.faults) == (91.0, {"contact-temperature"})
    assert bench.last(LockState) is LockState.FAILED
    assert bench.outlet.car is not None
    assert bench.outlet.car.battery.soc_percent == 55.0


@pytest.mark.parametrize("trouble", Trouble)
def test_what_is_wrong_is_told_as_long_as_it_is(trouble: Trouble, tmp_path: Path) -> None:
    """By the core's code; what hides the vehicle from the pilot hides it as long."""
    shown = {Trouble.SHORT: ControlPilot.E, Trouble.INVALID: ControlPilot.UNKNOWN, Trouble.OFF: ControlPilot.F}

    async def story(bench: Bench) -> None:
        bench.sim.plug_in(1)
        for is_wrong in (True, False):
            bench.sim.set("pilot1", trouble.value, is_wrong)
            await asyncio.sleep(0.1)
            told = bench.last(EvRequest)
            assert isinstance(told, EvRequest)
            assert (len(told.faults), told.faults <= FAULTS.keys()) == (int(is_wrong), True)
            assert told.control_pilot is (shown.get(trouble, ControlPilot.B) if is_wrong else ControlPilot.B)

    played(tmp_path, story)


def test_a_cable_is_coded(tmp_path: Path) -> None:
    """32 A, or what was set; a coding that is not seen is no cable."""

    async def story(bench: Bench) -> None:
        bench.sim.plug_in(1)
        seen = []
        for coding_a in (32, 13, None):
            bench.sim.set("pilot1", "cable_a", coding_a)
            await asyncio.sleep(0.1)
            told = bench.last(EvRequest)
            assert isinstance(told, EvRequest)
            seen.append((told.is_cable_present, told.cable_max_current_a))
        assert seen == [(True, 32.0), (True, 13.0), (False, None)]
        with pytest.raises(ValueError, match="pilot1: cable_a must be null or one of 13, 20, 32, 63, not 16"):
            bench.sim.set("pilot1", "cable_a", 16)

    played(tmp_path, story)


@pytest.mark.parametrize(("field", "value"), [("asleep", True), ("ventilation", True), ("draw_a", 40), ("stubborn", True)])
def test_a_vehicle_has_to_be_there_to_be_set(field: str, value: object, tmp_path: Path) -> None:
    """And can be set then."""

    async def story(bench: Bench) -> None:
        with pytest.raises(ValueError, match=f"pilot1: {field} cannot be set: no vehicle is plugged in"):
            bench.sim.set("pilot1", field, value)
        bench.sim.plug_in(1)
        bench.sim.set("pilot1", field, value)

    played(tmp_path, story)


def test_the_usual_ac_vehicle(tmp_path: Path) -> None:
    """11 kW on three phases; a DC vehicle does not fit."""

    async def story(bench: Bench) -> None:
        with pytest.raises(ValueError, match="kind must be ac"):
            bench.sim.plug_in(1, {"kind": "dc"})
        await bench.charge()

        assert bench.outlet.reading().power_w == pytest.approx(11_040.0)

    played(tmp_path, story)


@pytest.mark.parametrize("device", [MockPower, MockSecc])
def test_a_dc_device_does_not_fit_an_ac_outlet(device: type[MockPower] | type[MockSecc], tmp_path: Path) -> None:
    """Said at construction, with what to change."""
    with pytest.raises(DeviceUnavailable, match="outlet 1 of the simulated plant gives ac, not dc; see `outlets` and `kind` of plant"):
        device("x", DrivenOptions(connector=1), Bench(tmp_path).bus)
