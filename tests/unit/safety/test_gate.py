"""The gate's rules, row by row, and what must hold for any order of inputs and wishes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.safety.gate import GateMode, GateOptions, GateState, Step, Trip, initial, step
from hal.types import Flow, SafetyInputs

OPTIONS = GateOptions(lease_s=1.0, close_s=1.0, open_s=0.5)
FINE = SafetyInputs(is_estop_pressed=False, is_door_open=False)
ONE = frozenset({1})


def look(state: GateState, now_s: float, inputs: SafetyInputs = FINE, wishes: frozenset[int] = ONE, lease_age_s: float = 0.0) -> Step:
    return step(state, inputs, wishes, lease_age_s, now_s, OPTIONS)


def closed(*connectors: int) -> SafetyInputs:
    return replace(FINE, closed_contactors=frozenset(connectors))


def energized() -> GateState:
    state = look(initial(ONE, 0.0), 0.0).state
    return look(state, 0.1, closed(1)).state


def test_a_wish_closes_and_feedback_confirms() -> None:
    """Coil on at the wish, energized once the auxiliary contact says closed."""
    first = look(initial(ONE, 0.0), 0.0)
    assert first.coils == ONE
    assert first.state.contactors[1].mode is GateMode.CLOSING
    second = look(first.state, 0.1, closed(1))
    assert (second.coils, second.state.contactors[1].mode) == (ONE, GateMode.ENERGIZED)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_estop_pressed": True}, "emergency-stop"),
        ({"is_door_open": True}, "door-open"),
        ({"is_readable": False}, "safety-inputs"),
    ],
)
def test_each_station_row_opens_at_once_and_reports(change: dict[str, bool], code: str) -> None:
    """The coil is off in the very step; the trip is told once and its end once."""
    bad = replace(closed(1), **change)
    tripped = look(energized(), 0.2, bad)
    assert tripped.coils == frozenset()
    assert Trip(0, code) in tripped.trips
    assert look(tripped.state, 0.3, bad).trips == ()
    cleared = look(tripped.state, 0.4, FINE, frozenset())
    assert Trip(0, code, is_over=True) in cleared.trips


def test_lost_mains_are_told_and_keep_open_what_is_open() -> None:
    """A closed contactor waits for the core, which ends the session while the hold-up lasts; none closes."""
    lost = replace(closed(1), is_mains_lost=True)
    told = look(energized(), 0.2, lost)
    assert (told.coils, told.trips) == (ONE, (Trip(0, "power-loss"),))
    opened = look(told.state, 0.3, lost, frozenset())
    assert opened.coils == frozenset()
    safe = look(opened.state, 0.4, replace(FINE, is_mains_lost=True), frozenset())
    assert look(safe.state, 0.5, replace(FINE, is_mains_lost=True)).coils == frozenset()
    over = look(safe.state, 0.6)
    assert (over.coils, over.trips) == (ONE, (Trip(0, "power-loss", is_over=True),))


@pytest.mark.parametrize(("line", "code"), [("leaking", "residual-current"), ("overheated", "over-temperature")])
def test_a_connector_row_opens_that_connector_alone(line: str, code: str) -> None:
    """The other output goes on; the trip names the connector, and its end too."""
    both = frozenset({1, 2})
    state = look(initial(both, 0.0), 0.0, wishes=both).state
    state = look(state, 0.1, closed(1, 2), both).state
    bad = SafetyInputs(is_estop_pressed=False, is_door_open=False, closed_contactors=both, **{line: frozenset({2})})
    tripped = look(state, 0.2, bad, both)
    assert (tripped.coils, tripped.trips) == (ONE, (Trip(2, code),))
    over = look(tripped.state, 0.3, closed(1), ONE)
    assert (over.coils, over.trips) == (ONE, (Trip(2, code, is_over=True),))


def test_a_wish_that_comes_back_while_the_contactor_opens_counts() -> None:
    """A pause that is over at once: withdrawn and wished again before the feedback has said open. It opens first, and then closes."""
    opening = look(energized(), 0.2, closed(1), frozenset())
    again = look(opening.state, 0.25, closed(1))
    assert (again.coils, again.state.contactors[1]) == (frozenset(), replace(opening.state.contactors[1], was_released=True))
    safe = look(again.state, 0.3)
    assert (safe.coils, safe.state.contactors[1].mode) == (frozenset(), GateMode.SAFE)
    closing = look(safe.state, 0.35)
    assert (closing.coils, closing.trips) == (ONE, ())


def test_a_wish_that_stayed_while_the_contactor_opened_does_not() -> None:
    """Opened against it, by a rule that is over again before the feedback has said open."""
    opening = look(energized(), 0.2, replace(closed(1), is_door_open=True))
    blocked = look(opening.state, 0.3)
    assert blocked.state.contactors[1].mode is GateMode.BLOCKED
    assert look(blocked.state, 0.4).coils == frozenset()


def test_a_broken_lease_opens_until_every_wish_has_ended() -> None:
    """A daemon that wakes up again with its old wish does not get the contactor back."""
    broken = look(energized(), 2.0, closed(1), lease_age_s=1.01)
    assert (broken.coils, broken.trips) == (frozenset(), (Trip(0, "lease-lost"),))
    renewed = look(broken.state, 2.1, FINE, lease_age_s=0.0)
    assert renewed.coils == frozenset()
    ended = look(renewed.state, 2.2, FINE, frozenset())
    assert Trip(0, "lease-lost", is_over=True) in ended.trips
    assert look(ended.state, 2.3, FINE).coils == ONE


def test_a_contactor_that_does_not_close_is_blocked() -> None:
    """Feedback still open after the closing time: coil off, told, and no second try on the same wish."""
    state = look(initial(ONE, 0.0), 0.0).state
    late = look(state, 1.01)
    assert (late.coils, late.trips) == (frozenset(), (Trip(1, "contactor-stuck-open"),))
    assert look(late.state, 1.1).coils == frozenset()
    ended = look(late.state, 1.2, FINE, frozenset())
    assert look(ended.state, 1.3).coils == ONE


def test_a_contactor_that_falls_open_is_blocked() -> None:
    """Feedback lost while energized."""
    assert look(energized(), 0.2, FINE).trips == (Trip(1, "contactor-stuck-open"),)


def test_a_contactor_that_stays_closed_is_welded() -> None:
    """Coil off, feedback still closed after the opening time; it may not be energised again, and its end is told."""
    opening = look(energized(), 1.0, closed(1), frozenset())
    assert (opening.coils, opening.trips) == (frozenset(), ())
    welded = look(opening.state, 1.51, closed(1), frozenset())
    assert welded.trips == (Trip(1, "contactor-welded"),)
    assert look(welded.state, 1.6, closed(1), ONE).coils == frozenset()
    assert look(welded.state, 1.7, FINE, frozenset()).trips == (Trip(1, "contactor-welded", is_over=True),)


def test_a_contactor_that_is_closed_without_a_coil_is_welded_after_its_time() -> None:
    """Nobody drives it, and yet it is closed; a board that was away gets the time to open it. No wish closes meanwhile."""
    first = look(initial(ONE, 0.0), 0.0, closed(1))
    assert (first.coils, first.trips) == (frozenset(), ())
    welded = look(first.state, 0.51, closed(1), frozenset())
    assert welded.trips == (Trip(1, "contactor-welded"),)
    opened = look(first.state, 0.4, FINE, frozenset())
    assert (opened.trips, opened.state.contactors[1].mode) == ((), GateMode.SAFE)


def test_one_stuck_contactor_does_not_open_the_other() -> None:
    """Connector rows concern their own connector only."""
    both = frozenset({1, 2})
    state = look(initial(both, 0.0), 0.0, FINE, both).state
    state = look(state, 0.1, closed(2), both).state
    late = look(state, 1.01, closed(2), both)
    assert late.coils == frozenset({2})


# --- modules with an enable line ---------------------------------------------------------------------------------------------------


def shedding() -> GateState:
    """A contactor whose modules have an enable line, with the daemon just lost."""
    state = look(initial(ONE, 0.0, ONE), 0.0).state
    energized_ = look(state, 0.1, closed(1))
    assert (energized_.coils, energized_.enabled) == (ONE, ONE)
    lost = look(energized_.state, 2.0, closed(1), lease_age_s=1.01)
    assert (lost.coils, lost.enabled, lost.trips, lost.forced) == (ONE, frozenset(), (Trip(0, "lease-lost"),), frozenset())
    return lost.state


def test_modules_are_disabled_before_a_lost_daemons_contactor_opens() -> None:
    """Their current gets its time to fall; then it opens, and a daemon that wakes up does not stop it."""
    early = look(shedding(), 2.09, closed(1), lease_age_s=0.0)
    assert (early.coils, early.enabled) == (ONE, frozenset())
    opened = look(early.state, 2.11, closed(1), lease_age_s=0.0)
    assert (opened.coils, opened.enabled, opened.forced) == (frozenset(), frozenset(), ONE)


@pytest.mark.parametrize("change", [{"is_estop_pressed": True}, {"is_door_open": True}, {"is_readable": False}])
def test_nothing_else_waits_for_the_modules(change: dict[str, bool]) -> None:
    """An emergency stop opens at once, alone and in that time; so does a wish that ends."""
    assert look(shedding(), 2.02, replace(closed(1), **change), lease_age_s=1.03).coils == frozenset()
    assert look(shedding(), 2.02, closed(1), frozenset()).coils == frozenset()
    both = look(look(initial(ONE, 0.0, ONE), 0.0).state, 0.1, replace(closed(1), **change))
    assert (both.coils, both.enabled) == (frozenset(), frozenset())


def test_modules_under_test_are_enabled_behind_an_open_contactor() -> None:
    """As long as the daemon that tests them is alive, and nothing forbids energy."""
    tested = {1: Flow(has_output=True)}
    state = initial(ONE, 0.0, ONE)
    assert step(state, FINE, frozenset(), 0.1, 1.0, OPTIONS, tested).enabled == ONE
    assert step(state, FINE, frozenset(), 1.1, 1.0, OPTIONS, tested).enabled == frozenset()
    assert step(state, replace(FINE, is_estop_pressed=True), frozenset(), 0.1, 1.0, OPTIONS, tested).enabled == frozenset()
    assert step(initial(ONE, 0.0), FINE, frozenset(), 0.1, 1.0, OPTIONS, tested).enabled == frozenset()


# --- what is measured -------------------------------------------------------------------------------------------------------------

CHARGING = Flow(voltage_v=400.0, current_a=100.0, meter_power_w=40_000.0, max_voltage_v=450.0, max_current_a=100.0, has_output=True)
AT_REST = Flow(voltage_v=0.0, current_a=0.0, meter_power_w=0.0, max_voltage_v=1000.0, max_current_a=0.0)


def measured(state: GateState, from_s: float, to_s: float, flow: Flow, inputs: SafetyInputs, wishes: frozenset[int]) -> list[Step]:
    """Looks every 20 ms at a measurement that stays."""
    steps = []
    for tick in range(round((to_s - from_s) / 0.02) + 1):
        steps.append(step(state, inputs, wishes, 0.0, from_s + tick * 0.02, OPTIONS, {1: flow}))
        state = steps[-1].state
    return steps


@pytest.mark.parametrize(
    ("change", "code", "lasts_s"),
    [
        ({"voltage_v": 470.0}, "over-voltage", 0.5),
        ({"current_a": 111.0}, "over-current", 3.0),
        ({"current_a": -3.0}, "reverse-current", 1.0),
        ({"meter_power_w": -600.0}, "reverse-current", 1.0),
    ],
)
def test_what_must_not_flow_opens_once_it_has_lasted(change: dict[str, float], code: str, lasts_s: float) -> None:
    """Not before its time, within a tick after it, and it is told until the wish has ended, though the current ends with the contactor."""
    steps = measured(energized(), 1.0, 1.0 + lasts_s + 0.04, replace(CHARGING, **change), closed(1), ONE)
    tripped = [number for number, one in enumerate(steps) if one.trips]
    assert [one.trips for one in steps if one.trips] == [(Trip(1, code),)]
    assert (tripped[0] - 1) * 0.02 < lasts_s <= tripped[0] * 0.02 + 1e-9
    assert steps[tripped[0] - 1].coils == ONE
    assert steps[tripped[0]].coils == frozenset()
    over = measured(steps[-1].state, 6.0, 6.1, AT_REST, FINE, ONE)
    assert not any(one.trips or one.coils for one in over)
    ended = measured(over[-1].state, 7.0, 7.0, AT_REST, FINE, frozenset())
    assert Trip(1, code, is_over=True) in ended[0].trips


@pytest.mark.parametrize(
    "flow",
    [
        CHARGING,
        replace(CHARGING, voltage_v=460.0),  # a measurement's margin
        replace(CHARGING, current_a=104.0),
        replace(CHARGING, meter_power_w=36_000.0),
        replace(CHARGING, current_a=0.0, meter_power_w=0.0),
        Flow(meter_power_w=11_000.0),  # AC: there are no modules
        Flow(),
    ],
)
def test_what_may_be_is_let_be(flow: Flow) -> None:
    """Margins, and what nobody tells."""
    steps = measured(energized(), 1.0, 41.0, flow, closed(1), ONE)
    assert not any(one.trips for one in steps)
    assert all(one.coils == ONE for one in steps)


def test_a_peak_is_forgotten() -> None:
    """The condition has to last: what was over in between begins anew."""
    state = energized()
    for start_s in (1.0, 4.0, 7.0):
        steps = measured(state, start_s, start_s + 2.5, replace(CHARGING, current_a=130.0), closed(1), ONE)
        steps += measured(steps[-1].state, start_s + 2.6, start_s + 2.6, CHARGING, closed(1), ONE)
        assert not any(one.trips for one in steps)
        state = steps[-1].state


def test_a_meter_that_disagrees_is_told_and_opens_nothing() -> None:
    """The core ends the session in order."""
    steps = measured(energized(), 1.0, 31.1, replace(CHARGING, meter_power_w=20_000.0), closed(1), ONE)
    assert [one.trips for one in steps if one.trips] == [(Trip(1, "power-mismatch"),)]
    assert all(one.coils == ONE for one in steps)


@pytest.mark.parametrize(
    ("change", "code", "lasts_s"),
    [
        ({"current_a": 3.0}, "current-while-open", 3.0),
        ({"meter_power_w": 700.0}, "current-while-open", 3.0),
        ({"voltage_v": 60.0}, "voltage-while-open", 10.0),
    ],
)
def test_an_open_contactor_has_nothing_behind_it(change: dict[str, float], code: str, lasts_s: float) -> None:
    """Told while it lasts, and no wish closes meanwhile."""
    steps = measured(initial(ONE, 0.0), 1.0, 1.0 + lasts_s + 0.04, replace(AT_REST, **change), FINE, frozenset())
    assert [one.trips for one in steps if one.trips] == [(Trip(1, code),)]
    wished = measured(steps[-1].state, 20.0, 20.1, replace(AT_REST, **change), FINE, ONE)
    assert not any(one.coils for one in wished)
    over = measured(steps[-1].state, 20.0, 20.0, AT_REST, FINE, frozenset())
    assert over[0].trips == (Trip(1, code, is_over=True),)


def test_modules_that_are_asked_may_be_live_behind_an_open_contactor() -> None:
    """Their self-test."""
    flow = replace(AT_REST, voltage_v=200.0, has_output=True)
    assert not any(one.trips for one in measured(initial(ONE, 0.0), 1.0, 15.0, flow, FINE, frozenset()))


def test_slow_beats_do_not_hide_what_lasts() -> None:
    """At rest a beat may come a little later than a lease: the row waits for it, comes in its time, and stays until it is over."""
    live, state, told = replace(AT_REST, voltage_v=500.0), initial(ONE, 0.0), []
    for tick in range(30):
        outcome = step(state, FINE, frozenset(), 1.01 if tick % 2 else 0.5, tick * 0.5, OPTIONS, {1: live})
        state = outcome.state
        told += [(tick * 0.5, trip) for trip in outcome.trips]
    assert told == [(10.0, Trip(1, "voltage-while-open"))]
    over = step(state, FINE, frozenset(), 0.5, 15.0, OPTIONS, {1: AT_REST})
    assert over.trips == (Trip(1, "voltage-while-open", is_over=True),)


def test_measurements_of_a_daemon_that_hangs_do_not_count() -> None:
    """They are as old as the lease."""
    state, live = initial(ONE, 0.0), replace(AT_REST, voltage_v=500.0)
    for tick in range(20):
        outcome = step(state, FINE, frozenset(), 1.5, float(tick), OPTIONS, {1: live})
        state = outcome.state
        assert outcome.trips == ()


# --- whatever comes ---------------------------------------------------------------------------------------------------------------

INPUTS = st.builds(
    SafetyInputs,
    is_estop_pressed=st.booleans(),
    is_door_open=st.booleans(),
    closed_contactors=st.frozensets(st.sampled_from([1, 2])),
    is_mains_lost=st.booleans(),
    is_readable=st.booleans(),
)
LOOKS = st.lists(st.tuples(st.floats(0.01, 2), INPUTS, st.frozensets(st.sampled_from([1, 2])), st.floats(0, 3)), max_size=30)


@given(LOOKS)
def test_no_coil_without_wish_lease_and_quiet_inputs(looks: list[tuple[float, SafetyInputs, frozenset[int], float]]) -> None:
    """Whatever came before: a coil is on only with its wish, a fresh lease and no station row in force."""
    state, now_s, outcome = initial(frozenset({1, 2}), 0.0), 0.0, None
    for pause_s, inputs, wishes, lease_age_s in looks:
        now_s += pause_s
        before = outcome.coils if outcome is not None else frozenset()
        outcome = step(state, inputs, wishes, lease_age_s, now_s, OPTIONS)
        state = outcome.state
        assert outcome.coils <= wishes
        assert not inputs.is_mains_lost or outcome.coils <= before
        if outcome.coils:
            assert lease_age_s <= OPTIONS.lease_s
            assert inputs.is_readable
            assert not any((inputs.is_estop_pressed, inputs.is_door_open))
