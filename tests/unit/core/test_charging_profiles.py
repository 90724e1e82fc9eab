"""Charging profiles in a station (OCPP 1.6, 3.13, 5.5, 5.7, 5.16): what is taken, what holds now, and what is told of the hours to come."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    ClearChargingProfile,
    IdTagInfo,
    LinkChanged,
    RemoteStart,
    RemoteStop,
    Reply,
    SetChargingProfile,
    StartAnswered,
    Verdict,
)
from chargerd.core.facts import ConnectorStatus, ProfileInstalled, ProfileRemoval, ProfileRemoved, Restored, TransactionStarted
from chargerd.core.ids import STATION, ConnectorId
from chargerd.core.limits import lowest
from chargerd.core.schedule import MS, Kind, Period, Profile, Purpose, RateUnit, Recurrency
from chargerd.core.settings import Ceiling, ConnectorKind, Policy, Sharing
from tests.support.core_bench import CARD, ONE, TWO, CoreBench, station_settings

A, W = RateUnit.AMPERES, RateUnit.WATTS
TX, DEFAULT, MAXIMUM = Purpose.TRANSACTION, Purpose.DEFAULT, Purpose.STATION_MAXIMUM
MOST = 20


def profile(made: CoreBench, purpose: Purpose, *limits: float | tuple[int, float], number: int = 1, **more: object) -> Profile:
    """An absolute one in A from now on, one limit or (second, limit) after the other."""
    periods = tuple(Period(*((0, Decimal(str(one))) if isinstance(one, int | float) else (one[0], Decimal(str(one[1]))))) for one in limits)
    given = {"stack_level": 0, "kind": Kind.ABSOLUTE, "unit": A, "start_ms": round(made.now().utc_s * MS)} | more
    return Profile(profile_id=number, purpose=purpose, periods=periods, **given)  # type: ignore[arg-type]


def install(made: CoreBench, connector: ConnectorId, installed: Profile, most: int = MOST) -> Reply:
    return made.send(SetChargingProfile(connector, installed, most))


def charging(kind: ConnectorKind = ConnectorKind.CCS2, connectors: int = 1, **built: object) -> CoreBench:
    """A vehicle charges at connector 1, and the central system has given its transaction the number 42."""
    made = CoreBench(replace(station_settings(connectors=connectors, kind=kind), **built))  # type: ignore[arg-type]
    made.charge()
    number(made, 42)
    return made


def number(made: CoreBench, remote_id: int) -> None:
    started = made.told(TransactionStarted)[-1]
    made.send(StartAnswered(started.local_id, started.id_tag, remote_id, IdTagInfo(AuthorizationStatus.ACCEPTED), 1))


def offered_a(made: CoreBench, connector: ConnectorId = ONE) -> float:
    return made.outputs(connector).secc.offer_a


def ruling(made: CoreBench, connector: ConnectorId = ONE) -> str:
    return lowest(made.view(connector).limits).source


def removed(made: CoreBench) -> list[tuple[int, ProfileRemoval]]:
    return [(one.profile_id, one.why) for one in made.told(ProfileRemoved)]


def installed(made: CoreBench) -> list[int]:
    return [one.profile.profile_id for one in made.station.view().profiles]


def composite(made: CoreBench, connector: ConnectorId = ONE, seconds: int = 400, unit: RateUnit = A) -> list[tuple[int, float]]:
    found = made.station.composite(connector, seconds, made.now())
    assert found is not None
    return [(period.start_s, float(period.limit)) for period in found.periods(unit)]


# --- what is taken ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "connector", "transaction", "is_taken"),
    [
        (DEFAULT, STATION, None, True),
        (DEFAULT, ONE, None, True),
        (MAXIMUM, STATION, None, True),
        (MAXIMUM, ONE, None, False),  # OCPP 1.6, 3.13.1
        (TX, STATION, None, False),
        (TX, ONE, None, True),  # the one that runs
        (TX, ONE, 42, True),
        (TX, ONE, 43, False),  # TC_058_2
        (TX, TWO, None, False),  # TC_058_1
        (TX, TWO, 42, False),
    ],
)
def test_each_purpose_has_its_place(purpose: Purpose, connector: ConnectorId, transaction: int | None, is_taken: bool) -> None:
    """TC_056 to 058; what is refused changes nothing."""
    made = charging(connectors=2)
    reply = install(made, connector, profile(made, purpose, 20, transaction_id=transaction))
    assert reply.is_accepted == is_taken
    assert installed(made) == ([1] if is_taken else [])
    assert len(made.told(ProfileInstalled)) == is_taken


def test_a_transaction_without_its_number_takes_only_what_names_none() -> None:
    """StartTransaction is not answered yet."""
    made = CoreBench(station_settings(connectors=1))
    made.charge()
    assert not install(made, ONE, profile(made, TX, 20, transaction_id=42)).is_accepted
    assert install(made, ONE, profile(made, TX, 20)).is_accepted


def test_the_same_id_or_the_same_place_replaces() -> None:
    """OCPP 1.6, 3.13.2 and 5.16.3: wherever the id was; purpose, level and connector are a place."""
    made = charging(connectors=2)
    for connector, one in (
        (ONE, profile(made, DEFAULT, 10, number=1)),
        (ONE, profile(made, DEFAULT, 11, number=2)),  # the same place
        (ONE, profile(made, DEFAULT, 12, number=3, stack_level=1)),
        (TWO, profile(made, DEFAULT, 13, number=3)),  # the same id
        (STATION, profile(made, DEFAULT, 14, number=4)),
        (ONE, profile(made, TX, 15, number=5)),
    ):
        assert install(made, connector, one).is_accepted
    assert installed(made) == [2, 3, 4, 5]
    assert removed(made) == [(1, ProfileRemoval.REPLACED), (3, ProfileRemoval.REPLACED)]


def test_one_that_will_be_valid_later_replaces_at_once() -> None:
    """OCPP 1.6, 3.13.2."""
    made = charging()
    install(made, ONE, profile(made, DEFAULT, 10))
    assert offered_a(made) == 10.0
    later_ms = round(made.now().utc_s * MS) + 60_000
    install(made, ONE, profile(made, DEFAULT, 8, number=2, valid_from_ms=later_ms))
    assert offered_a(made) == 150.0
    made.wait(60.0)
    assert offered_a(made) == 8.0


def test_only_so_many_are_taken() -> None:
    """MaxChargingProfilesInstalled: a replacement does not count, nor what is over."""
    made = charging()
    assert install(made, ONE, profile(made, DEFAULT, 10), most=2).is_accepted
    soon_ms = round(made.now().utc_s * MS) + 1000
    assert install(made, ONE, profile(made, DEFAULT, 10, number=2, stack_level=1, valid_to_ms=soon_ms), most=2).is_accepted
    third = profile(made, DEFAULT, 10, number=3, stack_level=2)
    assert not install(made, ONE, third, most=2).is_accepted
    assert install(made, ONE, profile(made, DEFAULT, 9, number=4), most=2).is_accepted
    made.wait(2.0)
    assert install(made, ONE, third, most=2).is_accepted
    assert installed(made) == [4, 3]
    assert removed(made) == [(1, ProfileRemoval.REPLACED), (2, ProfileRemoval.EXPIRED)]


def test_an_absolute_one_without_a_start_begins_when_it_comes() -> None:
    """Where the station takes it at all (`ocpp.absolute_start_now`)."""
    made = charging()
    install(made, ONE, profile(made, DEFAULT, 10, (60, 20), start_ms=None))
    made.wait(59.0)
    assert offered_a(made) == 10.0
    made.wait(1.0)
    assert offered_a(made) == 20.0


# --- clearing -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "gone"),
    [
        (ClearChargingProfile(profile_id=2), [2]),
        (ClearChargingProfile(profile_id=2, connector=TWO, purpose=MAXIMUM, stack_level=9), [2]),  # errata 3.26
        (ClearChargingProfile(profile_id=9), []),
        (ClearChargingProfile(), [1, 2, 3, 4, 5]),
        (ClearChargingProfile(connector=STATION), [1, 2]),
        (ClearChargingProfile(connector=ONE), [3, 4, 5]),
        (ClearChargingProfile(connector=TWO), []),
        (ClearChargingProfile(purpose=DEFAULT), [2, 3, 4]),
        (ClearChargingProfile(stack_level=1), [4]),
        (ClearChargingProfile(purpose=DEFAULT, stack_level=0), [2, 3]),
        (ClearChargingProfile(connector=ONE, purpose=DEFAULT, stack_level=0), [3]),
        (ClearChargingProfile(connector=ONE, purpose=MAXIMUM), []),
        (ClearChargingProfile(purpose=TX), [5]),
    ],
)
def test_clearing(event: ClearChargingProfile, gone: list[int]) -> None:
    """Errata 3.25, 3.26: all that is named has to fit; nothing named fits everything, profiles of a running transaction too."""
    made = charging(connectors=2)
    install(made, STATION, profile(made, MAXIMUM, 100, number=1))
    install(made, STATION, profile(made, DEFAULT, 20, number=2))
    install(made, ONE, profile(made, DEFAULT, 20, number=3))
    install(made, ONE, profile(made, DEFAULT, 20, number=4, stack_level=1))
    install(made, ONE, profile(made, TX, 20, number=5))
    assert made.send(event).verdict is (Verdict.ACCEPTED if gone else Verdict.UNKNOWN)
    assert removed(made) == [(one, ProfileRemoval.CLEARED) for one in gone]
    assert installed(made) == [one for one in range(1, 6) if one not in gone]


def test_a_cleared_limit_is_gone_at_once() -> None:
    """Field lesson libocpp#811."""
    made = charging()
    install(made, ONE, profile(made, TX, 10))
    assert (offered_a(made), ruling(made)) == (10.0, "profile")
    made.send(ClearChargingProfile())
    assert (offered_a(made), ruling(made)) == (150.0, "vehicle")


# --- what holds now -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connector", [ONE, STATION])
def test_a_default_holds_in_a_running_transaction(connector: ConnectorId) -> None:
    """TC_082, errata 3.8; that of connector 0 for every connector."""
    made = charging()
    assert install(made, connector, profile(made, DEFAULT, 16)).is_accepted
    assert (offered_a(made), ruling(made)) == (16.0, "profile")
    assert "charging profile 1" in lowest(made.view(ONE).limits).reason


def test_a_default_waits_for_a_transaction() -> None:
    """TC_056: set before the vehicle comes."""
    made = CoreBench(station_settings(connectors=1))
    install(made, ONE, profile(made, DEFAULT, 16))
    made.charge()
    assert offered_a(made) == 16.0


def test_a_profile_of_a_transaction_rules_alone_and_vanishes_with_it() -> None:
    """OCPP 1.6, 3.13.1, TC_066: the default is not consulted, not even when the other has run out; the next transaction has the default."""
    made = charging()
    install(made, ONE, profile(made, DEFAULT, 16))
    install(made, ONE, profile(made, TX, 10, number=2, duration_s=60))
    assert offered_a(made) == 10.0
    made.wait(60.0)
    assert offered_a(made) == 150.0
    made.send(RemoteStop(42))
    for _ in range(20):
        made.step()
        made.wait(1.0)
    assert removed(made) == [(2, ProfileRemoval.ENDED)]
    assert installed(made) == [1]
    made.unplug()
    made.charge()
    assert offered_a(made) == 16.0


def test_it_changes_exactly_at_each_boundary() -> None:
    """Nobody has to say anything: the deadline is the boundary."""
    made = charging()
    install(made, ONE, profile(made, TX, 10, (60, 0), (120, 20)))
    for seconds, limit_a in ((59.999, 10.0), (0.001, 0.0), (59.999, 0.0), (0.001, 20.0)):
        made.wait(seconds)
        assert offered_a(made) == limit_a


def test_a_boundary_is_a_deadline_of_the_core() -> None:
    """Sooner than anything else is due: nothing has to happen for the next period to begin."""
    made = charging()
    install(made, ONE, profile(made, TX, 10, (1, 20)))
    assert made.station.next_deadline_s() - made.mono_s == pytest.approx(1.0)


def test_less_than_can_be_given_is_a_pause() -> None:
    """SuspendedEVSE, and at the next boundary charging again."""
    made = charging(ConnectorKind.TYPE2_CABLE)
    install(made, ONE, profile(made, TX, 5.9, (60, 6)))
    for _ in range(5):
        made.step()
    made.wait(10.0)
    assert (offered_a(made), made.view(ONE).status.status) == (0.0, ConnectorStatus.SUSPENDED_EVSE)
    made.wait(50.0)
    assert offered_a(made) == 6.0


def test_a_relative_one_begins_with_its_transaction() -> None:
    """Also where it comes later, and for a default with each transaction anew."""
    made = charging()
    made.wait(30.0)
    install(made, ONE, profile(made, DEFAULT, 10, (60, 20), kind=Kind.RELATIVE, start_ms=None))
    assert offered_a(made) == 10.0
    made.wait(30.0)
    assert offered_a(made) == 20.0


def test_a_recurring_one_comes_again_every_day() -> None:
    """At the same time of the day, UTC."""
    made = charging()
    day_ms = Recurrency.DAILY.length_ms
    start_ms = round(made.now().utc_s * MS) - 5 * day_ms + 60_000
    one = profile(made, DEFAULT, 10, kind=Kind.RECURRING, recurrency=Recurrency.DAILY, start_ms=start_ms, duration_s=3600)
    install(made, ONE, one)
    assert offered_a(made) == 150.0
    made.wait(60.0)
    assert offered_a(made) == 10.0
    assert composite(made, seconds=90_000) == [(0, 10.0), (3600, 200.0), (86_400, 10.0)]


def test_a_clock_that_is_set_is_followed() -> None:
    """Absolute schedules are times of the day."""
    made = charging()
    install(made, ONE, profile(made, DEFAULT, 10, (600, 20)))
    made.utc_shift_s = 700.0
    made.wait(0.1)
    assert offered_a(made) == 20.0
    made.utc_shift_s = 0.0
    made.wait(0.1)
    assert offered_a(made) == 10.0


def test_profiles_hold_without_the_central_system() -> None:
    """OCPP 1.6, 3.13.6."""
    made = charging()
    install(made, ONE, profile(made, DEFAULT, 10, (60, 20)))
    made.send(LinkChanged(is_accepted=False))
    made.wait(60.0)
    assert offered_a(made) == 20.0


@pytest.mark.parametrize(
    ("kind", "unit", "limit", "phases", "expected_a"),
    [
        (ConnectorKind.TYPE2_CABLE, W, 11_040, None, 16.0),  # three phases of 230 V
        (ConnectorKind.TYPE2_CABLE, W, 11_040, 3, 16.0),
        (ConnectorKind.TYPE2_CABLE, W, 11_040, 1, 16.0),  # fewer than are in use: no more than that in all
        (ConnectorKind.TYPE2_CABLE, A, 16, 1, 16.0),
        (ConnectorKind.TYPE2_CABLE, A, 16, None, 16.0),
        (ConnectorKind.CCS2, A, 50, None, 50.0),
    ],
)
def test_units(kind: ConnectorKind, unit: RateUnit, limit: int, phases: int | None, expected_a: float) -> None:
    """A is for each phase, W for all; nominal voltage (errata 3.69, 3.34)."""
    made = charging(kind)
    install(made, ONE, replace(profile(made, TX, limit, unit=unit), periods=(Period(0, Decimal(limit), phases),)))
    assert offered_a(made) == pytest.approx(expected_a)


def test_watts_on_dc_hold_at_the_present_voltage() -> None:
    """The power that is asked for is what flows."""
    made = charging()
    install(made, ONE, profile(made, TX, 20_000, unit=W))
    told = made.outputs().secc
    assert told.max_power_w == pytest.approx(20_000.0)
    assert ruling(made) == "profile"


def test_where_no_profile_speaks_the_policy_holds() -> None:
    """`policy.unprofiled`: before, in a gap, and afterwards; not beside a profile."""
    made = charging(policy=Policy(unprofiled=Ceiling(max_current_a=30.0)))
    assert (offered_a(made), ruling(made)) == (30.0, "unprofiled")
    install(made, ONE, profile(made, DEFAULT, 100, duration_s=60))
    assert (offered_a(made), ruling(made)) == (100.0, "profile")
    assert composite(made, seconds=100) == [(0, 100.0), (60, 30.0)]
    made.wait(60.0)
    assert (offered_a(made), ruling(made)) == (30.0, "unprofiled")


# --- the station --------------------------------------------------------------------------------------------------------------------


def both_charging(kind: ConnectorKind = ConnectorKind.TYPE2_CABLE, **built: object) -> CoreBench:
    made = CoreBench(replace(station_settings(connectors=2, kind=kind), **built))  # type: ignore[arg-type]
    for connector in (ONE, TWO):
        made.charge(connector, f"CARD{connector}")
    made.wait(20.0)
    return made


def test_the_maximum_of_the_station_bounds_the_sum() -> None:
    """OCPP 1.6, 3.13.3: divided, and not granted to each; lowered at once."""
    made = both_charging()
    install(made, STATION, profile(made, MAXIMUM, 22_080, unit=W))
    assert offered_a(made, ONE) + offered_a(made, TWO) <= 32.0 + 1e-9
    assert offered_a(made, ONE) == pytest.approx(16.0)
    made.send(ClearChargingProfile())
    made.wait(20.0)
    assert offered_a(made, ONE) == pytest.approx(32.0)


def test_a_maximum_in_amperes_bounds_each_phase_of_the_station() -> None:
    """The sum on each phase, and never one connector alone."""
    made = both_charging()
    install(made, STATION, profile(made, MAXIMUM, 20))
    assert offered_a(made, ONE) + offered_a(made, TWO) <= 20.0 + 1e-9
    assert min(offered_a(made, ONE), offered_a(made, TWO)) > 9.0
    install(made, STATION, profile(made, MAXIMUM, 10, number=2))
    served = sorted((offered_a(made, ONE), offered_a(made, TWO)))
    assert served[0] == 0.0  # less than 6 A each would be nothing for both
    assert 6.0 <= served[1] <= 10.0


def test_a_session_rather_waits_than_take_less_than_its_least_rate() -> None:
    """minChargingRate: what is left then goes to the others."""
    made = both_charging(policy=Policy(sharing=Sharing.EQUAL))
    install(made, TWO, profile(made, DEFAULT, 32, number=7, least_rate=Decimal(12)))
    install(made, STATION, profile(made, MAXIMUM, 15, number=8))
    made.wait(30.0)
    assert offered_a(made, TWO) == 0.0 or offered_a(made, TWO) >= 12.0
    assert offered_a(made, ONE) > 0.0


# --- with a remote start --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_asked", [True, False])
def test_the_profile_of_a_remote_start_holds_from_the_first_moment(is_asked: bool) -> None:
    """TC_059: bound to the transaction that it begins; in the same step, so that nothing more was ever offered."""
    made = CoreBench(station_settings(connectors=1, authorize_remote_tx_requests=is_asked))
    one = profile(made, TX, 12, kind=Kind.RELATIVE, start_ms=None)
    assert made.send(RemoteStart(CARD, ONE, one)).is_accepted
    if is_asked:
        made.answer()
    assert installed(made) == []
    made.plug()
    most_a = 0.0
    for _ in range(12):
        made.step()
        most_a = max(most_a, made.outputs().setpoint.current_a, offered_a(made))
    (started,) = made.told(TransactionStarted)
    assert [(fact.connector, fact.profile, fact.local_id) for fact in made.told(ProfileInstalled)] == [(ONE, one, started.local_id)]
    assert most_a == 12.0


def test_a_remote_start_that_leads_to_nothing_leaves_no_profile() -> None:
    """Nobody came."""
    made = CoreBench(station_settings(connectors=1))
    made.send(RemoteStart(CARD, ONE, profile(made, TX, 12)))
    made.wait(61.0)
    made.charge()
    assert installed(made) == []
    assert offered_a(made) == 150.0


# --- over a restart -----------------------------------------------------------------------------------------------------------------


def test_after_a_restart_all_but_those_of_transactions_hold() -> None:
    """Errata 3.37: transactions do not outlive the process, so neither do theirs."""
    made = charging()
    install(made, ONE, profile(made, DEFAULT, 10, number=1))
    install(made, ONE, profile(made, TX, 8, number=2))
    kept = made.station.view().profiles
    after = CoreBench(made.built)
    after.mono_s = made.mono_s
    after.station = after._new_station()
    after.facts.clear()
    after.facts += after.station.restore(Restored(profiles=kept, has_been_accepted=True), after.now())
    assert removed(after) == [(2, ProfileRemoval.ENDED)]
    for connector in after.ids():
        after.unplug(connector)
        after.freshen(connector)
    after.send(LinkChanged(is_accepted=True))
    after.charge()
    assert offered_a(after) == 10.0


def test_profiles_of_a_connector_that_is_gone_say_nothing() -> None:
    """The configuration has fewer connectors now: neither limits nor places are lost to them."""
    made = CoreBench(station_settings(connectors=1))
    kept = (ProfileInstalled(TWO, profile(made, DEFAULT, 8, number=1)), ProfileInstalled(STATION, profile(made, DEFAULT, 9, number=2)))
    made.station = made._new_station()
    made.station.restore(Restored(profiles=kept, has_been_accepted=True), made.now())
    assert installed(made) == [2]


# --- the composite schedule -----------------------------------------------------------------------------------------------------------


def test_without_profiles_it_is_what_the_station_has() -> None:
    """TC_067: its own limit, in either unit. Field lesson mobilityhouse#444."""
    made = CoreBench(station_settings(connectors=1, kind=ConnectorKind.TYPE2_CABLE))
    assert composite(made) == [(0, 32.0)]
    assert composite(made, unit=W) == [(0, 22_080.0)]


def test_it_is_merged_with_the_stations_own_limits() -> None:
    """Never more than connector and station have."""
    made = charging(ConnectorKind.TYPE2_CABLE)
    install(made, ONE, profile(made, TX, 40, (100, 20)))
    assert composite(made, seconds=200) == [(0, 32.0), (100, 20.0)]


def test_tc_066() -> None:
    """The transaction's profile, capped by the station's, which holds alone after it."""
    made = charging()
    install(made, STATION, profile(made, MAXIMUM, 10, number=1, duration_s=86_400))
    defaults = (6, (60, 10), (120, 8), (180, 15), (260, 8))
    install(made, ONE, profile(made, DEFAULT, *defaults, number=2, duration_s=300))
    install(made, ONE, profile(made, TX, 8, (50, 11), (140, 16), (200, 6), (240, 12), number=3, duration_s=260))
    assert composite(made) == [(0, 8.0), (50, 10.0), (200, 6.0), (240, 10.0)]


def test_of_connector_0_it_is_the_sum_within_the_stations_bounds() -> None:
    """Errata 3.30: what is to be expected from the grid. Field lesson steve#44. Field lesson libocpp#1062."""
    made = both_charging(max_power_w=30_000.0)
    assert composite(made, STATION, unit=W) == [(0, 30_000.0)]
    install(made, ONE, profile(made, DEFAULT, 10, (60, 32), number=1))
    install(made, TWO, profile(made, DEFAULT, 10, number=2))
    assert composite(made, STATION, unit=W) == [(0, 13_800.0), (60, 28_980.0)]
    install(made, STATION, profile(made, MAXIMUM, 15_000, unit=W, number=3))
    assert composite(made, STATION, unit=W) == [(0, 13_800.0), (60, 15_000.0)]


def test_a_maximum_in_amperes_holds_for_the_station_in_the_phases_that_there_are() -> None:
    """Of connectors with one phase each ampere is worth one phase: what is told of connector 0 is the budget that they share."""
    three = station_settings(connectors=2, kind=ConnectorKind.TYPE2_CABLE).connectors
    single = tuple(replace(one, phases=1, max_current_a=16.0, max_power_w=3680.0) for one in three)
    made = both_charging(connectors=single)
    install(made, STATION, profile(made, MAXIMUM, 20))
    assert composite(made, STATION, unit=W) == [(0, 4600.0)]
    assert offered_a(made, ONE) + offered_a(made, TWO) == pytest.approx(20.0)


def test_there_is_none_of_a_connector_that_there_is_not() -> None:
    """And one that is asked for too far ahead says how far it goes."""
    made = charging()
    assert made.station.composite(ConnectorId(7), 60, made.now()) is None
    found = made.station.composite(ONE, 10**9, made.now())
    assert found is not None
    assert found.window.end_ms - found.window.begin_ms == 7 * 86_400 * MS
