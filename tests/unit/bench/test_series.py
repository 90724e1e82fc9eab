"""A run of cases on scripted stations: what passes, what fails, and when the next case gets a fresh station."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from chargerd.bench.case import Case, case
from chargerd.bench.catalogue import chosen
from chargerd.bench.certify import Outcome, Result, Run, Series
from chargerd.bench.kpi import Kpi
from chargerd.bench.parameters import RESERVATION, RESERVED_S, TAG, VIRTUAL
from chargerd.bench.product import SOCKETS
from chargerd.bench.workbench import Workbench
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.rpc import Payload
from chargerd.sim.virtual_loop import run_virtual
from tests.support.bench_fakes import BOOT, TIME, FakeStation, Script, opener, pics, status


def script(**answers: Payload) -> Script:
    """A station that answers each action with always the same."""
    return lambda station, action, payload: answers[action]


def run(cases: Sequence[Case], script: Script, *optional: str) -> tuple[Run, list[FakeStation]]:
    """optional: rows of the PICS that are answered with Yes."""
    made: list[FakeStation] = []
    seen: list[Result] = []
    stated = pics()
    stated["features"]["optional"] = dict.fromkeys(optional, True)
    finished = run_virtual(Series(opener(script, made), stated, VIRTUAL, seen.append).run(cases))
    assert seen == finished.results
    return finished, made


def outcome(number: str, script: Script, *optional: str) -> tuple[Outcome, str]:
    (result,) = run(chosen([number]), script, *optional)[0].results
    return result.outcome, result.words


@case("TC_900_CS", "Says something afterwards")
async def talkative(bench: Workbench) -> None:
    """It is refused."""
    assert isinstance(bench.station, FakeStation)
    bench.station.say("StatusNotification", status(1, "Preparing"))


@case("TC_901_CS", "Breaks down")
async def broken(bench: Workbench) -> None:
    """The daemon dies."""
    raise ConnectionError("the daemon is gone")


@case("TC_902_CS", "Does nothing")
async def quiet(bench: Workbench) -> None:
    """Nothing happens."""


@case("TC_903_CS", "Needs a socket", SOCKETS)
async def socket(bench: Workbench) -> None:
    """It is not played on a fixed cable."""
    raise AssertionError


def test_answers_decide_simple_cases() -> None:
    """Each with an answer that passes and one that does not, as the case names them."""
    assert outcome("TC_027_CS", script(RemoteStartTransaction={"status": "Rejected"})) == (Outcome.PASSED, "")
    assert outcome("TC_027_CS", script()) == (Outcome.PASSED, "")  # a CALLERROR is as good
    failed, words = outcome("TC_027_CS", script(RemoteStartTransaction={"status": "Accepted"}))
    assert failed is Outcome.FAILED
    assert words.endswith("was answered Accepted, not Rejected or CALLERROR")
    assert outcome("TC_062_CS", script(DataTransfer={"status": "UnknownVendorId"}))[0] is Outcome.PASSED
    assert outcome("TC_062_CS", script())[1].endswith(
        "was answered CALLERROR:NotSupported, not Rejected or UnknownMessageId or UnknownVendorId"
    )
    assert outcome("TC_040_1_CS", script(ChangeConfiguration={"status": "Rejected"}))[0] is Outcome.FAILED
    assert outcome("TC_031_CS", script(UnlockConnector={"status": "NotSupported"}))[0] is Outcome.PASSED


@pytest.mark.parametrize(("reason", "wanted"), [("PowerLoss", Outcome.PASSED), ("Other", Outcome.FAILED), (None, Outcome.FAILED)])
def test_a_station_that_sees_the_power_go(reason: str | None, wanted: Outcome) -> None:
    """TC_032_1: it ends the transaction before it is down. No certified product of ours does; so a scripted one shows the case."""

    def started(station: FakeStation, action: str, payload: Payload) -> Payload:
        assert (action, payload["idTag"]) == ("RemoteStartTransaction", TAG)
        station.say("StartTransaction", {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": TIME})
        station.say("StatusNotification", status(1, "Charging"))
        return {"status": "Accepted"}

    def powerless(station: FakeStation) -> None:
        stop = {"transactionId": 1, "meterStop": 10, "timestamp": TIME}
        station.say("StopTransaction", stop if reason is None else {**stop, "reason": reason})
        station.say("StatusNotification", status(1, "Finishing"))

    def rebooted(station: FakeStation) -> None:
        station.say("BootNotification", BOOT)
        for connector, word in enumerate(("Available", "Preparing", "Available")):
            station.say("StatusNotification", status(connector, word))

    deeds = {
        "plug_in": lambda station: station.say("StatusNotification", status(1, "Preparing")),
        "power_loss": powerless,
        "power_cycle": rebooted,
        "plug_out": lambda station: station.say("StatusNotification", status(1, "Available")),
    }
    stated = pics() | {"additional_questions": {"AQ-7.1": True, "AQ-7.2": False}}
    series = Series(opener(started, [], deeds), stated, VIRTUAL, lambda _: None)
    (result,) = run_virtual(series.run(chosen(["TC_032_1_CS"]))).results
    assert result.outcome is wanted, result.words


def reserving(asked: list[Payload], expires_after_s: float | None = None) -> Script:
    """A station that keeps connector 1 until it is cancelled, or for so long; a connector that is made Inoperative is Unavailable."""

    def answer(station: FakeStation, action: str, payload: Payload) -> Payload:
        def say(word: str, connector: int = 1) -> None:
            station.say("StatusNotification", status(connector, word))

        match action:
            case "ReserveNow":
                asked.append(payload)
                say("Reserved")
                if expires_after_s is not None:
                    asyncio.get_running_loop().call_later(expires_after_s, say, "Available")
            case "CancelReservation":
                if payload["reservationId"] != RESERVATION:
                    return {"status": "Rejected"}
                say("Available")
            case "ChangeAvailability":
                say("Available" if payload["type"] == "Operative" else "Unavailable", payload["connectorId"])
            case _:
                raise KeyError(action)
        return {"status": "Accepted"}

    return answer


def test_what_a_case_has_reserved_is_given_up_after_it() -> None:
    """The next case finds the same station free. The reservation ends by the central system's clock, which stands at 1970 here."""
    asked: list[Payload] = []
    finished, made = run([*chosen(["TC_052_CS"]), quiet], reserving(asked), "R-0")
    assert [(one.outcome, one.words) for one in finished.results] == [(Outcome.PASSED, "")] * 2
    assert len(made) == 1
    assert asked == [{"connectorId": 1, "idTag": TAG, "reservationId": RESERVATION, "expiryDate": render_time(RESERVED_S)}]


@pytest.mark.parametrize(
    ("expires_after_s", "words"),
    [(44, "Available -1.0 s after"), (46, "Available +1.0 s after"), (45, "expected StatusNotification connectorId=1 status=Preparing ")],
)
def test_a_reservation_ends_at_its_time(expires_after_s: int, words: str) -> None:
    """TC_047: no sooner and no later; then the case goes on, with a vehicle that this station does not see."""
    (result,) = run(chosen(["TC_047_CS"]), reserving([], expires_after_s), "R-0")[0].results
    assert result.outcome is Outcome.FAILED
    assert words in result.words


def reading(context: str) -> Payload:
    return {"connectorId": 1, "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": "7", "context": context}]}]}


READING = reading("Trigger")
WORDS: dict[str, Payload] = {
    "DiagnosticsStatusNotification": {"status": "Idle"},
    "FirmwareStatusNotification": {"status": "Idle"},
    "Heartbeat": {},
    "MeterValues": READING,
    "StatusNotification": status(1, "Available"),
}


def triggered(*, is_early: bool = False, lacks: str = "", **words: Payload) -> Script:
    """A station that says what it is told to, after the answer or before it, in these words or the usual ones. lacks: a message."""

    def answer(station: FakeStation, action: str, payload: Payload) -> Payload:
        if action == "ChangeConfiguration":
            return {"status": "Accepted"}
        if action != "TriggerMessage":
            raise KeyError(action)
        message = payload["requestedMessage"]
        if payload.get("connectorId", 1) not in (1, 2):
            return {"status": "Rejected"}
        if message == lacks:
            return {"status": "NotImplemented"}
        if is_early:
            station.say(message, {**WORDS, **words}[message])
        else:
            asyncio.get_running_loop().call_soon(station.say, message, {**WORDS, **words}[message])
        return {"status": "Accepted"}

    return answer


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (triggered(), ""),
        (triggered(lacks="FirmwareStatusNotification"), ""),
        (triggered(lacks="DiagnosticsStatusNotification"), "was answered NotImplemented, not Accepted"),
        (triggered(is_early=True), "MeterValues came before the answer to its trigger"),
        (triggered(FirmwareStatusNotification={"status": "Installed"}), "came FirmwareStatusNotification status=Installed"),
        (triggered(StatusNotification=status(2, "Available")), "came StatusNotification connectorId=2"),
        (triggered(MeterValues={**READING, "transactionId": 4}), "of no transaction: MeterValues 4"),
        (triggered(MeterValues=reading("Sample.Periodic")), "context Sample.Periodic, not Trigger"),
    ],
)
def test_what_is_triggered_comes_after_the_answer(script: Script, words: str) -> None:
    """TC_054: in its time and as it should be."""
    found, why = outcome("TC_054_CS", script, "RT-0")
    assert found is (Outcome.FAILED if words else Outcome.PASSED)
    assert words in why


@pytest.mark.parametrize(("lacks", "count"), [("", 5), ("FirmwareStatusNotification", 4)])
def test_from_trigger_to_message_is_measured(lacks: str, count: int) -> None:
    """For each message that came."""
    rows = run(chosen(["TC_054_CS"]), triggered(lacks=lacks), "RT-0")[0].measured.rows()
    assert {row.kpi: row.count for row in rows}[Kpi.OCPP_TRIGGERED_FUNCTION] == count


def test_a_connector_that_there_is_not_cannot_be_triggered() -> None:
    """TC_055: refused, with a status or a CALLERROR, and nothing comes."""
    assert outcome("TC_055_CS", triggered(), "RT-0")[0] is Outcome.PASSED
    assert outcome("TC_055_CS", script(ChangeConfiguration={"status": "Accepted"}), "RT-0")[0] is Outcome.PASSED

    def says_so_and_sends(station: FakeStation, action: str, payload: Payload) -> Payload:
        if action == "TriggerMessage":
            station.say("MeterValues", READING)
            return {"status": "Rejected"}
        return {"status": "Accepted"}

    assert "came MeterValues" in outcome("TC_055_CS", says_so_and_sends, "RT-0")[1]


PROFILES = ("TC_058_1_CS", "TC_060_CS")


def refusing(answer: Payload, asked: list[Payload]) -> Script:
    """A station that answers so whenever a charging profile comes; what it is asked to clear is kept in `asked`."""

    def answered(station: FakeStation, action: str, payload: Payload) -> Payload:
        if action == "ClearChargingProfile":
            asked.append(payload)
            return {"status": "Unknown"}
        return answer

    return answered


def test_no_charging_profile_is_left_behind() -> None:
    """Before the next case all are cleared; it is as well when there is none."""
    asked: list[Payload] = []
    finished, made = run([*chosen(PROFILES), quiet], refusing({"status": "Rejected"}, asked), "SC-1.1")
    assert [(one.outcome, one.words) for one in finished.results] == [(Outcome.PASSED, "")] * 3
    assert len(made) == 1
    assert asked == [{}] * 3
    assert run([quiet], refusing({}, asked))[0].is_passed
    assert len(asked) == 3  # a station without the profile is not asked


@pytest.mark.parametrize("number", PROFILES)
def test_a_profile_that_does_not_suit_must_be_refused(number: str) -> None:
    """TC_058_1 and TC_060: Rejected, or the CALLERROR that says that the value is wrong, and no other."""
    found, words = outcome(number, refusing({"status": "Accepted"}, []), "SC-1.1")
    assert found is Outcome.FAILED
    assert words.endswith("was answered Accepted, not Rejected or CALLERROR:PropertyConstraintViolation")
    assert "was answered CALLERROR:NotSupported" in outcome(number, script(), "SC-1.1")[1]


def test_a_change_must_be_shown() -> None:
    """TC_021: Accepted alone is not enough."""
    failed, words = outcome("TC_021_CS", script(ChangeConfiguration={"status": "Accepted"}))
    assert failed is Outcome.FAILED
    assert words.startswith("after the change the station shows")


def test_missing_keys_are_told() -> None:
    """TC_019: all of them."""
    failed, words = outcome("TC_019_CS", script())
    assert failed is Outcome.FAILED
    assert "SupportedFeatureProfiles" in words


def test_what_comes_after_the_last_step_fails_the_case() -> None:
    """A case ends when nothing more has come for a while."""
    finished, made = run([talkative], script())
    assert finished.results[0].words.startswith("expected nothing for 3 s; came StatusNotification connectorId=1")
    assert not finished.is_passed
    assert len(made) == 1


def test_after_a_failed_case_the_next_gets_a_fresh_station() -> None:
    """And after one that passed it does not."""
    finished, made = run([talkative, quiet, quiet_again], script())
    assert [one.outcome for one in finished.results] == [Outcome.FAILED, Outcome.PASSED, Outcome.PASSED]
    assert len(made) == 2


def test_a_station_that_breaks_down_fails_the_case_and_not_the_run() -> None:
    """The next case is played on a fresh one."""
    finished, made = run([broken, quiet], script())
    assert [one.outcome for one in finished.results] == [Outcome.FAILED, Outcome.PASSED]
    assert finished.results[0].words == "the station broke down: ConnectionError: the daemon is gone"
    assert len(made) == 2


def test_a_case_that_does_not_apply_is_not_played() -> None:
    """It is told why; alone it is no success."""
    finished, _ = run([socket], script())
    assert finished.results[0].outcome is Outcome.NOT_APPLICABLE
    assert finished.results[0].words == "applies to stations with sockets (HFS-1)"
    assert not finished.is_passed
    assert run([socket, quiet], script())[0].is_passed


def test_a_station_that_does_not_start_ends_the_run() -> None:
    """No case can be blamed for it."""

    def opened() -> None:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        run_virtual(Series(opened, pics(), VIRTUAL, lambda _: None).run([quiet]))  # type: ignore[arg-type]


def test_a_station_that_does_not_come_to_rest_fails_every_case() -> None:
    """None can be played; the reason is told with each."""

    def restless() -> AbstractAsyncContextManager[FakeStation]:
        made: list[FakeStation] = []
        opening = opener(script(), made)()

        @asynccontextmanager
        async def opened() -> AsyncIterator[FakeStation]:
            async with opening as station:
                station.say("StatusNotification", status(2, "Preparing"))
                yield station

        return opened()

    finished = run_virtual(Series(restless, pics(), VIRTUAL, lambda _: None).run([quiet, quiet_again]))
    assert [one.outcome for one in finished.results] == [Outcome.FAILED] * 2
    assert "the station does not start: the station does not come to rest: {0: 'Available', 1: 'Available', 2: 'Preparing'}" in (
        finished.results[1].words
    )


@case("TC_904_CS", "Does nothing again")
async def quiet_again(bench: Workbench) -> None:
    """Nothing happens."""
