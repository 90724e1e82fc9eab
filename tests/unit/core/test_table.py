"""The phase tables as data: every pair of phase and trigger, and what the rows must respect whatever they are."""

from __future__ import annotations

import itertools
from dataclasses import fields

import pytest

from chargerd.core.facts import Phase
from chargerd.core.faults import FAULTS
from chargerd.core.session import AC, DC, ENERGISING, EnergyPath
from chargerd.core.situation import CONDITIONS, Situation, Trigger

CALM = Situation(**{field.name: False for field in fields(Situation)})
EVERYTHING = Situation(**{field.name: True for field in fields(Situation)})
both_paths = pytest.mark.parametrize("path", [DC, AC], ids=lambda path: path.name)


def situation(**claims: bool) -> Situation:
    return Situation(**{field.name: claims.get(field.name, False) for field in fields(Situation)})


def sources(path: EnergyPath, target: Phase) -> set[Phase]:
    """The phases from which one comes to another."""
    return {phase for row in path.rows if row.target is target for phase in row.phases if path.knows(phase)}


@both_paths
@pytest.mark.parametrize(("phase", "trigger"), list(itertools.product(Phase, Trigger)))
def test_every_pair_of_phase_and_trigger(path: EnergyPath, phase: Phase, trigger: Trigger) -> None:
    """A row fires exactly where the table has one, and the first that fits is the one that fires."""
    rows = [row for row in path.rows if phase in row.phases and row.trigger is trigger]
    assert len(rows) <= 1, "two rows for one trigger: the second can never fire"
    if rows:
        assert rows[0].target is not phase


def test_every_trigger_is_used_and_has_a_condition() -> None:
    """No dead words."""
    assert {row.trigger for row in DC.rows + AC.rows} == set(Trigger) == set(CONDITIONS)


@both_paths
def test_faults_of_rows_exist(path: EnergyPath) -> None:
    """A row raises only what the fault table knows."""
    assert {row.fault for row in path.rows if row.fault} <= FAULTS.keys()


@both_paths
@pytest.mark.parametrize("phase", sorted(ENERGISING | {Phase.RAMP_DOWN}, key=lambda p: p.value))
def test_a_trip_beats_everything(path: EnergyPath, phase: Phase) -> None:
    """With every claim true at once, an energising phase opens."""
    row = path.next_row(phase, EVERYTHING)
    assert row is not None
    assert row.target is Phase.OPENING


@both_paths
@pytest.mark.parametrize("phase", sorted(ENERGISING, key=lambda p: p.value))
def test_a_stop_leaves_every_energising_phase(path: EnergyPath, phase: Phase) -> None:
    """A stop is never ignored."""
    row = path.next_row(phase, situation(is_stopping=True, is_pilot_ready=True, is_plugged=True, is_locked=True))
    assert row is not None
    assert row.target in (Phase.RAMP_DOWN, Phase.OPENING)


@both_paths
@pytest.mark.parametrize("phase", sorted(ENERGISING - {Phase.LOCKING}, key=lambda p: p.value))
def test_a_lock_that_gives_way_opens(path: EnergyPath, phase: Phase) -> None:
    """The plug is held before anything else happens, and as long as it may be live."""
    row = path.next_row(phase, situation(is_plugged=True, is_pilot_ready=True, wants_current=True))
    assert row is not None
    assert (row.target, row.fault) == (Phase.OPENING, "lock-failure")


def test_no_dc_phase_with_a_closed_contactor_is_left_except_through_opening() -> None:
    """One comes only to another phase with it closed, to one that holds it while the current falls, or to OPENING."""
    for row in DC.rows:
        for phase in row.phases & DC.closed:
            assert row.target in DC.closed | DC.held | {Phase.OPENING}, (phase, row)


def test_an_ac_contactor_opens_without_load() -> None:
    """DELIVERING is left to where the vehicle has opened first (pilot B), to where a closed contactor is held, by a trip, or by pilot D."""
    left = {(row.trigger, row.target) for row in AC.rows if Phase.DELIVERING in row.phases and row.target not in AC.held}
    assert left == {
        (Trigger.TRIPPED, Phase.OPENING),
        (Trigger.ENDED_BY_UNPLUGGING, Phase.OPENING),
        (Trigger.LOCK_LOST, Phase.OPENING),
        (Trigger.NOT_WANTED, Phase.PAUSED_EV),
        (Trigger.VENTILATION_ASKED, Phase.PAUSED_EVSE),
    }


def test_dc_power_is_reached_only_in_order() -> None:
    """Whoever has been apart from the vehicle goes the whole way again: its only way back to current leads through HANDSHAKE."""
    assert sources(DC, Phase.DELIVERING) == {Phase.POWER_DELIVERY, Phase.PAUSED_EV, Phase.PAUSED_EVSE}
    assert sources(DC, Phase.POWER_DELIVERY) == {Phase.PRECHARGE}
    assert sources(DC, Phase.PRECHARGE) == {Phase.CABLE_CHECK}
    assert sources(DC, Phase.CABLE_CHECK) == {Phase.HANDSHAKE}
    assert sources(DC, Phase.HANDSHAKE) == {Phase.LOCKING, Phase.WAKING}
    assert sources(DC, Phase.WAKING) == {Phase.ASLEEP, Phase.HANDSHAKE}
    assert sources(DC, Phase.LOCKING) == {Phase.WAIT_AUTH}


def test_ac_power_is_reached_only_in_order() -> None:
    """DELIVERING follows HANDSHAKE (or a pause), HANDSHAKE follows LOCKING; there is nothing to check or to charge in between."""
    assert sources(AC, Phase.DELIVERING) == {Phase.HANDSHAKE, Phase.PAUSING, Phase.PAUSED_EV, Phase.PAUSED_EVSE}
    assert sources(AC, Phase.HANDSHAKE) == {Phase.LOCKING}
    assert sources(AC, Phase.LOCKING) == {Phase.WAIT_AUTH}
    assert {phase for phase in Phase if not AC.knows(phase)} == {
        *(Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.POWER_DELIVERY),
        *(Phase.LEAVING, Phase.ASLEEP),
    }
    assert not DC.knows(Phase.PAUSING)


@both_paths
def test_nothing_happens_in_a_calm_idle_station(path: EnergyPath) -> None:
    """No claim, no row."""
    assert path.next_row(Phase.IDLE, CALM) is None
