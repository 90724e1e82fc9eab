"""Self-tests in the core: what they need, what they do step by step, and what ends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargerd.core.events import (
    CancelSelfTest,
    ChangeAvailability,
    ContactorUpdated,
    DeviceLost,
    Event,
    GateTripped,
    LocalStart,
    LockUpdated,
    MeterUpdated,
    RemoteStart,
    Reply,
    Reset,
    ResetKind,
    Role,
    SelfTest,
    Shutdown,
    StartSelfTest,
    StorageChanged,
    SupplyUpdated,
    UnlockConnector,
    Verdict,
)
from chargerd.core.facts import JUSTIFYING, ConnectorStatus, SelfTestFinished, SelfTestStarted, SelfTestStepped
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.core.settings import ConnectorKind
from hal.types import ControlPilot, LockState, MeterReading, ModuleTelemetry, Setpoint, Talk
from tests.support.core_bench import CARD, ONE, TWO, AcBench, CoreBench, station_settings
from tests.support.core_lives import EVENTS, STEPS, assert_invariants, play

CUT_OFF_S = 10.0
MODULES = ModuleTelemetry(max_voltage_v=1000.0, max_current_a=200.0, max_power_w=120e3, cut_off_s=CUT_OFF_S)
TESTS = list(SelfTest)


def ready(*, has_lock: bool = True) -> CoreBench:
    """A bench whose connector 1 is out of operation, with nothing on its cable."""
    bench = CoreBench(station_settings(has_lock=has_lock))
    for connector in bench.ids():
        bench.send(SupplyUpdated(connector, MODULES))
    bench.send(ChangeAvailability(ONE, is_operative=False))
    bench.facts.clear()
    return bench


def begin(bench: CoreBench, test: SelfTest, connector: ConnectorId = ONE) -> Reply:
    return bench.send(StartSelfTest(connector, test))


def after(bench: CoreBench, seconds: float, event: Event) -> None:
    bench.mono_s += seconds
    bench.send(event)


def end(bench: CoreBench) -> SelfTestFinished:
    (finished,) = bench.told(SelfTestFinished)
    return finished


def is_at_rest(bench: CoreBench) -> bool:
    outputs = bench.outputs()
    is_off = not (outputs.lock or outputs.contactor or outputs.setpoint.is_on)
    return is_off and outputs.talk is Talk.FREE and bench.view(ONE).self_test is None


def test_a_contactor_is_closed_and_opened_by_its_feedback() -> None:
    """Wish closed until it is seen closed, then open until it is seen open; no voltage at any time; the times are told."""
    bench = ready()
    assert begin(bench, SelfTest.CONTACTOR) == Reply(Verdict.PENDING, ticket=1)
    assert bench.told(SelfTestStarted) == [SelfTestStarted(ONE, 1, SelfTest.CONTACTOR)]
    assert (bench.outputs().contactor, bench.outputs().setpoint) == (True, Setpoint())
    after(bench, 0.04, ContactorUpdated(ONE, is_closed=True))
    assert not bench.outputs().contactor
    after(bench, 0.03, ContactorUpdated(ONE, is_closed=False))
    assert [(fact.step, fact.took_s) for fact in bench.told(SelfTestStepped)] == [("closed", 0.04), ("open", 0.03)]
    assert end(bench) == SelfTestFinished(ONE, 1, SelfTest.CONTACTOR, True, "closed after 0.04 s, open after 0.03 s")
    assert is_at_rest(bench)


def test_a_lock_is_locked_and_unlocked() -> None:
    """By its feedback, in both directions."""
    bench = ready()
    begin(bench, SelfTest.LOCK)
    assert bench.outputs().lock
    after(bench, 0.5, LockUpdated(ONE, LockState.LOCKED))
    assert not bench.outputs().lock
    after(bench, 0.4, LockUpdated(ONE, LockState.UNLOCKED))
    assert (end(bench).is_passed, end(bench).detail) == (True, "locked after 0.50 s, unlocked after 0.40 s")
    assert is_at_rest(bench)


def told_volts(bench: CoreBench, voltage_v: float) -> None:
    after(bench, 0.2, SupplyUpdated(ONE, replace(MODULES, voltage_v=voltage_v)))


def test_modules_are_left_alone_until_they_must_be_off_and_then_asked() -> None:
    """On at a touch-safe voltage, not a word for their cut-off and a margin, then a question without an order; the contactor stays open."""
    bench = ready()
    begin(bench, SelfTest.MODULE_TIMEOUT)
    levels = [bench.outputs()]
    told_volts(bench, 50.0)
    levels.append(bench.outputs())
    bench.mono_s = bench.station.next_deadline_s()
    bench.send(MeterUpdated(ONE, MeterReading(1)))
    levels.append(bench.outputs())
    told_volts(bench, 1.0)
    assert [level.talk for level in levels] == [Talk.FREE, Talk.SILENT, Talk.ASKING]
    assert {level.setpoint for level in levels} == {Setpoint(50.0, 2.0)}
    assert not any(level.contactor for level in levels)
    silence_s = next(fact.took_s for fact in bench.told(SelfTestStepped) if fact.step == "left alone")
    assert CUT_OFF_S + 1.0 < silence_s < CUT_OFF_S + 5.0
    assert end(bench).is_passed
    assert is_at_rest(bench)


def test_modules_that_do_not_cut_off_fail() -> None:
    """They tell their voltage when they are asked, and go on telling it: failed, and now they are told to be off."""
    bench = ready()
    begin(bench, SelfTest.MODULE_TIMEOUT)
    told_volts(bench, 50.0)
    bench.mono_s = bench.station.next_deadline_s()
    for _ in range(100):
        told_volts(bench, 50.0)
        if bench.told(SelfTestFinished):
            break
    assert not end(bench).is_passed
    assert end(bench).detail.endswith("they tell 50 V")
    assert is_at_rest(bench)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (SelfTest.CONTACTOR, "the contactor did not close within 5 s"),
        (SelfTest.LOCK, "not locked within 5 s: the lock says unlocked"),
        (SelfTest.MODULE_TIMEOUT, "the modules did not come to 50 V within 15 s: they tell 0 V"),
    ],
)
def test_what_does_not_come_in_time_fails_with_what_was_seen(test: SelfTest, words: str) -> None:
    """Each step has its limit."""
    bench = ready()
    begin(bench, test)
    bench.wait(20.0)
    assert (end(bench).is_passed, end(bench).detail) == (False, words)
    assert is_at_rest(bench)


def test_a_contactor_that_stays_closed_fails_with_the_step_before() -> None:
    """Closed is told with its time, then what is missing."""
    bench = ready()
    begin(bench, SelfTest.CONTACTOR)
    after(bench, 0.04, ContactorUpdated(ONE, is_closed=True))
    bench.wait(6.0)
    assert end(bench).detail == "closed after 0.04 s; the contactor did not open within 5 s"


# --- what a test needs ------------------------------------------------------------------------------------------------------------


def operative(bench: CoreBench) -> None:
    bench.send(ChangeAvailability(ONE, is_operative=True))


def fault(code: str, connector: ConnectorId = ONE) -> Callable[[CoreBench], None]:
    return lambda bench: bench.send(GateTripped(connector, code)) and None


REFUSALS: list[tuple[SelfTest, Callable[[CoreBench], object], str]] = [
    *((test, operative, "chargerctl connector 1 disable first") for test in TESTS),
    *((test, CoreBench.plug, "take it away first") for test in TESTS),
    *((test, lambda bench: bench.ev(ONE, control_pilot=ControlPilot.UNKNOWN), "nobody can tell whether a vehicle") for test in TESTS),
    *((test, lambda bench: bench.ev(ONE, is_cable_present=True), "a plug is in the socket") for test in TESTS),
    *((test, fault("emergency-stop", STATION), "emergency-stop: ") for test in TESTS),
    *((test, fault("contactor-welded"), "contactor-welded: ") for test in TESTS),
    *((test, lambda bench: bench.send(StorageChanged(is_working=False)), "storage: ") for test in TESTS),
    *((test, lambda bench: bench.send(Shutdown()), "about to restart") for test in TESTS),
    (SelfTest.CONTACTOR, lambda bench: bench.supply(ONE, 61.0), "61 V stand at the output"),
    (SelfTest.CONTACTOR, lambda bench: bench.send(MeterUpdated(ONE, MeterReading(1, voltage_v=400.0))), "400 V stand at the output"),
    (SelfTest.CONTACTOR, lambda bench: bench.send(ContactorUpdated(ONE, is_closed=True)), "closed already"),
    (SelfTest.MODULE_TIMEOUT, lambda bench: bench.send(ContactorUpdated(ONE, is_closed=True)), "the contactor is closed"),
    (
        SelfTest.MODULE_TIMEOUT,
        lambda bench: bench.send(SupplyUpdated(ONE, replace(MODULES, cut_off_s=None))),
        "nobody knows after how long",
    ),
]


@pytest.mark.parametrize(("test", "spoil", "words"), REFUSALS)
def test_a_refusal_says_what_would_help(test: SelfTest, spoil: Callable[[CoreBench], object], words: str) -> None:
    """Nothing moves and nothing is told but the reason, with the connector's number."""
    bench = ready()
    spoil(bench)
    reply = begin(bench, test)
    assert reply.verdict is Verdict.REJECTED
    assert reply.reason.startswith("connector 1: ")
    assert words in reply.reason
    assert not bench.told(SelfTestStarted)
    assert is_at_rest(bench)


def test_what_is_not_built_in_cannot_be_tried() -> None:
    """No lock, no such connector, no modules on AC; and on AC nobody puts mains on a free plug."""
    assert "no lock" in begin(ready(has_lock=False), SelfTest.LOCK).reason
    assert begin(ready(), SelfTest.LOCK, ConnectorId(7)).reason == "there is no connector 7"
    bench = AcBench(station_settings(kind=ConnectorKind.TYPE2_CABLE))
    bench.send(ChangeAvailability(ONE, is_operative=False))
    assert "mains on a free plug" in begin(bench, SelfTest.CONTACTOR).reason
    assert "no power modules" in begin(bench, SelfTest.MODULE_TIMEOUT).reason


def test_without_modules_and_meter_nobody_vouches_for_the_voltage() -> None:
    """Both are lost, which is a fault already; a meter without voltage and modules that never spoke are not enough either."""
    bench = CoreBench(station_settings())
    bench.station = bench._new_station()
    bench.send(ChangeAvailability(ONE, is_operative=False))
    bench.unplug()
    bench.send(MeterUpdated(ONE, MeterReading(1)))
    assert "neither modules nor meter" in begin(bench, SelfTest.CONTACTOR).reason


def test_one_test_at_a_time_at_a_connector() -> None:
    """The second one is refused; another connector has its own."""
    bench = ready()
    begin(bench, SelfTest.LOCK)
    assert "lock test is running" in begin(bench, SelfTest.CONTACTOR).reason
    bench.send(ChangeAvailability(TWO, is_operative=False))
    assert begin(bench, SelfTest.LOCK, TWO) == Reply(Verdict.PENDING, ticket=2)
    after(bench, 0.1, LockUpdated(ONE, LockState.LOCKED))
    after(bench, 0.1, LockUpdated(ONE, LockState.UNLOCKED))
    assert end(bench).connector == ONE
    assert bench.view(TWO).self_test is SelfTest.LOCK


def test_a_running_session_is_not_tested() -> None:
    """It says how it ends."""
    bench = CoreBench()
    bench.charge()
    assert "chargerctl connector 1 stop first" in begin(bench, SelfTest.CONTACTOR).reason


# --- what ends a test -----------------------------------------------------------------------------------------------------------------

ENDS: list[tuple[Event, str]] = [
    (GateTripped(STATION, "emergency-stop"), "emergency-stop: "),
    (GateTripped(ONE, "contactor-stuck-open"), "contactor-stuck-open: "),
    (DeviceLost(ONE, Role.POWER, "psu1", "silent"), "power-silent: "),
    (DeviceLost(ONE, Role.SECC, "secc1", "silent"), "secc-silent: "),
    (ChangeAvailability(ONE, is_operative=True), "it is in operation"),
    (RemoteStart(CARD, ONE), "asked for something else"),
    (LocalStart(ONE, CARD), "asked for something else"),
    (UnlockConnector(ONE), "asked for something else"),
    (Reset(ResetKind.SOFT), "about to restart"),
    (Shutdown(), "about to restart"),
    (StorageChanged(is_working=False), "storage: "),
    (CancelSelfTest(ONE, 1), "who asked for it has left"),
]


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("event", "words"), ENDS)
def test_whatever_comes_in_between_ends_it_with_everything_off(test: SelfTest, event: Event, words: str) -> None:
    """In the same step, and failed."""
    bench = ready()
    begin(bench, test)
    bench.mono_s += 0.1
    bench.send(event)
    assert not end(bench).is_passed
    assert words in end(bench).detail
    assert is_at_rest(bench)


@pytest.mark.parametrize("test", TESTS)
def test_a_vehicle_that_is_plugged_in_ends_it(test: SelfTest) -> None:
    """In the same step."""
    bench = ready()
    begin(bench, test)
    bench.plug()
    assert "a vehicle hangs on the cable" in end(bench).detail
    assert is_at_rest(bench)


def test_voltage_opens_the_contactor_under_test() -> None:
    """Whoever measures it."""
    for news in (SupplyUpdated(ONE, replace(MODULES, voltage_v=61.0)), MeterUpdated(ONE, MeterReading(1, voltage_v=61.0))):
        bench = ready()
        begin(bench, SelfTest.CONTACTOR)
        bench.send(ContactorUpdated(ONE, is_closed=False))
        assert bench.outputs().contactor
        bench.send(news)
        assert "61 V stand at the output" in end(bench).detail
        assert is_at_rest(bench)


def test_another_ticket_or_connector_ends_nothing() -> None:
    """Who left had asked for another test; a start elsewhere is no business of this one."""
    bench = ready()
    begin(bench, SelfTest.LOCK)
    for event in (CancelSelfTest(ONE, 9), CancelSelfTest(TWO, 1), RemoteStart(CARD, TWO), RemoteStart(CARD)):
        bench.send(event)
    assert bench.view(ONE).self_test is SelfTest.LOCK


def test_a_card_begins_nothing_while_a_test_runs() -> None:
    """It is refused; the connector stays Unavailable, and the test goes on."""
    bench = ready()
    bench.send(ChangeAvailability(TWO, is_operative=False))
    begin(bench, SelfTest.LOCK)
    assert not bench.swipe().is_accepted
    assert bench.view(ONE).self_test is SelfTest.LOCK
    assert bench.view(ONE).status.status is ConnectorStatus.UNAVAILABLE


def test_nothing_moves_before_the_test_is_on_disk() -> None:
    """Its beginning is one of the facts that justify energy."""
    assert SelfTestStarted in JUSTIFYING
    assert SelfTestStarted.is_durable


# --- whatever happens -----------------------------------------------------------------------------------------------------------------

STARTS = st.builds(StartSelfTest, st.just(ONE), st.sampled_from(TESTS))
GOOD = st.sampled_from(
    [
        *(ContactorUpdated(ONE, is_closed) for is_closed in (True, False)),
        *(LockUpdated(ONE, state) for state in (LockState.LOCKED, LockState.UNLOCKED)),
        *(SupplyUpdated(ONE, replace(MODULES, voltage_v=voltage_v)) for voltage_v in (0.0, 50.0, 70.0)),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives=st.lists(st.one_of(STARTS, STARTS, GOOD, GOOD, EVENTS, st.floats(0.01, 20)), max_size=30))
def test_no_test_endangers_anybody(lives: list[Event | float]) -> None:
    """The rules of `assert_harmless` hold whatever happens while tests are begun again and again, and each one ends exactly once."""
    bench = ready()
    for step in lives:
        if isinstance(step, float):
            bench.wait(step)
        else:
            bench.send(step)
        assert_invariants(bench)
    tickets = [fact.ticket for fact in bench.told(SelfTestStarted)]
    finished = [fact.ticket for fact in bench.told(SelfTestFinished)]
    still = [view for view in bench.station.view().connectors if view.self_test is not None]
    assert len(set(finished)) == len(finished) == len(tickets) - len(still)
    assert set(finished) <= set(tickets)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_sessions_go_on_after_tests(steps: list) -> None:
    """Back in operation, a connector that was tested lives as any other."""
    bench = ready()
    begin(bench, SelfTest.LOCK)
    after(bench, 0.1, LockUpdated(ONE, LockState.LOCKED))
    after(bench, 0.1, LockUpdated(ONE, LockState.UNLOCKED))
    bench.send(ChangeAvailability(ONE, is_operative=True))
    bench.send(LocalStart(ONE, IdTag("A")))
    assert bench.view(ONE).id_tag == "A"
    play(bench, steps)
