"""Peers that fall silent, answer late or answer garbage, with the real drivers: the documented fault, energy off in time, charging again.

Every case is a session of a whole daemon, so they run side by side: three stations with one lane of cases for each device. A case tells
what happened to it in its own test. The wires are in memory and the time is virtual, where a busy machine cannot be taken for a late
device; `REAL_WIRES=1` has them in real time, each station with a peers' process of its own, on CAN over multicast and over slcan.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chargerd.app.shipped import shipped
from chargerd.core.events import ClearFault, LocalStart, LocalStop
from chargerd.core.facts import ConnectorStatus, FaultCleared, FaultRaised, Phase, Stamped, TransactionStopped
from chargerd.core.faults import FAULTS
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.core.settings import Timing
from chargerd.core.view import ConnectorView
from chargerd.safety.gate import GateOptions
from chargerd.sim.rig import Mode, Rig, rig
from chargerd.sim.virtual_loop import run_virtual
from hal.power.infypower_v113 import InfypowerOptions
from hal.secc.advantics_evse import AdvanticsOptions
from hal.types import ControlPilot
from tests.support.quick_vehicle import HANDSHAKE_S

pytestmark = pytest.mark.timeout(240)

ONE, TWO = ConnectorId(1), ConnectorId(2)
CARDS = {ONE: IdTag("04A2B1C1"), TWO: IdTag("04A2B1C2")}
TIMING, GATE = Timing(), GateOptions()
MODE = Mode.WIRES if os.environ.get("REAL_WIRES") else Mode.MEMORY_WIRES
SLACK_S = 1.0 if MODE.is_virtual else 1.5  # a period or two of the device; for a busy machine
HOLD_S = 2.0  # how long a tolerable lateness is borne

TWISTS: Mapping[str, Mapping[str, Any]] = {"silent": {"online": False}, "garbage": {"corrupt": True}}
QUICK: Mapping[str, Any] = {"sim": {"plant": {"handshake": HANDSHAKE_S}}}


class Bench:
    """One station over wires, and what is done to it."""

    def __init__(self, stage: Rig) -> None:
        self.stage = stage
        self._loop = asyncio.get_running_loop()
        self._plugged: set[ConnectorId] = set()

    def view(self, connector: ConnectorId) -> ConnectorView:
        return next(view for view in self.stage.daemon.reactor.view().connectors if view.connector == connector)

    async def until(self, claim: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for a claim, which is looked at every 20 ms."""
        deadline_s = self._loop.time() + within_s
        while not claim():
            if self._loop.time() >= deadline_s:
                told = "\n".join(f"{stamped.mono_s:.2f} {stamped.fact}" for stamped in self.stage.facts[-40:])
                views = "\n".join(str(view) for view in self.stage.daemon.reactor.view().connectors)
                pytest.fail(f"not within {within_s:g} s: {what}; the last facts:\n{told}\n{views}")
            await asyncio.sleep(0.02)

    async def device(self, device: str, **how: object) -> None:
        """Let a device misbehave; without more it is well again."""
        await self.stage.simulate("device", {"device": device, **how})

    def has(self, first: int, kind: type[object], **values: object) -> bool:
        """Such a fact has come since the `first`."""
        facts = (stamped.fact for stamped in self.stage.facts[first:])
        return any(isinstance(fact, kind) and all(getattr(fact, key) == value for key, value in values.items()) for fact in facts)

    def stops(self, first: int, connector: ConnectorId) -> list[Stamped]:
        return [one for one in self.stage.facts[first:] if isinstance(one.fact, TransactionStopped) and one.fact.connector == connector]

    def is_sound(self, connector: ConnectorId) -> bool:
        """Nothing keeps the connector from charging."""
        station = self.stage.daemon.reactor.view()
        return station.status.status is ConnectorStatus.AVAILABLE and not self.view(connector).faults

    def is_charging(self, connector: ConnectorId) -> bool:
        view = self.view(connector)
        return view.status.status is ConnectorStatus.CHARGING and view.supply is not None and view.supply.current_a > 10.0

    def is_off(self, connector: ConnectorId) -> bool:
        return self.view(connector).outputs.setpoint.current_a == 0.0

    async def charge(self, connector: ConnectorId) -> None:
        """A new vehicle comes to a sound connector and charges."""
        if connector in self._plugged:
            await self.stage.simulate("plug_out", {"connector": connector})
        await self.until(
            lambda: self.view(connector).phase is Phase.IDLE and self.is_sound(connector), 25, f"{connector} is free and sound"
        )
        await self.stage.simulate("plug_in", {"connector": connector})
        self._plugged.add(connector)
        await self.until(lambda: self.view(connector).phase is Phase.WAIT_AUTH, 5, f"a vehicle is seen at {connector}")
        assert self.stage.dispatch(LocalStart(connector, CARDS[connector])).is_accepted
        await self.until(lambda: self.is_charging(connector), 20, f"{connector} charges")

    async def bear(self, device: str, connector: ConnectorId, delay_s: float) -> None:
        """A lateness within what is tolerated changes nothing."""
        first = len(self.stage.facts)
        await self.device(device, delay_s=delay_s)
        await asyncio.sleep(HOLD_S)
        assert self.is_charging(connector)
        await self.device(device)
        assert not self.has(first, FaultRaised, connector=connector)
        assert not self.has(first, FaultRaised, connector=STATION)
        assert self.stops(first, connector) == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A device does something wrong while `connector` charges.

    code: the fault that must come, at connector `at`; zero_s: how long energy may flow on (documented time-outs). provoke: what makes it
    show, where the device has nothing to say otherwise; mend: what has to be done after the device is well again.
    """

    device: str
    connector: ConnectorId
    how: Mapping[str, Any]
    code: str
    zero_s: float
    at: ConnectorId
    provoke: Callable[[Bench], Awaitable[None]] | None = None
    mend: Callable[[Bench], Awaitable[None]] | None = None

    async def run(self, bench: Bench) -> None:
        """Charge, break, look, mend, charge."""
        await bench.charge(self.connector)
        loop, first = asyncio.get_running_loop(), len(bench.stage.facts)
        begun_s = loop.time()
        await bench.device(self.device, **self.how)
        if self.provoke is not None:
            await self.provoke(bench)
        opening_s = self.zero_s + TIMING.ramp_down_s + GATE.open_s
        await bench.until(lambda: bench.is_off(self.connector), self.zero_s + SLACK_S, "the set-point is zero")
        await bench.until(
            lambda: bench.has(first, FaultRaised, connector=self.at, code=self.code, error_code=FAULTS[self.code].error_code),
            max(self.zero_s, AdvanticsOptions().silence_s) + SLACK_S,
            f"fault {self.code} at {self.at}",
        )
        await bench.until(
            lambda: not bench.view(self.connector).is_contactor_closed, begun_s + opening_s + SLACK_S - loop.time(), "the contactor is open"
        )
        await bench.until(lambda: bool(bench.stops(first, self.connector)), TIMING.opening_s + SLACK_S, "the transaction is stopped")
        assert bench.is_off(self.connector)
        await bench.device(self.device)
        if self.mend is not None:
            await self.mend(bench)
        await bench.until(lambda: bench.has(first, FaultCleared, connector=self.at, code=self.code), 25, f"fault {self.code} is over")
        await bench.charge(self.connector)
        assert len(bench.stops(first, self.connector)) == 1


# --- the lanes: the cases of one device, one after the other ------------------------------------------------------------------------

Told = Callable[[str, Awaitable[None]], Awaitable[None]]
"""Runs a case under its name and keeps what became of it."""


async def meter_lane(bench: Bench, told: Told) -> None:
    case = Case(device="meter1", connector=ONE, how={}, code="meter-silent", zero_s=TIMING.meter_stale_s, at=ONE)
    await bench.charge(ONE)
    await told("meter borne", bench.bear("meter1", ONE, delay_s=0.2))  # the line waits 0.5 s for an answer
    for name, how in {**TWISTS, "late": {"delay_s": 5.0}}.items():
        await told(f"meter {name}", replace(case, how=how).run(bench))


async def module_lane(bench: Bench, told: Told) -> None:
    case = Case(device="psu1", connector=ONE, how={}, code="power-silent", zero_s=TIMING.stale_s, at=ONE)
    await bench.charge(ONE)
    await told("modules borne", bench.bear("psu1", ONE, delay_s=1.0))
    await told("one module of two", one_module_of_two(bench))
    for name, how in {**TWISTS, "late": {"delay_s": 4.0}}.items():
        await told(f"modules {name}", replace(case, how=how).run(bench))


async def one_module_of_two(bench: Bench) -> None:
    """The other one goes on with what it can; what the lost one may still give is reserved. Both are used again when it is back."""
    await bench.until(lambda: bench.view(ONE).outputs.setpoint.current_a > 150.0, 5, "both modules are needed")
    first = len(bench.stage.facts)
    await bench.stage.simulate("set", {"device": "psu1", "field": "modules_present", "value": 1})

    def lone() -> bool:
        supply = bench.view(ONE).supply
        return supply is not None and supply.modules_present == 1 and "module-missing" in supply.alarms and supply.max_current_a == 100.0

    await bench.until(lone, InfypowerOptions(addresses=(0,)).silence_s + SLACK_S, "one module is missed")
    await bench.until(lambda: bench.view(ONE).outputs.setpoint.current_a <= 100.0, 1, "no more is asked than one can give")
    assert bench.view(ONE).status.status is ConnectorStatus.CHARGING  # with no current yet: the lost one may still give it all
    await bench.stage.simulate("set", {"device": "psu1", "field": "modules_present", "value": 2})
    await bench.until(lambda: bench.view(ONE).outputs.setpoint.current_a > 150.0, 5, "both modules deliver again")
    assert [one.fact.code for one in bench.stage.facts[first:] if isinstance(one.fact, FaultRaised)] == ["module-missing"]
    assert bench.stops(first, ONE) == []


async def secc_lane(bench: Bench, told: Told) -> None:
    case = Case(device="secc2", connector=TWO, how={}, code="secc-silent", zero_s=0.3, at=TWO)  # 200 ms, and a period of 100 ms
    await bench.charge(TWO)
    await told("SECC borne", bench.bear("secc2", TWO, delay_s=0.03))
    for name, how in {**TWISTS, "late": {"delay_s": 1.5}}.items():
        await told(f"SECC {name}", replace(case, how=how).run(bench))


async def board_lane(bench: Bench, told: Told) -> None:
    """Lines are told when they move: garbage shows with the next line, lateness at the contactor's feedback."""

    async def move_a_line(bench: Bench) -> None:
        await bench.stage.simulate("set", {"device": "io", "field": "imd2_resistance_ohm", "value": 1000})

    async def move_it_back(bench: Bench) -> None:
        await bench.stage.simulate("set", {"device": "io", "field": "imd2_resistance_ohm", "value": 1_000_000})

    async def stop(bench: Bench) -> None:
        assert bench.stage.dispatch(LocalStop(ONE)).is_accepted

    async def clear(bench: Bench) -> None:
        await bench.until(lambda: bench.stage.dispatch(ClearFault(ONE, "contactor-welded")).is_accepted, 5, "the technician clears it")

    case = Case(device="io", connector=ONE, how={}, code="io-silent", zero_s=GATE.lease_s, at=STATION)
    await bench.charge(ONE)
    await told("board borne", board_bears(bench))
    await told("board silent", replace(case, how=TWISTS["silent"]).run(bench))
    await told("board garbage", replace(case, how=TWISTS["garbage"], provoke=move_a_line, mend=move_it_back).run(bench))
    late = replace(case, how={"delay_s": 3.0}, code="contactor-welded", at=ONE, provoke=stop, mend=clear)
    await told("board late", late.run(bench))


async def board_bears(bench: Bench) -> None:
    """Feedback that comes a little late, at the end of a session and at the beginning of the next, is no contactor fault."""
    first = len(bench.stage.facts)
    await bench.device("io", delay_s=0.2)  # opening may take 0.5 s, closing 1 s
    assert bench.stage.dispatch(LocalStop(ONE)).is_accepted
    await bench.until(lambda: len(bench.stops(first, ONE)) == 1, TIMING.ramp_down_s + TIMING.opening_s, "the transaction is stopped")
    await bench.charge(ONE)
    await bench.device("io")
    assert not any(isinstance(stamped.fact, FaultRaised) for stamped in bench.stage.facts[first:])


async def reader_lane(bench: Bench, told: Told) -> None:
    await bench.charge(TWO)
    await told("reader borne", bench.bear("reader", TWO, delay_s=0.05))
    for name, how in {**TWISTS, "late": {"delay_s": 1.0}}.items():
        await told(f"reader {name}", reader_case(bench, how))


async def reader_case(bench: Bench, how: Mapping[str, Any]) -> None:
    """A note at connector 0, and the session goes on; once it is back the card ends the session and another one begins."""
    first = len(bench.stage.facts)
    await bench.device("reader", **how)
    raised = {"connector": STATION, "code": "reader-silent", "error_code": "ReaderFailure"}
    await bench.until(lambda: bench.has(first, FaultRaised, **raised), 2.0 + SLACK_S, "the loss of the reader is noted")
    assert bench.stage.daemon.reactor.view().status.status is ConnectorStatus.AVAILABLE
    await asyncio.sleep(0.5)
    assert bench.is_charging(TWO)
    assert bench.stops(first, TWO) == []
    await bench.device("reader")
    await bench.until(lambda: not bench.stage.daemon.reactor.view().faults, 15, "the reader is back")
    await bench.stage.simulate("swipe", {"id_tag": CARDS[TWO]})
    await bench.until(lambda: len(bench.stops(first, TWO)) == 1, 10, "the card ends the session")
    await bench.charge(TWO)


# --- running them -------------------------------------------------------------------------------------------------------------------

CASES = [
    *(
        f"{device} {twist}"
        for device in ("meter", "modules", "SECC", "board", "reader")
        for twist in ("borne", "silent", "garbage", "late")
    ),
    "one module of two",
]
Lane = Callable[[Bench, Told], Awaitable[None]]
Stations = tuple[tuple[Mapping[str, Any], Path | None, tuple[Lane, ...]], ...]
STATIONS: Stations = (
    ({}, None, (meter_lane, reader_lane)),
    ({}, shipped("demo-wires-slcan.yaml"), (module_lane, secc_lane)),
    ({}, None, (board_lane,)),
)


@asynccontextmanager
async def station(folder: Path, overlay: Mapping[str, Any], base: Path | None) -> AsyncIterator[Bench]:
    """A station over wires whose devices have all spoken."""
    async with rig(MODE, folder, {**QUICK, **overlay}, station=base) as stage:
        bench = Bench(stage)
        for connector in (ONE, TWO):
            await bench.until(lambda connector=connector: is_up(bench, connector), 20, f"{connector} is up")
        yield bench
        record = stage.central.station(stage.identity)
        assert (record.doubles, record.strays, record.problems) == ([], [], [])


def is_up(bench: Bench, connector: ConnectorId) -> bool:
    view = bench.view(connector)
    has_spoken = view.meter is not None and view.supply is not None and view.insulation is not None
    is_seen = view.ev.control_pilot is ControlPilot.A
    return has_spoken and is_seen and bench.stage.daemon.reactor.view().is_link_accepted and bench.is_sound(connector)


async def play(folder: Path) -> dict[str, BaseException | None]:
    """All cases; what became of each."""
    outcomes: dict[str, BaseException | None] = {}

    async def told(name: str, work: Awaitable[None]) -> None:
        try:
            await work
        except BaseException as error:
            outcomes[name] = error
            raise
        outcomes[name] = None

    async def run(number: int) -> None:
        overlay, base, lanes = STATIONS[number]
        place = folder / str(number)
        place.mkdir()
        async with station(place, overlay, base) as bench:
            await asyncio.gather(*(lane(bench, told) for lane in lanes))

    ended = await asyncio.gather(*(run(number) for number in range(len(STATIONS))), return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            for name in CASES:
                outcomes.setdefault(name, error)  # what was not reached fails for this reason
    return outcomes


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BaseException | None]:
    main = play(tmp_path_factory.mktemp("w"))
    return run_virtual(main, executor_latency_s=0.004) if MODE.is_virtual else asyncio.run(main)


@pytest.mark.parametrize("case", CASES)
def test_misbehaving_peer(case: str, outcomes: dict[str, BaseException | None]) -> None:
    """The documented fault, set-point zero and contactor open in time, one TransactionStopped, and charging again; borne: nothing."""
    error = outcomes[case]
    if error is not None:
        raise error


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(("unshare", "-rn", "true"), check=False, capture_output=True).returncode != 0,
    reason="this machine lets nobody make a network namespace",
)
def test_without_a_multicast_route_the_runner_says_what_to_use() -> None:
    """Nothing hangs and nothing is left unsaid: the bus, the group and the way out."""
    file = shipped("scenarios/two-sessions.yaml")
    script = f"ip link set lo up; exec {sys.executable} -m chargerd.cli.bench scenario --wires {file}"
    ran = subprocess.run(("unshare", "-rn", "sh", "-c", script), check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert "can0: this machine has no route to the multicast group 239.74.163.2" in ran.stderr
    assert "--station etc/demo-wires-slcan.yaml" in ran.stderr
    assert "Traceback" not in ran.stderr
