"""What is kept of the messages."""

from __future__ import annotations

import pytest

from chargerd.ocpp.trace import LONGEST, MASK, Direction, Trace, TraceEntry, masked


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"5ec4e7"}]',
        '[2,"1","ChangeConfiguration",{"key":"authorizationKEY","value":"5ec4e7"}]',
        '[2,"1","ChangeConfiguration",{"key":"\\u0041uthorizationKey","value":"5ec4e7"}]',
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":["5ec4e7"]}]',
        '[2,"1","changeconfiguration",{"value":"5ec4e7","key":" AuthorizationKey "}]',
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"5ec4e7"',
        '[2,"1","ChangeConfiguration",{"key":"\\u0041uthorizationKey","value":"5ec4e7"',
        '[2,"1","ChangeConfiguration",{"key":"Authorization\u212aey","value":"5ec4e7"}]',
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


def test_long_messages_are_cut() -> None:
    """What is kept has a bound, and says how much there was."""
    trace = Trace()
    trace.add(Direction.IN, 0.0, "x" * 1_000_000)
    assert trace.last is not None
    assert trace.last.text == "x" * LONGEST + " ... (1000000 characters)"


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
