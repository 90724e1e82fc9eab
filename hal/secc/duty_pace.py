"""How fast the duty of a control pilot may change: a vehicle has 5 s to follow one change before the next (IEC 61851-1, table A.6).

Pure: time is an argument. That raising and trimming have to wait and switching off never has is engineering practice.
"""

from __future__ import annotations

import math
from typing import Final

from hal.wire.pilot_pwm import STEADY_PERMILLE

_FOLLOW_S: Final = 5.0


class DutyPace:
    """The duty that holds. From and to the steady level it changes at once, between two offers when the vehicle has had its time."""

    def __init__(self) -> None:
        self._permille = STEADY_PERMILLE
        self._since_s = -math.inf

    def at(self, wanted_permille: int, now_s: float) -> int:
        """The duty to show now, in tenths of a percent, when this one is wanted."""
        is_trimmed = STEADY_PERMILLE not in (wanted_permille, self._permille)
        may_change = not is_trimmed or now_s - self._since_s >= _FOLLOW_S
        if wanted_permille != self._permille and may_change:
            self._permille, self._since_s = wanted_permille, now_s
        return self._permille
