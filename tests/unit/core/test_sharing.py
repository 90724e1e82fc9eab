"""The station's budget over time: who gets how much, how soon, and that what may flow never exceeds it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargerd.core.events import AuthorizationStatus, IdTagInfo, StartAnswered, Tick
from chargerd.core.facts import Phase, TransactionStarted
from chargerd.core.ids import ConnectorId
from chargerd.core.settings import Ceiling, ConnectorKind, Policy, Sharing, StationSettings
from tests.support.budget_bench import EVERYTHING_A, BudgetBench
from tests.support.core_bench import ONE, TWO, station_settings

THREE = ConnectorId(3)
AC = ConnectorKind.TYPE2_CABLE
DC = ConnectorKind.CCS2


def built(kind: ConnectorKind, budget_w: float, how: Sharing = Sharing.EQUAL, connectors: int = 2, **policy: object) -> StationSettings:
    """The second connector weighs twice as much as the others."""
    plain = station_settings(connectors=connectors, kind=kind, max_power_w=budget_w, local_pre_authorize=True)
    weighed = tuple(replace(one, share_weight=2.0 if one.id == 2 else 1.0) for one in plain.connectors)
    return replace(plain, connectors=weighed, policy=Policy(sharing=how, **policy))  # type: ignore[arg-type]


def bench_of(station: StationSettings) -> BudgetBench:
    """A bench whose station knows each card."""
    bench = BudgetBench(station)
    for connector in bench.ids():
        bench.swipe(f"CARD-{connector}")
        bench.answer()
        bench.swipe(f"CARD-{connector}")
    return bench


def delivering(station: StationSettings) -> BudgetBench:
    """At each connector a vehicle that takes all it can, and time to come to rest."""
    bench = bench_of(station)
    for connector in bench.ids():
        bench.begin(connector)
    bench.live(10)
    assert {bench.phase(connector) for connector in bench.ids()} == {Phase.DELIVERING}
    return bench


# --- who gets how much ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "kind", "budget_w", "expected_w"),
    [
        (Sharing.EQUAL, DC, 80e3, [40e3, 40e3]),  # each could use 60 kW: 150 A at 400 V
        (Sharing.FIRST_COME, DC, 80e3, [60e3, 20e3]),
        (Sharing.WEIGHT, DC, 60e3, [20e3, 40e3]),
        (Sharing.EQUAL, DC, 240e3, [60e3, 60e3]),
        (Sharing.EQUAL, AC, 20e3, [10e3, 10e3]),
        (Sharing.FIRST_COME, AC, 30e3, [22_080.0, 7920.0]),
        (Sharing.WEIGHT, AC, 30e3, [10e3, 20e3]),
    ],
)
def test_two_who_want_all(how: Sharing, kind: ConnectorKind, budget_w: float, expected_w: list[float]) -> None:
    """By the policy, and nothing is left."""
    assert delivering(built(kind, budget_w, how)).shares_w() == [pytest.approx(one, rel=0.02) for one in expected_w]


@pytest.mark.parametrize(("kind", "budget_w", "little_a"), [(DC, 80e3, 20.0), (AC, 30e3, 6.5)])
def test_what_one_leaves_alone_goes_to_the_other(kind: ConnectorKind, budget_w: float, little_a: float) -> None:
    """After a while, with a margin of a tenth for the one to grow."""
    bench = delivering(built(kind, budget_w))
    bench.want(ONE, little_a)
    before_w = bench.shares_w()[1]
    bench.live(8)
    assert bench.shares_w()[1] == pytest.approx(before_w)
    bench.live(20)
    most_w = 60e3 if kind is DC else 22_080.0
    expected_w = min(budget_w - little_a * bench.told_now(TWO)[1] - 0.1 * most_w, most_w)
    assert bench.shares_w()[1] == pytest.approx(expected_w, rel=0.04)


@pytest.mark.parametrize(("kind", "budget_w", "within_s"), [(DC, 80e3, 2.0), (AC, 30e3, 9.0)])
def test_who_wants_more_again_has_it_soon(kind: ConnectorKind, budget_w: float, within_s: float) -> None:
    """As soon as the other has given it up: on DC when its modules were heard, on AC after the time a vehicle has to follow."""
    bench = delivering(built(kind, budget_w))
    fair_w = bench.shares_w()
    bench.want(ONE, 0.0)
    bench.live(60)
    assert bench.shares_w()[1] > 1.3 * fair_w[1]
    bench.want(ONE, EVERYTHING_A)
    bench.live(within_s)
    assert bench.shares_w() == [pytest.approx(one, rel=0.02) for one in fair_w]


@pytest.mark.parametrize("kind", [DC, AC])
def test_who_stays_has_the_rest(kind: ConnectorKind) -> None:
    """A session that is over leaves its share as soon as its contactor is open."""
    bench = delivering(built(kind, 20e3))
    bench.end(ONE)
    bench.live(1)
    assert bench.shares_w() == [0.0, pytest.approx(20e3, rel=0.01)]


def test_less_than_a_session_needs_is_nothing() -> None:
    """8 kW are 6 A for one on three phases: who came first charges, the other waits as SuspendedEVSE and has it all afterwards."""
    bench = bench_of(built(AC, 8e3))
    bench.begin(ONE)
    bench.begin(TWO)
    bench.live(60)
    assert (bench.phase(ONE), bench.phase(TWO)) == (Phase.DELIVERING, Phase.PAUSED_EVSE)
    assert bench.shares_w() == [pytest.approx(8e3), 0.0]
    bench.end(ONE)
    bench.live(2)
    assert bench.shares_w() == [0.0, pytest.approx(8e3)]


def test_a_refused_token_wants_nothing() -> None:
    """A session that may not charge any more, and is not ended, keeps no power from others."""
    station = built(DC, 80e3)
    bench = delivering(replace(station, settings=replace(station.settings, stop_transaction_on_invalid_id=False)))
    started = bench.told(TransactionStarted, ONE)[0]
    bench.send(StartAnswered(started.local_id, started.id_tag, 5, IdTagInfo(AuthorizationStatus.BLOCKED), settles=1))
    bench.live(2)
    assert bench.phase(ONE) is Phase.PAUSED_EVSE
    assert bench.shares_w() == [0.0, pytest.approx(60e3)]


@pytest.mark.parametrize(("kind", "budget_w"), [(DC, 80e3), (AC, 30e3)])
@pytest.mark.parametrize("little_a", [0.0, 8.0, 16.0])
def test_steady_vehicles_have_steady_shares(kind: ConnectorKind, budget_w: float, little_a: float) -> None:
    """Whatever one of them takes: after half a minute nothing moves any more."""
    bench = delivering(built(kind, budget_w))
    bench.want(ONE, little_a)
    bench.live(30)
    shares = bench.shares_w()
    for _ in range(12):
        bench.live(10)
        assert bench.shares_w() == shares


def test_a_rise_waits_for_what_was_told_to_end() -> None:
    """The first is lowered in the step in which the second begins; the second rises when the first's modules were heard."""
    bench = bench_of(built(DC, 80e3))
    bench.begin(ONE)
    bench.live(5)
    assert bench.shares_w()[0] == pytest.approx(60e3)
    bench.begin(TWO)
    assert bench.shares_w()[0] == pytest.approx(40e3)
    bench.live(3)
    assert bench.shares_w() == [pytest.approx(40e3), pytest.approx(40e3)]
    assert bench.worst_w <= 80e3 + 1e-6


# --- whatever happens -----------------------------------------------------------------------------------------------------------------

CONNECTORS = st.sampled_from([ONE, TWO, THREE])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), CONNECTORS),
        st.tuples(st.just("end"), CONNECTORS),
        st.tuples(st.just("want"), CONNECTORS, st.sampled_from([0.0, 3.0, 7.0, 20.0, 100.0, EVERYTHING_A])),
        st.tuples(st.just("step"), CONNECTORS),
        st.tuples(st.just("warm"), CONNECTORS, st.sampled_from([25.0, 75.0, 88.0, 95.0, 200.0])),
        st.tuples(st.just("vehicle"), CONNECTORS, st.sampled_from([None, 10e3, 40e3])),
        st.tuples(st.just("link"), st.booleans()),
        st.tuples(st.just("wait"), st.sampled_from([0.05, 0.3, 0.6, 2.0, 4.9])),
        st.tuples(st.just("live"), st.sampled_from([1.0, 12.0, 25.0])),
    ),
    max_size=25,
)
STATIONS = st.builds(
    built,
    st.sampled_from([AC, DC]),
    st.sampled_from([3e3, 8e3, 13e3, 30e3, 90e3]),
    st.sampled_from(Sharing),
    st.just(3),
    offline=st.sampled_from([Ceiling(), Ceiling(max_current_a=8.0), Ceiling(max_power_w=0.0)]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(station=STATIONS, steps=STEPS)
def test_what_may_flow_is_never_more_than_the_budget(station: StationSettings, steps: list) -> None:
    """At every instant, with vehicles and modules that go by what they were told before as long as they can; looked at in the bench."""
    bench = bench_of(station)
    for step in steps:
        match step:
            case ("begin", connector):
                bench.begin(connector)
            case ("end", connector):
                bench.end(connector)
            case ("want", connector, current_a):
                bench.want(connector, current_a)
            case ("step", connector):
                bench.step(connector)
            case ("warm", connector, temperature_c):
                bench.ev(connector, connector_temperature_c=temperature_c)
            case ("vehicle", connector, power_w):
                bench.ev(connector, max_power_w=power_w)
            case ("link", is_up):
                bench.link(is_up=is_up)
            case ("wait", seconds):
                bench.wait(seconds)
            case ("live", seconds):
                bench.live(seconds)
        bench.send(Tick())
        assert bench.station.next_deadline_s() > bench.mono_s, "woken again and again"
