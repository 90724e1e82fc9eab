"""Who may try what: self-tests of connectors, accepted or refused with what would help, watched while they run, and ended.

What moves hardware runs only at a connector that is out of operation, with nothing on its cable and without a fault that blocks. The same
is asked again after every event: whatever comes in between ends the test as failed, with everything off in the same step.
"""

from __future__ import annotations

from collections.abc import Mapping

from chargerd.core.connector import Connector
from chargerd.core.events import (
    CancelSelfTest,
    Event,
    LocalStart,
    RemoteStart,
    Reply,
    SelfTest,
    StartSelfTest,
    UnlockConnector,
    Verdict,
    rejected,
)
from chargerd.core.facts import Fact, Phase, SelfTestStarted
from chargerd.core.faults import Severity
from chargerd.core.ids import ConnectorId
from chargerd.core.now import NEVER, Now
from chargerd.core.self_test import PLANS, SelfTestRun
from chargerd.core.surroundings import Surroundings
from hal.types import ControlPilot


class SelfTests:
    """See the module. Decisions are put on a list that `settle` hands over."""

    def __init__(self, connectors: Mapping[ConnectorId, Connector], around: Surroundings) -> None:
        self._connectors = connectors
        self._around = around
        self._facts: list[Fact] = []
        self._ticket = 0

    def start(self, event: StartSelfTest, now: Now) -> Reply:
        """Begin a test, or say what has to be done first."""
        connector = self._connectors.get(event.connector)
        if connector is None:
            return rejected(f"there is no connector {event.connector}")
        why_not = _why_not_begin(connector, event.test) or _hindrance(connector, event.test)
        if why_not:
            return rejected(f"connector {connector.id}: {why_not}")
        self._ticket += 1
        steps = PLANS[event.test](connector.built, self._around.timing, connector.sensed)
        connector.self_test = SelfTestRun(connector.id, self._ticket, event.test, steps, now)
        self._facts.append(SelfTestStarted(connector.id, self._ticket, event.test))
        return Reply(Verdict.PENDING, ticket=self._ticket)

    def cancel(self, event: CancelSelfTest) -> None:
        """End the test with this ticket, if it still runs."""
        connector = self._connectors.get(event.connector)
        if connector is not None and connector.self_test is not None and connector.self_test.ticket == event.ticket:
            self._end(connector, "who asked for it has left")

    def disturbed_by(self, event: Event) -> None:
        """Somebody wants the connector for something else: refused or not, the test ends."""
        if isinstance(event, RemoteStart | LocalStart | UnlockConnector):
            wanted = None if event.connector is None else self._connectors.get(event.connector)
            if wanted is not None:
                self._end(wanted, "the connector was asked for something else")

    def settle(self, now: Now) -> list[Fact]:
        """Let every test go on or end, after the connectors have settled."""
        for connector in self._connectors.values():
            if connector.self_test is not None:
                self._go_on(connector, connector.self_test, now)
        facts, self._facts = self._facts, []
        return facts

    def next_deadline_s(self) -> float:
        """When the first step that runs is due."""
        return min((one.self_test.deadline_s() for one in self._connectors.values() if one.self_test is not None), default=NEVER)

    def _go_on(self, connector: Connector, run: SelfTestRun, now: Now) -> None:
        hindrance = _hindrance(connector, run.test)
        if hindrance:
            self._end(connector, hindrance)
            return
        self._facts += run.advance(connector.sensed, now)
        if run.is_over:
            connector.self_test = None

    def _end(self, connector: Connector, reason: str) -> None:
        if connector.self_test is not None:
            self._facts.append(connector.self_test.failed(reason))
            connector.self_test = None


def _why_not_begin(connector: Connector, test: SelfTest) -> str:
    """What this connector cannot do at all, or is busy with."""
    is_dc, supply = not connector.built.kind.is_ac, connector.sensed.supply
    if connector.self_test is not None:
        return f"its {connector.self_test.test.value} test is running; wait for the end"
    if connector.is_in_use():
        return f"a session is running; chargerctl connector {connector.id} stop first"
    match test:
        case SelfTest.CONTACTOR if not is_dc:
            return "on AC its contactor would put mains on a free plug; charge a vehicle to try it"
        case SelfTest.CONTACTOR if connector.sensed.is_contactor_closed:
            return "its contactor is closed already"
        case SelfTest.LOCK if not connector.built.has_lock:
            return "it has no lock of its own"
        case SelfTest.MODULE_TIMEOUT if not is_dc:
            return "on AC there are no power modules"
        case SelfTest.MODULE_TIMEOUT if supply is None:
            return "its power modules have not spoken yet"
        case SelfTest.MODULE_TIMEOUT if supply is not None and supply.cut_off_s is None:
            return "nobody knows after how long its power modules cut off, so it cannot be tried"
    return ""


def _hindrance(connector: Connector, test: SelfTest) -> str:
    """What must not be while a test runs, as a sentence that says what helps; empty: nothing."""
    number, pilot = connector.id, connector.sensed.ev.control_pilot
    if pilot is not ControlPilot.A:
        is_plugged = pilot.is_plugged
        return "a vehicle hangs on the cable; take it away first" if is_plugged else "nobody can tell whether a vehicle hangs on the cable"
    if not connector.cable.is_gone:
        return "a plug is in the socket; take it away first"
    if connector.is_available():
        return f"it is in operation; chargerctl connector {number} disable first"
    if connector.around.is_closing:
        return "the station is about to restart"
    if connector.phase is not Phase.IDLE:
        return "a session is coming to its end"
    return _fault(connector) or _voltage(connector, test)


def _fault(connector: Connector) -> str:
    for faults in (connector.around.faults, connector.faults):
        found = faults.first_at(Severity.BLOCK)
        if found is not None:
            code, row = found
            return f"{code}: {row.cause} {row.remedy}"
    return ""


def _voltage(connector: Connector, test: SelfTest) -> str:
    """A contactor closes without voltage only, and modules give some behind an open contactor only."""
    voltage_v = connector.sensed.told_voltage_v()
    match test:
        case SelfTest.CONTACTOR if voltage_v is None:
            return "neither modules nor meter tell the voltage at the output"
        case SelfTest.CONTACTOR if voltage_v is not None and voltage_v > connector.built.safe_voltage_v:
            return f"{voltage_v:.0f} V stand at the output; the contactor closes below {connector.built.safe_voltage_v:.0f} V only"
        case SelfTest.MODULE_TIMEOUT if connector.sensed.is_contactor_closed:
            return "the contactor is closed"
    return ""
