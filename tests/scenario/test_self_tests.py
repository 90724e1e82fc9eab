"""Self-tests on the demo's station in virtual time, asked for at its control socket: passed, failed, refused and left alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chargerd.app.shipped import shipped
from chargerd.core.events import ChangeAvailability, LocalStart, SelfTest
from chargerd.core.facts import AuthorizationGranted, FaultRaised, SelfTestFinished, SelfTestStarted, StatusChanged
from chargerd.core.ids import ConnectorId, IdTag
from tests.support.core_bench import ONE
from tests.support.station_bench import Bench, bench, virtual

SOCKET = shipped("demo-ac.yaml")


class Technician:
    """One client of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.steps: list[str] = []

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        self._writer.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        while "id" not in (line := await self._line()):
            pass
        return line

    async def begin(self, **params: object) -> dict[str, Any]:
        answer = await self.ask("device.test", **params)
        assert "error" not in answer, answer
        return dict(answer["result"])

    async def refusal(self, **params: object) -> str:
        answer = await self.ask("device.test", **params)
        assert "result" not in answer, answer
        return str(answer["error"]["message"])

    async def end(self) -> dict[str, Any]:
        """The end of the test that runs; the steps before it go to `steps`."""
        while True:
            told = (await self._line()).get("params", {})
            if "is_passed" in told:
                return dict(told)
            self.steps.append(told["step"])

    def leave(self) -> None:
        self._writer.close()

    async def _line(self) -> dict[str, Any]:
        return dict(json.loads(await self._reader.readline()))


@asynccontextmanager
async def technician(folder: Path) -> AsyncIterator[Technician]:
    reader, writer = await asyncio.open_unix_connection(folder / "control.sock")
    try:
        yield Technician(reader, writer)
    finally:
        writer.close()


def disable(station: Bench, connector: ConnectorId = ONE) -> None:
    assert station.stage.dispatch(ChangeAvailability(connector, is_operative=False)).is_accepted


def test_everything_of_a_good_dc_outlet_passes(tmp_path: Path) -> None:
    """Contactor, modules and meter, one after the other; no status but Unavailable is told of it, and the outlet charges afterwards."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            disable(station)
            told = len(station.kinds(StatusChanged))
            await one.begin(test="contactor", connector=1)
            assert (await one.end())["is_passed"]
            assert one.steps == ["closed", "open"]
            await one.begin(device="psu1")
            ended = await one.end()
            assert ended["is_passed"], ended
            assert one.steps[2:] == ["on at 50 V", "left alone", "found off"]
            await one.begin(device="meter1")
            ended = await one.end()
            assert ended["is_passed"], ended
            assert len(station.kinds(StatusChanged)) <= told + 1  # Unavailable itself
            assert not station.kinds(FaultRaised)
            station.stage.dispatch(ChangeAvailability(ONE, is_operative=True))
            await station.begin()

    virtual(main())


def test_the_lock_of_a_good_socket_passes_and_a_jammed_one_fails(tmp_path: Path) -> None:
    """By its feedback; the reason says what the lock says."""

    async def main() -> None:
        async with bench(tmp_path, station=SOCKET) as station, technician(tmp_path) as one:
            disable(station)
            await one.begin(test="lock", connector=1)
            assert (await one.end())["is_passed"]
            lock = next(device.device.name for device in station.stage.daemon.devices if device.role.value == "lock")
            await station.do("set", device=lock, field="jammed", value=True)
            await one.begin(device=lock)
            ended = await one.end()
            assert (ended["is_passed"], ended["detail"]) == (False, "not locked within 5 s: the lock says failed")
            assert not station.view(1).outputs.lock

    virtual(main())


@pytest.mark.parametrize(
    ("field", "words"),
    [("k1_stuck", "contactor-stuck-open"), ("k1_welded", "contactor-welded")],
)
def test_a_broken_contactor_fails(tmp_path: Path, field: str, words: str) -> None:
    """The gate judges it before the test's own limit does, and the fault is the reason; a stuck one ends with the wish."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            disable(station)
            begun = await one.begin(test="contactor", connector=1)
            await station.do("set", device="io", field=field, value=True)
            ended = await one.end()
            assert not ended["is_passed"]
            assert words in ended["detail"]
            assert begun["test_id"] == ended["test_id"]
            await asyncio.sleep(1.0)
            assert [fault.code for fault in station.view(1).faults] == ([] if field == "k1_stuck" else ["contactor-welded"])

    virtual(main())


def test_modules_that_go_on_alone_fail(tmp_path: Path) -> None:
    """Asked after their cut-off they still give voltage; then they are told to be off, and are."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            disable(station)
            await station.do("set", device="psu1", field="no_cut_off", value=True)
            await one.begin(test="module-timeout", connector=1)
            ended = await one.end()
            assert not ended["is_passed"]
            assert ended["detail"].endswith("they tell 50 V")
            await asyncio.sleep(3.0)
            supply = station.view(1).supply
            assert supply is not None
            assert supply.voltage_v < 10.0

    virtual(main())


def test_a_card_under_test_starts_nothing(tmp_path: Path) -> None:
    """It is shown as the station would send it, and the next one counts again."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            await station.do("plug_in", connector=1)
            await one.begin(test="rfid")
            await asyncio.sleep(1.0)
            await station.do("swipe", id_tag="04A2B1C3")
            ended = await one.end()
            assert (ended["is_passed"], ended["id_tag"]) == (True, "04A2B1C3")
            await asyncio.sleep(5.0)
            assert not station.kinds(AuthorizationGranted)
            assert station.calls("Authorize") == []
            await station.do("swipe", id_tag="04A2B1C3")
            await station.until(lambda: bool(station.kinds(AuthorizationGranted)))

    virtual(main())


def test_without_a_card_the_reader_is_free_again(tmp_path: Path) -> None:
    """After its time, and when who asked has left."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            await one.begin(test="rfid", for_s=5)
            ended = await one.end()
            assert (ended["is_passed"], ended["detail"]) == (False, "reader: no card within 5 s")
            await one.begin(device="reader", for_s=600)
            one.leave()
            await asyncio.sleep(1.0)
            await station.do("plug_in", connector=1)
            await station.do("swipe", id_tag="04A2B1C3")
            await station.until(lambda: bool(station.kinds(AuthorizationGranted)))

    virtual(main())


@pytest.mark.parametrize(("test", "device"), [("rfid", "reader"), ("meter", "meter1")])
def test_a_device_that_is_away_fails_with_its_reason(tmp_path: Path, test: str, device: str) -> None:
    """Lost while it is listened to, and refused as long as it is away."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            await one.begin(device=device)
            await station.do("device", device=device, online=False)
            ended = await one.end()
            assert (ended["is_passed"], ended["detail"]) == (False, f"{device}: it does not answer: no answer for 1 s")
            assert await one.refusal(test=test, device=device) == f"{device}: it does not answer: no answer for 1 s"

    virtual(main())


def test_a_register_that_goes_back_fails_the_meter(tmp_path: Path) -> None:
    """The sentence tells both readings."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            await station.do("set", device="meter1", field="energy_wh", value=5000)
            await one.begin(device="meter1")
            await asyncio.sleep(2.5)
            await station.do("set", device="meter1", field="energy_wh", value=4000)
            ended = await one.end()
            assert not ended["is_passed"]
            assert "went back from 5000 to 4000 Wh" in ended["detail"]

    virtual(main())


@pytest.mark.parametrize("test", list(SelfTest))
def test_who_leaves_takes_the_test_along(tmp_path: Path, test: SelfTest) -> None:
    """The connection ends: so does the test, and the outputs are safe."""

    async def main() -> None:
        station_file = SOCKET if test is SelfTest.LOCK else None
        async with bench(tmp_path, station=station_file) as station, technician(tmp_path) as one:
            disable(station)
            if test is SelfTest.CONTACTOR:
                await station.do("set", device="io", field="k1_stuck", value=True)
            await one.begin(test=test.value, connector=1)
            one.leave()
            await station.until(lambda: bool(station.kinds(SelfTestFinished)))
            (finished,) = station.kinds(SelfTestFinished)
            assert (finished.is_passed, finished.detail) == (False, "who asked for it has left")
            assert not station.view(1).outputs.contactor
            assert not station.view(1).outputs.setpoint.is_on

    virtual(main())


def test_a_test_that_is_over_is_nobodys_any_more(tmp_path: Path) -> None:
    """Who leaves later ends nothing, not even the next test of somebody else."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one, technician(tmp_path) as two:
            disable(station)
            await one.begin(test="contactor", connector=1)
            await one.end()
            await two.begin(test="module-timeout", connector=1)
            one.leave()
            ended = await two.end()
            assert ended["is_passed"], ended

    virtual(main())


def test_what_is_asked_for_wrongly_is_answered_with_what_there_is(tmp_path: Path) -> None:
    """Names, tests and connectors; and what would make it succeed."""
    cases: list[tuple[dict[str, object], str]] = [
        ({"device": "psu9"}, "there is no device 'psu9'; there are insulation1,"),
        (
            {"device": "insulation1"},
            "insulation1: there is no test for the role insulation; there are rfid, meter, contactor, lock, module-timeout",
        ),
        ({"device": "psu1", "test": "rfid"}, "psu1 has no rfid test"),
        ({"test": "meter"}, "say which device or connector: meter of meter1, meter of meter2"),
        ({"test": "contactor"}, "io serves connectors 1, 2: say which"),
        ({"test": "meter", "connector": 7}, "connector 7 has nothing for this test"),
        ({"test": "contactor", "connector": 7}, "there is no connector 7"),
        ({"test": "lock", "connector": 1}, "connector 1: it has no lock of its own"),
        ({"test": "contactor", "connector": 1}, "connector 1: it is in operation; chargerctl connector 1 disable first"),
        ({"test": "dance"}, "one of rfid, meter, contactor, lock, module-timeout"),
        ({}, "say which device or connector"),
    ]

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            for params, words in cases:
                assert words in await one.refusal(**params), params
            assert not station.kinds(SelfTestStarted)
            assert "this station has no CAN bus" in (await one.ask("can.scan"))["error"]["message"]

    virtual(main())


def test_no_session_begins_while_a_test_runs(tmp_path: Path) -> None:
    """A start is refused, and ends the test; the emergency stop does too."""

    async def main() -> None:
        async with bench(tmp_path) as station, technician(tmp_path) as one:
            disable(station)
            await one.begin(test="module-timeout", connector=1)
            await asyncio.sleep(3.0)
            assert not station.stage.dispatch(LocalStart(ONE, IdTag("A"))).is_accepted
            assert "asked for something else" in (await one.end())["detail"]
            await one.begin(test="module-timeout", connector=1)
            await asyncio.sleep(3.0)
            await station.do("input", name="estop", active=True)
            assert "emergency-stop" in (await one.end())["detail"]
            assert not station.view(1).outputs.setpoint.is_on

    virtual(main())
