"""Whether a few readings of one meter can be true. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hal.types import MeterReading

MAX_VOLTAGE_V, MAX_CURRENT_A = 1500.0, 3000.0
_SLACK_W = 100.0  # rounding of voltage and current
_SLACK_SHARE = 0.2
_SLACK_WH = 100  # a register's last digit, and what flew between two looks


@dataclass(frozen=True, slots=True)
class Read:
    """A reading and when it came, on a clock that runs steadily."""

    at_s: float
    reading: MeterReading


def doubts(reads: Sequence[Read], *, is_ac: bool) -> list[str]:
    """What cannot be true, as sentences; none where everything fits together.

    The register may not go back or run ahead of the power, and power, voltage and current have to belong to one another; on AC the power
    may be lower, by the power factor and by phases that carry less.
    """
    steps = [words for before, after in pairwise(reads) for words in _step_doubts(before, after)]
    return list(dict.fromkeys([*steps, *(words for one in reads for words in _value_doubts(one.reading, is_ac=is_ac))]))


def longest_gap_s(reads: Sequence[Read]) -> float:
    """The longest time between two readings; 0 where there are no two."""
    return max((after.at_s - before.at_s for before, after in pairwise(reads)), default=0.0)


def _step_doubts(before: Read, after: Read) -> Iterator[str]:
    rise_wh = after.reading.energy_wh - before.reading.energy_wh
    if rise_wh < 0:
        yield f"the register went back from {before.reading.energy_wh} to {after.reading.energy_wh} Wh"
    powers_w = [abs(one.reading.power_w) for one in (before, after) if one.reading.power_w is not None]
    might_wh = max(powers_w, default=math.inf) * (1 + _SLACK_SHARE) * (after.at_s - before.at_s) / 3600 + _SLACK_WH
    if rise_wh > might_wh:
        yield f"the register rose by {rise_wh} Wh in {after.at_s - before.at_s:.1f} s, which the power does not explain"


def _value_doubts(reading: MeterReading, *, is_ac: bool) -> Iterator[str]:
    voltage_v, current_a, power_w = reading.voltage_v, reading.current_a, reading.power_w
    if reading.moved_wh:
        yield f"the register stepped by {reading.moved_wh} Wh without energy"
    if voltage_v is not None and not -_SLACK_SHARE * MAX_VOLTAGE_V <= voltage_v <= MAX_VOLTAGE_V:
        yield f"{voltage_v:.0f} V cannot be"
    if current_a is not None and not abs(current_a) <= MAX_CURRENT_A:
        yield f"{current_a:.0f} A cannot be"
    if voltage_v is None or current_a is None or power_w is None:
        return
    product_w = abs(voltage_v * current_a) * (3 if reading.phase_currents_a is not None else 1)
    is_too_high = abs(power_w) > product_w * (1 + _SLACK_SHARE) + _SLACK_W
    is_too_low = not is_ac and abs(power_w) < product_w * (1 - _SLACK_SHARE) - _SLACK_W
    if is_too_high or is_too_low or not math.isfinite(power_w):
        yield f"{power_w:.0f} W do not belong to {voltage_v:.0f} V and {current_a:.1f} A"
