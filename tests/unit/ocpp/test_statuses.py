"""Which status is told next, and what may follow what (OCPP 1.6, 4.9)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.facts import ConnectorStatus
from chargerd.ocpp.v16.statuses import MOST_WAITING, StatusFilter
from chargerd.ocpp.v16.transitions import is_allowed, name_of, problems
from tests.support.ocpp_fakes import status

AVAILABLE, PREPARING, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING, ConnectorStatus.CHARGING
FINISHING, FAULTED = ConnectorStatus.FINISHING, ConnectorStatus.FAULTED

# --- the table ----------------------------------------------------------------------------------------------------------------------

MATRIX = """
Available      -   A2  A3  A4  A5  no  A7  A8  A9
Preparing      B1  -   B3  B4  B5  B6  no  no  B9
Charging       C1  no  -   C4  C5  C6  no  C8  C9
SuspendedEV    D1  no  D3  -   D5  D6  no  D8  D9
SuspendedEVSE  E1  no  E3  E4  -   E6  no  E8  E9
Finishing      F1  F2  no  no  no  -   no  F8  F9
Reserved       G1  G2  no  no  no  no  -   G8  G9
Unavailable    H1  H2  H3  H4  H5  no  no  -   H9
Faulted        I1  I2  I3  I4  I5  I6  I7  I8  -
"""
"""OCPP 1.6 Edition 2, 4.9, with its errata (B6). Rows: from; columns: to, in the order of the rows."""


def test_transitions_are_those_of_the_standard() -> None:
    """All 81 cells: what has a name in the table may happen, and nothing else."""
    rows = {line.split()[0]: line.split()[1:] for line in MATRIX.strip().splitlines()}
    for (before, cells), (place, after) in itertools.product(rows.items(), enumerate(rows)):
        one, two = ConnectorStatus(before), ConnectorStatus(after)
        assert is_allowed(one, two) is (cells[place] != "no"), (before, after)
        if cells[place] not in ("no", "-"):
            assert name_of(one, two) == cells[place]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, status(1, FINISHING), ""),
        (status(1, PREPARING), status(1, ConnectorStatus.UNAVAILABLE), "(B8) is no transition"),
        (status(1), status(1, error_code="HighTemperature"), ""),
        (None, status(0, PREPARING), "connector 0 cannot be Preparing"),
        (None, status(1, FAULTED), "without an error code"),
        (None, status(1, FAULTED, error_code="GroundFailure"), ""),
        (None, status(1, PREPARING, error_code="EVCommunicationError"), ""),
        (None, status(1, CHARGING, error_code="EVCommunicationError"), "EVCommunicationError while Charging"),
        (None, status(1, FAULTED, error_code="EVCommunicationError"), "EVCommunicationError while Faulted"),
    ],
)
def test_what_a_report_may_not_say(before, after, words: str) -> None:
    """The rules beside the table: connector 0, Faulted and its error code, EVCommunicationError."""
    found = problems(before, after)
    assert bool(found) is bool(words)
    assert all(words in one for one in found)


# --- what is told -------------------------------------------------------------------------------------------------------------------


def told(statuses: StatusFilter, now_s: float = 0.0, minimum_s: float = 0.0) -> list[tuple[int, str]]:
    """Deliver all that is due."""
    return [(connector, name) for connector, name, _ in told_at(statuses, now_s, minimum_s)]


def told_at(statuses: StatusFilter, now_s: float = 0.0, minimum_s: float = 0.0) -> list[tuple[int, str, float]]:
    """The same, with the times as of which they are told."""
    found: list[tuple[int, str, float]] = []
    while (one := statuses.take(now_s, minimum_s)) is not None:
        found.append((one.status.connector, one.status.status.value, one.at_s))
        statuses.delivered(one.status)
    return found


def connected(*connectors: int) -> StatusFilter:
    """Everything was told, and the connection stands."""
    statuses = StatusFilter()
    for connector in connectors or (1,):
        statuses.offer(status(connector), 0.0)
    statuses.begin_connection(0.0)
    told(statuses)
    return statuses


def test_after_a_boot_everything_is_told_in_order() -> None:
    """Connector 0 first, then all others, whatever was told before, and however long a state has to last."""
    statuses = StatusFilter()
    for connector in (2, 0, 1):
        statuses.offer(status(connector), 0.0)
    assert told(statuses) == []
    statuses.begin_connection(5.0)
    assert told_at(statuses, 5.0) == [(0, "Available", 5.0), (1, "Available", 5.0), (2, "Available", 5.0)]
    assert told(statuses) == []
    statuses.end_connection()
    statuses.forget_delivered()
    statuses.begin_connection(6.0)
    assert len(told(statuses, 6.0, minimum_s=100.0)) == 3


def test_every_change_is_told_with_its_own_time() -> None:
    """Errata 3.19: however slow the central system is, no state is left out and none comes before an older one, whichever connector."""
    statuses = connected(1, 2)
    statuses.offer(status(2, PREPARING), 1.0)
    statuses.offer(status(1, PREPARING), 2.0)
    statuses.offer(status(1, CHARGING), 3.0)
    statuses.offer(status(2), 4.0)
    statuses.offer(status(1, FINISHING), 5.0)
    expected = [(2, "Preparing", 1.0), (1, "Preparing", 2.0), (1, "Charging", 3.0), (2, "Available", 4.0), (1, "Finishing", 5.0)]
    assert told_at(statuses, 60.0) == expected
    assert statuses.next_due_s(0.0) == float("inf")


def test_what_passed_while_offline_is_not_told() -> None:
    """libocpp#1130: the present status alone, as of now, and only where it is not the one delivered last."""
    statuses = connected(1, 2, 3)
    statuses.offer(status(3, PREPARING), 1.0)
    statuses.end_connection()
    statuses.offer(status(1, PREPARING), 2.0)
    statuses.offer(status(1, CHARGING), 3.0)
    statuses.offer(status(2, PREPARING), 4.0)
    statuses.offer(status(2), 5.0)
    assert told(statuses, 9.0) == []
    statuses.begin_connection(10.0)
    assert told_at(statuses, 10.0) == [(1, "Charging", 10.0), (3, "Preparing", 10.0)]


def test_minimum_duration_skips_short_states() -> None:
    """A state shorter than MinimumStatusDuration is skipped, the lasting one is told when it has lasted."""
    statuses = connected()
    statuses.offer(status(1, PREPARING), 10.0)
    assert statuses.take(14.9, 5.0) is None
    assert statuses.next_due_s(5.0) == 15.0
    statuses.offer(status(1, CHARGING), 14.9)
    assert statuses.take(15.0, 5.0) is None
    assert told_at(statuses, 19.9, 5.0) == [(1, "Charging", 14.9)]
    assert statuses.next_due_s(5.0) == float("inf")


def test_minimum_duration_keeps_what_lasted_though_it_is_over() -> None:
    """What lasted long enough is told even when the central system was too slow to hear of it in its time."""
    statuses = connected()
    for moment_s, state in ((10.0, PREPARING), (16.0, CHARGING), (17.0, FINISHING), (30.0, AVAILABLE)):
        statuses.offer(status(1, state), moment_s)
    assert told(statuses, 40.0, 5.0) == [(1, "Preparing"), (1, "Finishing"), (1, "Available")]


def test_state_that_comes_back_within_the_minimum_is_no_news() -> None:
    """Available, a moment of Preparing, Available: nothing is told."""
    statuses = connected()
    statuses.offer(status(1, PREPARING), 10.0)
    statuses.offer(status(1), 11.0)
    assert told(statuses, 100.0, 5.0) == []
    assert statuses.next_due_s(5.0) == float("inf")


def test_waiting_state_does_not_hold_up_another_connector() -> None:
    """The minimum runs for each connector by itself."""
    statuses = connected(1, 2)
    statuses.offer(status(1, PREPARING), 10.0)
    statuses.offer(status(2, PREPARING), 8.0)
    assert told(statuses, 13.0, 5.0) == [(2, "Preparing")]
    assert told(statuses, 15.0, 5.0) == [(1, "Preparing")]


def test_error_code_alone_is_a_change() -> None:
    """A warning with the same status is told, and so is its end."""
    statuses = connected()
    statuses.offer(status(1, error_code="HighTemperature"), 1.0)
    statuses.offer(status(1), 2.0)
    assert told(statuses, 3.0) == [(1, "Available"), (1, "Available")]


def test_failed_status_is_tried_again_on_the_next_connection() -> None:
    """Without an answer it is not repeated on this connection, but it still differs from the last one delivered."""
    statuses = connected()
    statuses.offer(status(1, PREPARING), 1.0)
    assert statuses.take(1.0, 0.0) is not None
    assert statuses.take(2.0, 0.0) is None
    statuses.end_connection()
    statuses.begin_connection(3.0)
    assert told(statuses, 3.0) == [(1, "Preparing")]


def test_status_after_a_failed_one_is_told() -> None:
    """The central system may have heard the one it did not answer, so going back to the one before is news."""
    statuses = connected()
    statuses.offer(status(1, PREPARING), 1.0)
    assert statuses.take(1.0, 0.0) is not None
    statuses.offer(status(1), 2.0)
    assert told(statuses, 2.0) == [(1, "Available")]


# --- any walk through the table -----------------------------------------------------------------------------------------------------

STATES = list(ConnectorStatus)


@st.composite
def walks(draw: st.DrawFn, longest: int = 60) -> list[tuple[int, ConnectorStatus]]:
    """Changes of two connectors, each by the table."""
    now = {1: AVAILABLE, 2: AVAILABLE}
    changes = []
    for connector in draw(st.lists(st.sampled_from([1, 2]), max_size=longest)):
        now[connector] = draw(st.sampled_from([one for one in STATES if one is not now[connector] and is_allowed(now[connector], one)]))
        changes.append((connector, now[connector]))
    return changes


@given(walk=walks(), pause=st.integers(1, 80))
def test_told_states_follow_the_table(walk: list[tuple[int, ConnectorStatus]], pause: int) -> None:
    """However many changes wait for a slow central system, no more than a bound is kept, and what is told is a way through the table."""
    statuses = connected(1, 2)
    last = {1: AVAILABLE, 2: AVAILABLE}
    heard: list[tuple[int, str, float]] = []
    for count, (connector, state) in enumerate(walk, 1):
        statuses.offer(status(connector, state, info=str(count)), float(count))
        if count % pause == 0 and (one := statuses.take(float(count), 0.0)) is not None:
            heard.append((one.status.connector, one.status.status.value, one.at_s))
    rest = told_at(statuses, 100.0)
    assert len(rest) <= 2 * MOST_WAITING
    heard += rest
    assert [at_s for *_, at_s in heard] == sorted(at_s for *_, at_s in heard)
    for connector, name, _ in heard:
        assert is_allowed(last[connector], ConnectorStatus(name))
        last[connector] = ConnectorStatus(name)
    assert last == {1: AVAILABLE, 2: AVAILABLE} | dict(walk)
    latest = {connector: float(count) for count, (connector, _) in enumerate(walk, 1)}
    assert {connector: at_s for connector, _, at_s in heard} == latest  # the last one told is the present one, not an older one like it


@given(walk=walks(longest=MOST_WAITING))
def test_nothing_is_left_out_within_the_bound(walk: list[tuple[int, ConnectorStatus]]) -> None:
    """With room for all, what is told is what happened, change by change."""
    statuses = connected(1, 2)
    for count, (connector, state) in enumerate(walk):
        statuses.offer(status(connector, state), float(count))
    assert told(statuses, 100.0) == [(connector, state.value) for connector, state in walk]
