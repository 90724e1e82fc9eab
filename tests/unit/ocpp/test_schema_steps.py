"""Long lists with a flaw are looked at in pieces: with the same result, and a pause between two."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.ocpp.rpc import Answered, Call, Rpc
from chargerd.ocpp.schema import ErrorCode, check_request, check_request_in_steps


def entries(count: int) -> list[dict[str, Any]]:
    return [{"idTag": f"TAG-{number}", "idTagInfo": {"status": "Accepted"}} for number in range(count)]


def local_list(listed: list[dict[str, Any]]) -> dict[str, Any]:
    return {"listVersion": 1, "updateType": "Full", "localAuthorizationList": listed}


@pytest.mark.parametrize(("count", "pauses"), [(1, 0), (10, 0), (11, 1), (100, 9)])
def test_a_pause_for_each_ten(count: int, pauses: int) -> None:
    """What is short, and what is right, is checked at once."""
    listed = entries(count)
    assert list(check_request_in_steps("SendLocalList", local_list(listed))) == []
    listed[-1]["idTag"] = "x" * 21
    assert len(list(check_request_in_steps("SendLocalList", local_list(listed)))) == pauses


FLAWS: dict[str, tuple[dict[str, Any], ErrorCode]] = {
    "misses idTag": ({"idTagInfo": {"status": "Accepted"}}, ErrorCode.PROTOCOL_ERROR),
    "unknown more": ({"idTag": "A", "more": 1}, ErrorCode.FORMATION_VIOLATION),
    "number": ({"idTag": 7}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
    "status": ({"idTag": "A", "idTagInfo": {"status": "Perhaps"}}, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
    "date": ({"idTag": "A", "idTagInfo": {"status": "Accepted", "expiryDate": "soon"}}, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
}


@given(st.integers(1, 100), st.sampled_from(sorted(FLAWS)), st.data())
def test_a_flaw_is_found_wherever_it_stands(count: int, flaw: str, data: st.DataObject) -> None:
    """With its code, and with its place in the whole list."""
    place = data.draw(st.integers(0, count - 1))
    listed = entries(count)
    listed[place], code = FLAWS[flaw]
    violation = check_request("SendLocalList", local_list(listed))
    assert violation is not None
    assert violation.code is code
    assert violation.description.startswith(f"localAuthorizationList/{place}")


def test_what_is_wrong_beside_a_long_list_is_found() -> None:
    """The rest of the message is checked with each piece."""
    violation = check_request("SendLocalList", {"updateType": "Full", "localAuthorizationList": entries(50)})
    assert violation is not None
    assert (violation.code, violation.description) == (ErrorCode.PROTOCOL_ERROR, "payload: misses listVersion")


def test_a_message_in_steps_is_the_message() -> None:
    """Taken or refused as a whole, once its last piece is looked at."""
    rpc = Rpc(frozenset({"SendLocalList"}))
    good, bad = entries(100), entries(100)
    bad[99]["idTag"] = "x" * 21
    call = rpc.receive(json.dumps([2, "1", "SendLocalList", local_list(good)]))
    assert isinstance(call, Call)
    assert call.payload == local_list(good)
    assert len(list(rpc.receive_in_steps(json.dumps([2, "3", "SendLocalList", local_list(bad)])))) == 9
    assert isinstance(rpc.receive(json.dumps([2, "2", "SendLocalList", local_list(bad)])), Answered)
