"""Framing, case by case (OCPP-J 1.6, chapter 4, with its errata)."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargerd.ocpp.answers import AnswerMemory
from chargerd.ocpp.rpc import Answered, Call, CallError, CallResult, ErrorCode, Ignored, Rpc
from chargerd.ocpp.schema import check_request, check_response, known_actions

SUPPORTED = {
    "GetConfiguration",
    "ChangeConfiguration",
    "SetChargingProfile",
    "SendLocalList",
    "RemoteStartTransaction",
    "ChangeAvailability",
}
LONG_ID = "x" * 37


def change(**payload: object) -> str:
    return json.dumps([2, "1", "ChangeConfiguration", payload])


def profile(limit: str) -> str:
    schedule = f'{{"chargingRateUnit":"A","chargingSchedulePeriod":[{{"startPeriod":0,"limit":{limit}}}]}}'
    head = '"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute"'
    return f'[2,"1","SetChargingProfile",{{"connectorId":1,"csChargingProfiles":{{{head},"chargingSchedule":{schedule}}}}}]'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[2,"1","Nonsense",{}]', "NotImplemented"),
        ('[2,"1","getconfiguration",{}]', "NotImplemented"),
        ('[2,"1","ReserveNow",{}]', "NotSupported"),
        ('[2,"1","BootNotification",{}]', "NotSupported"),
        (change(key="HeartbeatInterval"), "ProtocolError"),
        (change(key="HeartbeatInterval", value="1", more="1"), "FormationViolation"),
        ('[2,"1","GetConfiguration",[]]', "FormationViolation"),
        ('[2,"1","GetConfiguration","x"]', "FormationViolation"),
        (change(key="HeartbeatInterval", value=1), "TypeConstraintViolation"),
        ('[2,"1","GetConfiguration",{"key":"HeartbeatInterval"}]', "TypeConstraintViolation"),
        ('[2,"1",7,{}]', "TypeConstraintViolation"),
        (change(key="x" * 51, value="1"), "PropertyConstraintViolation"),
        ('[2,"1","ChangeAvailability",{"connectorId":1,"type":"Perhaps"}]', "PropertyConstraintViolation"),
        (profile("16.15"), "PropertyConstraintViolation"),
        (profile("1e299"), "PropertyConstraintViolation"),
        (f'[2,"{LONG_ID}","GetConfiguration",{{}}]', "PropertyConstraintViolation"),
        ('[2,"1","ChangeAvailability",{"connectorId":99999999999999999999,"type":"Operative"}]', "PropertyConstraintViolation"),
        (f'[2,"1","ChangeAvailability",{{"connectorId":{"9" * 5000},"type":"Operative"}}]', "PropertyConstraintViolation"),
        (profile("1e999"), "PropertyConstraintViolation"),
        (profile("1e999999999999999999999"), "PropertyConstraintViolation"),
        (change(key="HeartbeatInterval", value="\ud800"), "PropertyConstraintViolation"),
        (change(key="HeartbeatInterval", value="\udcff\ud83d"), "PropertyConstraintViolation"),
        (json.dumps([2, "1", "GetConfiguration", {"key": [1] * 2000}]), "OccurenceConstraintViolation"),
        (json.dumps([2, "1", "GetConfiguration", {str(number): 1 for number in range(2000)}]), "OccurenceConstraintViolation"),
        ('[2,"1","GetConfiguration",{"key":' + "[" * 500 + "]" * 500 + "}]", "FormationViolation"),
        (f'[2,"1","GetConfiguration",{{}},{"9" * 5000}]', "OccurenceConstraintViolation"),
        ('[2,"1","GetConfiguration"]', "OccurenceConstraintViolation"),
        ('[2,"1","GetConfiguration",{},0]', "OccurenceConstraintViolation"),
        ('[2,"1"]', "OccurenceConstraintViolation"),
    ],
)
def test_invalid_call_gets_its_code(text: str, code: str) -> None:
    """Each kind of invalid CALL is answered with the error code that OCPP-J gives it, in the protocol's own spelling."""
    rpc = Rpc(SUPPORTED)
    received = rpc.receive(text)
    assert isinstance(received, Answered)
    [answer] = [json.loads(one) for one in rpc.drain()]
    assert answer[:3] == [4, text.split('"')[1], code]
    assert len(answer) == 5
    assert answer[4] == {}
    assert len(answer[3]) <= 255


def test_missing_field_wins_over_other_faults() -> None:
    """With several faults at once the code does not depend on chance."""
    rpc = Rpc(SUPPORTED)
    rpc.receive(change(value=1, more=2))
    assert json.loads(rpc.drain()[0])[2] == "ProtocolError"


def test_refusal_does_not_repeat_values() -> None:
    """A value that is refused may be a secret, so the description names the field only."""
    rpc = Rpc(SUPPORTED)
    rpc.receive(change(key="AuthorizationKey", value="secret" * 100))
    assert "secret" not in rpc.drain()[0]


@pytest.mark.parametrize("limit", ["16.1", "0.3", "32", "6.70"])
def test_one_decimal_place_is_accepted(limit: str) -> None:
    """`multipleOf 0.1` holds for every number with one decimal, which binary floats would break."""
    assert isinstance(Rpc(SUPPORTED).receive(profile(limit)), Call)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{}",
        "[]",
        '"text"',
        '[5,"1",{}]',
        '[0,"1",{}]',
        '[true,"1",{}]',
        '["2","1","GetConfiguration",{}]',
        '[2.0,"1","GetConfiguration",{}]',
        '[2,1,"GetConfiguration",{}]',
        "[2]",
        '[2,"1","GetConfiguration",{"key":NaN}]',
        '[2,"1","GetConfiguration",{"key":-Infinity}]',
        f'[{"9" * 5000},"1","GetConfiguration",{{}}]',
        "[" * 100_000,
        '[3,"1",{}]',
        '[4,"1","GenericError","",{}]',
    ],
)
def test_unanswerable_text_is_ignored(text: str) -> None:
    """Other message types, unreadable text and answers nobody waits for have no answer and do no harm."""
    rpc = Rpc(SUPPORTED)
    assert isinstance(rpc.receive(text), Ignored)
    assert rpc.drain() == []


def test_text_beyond_ascii_is_text() -> None:
    """Any character of Unicode passes, also one that JSON spells as a pair of surrogates."""
    assert isinstance(Rpc(SUPPORTED).receive(change(key="HeartbeatInterval", value="Ł\U0001f50c")), Call)


@pytest.mark.parametrize("shape", ["[1]", '["x"]', "[{}]", "[[]]"])
def test_megabyte_of_nonsense_is_refused_at_once(shape: str) -> None:
    """What a schema would chew on for ten seconds holds nobody up."""
    text = f'[2,"1","GetConfiguration",{{"key":[{",".join([shape] * 60_000)}]}}]'
    began_s = time.process_time()
    assert isinstance(Rpc(SUPPORTED).receive(text), Answered)
    assert time.process_time() - began_s < 1.0


def test_null_payload_counts_as_empty() -> None:
    """`null` in place of `{}` is accepted, as some central systems send it."""
    received = Rpc(SUPPORTED).receive('[2,"1","GetConfiguration",null]')
    assert isinstance(received, Call)
    assert received.payload == {}


@pytest.mark.parametrize("moment", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1234567+05:30", "2026-01-01T00:00:00"])
def test_any_offset_and_fraction_is_a_time(moment: str) -> None:
    """Times with any offset and any number of decimals pass."""
    assert check_response("Heartbeat", {"currentTime": moment}) is None


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01", ""])
def test_no_time_is_a_property_violation(moment: str) -> None:
    """A text that is no time breaks the format."""
    violation = check_response("Heartbeat", {"currentTime": moment})
    assert violation is not None
    assert violation.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


def test_result_of_our_call() -> None:
    """An answer with the id of the outstanding CALL ends it and carries its action."""
    rpc = Rpc(SUPPORTED)
    rpc.call("Heartbeat", {}, "7")
    assert rpc.drain() == ['[2,"7","Heartbeat",{}]']
    received = rpc.receive('[3,"7",{"currentTime":"2026-01-01T00:00:00Z"}]')
    assert received == CallResult("7", "Heartbeat", {"currentTime": "2026-01-01T00:00:00Z"})
    assert rpc.outstanding is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[4,"7","GenericError","words",{"a":1}]', "GenericError"),
        ('[4,"7","FormatViolation","",{}]', "FormatViolation"),
        ('[4,"7","OccurrenceConstraintViolation","",{}]', "OccurrenceConstraintViolation"),
        ('[4,"7"]', "GenericError"),
        ('[4,"7",5,null]', "GenericError"),
        ('[3,"7",{}]', "ProtocolError"),
        ('[3,"7",{"currentTime":1}]', "TypeConstraintViolation"),
        ('[3,"7",{"currentTime":"2026-01-01T00:00:00Z"},0]', "OccurenceConstraintViolation"),
        ('[3,"7",null]', "ProtocolError"),
    ],
)
def test_failure_of_our_call(text: str, code: str) -> None:
    """CALLERROR in any spelling, and an answer that cannot be read, are the failure of the CALL."""
    rpc = Rpc(SUPPORTED)
    rpc.call("Heartbeat", {}, "7")
    received = rpc.receive(text)
    assert isinstance(received, CallError)
    assert (received.message_id, received.action, received.code) == ("7", "Heartbeat", code)
    assert rpc.outstanding is None


def test_one_call_at_a_time() -> None:
    """MicroOcpp#50: a second CALL before the first one has ended is a fault of the caller."""
    rpc = Rpc(SUPPORTED)
    rpc.call("Heartbeat", {}, "1")
    with pytest.raises(RuntimeError):
        rpc.call("Heartbeat", {}, "2")


def test_late_answer_is_dropped() -> None:
    """An answer after the time-out of its CALL is ignored, also while the next CALL waits."""
    rpc = Rpc(SUPPORTED)
    rpc.call("Heartbeat", {}, "1")
    rpc.forget()
    rpc.call("Heartbeat", {}, "2")
    assert isinstance(rpc.receive('[3,"1",{"currentTime":"2026-01-01T00:00:00Z"}]'), Ignored)
    assert rpc.outstanding is not None


def test_calls_are_taken_while_our_own_waits() -> None:
    """mobilityhouse#130: a CALL that comes while ours is outstanding is handed over at once."""
    rpc = Rpc(SUPPORTED)
    rpc.call("Heartbeat", {}, "1")
    assert isinstance(rpc.receive('[2,"1","GetConfiguration",{}]'), Call)


REMOTE_START = '[2,"1","RemoteStartTransaction",{"idTag":"A"}]'


def test_repeated_command_gets_the_same_answer() -> None:
    """A CALL that comes again while it is worked on has the one answer; after that its answer is repeated and it is not executed again."""
    rpc = Rpc(SUPPORTED)
    first = rpc.receive(REMOTE_START)
    assert isinstance(first, Call)
    assert isinstance(rpc.receive(REMOTE_START), Ignored)
    rpc.result(first, {"status": "Accepted"})
    [answer] = rpc.drain()
    assert rpc.receive(REMOTE_START) == Answered("1", None, "repeats a CALL that was answered")
    assert rpc.drain() == [answer]


def test_answers_outlive_the_connection() -> None:
    """Errata JE 3.1: ids are unique over connections, so a command that is sent again on the next one is answered from memory."""
    memory = AnswerMemory()
    first = Rpc(SUPPORTED, memory)
    call = first.receive(REMOTE_START)
    assert isinstance(call, Call)
    first.result(call, {"status": "Accepted"})
    second = Rpc(SUPPORTED, memory)
    assert isinstance(second.receive(REMOTE_START), Answered)
    assert second.drain() == first.drain()


def test_question_is_answered_anew() -> None:
    """A request that changes nothing is not answered with what held before."""
    rpc = Rpc(SUPPORTED)
    text = '[2,"1","GetConfiguration",{}]'
    for _ in range(2):
        call = rpc.receive(text)
        assert isinstance(call, Call)
        rpc.result(call, {"configurationKey": []})


def test_refused_call_is_looked_at_again() -> None:
    """A retry after a CALLERROR is a new chance: nothing was executed, so no answer is repeated."""
    rpc = Rpc(SUPPORTED)
    text = '[2,"1","GetConfiguration",{}]'
    for _ in range(2):
        call = rpc.receive(text)
        assert isinstance(call, Call)
        rpc.error(call, ErrorCode.INTERNAL_ERROR)


def test_reused_id_with_other_content_is_a_new_call() -> None:
    """Central systems that count ids from 1 again are served, not given old answers."""
    rpc = Rpc(SUPPORTED)
    first = rpc.receive(REMOTE_START)
    assert isinstance(first, Call)
    rpc.result(first, {"status": "Accepted"})
    assert isinstance(rpc.receive(REMOTE_START.replace("A", "B")), Call)


def test_stored_answers_are_bounded() -> None:
    """Only the last answers are kept."""
    rpc = Rpc(SUPPORTED, AnswerMemory(kept=2))
    texts = [REMOTE_START.replace('"1"', f'"{number}"') for number in range(3)]
    for text in texts:
        call = rpc.receive(text)
        assert isinstance(call, Call)
        rpc.result(call, {"status": "Rejected"})
    assert isinstance(rpc.receive(texts[0]), Call)
    assert isinstance(rpc.receive(texts[2]), Answered)


def test_every_schema_compiles() -> None:
    """All 39 actions of OCPP 1.6 and its security extension have both schemas."""
    assert len(known_actions()) == 39
    for action in known_actions():
        check_request(action, {})
        check_response(action, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FRAMES = st.tuples(st.sampled_from([2, 3, 4]) | JSON, st.just("1") | JSON, st.sampled_from(sorted(known_actions())) | JSON, JSON).map(list)


@settings(deadline=None)  # schemas are compiled on the way
@given(st.text() | JSON.map(json.dumps) | FRAMES.map(json.dumps))
def test_no_text_ever_raises(text: str) -> None:
    """Whatever comes in, there is a verdict, every answer is a valid CALLERROR, and the object goes on working."""
    rpc = Rpc(known_actions())
    rpc.call("StartTransaction", {}, "1")
    rpc.drain()
    rpc.receive(text)
    for answer in rpc.drain():
        frame = json.loads(answer)
        assert frame[0] == 4
        assert len(frame) == 5
        assert frame[2] in set(ErrorCode)
    assert isinstance(rpc.receive('[2,"last","GetConfiguration",{}]'), Call)
