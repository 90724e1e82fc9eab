"""What the daemon says to a guard that was lost, and when it may wish again."""

from __future__ import annotations

from chargerd.safety.conversation import Conversation
from chargerd.safety.messages import Report

BOTH = frozenset({1, 2})


def test_nothing_is_said_to_a_new_guard_while_something_is_wished() -> None:
    """Who lost its guard in a session has opened before it speaks again, so that no contactor closes by the wish of before."""
    said = Conversation(BOTH)
    assert said.renewal(10.0) is not None
    said.wishes = frozenset({1})
    assert list(said.lose("it hung up"))
    assert said.renewal(11.0) is None
    said.wishes = frozenset()
    begun = said.renewal(12.0)
    assert begun is not None
    said.wishes = frozenset({1})
    renewed = said.renewal(13.0)
    assert renewed is not None
    assert (renewed.epoch, renewed.wishes) == (begun.epoch, frozenset({1}))


def test_nor_in_an_epoch_that_the_guard_has_ended() -> None:
    """Its lease ran out: the guard answers without an epoch, and another one begins as the first did."""
    said = Conversation(BOTH)
    first = said.renewal(10.0)
    assert first is not None
    said.wishes = frozenset({1})
    list(said.hear(Report(epoch=first.epoch, answers_s=10.0)))
    assert said.renewal(10.5) is not None
    list(said.hear(Report(epoch=None, answers_s=10.5)))
    assert said.renewal(11.0) is None
    said.wishes = frozenset()
    again = said.renewal(12.0)
    assert again is not None
    assert again.epoch != first.epoch
