from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from csms_station import BOOT, meter_values, start, stop

from chargerd.csms.model import ACTIONS, Station, TransactionNumbers
from chargerd.csms.policy import BootAnswer, Misbehaviour, Policy, Twist, read_tokens
from chargerd.ocpp.rpc import CallRefusedError, Payload, check_response, known_actions


class Asked:
    """A station's record with a message id of its own for each message."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.station = Station("CP001", TransactionNumbers())
        self.policy = policy or Policy()
        self.count = 0
        self("BootNotification", BOOT)

    def __call__(self, action: str, payload: dict[str, Any], message_id: str | None = None) -> Payload:
        self.count += 1
        return self.station.answer(message_id or f"id{self.count}", action, payload, self.policy, 0.0)


REQUESTS: dict[str, dict[str, Any]] = {
    "Authorize": {"idTag": "04A2B1"},
    "BootNotification": BOOT,
    "DataTransfer": {"vendorId": "Example"},
    "DiagnosticsStatusNotification": {"status": "Idle"},
    "FirmwareStatusNotification": {"status": "Idle"},
    "Heartbeat": {},
    "LogStatusNotification": {"status": "Idle"},
    "MeterValues": meter_values(None),
    "SecurityEventNotification": {"type": "StartupOfTheDevice", "timestamp": "2025-06-01T10:00:00Z"},
    "SignCertificate": {"csr": "x"},
    "SignedFirmwareStatusNotification": {"status": "Idle"},
    "StartTransaction": start(),
    "StatusNotification": {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
    "StopTransaction": stop(1),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_gets_a_valid_answer(action: str) -> None:
    """Each message a station may send is answered as its schema says."""
    assert action in known_actions()
    assert check_response(action, Asked()(action, REQUESTS[action])) is None


def test_repeated_start_gets_the_same_number() -> None:
    """By message id, also with a corrected time, or by content under a new id: a retry, and no second transaction (field lesson #5)."""
    asked = Asked()
    first = asked("StartTransaction", start(), "a")
    assert asked("StartTransaction", start(), "a") == first
    assert asked("StartTransaction", start(timestamp="2025-06-01T10:00:07Z"), "a") == first
    assert asked("StartTransaction", start(), "b") == first
    assert (len(asked.station.transactions), len(asked.station.retries), asked.station.doubles) == (1, 3, [])


def test_message_ids_may_begin_again_at_each_boot() -> None:
    """The same id with another content is another message."""
    asked = Asked()
    first = asked("StartTransaction", start(), "1")
    asked("StopTransaction", stop(1), "2")
    second = asked("StartTransaction", start(meterStart=3000), "1")
    assert first["transactionId"] != second["transactionId"]
    assert asked.station.retries == []


def test_repeated_stop_and_meter_values_count_once() -> None:
    """A retry changes nothing."""
    asked = Asked()
    asked("StartTransaction", start())
    for message_id in ("a", "a", "b"):
        asked("MeterValues", meter_values(1), message_id)
    for message_id in ("c", "c", "d"):
        asked("StopTransaction", stop(1), message_id)
    transaction = asked.station.transactions[1]
    assert (len(transaction.meter_values), transaction.energy_wh, transaction.is_open) == (1, 2000, False)
    assert (len(asked.station.retries), asked.station.doubles) == (4, [])


def test_doubles_are_seen() -> None:
    """A second start on a busy connector, and a second, different stop, are told; both are answered normally."""
    asked = Asked()
    asked("StartTransaction", start())
    assert asked("StartTransaction", start(meterStart=1001))["transactionId"] == 2
    asked("StopTransaction", stop(1))
    asked("StopTransaction", stop(1, meterStop=9999))
    assert asked.station.doubles == ["connector 1 starts while 1 is open", "1 stops again"]
    assert asked.station.transactions[1].energy_wh == 2000


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"meterStop": 999}, "transaction 1 ends with a lower register"),
        ({"timestamp": "2025-06-01T09:59:59.999Z"}, "transaction 1 ends before it began"),
    ],
)
def test_a_transaction_that_runs_backwards_is_seen(change: dict[str, Any], problem: str) -> None:
    """Register and time of the end are not below those of the beginning; the message is answered all the same."""
    asked = Asked()
    asked("StartTransaction", start())
    assert asked("StopTransaction", stop(1, **change)) == {}
    assert asked.station.problems == [problem]


def test_transaction_of_an_abandoned_start_is_answered() -> None:
    """Number -1 belongs to nothing here and is answered normally (errata 3.18)."""
    asked = Asked()
    assert asked("MeterValues", meter_values(-1)) == {}
    assert asked("StopTransaction", stop(-1)) == {}
    assert asked.station.strays == ["MeterValues -1", "StopTransaction -1"]


def test_tokens_are_compared_without_case(tmp_path: Path) -> None:
    """Listed tokens get their own IdTagInfo, all others are accepted."""
    file = tmp_path / "tags.json"
    file.write_text(json.dumps([{"idTag": "04a2B1", "status": "Blocked"}, {"idTag": "X", "parentIdTag": "P"}]))
    asked = Asked(Policy(tokens=read_tokens(file)))
    assert asked("Authorize", {"idTag": "04A2b1"}) == {"idTagInfo": {"status": "Blocked"}}
    assert asked("StartTransaction", start(idTag="x"))["idTagInfo"] == {"status": "Accepted", "parentIdTag": "P"}
    assert asked("Authorize", {"idTag": "other"}) == {"idTagInfo": {"status": "Accepted"}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("{}", "should be a list"),
        ('["A"]', "entry 1: should be an object"),
        ('[{"idTag": "A"}, {"idTag": "B", "status": "No"}]', "entry 2: status 'No'"),
        ('[{"idTag": "A", "parent": "B"}]', "entry 1: unknown parent"),
    ],
)
def test_bad_token_file_is_named(text: str, words: str, tmp_path: Path) -> None:
    """The error says which file and which entry."""
    file = tmp_path / "tags.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"{file}.*{words}"):
        read_tokens(file)


@pytest.mark.parametrize("answer", [BootAnswer.PENDING, BootAnswer.REJECTED])
def test_nothing_but_boot_before_acceptance(answer: BootAnswer) -> None:
    """A station that is told to wait gets SecurityError for the rest (OCPP-J errata 3.10), and is served once accepted."""
    asked = Asked(Policy(boot=answer, interval_s=7))
    with pytest.raises(CallRefusedError, match="SecurityError"):
        asked("Heartbeat", {})
    asked.policy = Policy()
    assert asked("BootNotification", BOOT)["status"] == "Accepted"
    assert asked("Heartbeat", {}) == {"currentTime": "1970-01-01T00:00:00.000Z"}


def test_station_that_only_reconnects_is_served() -> None:
    """After a restart of the central system a station does not boot again (OCPP-J 5.4): it is served, and noted."""
    station = Station("CP001", TransactionNumbers())
    assert station.answer("1", "StartTransaction", start(), Policy(), 0.0)["transactionId"] == 1
    assert station.problems == ["StartTransaction before BootNotification"]


def test_misbehaviour_is_for_the_nth_or_for_all() -> None:
    """The first rule that fits holds."""
    second, always = Misbehaviour(action="A", twist=Twist.ERROR, nth=2), Misbehaviour(action="A", twist=Twist.SILENCE)
    policy = Policy(misbehaviours=(second, always))
    assert [policy.misbehaviour("A", count) for count in (1, 2, 3)] == [always, second, always]
    assert policy.misbehaviour("B", 1) is None
