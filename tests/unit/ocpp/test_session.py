"""The conversation with a central system, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable

import pytest

from chargerd.core.events import (
    AuthorizationAnswered,
    AuthorizationStatus,
    ChangeSettings,
    IdTagInfo,
    LinkChanged,
    MessageGivenUp,
    RemoteStart,
    Reply,
    StartAnswered,
    StopAnswered,
    StopReason,
    UnlockConnector,
    Verdict,
)
from chargerd.core.facts import (
    AuthorizationAsked,
    ConnectorStatus,
    MeterSampled,
    ReadingContext,
    Sample,
    TransactionStarted,
    TransactionStopped,
    UnlockFinished,
)
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.settings import Settings
from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.rpc import CallResult, ErrorCode, Payload
from chargerd.ocpp.standing import Registration
from chargerd.sim.virtual_loop import run_virtual
from tests.support.ocpp_fakes import NOON_UTC_S, SILENCE, FakeClock, LinkBench, boot_answer, linked, status

ONE = ConnectorId(1)
TX = LocalId("tx-1")
TAG = IdTag("04A2B1")
ACCEPTED = IdTagInfo(AuthorizationStatus.ACCEPTED)

Scenario = Callable[[], Awaitable[None]]


def virtual(scenario: Scenario) -> Callable[[], None]:
    """The scenario as a test in virtual time."""

    def test() -> None:
        run_virtual(scenario())  # type: ignore[arg-type]

    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test


def start(meter_wh: int = 100, local_id: LocalId = TX) -> TransactionStarted:
    return TransactionStarted(ONE, local_id, TAG, meter_wh)


def sample(energy_wh: int) -> MeterSampled:
    values = (Sample("Energy.Active.Import.Register", energy_wh, "Wh"),)
    return MeterSampled(ONE, TX, energy_wh, ReadingContext.PERIODIC, values, values)


def stop(meter_wh: int = 500) -> TransactionStopped:
    return TransactionStopped(ONE, TX, StopReason.LOCAL, meter_wh, TAG)


async def settled(bench: LinkBench) -> None:
    """The first conversation is over: all statuses are told."""
    await bench.seen("StatusNotification", 3)
    await bench.link.drained()


# --- registration


@virtual
async def test_accepted_boot() -> None:
    """TC_001: BootNotification alone, then the status of 0 and every connector, then a Heartbeat at the interval that was given."""
    async with linked(Settings(heartbeat_interval_s=1000)) as bench:
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(interval=120)
        beat = await bench.seen("Heartbeat", 2)
        assert bench.csms.actions == ["BootNotification", *["StatusNotification"] * 3, "Heartbeat", "Heartbeat"]
        assert [seen.payload["connectorId"] for seen in bench.csms.of("StatusNotification")] == [0, 1, 2]
        assert bench.station.of(ChangeSettings) == [ChangeSettings({"heartbeat_interval_s": 120})]
        assert bench.station.of(LinkChanged) == [LinkChanged(True)]
        assert beat.at_s - bench.csms.of("Heartbeat")[0].at_s == pytest.approx(120, abs=0.1)


@virtual
async def test_a_status_that_is_not_known_yet_is_not_told() -> None:
    """TC_015, TC_032_2: a connector whose vehicle side has not spoken yet is not told as Available, as a vehicle may be plugged in."""
    async with linked(before=lambda bench: setattr(bench.station, "is_status_known", False)) as bench:
        await bench.seen("StatusNotification")
        await asyncio.sleep(1.0)
        assert [one.payload["connectorId"] for one in bench.csms.of("StatusNotification")] == [0]
        bench.station.tell(status(1, ConnectorStatus.PREPARING))
        await asyncio.sleep(1.0)
        assert [one.payload["status"] for one in bench.csms.of("StatusNotification")] == ["Available", "Preparing"]


@virtual
async def test_interval_zero_keeps_our_own() -> None:
    """Interval 0 in an accepted boot changes nothing."""
    async with linked(Settings(heartbeat_interval_s=77)) as bench:
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(interval=0)
        beat = await bench.seen("Heartbeat")
        assert beat.at_s - bench.csms.of("StatusNotification")[-1].at_s == pytest.approx(77, abs=0.1)
        assert bench.station.of(ChangeSettings) == []


@virtual
async def test_clock_is_set_with_half_the_round_trip() -> None:
    """The time of BootNotification.conf is corrected by half of the time that the answer took."""
    async with linked(clock=FakeClock(error_s=-5000)) as bench:
        bench.csms.latency_s = 2.0
        first = await bench.seen("StatusNotification")
        assert bench.clock.synchronised[0] == pytest.approx(NOON_UTC_S + first.at_s + 1.0, abs=0.01)


@virtual
async def test_nothing_before_acceptance() -> None:
    """libocpp#444: while Pending nothing but BootNotification goes out, however much is owed, and it keeps the given interval."""
    async with linked() as bench:
        states = iter(["Pending", "Pending", "Accepted"])
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(next(states), interval=50)
        bench.station.tell(start())
        bench.station.tell(status(1, ConnectorStatus.PREPARING))
        await bench.seen("BootNotification", 3)
        boots = bench.csms.of("BootNotification")
        assert bench.csms.actions[:3] == ["BootNotification"] * 3
        assert [round(two.at_s - one.at_s) for one, two in itertools.pairwise(boots)] == [50, 50]
        await bench.seen("StartTransaction")
        assert len(bench.csms.dials) == 1


@virtual
async def test_pending_station_answers_but_starts_nothing() -> None:
    """lbbrhzn#1503 and TC_002: while Pending configuration requests are answered, remote start and stop are Rejected."""
    async with linked() as bench:
        bench.csms.answers["BootNotification"] = lambda _: boot_answer("Pending", interval=500)
        await bench.until(lambda: bench.link.status().registration is Registration.PENDING)
        answer = await bench.csms.request("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "7"})
        assert isinstance(answer, CallResult)
        assert answer.payload == {"status": "Accepted"}
        for action, payload in (("RemoteStartTransaction", {"idTag": "x"}), ("RemoteStopTransaction", {"transactionId": 1})):
            refused = await bench.csms.request(action, payload)
            assert isinstance(refused, CallResult)
            assert refused.payload == {"status": "Rejected"}
        assert bench.link.status().retry_in_s == pytest.approx(500, abs=2)


@virtual
async def test_answers_while_the_first_boot_answer_is_awaited() -> None:
    """lbbrhzn#1503: a request that comes before the answer to BootNotification is answered, and BootNotification is not repeated."""
    async with linked() as bench:
        bench.csms.latency_s = 20.0
        await bench.seen("BootNotification")
        answer = await bench.csms.request("GetConfiguration", {"key": ["HeartbeatInterval"]})
        assert isinstance(answer, CallResult)
        assert bench.csms.actions == ["BootNotification"]


@virtual
async def test_rejected_station_is_silent_until_the_interval_is_over() -> None:
    """TC_001: after Rejected the connection is closed and nothing is dialled before the interval is over."""
    async with linked() as bench:
        states = iter(["Rejected", "Accepted"])
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(next(states), interval=200)
        await bench.until(lambda: bench.csms.connection is None and bench.csms.dials)
        second = await bench.seen("BootNotification", 2)
        assert second.at_s - bench.csms.of("BootNotification")[0].at_s >= 199.9
        assert len(bench.csms.dials) == 2


@pytest.mark.parametrize("answer", [SILENCE, ErrorCode.INTERNAL_ERROR])
def test_boot_without_a_usable_answer_is_repeated(answer: object) -> None:
    """Silence and CALLERROR are no acceptance: BootNotification comes again after our own interval."""

    async def scenario() -> None:
        async with linked(boot_retry_s=60) as bench:
            bench.csms.answers["BootNotification"] = answer
            second = await bench.seen("BootNotification", 2)
            waited_s = second.at_s - bench.csms.of("BootNotification")[0].at_s
            assert 60 <= waited_s <= 60 * 1.25 + 30 + 1
            assert set(bench.csms.actions) == {"BootNotification"}
            assert bench.station.of(LinkChanged) == []

    run_virtual(scenario())


@virtual
async def test_pending_interval_outlives_the_connection() -> None:
    """lbbrhzn#1503: a connection that breaks while Pending does not make BootNotification come earlier."""
    async with linked() as bench:
        states = iter(["Pending", "Accepted"])
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(next(states), interval=300)
        await bench.until(lambda: bench.link.status().registration is Registration.PENDING)
        bench.csms.drop()
        second = await bench.seen("BootNotification", 2)
        assert second.connection == 2
        assert second.at_s - bench.csms.of("BootNotification")[0].at_s >= 299.9


@pytest.mark.parametrize("answer", [SILENCE, ErrorCode.INTERNAL_ERROR])
def test_boot_after_a_failed_one_keeps_the_last_interval(answer: object) -> None:
    """A failure after Pending is waited for as long as the central system last asked for."""

    async def scenario() -> None:
        async with linked(Settings(message_timeout_s=10), boot_retry_s=60) as bench:
            answers = iter([lambda _: boot_answer("Pending", interval=400), answer])
            bench.csms.answers["BootNotification"] = lambda payload: answered(next(answers), payload)
            third = await bench.seen("BootNotification", 3, within_s=2000)
            waited_s = third.at_s - bench.csms.of("BootNotification")[1].at_s
            assert 400 <= waited_s <= 400 + 10 + 1

    def answered(one: object, payload: Payload) -> object:
        return one(payload) if callable(one) else one

    run_virtual(scenario())


@pytest.mark.parametrize("state", ["Accepted", "Pending", "Rejected"])
@pytest.mark.parametrize("interval", [-1, 2**31, 2**62])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00+14:00"])
def test_absurd_answer_to_the_boot(state: str, interval: int, moment: str) -> None:
    """What its schema allows is survived, whatever it says; a heartbeat comes at least once a day."""

    async def scenario() -> None:
        async with linked() as bench:
            bench.csms.answers["BootNotification"] = {"status": state, "currentTime": moment, "interval": interval}
            await bench.seen("BootNotification")
            await asyncio.sleep(100_000)
            assert not bench.task.done()
            assert (len(bench.csms.of("Heartbeat")) > 0) is (state == "Accepted")

    run_virtual(scenario())


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63)])
def test_any_integer_is_a_transaction(number: int) -> None:
    """Errata 3.54: the central system may number as it likes."""

    async def scenario() -> None:
        async with linked() as bench:
            await settled(bench)
            bench.csms.answers["StartTransaction"] = {"idTagInfo": {"status": "Accepted"}, "transactionId": number}
            bench.station.tell(start())
            bench.station.tell(stop())
            stopped = await bench.seen("StopTransaction")
            assert stopped.payload["transactionId"] == number

    run_virtual(scenario())


# --- reconnecting


@virtual
async def test_reconnect_is_no_boot() -> None:
    """OCPP-J 5.4 and libocpp#1130: after a mere reconnect no BootNotification, and only what differs, with the present time."""
    async with linked() as bench:
        await settled(bench)
        bench.csms.drop()
        await bench.until(lambda: bench.csms.connection is None)
        bench.station.tell(status(2, ConnectorStatus.PREPARING))
        bench.station.tell(status(1, ConnectorStatus.PREPARING))
        bench.station.tell(status(1))
        told = await bench.seen("StatusNotification", 4)
        await asyncio.sleep(30)
        assert (told.connection, told.payload["connectorId"], told.payload["status"]) == (2, 2, "Preparing")
        assert parse_time(str(told.payload["timestamp"])) == pytest.approx(NOON_UTC_S + told.at_s, abs=0.1)
        assert len(bench.csms.of("BootNotification")) == 1
        assert len(bench.csms.of("StatusNotification")) == 4
        assert bench.station.of(LinkChanged) == [LinkChanged(True), LinkChanged(False), LinkChanged(True)]


@virtual
async def test_slow_central_system_hears_every_change() -> None:
    """Errata 3.19: short states are told too, in the order of the whole station, each with the time at which it came."""
    async with linked() as bench:
        await settled(bench)
        bench.csms.latency_s = 5.0
        changes = [
            (1, ConnectorStatus.CHARGING),
            (2, ConnectorStatus.PREPARING),
            (1, ConnectorStatus.FINISHING),
            (1, ConnectorStatus.AVAILABLE),
        ]
        times = []
        for connector, state in changes:
            await asyncio.sleep(1)
            times.append(asyncio.get_running_loop().time())
            bench.station.tell(status(connector, state))
        await bench.seen("StatusNotification", 3 + len(changes))
        payloads = [seen.payload for seen in bench.csms.of("StatusNotification")[3:]]
        assert [(one["connectorId"], one["status"]) for one in payloads] == [(number, state.value) for number, state in changes]
        assert [parse_time(str(one["timestamp"])) - NOON_UTC_S for one in payloads] == pytest.approx(times, abs=0.001)


@virtual
async def test_status_without_an_answer_is_told_on_the_next_connection() -> None:
    """It is not delivered; on this connection it is not repeated, and nothing else waits for it."""
    async with linked(Settings(message_timeout_s=10)) as bench:
        await settled(bench)
        bench.csms.answers["StatusNotification"] = SILENCE
        bench.station.tell(status(1, ConnectorStatus.PREPARING))
        await bench.seen("StatusNotification", 4)
        await asyncio.sleep(60)
        assert len(bench.csms.of("StatusNotification")) == 4
        del bench.csms.answers["StatusNotification"]
        bench.csms.drop()
        again = await bench.seen("StatusNotification", 5)
        assert (again.connection, again.payload["connectorId"], again.payload["status"]) == (2, 1, "Preparing")


@virtual
async def test_minimum_status_duration() -> None:
    """A state shorter than MinimumStatusDuration is skipped on the wire."""
    async with linked(Settings(minimum_status_duration_s=10)) as bench:
        await settled(bench)
        bench.station.tell(status(1, ConnectorStatus.PREPARING))
        await asyncio.sleep(5)
        bench.station.tell(status(1, ConnectorStatus.CHARGING))
        began_s = asyncio.get_running_loop().time()
        told = await bench.seen("StatusNotification", 4)
        assert told.payload["status"] == "Charging"
        assert told.at_s - began_s == pytest.approx(10, abs=0.1)


# --- authorisation


@virtual
async def test_authorize() -> None:
    """A question becomes Authorize, its answer the event with the same ticket."""
    async with linked() as bench:
        await settled(bench)
        bench.csms.answers["Authorize"] = {"idTagInfo": {"status": "Blocked", "parentIdTag": "P"}}
        bench.station.tell(AuthorizationAsked(ONE, 7, TAG))
        await bench.until(lambda: bench.station.of(AuthorizationAnswered))
        assert bench.station.of(AuthorizationAnswered) == [AuthorizationAnswered(7, IdTagInfo(AuthorizationStatus.BLOCKED, IdTag("P")))]
        assert bench.csms.of("Authorize")[0].payload == {"idTag": TAG}


@pytest.mark.parametrize("answer", [SILENCE, ErrorCode.GENERIC_ERROR, {}])
def test_authorize_without_a_usable_answer(answer: object) -> None:
    """Silence, CALLERROR and an invalid answer leave it to the offline rules."""

    async def scenario() -> None:
        async with linked() as bench:
            await settled(bench)
            bench.csms.answers["Authorize"] = answer if answer != {} else SILENCE
            bench.station.tell(AuthorizationAsked(ONE, 7, TAG))
            if answer == {}:
                seen = await bench.seen("Authorize")
                assert bench.csms.connection is not None
                bench.csms.connection.put(f'[3,"{seen.message_id}",{{"idTagInfo":{{"status":"Perhaps"}}}}]')
            await bench.until(lambda: bench.station.of(AuthorizationAnswered))
            assert bench.station.of(AuthorizationAnswered) == [AuthorizationAnswered(7, None)]

    run_virtual(scenario())


@virtual
async def test_offline_question_is_answered_at_once() -> None:
    """Without a connection the offline rules get their turn at once, before any time-out."""
    async with linked(before=lambda bench: setattr(bench.csms, "refusal", OSError("no route"))) as bench:
        await bench.until(lambda: bench.csms.dials)
        bench.station.tell(AuthorizationAsked(ONE, 7, TAG))
        await asyncio.sleep(0.1)
        assert bench.station.of(AuthorizationAnswered) == [AuthorizationAnswered(7, None)]


@virtual
async def test_question_in_flight_when_the_link_breaks() -> None:
    """Every question gets exactly one answer: none is lost with the connection."""
    async with linked() as bench:
        await settled(bench)
        bench.csms.answers["Authorize"] = SILENCE
        bench.station.tell(AuthorizationAsked(ONE, 7, TAG))
        bench.station.tell(AuthorizationAsked(ONE, 8, TAG))
        await bench.seen("Authorize")
        bench.csms.drop()
        await bench.until(lambda: len(bench.station.of(AuthorizationAnswered)) == 2)
        assert bench.station.of(AuthorizationAnswered) == [AuthorizationAnswered(7, None), AuthorizationAnswered(8, None)]


# --- the queue


@virtual
async def test_whole_transaction() -> None:
    """Start, values and stop go out in order; the number of the central system is put in when it is known."""
    async with linked() as bench:
        await settled(bench)
        for fact in (start(), sample(200), sample(300), stop()):
            bench.station.tell(fact)
        await bench.seen("StopTransaction")
        assert bench.csms.actions[-4:] == ["StartTransaction", "MeterValues", "MeterValues", "StopTransaction"]
        assert [seen.payload["transactionId"] for seen in bench.csms.seen[-3:]] == [1001, 1001, 1001]
        assert bench.station.of(StartAnswered) == [StartAnswered(TX, TAG, 1001, ACCEPTED, settles=bench.store.kept[-4].seq)]
        await bench.until(lambda: bench.station.of(StopAnswered))
        data = bench.csms.of("StopTransaction")[0].payload["transactionData"]
        assert [value["sampledValue"][0]["value"] for value in data] == ["200", "300"]  # type: ignore[attr-defined]
        await bench.link.drained()
        assert bench.store.queue == []


@virtual
async def test_offline_transaction() -> None:
    """TC_039, libocpp#495, open-ocpp#24, lbbrhzn#1000: a session held offline goes out whole, with its number and its own times."""

    def prepare(bench: LinkBench) -> None:
        bench.csms.refusal = OSError("no route")

    async with linked(before=prepare) as bench:
        for fact, at_s in ((start(), 100.0), (sample(200), 160.0), (stop(), 200.0)):
            bench.station.tell(fact, utc_s=NOON_UTC_S + at_s)
        await asyncio.sleep(500)
        bench.csms.refusal = None
        stopped = await bench.seen("StopTransaction")
        assert stopped.payload["transactionId"] == 1001
        assert parse_time(str(stopped.payload["timestamp"])) == NOON_UTC_S + 200
        assert bench.csms.actions[-3:] == ["StartTransaction", "MeterValues", "StopTransaction"]


@virtual
async def test_facts_from_before_the_clock_was_set() -> None:
    """Times of facts without UTC follow from the clock that the central system has set."""
    async with linked(clock=FakeClock(error_s=-1e9)) as bench:
        told = bench.station.tell(start(), is_timed=False)
        seen = await bench.seen("StartTransaction")
        assert parse_time(str(seen.payload["timestamp"])) == pytest.approx(NOON_UTC_S + told.mono_s, abs=0.01)


@virtual
async def test_unanswered_start_is_retried_in_its_place() -> None:
    """libocpp#688, MicroOcpp#50: one CALL in flight, retried with the same message id after interval x attempt, and nothing passes it."""
    async with linked(Settings(transaction_message_retry_interval_s=60, message_timeout_s=30)) as bench:
        await settled(bench)
        answers = iter([SILENCE, ErrorCode.INTERNAL_ERROR, {"idTagInfo": {"status": "Accepted"}, "transactionId": 5}])
        bench.csms.answers["StartTransaction"] = lambda _: next(answers)
        bench.station.tell(start())
        bench.station.tell(sample(200))
        values = await bench.seen("MeterValues")
        starts = bench.csms.of("StartTransaction")
        assert values.payload["transactionId"] == 5
        assert len({one.message_id for one in starts}) == 1
        assert [round(two.at_s - one.at_s) for one, two in itertools.pairwise(starts)] == [30 + 60, 120]


@virtual
async def test_start_given_up() -> None:
    """Errata 3.18: after the last attempt the message is given up, and what follows bears the number -1."""
    settings = Settings(transaction_message_attempts=2, transaction_message_retry_interval_s=10)
    async with linked(settings) as bench:
        await settled(bench)
        bench.csms.answers["StartTransaction"] = ErrorCode.INTERNAL_ERROR
        told = bench.station.tell(start())
        bench.station.tell(stop())
        stopped = await bench.seen("StopTransaction")
        assert len(bench.csms.of("StartTransaction")) == 2
        assert bench.station.of(MessageGivenUp) == [MessageGivenUp(ONE, TX, "StartTransaction", 2, settles=told.seq)]
        assert stopped.payload["transactionId"] == -1


@virtual
async def test_broken_connection_is_no_attempt() -> None:
    """A transmission that broke with the connection does not count, and is repeated at once with the same id."""
    async with linked(Settings(transaction_message_attempts=1)) as bench:
        await settled(bench)
        bench.csms.answers["StartTransaction"] = SILENCE
        bench.station.tell(start())
        first = await bench.seen("StartTransaction")
        del bench.csms.answers["StartTransaction"]
        bench.csms.drop()
        second = await bench.seen("StartTransaction", 2)
        await bench.until(lambda: bench.station.of(StartAnswered))
        assert first.message_id == second.message_id
        assert bench.station.of(MessageGivenUp) == []


@virtual
async def test_answer_that_comes_with_the_end_of_the_connection() -> None:
    """libocpp#907: an answer that was read is used, even when the connection ends in the same moment; nothing is sent twice."""
    async with linked() as bench:
        await settled(bench)
        bench.csms.answers["StartTransaction"] = SILENCE
        bench.station.tell(start())
        seen = await bench.seen("StartTransaction")
        assert bench.csms.connection is not None
        bench.csms.connection.put(f'[3,"{seen.message_id}",{{"idTagInfo":{{"status":"Accepted"}},"transactionId":5}}]')
        bench.csms.drop()
        await bench.until(lambda: bench.station.of(StartAnswered))
        await asyncio.sleep(100)
        assert len(bench.csms.of("StartTransaction")) == 1
        assert len(bench.station.of(StartAnswered)) == 1


@virtual
async def test_status_overtakes_the_queue() -> None:
    """StatusNotification is not transaction-related: it does not wait while the queue waits for a retry."""
    async with linked() as bench:
        await settled(bench)
        bench.csms.answers["StartTransaction"] = ErrorCode.INTERNAL_ERROR
        bench.station.tell(start())
        await bench.seen("StartTransaction")
        bench.station.tell(status(1, ConnectorStatus.CHARGING))
        told = await bench.seen("StatusNotification", 4, within_s=5)
        assert told.payload["status"] == "Charging"
        assert len(bench.csms.of("StartTransaction")) == 1


@pytest.mark.parametrize("is_unlocked", [True, None])
def test_answer_to_an_unlock_goes_before_what_it_ends(is_unlocked: bool | None) -> None:
    """TC_018_1: Unlocked, then StopTransaction and Finishing; with a lock that says nothing (None) they wait no longer than the answer."""

    async def scenario() -> None:
        async with linked(unlock_timeout_s=10) as bench:
            await settled(bench)
            bench.station.replies[UnlockConnector] = Reply(Verdict.PENDING, ticket=5)
            bench.station.tell(start())
            await bench.seen("StartTransaction")
            bench.csms.put('[2,"unlock","UnlockConnector",{"connectorId":1}]')
            await asyncio.sleep(1)
            bench.station.tell(status(1, ConnectorStatus.FINISHING))
            bench.station.tell(stop())
            await asyncio.sleep(5)
            assert bench.csms.actions[-1] == "StartTransaction"
            before = len(bench.csms.frames)
            if is_unlocked is not None:
                bench.station.tell(UnlockFinished(ONE, 5, is_unlocked))
            await bench.seen("StopTransaction", within_s=5)
            heard = [json.loads(text) for text in bench.csms.frames[before:]]
            assert heard[0] == [3, "unlock", {"status": "Unlocked" if is_unlocked else "UnlockFailed"}]
            assert [frame[2] for frame in heard[1:]] == ["StatusNotification", "StopTransaction"]

    run_virtual(scenario())


@virtual
async def test_storage_failure_holds_the_queue() -> None:
    """While the journal cannot write, an answered message is not sent again; the link goes on, and so does the queue afterwards."""
    async with linked() as bench:
        await settled(bench)
        bench.station.is_storage_working = False
        bench.station.tell(start())
        await bench.seen("StartTransaction")
        await asyncio.sleep(60)
        assert len(bench.csms.of("StartTransaction")) == 1
        bench.station.is_storage_working = True
        await bench.station.committed()
        bench.station.tell(stop())
        await bench.seen("StopTransaction")
        assert len(bench.csms.of("StartTransaction")) == 1


# --- keeping the connection


@virtual
async def test_heartbeat_only_in_silence() -> None:
    """Any message of ours restarts the heartbeat's timer, answers included."""
    async with linked(Settings(heartbeat_interval_s=300)) as bench:
        await settled(bench)
        await asyncio.sleep(200)
        await bench.csms.request("GetConfiguration", {"key": ["HeartbeatInterval"]})
        asked_s = asyncio.get_running_loop().time()
        beat = await bench.seen("Heartbeat")
        assert beat.at_s - asked_s == pytest.approx(300, abs=0.2)


@virtual
async def test_heartbeat_once_a_day_for_the_time() -> None:
    """OCPP-J 5.3: with HeartbeatInterval 0 there is still one Heartbeat in 24 h."""
    async with linked(Settings(heartbeat_interval_s=0)) as bench:
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(interval=0)
        beat = await bench.seen("Heartbeat", within_s=90_000)
        assert beat.at_s - bench.csms.of("BootNotification")[0].at_s == pytest.approx(86400, abs=1)


@virtual
async def test_changed_interval_holds_at_once() -> None:
    """ChangeConfiguration(HeartbeatInterval) shortens the running wait."""
    async with linked(Settings(heartbeat_interval_s=300)) as bench:
        await settled(bench)
        await bench.csms.request("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "20"})
        asked_s = asyncio.get_running_loop().time()
        beat = await bench.seen("Heartbeat")
        assert beat.at_s - asked_s == pytest.approx(20, abs=0.5)


@virtual
async def test_pings_and_their_interval() -> None:
    """WebSocketPingInterval makes us ping; a change holds at once, 0 stops it."""
    async with linked(Settings(web_socket_ping_interval_s=50)) as bench:
        await settled(bench)
        connection = bench.csms.connection
        assert connection is not None
        await bench.until(lambda: len(connection.pings) == 2)
        assert connection.pings[1] - connection.pings[0] == pytest.approx(50)
        await bench.csms.request("ChangeConfiguration", {"key": "WebSocketPingInterval", "value": "0"})
        await asyncio.sleep(1000)
        assert len(connection.pings) == 2
        assert bench.link.status().is_connected


@virtual
async def test_half_open_connection_is_left() -> None:
    """SmartEVSE#202, lbbrhzn#1744: no pong before the next ping is due ends the connection, and a new one is dialled."""
    async with linked(Settings(web_socket_ping_interval_s=50, heartbeat_interval_s=3000)) as bench:
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(interval=3000)
        await settled(bench)
        assert bench.csms.connection is not None
        bench.csms.connection.answers_pings = False
        await bench.until(lambda: "half open" in bench.link.status().last_error, within_s=120)
        await bench.until(lambda: len(bench.csms.dials) == 2)


@virtual
async def test_central_system_that_answers_nothing_is_left() -> None:
    """SmartEVSE#202, lbbrhzn#1744: pongs alone are not enough: after three silent CALLs in a row the connection is dialled anew.

    Each of them counts as an attempt.
    """
    async with linked(Settings(transaction_message_attempts=5, transaction_message_retry_interval_s=1)) as bench:
        await settled(bench)
        bench.csms.answers.update({"StartTransaction": SILENCE, "Heartbeat": SILENCE})
        told = bench.station.tell(start())
        await bench.until(lambda: len(bench.csms.dials) == 2)
        assert bench.store.attempts == {told.seq: 3}


@virtual
async def test_handlers_do_not_hold_up_the_reader() -> None:
    """mobilityhouse#130, evcc#29838: requests are answered while our CALL waits, and its answer is read while a request is worked on."""
    async with linked() as bench:
        await settled(bench)
        bench.csms.latency_s = 10.0
        bench.station.tell(AuthorizationAsked(ONE, 1, TAG))
        await bench.seen("Authorize")
        async with asyncio.timeout(1):
            await bench.csms.request("GetConfiguration", {})
        assert bench.station.of(AuthorizationAnswered) == []


@pytest.mark.parametrize(("away_s", "starts"), [(0, 1), (1000, 2)])
def test_command_that_comes_again_on_the_next_connection(away_s: float, starts: int) -> None:
    """Errata JE 3.1: its answer is repeated and it is not done twice; long after it is a new command under an old id."""
    command = '[2,"again","RemoteStartTransaction",{"idTag":"04A2B1"}]'

    async def scenario() -> None:
        async with linked() as bench:
            await settled(bench)
            bench.csms.put(command)
            await bench.until(lambda: len(bench.csms.unasked) == 1)
            first = bench.csms.connection
            bench.csms.refusal = OSError("no route") if away_s else None
            bench.csms.drop()
            await asyncio.sleep(away_s)
            bench.csms.refusal = None
            await bench.until(lambda: bench.csms.connection not in (None, first))
            bench.csms.put(command)
            await bench.until(lambda: len(bench.csms.unasked) == 2)
            assert len(bench.station.of(RemoteStart)) == starts
            assert bench.csms.unasked == ['[3,"again",{"status":"Accepted"}]'] * 2

    run_virtual(scenario())


@virtual
async def test_late_answer_is_nobodys() -> None:
    """An answer after the time-out is dropped: it neither ends the next CALL nor the connection."""
    async with linked(Settings(message_timeout_s=5)) as bench:
        await settled(bench)
        bench.csms.answers["Authorize"] = SILENCE
        bench.station.tell(AuthorizationAsked(ONE, 7, TAG))
        late = await bench.seen("Authorize")
        await bench.until(lambda: bench.station.of(AuthorizationAnswered))
        bench.station.tell(AuthorizationAsked(ONE, 8, TAG))
        await bench.seen("Authorize", 2)
        bench.csms.put(f'[3,"{late.message_id}",{{"idTagInfo":{{"status":"Accepted"}}}}]')
        await bench.until(lambda: len(bench.station.of(AuthorizationAnswered)) == 2)
        assert bench.station.of(AuthorizationAnswered) == [AuthorizationAnswered(7, None), AuthorizationAnswered(8, None)]
        assert len(bench.csms.dials) == 1


@virtual
async def test_thousand_requests_at_once() -> None:
    """Each gets its own answer, in the order of the requests, and our own CALL meanwhile gets its."""
    async with linked() as bench:
        await settled(bench)
        bench.station.tell(AuthorizationAsked(ONE, 1, TAG))
        for number in range(1000):
            bench.csms.put(f'[2,"many-{number}","GetConfiguration",{{"key":["NumberOfConnectors"]}}]')
        await bench.until(lambda: len(bench.csms.unasked) == 1000)
        answers = [json.loads(text) for text in bench.csms.unasked]
        assert [(kind, message_id) for kind, message_id, *_ in answers] == [(3, f"many-{number}") for number in range(1000)]
        assert bench.station.of(AuthorizationAnswered) == [AuthorizationAnswered(1, ACCEPTED)]


@virtual
async def test_thousand_requests_that_have_to_wait() -> None:
    """So many are worked on at a time, the rest waits in the socket; in the end each has its answer."""
    async with linked() as bench:
        await settled(bench)
        bench.station.replies[UnlockConnector] = Reply(Verdict.PENDING, ticket=5)
        for number in range(1000):
            bench.csms.put(f'[2,"many-{number}","UnlockConnector",{{"connectorId":1}}]')
        await asyncio.sleep(1)
        assert bench.csms.unasked == []
        assert 20 < len(asyncio.all_tasks()) < 100
        bench.station.replies[UnlockConnector] = Reply()
        bench.station.tell(UnlockFinished(ONE, 5, is_unlocked=True))
        await bench.until(lambda: len(bench.csms.unasked) == 1000)
        assert {json.dumps(json.loads(text)[2]) for text in bench.csms.unasked} == {'{"status": "Unlocked"}'}


@virtual
async def test_flood_from_one_who_reads_nothing() -> None:
    """While answers cannot be written nothing more is read, so that memory stays bounded; then the connection is given up."""
    async with linked(Settings(message_timeout_s=10)) as bench:
        bench.csms.answers["BootNotification"] = lambda _: boot_answer(interval=20)
        await settled(bench)
        connection = bench.csms.connection
        assert connection is not None
        connection.is_writable.clear()
        for number in range(10_000):
            bench.csms.put(f'[2,"many-{number}","GetConfiguration",{{}}]')
        await asyncio.sleep(5)
        assert len(asyncio.all_tasks()) < 100
        await bench.until(lambda: len(bench.csms.dials) == 2)


@virtual
async def test_rubbish_does_no_harm() -> None:
    """Unreadable, binary and unknown messages leave the conversation as it is."""
    async with linked() as bench:
        await settled(bench)
        assert bench.csms.connection is not None
        for text in (b"\x00", "", "nonsense", "[]", '[3,"unknown",{}]', '[9,"1",{}]'):
            bench.csms.connection.put(text)
        answer = await bench.csms.request("GetConfiguration", {"key": ["NumberOfConnectors"]})
        assert isinstance(answer, CallResult)
        assert len(bench.csms.dials) == 1
