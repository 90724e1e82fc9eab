"""The self-tests of a connector: each is a short list of steps, and a run of it.

Theory of operation. A step says what the hardware is told as long as it lasts, what must be seen, and how soon. What is seen ends the step,
and the next one begins with its own levels in the same moment; what is not seen in time ends the test. A run decides nothing else: whether
a test may begin or must end is the business of `self_tests.py`. Without a run its levels are gone, so the end of a test is everything off.

Sources: contactors and locks are judged by their feedback (mirror contact, lock switch); power modules must switch off by themselves when
their controller falls silent, Infypower's after 10 s (CAN protocol V1.13).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from chargerd.core.events import Role, SelfTest
from chargerd.core.facts import Fact, SelfTestFinished, SelfTestStepped
from chargerd.core.ids import ConnectorId
from chargerd.core.now import Now
from chargerd.core.outputs import Outputs
from chargerd.core.sensed import Sensed
from chargerd.core.settings import ConnectorSettings, Timing
from hal.types import LockState, Setpoint, Talk

_RISE_S = 15.0  # modules start softly
_MARGIN_S = 3.0  # after the cut-off, for the output to fall
_ANSWER_S = 5.0
_RISEN, _FALLEN = 0.8, 0.5  # shares of the voltage that was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a test.

    is_seen: what ends it, asked with the moment at which it began. lasts_s: not before so long; within_s: how much longer is waited.
    looks: what is seen instead, for people.
    """

    done: str
    missed: str
    is_seen: Callable[[Sensed, float], bool]
    within_s: float
    lasts_s: float = 0.0
    looks: Callable[[Sensed], str] = lambda _: ""
    lock: bool = False
    contactor: bool = False
    setpoint: Setpoint = Setpoint()
    talk: Talk = Talk.FREE


Plan = Callable[[ConnectorSettings, Timing, Sensed], tuple[Step, ...]]


def _contactor(_: ConnectorSettings, timing: Timing, __: Sensed) -> tuple[Step, ...]:
    """Without voltage and without load; the gate is quicker to judge the feedback than these limits."""
    return (
        Step(
            done="closed",
            missed="the contactor did not close",
            is_seen=lambda sensed, _: sensed.is_contactor_closed,
            within_s=timing.opening_s,
            contactor=True,
        ),
        Step(
            done="open",
            missed="the contactor did not open",
            is_seen=lambda sensed, _: not sensed.is_contactor_closed,
            within_s=timing.opening_s,
        ),
    )


def _lock(_: ConnectorSettings, timing: Timing, __: Sensed) -> tuple[Step, ...]:
    def step(state: LockState, *, is_locked: bool) -> Step:
        return Step(
            done=state.value,
            missed=f"not {state.value}",
            is_seen=lambda sensed, _: sensed.lock is state,
            within_s=timing.lock_s,
            looks=lambda sensed: f"the lock says {sensed.lock.value}",
            lock=is_locked,
        )

    return step(LockState.LOCKED, is_locked=True), step(LockState.UNLOCKED, is_locked=False)


def _module_timeout(built: ConnectorSettings, _: Timing, sensed: Sensed) -> tuple[Step, ...]:
    """The contactor stays open. Afterwards it is only asked: "off" would hide modules that were still on."""
    asked = Setpoint(built.module_test_voltage_v, built.cable_check_current_a)
    silence_s = (sensed.supply.cut_off_s or 0.0 if sensed.supply is not None else 0.0) + _MARGIN_S

    def volts(now: Sensed) -> float:
        return now.supply.voltage_v if now.supply is not None else 0.0

    def looks(now: Sensed) -> str:
        return f"they tell {volts(now):.0f} V"

    return (
        Step(
            done=f"on at {asked.voltage_v:.0f} V",
            missed=f"the modules did not come to {asked.voltage_v:.0f} V",
            is_seen=lambda now, since_s: now.has_heard(Role.POWER, since_s) and volts(now) >= _RISEN * asked.voltage_v,
            within_s=_RISE_S,
            looks=looks,
            setpoint=asked,
        ),
        Step(
            done="left alone",
            missed="",
            is_seen=lambda *_: True,
            within_s=0.0,
            lasts_s=silence_s,
            setpoint=asked,
            talk=Talk.SILENT,
        ),
        Step(
            done="found off",
            missed=f"after {silence_s:.0f} s without their controller the modules did not tell that they are off",
            is_seen=lambda now, since_s: now.has_heard(Role.POWER, since_s) and volts(now) < _FALLEN * asked.voltage_v,
            within_s=_ANSWER_S,
            looks=looks,
            setpoint=asked,
            talk=Talk.ASKING,
        ),
    )


PLANS: Mapping[SelfTest, Plan] = {
    SelfTest.CONTACTOR: _contactor,
    SelfTest.LOCK: _lock,
    SelfTest.MODULE_TIMEOUT: _module_timeout,
}


class SelfTestRun:
    """One test on its way; `ticket` names it."""

    def __init__(self, connector: ConnectorId, ticket: int, test: SelfTest, steps: Iterable[Step], now: Now) -> None:
        self.ticket = ticket
        self.test = test
        self._connector = connector
        self._steps = deque(steps)
        self._since_s = now.mono_s
        self._done: list[str] = []

    @property
    def is_over(self) -> bool:
        """Its `SelfTestFinished` was given."""
        return not self._steps

    def over(self, outputs: Outputs) -> Outputs:
        """The level wanted while the present step lasts, laid over the connector's own."""
        step = self._steps[0]
        return replace(outputs, lock=step.lock, contactor=step.contactor, setpoint=step.setpoint, talk=step.talk)

    def advance(self, sensed: Sensed, now: Now) -> list[Fact]:
        """Go on as far as can be seen. The last fact is the end, where it has come."""
        facts: list[Fact] = []
        while self._steps:
            step, took_s = self._steps[0], now.mono_s - self._since_s
            if took_s >= step.lasts_s and step.is_seen(sensed, self._since_s):
                facts.append(self._step(step, took_s, now))
            elif took_s >= step.lasts_s + step.within_s:
                looks = step.looks(sensed)
                return [*facts, self.failed(f"{step.missed} within {step.within_s:g} s{f': {looks}' if looks else ''}")]
            else:
                return facts
        return [*facts, self._finished("", is_passed=True)]

    def failed(self, reason: str) -> SelfTestFinished:
        """The end for a reason, in the middle of a step or at its limit."""
        self._steps.clear()
        return self._finished(reason, is_passed=False)

    def deadline_s(self) -> float:
        """When to look again if nothing happens."""
        step = self._steps[0]
        return self._since_s + (step.lasts_s or step.within_s)

    def _step(self, step: Step, took_s: float, now: Now) -> SelfTestStepped:
        self._steps.popleft()
        self._since_s = now.mono_s
        self._done.append(f"{step.done} after {took_s:.2f} s")
        return SelfTestStepped(self._connector, self.ticket, self.test, step.done, round(took_s, 3))

    def _finished(self, reason: str, *, is_passed: bool) -> SelfTestFinished:
        detail = "; ".join(part for part in (", ".join(self._done), reason) if part)
        return SelfTestFinished(self._connector, self.ticket, self.test, is_passed, detail)
