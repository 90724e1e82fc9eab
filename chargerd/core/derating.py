"""The temperature of one connector: what it leaves of the current, and whether its sensor can be believed.

A contact warms by some kelvin a minute. No value where there was one, a value outside the sensor's range, or a jump that no contact can
make tell of a broken wire or sensor; after a jump nothing that this sensor says is believed before the vehicle has left.
"""

from __future__ import annotations

from typing import Final

from chargerd.core.settings import Derating

HOT: Final = "connector-hot"
SENSOR: Final = "connector-sensor"
"""Codes of the faults that follow from `is_hot` and `is_broken`."""

_JUDGED_OVER_S = 1.0  # readings come on change, in whole degrees: two of them a moment apart make no rate


class Thermometer:
    """See the module. `temperature_c`: None where nobody measures. `is_hot`: from `stop_c` on, until it is below `full_c` again."""

    def __init__(self, curve: Derating) -> None:
        self._curve = curve
        self._before: tuple[float, float] | None = None  # a temperature that was believed, and when
        self._has_jumped = False
        self.temperature_c: float | None = None
        self.is_broken = False
        self.is_hot = False
        self.share = 1.0
        """Of the connector's current, from 0 to 1."""

    def take(self, temperature_c: float | None, is_plugged: bool, now_s: float) -> None:
        """A reading. What was before its vehicle came does not count."""
        curve, before = self._curve, self._before
        if not is_plugged:
            before = self._before = None
            self._has_jumped = False
        if before is not None and temperature_c is not None:
            passed_s = max(now_s - before[1], _JUDGED_OVER_S)
            self._has_jumped |= abs(temperature_c - before[0]) > curve.sensor_jump_k_per_s * passed_s
        is_lost = temperature_c is None and before is not None
        is_outside = temperature_c is not None and not curve.sensor_min_c <= temperature_c <= curve.sensor_max_c
        self.is_broken = is_lost or is_outside or self._has_jumped
        self.temperature_c = temperature_c
        if self.is_broken:
            self.share = curve.reduced_percent / 100.0
        elif temperature_c is None:
            self.share, self.is_hot, self._before = 1.0, False, None
        else:
            self.is_hot = temperature_c >= curve.stop_c or (self.is_hot and temperature_c >= curve.full_c)
            self.share = share_at(curve, temperature_c)
            if is_plugged and (before is None or now_s - before[1] >= _JUDGED_OVER_S):
                self._before = temperature_c, now_s


def share_at(curve: Derating, temperature_c: float) -> float:
    """What a temperature leaves of the current, from 0 to 1."""
    if temperature_c >= curve.stop_c:
        return 0.0
    warm = min(max((temperature_c - curve.full_c) / (curve.reduced_c - curve.full_c), 0.0), 1.0)
    return 1.0 - warm * (1.0 - curve.reduced_percent / 100.0)
