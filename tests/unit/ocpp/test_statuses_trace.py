"""Which status is told next, and what is kept of the messages."""

from __future__ import annotations

import pytest

from chargerd.core.facts import ConnectorStatus
from chargerd.ocpp.trace import MASK, Direction, Trace, TraceEntry, masked
from chargerd.ocpp.v16.statuses import StatusFilter
from tests.support.ocpp_fakes import status

AVAILABLE, PREPARING, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING, ConnectorStatus.CHARGING


def told(statuses: StatusFilter, now_s: float = 0.0, minimum_s: float = 0.0) -> list[tuple[int, str]]:
    """Deliver all that is due."""
    found: list[tuple[int, str]] = []
    while (one := statuses.due(now_s, minimum_s)) is not None:
        found.append((one.connector, one.status.value))
        statuses.delivered(one)
    return found


def test_after_a_boot_everything_is_told_in_order() -> None:
    """Connector 0 first, then all others, whatever was told before."""
    statuses = StatusFilter()
    for connector in (2, 0, 1):
        statuses.offer(status(connector), 0.0)
    assert told(statuses) == [(0, "Available"), (1, "Available"), (2, "Available")]
    assert told(statuses) == []
    statuses.forget_delivered()
    assert len(told(statuses, 0.0, minimum_s=100.0)) == 3


def test_only_the_present_status_is_told() -> None:
    """Field lesson 10: what came and went in between is not told later."""
    statuses = StatusFilter()
    statuses.offer(status(1), 0.0)
    told(statuses)
    statuses.offer(status(1, PREPARING), 1.0)
    statuses.offer(status(1, CHARGING), 2.0)
    assert told(statuses, 3.0) == [(1, "Charging")]
    statuses.offer(status(1, PREPARING), 4.0)
    statuses.offer(status(1, CHARGING), 5.0)
    assert told(statuses, 6.0) == []


def test_minimum_duration_skips_short_states() -> None:
    """A state shorter than MinimumStatusDuration is skipped, the lasting one is told when it has lasted."""
    statuses = StatusFilter()
    statuses.offer(status(1), 0.0)
    told(statuses)
    statuses.offer(status(1, PREPARING), 10.0)
    assert statuses.due(14.9, 5.0) is None
    assert statuses.next_due_s(5.0) == 15.0
    statuses.offer(status(1, CHARGING), 14.9)
    assert statuses.due(15.0, 5.0) is None
    assert told(statuses, 19.9, 5.0) == [(1, "Charging")]
    assert statuses.next_due_s(5.0) == float("inf")


def test_error_code_alone_is_a_change() -> None:
    """A warning with the same status is told."""
    statuses = StatusFilter()
    statuses.offer(status(1), 0.0)
    told(statuses)
    statuses.offer(status(1, error_code="HighTemperature"), 1.0)
    assert told(statuses, 1.0) == [(1, "Available")]


def test_failed_status_is_tried_again_on_the_next_connection() -> None:
    """Without an answer it is not repeated on this connection, but it still differs from the last one delivered."""
    statuses = StatusFilter()
    failed = status(1, PREPARING)
    statuses.offer(failed, 0.0)
    statuses.tried(failed)
    assert told(statuses) == []
    statuses.begin_connection()
    assert told(statuses) == [(1, "Preparing")]


def test_status_that_changed_meanwhile_is_told() -> None:
    """A change during the wait for an answer is not taken for the one that was answered."""
    statuses = StatusFilter()
    statuses.offer(status(1), 0.0)
    sent = statuses.due(0.0, 0.0)
    assert sent is not None
    statuses.offer(status(1, PREPARING), 0.5)
    statuses.delivered(sent)
    assert told(statuses, 1.0) == [(1, "Preparing")]


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"5ec4e7"}]',
        '[2,"1","ChangeConfiguration",{"key":"authorizationKEY","value":"5ec4e7"}]',
        '[2,"1","ChangeConfiguration",{"key":"\\u0041uthorizationKey","value":"5ec4e7"}]',
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":["5ec4e7"]}]',
        '[2,"1","changeconfiguration",{"value":"5ec4e7","key":" AuthorizationKey "}]',
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"5ec4e7"',
    ],
)
def test_the_key_is_masked(text: str) -> None:
    """The value of AuthorizationKey is never kept, however the message is written."""
    assert "5ec4e7" not in masked(text)


def test_other_messages_are_kept_as_they_are() -> None:
    """The trace shows what was on the wire."""
    for text in ('[2,"1","ChangeConfiguration", {"key":"HeartbeatInterval","value":"1"}]', "nonsense", '[3,"1",{}]'):
        assert masked(text) == text
    assert MASK in masked('[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"x"}]')


def test_ring_and_followers() -> None:
    """The newest messages are kept; followers see each one until they leave."""
    trace = Trace(size=2)
    seen: list[TraceEntry] = []
    leave = trace.subscribe(seen.append)
    for number in range(3):
        trace.add(Direction.OUT, float(number), str(number))
    leave()
    trace.add(Direction.IN, 9.0, "9", 0.5)
    assert [entry.text for entry in trace.recent()] == ["2", "9"]
    assert [entry.text for entry in trace.recent(1)] == ["9"]
    assert [entry.text for entry in seen] == ["0", "1", "2"]
    assert trace.last == TraceEntry(Direction.IN, 9.0, "9", 0.5)
