"""Charging profiles as functions of time: each rule by figures, and all of them against a second, naive reading of the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.composite import Electrics, lowest, merged, periods, summed
from chargerd.core.schedule import (
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Recurrency,
    Stretch,
    Stretches,
    Window,
    applicable_defaults,
    at,
    next_change_ms,
    session_stretches,
    stacked,
    station_stretches,
    stretches,
)
from tests.support.naive_schedule import Said, highest_at, is_valid, lowest_at, profile_at, session_at

A, W = RateUnit.AMPERES, RateUnit.WATTS
ABSOLUTE, RECURRING, RELATIVE = Kind.ABSOLUTE, Kind.RECURRING, Kind.RELATIVE
DAILY, WEEKLY = Recurrency.DAILY, Recurrency.WEEKLY
AC3, AC1, DC = Electrics(Decimal(230), 3), Electrics(Decimal(230), 1), Electrics(Decimal(400), None)
DAY_S, WEEK_S = 86_400, 604_800
T0 = 1_800_000_000_000


def profile(
    limits: dict[int, int | str],
    kind: Kind = ABSOLUTE,
    *,
    number: int = 1,
    level: int = 0,
    phases: int | None = None,
    unit: RateUnit = A,
    recurrency: Recurrency | None = None,
    start_ms: int | None = T0,
    **rest: int | None,
) -> Profile:
    """limits: seconds after the start to what is allowed from there on."""
    steps = tuple(Period(start_s, Decimal(limit), phases) for start_s, limit in limits.items())
    return Profile(
        profile_id=number,
        stack_level=level,
        purpose=Purpose.DEFAULT,
        kind=kind,
        unit=unit,
        periods=steps,
        recurrency=recurrency,
        start_ms=None if kind is RELATIVE else start_ms,
        **rest,  # type: ignore[arg-type]
    )


def window(begin_s: int, end_s: int) -> Window:
    """In seconds after T0."""
    return Window(T0 + 1000 * begin_s, T0 + 1000 * end_s)


def validity(from_s: int, to_s: int) -> dict[str, int]:
    """In seconds after T0."""
    return {"valid_from_ms": T0 + 1000 * from_s, "valid_to_ms": T0 + 1000 * to_s}


def shown(known: Stretches, zero_ms: int = T0) -> list[tuple[int, int, str]]:
    """Begin and end in seconds, and the limit."""
    return [((one.begin_ms - zero_ms) // 1000, (one.end_ms - zero_ms) // 1000, str(one.limit)) for one in known]


def told(known: Stretches, within: Window, unit: RateUnit = A, electrics: Electrics = AC3) -> dict[int, str]:
    """The periods, with a comma the phases."""
    listed = periods(known, within, unit, electrics)
    return {one.start_s: f"{one.limit}" + (f", {one.phases}" if one.phases else "") for one in listed}


# --- one profile ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "within", "expected"),
    [
        (profile({0: 6}), (-10, 100), [(0, 100, "6")]),
        (profile({0: 6, 40: 8}), (10, 30), [(10, 30, "6")]),
        (profile({0: 6, 40: 8}, duration_s=60), (0, 100), [(0, 40, "6"), (40, 60, "8")]),  # the last one extends to the duration
        (profile({0: 6, 40: 8, 70: 9}, duration_s=60), (0, 100), [(0, 40, "6"), (40, 60, "8")]),  # what comes after it is not executed
        (profile({0: 6, 40: 8, 60: 9}, duration_s=60), (0, 100), [(0, 40, "6"), (40, 60, "8")]),
        (profile({0: 6}, duration_s=0), (0, 100), []),
        (profile({0: 6}, duration_s=10), (10, 100), []),
        (profile({0: 6}, duration_s=10), (-10, 0), []),
        (profile({5: 6}, duration_s=10), (0, 100), [(5, 10, "6")]),
        (profile({0: 6, 40: 8}), (100, 50), []),
        (profile({0: 6, 40: 8}, valid_from_ms=T0 + 20_000), (0, 100), [(20, 40, "6"), (40, 100, "8")]),
        (profile({0: 6, 40: 8}, valid_to_ms=T0 + 41_000), (0, 100), [(0, 40, "6"), (40, 41, "8")]),
        (profile({0: 6, 40: 8}, valid_to_ms=T0 + 40_000), (0, 100), [(0, 40, "6")]),
        (profile({0: 6}, **validity(50, 40)), (0, 100), []),
        (profile({0: 6, 40: 8}, RELATIVE, duration_s=60), (0, 100), [(7, 47, "6"), (47, 67, "8")]),
        (profile({0: 6, 40: 8}, RELATIVE, valid_from_ms=T0 + 20_000), (0, 100), [(20, 47, "6"), (47, 100, "8")]),  # nothing is put off
    ],
)
def test_one_profile(one: Profile, within: tuple[int, int], expected: list[tuple[int, int, str]]) -> None:
    """Begin, end and limit; the transaction began at 7 s."""
    assert shown(stretches(one, window(*within), T0 + 7000)) == expected


@pytest.mark.parametrize(
    ("one", "within", "expected"),
    [
        (profile({0: 6}, RECURRING, recurrency=DAILY), (-1, DAY_S + 1), [(0, DAY_S, "6"), (DAY_S, DAY_S + 1, "6")]),  # not before its start
        (
            profile({0: 6, 100: 8}, RECURRING, recurrency=DAILY, duration_s=200),
            (0, 2 * DAY_S),
            [(0, 100, "6"), (100, 200, "8"), (DAY_S, DAY_S + 100, "6"), (DAY_S + 100, DAY_S + 200, "8")],
        ),
        (
            profile({0: 6, 100: 8}, RECURRING, recurrency=WEEKLY, duration_s=200),
            (DAY_S, WEEK_S + 150),
            [(WEEK_S, WEEK_S + 100, "6"), (WEEK_S + 100, WEEK_S + 150, "8")],
        ),
        (  # what reaches beyond the recurrence is cut off by the next one
            profile({0: 6, DAY_S - 10: 7, DAY_S: 8, DAY_S + 10: 9}, RECURRING, recurrency=DAILY, duration_s=2 * DAY_S),
            (5 * DAY_S - 20, 5 * DAY_S + 30),
            [(-20, -10, "6"), (-10, 0, "7"), (0, 30, "6")],
        ),
        (profile({0: 6}, RECURRING, recurrency=DAILY, duration_s=100), (DAY_S + 100, 2 * DAY_S), []),
        (
            profile({0: 6, 50: 8}, RECURRING, recurrency=DAILY, **validity(DAY_S + 60, DAY_S + 70)),
            (0, 3 * DAY_S),
            [(DAY_S + 60, DAY_S + 70, "8")],
        ),
    ],
)
def test_a_recurring_profile(one: Profile, within: tuple[int, int], expected: list[tuple[int, int, str]]) -> None:
    """As above; negative seconds in the middle one count from its fifth recurrence."""
    zero_s = 5 * DAY_S if within[0] == 5 * DAY_S - 20 else 0
    assert shown(stretches(one, window(*within), 0), T0 + 1000 * zero_s) == expected


@pytest.mark.parametrize(
    ("recurrency", "start", "probe", "expected"),
    [
        (DAILY, "2028-02-28T18:00", "2028-02-29T17:59:59.999", "10"),
        (DAILY, "2028-02-28T18:00", "2028-02-29T18:00", "6"),
        (DAILY, "2028-02-28T18:00", "2028-02-29T20:00", "10"),
        (DAILY, "2028-02-29T18:00", "2028-03-01T18:00", "6"),
        (DAILY, "2027-03-01T18:00", "2028-02-29T19:59:59.999", "6"),
        (DAILY, "2028-03-25T18:00", "2028-03-26T18:00", "6"),  # the clocks of Europe go forward in between: UTC does not
        (WEEKLY, "2028-02-22T18:00", "2028-02-29T18:00", "6"),
        (WEEKLY, "2028-02-22T18:00", "2028-02-28T18:00", "10"),
        (WEEKLY, "2028-02-29T18:00", "2028-03-07T18:00", "6"),
        (WEEKLY, "2028-02-29T18:00", "2028-03-07T17:59:59.999", "10"),
        (WEEKLY, "2028-02-29T18:00", "2028-02-29T17:00", None),
    ],
)
def test_days_and_weeks_of_the_calendar(recurrency: Recurrency, start: str, probe: str, expected: str | None) -> None:
    """Two hours of 6 A at each recurrence, 10 A otherwise."""
    one = profile({0: 6, 7200: 10}, RECURRING, recurrency=recurrency, start_ms=utc_ms(start))
    found = at(stretches(one, Window(utc_ms("2028-02-01T00:00"), utc_ms("2028-04-01T00:00")), 0), utc_ms(probe))
    assert (None if found is None else str(found.limit)) == expected


def utc_ms(iso: str) -> int:
    return round(datetime.fromisoformat(iso + "+00:00").timestamp() * 1000)


# --- the purposes -----------------------------------------------------------------------------------------------------------------------

MAXIMUM = profile({0: 10}, number=9, duration_s=86_400)
TC_066_DEFAULT = profile({0: 6, 60: 10, 120: 8, 180: 15, 260: 8}, number=8, duration_s=300)
TC_066_OWN = profile({0: 8, 50: 11, 140: 16, 200: 6, 240: 12}, number=7, duration_s=260)
TC_067_DEFAULTS = [profile({0: 6, 60: 8, 200: 10}, level=1, duration_s=400), profile({0: 7, 100: 9}, level=0, duration_s=400)]
TC_067_MAXIMUM = profile({0: 11, 200: 12}, duration_s=400)
TC_072_DEFAULTS = [profile({0: 6, 100: 8, 200: 10}, level=0, duration_s=400), profile({0: 7, 100: 9}, level=1, duration_s=150)]


@pytest.mark.parametrize(
    ("own", "defaults", "maxima", "length_s", "expected"),
    [
        ([], [profile({0: 6}, duration_s=300)], [], 300, {0: 6}),  # TC_056
        ([TC_066_OWN], [TC_066_DEFAULT], [MAXIMUM], 400, {0: 8, 50: 10, 200: 6, 240: 10}),  # TC_066
        ([], TC_067_DEFAULTS, [TC_067_MAXIMUM], 350, {0: 6, 60: 8, 200: 10}),  # TC_067, before anything is cleared
        ([], TC_067_DEFAULTS[1:], [TC_067_MAXIMUM], 350, {0: 7, 100: 9}),
        ([], [], [TC_067_MAXIMUM], 350, {0: 11, 200: 12}),
        ([], [], [], 350, {}),
        ([], TC_072_DEFAULTS, [], 350, {0: 7, 100: 9, 150: 8, 200: 10}),  # TC_072
    ],
)
@pytest.mark.parametrize("passed_s", [0, 7])
@pytest.mark.parametrize(("unit", "electrics"), [(A, AC3), (A, DC), (W, AC3), (W, DC)])
def test_the_conformance_cases(
    own: list[Profile],
    defaults: list[Profile],
    maxima: list[Profile],
    length_s: int,
    expected: dict[int, int],
    passed_s: int,
    unit: RateUnit,
    electrics: Electrics,
) -> None:
    """The figures of the test tool, asked for at once and some seconds later, in A and as thousands of W."""
    scale = 1 if unit is A else 1000
    own, defaults, maxima = ([scaled(one, unit, scale) for one in group] for group in (own, defaults, maxima))
    within = window(passed_s, passed_s + length_s)
    session = session_stretches(own, defaults, within, T0)
    whole = lowest(session, station_stretches(maxima, within), electrics)
    later = {max(start_s - passed_s, 0): str(scale * limit) for start_s, limit in expected.items()}
    assert told(whole, within, unit, electrics) == later


def scaled(one: Profile, unit: RateUnit, scale: int) -> Profile:
    limits: dict[int, int | str] = {period.start_s: int(period.limit) * scale for period in one.periods}
    return profile(limits, unit=unit, number=one.profile_id, level=one.stack_level, duration_s=one.duration_s)


def test_a_transactions_own_profile_silences_the_defaults_while_it_is_valid() -> None:
    """Before, in its gap and after its schedule too; but not outside its validity."""
    own = profile({0: 6}, start_ms=T0 + 30_000, duration_s=10, **validity(20, 60))
    defaults = [profile({0: 16}), profile({0: 20}, level=5, duration_s=10)]
    assert shown(session_stretches([own], defaults, window(0, 100), T0)) == [
        (0, 10, "20"),
        (10, 20, "16"),
        (30, 40, "6"),
        (60, 100, "16"),
    ]


def test_own_profiles_stack_above_a_silence() -> None:
    """Where the upper has ended the lower shows through, then nobody."""
    own = [profile({0: 8}, level=1, duration_s=50), profile({0: 6}, level=2, duration_s=20)]
    assert shown(session_stretches(own, [profile({0: 16}, level=9)], window(0, 100), T0)) == [(0, 20, "6"), (20, 50, "8")]


@pytest.mark.parametrize(
    ("started_ms", "expected"),
    [
        (T0 - 30_000, [(20, 70, "8")]),
        (T0 + 20_000, [(20, 60, "6"), (60, 120, "8")]),
        (None, [(20, 60, "6"), (60, 120, "8")]),  # it would begin with the window
        (T0 + 50_000, [(50, 90, "6"), (90, 120, "8")]),
    ],
)
def test_a_relative_profile_begins_with_the_transaction(started_ms: int | None, expected: list[tuple[int, int, str]]) -> None:
    """40 s of 6 A, then 60 s of 8 A."""
    one = profile({0: 6, 40: 8}, RELATIVE, duration_s=100)
    assert shown(session_stretches([], [one], window(20, 120), started_ms)) == expected


def test_the_station_maximum_stacks() -> None:
    """As every purpose does."""
    maxima = [profile({0: 32}), profile({0: 10}, level=3, duration_s=10, start_ms=T0 + 40_000)]
    assert shown(station_stretches(maxima, window(0, 100))) == [(0, 40, "32"), (40, 50, "10"), (50, 100, "32")]


def test_a_connectors_default_replaces_that_of_the_station_at_its_level() -> None:
    """At the other levels that of the station stays; so does its own level's where the connector's says nothing just now."""
    station = [profile({0: 6}, number=1, level=0), profile({0: 7}, number=2, level=1)]
    connector = [profile({0: 8}, number=3, level=1, duration_s=10), profile({0: 9}, number=4, level=2, duration_s=5)]
    chosen = applicable_defaults(station, connector)
    assert sorted(one.profile_id for one in chosen) == [1, 3, 4]
    assert shown(session_stretches([], chosen, window(0, 20), None)) == [(0, 5, "9"), (5, 10, "8"), (10, 20, "6")]
    assert applicable_defaults(station, []) == station


# --- units ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("electrics", "phases", "w_per_a", "drawn_per_a"),
    [
        (AC3, None, 690, 690),
        (AC3, 3, 690, 690),
        (AC3, 1, 690, 690),  # all three phases are in use: what one might have is shared out over them
        (AC3, 2, 690, 690),
        (AC1, None, 690, 230),  # the two that are missing get nothing, the one that is there no more
        (AC1, 3, 690, 230),
        (AC1, 2, 460, 230),
        (AC1, 1, 230, 230),
        (DC, None, 400, 400),
        (DC, 1, 400, 400),
        (DC, 3, 400, 400),
    ],
)
def test_units(electrics: Electrics, phases: int | None, w_per_a: int, drawn_per_a: int) -> None:
    """A of each phase, W of all. w_per_a: how many watts of a limit give an ampere; drawn_per_a: how many flow with it."""
    limit = Decimal("16.5")
    assert electrics.amperes(limit * w_per_a, W, phases) == electrics.amperes(limit, A, phases) == limit
    assert electrics.watts(limit, A) == electrics.drawn_w(limit, A, phases) == limit * drawn_per_a
    assert electrics.drawn_w(limit * w_per_a, W, phases) == limit * drawn_per_a
    assert electrics.watts(limit, W) == limit


def test_amperes_that_do_not_come_out_even_keep_28_digits() -> None:
    """And no float is on the way."""
    assert AC3.amperes(Decimal(1000), W, None) == Decimal("1.449275362318840579710144928")


@pytest.mark.parametrize(
    ("one", "other", "electrics", "winner"),
    [
        (Stretch(0, 9, Decimal(16), A), Stretch(0, 9, Decimal(11_000), W), AC3, 1),
        (Stretch(0, 9, Decimal(16), A), Stretch(0, 9, Decimal(11_040), W), AC3, 0),  # equal: the first one
        (Stretch(0, 9, Decimal(11_040), W), Stretch(0, 9, Decimal(16), A), AC3, 0),
        (Stretch(0, 9, Decimal(16), A), Stretch(0, 9, Decimal(11_041), W), AC3, 0),
        (Stretch(0, 9, Decimal(16), A), Stretch(0, 9, Decimal(3_680), W, 1), AC1, 0),
        (Stretch(0, 9, Decimal(16), A), Stretch(0, 9, Decimal(3_679), W, 1), AC1, 1),
        (Stretch(0, 9, Decimal(6), A), Stretch(0, 9, Decimal(3_680), W, 1), AC3, 1),
        (Stretch(0, 9, Decimal(6), A), Stretch(0, 9, Decimal(2_401), W), DC, 0),
        (Stretch(0, 9, Decimal(6), A), Stretch(0, 9, Decimal(2_399), W), DC, 1),
        (Stretch(0, 9, None, A), Stretch(0, 9, Decimal(2_399), W), DC, 1),
        (Stretch(0, 9, Decimal(0), A), Stretch(0, 9, None, W), DC, 0),
    ],
)
def test_the_lower_of_two_units(one: Stretch, other: Stretch, electrics: Electrics, winner: int) -> None:
    """Compared in A; what wins stays as it was given."""
    assert lowest([one], [other], electrics) == [(one, other)[winner]]


def test_the_lowest_in_time() -> None:
    """Gaps on either side, and a stretch that is cut in two but not at boundaries that change nothing."""
    one = [Stretch(0, 10, Decimal(6), A, 3, 1), Stretch(20, 50, Decimal(8), A, 3, 2)]
    other = [Stretch(5, 7, Decimal(9), A), Stretch(7, 8, Decimal(10), A), Stretch(15, 25, None, A), Stretch(30, 40, Decimal(7), A, None, 3)]
    assert lowest(one, other, AC3) == [
        one[0],
        Stretch(20, 30, Decimal(8), A, 3, 2),
        Stretch(30, 40, Decimal(7), A, None, 3),
        Stretch(40, 50, Decimal(8), A, 3, 2),
    ]
    assert lowest(other, [], AC3) == [other[0], other[1], other[3]] == lowest([], other, AC3)
    assert lowest([], [], AC3) == []


def test_the_sum_in_watts() -> None:
    """Only where all say something, only in the window, and as one while it is the same."""
    one = [Stretch(0, 10, Decimal(10), A), Stretch(10, 30, Decimal(20), A), Stretch(35, 50, Decimal(1), A)]
    other = [Stretch(0, 10, Decimal(4000), W), Stretch(10, 20, None, A), Stretch(20, 100, Decimal(6), A, 1)]
    third = [Stretch(0, 100, Decimal(300), W)]  # meant for three phases, of which it has one
    parts = [(one, AC3), (other, DC), (third, AC1)]
    assert summed(parts, Window(2, 40)) == [
        Stretch(2, 10, Decimal(6900 + 4000 + 100), W),
        Stretch(20, 30, Decimal(13_800 + 2400 + 100), W),
        Stretch(35, 40, Decimal(690 + 2400 + 100), W),
    ]
    even = [(one[:2], AC3), ([Stretch(0, 10, Decimal(7000), W), Stretch(10, 20, Decimal(100), W)], AC3)]
    assert summed(even, Window(0, 30)) == [Stretch(0, 20, Decimal(13_900), W)]
    broken = [([Stretch(0, 10, Decimal(5), W), Stretch(11, 20, Decimal(5), W)], DC)]
    assert summed(broken, Window(0, 30)) == broken[0][0]
    assert summed(parts, Window(40, 40)) == summed([], Window(0, 10)) == []


# --- looked up and told -----------------------------------------------------------------------------------------------------------------


def test_at_and_the_next_change() -> None:
    """Begins belong to a stretch, ends do not; where there is no limit there is nothing."""
    known = [Stretch(10, 20, Decimal(6), A), Stretch(20, 30, Decimal(8), A), Stretch(30, 35, None, A), Stretch(40, 50, Decimal(6), A)]
    holds = {9: None, 10: 0, 19: 0, 20: 1, 29: 1, 30: None, 35: None, 39: None, 40: 3, 49: 3, 50: None}
    assert {at_ms: at(known, at_ms) for at_ms in holds} == {
        at_ms: None if index is None else known[index] for at_ms, index in holds.items()
    }
    changes = {0: 10, 9: 10, 10: 20, 19: 20, 20: 30, 30: 40, 35: 40, 39: 40, 40: 50, 49: 50, 50: None, 51: None}
    assert {after_ms: next_change_ms(known, after_ms) for after_ms in changes} == changes
    assert (at([], 0), next_change_ms([], 0)) == (None, None)


def test_merged_rounds_down_and_joins_what_says_the_same() -> None:
    """Across profiles, but not across a gap; the phases only of what was given in this unit, absent ones meaning three."""
    known = [
        Stretch(0, 10, Decimal("6.09"), A, 3, 1),
        Stretch(10, 20, Decimal("6.0"), A, None, 2),
        Stretch(20, 30, Decimal("6.0"), A, 1, 2),
        Stretch(30, 35, None, A),
        Stretch(40, 50, Decimal("6.0"), A, 1, 2),
        Stretch(50, 60, Decimal(4200), W, 1, 3),
    ]
    six = Decimal(6)
    assert merged(known, A, AC3) == [(0, 20, six, 3), (20, 30, six, 1), (40, 50, six, 1), (50, 60, six, None)]
    assert merged(known, W, AC3) == [
        (0, 10, Decimal("4202.1"), None),
        (10, 30, Decimal(4140), None),
        (40, 50, Decimal(4140), None),
        (50, 60, Decimal(4200), 1),
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(0, 6), (10_000, 8), (20_000, 6)], {0: "6", 10: "8", 20: "6"}),
        ([(0, 6), (10_001, 8), (20_001, 6)], {0: "6", 11: "8", 20: "6"}),
        ([(0, 6), (10_999, 8), (20_999, 6)], {0: "6", 11: "8", 20: "6"}),
        ([(0, 6), (10_100, 8), (10_900, 6)], {0: "6"}),  # less than a second of more: nothing of it is told
        ([(0, 6), (10_100, 4), (10_900, 6)], {0: "6", 10: "4", 11: "6"}),  # and all of it of less
        ([(0, 6), (10_100, 4), (10_500, 8), (10_900, 5)], {0: "6", 10: "4", 11: "5"}),
        ([(0, 6), (10_100, 8), (10_500, 9), (10_900, 7)], {0: "6", 11: "7"}),
        ([(0, 6), (10_100, 8), (11_000, 5), (11_500, 8)], {0: "6", 11: "5", 12: "8"}),
        ([(-500, 6), (400, 8)], {0: "6", 1: "8"}),
        ([(-500, 6), (400, 5)], {0: "5"}),
        ([(-5000, 9), (-2000, 6)], {0: "6"}),
        ([(-5000, 9), (0, None), (2500, 6)], {0: "6"}),
        ([(2500, 6), (4000, 7)], {0: "6", 4: "7"}),  # nothing is said before: the first one begins at once
        ([(0, 6), (29_500, 8)], {0: "6"}),  # it would begin when all is over
        ([(0, 6), (29_500, 5), (30_000, 4)], {0: "6", 29: "5"}),
        ([(0, 6), (5000, None), (8500, 6), (9500, None), (12_500, 9), (15_000, None), (16_500, 7)], {0: "6", 13: "9", 16: "7"}),
        ([(0, None)], {}),
        ([(40_000, 6)], {}),
    ],
)
def test_periods_never_tell_more_than_holds(steps: list[tuple[int, int | None]], expected: dict[int, str]) -> None:
    """Steps in ms, a window of 30 s: a rise is told at the next whole second, a drop at the last one."""
    ends = [begin_ms for begin_ms, _ in steps[1:]] + [50_000]
    known = [
        Stretch(T0 + begin_ms, T0 + end_ms, Decimal(limit), A)
        for (begin_ms, limit), end_ms in zip(steps, ends, strict=True)
        if limit is not None
    ]
    assert told(known, window(0, 30)) == expected


def test_periods_tell_the_phases() -> None:
    """More of them at the same current are more."""
    known = [
        Stretch(T0, T0 + 1500, Decimal(6), A, 1),
        Stretch(T0 + 1500, T0 + 3500, Decimal(6), A, None),
        Stretch(T0 + 3500, T0 + 9000, Decimal(6), A, 1),
    ]
    assert told(known, window(0, 9)) == {0: "6, 1", 2: "6", 3: "6, 1"}
    assert told(known, window(0, 9), W) == {0: "4140"}


# --- all of it, against the naive reading -----------------------------------------------------------------------------------------------

# instants lie close together around whole days and weeks, so that boundaries often fall on one another
DAYS = st.sampled_from([0, 0, 0, DAY_S, 7 * DAY_S, 8 * DAY_S])
MOMENTS = st.builds(lambda day, second, ms: 1000 * (day + second) + ms, DAYS, st.integers(0, 12), st.sampled_from([0, 0, 0, 1, 500, 999]))
WINDOWS = st.tuples(MOMENTS, MOMENTS).map(sorted).map(lambda ends: Window(*ends))
STARTS_S = st.lists(
    st.one_of(st.integers(1, 12), st.integers(DAY_S - 2, DAY_S + 2), st.integers(WEEK_S - 2, WEEK_S + 2)), max_size=4, unique=True
)
DURATIONS_S = st.one_of(st.none(), st.integers(0, 14), st.integers(DAY_S - 2, DAY_S + 2), st.integers(WEEK_S - 2, WEEK_S + 2))
LIMITS = {A: st.sampled_from(["0", "6", "8", "8.05", "16"]), W: st.sampled_from(["0", "4140", "5520", "5554.5", "3200", "11040"])}
PHASES = st.sampled_from([None, None, 1, 2, 3])
ELECTRICS = st.sampled_from([AC3, AC1, DC])


@st.composite
def profiles(draw: st.DrawFn) -> list[Profile]:
    """No two with the same level."""
    levels = draw(st.lists(st.integers(0, 9), max_size=4, unique=True))
    return [draw(one_profile(level)) for level in levels]


@st.composite
def one_profile(draw: st.DrawFn, level: int = 0) -> Profile:
    kind, unit = draw(st.sampled_from(Kind)), draw(st.sampled_from(RateUnit))
    steps = [draw(st.sampled_from([0, 0, 0, 3])), *sorted(start_s for start_s in draw(STARTS_S) if start_s > 3)]
    return Profile(
        profile_id=draw(st.integers(1, 9)),
        stack_level=level,
        purpose=Purpose.TRANSACTION,
        kind=kind,
        unit=unit,
        periods=tuple(Period(start_s, Decimal(draw(LIMITS[unit])), draw(PHASES)) for start_s in steps),
        recurrency=draw(st.sampled_from(Recurrency)) if kind is RECURRING else None,
        start_ms=None if kind is RELATIVE else draw(MOMENTS),
        duration_s=draw(DURATIONS_S),
        valid_from_ms=draw(st.one_of(st.none(), st.none(), MOMENTS)),
        valid_to_ms=draw(st.one_of(st.none(), st.none(), MOMENTS)),
    )


def instants(used: Iterable[Profile], relative_to_ms: int, within: Window, drawn: Iterable[int]) -> list[int]:
    """Where something may begin or end in the window, and 1 ms before; some other instants too."""
    found = {within.begin_ms, within.end_ms, *drawn}
    for one in used:
        start_ms = relative_to_ms if one.start_ms is None else one.start_ms
        offsets = [0, *(1000 * period.start_s for period in one.periods), 1000 * (one.duration_s or 0)]
        days = range(10) if one.kind is RECURRING else (0,)
        found |= {start_ms + 1000 * day * DAY_S + offset for day in days for offset in offsets}
        found |= {edge for edge in (one.valid_from_ms, one.valid_to_ms) if edge is not None}
    return sorted(instant for edge in found for instant in (edge - 1, edge) if within.begin_ms <= instant < within.end_ms)


def said_at(known: Stretches, at_ms: int) -> Said | None:
    found = at(known, at_ms)
    if found is None:
        return None
    assert found.limit is not None
    assert found.begin_ms <= at_ms < found.end_ms
    return Said(found.limit, found.unit, found.phases, found.profile or 0)


def check_shape(known: Stretches, within: Window) -> None:
    """In order, none empty, without overlap and in the window."""
    assert all(within.begin_ms <= one.begin_ms < one.end_ms <= within.end_ms for one in known)
    assert all(earlier.end_ms <= later.begin_ms for earlier, later in pairwise(known))


@given(one_profile(), WINDOWS, MOMENTS, st.lists(MOMENTS, max_size=4))
def test_one_profile_says_what_the_text_says(one: Profile, within: Window, started_ms: int, drawn: list[int]) -> None:
    """At each boundary, just before it, and anywhere."""
    known = stretches(one, within, started_ms)
    check_shape(known, within)
    for at_ms in instants([one], started_ms, within, drawn):
        assert said_at(known, at_ms) == profile_at(one, at_ms, started_ms)


@given(profiles(), profiles(), profiles(), WINDOWS, st.one_of(st.none(), MOMENTS), ELECTRICS, st.lists(MOMENTS, max_size=4))
def test_a_session_and_the_station_say_what_the_text_says(
    own: list[Profile],
    defaults: list[Profile],
    maxima: list[Profile],
    within: Window,
    started_ms: int | None,
    electrics: Electrics,
    drawn: list[int],
) -> None:
    """The session, the station's maximum and the lower of both."""
    begin_ms = within.begin_ms if started_ms is None else started_ms
    session, station = session_stretches(own, defaults, within, started_ms), station_stretches(maxima, within)
    both = lowest(session, station, electrics)
    for known in (session, station, both):
        check_shape(known, within)
    edges = {*instants([*own, *defaults], begin_ms, within, drawn), *instants(maxima, within.begin_ms, within, ())}
    for at_ms in sorted(edges):
        of_session, of_station = session_at(own, defaults, at_ms, begin_ms), highest_at(maxima, at_ms, within.begin_ms)
        assert (said_at(session, at_ms), said_at(station, at_ms)) == (of_session, of_station)
        assert said_at(both, at_ms) == lowest_at(of_session, of_station, electrics.volts, electrics.phases)
        if any(is_valid(one, at_ms) for one in own):
            assert session_at(own, [], at_ms, begin_ms) == of_session


@st.composite
def functions(draw: st.DrawFn) -> Stretches:
    """Any function of time, in hundredths of a second."""
    edges = sorted(draw(st.sets(st.integers(0, 60).map(lambda tick: 100 * tick), max_size=14)))
    made = []
    for begin_ms, end_ms in pairwise(edges):
        if draw(st.integers(0, 4)):
            unit = draw(st.sampled_from(RateUnit))
            limit = draw(st.one_of(*[LIMITS[unit].map(Decimal)] * 4, st.none()))
            made.append(Stretch(begin_ms, end_ms, limit, unit, draw(PHASES), draw(st.integers(1, 9))))
    return made


TICKS = range(-100, 6200, 50)


@given(functions())
def test_the_next_change_is_where_something_else_holds(known: Stretches) -> None:
    """Between two changes all stays, and at each one it does not."""
    for at_ms in TICKS:
        change_ms = next_change_ms(known, at_ms)
        until_ms = TICKS.stop if change_ms is None else change_ms
        assert at_ms < until_ms
        assert {id(at(known, later_ms)) for later_ms in range(at_ms, until_ms, 50)} == {id(at(known, at_ms))}
        assert change_ms is None or at(known, change_ms) is not at(known, change_ms - 1)


@given(st.lists(functions(), max_size=5))
def test_stacked_shows_the_first_that_is_there(layers: list[Stretches]) -> None:
    """One without a limit is there too."""
    whole = stacked(layers)
    check_shape(whole, Window(0, 6000))
    for at_ms in TICKS:
        there = [one for layer in layers for one in layer if one.begin_ms <= at_ms < one.end_ms]
        shown_there = [one for one in whole if one.begin_ms <= at_ms < one.end_ms]
        assert [facts(one) for one in shown_there] == [facts(one) for one in there[:1]]


def facts(one: Stretch) -> tuple[object, ...]:
    return one.limit, one.unit, one.phases, one.profile


@given(st.lists(st.tuples(functions(), ELECTRICS), max_size=4), st.integers(0, 60), st.integers(0, 60))
def test_the_sum_is_that_of_all(parts: list[tuple[Stretches, Electrics]], begin: int, end: int) -> None:
    """In W, at every instant of the window at which all say something."""
    within = Window(100 * begin, 100 * end)
    known = summed(parts, within)
    check_shape(known, within)
    assert all(earlier.end_ms < later.begin_ms or earlier.limit != later.limit for earlier, later in pairwise(known))
    for at_ms in TICKS:
        said = [one and one.drawn(electrics.volts, electrics.phases) for part, electrics in parts if [one := said_at(part, at_ms)]]
        is_known = parts and None not in said and within.begin_ms <= at_ms < within.end_ms
        expected = sum(power for power in said if power is not None) if is_known else None
        found = at(known, at_ms)
        assert (found is None) == (expected is None)
        if found is not None and found.limit is not None and expected is not None:
            assert abs(Fraction(found.limit) - expected) <= expected / 10**20  # thirds of a watt have no end


def in_unit(said: Said | None, unit: RateUnit, electrics: Electrics) -> tuple[Fraction, int] | None:
    """The limit in tenths rounded down, and the phases that count."""
    if said is None:
        return None
    limit = said.amperes(electrics.volts, electrics.phases) if unit is A else said.watts(electrics.volts, electrics.phases)
    return Fraction(limit * 10 // 1, 10), (said.phases or 3) if said.unit is unit else 3


@given(functions(), st.sampled_from(RateUnit), ELECTRICS)
def test_merged_says_the_same(known: Stretches, unit: RateUnit, electrics: Electrics) -> None:
    """In another unit, and no two that touch are equal."""
    rules = merged(known, unit, electrics)
    assert all(one[1] < two[0] or (one[2], one[3] or 3) != (two[2], two[3] or 3) for one, two in pairwise(rules))
    for at_ms in TICKS:
        found = [(Fraction(limit), phases or 3) for begin_ms, end_ms, limit, phases in rules if begin_ms <= at_ms < end_ms]
        said = in_unit(said_at(known, at_ms), unit, electrics)
        assert found == ([] if said is None else [said])


@given(functions(), st.integers(0, 60), st.integers(0, 6), st.sampled_from(RateUnit), ELECTRICS)
def test_periods_tell_the_least_of_each_second(known: Stretches, begin: int, length_s: int, unit: RateUnit, electrics: Electrics) -> None:
    """Where nothing is said the one before goes on, and the first one begins early."""
    within = Window(100 * begin, 100 * begin + 1000 * length_s)
    filled = fill([in_unit(said_at(known, at_ms), unit, electrics) for at_ms in range(within.begin_ms, within.end_ms, 100)])
    expected: list[tuple[int, tuple[Fraction, int]]] = []
    for second in range(length_s if filled else 0):
        least = min(filled[10 * second : 10 * second + 10])
        if not expected or expected[-1][1] != least:
            expected.append((second, least))
    listed = periods(known, within, unit, electrics)
    assert [(one.start_s, (Fraction(one.limit), one.phases or 3)) for one in listed] == expected


def fill(said: Sequence[tuple[Fraction, int] | None]) -> list[tuple[Fraction, int]]:
    filled: list[tuple[Fraction, int]] = []
    last = next((one for one in said if one is not None), None)
    for one in said:
        last = one or last
        if last is not None:
            filled.append(last)
    return filled
