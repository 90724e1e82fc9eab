"""How fast an AC station is: the times of IEC 61851-1, annex A, on simulated hardware and through the driver of a pilot board.

Measured on the whole daemon in virtual time, by what it says of itself. On a wire a board speaks every 100 ms, so it is known that much
later; that it opens by itself meanwhile is tried in `tests/unit/hal/mock/test_pilot_board_peer.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargerd.app.shipped import shipped
from chargerd.core.facts import Phase
from chargerd.core.view import ConnectorView
from chargerd.sim.rig import Mode, rig
from hal.types import ControlPilot, LockState
from tests.support.station_bench import CARD, Bench, virtual

STATIONS = {Mode.VIRTUAL: "demo-ac.yaml", Mode.MEMORY_WIRES: "demo-wires-ac.yaml"}
KNOWN_S = {Mode.VIRTUAL: 0.1, Mode.MEMORY_WIRES: 0.2}  # until the plant is looked at again; until the board has told both
LOOK_S = 0.005

both = pytest.mark.parametrize("mode", STATIONS)


@asynccontextmanager
async def station(mode: Mode, folder: Path) -> AsyncIterator[Bench]:
    async with rig(mode, folder, station=shipped(STATIONS[mode])) as stage:
        made = Bench(stage)
        await made.accepted()
        yield made


async def passed_s(bench: Bench, claim: Callable[[ConnectorView], bool], longest_s: float = 60.0) -> float:
    """How long it takes until the claim holds for connector 1."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while not claim(bench.view(1)):
        await asyncio.sleep(LOOK_S)
        assert loop.time() < began_s + longest_s, bench.view(1)
    return loop.time() - began_s


def is_open(view: ConnectorView) -> bool:
    return not view.is_contactor_closed


def is_drawing(view: ConnectorView) -> bool:
    return view.meter is not None and (view.meter.current_a or 0.0) > 15.0


async def begin(bench: Bench) -> None:
    """Plugged in, and the card accepted."""
    await bench.do("plug_in", connector=1)
    await passed_s(bench, lambda view: view.phase is Phase.WAIT_AUTH)
    await bench.do("swipe", id_tag=CARD)


async def charge(bench: Bench) -> None:
    """Until energy flows."""
    await begin(bench)
    await passed_s(bench, is_drawing)


@both
def test_the_contactor_closes_soon_after_c(mode: Mode, tmp_path: Path) -> None:
    """Within 3 s."""

    async def main() -> None:
        async with station(mode, tmp_path) as bench:
            await begin(bench)
            await passed_s(bench, lambda view: view.ev.control_pilot is ControlPilot.C)
            assert await passed_s(bench, lambda view: view.is_contactor_closed) <= 0.2 + KNOWN_S[mode]

    virtual(main())


@both
@pytest.mark.parametrize(
    ("deed", "arguments"),
    [
        ("ev_pause", {"connector": 1}),
        ("plug_out", {"connector": 1}),
        ("set", {"device": "pilot1", "field": "short_circuit", "value": True}),
        ("set", {"device": "pilot1", "field": "diode_fault", "value": True}),
        ("set", {"device": "pilot1", "field": "invalid_level", "value": True}),
        ("set", {"device": "pilot1", "field": "ventilation", "value": True}),
        ("input", {"name": "estop", "active": True}),
    ],
)
def test_the_contactor_opens_with_the_vehicle(mode: Mode, deed: str, arguments: dict[str, object], tmp_path: Path) -> None:
    """Within 100 ms of B, A, D or a fault; the vehicle itself takes half a second to show B."""
    vehicle_s = 0.5 if deed == "ev_pause" else 0.0

    async def main() -> None:
        async with station(mode, tmp_path) as bench:
            await charge(bench)
            await bench.do(deed, **arguments)
            assert await passed_s(bench, is_open) <= vehicle_s + 0.1 + KNOWN_S[mode]

    virtual(main())


def test_the_plug_is_released_when_the_vehicle_has_left(tmp_path: Path) -> None:
    """Within 5 s of A."""

    async def main() -> None:
        async with station(Mode.VIRTUAL, tmp_path) as bench:
            await charge(bench)
            assert bench.view(1).lock is LockState.LOCKED
            await bench.do("plug_out", connector=1)
            assert await passed_s(bench, lambda view: view.lock is LockState.UNLOCKED) <= 5.0

    virtual(main())


@both
def test_a_vehicle_that_does_not_let_go_is_cut_off_in_time(mode: Mode, tmp_path: Path) -> None:
    """Under load no sooner than 6 s after the end of the offer."""

    async def main() -> None:
        async with station(mode, tmp_path) as bench:
            await charge(bench)
            await bench.do("set", device="pilot1", field="stubborn", value=True)
            await bench.do("swipe", id_tag=CARD)
            await passed_s(bench, lambda view: view.phase is Phase.RAMP_DOWN)
            assert 6.0 <= await passed_s(bench, is_open) + LOOK_S <= 6.1 + KNOWN_S[mode]

    virtual(main())


@both
def test_a_sleeping_vehicle_is_called_for_three_seconds(mode: Mode, tmp_path: Path) -> None:
    """30 s after the offer it has not heard; then it charges."""

    async def main() -> None:
        async with station(mode, tmp_path) as bench:
            await bench.do("plug_in", connector=1)
            await bench.do("set", device="pilot1", field="asleep", value=True)
            await passed_s(bench, lambda view: view.phase is Phase.WAIT_AUTH)
            await bench.do("swipe", id_tag=CARD)
            await passed_s(bench, lambda view: (view.ev.pilot_offer_a or 0.0) > 0.0)
            assert await passed_s(bench, lambda view: view.ev.pilot_offer_a == 0.0) == pytest.approx(30.0, abs=0.3)
            assert await passed_s(bench, lambda view: (view.ev.pilot_offer_a or 0.0) > 0.0) == pytest.approx(3.0, abs=0.2)
            assert await passed_s(bench, is_drawing) < 10.0

    virtual(main())
