"""When the motor of a lock runs: pulses, pauses, tries, and what the end switches mean."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.io.lock_motor import Drive, LockMotor, LockOptions, Switches
from hal.types import LockState

OPTIONS = LockOptions(pulse_s=0.5, feedback_s=0.5, retries=3)
UNLOCKED, LOCKED = Switches(is_locked=False, is_unlocked=True), Switches(is_locked=True, is_unlocked=False)
BETWEEN, BOTH = Switches(is_locked=False, is_unlocked=False), Switches(is_locked=True, is_unlocked=True)
STEP_S = 0.01


@dataclass
class Run:
    """A motor that is looked at every 10 ms, over switches that stay as they are."""

    motor: LockMotor
    now_s: float = 100.0

    def want(self, *, is_locked: bool) -> None:
        self.motor.want(is_locked=is_locked, now_s=self.now_s)

    def over(self, switches: Switches, duration_s: float) -> list[tuple[Drive, float]]:
        """What it did and for how long, one after the other."""
        done: list[tuple[Drive, float]] = []
        for _ in range(round(duration_s / STEP_S)):
            drive = self.motor.step(switches, self.now_s)
            self.now_s += STEP_S
            if done and done[-1][0] is drive:
                done[-1] = drive, round(done[-1][1] + STEP_S, 2)
            else:
                done.append((drive, STEP_S))
        return done


@pytest.fixture
def run() -> Run:
    return Run(LockMotor(OPTIONS))


def test_nothing_moves_before_something_is_wanted(run: Run) -> None:
    """The bolt keeps its position over a restart."""
    assert run.over(LOCKED, 10.0) == [(Drive.OFF, 10.0)]
    assert run.motor.state is LockState.LOCKED
    assert run.motor.deadline_s is None


@pytest.mark.parametrize(
    ("is_locked", "begins", "ends", "drive", "state"),
    [(True, UNLOCKED, LOCKED, Drive.LOCK, LockState.LOCKED), (False, LOCKED, UNLOCKED, Drive.UNLOCK, LockState.UNLOCKED)],
)
def test_a_pulse_ends_at_the_end_switch(
    run: Run, is_locked: bool, begins: Switches, ends: Switches, drive: Drive, state: LockState
) -> None:
    """Both ways; it is told at once, and nothing runs after that."""
    run.want(is_locked=is_locked)
    assert run.over(begins, 0.1) == [(drive, 0.1)]
    assert run.over(BETWEEN, 0.1) == [(drive, 0.1)]
    assert run.motor.state is LockState.UNKNOWN
    assert run.over(ends, 5.0) == [(Drive.OFF, 5.0)]
    assert run.motor.state is state


def test_without_a_switch_of_its_own_a_direction_runs_its_whole_pulse(run: Run) -> None:
    """That it is no longer locked does not say that the bolt is out of the way."""
    run.want(is_locked=False)
    run.over(Switches(is_locked=True), 0.1)
    assert run.over(Switches(is_locked=False), 5.0) == [(Drive.UNLOCK, 0.4), (Drive.OFF, 4.6)]
    assert run.motor.state is LockState.UNLOCKED


def test_a_bolt_that_does_not_move_is_tried_again_and_given_up(run: Run) -> None:
    """Four pulses, each followed by eight times its length, then FAILED and nothing more."""
    run.want(is_locked=True)
    pulse, pause = (Drive.LOCK, 0.5), (Drive.OFF, 4.0)
    assert run.over(UNLOCKED, 30.0) == [pulse, pause, pulse, pause, pulse, pause, pulse, (Drive.OFF, 16.0)]
    assert run.motor.state is LockState.FAILED
    assert run.motor.deadline_s is None


def test_a_failure_is_told_half_a_second_after_the_last_pulse(run: Run) -> None:
    """The switch has that long to follow."""
    run.want(is_locked=True)
    run.over(UNLOCKED, 3 * 4.5 + 0.5 + 0.48)
    assert run.motor.state is LockState.UNLOCKED
    run.over(UNLOCKED, 0.04)
    assert run.motor.state is LockState.FAILED


def test_what_is_wanted_once_more_is_tried_once_more(run: Run) -> None:
    """After a failure; the other direction, too, has all its tries."""
    run.want(is_locked=False)
    run.over(LOCKED, 30.0)
    run.want(is_locked=False)
    assert run.over(LOCKED, 30.0)[:3] == [(Drive.UNLOCK, 0.5), (Drive.OFF, 4.0), (Drive.UNLOCK, 0.5)]
    assert run.over(UNLOCKED, 0.1) == [(Drive.OFF, 0.1)]
    assert run.motor.state is LockState.UNLOCKED


def test_the_switch_may_come_after_the_pulse(run: Run) -> None:
    """Then it was a good one."""
    run.want(is_locked=True)
    run.over(UNLOCKED, 0.6)
    assert run.over(LOCKED, 10.0) == [(Drive.OFF, 10.0)]
    assert run.motor.state is LockState.LOCKED


def test_another_wish_ends_the_pulse_and_waits_for_the_pause(run: Run) -> None:
    """A motor is never turned round while it runs, and rests as long as it has to."""
    run.want(is_locked=True)
    run.over(UNLOCKED, 0.2)
    run.want(is_locked=False)
    assert run.motor.drive is Drive.OFF
    assert run.over(BETWEEN, 2.1) == [(Drive.OFF, 1.6), (Drive.UNLOCK, 0.5)]


def test_contradicting_switches_are_a_failure(run: Run) -> None:
    """The motor stops and stays off as long as they contradict each other."""
    run.want(is_locked=True)
    run.over(UNLOCKED, 0.1)
    assert run.over(BOTH, 30.0) == [(Drive.OFF, 30.0)]
    assert run.motor.state is LockState.FAILED
    run.over(LOCKED, 0.1)
    assert run.motor.state is LockState.LOCKED


def test_a_bolt_that_leaves_its_place_is_brought_back(run: Run) -> None:
    """It is told at once, and driven again."""
    run.want(is_locked=True)
    run.over(LOCKED, 1.0)
    assert run.over(BETWEEN, 0.1) == [(Drive.LOCK, 0.1)]
    assert run.motor.state is LockState.UNKNOWN


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("want"), st.booleans()),
            st.tuples(st.just("over"), st.sampled_from([UNLOCKED, LOCKED, BETWEEN, BOTH]), st.floats(0.01, 3.0)),
        ),
        max_size=30,
    )
)
def test_the_motor_is_never_overheated(deeds: list[tuple[object, ...]]) -> None:
    """Whatever happens, no pulse is longer than allowed and each is followed by its pause, also before the other direction."""
    run = Run(LockMotor(OPTIONS))
    done: list[tuple[Drive, float]] = []
    for deed in deeds:
        match deed:
            case ("want", bool(is_locked)):
                run.want(is_locked=is_locked)
            case ("over", Switches() as switches, float(duration_s)):
                for drive, lasted_s in run.over(switches, duration_s):
                    if done and done[-1][0] is drive:
                        done[-1] = drive, done[-1][1] + lasted_s
                    else:
                        done.append((drive, lasted_s))
    for index, (drive, lasted_s) in enumerate(done):
        if drive is not Drive.OFF:
            assert lasted_s <= OPTIONS.pulse_s + STEP_S
            if index + 1 < len(done):
                assert done[index + 1][0] is Drive.OFF
            if index + 2 < len(done):
                assert done[index + 1][1] >= 8 * (lasted_s - STEP_S) - STEP_S
