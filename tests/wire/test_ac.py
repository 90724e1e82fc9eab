"""AC over wires: a pilot board on a serial port, a meter of three phases, the emergency stop on another board, the whole daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargerd.app.shipped import shipped
from chargerd.core.facts import ConnectorStatus, FaultRaised, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId
from chargerd.core.view import ConnectorView
from chargerd.sim.rig import Mode, Rig, rig
from hal.mock.register_file import RegisterFile
from hal.types import ControlPilot

ONE = ConnectorId(1)
CARD = "04A2B1C1"
OVERLAY = {"sim": {"plant": {"speed": 20.0}}}  # Wh worth comparing in seconds


class Bench:
    """A station over wires, seen from outside."""

    def __init__(self, stage: Rig) -> None:
        self.stage = stage
        self.first = 0  # facts before the station was up: a board has to be heard before it can be read

    @property
    def one(self) -> ConnectorView:
        return self.stage.daemon.reactor.view().connectors[0]

    async def until(self, claim: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not claim():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            told = "\n".join(str(stamped.fact) for stamped in self.stage.facts[-12:])
            pytest.fail(f"not within {within_s:g} s: {what}; the last facts:\n{told}")

    async def until_status(self, status: ConnectorStatus) -> None:
        await self.until(lambda: self.one.status.status is status, status.value)

    def facts(self, kind: type) -> list[object]:
        return [stamped.fact for stamped in self.stage.facts[self.first :] if isinstance(stamped.fact, kind)]

    async def charge(self, **vehicle: float) -> None:
        """Until energy flows."""
        await self.stage.simulate("plug_in", {"connector": 1, "ev": vehicle})
        await self.until_status(ConnectorStatus.PREPARING)
        await self.stage.simulate("swipe", {"id_tag": CARD})
        await self.until(lambda: self.one.meter is not None and (self.one.meter.current_a or 0.0) > 9.0, "the meter sees a current")

    async def set(self, field: str, value: object) -> None:
        await self.stage.simulate("set", {"device": "pilot1", "field": field, "value": value})


@asynccontextmanager
async def station(folder: Path) -> AsyncIterator[Bench]:
    async with rig(Mode.WIRES, folder, OVERLAY, station=shipped("demo-wires-ac.yaml")) as stage:
        bench = Bench(stage)

        def is_up() -> bool:
            view = stage.daemon.reactor.view()
            is_sound = not view.faults and not any(one.faults for one in view.connectors)
            is_seen = all(one.ev.control_pilot is ControlPilot.A and one.meter is not None for one in view.connectors)
            return view.is_link_accepted and is_sound and is_seen

        await bench.until(is_up, "the station is up")
        await stage.daemon.reactor.committed()
        bench.first = len(stage.facts)
        yield bench
        record = stage.central.station(stage.identity)
        assert (record.doubles, record.strays, record.problems) == ([], [], [])


@pytest.mark.parametrize("phases", [3, 1])
async def test_a_whole_session(phases: int, tmp_path: Path) -> None:
    """Plug, card, energy, a pause of the vehicle, card, unplug: in the phases of the vehicle, and what is billed is what has flowed."""
    async with station(tmp_path) as bench:
        await bench.charge(phases=phases, max_current_a=16.0)
        meter = bench.one.meter
        assert meter is not None
        assert meter.phase_currents_a is not None
        assert [current_a > 9.0 for current_a in meter.phase_currents_a] == [True] * phases + [False] * (3 - phases)
        await bench.stage.simulate("ev_pause", {"connector": 1})
        await bench.until_status(ConnectorStatus.SUSPENDED_EV)
        await bench.until(lambda: not bench.one.is_contactor_closed, "open while nothing is asked for")
        await bench.stage.simulate("ev_resume", {"connector": 1})
        await bench.until_status(ConnectorStatus.CHARGING)
        await asyncio.sleep(2.0)
        await bench.stage.simulate("swipe", {"id_tag": CARD})
        await bench.until(lambda: bool(bench.facts(TransactionStopped)), "the session has ended")
        (started,), (stopped,) = bench.facts(TransactionStarted), bench.facts(TransactionStopped)
        assert isinstance(started, TransactionStarted)
        assert isinstance(stopped, TransactionStopped)
        await bench.stage.simulate("plug_out", {"connector": 1})
        await bench.until_status(ConnectorStatus.AVAILABLE)
        counted_wh, _ = RegisterFile("plant", tmp_path / "mock-meter.bin", 2).load(0)
        assert stopped.meter_stop_wh == counted_wh
        assert stopped.meter_stop_wh - started.meter_start_wh > 5 * phases
        assert bench.facts(FaultRaised) == []


async def test_an_emergency_stop_on_one_board_opens_the_contactor_on_another(tmp_path: Path) -> None:
    """The pilot board's own inputs are not used."""
    async with station(tmp_path) as bench:
        await bench.charge()
        await bench.stage.simulate("input", {"name": "estop", "active": True})
        await bench.until_status(ConnectorStatus.FAULTED)
        await bench.until(lambda: not bench.one.is_contactor_closed, "open")
        assert [fault.code for fault in bench.facts(FaultRaised) if isinstance(fault, FaultRaised)] == ["emergency-stop"]


async def test_what_the_board_finds_ends_the_session_until_it_is_reset(tmp_path: Path) -> None:
    """The fault is told with its word, the board shows F, and after its reset the connector is as before."""
    async with station(tmp_path) as bench:
        await bench.charge()
        await bench.set("diode_fault", True)
        await bench.until(lambda: bool(bench.facts(TransactionStopped)), "the session has ended")
        assert {fault.code for fault in bench.one.faults} == {"pilot-diode", "pilot-off"}
        assert (bench.one.ev.control_pilot, bench.one.is_contactor_closed) == (ControlPilot.F, False)
        await bench.set("diode_fault", False)
        await bench.until(lambda: {fault.code for fault in bench.one.faults} == {"pilot-off"}, "the diode is found again")
        await bench.stage.simulate("plug_out", {"connector": 1})
        await bench.set("reset", True)
        await bench.until_status(ConnectorStatus.AVAILABLE)


@pytest.mark.parametrize("twist", [{"online": False}, {"corrupt": True}], ids=["silent", "garbage"])
async def test_a_board_that_cannot_be_heard_ends_the_session_until_it_can(twist: dict[str, bool], tmp_path: Path) -> None:
    """Lost as the SECC and unreadable as a board; heard again, the connector is as before, and the contactor open in any case."""
    async with station(tmp_path) as bench:
        await bench.charge()
        await bench.stage.simulate("device", {"device": "pilot1", **twist})
        await bench.until(lambda: bool(bench.facts(TransactionStopped)), "the session has ended")
        assert {fault.code for fault in bench.facts(FaultRaised) if isinstance(fault, FaultRaised)} == {"secc-silent", "safety-inputs"}
        await bench.stage.simulate("device", {"device": "pilot1"})
        await bench.until(lambda: not bench.one.faults and not bench.stage.daemon.reactor.view().faults, "nothing is wrong any more")
        await bench.until(lambda: bench.one.ev.control_pilot is ControlPilot.B and not bench.one.is_contactor_closed, "the vehicle let go")
        await bench.stage.simulate("plug_out", {"connector": 1})
        await bench.until_status(ConnectorStatus.AVAILABLE)
