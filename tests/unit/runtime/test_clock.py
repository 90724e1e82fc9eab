"""The time, and how the central system corrects it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.runtime.clock import BUILT_UTC_S, LATEST_UTC_S, SLEW, STEP_S, Clock

TRUE_UTC_S = BUILT_UTC_S + 1e7


class Board:
    """A board whose wall clock is wrong by `error_s`."""

    def __init__(self, error_s: float) -> None:
        self.mono_s = 100.0
        self.wall_error_s = error_s
        self.clock = Clock(lambda: self.mono_s, lambda: self.true_utc_s() + self.wall_error_s)

    def true_utc_s(self) -> float:
        return TRUE_UTC_S + self.mono_s

    def error_s(self) -> float:
        return self.clock.utc_s() - self.true_utc_s()


@pytest.mark.parametrize("error_s", [-1e9, -STEP_S - 0.1, STEP_S + 0.1, 3600.0])
def test_a_large_difference_is_a_step(error_s: float) -> None:
    """Beyond two seconds the time is set at once."""
    board = Board(error_s)
    board.clock.synchronise(board.true_utc_s())
    assert board.error_s() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("error_s", [-1.9, -0.2, 0.0, 0.5, 1.9])
def test_a_small_difference_is_worked_off(error_s: float) -> None:
    """Within two seconds the time neither jumps nor stays wrong."""
    board = Board(error_s)
    board.clock.synchronise(board.true_utc_s())
    assert board.error_s() == pytest.approx(error_s, abs=1e-6)
    board.mono_s += abs(error_s) / SLEW / 2
    assert board.error_s() == pytest.approx(error_s / 2, abs=1e-4)
    board.mono_s += abs(error_s) / SLEW
    assert board.error_s() == pytest.approx(0.0, abs=1e-6)


def test_samples_keep_their_distance_meanwhile() -> None:
    """T 070: a minute stays a minute, to 30 ms."""
    board = Board(1.5)
    board.clock.synchronise(board.true_utc_s())
    before_s = board.clock.utc_s()
    board.mono_s += 60.0
    assert board.clock.utc_s() - before_s == pytest.approx(60.0, abs=0.0301)


@given(st.lists(st.tuples(st.floats(0.01, 5000), st.floats(-STEP_S, STEP_S)), min_size=1, max_size=30))
def test_small_corrections_never_go_back(corrections: list[tuple[float, float]]) -> None:
    """However often and however wrongly the central system says it, the time goes on, and ends near what was said last."""
    board = Board(0.0)
    seen = [board.clock.utc_s()]
    for wait_s, said_s in corrections:
        board.clock.synchronise(board.clock.utc_s() + said_s)
        seen.append(board.clock.utc_s())
        board.mono_s += wait_s
        seen.append(board.clock.utc_s())
    assert all(later - earlier >= -1e-6 for earlier, later in pairwise(seen))


@pytest.mark.parametrize("utc_s", [0.0, -6.2e10, BUILT_UTC_S - 1, LATEST_UTC_S, 2.5e11])
def test_a_time_that_cannot_be_is_left_aside(utc_s: float) -> None:
    """A central system that lives in 1970, or in the year 9999, takes nobody along."""
    board = Board(-1e9)
    board.clock.synchronise(utc_s)
    assert board.error_s() == -1e9
    assert not board.clock.now().is_utc_trusted


def test_a_wall_clock_that_is_set_moves_nothing() -> None:
    """Once the central system has told the time, whoever sets the board's clock does not move our stamps."""
    board = Board(0.0)
    board.clock.synchronise(board.true_utc_s())
    board.wall_error_s = -3600.0
    board.mono_s += 10.0
    assert board.error_s() == pytest.approx(0.0, abs=1e-6)


def test_the_time_is_known_once_it_was_told() -> None:
    """A board that starts in 1970 does not know it before."""
    board = Board(-TRUE_UTC_S)
    assert not board.clock.now().is_utc_trusted
    board.clock.synchronise(board.true_utc_s())
    assert board.clock.now().is_utc_trusted
    assert board.clock.mono_s() == board.mono_s
