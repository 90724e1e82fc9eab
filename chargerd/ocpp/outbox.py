"""Order and repetition of transaction messages, as a pure object (OCPP 1.6, 3.7 and 3.7.1).

Strictly in order over the whole station: while the oldest message waits for its retry, everything behind it waits. A transmission fails
by a CALLERROR or by silence; the wait after it is the retry interval times the transmissions so far. A process that finds a message
failed by the one before cannot know how long ago that was, and waits as long. A connection that broke is no transmission: nothing is
noted, and the message goes out again on the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.ocpp.ports import Owed


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is owed."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The head is to be looked at again at this time."""

    until_s: float


@dataclass(frozen=True, slots=True)
class Send:
    owed: Owed


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The head has failed as often as allowed."""

    owed: Owed


Step = Idle | Wait | Send | GiveUp


@dataclass(frozen=True, slots=True)
class RetryRules:
    """TransactionMessageAttempts and TransactionMessageRetryInterval."""

    attempts: int
    interval_s: float


class Outbox:
    """What to do with the head of the queue now. Lives over connections, as a wait does not end when the link breaks."""

    def __init__(self) -> None:
        self._failed_seq = -1
        self._failed_at_s = 0.0
        self._done_seq = -1
        self._look_again_at_s = 0.0

    def next_step(self, owed: Owed | None, now_s: float, rules: RetryRules) -> Step:
        """The step for the head of the queue.

        owed: the head as the store has it. now_s: any monotonic clock, always the same one. Nobody asks before the central system has
        accepted us.
        """
        if owed is None:
            return Idle()
        if now_s < self._look_again_at_s or owed.stamped.seq == self._done_seq:
            return Wait(max(self._look_again_at_s, now_s + 1.0))
        if owed.attempts >= rules.attempts:
            return GiveUp(owed)
        if owed.attempts:
            if owed.stamped.seq != self._failed_seq:  # in the run before
                self._failed_seq, self._failed_at_s = owed.stamped.seq, now_s
            until_s = self._failed_at_s + rules.interval_s * owed.attempts
            if now_s < until_s:
                return Wait(until_s)
        return Send(owed)

    def failed(self, owed: Owed, now_s: float) -> int:
        """Note that a transmission failed; gives how many have by now."""
        self._failed_seq, self._failed_at_s = owed.stamped.seq, now_s
        return owed.attempts + 1

    def done(self, owed: Owed) -> None:
        """Note that the head was answered or given up: it is never sent again, even while the disk does not say so yet."""
        self._done_seq = owed.stamped.seq

    def pause(self, until_s: float) -> None:
        """Leave the queue alone for a while (the store does not work)."""
        self._look_again_at_s = until_s
