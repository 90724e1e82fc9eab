"""When something that is repeated is due again. Pure."""

from __future__ import annotations

import math


class Due:
    """Something to be done every so often, the first time at once."""

    def __init__(self, period_s: float) -> None:
        self.at_s = -math.inf
        self._period_s = period_s

    def is_due(self, now_s: float) -> bool:
        return now_s >= self.at_s

    def done(self, now_s: float) -> None:
        self.at_s = now_s + self._period_s
