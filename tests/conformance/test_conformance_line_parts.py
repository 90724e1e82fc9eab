"""Locks and lights on the lines of a board, in virtual time: over the mock pins, with a socket or a lamp at their other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.bus.gpio import LineOptions
from hal.errors import ConfigError
from hal.io.gpio import GpioIo, GpioOptions
from hal.io.light_codes import LightCode
from hal.io.lock_motor import LockOptions
from hal.ports import ConnectorLock, Indicator, Place
from hal.types import IndicatorState, LockState
from tests.conformance.links import Supervised, now_s

TRAVEL_S = 0.3


def out(number: int) -> LineOptions:
    return LineOptions(number=number, direction="out")


def switch(number: int) -> LineOptions:
    return LineOptions(number=number, direction="in", pull="down")


MOTOR = {"lock1_lock": out(5), "lock1_unlock": out(6)}
LOCK = {**MOTOR, "lock1_locked": switch(7), "lock1_unlocked": switch(8)}
LIGHT = {"led1_red": out(10), "led1_green": out(11), "led1_blue": out(12)}


class Board(GpioIo):
    """A board on mock pins that writes down what is driven, and when."""

    def __init__(self, lines: Mapping[str, LineOptions], **options: object) -> None:
        super().__init__("io", GpioOptions(lines=lines, factory="mock", **options), Place(Path(), Path()))  # type: ignore[arg-type]
        self.driven: list[tuple[float, str, bool]] = []
        self.on: set[str] = set()

    def drive(self, label: str, is_active: bool) -> None:
        super().drive(label, is_active)
        self._note(label, is_active)

    def release(self, label: str) -> None:
        super().release(label)
        if label in self.on:
            self._note(label, False)

    def _note(self, label: str, is_active: bool) -> None:
        self.driven.append((round(now_s(), 2), label, is_active))
        self.on = self.on | {label} if is_active else self.on - {label}


@dataclass
class Socket:
    """A bolt that the motor moves in 0.3 s, with its end switches. `is_jammed`: it stays; `stuck`: switches that read as this forever."""

    board: Board
    place: float = 0.0  # 0: unlocked, 1: locked
    is_jammed: bool = False
    stuck: dict[str, bool] = field(default_factory=dict)

    async def live(self) -> None:
        while True:
            assert not {"lock1_lock", "lock1_unlock"} <= self.board.on, "both directions at once"
            if not self.is_jammed:
                way = ("lock1_lock" in self.board.on) - ("lock1_unlock" in self.board.on)
                self.place = min(1.0, max(0.0, self.place + way * 0.01 / TRAVEL_S))
            self.show()
            await asyncio.sleep(0.01)

    def show(self) -> None:
        for label, is_active in {"lock1_locked": self.place > 0.99, "lock1_unlocked": self.place < 0.01}.items():
            if self.board._lines.is_claimed(label):
                self.board._lines.simulate(label, self.stuck.get(label, is_active))


@dataclass
class Stand:
    """A lock that runs, in its socket."""

    board: Board
    socket: Socket
    lock: ConnectorLock
    run: Supervised

    @property
    def state(self) -> object:
        return self.run.values[-1]


@asynccontextmanager
async def lock_stand(lines: Mapping[str, LineOptions] = LOCK, *, place: float = 0.0) -> AsyncIterator[Stand]:
    board = Board(lines)
    lock = board.connector_lock("lock1", 1)
    socket = Socket(board, place)
    living = asyncio.create_task(socket.live(), name="socket")
    try:
        async with Supervised(lock) as run:
            await asyncio.sleep(0.1)
            yield Stand(board, socket, lock, run)
    finally:
        living.cancel()


# --- the lock -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [LOCK, {**MOTOR, "lock1_locked": switch(7)}], ids=["two switches", "one switch"])
def test_a_lock_locks_and_unlocks(lines: Mapping[str, LineOptions]) -> None:
    """Each state is told when it is reached; the motor is off afterwards, and before the other direction it has rested."""

    async def main() -> None:
        async with lock_stand(lines) as stand:
            assert stand.state is LockState.UNLOCKED
            stand.lock.apply(True)
            await asyncio.sleep(0.4)
            assert stand.state is LockState.LOCKED
            assert stand.board.on == set()
            stand.lock.apply(False)
            await asyncio.sleep(5.0)
            assert stand.state is LockState.UNLOCKED
            assert stand.board.on == set()
            assert stand.socket.place < 0.01
            (_, _, _), (stopped_s, _, _), (again_s, label, _), _ = stand.board.driven
            assert label == "lock1_unlock"
            assert again_s - stopped_s > 8 * 0.3

    run_virtual(main())


def test_its_state_is_told_each_second() -> None:
    """So that silence is noticed."""

    async def main() -> None:
        async with lock_stand() as stand:
            await asyncio.sleep(5.0)
            assert 5 <= len(stand.run.readings) <= 7

    run_virtual(main())


def test_a_jammed_bolt_fails_after_its_tries_and_is_tried_anew_when_asked() -> None:
    """Each pulse is as long as configured; once the way is free, the same level is enough."""

    async def main() -> None:
        async with lock_stand(place=1.0) as stand:
            stand.socket.is_jammed = True
            stand.lock.apply(False)
            await asyncio.sleep(20.0)
            assert stand.state is LockState.FAILED
            assert [label for _, label, is_on in stand.board.driven if is_on] == ["lock1_unlock"] * 4
            stand.socket.is_jammed = False
            await asyncio.sleep(20.0)
            assert stand.state is LockState.FAILED
            stand.lock.apply(False)
            await asyncio.sleep(1.0)
            assert stand.state is LockState.UNLOCKED

    run_virtual(main())


@pytest.mark.parametrize(
    ("stuck", "state"),
    [
        ({"lock1_locked": False}, LockState.FAILED),  # never comes
        ({"lock1_locked": True, "lock1_unlocked": True}, LockState.FAILED),  # contradict each other
    ],
    ids=["never", "both"],
)
def test_a_switch_that_is_stuck_never_counts_as_locked(stuck: dict[str, bool], state: LockState) -> None:
    """Whatever the bolt does."""

    async def main() -> None:
        async with lock_stand() as stand:
            stand.socket.stuck = stuck
            stand.lock.apply(True)
            await asyncio.sleep(30.0)
            assert stand.state is state
            assert LockState.LOCKED not in stand.run.values
            assert stand.board.on == set()

    run_virtual(main())


def test_a_lock_that_is_cut_off_stops_its_motor_and_keeps_its_place() -> None:
    """In the middle of a pulse, too; what is wanted is applied again by the next run."""

    async def main() -> None:
        board = Board(LOCK)
        lock, socket = board.connector_lock("lock1", 1), Socket(board)
        living = asyncio.create_task(socket.live(), name="socket")
        lock.apply(True)
        for _ in range(2):
            task = asyncio.create_task(lock.run(lambda reading: None), name="lock")
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert board.on == set()
            assert not board._lines.is_claimed("lock1_lock")
            await asyncio.sleep(2.0)
        assert [label for _, label, is_on in board.driven if is_on] == ["lock1_lock"] * 2
        living.cancel()

    run_virtual(main())


def test_a_lock_at_the_start_moves_nothing() -> None:
    """Only its position is told, until something is applied."""

    async def main() -> None:
        async with lock_stand(place=1.0) as stand:
            await asyncio.sleep(3.0)
            assert stand.state is LockState.LOCKED
            assert stand.board.driven == []

    run_virtual(main())


def test_options_of_a_lock() -> None:
    """`locks` names it."""

    async def main() -> None:
        board = Board(LOCK, locks={"lock1": LockOptions(pulse_s=0.1, retries=0)})
        lock = board.connector_lock("lock1", 1)
        lock.apply(True)
        socket = Socket(board, is_jammed=True)
        living = asyncio.create_task(socket.live(), name="socket")
        async with Supervised(lock) as run:
            await asyncio.sleep(2.0)
            assert run.values[-1] is LockState.FAILED
        assert len([label for _, label, is_on in board.driven if is_on]) == 1
        living.cancel()

    run_virtual(main())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (MOTOR, "io: no line 'lock1_locked'"),
        (LOCK | {"lock1_lock": switch(5)}, "io: line lock1_lock has direction in, it is used as out"),
        (
            LOCK | {"lock1_locked": LineOptions(number=7, direction="in", pull="up")},
            "io: line lock1_locked would read as active with a broken wire",
        ),
        (LOCK | {"lock1_lockd": switch(9)}, "io: line lock1_lockd means nothing to lock1; known are lock1_lock, lock1_unlock"),
    ],
    ids=["missing", "direction", "broken wire", "slip"],
)
def test_wiring_of_a_lock_that_cannot_do_is_refused(lines: Mapping[str, LineOptions], said: str) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError) as caught:
        Board(lines).connector_lock("lock1", 1)
    assert any(problem.startswith(said) for problem in caught.value.problems)


# --- the light ----------------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def light_stand(lines: Mapping[str, LineOptions] = LIGHT, **options: object) -> AsyncIterator[tuple[Board, Indicator]]:
    board = Board(lines, **options)
    light = board.indicator("led1")
    async with Supervised(light):
        await asyncio.sleep(0.1)
        yield board, light
    assert board.on == set()


def test_a_light_shows_what_is_applied() -> None:
    """Also what was applied before it ran; on leaving it is dark."""

    async def main() -> None:
        async with light_stand() as (board, light):
            assert board.on == set()
            light.apply(IndicatorState.AVAILABLE)
            await asyncio.sleep(0.1)
            assert board.on == {"led1_green"}
            light.apply(IndicatorState.FAULTED)
            await asyncio.sleep(0.1)
            assert board.on == {"led1_red"}
            light.apply(IndicatorState.FINISHING)
            await asyncio.sleep(0.1)
            assert board.on == {"led1_red", "led1_green", "led1_blue"}

    run_virtual(main())


def test_a_steady_light_does_nothing_at_rest() -> None:
    """No wake-ups: what it does is counted over an hour."""

    async def main() -> None:
        async with light_stand() as (board, light):
            light.apply(IndicatorState.AVAILABLE)
            await asyncio.sleep(3600.0)
            assert len(board.driven) == 1

    run_virtual(main())


def test_charging_pulses() -> None:
    """Blue, 1.5 s on and 0.5 s off."""

    async def main() -> None:
        async with light_stand() as (board, light):
            light.apply(IndicatorState.CHARGING)
            await asyncio.sleep(20.0)
            times = [at_s for at_s, label, _ in board.driven if label == "led1_blue"]
            gaps = {round(later - sooner, 1) for sooner, later in pairwise(times[1:])}
            assert gaps == {1.5, 0.5}

    run_virtual(main())


def test_codes_can_be_overridden() -> None:
    """`lights` of the board goes before the usual codes, state by state."""
    codes = {IndicatorState.CHARGING: LightCode(colours=("green", "blue"), blink="steady")}

    async def main() -> None:
        async with light_stand(lights=codes) as (board, light):
            light.apply(IndicatorState.CHARGING)
            await asyncio.sleep(0.1)
            assert board.on == {"led1_green", "led1_blue"}
            light.apply(IndicatorState.AVAILABLE)
            await asyncio.sleep(0.1)
            assert board.on == {"led1_green"}

    run_virtual(main())


@pytest.mark.parametrize(
    ("lines", "codes", "said"),
    [
        ({"k1": out(5)}, {}, "io: no line for led1; a light has one or more of led1_green, led1_blue"),
        ({"led1_gren": out(5), "led1_red": out(6)}, {}, "io: line led1_gren means nothing to led1; known are led1_green"),
        ({"led1_red": switch(5)}, {}, "io: line led1_red has direction in"),
        (
            {"led1_green": out(5)},
            {IndicatorState.FAULTED: LightCode(colours=("red",))},
            "io: lights.faulted: led1 has no red; there is no line led1_red",
        ),
    ],
    ids=["none", "slip", "direction", "colour"],
)
def test_wiring_of_a_light_that_cannot_do_is_refused(
    lines: Mapping[str, LineOptions], codes: Mapping[IndicatorState, LightCode], said: str
) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError) as caught:
        Board(lines, lights=codes).indicator("led1")
    assert any(problem.startswith(said) for problem in caught.value.problems)
