"""What the duty of the control pilot says, and how a current is said by it (IEC 61851-1, annex A).

A duty is in tenths of a percent. Sources: table of duties of several public manuals (Fluke FEV300, ABL), EVerest for the gap between the
two formulas.
"""

from __future__ import annotations

import math
from typing import Final

LEAST_A: Final = 6.0
MOST_A: Final = 80.0
STEADY_PERMILLE: Final = 1000
"""No oscillation: a steady +12 V (state x1), which offers nothing."""

_LOW_MOST_A: Final = 51.0  # at 85 %, where the formulas meet
_LOW_MOST_PERMILLE: Final = 850
_NOISE: Final = 1e-6


def duty_permille(current_a: float) -> int:
    """The duty that offers this current, rounded so that it never offers more; below 6 A, which no duty can say, the steady level."""
    if current_a < LEAST_A:
        return STEADY_PERMILLE
    if current_a <= _LOW_MOST_A:
        return math.floor(current_a / 0.06 + _NOISE)
    # above 51 A the second formula begins under 85 %, where a vehicle would still use the first
    return max(_LOW_MOST_PERMILLE, math.floor((min(current_a, MOST_A) / 2.5 + 64.0) * 10.0 + _NOISE))


def offered_a(duty_permille: int) -> float:
    """What a vehicle may take at this duty; 0 where the duty allows no charging, or asks for digital communication (3 to 7 %)."""
    if not 80 <= duty_permille <= 970:
        return 0.0
    if duty_permille < 100:
        return LEAST_A
    if duty_permille <= _LOW_MOST_PERMILLE:
        return duty_permille * 0.06
    return min(MOST_A, (duty_permille / 10.0 - 64.0) * 2.5)
