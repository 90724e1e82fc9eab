"""Duty of the control pilot and the current it offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.wire import pilot_pwm

VECTORS: dict[str, list[dict[str, Any]]] = yaml.safe_load((Path(__file__).parents[3] / "data/vectors/safety_board.yaml").read_text())


@pytest.mark.parametrize("row", VECTORS["duties"], ids=str)
def test_a_duty_offers_its_current(row: dict[str, Any]) -> None:
    """As the vehicle reads it."""
    assert pilot_pwm.offered_a(round(10 * row["duty"])) == pytest.approx(row["amperes"])


@pytest.mark.parametrize("row", VECTORS["currents"], ids=str)
def test_a_current_has_its_duty(row: dict[str, Any]) -> None:
    """Rounded down to tenths of a percent."""
    assert pilot_pwm.duty_permille(row["amperes"]) == round(10 * row["duty"])


@given(st.floats(0.0, 200.0))
def test_never_more_is_offered_than_is_allowed(current_a: float) -> None:
    """And hardly less, from 6 to 80 A; between 51 and 52.75 A, where the table has a gap, it is 51."""
    offered_a = pilot_pwm.offered_a(pilot_pwm.duty_permille(current_a))
    assert offered_a <= current_a + 1e-6
    if 6.0 <= current_a <= 51.0:
        assert offered_a > current_a - 0.061
    if 52.75 <= current_a <= 80.0:
        assert offered_a > current_a - 0.251
