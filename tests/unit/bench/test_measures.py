"""The table of `make bench`: what a row says of its values."""

from __future__ import annotations

import pytest

from tests.bench.aims import AIMS, compared
from tests.bench.measure import Failed, Measure, NotYet, table

HUNDRED = tuple(float(value) for value in range(1, 101))


def test_median_percentile_and_worst() -> None:
    """By nearest rank: of a hundred values the 99th."""
    one = Measure("a", "ms", HUNDRED)
    assert (one.value, one.p99, one.worst) == (50.5, 99.0, 100.0)


def test_of_a_rate_the_low_end_is_the_bad_one() -> None:
    """More is better."""
    one = Measure("a", "1/s", HUNDRED, is_rate=True)
    assert (one.p99, one.worst) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("budget", "budget_p99", "verdict"),
    [(None, None, ""), (50.5, None, "ok"), (50.0, None, "OVER"), (60.0, 99.0, "ok"), (60.0, 98.0, "OVER")],
)
def test_the_verdict_looks_at_every_budget_there_is(budget: float | None, budget_p99: float | None, verdict: str) -> None:
    """The median, and the 99th percentile where it has one."""
    assert Measure("a", "ms", HUNDRED, budget, budget_p99).verdict == verdict


def test_a_row_holds_ours_against_yardsticks_and_peers() -> None:
    """Medians with their ratios; a yardstick that was not measured leaves its place empty."""
    row = compared("GetConfiguration, one key", {"ours": [0.3, 0.4, 0.3], "null": [0.2]})
    assert (row.ratio("null"), row.ratio("library")) == (pytest.approx(1.5), None)
    _, line = table([row]).splitlines()
    assert line.split()[-5:] == ["ok", "0.2", "1.5", "0.14", "0.1"]


def test_what_could_not_be_measured_says_why() -> None:
    """In words, in its place."""
    assert table([NotYet("TriggerMessage"), Failed("boot", "TimeoutError: ")]).splitlines()[1:] == [
        "TriggerMessage  not yet",
        "boot            FAILED: TimeoutError:",
    ]


def test_every_aim_has_its_peers_by_the_names_of_their_columns() -> None:
    """A misspelt peer would not be shown."""
    assert {name for aim in AIMS.values() for name in aim.peers} == {"libocpp", "MicroOcpp"}
