"""The instants of samples: exactly spaced, on the clock's boundaries, and what a clock that is set does to them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargerd.core.events import ChangeSettings
from chargerd.core.facts import MeterSampled, ReadingContext, TransactionStarted, TransactionStopped
from chargerd.core.metering import LATE_S, ClockGrid, Grid, next_boundary_s
from chargerd.core.now import NEVER, Now
from tests.support.core_bench import UTC0, CoreBench, station_settings

DAY_S = 86400.0
MIDNIGHT_S = 20_000 * DAY_S


def at(mono_s: float, utc_s: float | None = None) -> Now:
    return Now(mono_s, UTC0 + mono_s if utc_s is None else utc_s)


# --- sampled values ------------------------------------------------------------------------------------------------------------------


@given(st.floats(0, 1e6), st.floats(1, 3600), st.lists(st.floats(0.001, 500), max_size=50))
@example(480.0, 32.700786655179, [32.700786655179] * 3)  # a multiple that rounds to just below itself
def test_a_grid_never_drifts(start_s: float, interval_s: float, pauses: list[float]) -> None:
    """However late it is looked at, instants stay on start + n × interval, and each is taken at most once."""
    grid, taken = Grid.from_(at(start_s), interval_s), []
    for now_s in itertools.accumulate(pauses, initial=start_s):
        instant_s = grid.take(at(now_s))
        if instant_s is not None:
            taken.append(instant_s)
            assert now_s - interval_s <= instant_s + 1e-6
            assert instant_s <= now_s + 1e-6
        assert grid.next_s > now_s
    steps = [(instant_s - start_s) / interval_s for instant_s in taken]
    assert steps == pytest.approx([round(step) for step in steps], abs=1e-6)
    assert all(earlier < later for earlier, later in itertools.pairwise(taken))


def test_interval_zero_never_comes() -> None:
    """MeterValueSampleInterval 0: no samples."""
    assert Grid.from_(at(5.0), 0).take(at(1e9)) is None


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=30))
def test_stamps_are_exactly_one_interval_apart(jitter: list[float]) -> None:
    """T 070: a wall clock that wanders a little, and a loop that comes late, do not show in the time stamps."""
    grid, stamps = Grid.from_(at(100.0), 10), []
    for number, wander_s in enumerate(jitter, 1):
        now = Now(100.0 + 10 * number + abs(wander_s), UTC0 + 100.0 + 10 * number + wander_s)
        instant_s = grid.take(now)
        assert instant_s is not None
        stamps.append(grid.utc_of(instant_s, now))
    assert stamps == [UTC0 + 100.0 + 10 * number for number in range(1, len(jitter) + 1)]


def test_a_clock_that_was_stepped_is_followed() -> None:
    """After a step the stamps are those of the new clock, and exactly spaced again."""
    grid = Grid.from_(at(100.0), 10)
    stamps = []
    for number in range(1, 5):
        now = Now(100.0 + 10 * number, UTC0 + 100.0 + 10 * number + (3600 if number > 2 else 0))
        instant_s = grid.take(now)
        assert instant_s is not None
        stamps.append(grid.utc_of(instant_s, now))
    assert stamps == [UTC0 + 110, UTC0 + 120, UTC0 + 3730, UTC0 + 3740]


def test_before_the_time_is_known_a_sample_has_no_stamp_of_its_own() -> None:
    """MicroOcpp#311: nothing is stamped 1970; the fact keeps monotonic time and is dated later."""
    grid = Grid.from_(Now(100.0, 50.0, is_utc_trusted=False), 10)
    untrusted = Now(110.0, 60.0, is_utc_trusted=False)
    instant_s = grid.take(untrusted)
    assert instant_s is not None
    assert grid.utc_of(instant_s, untrusted) is None
    now = at(120.0)
    instant_s = grid.take(now)
    assert instant_s is not None
    assert grid.utc_of(instant_s, now) == UTC0 + 120.0


# --- clock-aligned values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("past_midnight_s", "interval_s", "expected_s"),
    [
        (0.0, 20, 20),
        (19.999, 20, 20),
        (20.0, 20, 40),
        (86390.0, 20, 86400),
        (86000.0, 1000, 86400),  # does not divide the day: begins again at midnight
        (100.0, 86400, 86400),
    ],
)
def test_boundaries(past_midnight_s: float, interval_s: float, expected_s: float) -> None:
    """OCPP 1.6, 9.1.5: counted from 00:00:00, and from there again each day."""
    assert next_boundary_s(MIDNIGHT_S + past_midnight_s, interval_s) == MIDNIGHT_S + expected_s


@given(st.floats(0, DAY_S), st.integers(1, 86400), st.lists(st.floats(-3 * DAY_S, 3 * DAY_S) | st.floats(0, 3), max_size=40))
def test_a_boundary_is_taken_in_time_and_never_twice(start_s: float, interval_s: int, moves: list[float]) -> None:
    """However the clock is set: each instant is a boundary, not long ago, and later than the one before."""
    mono_s, utc_s = 0.0, MIDNIGHT_S + start_s
    grid, taken = ClockGrid.from_(Now(mono_s, utc_s), interval_s), [-NEVER]
    for move_s in moves:
        mono_s += min(abs(move_s), 1.0)
        utc_s += move_s
        boundary_s = grid.take(Now(mono_s, utc_s))
        if boundary_s is not None:
            assert 0 <= utc_s - boundary_s <= LATE_S
            assert boundary_s % DAY_S % interval_s == 0
            assert boundary_s > taken[-1]
            taken.append(boundary_s)


def test_no_boundary_before_the_time_is_known() -> None:
    """A clock that was never set has no boundaries."""
    grid = ClockGrid.from_(Now(0.0, 15.0, is_utc_trusted=False), 20)
    assert grid.next_s == NEVER
    assert grid.take(Now(10.0, 25.0, is_utc_trusted=False)) is None
    assert grid.take(Now(11.0, MIDNIGHT_S + 15.0)) is None
    assert grid.next_s == 16.0
    assert grid.take(Now(16.0, MIDNIGHT_S + 20.0)) == MIDNIGHT_S + 20.0


# --- in a transaction ----------------------------------------------------------------------------------------------------------------


def charging(**settings: object) -> CoreBench:
    bench = CoreBench(station_settings(**settings))
    bench.charge()
    return bench


def contexts(bench: CoreBench) -> list[tuple[ReadingContext, float | None]]:
    return [(fact.context, fact.at_utc_s) for fact in bench.told(MeterSampled) if fact.values]


def test_aligned_values_stand_on_the_boundary() -> None:
    """T 071, libocpp#445: 20 s give :00, :20, :40, whatever the second in which the session began."""
    bench = charging(meter_value_sample_interval_s=0, clock_aligned_data_interval_s=20)
    began_s = bench.now().utc_s
    bench.wait(65)
    first_s = next_boundary_s(began_s, 20)
    assert contexts(bench)[-3:] == [(ReadingContext.CLOCK, first_s + 20 * n) for n in range(3)]


def test_both_kinds_on_one_instant_are_two_samples() -> None:
    """Rules, section 8: one entry for each context."""
    bench = charging(meter_value_sample_interval_s=10, clock_aligned_data_interval_s=10)
    bench.wait(60)
    told = contexts(bench)
    assert {context for context, _ in told} == {ReadingContext.CLOCK, ReadingContext.PERIODIC}
    periodic = [at_s for context, at_s in told if context is ReadingContext.PERIODIC]
    assert [later - earlier for earlier, later in itertools.pairwise(periodic)] == [10.0] * (len(periodic) - 1)


def test_each_list_serves_its_own_samples() -> None:
    """The aligned lists go with the clock, the sampled lists with the interval; an empty list is the register."""
    bench = charging(
        meter_value_sample_interval_s=30,
        clock_aligned_data_interval_s=20,
        meter_values_sampled_data=("SoC",),
        meter_values_aligned_data=(),
        stop_txn_aligned_data=("Current.Offered",),
        stop_txn_sampled_data=("Power.Offered",),
    )
    bench.ev(bench.ids()[0], soc_percent=40.0)
    bench.wait(70)
    for fact in bench.told(MeterSampled):
        names = {sample.measurand for sample in fact.values}, {sample.measurand for sample in fact.stop_values}
        if fact.context is ReadingContext.CLOCK:
            assert names == ({"Energy.Active.Import.Register"}, {"Current.Offered"})
        elif fact.values:
            assert names == ({"SoC"}, {"Power.Offered"})


def test_a_changed_interval_counts_from_the_change() -> None:
    """Rules, section 8 (choice): both kinds, in a running transaction."""
    bench = charging(meter_value_sample_interval_s=0, clock_aligned_data_interval_s=0)
    bench.wait(7)
    bench.send(ChangeSettings({"meter_value_sample_interval_s": 5, "clock_aligned_data_interval_s": 60}))
    changed_s = bench.now().utc_s
    bench.wait(130)
    told = contexts(bench)
    assert min(at_s for context, at_s in told if context is ReadingContext.PERIODIC and at_s) == changed_s + 5
    assert sum(context is ReadingContext.CLOCK for context, _ in told) == 2


def test_a_clock_set_back_does_not_end_a_transaction_before_it_began() -> None:
    """Rules, section 3: StopTransaction is never told as earlier than StartTransaction or the samples between them."""
    bench = charging(meter_value_sample_interval_s=10)
    bench.wait(25)
    bench.utc_shift_s = -3600.0
    bench.swipe()
    bench.finish()
    (stopped,) = bench.told(TransactionStopped)
    assert stopped.at_utc_s == max(fact.at_utc_s or 0.0 for fact in bench.told(MeterSampled))
    assert len(bench.told(TransactionStarted)) == 1
