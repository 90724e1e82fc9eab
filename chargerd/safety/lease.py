"""Which of the daemon's words count, and how old its proof of life is. Pure: time is an argument.

An epoch begins with a renewal that wishes nothing, and ends for good when the lease runs out, the daemon goes, or somebody orders safe.
So a daemon that wakes up, a renewal that was left in a socket, and a daemon that outlived the guard never close a contactor: they have to
begin anew, from open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from chargerd.safety.messages import Renewal
from hal.types import Flow


class Lease:
    """`epoch`: the one that counts, None: none does; `wishes` and `flows`: of the last renewal that counted."""

    def __init__(self, length_s: float) -> None:
        self.epoch: int | None = None
        self.wishes: frozenset[int] = frozenset()
        self.flows: Mapping[int, Flow] = {}
        self.answers_s = 0.0
        self._length_s = length_s
        self._renewed_s = -math.inf
        self._ended = -1  # no epoch up to this one counts any more

    def take(self, renewal: Renewal, now_s: float) -> bool:
        """Take a renewal. Returns whether it counts: it is of this epoch or begins one, and not older than what is known."""
        self.answers_s = max(self.answers_s, renewal.sent_s)
        is_new = renewal.epoch > max(self._ended, -1 if self.epoch is None else self.epoch)
        begins = is_new and not renewal.wishes
        goes_on = renewal.epoch == self.epoch and renewal.sent_s >= self._renewed_s
        if not (begins or goes_on) or not now_s - self._length_s <= renewal.sent_s <= now_s:
            return False
        self.epoch, self.wishes, self.flows, self._renewed_s = renewal.epoch, renewal.wishes, renewal.flows, renewal.sent_s
        return True

    def age_s(self, now_s: float) -> float:
        """How long ago the daemon proved to be alive; infinite without an epoch. One that is too old with a wish up ends its epoch."""
        if self.epoch is not None and self.wishes and now_s - self._renewed_s > self._length_s:
            self.end()
        return math.inf if self.epoch is None else now_s - self._renewed_s

    def end(self) -> None:
        """The epoch is over. Its wishes stay known, so that they can be seen to be broken, until another one begins."""
        if self.epoch is not None:
            self._ended, self.epoch = self.epoch, None

    def forget(self) -> None:
        """There is nobody any more who could withdraw the wishes."""
        self.end()
        self.wishes = frozenset()
