"""Which cases apply to a product: by its PICS, and where that has no row by what the station shows."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from chargerd.bench.catalogue import CASES, chosen
from chargerd.bench.product import (
    CACHE,
    FIXED_CABLE,
    LIST_CAN_BE_OFF,
    LOCAL_LIST,
    LOCAL_START,
    LOCAL_STOP,
    LOCK_FEEDBACK,
    NO_LOCAL_LIST,
    NO_RESERVATIONS,
    NO_STATION_RESERVATIONS,
    OFFLINE_IDS,
    REMOTE_IDS_ASKED,
    RESERVATIONS,
    SEVERAL_PROFILES,
    SMART_CHARGING,
    SOCKETS,
    STATION_RESERVATIONS,
    STOPS_AFTER_POWER_IS_BACK,
    STOPS_BEFORE_POWER_IS_GONE,
    TRIGGERS,
    UNPLUGGED_MAY_GO_ON,
    UNPLUGGED_STOPS,
    Condition,
    Product,
)
from tests.support.bench_fakes import pics, product

# Of the 107 station cases of the OCTT 1.6 document in its editions of 2025.
NUMBERS = {
    "Core": """
    001 002 003 004_1 004_2 005_1 005_2 005_3 007_1 007_2 010 011_1 011_2 012 013 014 015 016 017_1 017_2 018_1 018_2 019 021 023_4 023_5
    024 026 027 028 030 031 032_1 032_2 034 036 037_1 037_2 037_3 038 039 040_1 040_2 041 061_1 061_2 062 068 069 070 071
""",
    "LocalAuthListManagement": "008_1 008_2 042_1 042_2 043 043_1 043_2 043_3",
    "Reservation": "046_1 046_2 047 048_1 048_2 048_3 048_4 049 050_1 050_2 050_3 050_4 051 052 053_1 053_2",
    "RemoteTrigger": "054 055",
    "SmartCharging": "056 057 058_1 058_2 059 060 066 067 072 082",
}


def test_every_case_is_there_once() -> None:
    """By number, in its profile, each with a name and a sentence about what it checks."""
    found = sorted((one.profile, one.number) for one in CASES)
    assert found == sorted((profile, f"TC_{number}_CS") for profile, numbers in NUMBERS.items() for number in numbers.split())
    for one in CASES:
        assert re.match(r"[A-Z].*\.$", one.checks), f"{one.number}: {one.checks!r}"
        assert one.name


def test_cases_are_chosen_by_number() -> None:
    """In the order of the document; a number that does not exist is told."""
    assert [one.number for one in chosen(["TC_012_CS", "TC_003_CS"])] == ["TC_003_CS", "TC_012_CS"]
    assert chosen([]) == CASES
    with pytest.raises(LookupError, match=r"there is no case TC_006_CS; there are TC_001_CS, "):
        chosen(["TC_003_CS", "TC_006_CS"])


def test_a_list_is_what_the_pics_says_or_what_is_shown() -> None:
    """LA-0; a list that cannot be switched off has no case of one that is off."""
    shown = {"LocalAuthListEnabled": ("true", False)}
    with_list, without = product(pics(), **shown), product(pics())
    assert (LOCAL_LIST.holds(with_list), NO_LOCAL_LIST.holds(with_list), LIST_CAN_BE_OFF.holds(with_list)) == (True, False, True)
    assert (LOCAL_LIST.holds(without), NO_LOCAL_LIST.holds(without), LIST_CAN_BE_OFF.holds(without)) == (False, True, True)
    assert not LIST_CAN_BE_OFF.holds(product(pics(), LocalAuthListEnabled=("true", True)))


OF_CONNECTORS = {"046_1", "046_2", "047", "048_1", "048_2", "048_3", "051", "052", "053_1", "053_2"}
OF_THE_STATION = {"049", "050_1", "050_2", "050_3"}
WITHOUT_ANY, WITHOUT_THOSE_OF_THE_STATION = {"048_4", "050_4"}, OF_CONNECTORS | {"050_4"}


@pytest.mark.parametrize(
    ("rows", "keys", "numbers"),
    [
        ({"R-0": True, "R-1": True}, {}, OF_CONNECTORS | OF_THE_STATION),
        ({"R-0": True, "R-1": False}, {"ReserveConnectorZeroSupported": ("true", True)}, WITHOUT_THOSE_OF_THE_STATION),
        ({"R-0": False, "R-1": True}, {"SupportedFeatureProfiles": ("Core,Reservation", True)}, WITHOUT_ANY),
        ({}, {"SupportedFeatureProfiles": ("Core, Reservation", True)}, WITHOUT_THOSE_OF_THE_STATION),
        (
            {},
            {"SupportedFeatureProfiles": ("Core,Reservation", True), "ReserveConnectorZeroSupported": ("true", True)},
            OF_CONNECTORS | OF_THE_STATION,
        ),
        (
            {},
            {"SupportedFeatureProfiles": ("Reservation,Core", True), "ReserveConnectorZeroSupported": ("false", True)},
            WITHOUT_THOSE_OF_THE_STATION,
        ),
        ({}, {"SupportedFeatureProfiles": ("Core", True), "ReserveConnectorZeroSupported": ("true", True)}, WITHOUT_ANY),
        ({}, {}, WITHOUT_ANY),
    ],
)
def test_reservations_are_what_the_pics_says_or_what_is_shown(
    rows: dict[str, bool], keys: dict[str, tuple[str, bool]], numbers: set[str]
) -> None:
    """R-0 and R-1; without the rows the profiles and ReserveConnectorZeroSupported."""
    stated = pics()
    stated["features"]["optional"] = rows
    one = product(stated, **keys)
    assert {case.number for case in CASES if case.profile == "Reservation" and case.applies.holds(one)} == {f"TC_{n}_CS" for n in numbers}
    assert RESERVATIONS.holds(one) is not NO_RESERVATIONS.holds(one)
    assert STATION_RESERVATIONS.holds(one) is not NO_STATION_RESERVATIONS.holds(one)


@pytest.mark.parametrize(
    ("row", "profiles", "holds"),
    [(True, "Core", True), (False, "Core,RemoteTrigger", False), (None, "Core, RemoteTrigger", True), (None, "Core", False)],
)
def test_triggers_are_what_the_pics_says_or_what_is_shown(row: bool | None, profiles: str, *, holds: bool) -> None:
    """RT-0; without the row the profiles."""
    stated = pics()
    stated["features"]["optional"] = {"RT-0": row}
    assert TRIGGERS.holds(product(stated, SupportedFeatureProfiles=(profiles, True))) is holds


@pytest.mark.parametrize(
    ("rows", "profiles", "holds"),
    [
        ({"SC-1.1": True, "SC-1.2": False}, "Core", True),
        ({"SC-1.1": None, "SC-1.2": True}, "Core", True),
        ({"SC-1.1": False, "SC-1.2": False}, "Core,SmartCharging", False),
        ({"SC-1.1": None, "SC-1.2": None}, "Core, SmartCharging", True),
        ({}, "Core,SmartCharging", True),
        ({}, "Core", False),
    ],
)
def test_charging_profiles_are_what_the_pics_says_or_what_is_shown(rows: dict[str, bool | None], profiles: str, *, holds: bool) -> None:
    """One of the units is enough; without both rows the profiles."""
    stated = pics()
    stated["features"]["optional"] = rows
    assert SMART_CHARGING.holds(product(stated, SupportedFeatureProfiles=(profiles, True))) is holds


@pytest.mark.parametrize(
    ("profiles", "periods", "holds"), [("3", "5", True), ("2", "5", False), ("3", "4", False), (None, "5", False), ("3", None, False)]
)
def test_a_case_of_several_profiles_needs_room_for_them(profiles: str | None, periods: str | None, *, holds: bool) -> None:
    """TC_066: three, one of them with five periods."""
    shown = {"MaxChargingProfilesInstalled": profiles, "ChargingScheduleMaxPeriods": periods}
    keys = {key: (value, True) for key, value in shown.items() if value is not None}
    assert SEVERAL_PROFILES.holds(product(pics(), **keys)) is holds


@pytest.mark.parametrize(
    ("shown", "units"), [("Current,Power", ["A", "W"]), ("Power, Current", ["A", "W"]), ("Power", ["W"]), ("Current", ["A"]), ("", [])]
)
def test_units_of_charging_profiles_are_those_that_are_shown(shown: str, units: list[str]) -> None:
    """By the words of the key; a station without the key says none."""
    assert product(pics(), ChargingScheduleAllowedChargingRateUnit=(shown, True)).rate_units == units
    assert product(pics()).rate_units == []


@pytest.mark.parametrize(("row", "condition"), [("C_04", CACHE), ("C_07", LOCAL_START), ("C_08", LOCAL_STOP)])
def test_a_row_of_the_pics_decides(row: str, condition: Condition) -> None:
    """Whatever the station shows."""
    keys = {"AuthorizationCacheEnabled": ("true", False)}
    assert condition.holds(product(pics(**{row: True})))
    assert not condition.holds(product(pics(**{row: False}), **keys))


def test_an_offline_start_needs_a_token_that_is_known() -> None:
    """The answer alone is not enough: a station without cache, list and AllowOfflineTxForUnknownId knows none (ECU-L7002S)."""
    keys = {"AuthorizationCacheEnabled": ("true", False)}
    assert OFFLINE_IDS.holds(product(pics(C_01=True), **keys))
    assert not OFFLINE_IDS.holds(product(pics(C_01=True)))
    assert not OFFLINE_IDS.holds(product(pics(C_01=False), **keys))


@pytest.mark.parametrize(
    ("condition", "keys", "holds"),
    [
        (OFFLINE_IDS, {"AuthorizationCacheEnabled": ("true", False)}, True),
        (OFFLINE_IDS, {"AllowOfflineTxForUnknownId": ("false", False)}, True),
        (OFFLINE_IDS, {"LocalAuthorizeOffline": ("true", False)}, False),
        (CACHE, {"AuthorizationCacheEnabled": ("false", False)}, True),
        (CACHE, {}, False),
        (UNPLUGGED_MAY_GO_ON, {"StopTransactionOnEVSideDisconnect": ("true", False)}, True),
        (UNPLUGGED_MAY_GO_ON, {"StopTransactionOnEVSideDisconnect": ("true", True)}, False),
        (UNPLUGGED_MAY_GO_ON, {}, False),
        (UNPLUGGED_STOPS, {}, True),
        (UNPLUGGED_STOPS, {"StopTransactionOnEVSideDisconnect": ("true", True)}, True),
        (UNPLUGGED_STOPS, {"StopTransactionOnEVSideDisconnect": ("false", True)}, False),
        (REMOTE_IDS_ASKED, {"AuthorizeRemoteTxRequests": ("false", False)}, True),
        (REMOTE_IDS_ASKED, {"AuthorizeRemoteTxRequests": ("true", True)}, True),
        (REMOTE_IDS_ASKED, {"AuthorizeRemoteTxRequests": ("false", True)}, False),
    ],
)
def test_without_a_row_the_keys_decide(condition: Condition, keys: dict[str, tuple[str, bool]], *, holds: bool) -> None:
    """A PICS that has no such row is a certificate of an older layout (ECU-L7002S)."""
    assert condition.holds(product(pics(), **keys)) is holds


def test_without_a_row_the_reader_decides() -> None:
    """Who has a reader starts and stops locally."""
    without = pics()
    without["hardware"]["features"]["HFS-10"]["value"] = None
    for condition in (LOCAL_START, LOCAL_STOP):
        assert condition.holds(Product(pics()))
        assert not condition.holds(Product(without))


@pytest.mark.parametrize(("early", "late"), [(True, False), (False, True), (None, None)])
def test_a_station_learns_of_a_power_loss_before_or_after(early: bool | None, late: bool | None) -> None:
    """One of the two cases applies to everybody."""
    stated = pics() | {"additional_questions": {"AQ-7.1": early, "AQ-7.2": late}}
    assert STOPS_BEFORE_POWER_IS_GONE.holds(Product(stated)) is bool(early)
    assert STOPS_AFTER_POWER_IS_BACK.holds(Product(stated)) is not bool(early)


def test_sockets_and_cables() -> None:
    """Each kind of outlet has its cases; a lock without feedback cannot be seen to fail."""

    def built(*, has_sockets: bool, feedback: bool | None = None) -> Product:
        stated: dict[str, Any] = pics() | {"additional_questions": {"AQ-9": feedback}}
        stated["hardware"] = {"features": {"HFS-1": {"value": has_sockets}, "HFS-2": {"value": not has_sockets}}}
        return Product(stated)

    def numbers(one: Product) -> set[str]:
        return {case.number for case in CASES if case.applies.holds(one)}

    assert SOCKETS.holds(built(has_sockets=True))
    assert not FIXED_CABLE.holds(built(has_sockets=True))
    assert {"TC_017_1_CS", "TC_030_CS"} <= numbers(built(has_sockets=True))
    assert "TC_017_2_CS" in numbers(built(has_sockets=False))
    assert not {"TC_017_2_CS", "TC_018_2_CS"} & numbers(built(has_sockets=True))
    assert not {"TC_005_1_CS", "TC_017_1_CS", "TC_018_1_CS", "TC_024_CS", "TC_030_CS"} & numbers(built(has_sockets=False))
    assert not LOCK_FEEDBACK.holds(built(has_sockets=True, feedback=False))


def test_two_conditions_hold_together() -> None:
    """Both must; the words name both."""
    both = CACHE & replace(LOCAL_START, words="b")
    assert both.words == "stations with an authorisation cache (C-04), and b"
    assert both.holds(product(pics(C_04=True, C_07=True)))
    assert not both.holds(product(pics(C_04=True, C_07=False)))
