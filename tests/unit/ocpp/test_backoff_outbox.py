"""Waits before dialling, and order and repetition of transaction messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.events import StopReason
from chargerd.core.facts import Owed, Stamped, TransactionStopped
from chargerd.core.ids import ConnectorId, LocalId
from chargerd.ocpp.backoff import Backoff
from chargerd.ocpp.outbox import GiveUp, Idle, Outbox, RetryRules, Send, Wait

RULES = RetryRules(attempts=3, interval_s=60)


def owed(seq: int = 1, attempts: int = 0) -> Owed:
    fact = TransactionStopped(ConnectorId(1), LocalId("a"), StopReason.LOCAL, 100)
    return Owed(Stamped(seq, 1, 0.0, 0.0, fact), attempts, 7, False, f"id-{seq}")


def test_backoff_doubles_its_range_up_to_the_maximum() -> None:
    """EVerest#2475: each wait has the fixed minimum and a random part whose range doubles."""
    backoff = Backoff(2, 10, 60, random=lambda: 0.999)
    assert [round(backoff.next_delay_s()) for _ in range(5)] == [12, 22, 42, 60, 60]


def test_backoff_uses_the_whole_range() -> None:
    """Full jitter: the random part goes down to nothing."""
    backoff = Backoff(2, 10, 60, random=lambda: 0.0)
    assert [backoff.next_delay_s() for _ in range(4)] == [2, 2, 2, 2]


def test_backoff_resets_only_when_told() -> None:
    """EVerest#2475: the range goes on growing over dials until the central system has proven itself."""
    backoff = Backoff(0, 10, 1000, random=lambda: 1.0)
    assert [backoff.next_delay_s() for _ in range(3)] == [10, 20, 40]
    backoff.reset()
    assert backoff.next_delay_s() == 10


@given(
    minimum=st.floats(0, 100),
    range_=st.floats(0, 100),
    maximum=st.floats(1, 1000),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40),
)
def test_backoff_stays_in_its_bounds(minimum: float, range_: float, maximum: float, draws: list[float]) -> None:
    """No wait is below the minimum nor above the maximum (or the minimum, where that is the larger)."""
    source = iter(draws)
    backoff = Backoff(minimum, range_, maximum, random=lambda: next(source))
    for _ in draws:
        assert minimum <= backoff.next_delay_s() <= max(minimum, maximum) + 1e-9


def test_nothing_owed() -> None:
    """An empty queue asks for nothing."""
    assert Outbox().next_step(None, 0, RULES) == Idle()


def test_the_standard_example() -> None:
    """MicroOcpp#50 and OCPP 1.6, 3.7.1: with 3 and 60 s it is send, 60 s, send, 120 s, send, give up."""
    outbox, now_s, attempts, sent = Outbox(), 1000.0, 0, []
    while True:
        match outbox.next_step(owed(attempts=attempts), now_s, RULES):
            case Send(owed=head):
                sent.append(now_s)
                attempts = outbox.failed(head, now_s)
            case Wait(until_s=until_s):
                now_s = until_s
            case GiveUp():
                break
    assert sent == [1000, 1060, 1180]
    assert attempts == 3


def test_one_attempt_is_one_transmission() -> None:
    """With TransactionMessageAttempts 1 there is no retry."""
    outbox = Outbox()
    attempts = outbox.failed(owed(), 0)
    assert outbox.next_step(owed(attempts=attempts), 0, RetryRules(1, 60)) == GiveUp(owed(attempts=1))


def test_broken_connection_is_no_attempt() -> None:
    """Without a noted failure the head goes out again at once."""
    outbox = Outbox()
    assert outbox.next_step(owed(), 0, RULES) == Send(owed())
    assert outbox.next_step(owed(), 0.1, RULES) == Send(owed())


def test_attempts_survive_a_restart() -> None:
    """A new process counts on from what is stored, and waits the whole time again, as it does not know how much of it is over."""
    outbox = Outbox()
    assert outbox.next_step(owed(attempts=2), 1000, RULES) == Wait(1120)
    assert outbox.next_step(owed(attempts=2), 1119, RULES) == Wait(1120)
    assert outbox.next_step(owed(attempts=2), 1120, RULES) == Send(owed(attempts=2))
    assert Outbox().next_step(owed(attempts=3), 0, RULES) == GiveUp(owed(attempts=3))


def test_answered_head_is_never_sent_again() -> None:
    """libocpp#907: while the disk does not yet say that the head was answered, it waits instead of going out twice."""
    outbox = Outbox()
    outbox.done(owed(5))
    assert isinstance(outbox.next_step(owed(5), 10, RULES), Wait)
    assert outbox.next_step(owed(6), 10, RULES) == Send(owed(6))


def test_pause_holds_everything() -> None:
    """While the store does not work nothing is sent."""
    outbox = Outbox()
    outbox.pause(20)
    assert outbox.next_step(owed(), 10, RULES) == Wait(20)
    assert outbox.next_step(owed(), 20, RULES) == Send(owed())


@pytest.mark.parametrize("interval_s", [0, 1, 60])
def test_the_wait_grows_with_the_attempts(interval_s: float) -> None:
    """The wait is the interval times the transmissions so far."""
    outbox = Outbox()
    outbox.failed(owed(attempts=1), 100)
    step = outbox.next_step(owed(attempts=2), 100, RetryRules(9, interval_s))
    assert step == (Wait(100 + 2 * interval_s) if interval_s else Send(owed(attempts=2)))
