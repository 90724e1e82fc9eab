"""The policies by which sessions share a budget: what holds for all of them, and what each is for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.allocation import Claim, divide
from chargerd.core.ids import ConnectorId
from chargerd.core.settings import Sharing

POWERS = st.floats(0, 300e3)


def claim(number: int, wanted_kw: float, most_kw: float | None = None, floor_kw: float = 2.0, weight: float = 1.0) -> Claim:
    """In kW, for tables."""
    most_kw = wanted_kw if most_kw is None else most_kw
    return Claim(ConnectorId(number), 1000 * min(floor_kw, most_kw), 1000 * wanted_kw, 1000 * most_kw, weight)


@st.composite
def claims(draw: st.DrawFn) -> list[Claim]:
    """Any sessions: each floor at most what is wanted, and that at most what can be used."""
    found = []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        floor_w, wanted_w, most_w = sorted(draw(st.tuples(POWERS, POWERS, POWERS)))
        found.append(Claim(ConnectorId(number), floor_w, wanted_w, most_w, draw(st.sampled_from([0.1, 1.0, 2.5]))))
    return found


@given(st.sampled_from(Sharing), st.floats(0, 500e3), claims())
def test_no_budget_is_exceeded_and_none_is_wasted(how: Sharing, budget_w: float, asked: list[Claim]) -> None:
    """Nobody gets more than can be used, nobody between nothing and the floor; who could use more proves that nothing is left."""
    shares = divide(how, budget_w, asked)
    assert set(shares) == {one.connector for one in asked}
    assert sum(shares.values()) <= budget_w + 1e-6
    for one in asked:
        share_w = shares[one.connector]
        assert share_w <= one.most_w + 1e-6
        assert share_w == 0.0 or share_w >= one.floor_w - 1e-6
    served = [one for one in asked if shares[one.connector] > 0.0]
    if any(shares[one.connector] < one.most_w - 1e-3 for one in served):
        assert sum(shares.values()) == pytest.approx(budget_w, abs=1e-3)
    if any(shares[one.connector] > one.wanted_w + 1e-3 for one in served):
        assert all(shares[one.connector] >= one.wanted_w - 1e-3 for one in served), "more than wanted here, less than wanted there"


@given(st.floats(0, 500e3), claims())
def test_equal_means_that_nobody_has_less_for_another_to_have_more(budget_w: float, asked: list[Claim]) -> None:
    """Who has less than wanted has as much as anybody, floors aside."""
    shares = divide(Sharing.EQUAL, budget_w, asked)
    served = [one for one in asked if shares[one.connector] > 0.0]
    for hungry in served:
        if shares[hungry.connector] < hungry.wanted_w - 1e-3:
            richer = [one for one in served if shares[one.connector] > max(shares[hungry.connector], one.floor_w) + 1e-3]
            assert richer == []


@pytest.mark.parametrize(
    ("how", "budget_kw", "asked", "expected_kw"),
    [
        (Sharing.EQUAL, 100, [claim(1, 80), claim(2, 80)], [50, 50]),
        (Sharing.EQUAL, 100, [claim(1, 20), claim(2, 90)], [20, 80]),
        (Sharing.EQUAL, 100, [claim(1, 20, most_kw=80), claim(2, 90)], [20, 80]),  # what it leaves alone goes to the other
        (Sharing.EQUAL, 150, [claim(1, 20, most_kw=80), claim(2, 90)], [60, 90]),  # unless nobody wants it
        (Sharing.EQUAL, 90, [claim(1, 60), claim(2, 60), claim(3, 10)], [40, 40, 10]),
        (Sharing.EQUAL, 8, [claim(1, 22, floor_kw=4.14), claim(2, 22, floor_kw=4.14)], [8, 0]),  # too little for two: who came first
        (Sharing.EQUAL, 8, [claim(1, 22, floor_kw=9), claim(2, 22, floor_kw=4.14)], [0, 8]),
        (Sharing.FIRST_COME, 100, [claim(1, 80), claim(2, 80)], [80, 20]),
        (Sharing.FIRST_COME, 81, [claim(1, 80), claim(2, 80)], [79, 2]),  # but a session can be begun
        (Sharing.FIRST_COME, 100, [claim(1, 30, most_kw=80), claim(2, 80)], [30, 70]),
        (Sharing.WEIGHT, 90, [claim(1, 80, weight=2), claim(2, 80)], [60, 30]),
        (Sharing.WEIGHT, 90, [claim(1, 40, weight=2), claim(2, 80)], [40, 50]),
        (Sharing.WEIGHT, 90, [claim(1, 80, weight=100), claim(2, 80, floor_kw=12)], [78, 12]),
        (Sharing.EQUAL, 100, [claim(1, 80, weight=9), claim(2, 80)], [50, 50]),
        (Sharing.EQUAL, 100, [claim(1, 0), claim(2, 80)], [0, 80]),
    ],
)
def test_each_policy_on_examples(how: Sharing, budget_kw: float, asked: list[Claim], expected_kw: list[float]) -> None:
    """In the order of arrival."""
    assert [share_w / 1000 for share_w in divide(how, 1000 * budget_kw, asked).values()] == [pytest.approx(one) for one in expected_kw]
