"""Charging profiles as the cases set them, and what they take for the schedule that follows from them."""

from __future__ import annotations

import pytest

from chargerd.bench.charging_profiles import DEFAULT, OF_TRANSACTION, RELATIVE, Composite, Profile, Steps
from chargerd.bench.verdict import CaseFailedError
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.rpc import Payload
from chargerd.ocpp.schema import check_request

BEGAN_UTC_S = 1_800_000_000.0


def answer(*periods: tuple[int, float], connector: int = 1, duration_s: int = 300, unit: str = "A", after_s: float = 30.0) -> Payload:
    told = [{"startPeriod": at_s, "limit": limit} for at_s, limit in periods]
    schedule = {"duration": duration_s, "chargingRateUnit": unit, "chargingSchedulePeriod": told}
    start = render_time(BEGAN_UTC_S + after_s)
    return {"status": "Accepted", "connectorId": connector, "scheduleStart": start, "chargingSchedule": schedule}


@pytest.mark.parametrize(("unit", "limits"), [("A", [6, 8]), ("W", [6000, 8000])])
def test_a_profile_is_sent_in_its_unit(unit: str, limits: list[int]) -> None:
    """Figures are thousands of watts; it passes the schema and is valid from when its schedule begins."""
    profile = Profile(number=4, purpose=DEFAULT, steps=((0, 6), (60, 8)), duration_s=300, level=2)
    payload = profile.payload(unit, BEGAN_UTC_S)
    assert check_request("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": payload}) is None
    assert payload == {
        "chargingProfileId": 4,
        "stackLevel": 2,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "validFrom": "2027-01-15T08:00:00.000Z",
        "validTo": "2027-01-16T08:00:00.000Z",
        "chargingSchedule": {
            "duration": 300,
            "startSchedule": "2027-01-15T08:00:00.000Z",
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limits[0]}, {"startPeriod": 60, "limit": limits[1]}],
        },
    }


def test_a_relative_profile_has_no_start_and_one_of_a_transaction_its_number() -> None:
    """As a remote start has it, and as SetChargingProfile has it."""
    relative = Profile(number=1, purpose=OF_TRANSACTION, steps=((0, 6),), duration_s=None, kind=RELATIVE).payload("A", BEGAN_UTC_S)
    assert set(relative["chargingSchedule"]) == {"chargingRateUnit", "chargingSchedulePeriod"}
    assert "transactionId" not in relative
    absolute = Profile(number=1, purpose=OF_TRANSACTION, steps=((0, 6),), duration_s=None, transaction=7).payload("A", BEGAN_UTC_S)
    assert absolute["transactionId"] == 7
    for payload in (relative, absolute):
        assert check_request("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": payload}) is None


@pytest.mark.parametrize(
    ("periods", "figures"),
    [
        ([(0, 6)], [(0, 6)]),
        ([(0, 8), (20, 10), (170, 6)], [(0, 8), (50, 10), (200, 6)]),
        ([(0, 8), (21, 10), (170, 5.9)], [(0, 8), (50, 10), (200, 6)]),  # rounded
        ([(0, 8), (20, 10), (90, 10), (170, 6)], [(0, 8), (50, 10), (200, 6)]),  # a period that changes nothing
    ],
)
def test_what_the_figures_come_to(periods: list[tuple[int, float]], figures: Steps) -> None:
    """Thirty seconds after they began each of them comes thirty seconds sooner."""
    Composite.of(answer(*periods), 1, 300, "A").check(figures, BEGAN_UTC_S)


@pytest.mark.parametrize(
    "periods",
    [
        [(0, 8)],  # without the rest
        [(0, 8), (50, 10)],  # as if it began now
        [(0, 8), (22, 10)],
        [(0, 8), (20, 10.2)],
        [(0, 8), (20, 10), (100, 16)],  # and then more
    ],
)
def test_another_schedule_fails_the_case(periods: list[tuple[int, float]]) -> None:
    """And is told, with the one that was to be."""
    with pytest.raises(CaseFailedError, match=r"the composite schedule is 8 A from 0\.0 s.*, not 8 A from 0\.0 s, 10 A from 20\.0 s"):
        Composite.of(answer(*periods), 1, 300, "A").check([(0, 8), (50, 10)], BEGAN_UTC_S)


def test_watts_are_compared_as_watts() -> None:
    """A thousand times the figure, to the tenth."""
    Composite.of(answer((0, 8000), unit="W"), 1, 300, "W").check([(0, 8)], BEGAN_UTC_S)
    with pytest.raises(CaseFailedError, match=r"7990 W from 0\.0 s, not 8000 W"):
        Composite.of(answer((0, 7990), unit="W"), 1, 300, "W").check([(0, 8)], BEGAN_UTC_S)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (answer((0, 6), connector=2), "'connectorId': 2"),
        (answer((0, 6), duration_s=299), "'duration': 299"),
        (answer((0, 6), unit="W"), "'chargingRateUnit': 'W'"),
        (answer((5, 6)), "the first period does not begin with the schedule"),
        (answer(), "the first period does not begin with the schedule"),
        ({"status": "Accepted"}, "'connectorId': None"),
        ({name: value for name, value in answer((0, 6)).items() if name != "scheduleStart"}, "without scheduleStart"),
    ],
)
def test_an_answer_to_something_else_fails_the_case(told: Payload, words: str) -> None:
    """Another connector, time or unit; no schedule at all."""
    with pytest.raises(CaseFailedError, match=words):
        Composite.of(told, 1, 300, "A")
