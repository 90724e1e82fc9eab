"""What a vehicle in Mode 3 draws against what its control pilot allows. Nothing but the meter tells of it: the pilot only speaks.

A vehicle has 5 s to follow a lower duty (IEC 61851-1, table A.6), and a meter measures late and with an error: it counts as too much what
stays above a tenth more than is allowed for 7 s. Those figures are the defaults of EVerest's EvseManager.
"""

from __future__ import annotations

from chargerd.core.now import NEVER, Now
from hal.types import MeterReading

TOLERANCE_SHARE = 0.1
NOISE_A = 0.5
LONGEST_S = 7.0


def drawn_a(reading: MeterReading, phases: int) -> float | None:
    """The highest current of a phase, or the mean over `phases` of all there is, where that is higher; None: the meter tells none.

    phases: those that the power of the outlet is reckoned by. A vehicle that uses more of them takes more than it was counted for.
    """
    if reading.phase_currents_a is None:
        return reading.current_a
    return max(*reading.phase_currents_a, sum(reading.phase_currents_a) / phases)


class Overdraw:
    """For how long too much has been drawn."""

    def __init__(self) -> None:
        self._since_s = NEVER

    def lasts(self, current_a: float | None, allowed_a: float, now: Now) -> bool:
        """Take a reading. Returns whether too much is drawn and has been for too long."""
        is_over = current_a is not None and current_a > (allowed_a + NOISE_A) * (1.0 + TOLERANCE_SHARE)
        self._since_s = min(self._since_s, now.mono_s) if is_over else NEVER
        return now.mono_s - self._since_s >= LONGEST_S
