"""Remote trigger (OCPP 1.6, 3.14 and 5.17): what is answered, and what is said after it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from chargerd.core.events import Reply, UnlockConnector, Verdict
from chargerd.core.facts import ConnectorStatus, UnlockFinished
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.settings import Settings
from chargerd.core.view import TransactionView
from chargerd.ocpp.options import Features
from chargerd.ocpp.rpc import CallError, CallResult, ErrorCode, Payload
from chargerd.ocpp.standing import Registration
from chargerd.ocpp.v16.trigger import MOST_WANTED
from chargerd.sim.virtual_loop import run_virtual
from hal.types import MeterReading
from tests.support.ocpp_fakes import SILENCE, LinkBench, boot_answer, linked, status

ONE = ConnectorId(1)


async def trigger(bench: LinkBench, message: str, connector: int | None = None) -> str:
    """The status that is answered, or the code of an error."""
    payload: Payload = {"requestedMessage": message} | ({} if connector is None else {"connectorId": connector})
    answer = await bench.csms.request("TriggerMessage", payload)
    return str(answer.payload["status"]) if isinstance(answer, CallResult) else answer.code


async def settled(bench: LinkBench) -> int:
    """All statuses are told; how many CALLs that were."""
    await bench.seen("StatusNotification", 3)
    await bench.link.drained()
    return len(bench.csms.seen)


def on_a_link(scenario: Callable[[LinkBench], Awaitable[None]], **options: object) -> None:
    async def run() -> None:
        async with linked(Settings(meter_values_sampled_data=("Energy.Active.Import.Register", "Voltage")), **options) as bench:
            await scenario(bench)

    run_virtual(run())


@pytest.mark.parametrize(
    ("message", "connector", "said"),
    [
        ("Heartbeat", None, [("Heartbeat", None)]),
        ("Heartbeat", 7, [("Heartbeat", None)]),  # a connector that does not matter
        ("DiagnosticsStatusNotification", None, [("DiagnosticsStatusNotification", None)]),
        ("StatusNotification", None, [("StatusNotification", 0), ("StatusNotification", 1), ("StatusNotification", 2)]),
        ("StatusNotification", 0, [("StatusNotification", 0)]),
        ("StatusNotification", 2, [("StatusNotification", 2)]),
        ("MeterValues", 1, [("MeterValues", 1)]),
        ("MeterValues", None, [("MeterValues", 1), ("MeterValues", 2)]),
    ],
)
def test_what_is_accepted_is_said_after_the_answer(message: str, connector: int | None, said: list[tuple[str, int | None]]) -> None:
    """TC_054; without a connector everything of the kind. Nothing changed in between: they are said all the same."""

    async def scenario(bench: LinkBench) -> None:
        bench.station.meters = {1: MeterReading(1500, voltage_v=400.0), 2: MeterReading(7)}
        before, frames = await settled(bench), len(bench.csms.frames)
        assert await trigger(bench, message, connector) == "Accepted"
        await bench.until(lambda: len(bench.csms.seen) == before + len(said), within_s=5)
        assert [(one.action, one.payload.get("connectorId")) for one in bench.csms.seen[before:]] == said
        assert json.loads(bench.csms.frames[frames])[0] == 3  # the answer came first

    on_a_link(scenario)


@pytest.mark.parametrize(
    ("message", "connector", "answer"),
    [
        ("MeterValues", 3, "Rejected"),  # TC_055
        ("MeterValues", 0, "Rejected"),
        ("MeterValues", 2, "Rejected"),  # its meter has not been read
        ("StatusNotification", 3, "Rejected"),
        ("StatusNotification", -1, "Rejected"),
        ("BootNotification", None, "Rejected"),  # errata 3.35
        ("FirmwareStatusNotification", None, "NotImplemented"),
        ("Nonsense", None, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
    ],
)
def test_what_does_not_suit_is_refused_and_nothing_said(message: str, connector: int | None, answer: str) -> None:
    """OCPP 1.6, 5.17."""

    async def scenario(bench: LinkBench) -> None:
        bench.station.meters = {1: MeterReading(1500)}
        before = await settled(bench)
        assert await trigger(bench, message, connector) == answer
        assert await trigger(bench, "Heartbeat") == "Accepted"
        await bench.until(lambda: len(bench.csms.seen) > before)
        assert [one.action for one in bench.csms.seen[before:]] == ["Heartbeat"]

    on_a_link(scenario)


@pytest.mark.parametrize("remote_id", [None, 42])
def test_a_reading_has_its_reason_and_its_transaction(remote_id: int | None) -> None:
    """All that is sampled, with the context Trigger; the number as soon as there is one."""

    async def scenario(bench: LinkBench) -> None:
        bench.station.meters = {1: MeterReading(1500, voltage_v=400.0)}
        bench.station.transactions = {1: TransactionView(LocalId("tx"), remote_id, IdTag("T"), 1000, 0.0, False)}
        await settled(bench)
        assert await trigger(bench, "MeterValues", 1) == "Accepted"
        payload = (await bench.seen("MeterValues")).payload
        (value,) = payload["meterValue"]
        assert [(one["measurand"], one["value"], one["context"]) for one in value["sampledValue"]] == [
            ("Energy.Active.Import.Register", "1500", "Trigger"),
            ("Voltage", "400.0", "Trigger"),
        ]
        assert payload.get("transactionId") == remote_id

    on_a_link(scenario)


def test_nothing_to_read_is_rejected() -> None:
    """No meter has spoken."""

    async def scenario(bench: LinkBench) -> None:
        await settled(bench)
        assert await trigger(bench, "MeterValues") == "Rejected"

    on_a_link(scenario)


def test_while_pending_only_what_is_triggered_is_said() -> None:
    """OCPP 1.6, 4.2: and BootNotification as soon as it is wanted."""

    async def scenario(bench: LinkBench) -> None:
        states = iter(["Pending", "Pending", "Accepted"])
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(next(states), interval=500)
        bench.station.meters = {1: MeterReading(1500)}
        await bench.until(lambda: bench.link.status().registration is Registration.PENDING)
        bench.station.tell(status(1, ConnectorStatus.PREPARING))
        for message, connector in (("StatusNotification", 1), ("MeterValues", 1), ("Heartbeat", None), ("BootNotification", None)):
            assert await trigger(bench, message, connector) == "Accepted"
            await bench.until(lambda message=message: bench.csms.actions[-1] == message, within_s=5)
        expected = ["BootNotification", "StatusNotification", "MeterValues", "Heartbeat", "BootNotification"]
        assert bench.csms.actions == expected
        assert bench.csms.seen[1].payload["status"] == "Preparing"
        await bench.seen("BootNotification", 3)  # the interval goes on as before
        _, second, third = bench.csms.of("BootNotification")
        assert third.at_s - second.at_s == pytest.approx(500, abs=1)
        await bench.seen("StatusNotification", 4)
        assert await trigger(bench, "BootNotification") == "Rejected"

    on_a_link(scenario)


def test_before_the_answer_to_the_boot_nothing_can_be_triggered() -> None:
    """OCPP 1.6, 4.2: the station says nothing else until then."""

    async def scenario(bench: LinkBench) -> None:
        bench.csms.answers["BootNotification"] = SILENCE
        await bench.seen("BootNotification")
        assert await trigger(bench, "Heartbeat") == "Rejected"
        assert bench.csms.actions == ["BootNotification"]

    on_a_link(scenario)


def test_a_status_that_was_triggered_is_not_told_again() -> None:
    """One held back by MinimumStatusDuration is told by the trigger, and then no news any more."""

    async def scenario(bench: LinkBench) -> None:
        bench.station.settings = Settings(minimum_status_duration_s=100, heartbeat_interval_s=86400)
        await bench.seen("StatusNotification", 3)
        bench.station.tell(status(1, ConnectorStatus.PREPARING))
        assert await trigger(bench, "StatusNotification", 1) == "Accepted"
        await bench.seen("StatusNotification", 4)
        assert await trigger(bench, "Heartbeat") == "Accepted"
        await bench.seen("Heartbeat", 1)
        bench.station.tell(status(1, ConnectorStatus.CHARGING))
        told = await bench.seen("StatusNotification", 5)
        assert [one.payload["status"] for one in bench.csms.of("StatusNotification")[3:]] == ["Preparing", "Charging"]
        assert told.at_s > 100.0

    on_a_link(scenario)


def test_too_much_at_once_is_rejected() -> None:
    """What waits is bounded while the central system leaves a CALL unanswered; what was accepted is said."""

    async def scenario(bench: LinkBench) -> None:
        before = await settled(bench)
        bench.csms.latency_s = 20.0
        answers = [await trigger(bench, "Heartbeat") for _ in range(MOST_WANTED + 5)]
        assert answers[MOST_WANTED + 1 :] == ["Rejected"] * 4  # one is being said
        bench.csms.latency_s = 0.0
        await bench.until(lambda: len(bench.csms.seen) == before + answers.count("Accepted"))

    on_a_link(scenario)


def test_what_was_wanted_on_one_connection_is_not_said_on_the_next() -> None:
    """Who wanted it is gone."""

    async def scenario(bench: LinkBench) -> None:
        await settled(bench)
        bench.csms.latency_s = 20.0
        assert [await trigger(bench, "DiagnosticsStatusNotification") for _ in range(3)] == ["Accepted"] * 3
        bench.csms.drop()
        bench.csms.latency_s = 0.0
        await bench.until(lambda: len(bench.csms.dials) == 2)
        assert await trigger(bench, "Heartbeat") == "Accepted"
        await bench.until(lambda: bench.csms.actions[-1] == "Heartbeat")
        assert len(bench.csms.of("DiagnosticsStatusNotification")) == 1

    on_a_link(scenario)


def test_it_waits_for_the_answer_to_an_unlock() -> None:
    """What the unlock brings about comes after its answer, triggered or not (TC_018_1)."""

    async def scenario(bench: LinkBench) -> None:
        before = await settled(bench)
        bench.station.replies[UnlockConnector] = Reply(Verdict.PENDING, ticket=5)
        bench.csms.put('[2,"unlock","UnlockConnector",{"connectorId":1}]')
        assert await trigger(bench, "StatusNotification", 1) == "Accepted"
        assert len(bench.csms.seen) == before
        bench.station.tell(UnlockFinished(ONE, 5, True))
        await bench.until(lambda: len(bench.csms.seen) > before, within_s=1)

    on_a_link(scenario, unlock_timeout_s=10)


def test_one_that_is_refused_is_not_repeated() -> None:
    """It is not owed; the conversation goes on."""

    async def scenario(bench: LinkBench) -> None:
        await settled(bench)
        bench.csms.answers["DiagnosticsStatusNotification"] = ErrorCode.NOT_SUPPORTED
        assert await trigger(bench, "DiagnosticsStatusNotification") == "Accepted"
        await bench.seen("DiagnosticsStatusNotification")
        assert await trigger(bench, "Heartbeat") == "Accepted"
        await bench.seen("Heartbeat")
        assert len(bench.csms.of("DiagnosticsStatusNotification")) == 1

    on_a_link(scenario)


def test_without_the_profile() -> None:
    """ECU-L7002S: not supported."""

    async def scenario(bench: LinkBench) -> None:
        await settled(bench)
        answer = await bench.csms.request("TriggerMessage", {"requestedMessage": "Heartbeat"})
        assert isinstance(answer, CallError)
        assert answer.code == ErrorCode.NOT_SUPPORTED

    on_a_link(scenario, features=Features(remote_trigger=False))
