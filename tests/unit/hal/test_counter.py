"""The judgement over an energy register."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.meter.counter import CONFIRMATIONS, Counted, Counter

MAX_W = 360_000.0  # 100 Wh a second, and 100 Wh of slack

steps = st.lists(st.tuples(st.integers(0, 100), st.floats(1.0, 60.0)), max_size=20)


def told(counter: Counter, registers: list[int], at_s: float = 0.0) -> list[Counted | None]:
    """One reading a second; None: held back."""
    found: list[Counted | None] = []
    for second, register_wh in enumerate(registers):
        try:
            found.append(counter.read(register_wh, at_s + second))
        except WireError:
            found.append(None)
    return found


@given(st.integers(0, 10**9), steps)
def test_what_can_be_true_is_taken_at_once(start_wh: int, moves: list[tuple[int, float]]) -> None:
    """Forward, and no faster than the installation."""
    counter, register_wh, now_s = Counter(MAX_W), start_wh, 0.0
    assert counter.read(register_wh, now_s) == Counted(start_wh)
    for more_wh, after_s in moves:
        register_wh, now_s = register_wh + more_wh, now_s + after_s
        assert counter.read(register_wh, now_s) == Counted(register_wh)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_registers_less_their_steps_never_run_back_nor_too_fast(registers: list[int]) -> None:
    """Whatever a meter tells: what a transaction counts is believable."""
    moved_wh, before = 0, None
    for second, counted in enumerate(told(Counter(MAX_W), registers)):
        if counted is None:
            continue
        moved_wh += counted.moved_wh
        energy_wh = counted.register_wh - moved_wh
        if before is not None:
            at_s, before_wh = before
            assert 0 <= energy_wh - before_wh <= MAX_W * (second - at_s) / 3600 + 100
        before = second, energy_wh


@pytest.mark.parametrize("false_wh", [0, 999, 10_000])
def test_a_step_needs_confirmation(false_wh: int) -> None:
    """Held back until it has been told again and again; a true one between begins the count anew."""
    held = [false_wh] * (CONFIRMATIONS - 1)
    assert told(Counter(MAX_W), [1_000, *held, 1_001, *held]) == [Counted(1_000), *[None] * len(held), Counted(1_001), *[None] * len(held)]
    assert told(Counter(MAX_W), [1_000, *held, false_wh])[-1] == Counted(false_wh, false_wh - 1_000)


def test_noise_is_no_confirmation() -> None:
    """Registers that contradict each other as well are never taken."""
    assert told(Counter(MAX_W), [1_000, 50_000, 3, 70_000, 2, 90_000, 1]) == [Counted(1_000), *[None] * 6]


@pytest.mark.parametrize("wrap_wh", [2**32, 1_000_000_000])
def test_what_was_delivered_over_the_top_counts(wrap_wh: int) -> None:
    """The register went round: only the circle is left out."""
    *_, last = told(Counter(MAX_W, [2**32, 1_000_000_000]), [wrap_wh - 20, 5, 10, 15])
    assert last == Counted(15, -wrap_wh)
