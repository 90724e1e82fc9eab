"""Which device a test is for, and what its client is told, with a station that only remembers what it was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chargerd.control.ports import DeviceEntry
from chargerd.control.protocol import Code
from chargerd.core.events import CancelSelfTest, Reply, SelfTest, StartSelfTest, Verdict, rejected
from chargerd.core.facts import DeviceStateChanged, SelfTestFinished, SelfTestStepped
from chargerd.core.ids import STATION, ConnectorId
from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceUnavailable
from hal.types import MeterReading, TokenRead
from tests.support.control_bench import ONE, Bench, Client

TWO = ConnectorId(2)


def device(name: str, role: str, *connectors: int, is_available: bool | None = True, detail: str = "") -> DeviceEntry:
    return DeviceEntry(name, f"mock-{role}", role, "plant", connectors or (1,), is_available, detail)


def play(folder: Path, story: Callable[[Bench, Client], Awaitable[None]], *devices: DeviceEntry) -> Bench:
    bench = Bench(folder)
    bench.station.answer = Reply(Verdict.PENDING, ticket=7)
    bench.devices.entries = list(devices)

    async def main() -> None:
        async with bench.running(), bench.client() as client:
            await story(bench, client)

    run_virtual(main())
    return bench


ALL = (
    device("meter1", "meter"),
    device("meter2", "meter", 2),
    device("reader", "reader", 1, 2),
    device("io", "io", 1, 2),
    device("psu1", "power"),
    device("lock1", "lock"),
    device("secc1", "secc"),
)


@pytest.mark.parametrize(
    ("params", "event"),
    [
        ({"device": "psu1"}, StartSelfTest(ONE, SelfTest.MODULE_TIMEOUT)),
        ({"device": "lock1"}, StartSelfTest(ONE, SelfTest.LOCK)),
        ({"device": "io", "connector": 2}, StartSelfTest(TWO, SelfTest.CONTACTOR)),
        ({"test": "contactor", "connector": 2}, StartSelfTest(TWO, SelfTest.CONTACTOR)),
        ({"test": "lock"}, StartSelfTest(ONE, SelfTest.LOCK)),
        ({"test": "lock", "connector": 2}, StartSelfTest(TWO, SelfTest.LOCK)),  # the core knows best what is built in
    ],
)
def test_what_moves_is_asked_of_the_core(tmp_path: Path, params: dict[str, object], event: StartSelfTest) -> None:
    """By device, by test and connector, or by what is the only one."""

    async def story(bench: Bench, client: Client) -> None:
        begun = await client.result("device.test", **params)
        assert (begun["test_id"], begun["connector"]) == (f"{event.test.value}-7", event.connector)

    assert play(tmp_path, story, *ALL).station.asked[0] == event


def test_its_facts_are_passed_on_to_who_asked(tmp_path: Path) -> None:
    """Steps and the end of this ticket only; after the end nothing is cancelled when the client leaves."""

    async def story(bench: Bench, client: Client) -> None:
        await client.result("device.test", device="psu1")
        for ticket in (6, 7):
            bench.station.commit(1, SelfTestStepped(ONE, ticket, SelfTest.MODULE_TIMEOUT, "on", 0.5))
            bench.station.commit(2, SelfTestFinished(ONE, ticket, SelfTest.MODULE_TIMEOUT, is_passed=True, detail="good"))
        head = {"test_id": "module-timeout-7", "test": "module-timeout"}
        assert [(await client.line())["params"] for _ in range(2)] == [
            {**head, "step": "on", "took_s": 0.5},
            {**head, "is_passed": True, "detail": "good"},
        ]
        assert bench.station.listeners == []

    assert CancelSelfTest(ONE, 7) not in play(tmp_path, story, *ALL).station.asked


def test_who_leaves_cancels(tmp_path: Path) -> None:
    """And is told nothing more."""

    async def story(bench: Bench, client: Client) -> None:
        await client.result("device.test", device="psu1")

    bench = play(tmp_path, story, *ALL)
    assert bench.station.asked == [StartSelfTest(ONE, SelfTest.MODULE_TIMEOUT), CancelSelfTest(ONE, 7)]
    assert bench.station.listeners == []


def test_what_the_core_refuses_is_refused_with_its_words(tmp_path: Path) -> None:
    """Error -32000."""

    async def story(bench: Bench, client: Client) -> None:
        bench.station.answer = rejected("connector 1: not now")
        assert await client.error("device.test", device="psu1") == (Code.REFUSED, "connector 1: not now")

    play(tmp_path, story, *ALL)


@pytest.mark.parametrize(("id_tag", "is_passed"), [("04A2B1C3", True), ("A" * 20, True), ("A" * 21, False)])
def test_a_card_is_told_with_its_tag(tmp_path: Path, id_tag: str, is_passed: bool) -> None:
    """One that OCPP does not take fails, and says why; then nobody listens any more."""

    async def story(bench: Bench, client: Client) -> None:
        await client.result("device.test", device="reader")
        bench.devices.say("reader", TokenRead(id_tag))
        told = (await client.line())["params"]
        assert (told["id_tag"], told["is_passed"]) == (id_tag, is_passed)
        assert ("21 characters" in told["detail"]) is not is_passed
        assert bench.devices.listeners == []

    play(tmp_path, story, *ALL)


def test_a_meter_that_stops_fails_after_its_time(tmp_path: Path) -> None:
    """It says how far it came."""

    async def story(bench: Bench, client: Client) -> None:
        await client.result("device.test", device="meter1")
        for energy_wh in (1, 2):
            bench.devices.say("meter1", MeterReading(energy_wh))
            assert (await client.line())["params"]["reading"]["energy_wh"] == energy_wh
        told = (await client.line())["params"]
        assert (told["is_passed"], told["detail"]) == (False, "meter1: no reading within 10 s, after 2 of 5")

    play(tmp_path, story, *ALL)


def test_a_device_that_is_lost_ends_its_test(tmp_path: Path) -> None:
    """Another one does not."""

    async def story(bench: Bench, client: Client) -> None:
        await client.result("device.test", device="reader", for_s=600)
        bench.station.commit(1, DeviceStateChanged(STATION, "meter1", is_available=False, detail="meter1: gone"))
        bench.station.commit(2, DeviceStateChanged(STATION, "reader", is_available=True))
        bench.station.commit(3, DeviceStateChanged(STATION, "reader", is_available=False, detail="reader: port is gone"))
        assert (await client.line())["params"]["detail"] == "reader: it does not answer: port is gone"

    play(tmp_path, story, *ALL)


def test_a_device_that_is_away_is_not_tried(tmp_path: Path) -> None:
    """The reason it was lost for is the answer; one that has not spoken yet is tried."""

    async def story(bench: Bench, client: Client) -> None:
        assert await client.error("device.test", device="a") == (Code.REFUSED, "a: it does not answer: no port")
        await client.result("device.test", device="b")

    play(tmp_path, story, device("a", "reader", is_available=False, detail="a: no port"), device("b", "reader", is_available=None))


def test_a_scan_gives_modules_or_the_reason(tmp_path: Path) -> None:
    """What the bus gives, and the words of its errors."""

    async def story(bench: Bench, client: Client) -> None:
        bench.devices.modules = [{"address": 3, "is_double": False}]
        assert await client.result("can.scan", bus="can0") == [{"address": 3, "is_double": False}]
        for error in (DeviceUnavailable("can0: CAN is down"), LookupError("say which bus: can0, can1")):
            bench.devices.error = error
            assert await client.error("can.scan") == (Code.REFUSED, error.args[0])
        bench.devices.error = TimeoutError()
        assert "not over after 10 s" in (await client.error("can.scan"))[1]
        bench.station.self_test = SelfTest.MODULE_TIMEOUT
        assert "must not be spoken to" in (await client.error("can.scan"))[1]

    play(tmp_path, story, *ALL)
