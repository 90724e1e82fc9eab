"""The strict stream: what fits is taken, what does not fails the case and is named."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from chargerd.bench.patterns import Pattern, authorize, start_transaction, status, stop_transaction
from chargerd.bench.verdict import CaseFailedError
from chargerd.csms.model import Request
from chargerd.sim.virtual_loop import run_virtual
from tests.support.bench_fakes import Said
from tests.support.bench_fakes import status as told

WITHIN_S = 5.0


def played(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main)


def failure(main: Coroutine[Any, Any, Any]) -> str:
    with pytest.raises(CaseFailedError) as caught:
        run_virtual(main)
    return str(caught.value)


def test_messages_are_taken_in_their_order() -> None:
    """One after the other, also what came before anybody asked."""

    async def main() -> None:
        said = Said()
        said.say("StatusNotification", told(1, "Preparing"))
        said.say("Authorize", {"idTag": "A"})
        await said.stream.expect(status("Preparing"), within_s=WITHIN_S)
        heard = await said.stream.expect(authorize("A"), within_s=WITHIN_S)
        assert heard.payload == {"idTag": "A"}

    played(main())


def test_a_message_bears_how_many_answers_came_before_it() -> None:
    """So that one can be told that came before an answer, however little before."""

    async def main() -> None:
        said = Said()
        said.say("Authorize", {"idTag": "A"})
        said.record.answered += 1
        said.say("Authorize", {"idTag": "A"})
        assert [(await said.stream.expect(authorize("A"), within_s=WITHIN_S)).answered for _ in range(2)] == [0, 1]

    played(main())


def test_a_message_may_come_later() -> None:
    """Within the limit."""

    async def main() -> None:
        said = Said()
        asyncio.get_running_loop().call_later(4.0, said.say, "Authorize", {"idTag": "A"})
        await said.stream.expect(authorize("A"), within_s=WITHIN_S)

    played(main())


def test_an_unexpected_message_fails_the_case() -> None:
    """And is named, though the expected one comes right after it."""

    async def main() -> None:
        said = Said()
        said.say("DataTransfer", {"vendorId": "X"})
        said.say("Authorize", {"idTag": "A"})
        await said.stream.expect(authorize("A"), within_s=WITHIN_S)

    assert failure(main()) == "expected Authorize idTag=A; came DataTransfer vendorId=X"


def test_nothing_is_not_enough() -> None:
    """What does not come is told with the limit."""

    async def main() -> None:
        await Said().stream.expect(authorize("A"), within_s=WITHIN_S)

    assert failure(main()) == "expected Authorize idTag=A within 5 s; nothing came"


def test_any_order_takes_each_once() -> None:
    """In the order of the patterns, whatever the order of the messages."""

    async def main() -> None:
        said = Said()
        said.say("StatusNotification", told(1, "Charging"))
        said.say("StartTransaction", {"connectorId": 1, "idTag": "A"})
        start, charging = await said.stream.expect_any_order(start_transaction("A"), status("Charging"), within_s=WITHIN_S)
        assert (start.request.action, charging.request.action) == ("StartTransaction", "StatusNotification")

    played(main())


def test_any_order_does_not_take_one_twice() -> None:
    """The second of the same kind is unexpected."""

    async def main() -> None:
        said = Said()
        for _ in range(2):
            said.say("StatusNotification", told(1, "Charging"))
        await said.stream.expect_any_order(start_transaction("A"), status("Charging"), within_s=WITHIN_S)

    assert "came StatusNotification" in failure(main())


def test_what_may_come_need_not() -> None:
    """Between the expected ones it is taken, once."""

    async def main(words: list[str]) -> None:
        said = Said()
        for word in words:
            said.say("StatusNotification", told(1, word))
        said.say("StopTransaction", {"transactionId": 1})
        patterns = stop_transaction(1, None), status("Finishing")
        await said.stream.expect_any_order(*patterns, may=[status("Available")], within_s=WITHIN_S)

    played(main(["Finishing"]))
    played(main(["Finishing", "Available"]))
    assert "came StatusNotification" in failure(main(["Finishing", "Available", "Available"]))


def test_what_does_not_fit_is_left_to_the_next() -> None:
    """`is_next` takes a message or leaves it."""

    async def main() -> None:
        said = Said()
        said.say("Authorize", {"idTag": "A"})
        assert await said.stream.is_next(status("Charging"), within_s=WITHIN_S) is None
        assert await said.stream.is_next(authorize("A"), within_s=WITHIN_S) is not None
        assert await said.stream.is_next(authorize("A"), within_s=WITHIN_S) is None

    played(main())


def test_silence_is_waited_for() -> None:
    """A message just before its end breaks it."""

    async def main(at_s: float) -> None:
        said = Said()
        asyncio.get_running_loop().call_later(at_s, said.say, "Authorize", {"idTag": "A"})
        await said.stream.expect_nothing(for_s=WITHIN_S)

    played(main(5.1))
    assert failure(main(4.9)) == "expected nothing for 5 s; came Authorize idTag=A"


def test_heartbeats_and_samples_are_set_aside_until_a_case_is_about_them() -> None:
    """By rule: nothing else is."""

    async def main() -> None:
        said = Said()
        said.say("Heartbeat")
        said.say("MeterValues", {"connectorId": 1})
        await said.stream.expect_nothing(for_s=WITHIN_S)
        said.stream.aside = frozenset({"MeterValues"})
        said.say("Heartbeat")
        said.say("MeterValues", {"connectorId": 1})
        await said.stream.expect(Pattern("Heartbeat"), within_s=WITHIN_S)
        await said.stream.expect_nothing(for_s=WITHIN_S)

    played(main())


def test_a_repetition_counts_only_on_the_same_connection() -> None:
    """After a lost connection the same message id is the same message."""

    async def main(*, is_connection_lost: bool) -> None:
        said = Said()
        said.say("StopTransaction", {"transactionId": 1}, "a")
        await said.stream.expect(stop_transaction(1, None), within_s=WITHIN_S)
        said.record.connections += is_connection_lost
        said.say("StopTransaction", {"transactionId": 1}, "a")
        await said.stream.expect_nothing(for_s=WITHIN_S)

    played(main(is_connection_lost=True))
    assert "came StopTransaction" in failure(main(is_connection_lost=False))


@pytest.mark.parametrize("moment", ["before", "during"])
def test_what_the_central_system_complains_of_fails_the_case(moment: str) -> None:
    """A message against its schema, an answer that belongs to no request: each is noted by the central system."""

    async def main() -> None:
        said = Said()
        complain = said.record.problems.append
        if moment == "before":
            complain("ignored: answers no CALL that waits")
        else:
            asyncio.get_running_loop().call_later(1.0, complain, "ignored: answers no CALL that waits")
        await said.stream.expect_nothing(for_s=WITHIN_S)

    assert failure(main()) == "the central system got against the protocol: ignored: answers no CALL that waits"


def test_what_was_before_the_case_is_forgotten() -> None:
    """Messages and complaints alike."""

    async def main() -> None:
        said = Said()
        said.say("Authorize", {"idTag": "A"})
        said.record.problems.append("old")
        said.stream.forget()
        await said.stream.expect_nothing(for_s=WITHIN_S)
        said.record.problems.append("old")
        await said.stream.expect_nothing(for_s=WITHIN_S)

    assert "old" in failure(main())


# --- patterns ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "payload", "fits"),
    [
        (status("Finishing", "Available"), told(1, "Available"), True),
        (status("Finishing"), told(1, "Available"), False),
        (status("Finishing"), told(2, "Finishing"), False),
        (status("Available"), told(1, "Available", errorCode="HighTemperature"), False),
        (status("Faulted", error="OtherError"), told(1, "Faulted", errorCode="OtherError"), True),
        (status("Finishing", info=("EV side disconnected", None)), told(1, "Finishing"), True),
        (status("Finishing", info=("EV side disconnected", None)), told(1, "Finishing", info="gone"), False),
        (status("SuspendedEV", info="EV side disconnected"), told(1, "SuspendedEV"), False),
    ],
)
def test_a_status_fits(pattern: Pattern, payload: dict[str, Any], *, fits: bool) -> None:
    """By connector, status and error; further fields where they are named."""
    assert pattern.fits(Request("a", "StatusNotification", payload)) is fits


@pytest.mark.parametrize(
    ("pattern", "payload", "fits"),
    [
        (stop_transaction(7, "Local", None), {"transactionId": 7, "reason": "Local"}, True),
        (stop_transaction(7, "Local", None), {"transactionId": 7}, True),
        (stop_transaction(7, "Local", None), {"transactionId": 7, "reason": "Remote"}, False),
        (stop_transaction(7, "Remote"), {"transactionId": 7}, False),
        (stop_transaction(7, "Remote"), {"transactionId": 8, "reason": "Remote"}, False),
        (stop_transaction(7, "Local", None, idTag="A"), {"transactionId": 7, "idTag": "B"}, False),
    ],
)
def test_a_stop_fits(pattern: Pattern, payload: dict[str, Any], *, fits: bool) -> None:
    """By transaction, reason and, where it is named, token."""
    assert pattern.fits(Request("a", "StopTransaction", payload)) is fits


def test_a_start_is_for_one_reservation_or_for_none() -> None:
    """The one that is named, and else for nobody's."""
    payload = {"connectorId": 1, "idTag": "A"}
    assert start_transaction("A").fits(Request("a", "StartTransaction", payload))
    assert not start_transaction("A").fits(Request("a", "StartTransaction", {**payload, "reservationId": 4}))
    assert start_transaction("A", reservation=4).fits(Request("a", "StartTransaction", {**payload, "reservationId": 4}))
    assert not start_transaction("A", reservation=4).fits(Request("a", "StartTransaction", payload))
    assert str(start_transaction("A")) == "StartTransaction connectorId=1 idTag=A reservationId=(none)"
