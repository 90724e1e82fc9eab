"""The simulated pilot board with the real driver before it, in virtual time: what it does by itself, and what it finds wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import ConfigError
from hal.mock.ac_outlet import AcOutlet, AcSupply
from hal.mock.host import peer_for
from hal.mock.peers.pilot_board import PilotBoardPeer
from hal.mock.peers.pty_wire import PtyWire
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.simulation import Simulation
from hal.ports import Place, SafetyLines
from hal.secc.pilot_board import PilotBoard, PilotBoardOptions
from hal.types import ControlPilot, EvRequest, SafetyInputs, SafetyOutputs, SeccOutput
from tests.conformance.links import BytePipe, Quality, Supervised

PLACE = Place(Path("/state"), Path("/run"))
LINES = SafetyLines(contactors={1: "k1"}, residual_current={1: "estop2"}, estop="estop1")
OFFER = SeccOutput(is_enabled=True, authorization=True, max_current_a=16.0)
CLOSED = SafetyOutputs(frozenset({1}))
AT_REST = SafetyInputs(is_estop_pressed=False, is_door_open=False)


class Cable:
    """The serial line between both, in memory."""

    def __init__(self) -> None:
        self.pipe = BytePipe(self._to_peer, Quality())
        self._received: Callable[[bytes], None] = lambda data: None

    def _to_peer(self, data: bytes) -> bytes:
        self._received(data)
        return b""

    def open(self, received: Callable[[bytes], None]) -> None:
        self._received = received

    def write(self, data: bytes) -> None:
        if self.pipe.is_open:
            self.pipe.deliver(data)

    def close(self) -> None:
        self._received = lambda data: None


class Bench:
    """One AC outlet, the board before it, and the driver."""

    def __init__(self, supply: AcSupply, options: PilotBoardOptions) -> None:
        self.bus = PlantBus("plant", PlantOptions(outlets=1, kind="ac", supply=supply, register_file=None), PLACE)
        self.cable = Cable()
        self.peer = PilotBoardPeer("pilot1", cast("PtyWire", self.cable), 1, LINES, options, self.bus)
        self.sim = Simulation(self.bus, {"pilot1": self.peer})
        self.driver = PilotBoard("pilot1", options, PLACE, lambda name, port, baudrate: self.cable.pipe)
        self.lines = self.driver.safety_io(LINES)
        self.outlet = self.bus.plant.outlet_of(1, AcOutlet)
        self.run = Supervised(self.driver)
        self.offer = OFFER

    @property
    def told(self) -> EvRequest:
        request = self.run.values[-1]
        assert isinstance(request, EvRequest)
        return request

    async def charge(self, **vehicle: float) -> None:
        """Until current flows."""
        self.sim.plug_in(1, vehicle)
        await asyncio.sleep(1.5)
        assert self.told.control_pilot is ControlPilot.C
        self.lines.apply(CLOSED)
        await asyncio.sleep(2.0)
        assert self.outlet.current_a > 15.0


def played(story: Callable[[Bench], Awaitable[None]], supply: AcSupply | None = None, **options: Any) -> None:
    """The story of a bench whose offer is renewed."""

    async def main() -> None:
        bench = Bench(supply or AcSupply(), PilotBoardOptions(port="usb", time_to_live_s=10.0, **options))

        async def renew() -> None:
            while True:
                bench.driver.apply(bench.offer)
                await asyncio.sleep(0.5)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in (bench.bus.run(), bench.peer.run(), renew())]
            bench.lines.open()
            async with bench.run:
                await asyncio.sleep(0.5)
                await story(bench)
            for task in tasks:
                task.cancel()

    run_virtual(main())


@pytest.mark.parametrize(("phases", "power_w"), [(1, 3680.0), (3, 11_040.0)])
def test_a_vehicle_charges_in_its_phases(phases: int, power_w: float) -> None:
    """As much as the duty says: 16 A, less the rounding."""

    async def story(bench: Bench) -> None:
        assert bench.told == EvRequest(ControlPilot.A, connector_temperature_c=25.0, pilot_offer_a=bench.told.pilot_offer_a)
        assert bench.told.pilot_offer_a == pytest.approx(16.0, abs=0.06)
        await bench.charge(phases=phases)
        assert bench.outlet.reading().power_w == pytest.approx(power_w, rel=0.01)
        assert bench.lines.read().closed_contactors == {1}

    played(story)


def test_nothing_closes_before_the_vehicle_asks() -> None:
    """Whatever the station requests."""

    async def story(bench: Bench) -> None:
        bench.lines.apply(CLOSED)
        await asyncio.sleep(0.5)
        assert bench.lines.read() == AT_REST
        bench.sim.plug_in(1, {})
        await asyncio.sleep(0.8)
        assert (bench.told.control_pilot, bench.outlet.is_closed) == (ControlPilot.B, False)
        await asyncio.sleep(1.0)
        assert (bench.told.control_pilot, bench.outlet.is_closed) == (ControlPilot.C, True)

    played(story)


@pytest.mark.parametrize("deed", ["ev_pause", "plug_out"])
def test_the_contactor_opens_by_itself_when_the_vehicle_lets_go(deed: str) -> None:
    """Within 100 ms, with the station's request still there."""

    async def story(bench: Bench) -> None:
        await bench.charge()
        getattr(bench.sim, deed)(1)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if not bench.outlet.request().control_pilot.is_ready:
                break
        await asyncio.sleep(0.1)
        assert not bench.outlet.is_closed
        await asyncio.sleep(0.1)
        assert bench.told.control_pilot is (ControlPilot.B if deed == "ev_pause" else ControlPilot.A)

    played(story)


@pytest.mark.parametrize(
    ("field", "value", "well", "code"),
    [
        ("diode_fault", True, False, "pilot-diode"),
        ("short_circuit", True, False, "pilot-short"),
        ("proximity_error", True, False, "proximity-error"),
        ("sensor_failed", True, False, "temperature-sensor"),
        ("temperature_c", 95, None, "contact-temperature"),
    ],
)
def test_whatever_is_wrong_shows_f_until_a_reset(field: str, value: object, well: object, code: str) -> None:
    """The contactor opens at once; without its cause the fault is still latched."""

    async def story(bench: Bench) -> None:
        await bench.charge()
        bench.sim.set("pilot1", field, value)
        await asyncio.sleep(0.3)
        assert bench.told.faults == {code, "pilot-off"}
        assert (bench.told.control_pilot, bench.outlet.is_closed, bench.outlet.offered_a) == (ControlPilot.F, False, 0.0)
        bench.lines.apply(SafetyOutputs())
        bench.sim.set("pilot1", field, well)
        await asyncio.sleep(1.0)
        assert (bench.told.control_pilot, bench.told.faults) == (ControlPilot.F, {"pilot-off"})
        bench.sim.set("pilot1", "reset", True)
        await asyncio.sleep(2.0)
        assert (bench.told.control_pilot, bench.told.faults) == (ControlPilot.C, frozenset())

    played(story, AcSupply(is_socket=True), is_socket=True)


def test_a_level_that_is_no_state_is_told_while_it_lasts() -> None:
    """Then the board shows F, as for any other fault."""

    async def story(bench: Bench) -> None:
        await bench.charge()
        bench.sim.set("pilot1", "invalid_level", True)
        await asyncio.sleep(0.3)
        assert (bench.told.control_pilot, bench.told.faults) == (ControlPilot.UNKNOWN, {"pilot-invalid"})
        assert not bench.outlet.is_closed
        bench.sim.set("pilot1", "invalid_level", False)
        await asyncio.sleep(0.3)
        assert (bench.told.control_pilot, bench.told.faults) == (ControlPilot.F, {"pilot-off"})

    played(story)


def test_ventilation_opens_the_contactor() -> None:
    """The board closes in pilot C only."""

    async def story(bench: Bench) -> None:
        await bench.charge()
        bench.sim.set("pilot1", "ventilation", True)
        await asyncio.sleep(0.2)
        assert (bench.told.control_pilot, bench.outlet.is_closed) == (ControlPilot.D, False)

    played(story)


def test_a_sleeping_vehicle_is_woken_over_the_board() -> None:
    """By a steady +12 V for 3 s, which is what the protocol can say; the vehicle is seen all the while."""

    async def story(bench: Bench) -> None:
        bench.sim.plug_in(1, {})
        bench.sim.set("pilot1", "asleep", True)
        await asyncio.sleep(5.0)
        assert bench.told.control_pilot is ControlPilot.B
        bench.offer = replace(OFFER, is_waking=True)
        await asyncio.sleep(3.6)
        assert (bench.told.control_pilot, bench.told.pilot_offer_a) == (ControlPilot.B, 0.0)
        bench.offer = OFFER
        await asyncio.sleep(3.0)
        assert bench.told.control_pilot is ControlPilot.C

    played(story)


def test_a_welded_contactor_is_found() -> None:
    """It stays closed against its coil."""

    async def story(bench: Bench) -> None:
        await bench.charge()
        bench.sim.set("pilot1", "k1_welded", True)
        bench.lines.apply(SafetyOutputs())
        await asyncio.sleep(0.5)
        assert bench.told.faults == {"contactor-error", "pilot-off"}
        assert bench.lines.read().closed_contactors == {1}

    played(story)


def test_a_stuck_contactor_is_found() -> None:
    """It does not follow its coil."""

    async def story(bench: Bench) -> None:
        bench.sim.set("pilot1", "k1_stuck", True)
        bench.sim.plug_in(1, {})
        await asyncio.sleep(1.5)
        bench.lines.apply(CLOSED)
        await asyncio.sleep(0.5)
        assert bench.told.faults == {"contactor-error", "pilot-off"}

    played(story)


def test_an_auxiliary_contact_that_lies_is_found() -> None:
    """The board sees a contactor that is closed against its coil, and says so."""

    async def story(bench: Bench) -> None:
        bench.sim.set("pilot1", "k1_feedback", "closed")
        await asyncio.sleep(0.5)
        assert bench.told.faults == {"contactor-error", "pilot-off"}
        assert bench.lines.read().closed_contactors == {1}
        assert not bench.outlet.is_closed

    played(story)


def test_its_inputs_are_what_the_station_wired_to_them() -> None:
    """Steered by the label or by what hangs on it; each of them switches the board off."""

    async def story(bench: Bench) -> None:
        bench.sim.input("estop2", active=True)
        await asyncio.sleep(0.3)
        assert bench.lines.read() == SafetyInputs(is_estop_pressed=False, is_door_open=False, leaking=frozenset({1}))
        assert bench.told.control_pilot is ControlPilot.F
        bench.sim.input("estop", active=True)
        await asyncio.sleep(0.3)
        assert bench.lines.read().is_estop_pressed

    played(story)


def test_a_socket_tells_its_cable() -> None:
    """Three words: there is one, what it bears, and that it is gone."""

    async def story(bench: Bench) -> None:
        assert bench.told.is_cable_present is False
        bench.sim.set("pilot1", "cable_a", 20)
        bench.sim.plug_in(1, {})
        await asyncio.sleep(0.3)
        assert (bench.told.is_cable_present, bench.told.cable_max_current_a) == (True, 20.0)
        bench.sim.set("pilot1", "cable_a", None)
        await asyncio.sleep(0.3)
        assert (bench.told.is_cable_present, bench.told.cable_max_current_a) == (False, None)
        bench.sim.set("pilot1", "cable_a", 20)
        bench.sim.plug_out(1)
        await asyncio.sleep(0.3)
        assert (bench.told.is_cable_present, bench.told.cable_max_current_a) == (False, None)
        with pytest.raises(ValueError, match="pilot1: cable_a must be null or one of 13, 20, 32, 63, not 16"):
            bench.sim.set("pilot1", "cable_a", 16)

    played(story, AcSupply(is_socket=True), is_socket=True)


def test_two_contactors_are_told_where_both_are_used() -> None:
    """Else the second is not configured."""

    async def story(bench: Bench) -> None:
        await bench.charge()
        assert bench.lines.read().closed_contactors == {1}

    played(story, contactors="both")


def test_it_needs_an_outlet_for_ac() -> None:
    """Said with its name and what to change."""
    plant = PlantBus("plant", PlantOptions(outlets=1, register_file=None), PLACE)
    device = DeviceSpec(name="pilot1", driver="pilot-board", options=PilotBoardOptions(port="usb"), connectors=(1,))
    with pytest.raises(ConfigError, match=r"pilot1: outlet 1 of the simulated plant gives dc, not ac; set `kind` of `sim.plant`"):
        peer_for(device, Wires(PLACE, plant))
