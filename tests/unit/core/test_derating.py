"""The temperature of a connector: the curve, the stop, and a sensor that cannot be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.derating import Thermometer, share_at
from chargerd.core.settings import Derating

CURVE = Derating()


@pytest.mark.parametrize(
    ("temperature_c", "share"),
    [(-40, 1.0), (25, 1.0), (70, 1.0), (73, 0.9), (77.5, 0.75), (85, 0.5), (89.9, 0.5), (90, 0.0), (150, 0.0)],
)
def test_the_curve(temperature_c: float, share: float) -> None:
    """Full to 70 degC, in a line to a half at 85, nothing from 90 on (ours; IEC 62196 has 90 degC at the contacts)."""
    assert share_at(CURVE, temperature_c) == pytest.approx(share)


@given(st.floats(-50, 200), st.floats(0, 50))
def test_hotter_is_never_more(temperature_c: float, more_k: float) -> None:
    """Between nothing and all, and falling."""
    assert 1.0 >= share_at(CURVE, temperature_c) >= share_at(CURVE, temperature_c + more_k) >= 0.0


@pytest.mark.parametrize("values", [(85, 70, 90), (70, 85, 80), (70, 70, 90), (70, 85, 151)])
def test_a_curve_that_does_not_rise_is_refused(values: tuple[float, float, float]) -> None:
    """The configuration says so with its line."""
    with pytest.raises(ValueError, match="should rise"):
        Derating(full_c=values[0], reduced_c=values[1], stop_c=values[2])


def read(*readings: tuple[float, float | None], thermometer: Thermometer | None = None) -> Thermometer:
    """Readings of a plugged vehicle's connector, as (time, temperature)."""
    thermometer = thermometer or Thermometer(CURVE)
    for at_s, temperature_c in readings:
        thermometer.take(temperature_c, True, at_s)
    return thermometer


def test_hot_is_over_when_it_is_cool() -> None:
    """Not at 89, else it would begin and stop for ever."""
    thermometer = read((0, 60.0), (100, 90.0))
    assert (thermometer.is_hot, thermometer.share) == (True, 0.0)
    assert read((200, 75.0), thermometer=thermometer).is_hot
    assert not read((300, 69.0), thermometer=thermometer).is_hot


def test_without_a_sensor_nothing_is_limited() -> None:
    """Many connectors have none."""
    thermometer = read((0, None), (10, None))
    assert (thermometer.is_broken, thermometer.is_hot, thermometer.share) == (False, False, 1.0)


@pytest.mark.parametrize(
    "readings",
    [
        [(0, -41.0)],
        [(0, 151.0)],
        [(0, 25.0), (1, 36.0)],
        [(0, 25.0), (2, 46.0)],
        [(0, 60.0), (1, 40.0)],
        [(0, 25.0), (1, None)],
    ],
    ids=["below", "above", "jump", "slower jump", "jump down", "gone"],
)
def test_a_sensor_that_tells_what_cannot_be_leaves_half(readings: list[tuple[float, float | None]]) -> None:
    """Out of range, faster than a contact can warm up, or silent after it had spoken."""
    thermometer = read(*readings)
    assert (thermometer.is_broken, thermometer.share, thermometer.is_hot) == (True, 0.5, False)


def test_a_step_of_resolution_is_no_jump() -> None:
    """Readings come on change: two degrees within a tenth of a second are rounding."""
    assert not read((0, 25.0), (0.1, 27.0), (0.2, 29.0), (1.2, 31.0)).is_broken


def test_after_a_jump_the_sensor_is_not_believed_before_the_vehicle_has_left() -> None:
    """A wire that touches now and then."""
    thermometer = read((0, 25.0), (1, 80.0), (2, 25.0), (60, 25.0))
    assert thermometer.is_broken
    thermometer.take(25.0, False, 61.0)
    assert not thermometer.is_broken


def test_what_was_before_the_vehicle_came_does_not_count() -> None:
    """At rest a sensor may be quiet for long, and a technician may warm it up."""
    thermometer = Thermometer(CURVE)
    thermometer.take(25.0, False, 0.0)
    assert not read((0.5, 66.0), (1.5, 66.0), thermometer=thermometer).is_broken


def test_out_of_range_is_over_when_it_is_in_range() -> None:
    """No jump was seen: it was never in range before."""
    assert not read((0, 151.0), (100, 60.0)).is_broken
