"""Charging profiles at the edge (OCPP 1.6, 5.5, 5.7, 5.16): what is read, what is refused there, and what is told of a schedule."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from chargerd.core.charging_profiles import Composite
from chargerd.core.composite import Electrics
from chargerd.core.events import ClearChargingProfile, RemoteStart, Reply, SetChargingProfile, Verdict, rejected
from chargerd.core.facts import ProfileInstalled
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.core.schedule import Kind, Period, Profile, Purpose, RateUnit, Recurrency, Stretch, Window
from chargerd.ocpp.options import Features
from chargerd.ocpp.rpc import Call, CallRefusedError, ErrorCode, Payload
from chargerd.ocpp.schema import check_request, check_response
from chargerd.ocpp.v16.handlers import Handlers
from chargerd.ocpp.v16.key_values import KeyTable
from tests.support.ocpp_fakes import CONNECTORS, FakeStation, FakeStore, given, options

ONE = ConnectorId(1)
A, W = RateUnit.AMPERES, RateUnit.WATTS


class Desk:
    """Handlers on a fake station."""

    def __init__(self, **changed: object) -> None:
        keys = KeyTable(options(**changed), CONNECTORS)
        self.station = FakeStation(FakeStore(), keys.factory())
        self.handlers = Handlers(self.station, keys, 10.0, lambda: True)

    def ask(self, action: str, payload: Payload) -> Payload:
        """As it comes over the wire; request and answer are checked against their schemas."""
        payload = wired(payload)
        assert check_request(action, payload) is None

        async def answered() -> Payload:
            return await given(self.handlers.answer(Call("1", action, payload)))

        answer = asyncio.run(answered())
        assert check_response(action, wired(answer)) is None
        return answer


def wired(payload: Payload) -> Payload:
    """As the framing reads it."""
    read: Payload = json.loads(json.dumps(payload), parse_float=Decimal)
    return read


def told(purpose: str = "TxDefaultProfile", kind: str = "Absolute", schedule: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An absolute profile of 6 A, as a central system sends it."""
    begun = {"startSchedule": "1970-01-01T00:00:01.5Z"} if kind != "Relative" else {}
    periods = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
    return {
        "chargingProfileId": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": {**begun, **periods, **(schedule or {})},
        **more,
    }


def period(start_s: int, limit: float, **more: int) -> dict[str, Any]:
    return {"startPeriod": start_s, "limit": limit, **more}


def set_profile(desk: Desk, profile: dict[str, Any], connector: int = 1) -> str:
    return str(desk.ask("SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile})["status"])


def test_a_profile_is_read_with_all_it_says() -> None:
    """In the units of the core, exactly: 16.1 is 16.1, and no binary number near it."""
    desk = Desk()
    schedule = {
        "duration": 3600,
        "minChargingRate": 8.1,
        "chargingSchedulePeriod": [period(0, 16.1, numberPhases=1), period(60, 0)],
    }
    sent = told(
        "TxProfile",
        "Recurring",
        schedule,
        recurrencyKind="Weekly",
        validFrom="1970-01-01T00:00:02Z",
        validTo="1970-01-01T01:00:03+01:00",
        transactionId=42,
        stackLevel=3,
    )
    assert set_profile(desk, sent) == "Accepted"
    assert desk.station.events == [
        SetChargingProfile(
            ONE,
            Profile(
                profile_id=7,
                stack_level=3,
                purpose=Purpose.TRANSACTION,
                kind=Kind.RECURRING,
                unit=A,
                periods=(Period(0, Decimal("16.1"), 1), Period(60, Decimal(0))),
                recurrency=Recurrency.WEEKLY,
                start_ms=1500,
                duration_s=3600,
                valid_from_ms=2000,
                valid_to_ms=3000,
                least_rate=Decimal("8.1"),
                transaction_id=42,
            ),
            most=20,
        )
    ]
    assert desk.station.commits == 1


@pytest.mark.parametrize(
    ("profile", "answer"),
    [
        (told(), "Accepted"),
        (told(kind="Relative"), "Accepted"),
        (told(stackLevel=10), "Accepted"),
        (told(stackLevel=11), "Rejected"),
        (told(stackLevel=-1), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": []}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(1, 6)]}), "Rejected"),  # errata 3.45, 3.70
        (told(schedule={"chargingSchedulePeriod": [period(0, 6), period(60, 7), period(60, 8)]}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(0, 6), period(60, 7), period(50, 8)]}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(0, -1)]}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(0, 10**10)]}), "Rejected"),
        (told(schedule={"minChargingRate": -0.1}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(0, 6, numberPhases=4)]}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(0, 6, numberPhases=0)]}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(second, 6) for second in range(25)]}), "Rejected"),
        (told(schedule={"chargingSchedulePeriod": [period(second, 6) for second in range(24)]}), "Accepted"),
        (told(schedule={"duration": -1}), "Rejected"),
        (told(kind="Recurring"), "Rejected"),  # errata 3.56
        (told(kind="Recurring", recurrencyKind="Daily"), "Accepted"),
        (told(recurrencyKind="Daily"), "Rejected"),
        (told(transactionId=1), "Rejected"),
        (told("TxProfile", transactionId=1), "Accepted"),
        (told(validFrom="2026-01-02T00:00:00Z", validTo="2026-01-01T00:00:00Z"), "Rejected"),
    ],
)
def test_what_makes_no_sense_is_rejected(profile: dict[str, Any], answer: str) -> None:
    """The core is not asked."""
    desk = Desk()
    assert set_profile(desk, profile) == answer
    assert len(desk.station.events) == (answer == "Accepted")


@pytest.mark.parametrize("kind", ["Absolute", "Recurring"])
@pytest.mark.parametrize("is_start_now", [True, False])
def test_a_schedule_without_a_beginning(kind: str, is_start_now: bool) -> None:
    """Rejected, unless the station is told to let an absolute one begin when it comes."""
    desk = Desk(absolute_start_now=is_start_now)
    profile = told(kind=kind, **({"recurrencyKind": "Daily"} if kind == "Recurring" else {}))
    del profile["chargingSchedule"]["startSchedule"]
    assert set_profile(desk, profile) == ("Accepted" if is_start_now and kind == "Absolute" else "Rejected")


def test_a_relative_maximum_of_the_station_is_rejected() -> None:
    """It would be relative to nothing."""
    assert set_profile(Desk(), told("ChargePointMaxProfile", "Relative"), 0) == "Rejected"


@pytest.mark.parametrize(("unit", "units", "answer"), [("A", ("W",), "Rejected"), ("W", ("W",), "Accepted"), ("A", ("A", "W"), "Accepted")])
def test_only_units_that_the_station_takes(unit: str, units: tuple[str, ...], answer: str) -> None:
    """ChargingScheduleAllowedChargingRateUnit."""
    assert set_profile(Desk(charging_rate_units=units), told(schedule={"chargingRateUnit": unit})) == answer


def test_the_verdict_of_the_core_and_its_limit() -> None:
    """MaxChargingProfilesInstalled goes with it."""
    desk = Desk(max_charging_profiles_installed=3)
    desk.station.replies[SetChargingProfile] = rejected("no room")
    assert set_profile(desk, told(), 0) == "Rejected"
    (event,) = desk.station.of(SetChargingProfile)
    assert (event.connector, event.most) == (STATION, 3)


@pytest.mark.parametrize("connector", [-1, 3])
def test_an_unknown_connector_is_an_error(connector: int) -> None:
    """Errata 3.39."""
    desk = Desk()
    with pytest.raises(CallRefusedError) as refused:
        set_profile(desk, told(), connector)
    assert refused.value.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    assert desk.station.events == []


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        ({}, ClearChargingProfile()),
        ({"id": 7}, ClearChargingProfile(profile_id=7)),
        (
            {"connectorId": 0, "chargingProfilePurpose": "TxProfile", "stackLevel": 2},
            ClearChargingProfile(connector=STATION, purpose=Purpose.TRANSACTION, stack_level=2),
        ),
    ],
)
@pytest.mark.parametrize(("reply", "answer"), [(Reply(), "Accepted"), (Reply(Verdict.UNKNOWN), "Unknown")])
def test_profiles_are_cleared(payload: Payload, event: ClearChargingProfile, reply: Reply, answer: str) -> None:
    """OCPP 1.6, 5.5; stored before the answer."""
    desk = Desk()
    desk.station.replies[ClearChargingProfile] = reply
    assert desk.ask("ClearChargingProfile", payload) == {"status": answer}
    assert (desk.station.events, desk.station.commits) == ([event], 1)


# --- composite schedules --------------------------------------------------------------------------------------------------------------


def with_schedule(**changed: object) -> Desk:
    """For connector 1: 16 A, after a minute 6.9 kW, for two minutes from 10 s after 1970 on."""
    desk = Desk(**changed)
    stretches = [Stretch(10_000, 70_000, Decimal(16), A, 3), Stretch(70_000, 130_000, Decimal(6900), W)]
    desk.station.composites[1] = Composite(ONE, Window(10_000, 130_000), stretches, Electrics(Decimal(230), 3))
    return desk


@pytest.mark.parametrize(
    ("unit", "periods"),
    [
        ("A", [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}, {"startPeriod": 60, "limit": 10.0}]),
        ("W", [{"startPeriod": 0, "limit": 11_040.0}, {"startPeriod": 60, "limit": 6900.0}]),
        (None, [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}, {"startPeriod": 60, "limit": 10.0}]),
    ],
)
def test_a_composite_schedule_is_told(unit: str | None, periods: list[dict[str, object]]) -> None:
    """OCPP 1.6, 6.24: in the unit that is asked for, else the station's first; without startSchedule (errata 3.57).

    Field lesson libocpp#609.
    """
    desk = with_schedule()
    answer = desk.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 120} | ({} if unit is None else {"chargingRateUnit": unit}))
    assert answer == {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "1970-01-01T00:00:10.000Z",
        "chargingSchedule": {"duration": 120, "chargingRateUnit": unit or "A", "chargingSchedulePeriod": periods},
    }
    assert desk.station.asked == [(1, 120)]


def test_the_compatible_form_names_the_start_twice() -> None:
    """TC_056 speaks of it, and some central systems look for it."""
    answer = with_schedule(composite_start_schedule=True).ask("GetCompositeSchedule", {"connectorId": 1, "duration": 120})
    schedule = answer["chargingSchedule"]
    assert isinstance(schedule, dict)
    assert schedule["startSchedule"] == answer["scheduleStart"] == "1970-01-01T00:00:10.000Z"


@pytest.mark.parametrize(
    "payload",
    [
        {"connectorId": 2, "duration": 60},  # errata 3.51: the fake knows none
        {"connectorId": 1, "duration": 0},
        {"connectorId": 1, "duration": -5},
        {"connectorId": 1, "duration": 60, "chargingRateUnit": "A"},
    ],
)
def test_a_schedule_that_there_is_not_is_rejected(payload: Payload) -> None:
    """Unknown connector, no time, a unit that the station does not use: without a schedule."""
    assert with_schedule(charging_rate_units=("W",)).ask("GetCompositeSchedule", payload) == {"status": "Rejected"}


# --- remote start -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "answer"),
    [
        (told("TxProfile"), "Accepted"),
        (told("TxProfile", "Relative"), "Accepted"),
        (told("TxDefaultProfile"), "Rejected"),  # TC_060
        (told("ChargePointMaxProfile"), "Rejected"),
        (told("TxProfile", transactionId=1), "Rejected"),
        (told("TxProfile", stackLevel=99), "Rejected"),
    ],
)
def test_a_remote_start_with_a_profile(profile: dict[str, Any], answer: str) -> None:
    """TC_059 and 060 (OCPP 1.6, 5.16.2)."""
    desk = Desk()
    assert desk.ask("RemoteStartTransaction", {"idTag": "T", "connectorId": 1, "chargingProfile": profile}) == {"status": answer}
    started = [(event.id_tag, event.profile is not None) for event in desk.station.of(RemoteStart)]
    assert started == ([(IdTag("T"), True)] if answer == "Accepted" else [])


@pytest.mark.parametrize(("most", "answer"), [(1, "Rejected"), (2, "Accepted")])
def test_a_remote_start_needs_room_for_its_profile(most: int, answer: str) -> None:
    """MaxChargingProfilesInstalled."""
    desk = Desk(max_charging_profiles_installed=most)
    set_profile(desk, told())
    (event,) = desk.station.of(SetChargingProfile)
    desk.station.profiles = (ProfileInstalled(ONE, event.profile),)
    assert desk.ask("RemoteStartTransaction", {"idTag": "T", "chargingProfile": told("TxProfile")}) == {"status": answer}


def test_without_the_profile() -> None:
    """ECU-L7002S: not supported, and a profile in a remote start is left aside (OCPP 1.6, 5.11)."""
    desk = Desk(features=Features(smart_charging=False))
    assert not desk.handlers.actions & {"SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"}
    profile = told("TxDefaultProfile")
    assert desk.ask("RemoteStartTransaction", {"idTag": "T", "chargingProfile": profile}) == {"status": "Accepted"}
    assert [event.profile for event in desk.station.of(RemoteStart)] == [None]
