"""Readings of a meter that fit together, and such that cannot be true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.control.meter_check import Read, doubts, longest_gap_s
from hal.types import MeterReading


def reads(*readings: MeterReading, gap_s: float = 1.0) -> list[Read]:
    return [Read(index * gap_s, reading) for index, reading in enumerate(readings)]


def resting(energy_wh: int = 1000, **values: float) -> MeterReading:
    return MeterReading(energy_wh, **values)


@pytest.mark.parametrize(
    ("readings", "is_ac", "words"),
    [
        ((resting(1000), resting(999)), False, "the register went back from 1000 to 999 Wh"),
        ((resting(1000, power_w=0.0), resting(1200, power_w=0.0)), False, "the register rose by 200 Wh in 1.0 s"),
        ((resting(moved_wh=-50),), False, "stepped by -50 Wh"),
        ((resting(voltage_v=40_000.0),), False, "40000 V cannot be"),
        ((resting(voltage_v=-400.0),), False, "-400 V cannot be"),
        ((resting(current_a=-5000.0),), True, "-5000 A cannot be"),
        ((resting(power_w=4800.0, voltage_v=400.0, current_a=120.0),), False, "4800 W do not belong to 400 V and 120.0 A"),
        ((resting(power_w=480_000.0, voltage_v=400.0, current_a=120.0),), True, "480000 W do not belong"),
        ((resting(power_w=float("nan"), voltage_v=400.0, current_a=0.0),), False, "W do not belong"),
    ],
)
def test_what_cannot_be_is_said(readings: tuple[MeterReading, ...], is_ac: bool, words: str) -> None:
    """One sentence for each kind of doubt, once."""
    (found,) = doubts(reads(*readings, *readings[1:]), is_ac=is_ac)
    assert words in found


@pytest.mark.parametrize(
    ("readings", "is_ac"),
    [
        ((resting(), resting(), resting()), False),
        ((resting(1000, power_w=48_000.0, voltage_v=400.0, current_a=120.0), resting(1013, power_w=48_000.0)), False),
        ((resting(power_w=2000.0, voltage_v=230.0, current_a=10.0),), True),  # cos phi
        ((MeterReading(1, 6900.0, 230.0, 10.0, phase_currents_a=(10.0, 10.0, 10.0)),), True),
        ((MeterReading(1, 2300.0, 230.0, 10.0, phase_currents_a=(10.0, 0.0, 0.0)),), True),
        ((resting(power_w=30.0, voltage_v=0.4, current_a=0.0),), False),  # rounding
        ((resting(power_w=-4000.0, voltage_v=400.0, current_a=-10.0),), False),
        ((resting(1000), resting(1100)), False),  # a meter that tells no power, with a coarse register
    ],
)
def test_what_can_be_is_believed(readings: tuple[MeterReading, ...], is_ac: bool) -> None:
    """At rest, charging, feeding back, single-phase, and with the register's own resolution."""
    assert doubts(reads(*readings), is_ac=is_ac) == []


VOLTS, AMPS = st.floats(0, 1000), st.floats(0, 500)


@given(start_wh=st.integers(0, 10**9), points=st.lists(st.tuples(VOLTS, AMPS), min_size=2, max_size=5), gap_s=st.floats(0.1, 10))
def test_a_true_meter_is_never_doubted(start_wh: int, points: list[tuple[float, float]], gap_s: float) -> None:
    """A register that counts the energy of steady power, to the watt-hour."""
    voltage_v, current_a = points[0]
    power_w = voltage_v * current_a
    readings = [
        MeterReading(round(start_wh + power_w * gap_s * index / 3600), power_w, voltage_v, current_a) for index in range(len(points))
    ]
    assert doubts(reads(*readings, gap_s=gap_s), is_ac=False) == []


@given(rises_wh=st.lists(st.integers(0, 50), max_size=5), back_wh=st.integers(1, 10**6), at=st.integers(0, 5))
def test_a_register_that_goes_back_is_always_noticed(rises_wh: list[int], back_wh: int, at: int) -> None:
    """Wherever it happens."""
    registers = [10**7]
    for rise_wh in rises_wh:
        registers.append(registers[-1] + rise_wh)
    at = min(at, len(registers) - 1)
    registers.insert(at + 1, registers[at] - back_wh)
    assert any("went back" in words for words in doubts(reads(*map(MeterReading, registers)), is_ac=False))


def test_the_longest_gap_is_told() -> None:
    """None where there is only one reading."""
    assert longest_gap_s([Read(1.0, resting()), Read(2.0, resting()), Read(4.5, resting())]) == 2.5
    assert longest_gap_s([Read(1.0, resting())]) == 0.0
