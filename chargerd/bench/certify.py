"""Runs cases one after the other on a station and says how each went.

A case begins in the starting state. After one that passed the station is brought back there; after one that failed, or where it cannot be
brought back, the next case gets a station as delivered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from chargerd.app.config import Config, load
from chargerd.app.pics import pics
from chargerd.bench import starting_state
from chargerd.bench.case import Case
from chargerd.bench.kpi import Measurements
from chargerd.bench.parameters import REAL, VIRTUAL, Parameters, overlay
from chargerd.bench.process_station import process_station
from chargerd.bench.product import Product
from chargerd.bench.under_test import Opener, StationUnderTest
from chargerd.bench.verdict import CaseFailedError
from chargerd.bench.virtual_station import virtual_station
from chargerd.bench.workbench import Workbench
from chargerd.csms.model import Message
from chargerd.sim.virtual_loop import run_virtual
from hal.errors import ConfigError

COMMIT_S = 0.004  # of the journal, in virtual time
LONGEST_CASE_S = 600.0


class Outcome(Enum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went. `words`: why it failed or does not apply. `messages`: what crossed the wire, where it failed."""

    case: Case
    outcome: Outcome
    words: str = ""
    seconds: float = 0.0
    messages: tuple[Message, ...] = ()


Progress = Callable[[Result], None]


@dataclass(slots=True)
class Run:
    """A finished run."""

    product: Product
    results: list[Result] = field(default_factory=list)
    measured: Measurements = field(default_factory=Measurements)
    seconds: float = 0.0  # of the loop's clock

    def count(self, outcome: Outcome, profile: str | None = None) -> int:
        """How many cases ended so."""
        return sum(one.outcome is outcome and profile in (None, one.case.profile) for one in self.results)

    @property
    def is_passed(self) -> bool:
        """Something was tried, and nothing failed."""
        return self.count(Outcome.PASSED) > 0 and self.count(Outcome.FAILED) == 0


def certify(
    config: Path, cases: Sequence[Case], *, is_virtual: bool, progress: Progress = lambda _: None, rate_unit: str = VIRTUAL.rate_unit
) -> Run:
    """Run cases on a station of this configuration. Raises ConfigError, and OSError when it cannot be started.

    rate_unit: of charging profiles, where the station takes it. Raises ValueError where the hardware is not simulated.
    """
    loaded = load(config)
    changes = overlay(_plant(loaded), is_virtual=is_virtual)
    parameters = replace(VIRTUAL if is_virtual else REAL, rate_unit=rate_unit)

    def opened() -> Any:
        return virtual_station(config, changes) if is_virtual else process_station(config, changes)

    series = Series(opened, pics(loaded), parameters, progress)
    if is_virtual:
        return run_virtual(series.run(cases), executor_latency_s=COMMIT_S)
    return asyncio.run(series.run(cases))


def _plant(config: Config) -> str:
    for bus in config.buses:
        if bus.kind == "plant":
            return bus.name
    raise ValueError(f"{config.path}: the cases need simulated hardware in the daemon: a bus of type mock-plant")


class Series:
    """One run: see the module."""

    def __init__(self, opened: Opener, stated: Mapping[str, Any], parameters: Parameters, progress: Progress) -> None:
        self._opened = opened
        self._stated = stated
        self._parameters = parameters
        self._progress = progress
        self._playing: Case | None = None
        self._run = Run(Product(stated))

    async def run(self, cases: Sequence[Case]) -> Run:
        """Play the cases that apply, in their order. Raises ConfigError and OSError when a station cannot be started."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        left = deque(cases)
        while left:
            self._playing = None
            try:
                async with self._opened() as station:
                    await self._play_on(station, left)
            except* Exception as group:  # noqa: BLE001 - whatever a station can die of
                self._broke_down(_leaf(group), left)
        self._run.seconds = loop.time() - began_s
        return self._run

    def _broke_down(self, error: BaseException, left: deque[Case]) -> None:
        """The case that was being played has failed; without one, no case can be played."""
        if self._playing is not None:
            self._note(Result(self._playing, Outcome.FAILED, f"the station broke down: {type(error).__name__}: {error}"))
        elif isinstance(error, (ConfigError, OSError)):
            raise error
        else:
            for case in left:
                self._note(Result(case, Outcome.FAILED, f"the station does not start: {error}"))
            left.clear()

    async def _play_on(self, station: StationUnderTest, left: deque[Case]) -> None:
        """As many cases as this station is good for."""
        bench = await self._bench(station)
        while left:
            case = left.popleft()
            if not case.applies.holds(bench.product):
                self._note(Result(case, Outcome.NOT_APPLICABLE, f"applies to {case.applies.words}"))
                continue
            self._playing = case
            result = await self._play(case, bench)
            self._note(result)
            if result.outcome is Outcome.FAILED:
                return
            try:
                await starting_state.restore(bench)
            except CaseFailedError:
                return
            self._playing = None

    async def _bench(self, station: StationUnderTest) -> Workbench:
        """The one who tests this station, which has come to the starting state."""
        bench = Workbench(station, self._run.product, self._parameters, self._run.measured)
        await starting_state.connected(bench)
        if not self._run.product.keys:
            self._run.product = Product(self._stated, await bench.read_keys())
            bench.product = self._run.product
        await starting_state.reach(bench)
        return bench

    async def _play(self, case: Case, bench: Workbench) -> Result:
        began_s = bench.now_s
        bench.record.trace.clear()
        words = ""
        try:
            async with asyncio.timeout(LONGEST_CASE_S):
                bench.begin_case()
                await case.play(bench)
                await bench.expect_nothing(bench.parameters.settle_s)
        except CaseFailedError as failure:
            words = str(failure)
        except TimeoutError:
            words = f"did not end within {LONGEST_CASE_S:g} s"
        seconds = bench.now_s - began_s
        if words:
            return Result(case, Outcome.FAILED, words, seconds, tuple(bench.record.trace))
        return Result(case, Outcome.PASSED, "", seconds)

    def _note(self, result: Result) -> None:
        self._run.results = [one for one in self._run.results if one.case is not result.case] + [result]
        self._progress(result)


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
