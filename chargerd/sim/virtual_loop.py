"""An event loop whose clock jumps to the next deadline instead of waiting for it.

Everything that is ready runs first; only when nothing is, the clock moves. Bytes between sockets of this process arrive at once, so a real
protocol client over a Unix socket runs unchanged. Work for an executor is done inline and answered after a settable virtual latency;
a thread with a queue of its own would be invisible here. With nothing ready and nothing scheduled the loop raises instead of hanging.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START_S = 1000.0
"""The clock's first reading: not zero, so that nothing mistakes "never" for "at the beginning"."""


class NothingScheduledError(RuntimeError):
    """Every task waits for something that can never happen."""


class _JumpingSelector(selectors.SelectSelector):
    """Looks at the sockets without waiting, and lets the clock take the time that a wait would have taken."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = START_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingScheduledError("no task is ready and no deadline is set: the run would hang for ever")
        self.now_s += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module. `executor_latency_s` is how long a commit takes; `on_executor` is called before each (a power cut goes there)."""

    def __init__(self, executor_latency_s: float = 0.0, on_executor: Callable[[], None] | None = None) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self.executor_latency_s = executor_latency_s
        self.on_executor = on_executor

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now_s

    @property
    def _clock_resolution(self) -> float:
        """Asyncio fires timers early by this much. A nanosecond would be enough for two tasks to keep the clock from ever moving."""
        return math.ulp(self.time())

    @_clock_resolution.setter
    def _clock_resolution(self, resolution_s: float) -> None:
        """That of the real clock does not matter here."""

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Do the work now, answer after the latency; in order, as a single worker thread would."""
        if self.on_executor is not None:
            self.on_executor()
        future: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - whatever the work raises belongs to who asked for it
            self.call_later(self.executor_latency_s, _fail, future, error)
        else:
            self.call_later(self.executor_latency_s, _finish, future, result)
        return future


def _finish(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def run_virtual(main: Coroutine[Any, Any, T], executor_latency_s: float = 0.0, on_executor: Callable[[], None] | None = None) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(executor_latency_s, on_executor)) as runner:
        return runner.run(main)
