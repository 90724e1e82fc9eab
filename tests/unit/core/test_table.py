"""The phase table as data: every pair of phase and trigger, and what the rows must respect whatever they are."""

from __future__ import annotations

import itertools
from dataclasses import fields

import pytest

from chargerd.core.facts import Phase
from chargerd.core.faults import FAULTS
from chargerd.core.session import CLOSED, CONDITIONS, ENERGISING, TABLE, Situation, Trigger, next_row

CALM = Situation(**{field.name: False for field in fields(Situation)})


def situation(**claims: bool) -> Situation:
    return Situation(**{field.name: claims.get(field.name, False) for field in fields(Situation)})


@pytest.mark.parametrize(("phase", "trigger"), list(itertools.product(Phase, Trigger)))
def test_every_pair_of_phase_and_trigger(phase: Phase, trigger: Trigger) -> None:
    """A row fires exactly where the table has one, and the first that fits is the one that fires."""
    rows = [row for row in TABLE if phase in row.phases and row.trigger is trigger]
    assert len(rows) <= 1, "two rows for one trigger: the second can never fire"
    if rows:
        assert rows[0].target is not phase


def test_every_trigger_is_used_and_has_a_condition() -> None:
    """No dead words."""
    assert {row.trigger for row in TABLE} == set(Trigger) == set(CONDITIONS)


def test_faults_of_rows_exist() -> None:
    """A row raises only what the fault table knows."""
    assert {row.fault for row in TABLE if row.fault} <= FAULTS.keys()


@pytest.mark.parametrize("phase", sorted(ENERGISING | {Phase.RAMP_DOWN}, key=lambda p: p.value))
def test_a_trip_beats_everything(phase: Phase) -> None:
    """With every claim true at once, an energising phase opens."""
    everything = Situation(**{field.name: True for field in fields(Situation)})
    row = next_row(phase, everything)
    assert row is not None
    assert row.target is Phase.OPENING


@pytest.mark.parametrize("phase", sorted(ENERGISING, key=lambda p: p.value))
def test_a_stop_leaves_every_energising_phase(phase: Phase) -> None:
    """A stop is never ignored."""
    row = next_row(phase, situation(is_stopping=True, is_pilot_ready=True, is_plugged=True))
    assert row is not None
    assert row.target in (Phase.RAMP_DOWN, Phase.OPENING)


def test_no_phase_with_a_closed_contactor_is_left_except_through_opening() -> None:
    """From a phase that wishes the contactor closed one comes only to another such phase, to RAMP_DOWN or to OPENING."""
    for row in TABLE:
        for phase in row.phases & CLOSED:
            assert row.target in CLOSED | {Phase.RAMP_DOWN, Phase.OPENING}, (phase, row)


def test_power_is_reached_only_in_order() -> None:
    """DELIVERING follows PRECHARGE (or a pause), PRECHARGE follows CABLE_CHECK, CABLE_CHECK follows HANDSHAKE, that LOCKING."""
    sources = {target: {phase for row in TABLE if row.target is target for phase in row.phases} for target in Phase}
    assert sources[Phase.DELIVERING] == {Phase.PRECHARGE, Phase.PAUSED_EV, Phase.PAUSED_EVSE}
    assert sources[Phase.PRECHARGE] == {Phase.CABLE_CHECK}
    assert sources[Phase.CABLE_CHECK] == {Phase.HANDSHAKE}
    assert sources[Phase.HANDSHAKE] == {Phase.LOCKING}
    assert sources[Phase.LOCKING] == {Phase.WAIT_AUTH}


def test_nothing_happens_in_a_calm_idle_station() -> None:
    """No claim, no row."""
    assert next_row(Phase.IDLE, CALM) is None
