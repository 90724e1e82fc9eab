"""Plays a scenario on a rig and says, step by step, what happened."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chargerd.core.facts import Stamped, StatusChanged
from chargerd.core.ids import ConnectorId
from chargerd.csms.connection import OperationError
from chargerd.csms.policy import Policy
from chargerd.ocpp.v16.transitions import problems
from chargerd.sim.invariants import broken
from chargerd.sim.outline import outline, told
from chargerd.sim.rig import Mode, Rig, rig
from chargerd.sim.scenario import Scenario, Step
from chargerd.sim.virtual_loop import run_virtual
from hal.types import ControlPilot

WATCH_S = 1.0
"""How often invariants are looked at, beside every fact."""

Progress = Callable[[str], None]


@dataclass(slots=True)
class Result:
    """How a scenario went. `failures` are sentences with file and line; empty: all as expected."""

    name: str
    mode: Mode
    failures: list[str] = field(default_factory=list)
    facts: list[Stamped] = field(default_factory=list)
    seconds: float = 0.0  # of the scenario's own clock

    @property
    def is_passed(self) -> bool:
        return not self.failures

    def outline(self) -> dict[int, list[str]]:
        """The facts per connector without times, ids and samples."""
        return outline(self.facts)


def play(scenario: Scenario, mode: Mode, progress: Progress = lambda _: None, station: Path | None = None) -> Result:
    """Play a scenario from beginning to end in a folder of its own that is removed afterwards.

    station: the configuration to play it on; by default the one the scenario names, or the shipped demo of the mode. Raises ConfigError,
    OSError.
    """
    with tempfile.TemporaryDirectory(prefix="chargerd-") as folder:
        main = _play(scenario, mode, Path(folder), progress, station or scenario.station)
        return run_virtual(main, executor_latency_s=0.004) if mode.is_virtual else asyncio.run(main)


async def _play(scenario: Scenario, mode: Mode, folder: Path, progress: Progress, station: Path | None) -> Result:
    result = Result(scenario.name, mode)
    policy = Policy(tokens={tag.casefold(): dict(info) for tag, info in scenario.tokens.items()})
    async with rig(mode, folder, scenario.overlay, policy, station=station) as stage:
        player = _Player(stage, result, progress)
        await player.until_accepted()
        await player.play(scenario)
        player.judge_messages()
        result.seconds = player.elapsed_s()
        result.facts = stage.facts[player.first :]
    return result


class _Player:
    def __init__(self, stage: Rig, result: Result, progress: Progress) -> None:
        self._rig = stage
        self._result = result
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self.first = 0  # facts before the scenario began
        self._seen = 0  # facts before the last step that did something
        self._always: list[str] = []

    def elapsed_s(self) -> float:
        return self._loop.time() - self._began_s

    async def until_accepted(self) -> None:
        """A scenario begins when the station is up, known to the central system and its devices have spoken."""
        async with asyncio.timeout(30):
            while not (self._rig.daemon.reactor.view().is_link_accepted and self._have_devices_spoken()):
                await self._news(0.1)
        await self._rig.daemon.reactor.committed()
        self._began_s = self._loop.time()
        self.first = len(self._rig.facts)

    def _have_devices_spoken(self) -> bool:
        station = self._rig.daemon.reactor.view()
        have_spoken = all(view.ev.control_pilot is not ControlPilot.UNKNOWN for view in station.connectors)
        return (
            have_spoken
            and self._rig.daemon.have_devices_spoken()
            and not station.faults
            and not any(view.faults for view in station.connectors)
        )

    async def play(self, scenario: Scenario) -> None:
        for step in scenario.steps:
            if step.at_s is not None:
                await self._until(self._began_s + step.at_s)
            self._progress(f"{self.elapsed_s():7.1f} s  {step.word} {_words(step)}")
            try:
                await self._do(step)
            except (ValueError, OperationError) as error:
                self._fail(f"{step.where}: {step.word}: {error}")
                return
            if not self._result.is_passed:
                return

    async def _do(self, step: Step) -> None:
        match step.word:
            case "expect":
                await self._expect(step)
            case "always":
                self._always.append(str(step.arguments["value"]))
                self._check()
            case "wait":
                await self._until(self._loop.time() + float(step.arguments["value"]))
            case "csms":
                self._seen = len(self._rig.facts)
                await self._operate(step)
            case _:
                self._seen = len(self._rig.facts)
                await self._rig.simulate(step.word, {} if step.arguments == {"value": None} else step.arguments)

    async def _operate(self, step: Step) -> None:
        """An operation of the central system; a remote stop without a payload means the running transaction."""
        action, payload = str(step.arguments["value"]), step.payload
        if action == "RemoteStopTransaction" and payload is None:
            running = self._rig.central.station(self._rig.identity).open_transactions
            if not running:
                raise ValueError("no transaction is open at the central system")
            payload = {"transactionId": running[-1].number}
        answer = await self._rig.central.call(self._rig.identity, action, dict(payload or {}))
        if not (step.answer or {}).items() <= answer.items():
            raise ValueError(f"{action} was answered with {answer}, not {step.answer}")

    async def _expect(self, step: Step) -> None:
        """Wait for a fact since the last deed that has all the named values; a status or a message may have come before."""
        deadline_s = self._loop.time() + step.within_s
        while not self._holds(step.arguments):
            left_s = deadline_s - self._loop.time()
            if left_s <= 0 or not self._result.is_passed:
                latest = "; ".join(str(told(stamped.fact)) for stamped in self._rig.facts[self._seen :][-4:]) or "nothing"
                self._fail(f"{step.where}: expected {_words(step)} within {step.within_s:g} s; came: {latest}")
                return
            await self._news(left_s)

    def _holds(self, wanted: Mapping[str, Any]) -> bool:
        if "message" in wanted:
            return self._has_come(wanted)
        if "status" in wanted and "fact" not in wanted:
            view = self._rig.daemon.reactor.view()
            statuses = [view.status, *(one.status for one in view.connectors)]
            return any(s.connector == wanted.get("connector", 0) and s.status.value == wanted["status"] for s in statuses)
        return any(wanted.items() <= told(stamped.fact).items() for stamped in self._rig.facts[self._seen :])

    def _has_come(self, wanted: Mapping[str, Any]) -> bool:
        """A message with these values has come since the station first connected; `count`: so many of them, repetitions aside."""
        values = {key: value for key, value in wanted.items() if key not in ("message", "count")}
        found: set[str] = set()
        for message in self._rig.central.station(self._rig.identity).trace:
            frame = json.loads(message.text)
            is_request = message.direction == "in" and frame[0] == 2 and frame[2] == wanted["message"]
            if is_request and values.items() <= frame[3].items():
                found.add(frame[1])
        return len(found) == wanted["count"] if "count" in wanted else bool(found)

    def judge_messages(self) -> None:
        """However a scenario goes, the central system has nothing to complain of."""
        for complaint in self._rig.central.station(self._rig.identity).complaints:
            self._fail(complaint)
        for complaint in forbidden_statuses(self._rig.facts):
            self._fail(complaint)

    async def _until(self, at_s: float) -> None:
        while (left_s := at_s - self._loop.time()) > 0 and self._result.is_passed:
            await self._news(left_s)

    async def _news(self, longest_s: float) -> None:
        """Wait for the next fact, at most so long; then look at the invariants."""
        self._rig.heard.clear()
        try:
            async with asyncio.timeout(min(longest_s, WATCH_S) if self._always else longest_s):
                await self._rig.heard.wait()
        except TimeoutError:
            pass
        self._check()

    def _check(self) -> None:
        if not self._rig.keeper.is_up:
            return
        for name in broken(self._always, self._rig.daemon.reactor.view()):
            self._fail(f"invariant broken at {self.elapsed_s():.1f} s: {name}")

    def _fail(self, text: str) -> None:
        self._result.failures.append(text)
        self._progress(f"FAILED  {text}")


def forbidden_statuses(facts: Iterable[Stamped]) -> list[str]:
    """Where the statuses of the connectors leave the table of OCPP 1.6, 4.9, as sentences; each run of the daemon begins anew."""
    last: dict[tuple[int, ConnectorId], StatusChanged] = {}
    found: list[str] = []
    for stamped in facts:
        if isinstance(stamped.fact, StatusChanged):
            key = (stamped.boot, stamped.fact.connector)
            found += problems(last.get(key), stamped.fact)
            last[key] = stamped.fact
    return found


def _words(step: Step) -> str:
    return " ".join(f"{key}={value}" for key, value in step.arguments.items())
