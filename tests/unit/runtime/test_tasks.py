"""Supervision, the refresh of levels, the beat and its lease, the local gate: in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from itertools import pairwise

import pytest

from chargerd.core.events import ContactorUpdated, Event, GateCleared, GateTripped
from chargerd.core.ids import ConnectorId
from chargerd.core.outputs import Outputs
from chargerd.runtime.applier import Actuators, Applier
from chargerd.runtime.supervise import supervise
from chargerd.safety.gate import GateOptions
from chargerd.safety.local import LocalGate
from chargerd.sim.virtual_loop import NothingScheduledError, run_virtual
from hal.errors import DeviceUnavailable
from hal.types import IndicatorState, SafetyInputs, SafetyOutputs, SeccOutput, Setpoint, Talk
from tests.support.core_bench import ONE

TEST = Setpoint(50.0, 2.0)


async def during(seconds: float, *runs: Coroutine[None, None, None]) -> None:
    """Run tasks for a while."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run) for run in runs]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()


class Board:
    """A board of memory: coils are followed by their feedback, unless welded."""

    name = "board"

    def __init__(self, tells: bool) -> None:
        self.tells = tells
        self.coils: frozenset[int] = frozenset()
        self.welded: frozenset[int] = frozenset()
        self.is_estop_pressed = False
        self.moved: Callable[[], None] = lambda: None
        self.calls: list[str] = []

    def open(self) -> None:
        self.calls.append("open")

    def read(self) -> SafetyInputs:
        return SafetyInputs(self.is_estop_pressed, is_door_open=False, closed_contactors=self.coils | self.welded)

    def watch(self, moved: Callable[[], None]) -> bool:
        self.moved = moved
        return self.tells

    def apply(self, outputs: SafetyOutputs) -> None:
        self.coils = outputs.closed_contactors

    def close(self) -> None:
        self.coils = frozenset()
        self.calls.append("close")


def test_the_local_gate_closes_trips_and_leaves_everything_open() -> None:
    """A wish closes with a live lease; an input opens at the next tick; leaving opens."""
    board, told = Board(tells=False), list[Event]()

    async def main() -> None:
        gate = LocalGate(board, frozenset({1}), GateOptions(lease_s=1.0, tick_s=0.02), told.append)

        async def play() -> None:
            await asyncio.sleep(0.1)
            gate.wish(ONE, is_closed=True)
            await asyncio.sleep(0.05)
            assert board.coils == frozenset({1})
            board.is_estop_pressed = True
            await asyncio.sleep(0.03)
            assert board.coils == frozenset()

        await during(1.0, gate.run(), play())

    run_virtual(main())
    assert ContactorUpdated(ONE, is_closed=True) in told
    assert GateTripped(ConnectorId(0), "emergency-stop") in told
    assert board.calls == ["open", "close"]


def test_lines_of_somebody_else_are_a_fault_until_they_are_free() -> None:
    """The station lives on, says who holds them, and claims them when it can."""
    told, holder = list[Event](), ["io: line k1 is held by 'other'"]

    class Held(Board):
        def open(self) -> None:
            if holder:
                raise DeviceUnavailable(holder[0])
            super().open()

    board = Held(tells=True)

    async def main() -> None:
        gate = LocalGate(board, frozenset({1}), GateOptions(), told.append)

        async def play() -> None:
            await asyncio.sleep(5.0)
            assert [event for event in told if isinstance(event, GateTripped)] == [GateTripped(ConnectorId(0), "safety-inputs", holder[0])]
            gate.wish(ONE, is_closed=True)
            gate.wish(ONE, is_closed=False)
            holder.clear()
            await asyncio.sleep(3.0)
            assert told[-1] == GateCleared(ConnectorId(0), "safety-inputs")

        await during(10.0, gate.run(), play())

    run_virtual(main())
    assert board.calls == ["open", "close"]


def test_lines_that_cannot_be_driven_are_given_back_and_claimed_anew() -> None:
    """A board that was pulled out trips the gate instead of ending the daemon."""
    told, is_gone = list[Event](), asyncio.Event()

    class Pulled(Board):
        def apply(self, outputs: SafetyOutputs) -> None:
            if is_gone.is_set():
                raise DeviceUnavailable("io: line k1 cannot be driven")
            super().apply(outputs)

    board = Pulled(tells=False)

    async def main() -> None:
        gate = LocalGate(board, frozenset({1}), GateOptions(lease_s=10.0), told.append)

        async def play() -> None:
            gate.wish(ONE, is_closed=True)
            await asyncio.sleep(0.5)
            is_gone.set()
            gate.wish(ONE, is_closed=False)
            await asyncio.sleep(0.1)
            assert GateTripped(ConnectorId(0), "safety-inputs", "io: line k1 cannot be driven") in told
            is_gone.clear()
            await asyncio.sleep(3.0)
            assert GateCleared(ConnectorId(0), "safety-inputs") in told

        await during(5.0, gate.run(), play())

    run_virtual(main())
    assert board.calls == ["open", "close", "open", "close"]


def test_a_daemon_that_hangs_loses_the_contactor_within_the_lease() -> None:
    """Nobody renews: open after the lease, not a tick later than needed."""
    board, told = Board(tells=False), list[Event]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        gate = LocalGate(board, frozenset({1}), GateOptions(lease_s=1.0, tick_s=0.02), told.append)
        opened: list[float] = []

        async def play() -> None:
            gate.wish(ONE, is_closed=True)
            began = loop.time()
            await asyncio.sleep(0.5)
            assert board.coils
            while board.coils:
                await asyncio.sleep(0.005)
            opened.append(loop.time() - began)

        await during(2.0, gate.run(), play())
        assert 1.0 <= opened[0] <= 1.05

    run_virtual(main())
    assert GateTripped(ConnectorId(0), "lease-lost") in told


def test_a_board_that_tells_is_read_at_once() -> None:
    """No tick is needed to see an emergency stop."""
    board = Board(tells=True)

    async def main() -> None:
        gate = LocalGate(board, frozenset({1}), GateOptions(), lambda _: None)

        async def play() -> None:
            gate.wish(ONE, is_closed=True)
            await asyncio.sleep(0.1)
            board.is_estop_pressed = True
            board.moved()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            assert board.coils == frozenset()

        await during(0.5, gate.run(), play())

    run_virtual(main())


class Slot:
    """A device that notes when which level came."""

    name = "slot"

    def __init__(self) -> None:
        self.levels: list[tuple[float, object]] = []

    async def run(self, emit: object) -> None:
        raise AssertionError

    def apply(self, output: object) -> None:
        self.levels.append((asyncio.get_running_loop().time(), output))


class Wishes:
    """A gate that notes wishes."""

    def __init__(self) -> None:
        self.wishes: list[bool] = []

    def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
        self.wishes.append(is_closed)

    def renew(self) -> None:
        pass


def test_levels_are_said_again_while_a_vehicle_is_there_and_never_at_rest() -> None:
    """A driver's time to live is for a hung daemon: during a long handshake the level must not lapse."""
    power, secc, gate = Slot(), Slot(), Wishes()

    async def main() -> None:
        applier = Applier({ONE: Actuators(power, secc)}, gate)  # type: ignore[arg-type]  # one slot plays every port
        applier.apply(ONE, Outputs())
        applier.apply(ONE, Outputs(secc=SeccOutput(is_enabled=True)))

        async def rest() -> None:
            await asyncio.sleep(10)
            applier.apply(ONE, Outputs())

        await during(30.0, applier.run(), rest())

    run_virtual(main())
    times = [at for at, _ in secc.levels]
    assert max(after - before for before, after in pairwise(times)) <= 0.5 + 1e-9
    assert times[-1] - times[0] <= 10.5


def test_a_falling_level_opens_before_anything_else_and_a_rising_one_closes_last() -> None:
    """The contactor is first to go and last to come."""
    order: list[str] = []

    class Power(Slot):
        def apply(self, output: object) -> None:
            order.append("power")

    class Gate(Wishes):
        def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
            order.append("close" if is_closed else "open")

    async def main() -> None:
        applier = Applier({ONE: Actuators(Power(), Slot())}, Gate())  # type: ignore[arg-type]
        applier.apply(ONE, Outputs(contactor=True, setpoint=Setpoint(400.0, 10.0)))
        applier.apply(ONE, Outputs())

    run_virtual(main())
    assert order == ["power", "close", "open", "power"]


def test_lock_and_light_are_told_what_changes() -> None:
    """Once each; the same level of a lock is said again when it is to try again."""
    lock, light = Slot(), Slot()

    async def main() -> None:
        applier = Applier({ONE: Actuators(None, Slot(), lock, light)}, Wishes())  # type: ignore[arg-type]
        for level in (
            Outputs(),
            Outputs(indicator=IndicatorState.AVAILABLE),
            Outputs(indicator=IndicatorState.AVAILABLE, lock=True),
            Outputs(indicator=IndicatorState.AVAILABLE),
            Outputs(indicator=IndicatorState.AVAILABLE, lock_attempt=1),
        ):
            applier.apply(ONE, level)

    run_virtual(main())
    assert [level for _, level in lock.levels] == [False, True, False, False]
    assert [level for _, level in light.levels] == [IndicatorState.OFF, IndicatorState.AVAILABLE]


def test_modules_are_let_speak_again_with_the_level_that_then_holds() -> None:
    """A limit on the talk is passed on when it changes only, and after the set-point: the first free word is what is wanted now."""
    order: list[object] = []

    class Power(Slot):
        def apply(self, output: object) -> None:
            order.append(output)

        def limit_talk(self, talk: Talk) -> None:
            order.append(talk)

    async def main() -> None:
        applier = Applier({ONE: Actuators(Power(), Slot())}, Wishes())  # type: ignore[arg-type]
        for level in (Outputs(), Outputs(setpoint=TEST), Outputs(setpoint=TEST, talk=Talk.SILENT), Outputs()):
            applier.apply(ONE, level)

    run_virtual(main())
    assert order == [Setpoint(), TEST, Talk.SILENT, Setpoint(), Talk.FREE]


def test_supervision_restarts_after_device_errors_with_a_growing_pause() -> None:
    """Expected errors are told and tried again; the pause grows to its limit."""
    starts, told = list[float](), list[str]()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def run() -> None:
            starts.append(loop.time())
            raise DeviceUnavailable("meter1: does not answer")

        await during(60.0, supervise("meter1", run, told.append))

    run_virtual(main())
    pauses = [round(after - before, 3) for before, after in pairwise(starts)]
    assert pauses[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert told[0] == "meter1: does not answer"


def test_supervision_lets_a_bug_out() -> None:
    """What nobody expects ends the process, so that the service manager restarts us safely."""

    async def run() -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        run_virtual(supervise("meter1", run))


def test_the_virtual_loop_does_not_hang() -> None:
    """Nothing ready and nothing scheduled: it raises."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(NothingScheduledError):
        run_virtual(main())


def test_two_tasks_a_hair_before_their_time_do_not_stop_the_virtual_clock() -> None:
    """asyncio fires timers a nanosecond early; two tasks that then wait for the rest by turns never let the clock move."""

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + 1.0 + 4e-10

        async def wait(turns: int) -> int:
            await asyncio.sleep(1.0)
            for _ in range(turns):
                await asyncio.sleep(0)
            rounds = 0
            while loop.time() < due_s and rounds < 100:
                rounds += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(due_s):
                        await asyncio.Event().wait()
            return rounds

        assert await asyncio.gather(wait(0), wait(1)) == [1, 1]

    run_virtual(scene())
