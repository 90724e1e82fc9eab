"""Arbitrary orders of events: what must hold whatever happens."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargerd.core.facts import ConnectorStatus, Fact, StatusChanged, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, LocalId
from chargerd.core.outputs import Outputs, lowered
from chargerd.core.settings import StationSettings
from chargerd.core.station import Station
from chargerd.ocpp.v16.transitions import problems
from hal.types import (
    SeccOutput,
    Setpoint,
    Talk,
)
from tests.support.core_lives import AMPS, STATIONS, STEPS, VOLTS, bench_of, play


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, built=STATIONS)
def test_energy_flows_only_where_everything_allows_it(steps: list, built: StationSettings) -> None:
    """Never unauthorised, faulted, unplugged, unlocked (with a lock) or above the lowest limit; and transactions pair up."""
    bench = bench_of(built)
    play(bench, steps)
    open_: set[str] = set()
    for fact in bench.facts:
        if isinstance(fact, TransactionStarted):
            assert fact.local_id not in open_
            open_.add(fact.local_id)
        elif isinstance(fact, TransactionStopped):
            open_.remove(fact.local_id)  # exactly once, and never without a start


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, built=STATIONS)
def test_statuses_follow_the_table_of_transitions(steps: list, built: StationSettings) -> None:
    """OCPP 1.6, 4.9: whatever happens, every status follows the one before it by the standard's table, with an error code that fits."""
    bench = bench_of(built)
    play(bench, steps)
    last = {ConnectorId(number): StatusChanged(ConnectorId(number), ConnectorStatus.AVAILABLE) for number in range(3)}
    for told in bench.told(StatusChanged):
        assert problems(last[told.connector], told) == []
        last[told.connector] = told


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, built=STATIONS)
def test_the_same_events_give_the_same_facts(steps: list, built: StationSettings) -> None:
    """The core is a function of its events and their times."""
    first = bench_of(built)
    play(first, steps)
    count = iter(range(1, 1000))
    again = Station(first.built, lambda: LocalId(f"tx{next(count)}"))
    facts: list[Fact] = []
    for event, now in first.events:
        facts += again.handle(event, now)[0]
    assert facts[len(facts) - len(first.facts) :] == first.facts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=STEPS, after=STEPS, built=STATIONS)
def test_a_restart_closes_what_was_open_and_goes_on_with_nothing(before: list, after: list, built: StationSettings) -> None:
    """In the middle of anything: each transaction gets one end, and until somebody is authorised again everything is off."""
    bench = bench_of(built)
    play(bench, before)
    bench.restart()
    assert all(not (one.contactor or one.setpoint.is_on or one.secc.authorization) for one in bench.station.outputs().values())
    play(bench, after)
    bench.wait(built.timing.recovery_s)
    stopped = [fact.local_id for fact in bench.told(TransactionStopped)]
    running = [view.transaction.local_id for view in bench.station.view().connectors if view.transaction is not None]
    assert sorted(stopped + running) == sorted(fact.local_id for fact in bench.told(TransactionStarted))


OUTPUTS = st.builds(
    Outputs,
    lock=st.booleans(),
    contactor=st.booleans(),
    setpoint=st.builds(Setpoint, VOLTS, AMPS),
    secc=st.builds(
        *(SeccOutput, st.booleans(), st.sampled_from([None, True, False]), st.booleans()),
        max_current_a=AMPS,
        max_power_w=st.floats(0, 300e3),
    ),
    talk=st.sampled_from(Talk),
)


@given(applied=OUTPUTS, wanted=OUTPUTS)
def test_lowering_never_adds_and_never_delays_a_stop(applied: Outputs, wanted: Outputs) -> None:
    """Before the commit: at most what is applied and what is wanted; every stop passes."""
    level = lowered(applied, wanted)
    for key in ("voltage_v", "current_a"):
        assert getattr(level.setpoint, key) <= min(getattr(applied.setpoint, key), getattr(wanted.setpoint, key))
    for key in ("max_current_a", "max_power_w"):  # on AC the pilot's duty, which is the current
        assert getattr(level.secc, key) <= min(getattr(applied.secc, key), getattr(wanted.secc, key))
    assert level.contactor <= min(applied.contactor, wanted.contactor)
    assert level.secc.is_enabled <= min(applied.secc.is_enabled, wanted.secc.is_enabled)
    assert not (level.secc.authorization is True and applied.secc.authorization is not True)
    assert (level.secc.wants_stop, level.talk) == (wanted.secc.wants_stop, wanted.talk)
    assert lowered(level, wanted) == level
