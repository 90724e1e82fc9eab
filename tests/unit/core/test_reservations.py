"""Reservations (OCPP 1.6, 3.11, 5.3 and 5.13): who may start where, what is answered and shown, and how they end."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    CancelReservation,
    ChangeAvailability,
    ClearFault,
    ListEntry,
    LocalStart,
    RaiseFault,
    RemoteStart,
    Reply,
    ReserveNow,
    Reset,
    ResetKind,
    UpdateLocalList,
    Verdict,
)
from chargerd.core.facts import (
    AuthorizationAsked,
    AuthorizationRefused,
    ConnectorStatus,
    ReservationEnd,
    ReservationEnded,
    Reserved,
    Restored,
    StatusChanged,
    TransactionStarted,
)
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.core.settings import FreeChoice, StationSettings
from chargerd.ocpp.v16.transitions import problems
from tests.support.core_bench import CARD, ONE, TWO, UTC0, CoreBench, station_settings

OTHER, FLEET = IdTag("0C0FFEE0"), IdTag("FLEET")
ACCEPTED = AuthorizationStatus.ACCEPTED
PRE = {"local_pre_authorize": True}


def bench(connectors: int = 2, **settings: object) -> CoreBench:
    return CoreBench(station_settings(connectors=connectors, **settings))  # type: ignore[arg-type]


def reserve(
    made: CoreBench, connector: ConnectorId = ONE, number: int = 1, *, tag: IdTag = CARD, parent: IdTag | None = None, in_s: float = 300.0
) -> Reply:
    return made.send(ReserveNow(connector, number, tag, made.now().utc_s + in_s, parent))


def statuses(made: CoreBench, connector: ConnectorId) -> list[str]:
    """Those told since the start of the bench, without repetitions of nothing."""
    return [fact.status.value for fact in made.told(StatusChanged) if fact.connector == connector]


def ends(made: CoreBench) -> list[tuple[int, ReservationEnd]]:
    return [(fact.reservation_id, fact.end) for fact in made.told(ReservationEnded)]


def status(made: CoreBench, connector: ConnectorId) -> ConnectorStatus:
    return made.view(connector).status.status


def charge(made: CoreBench, tag: IdTag = CARD, connector: ConnectorId = ONE, parent: str | None = None) -> None:
    """A card is shown and accepted, and the vehicle takes all its steps."""
    made.swipe(tag)
    made.answer(ACCEPTED, parent)
    made.plug(connector)
    for _ in range(12):
        made.step(connector)


# --- what is answered ---------------------------------------------------------------------------------------------------------------


def test_a_free_connector_is_reserved_and_shown_so() -> None:
    """TC_046_1: Accepted, then Reserved; the other one stays as it is."""
    made = bench()
    assert reserve(made).is_accepted
    assert [(fact.connector, fact.reservation_id, fact.id_tag) for fact in made.told(Reserved)] == [(1, 1, CARD)]
    assert (statuses(made, ONE), statuses(made, TWO)) == (["Reserved"], [])
    assert [one.reservation_id for one in made.station.view().reservations] == [1]


def faulted(made: CoreBench) -> None:
    made.send(RaiseFault(ONE, "over-temperature"))


def blocked(made: CoreBench) -> None:
    made.send(RaiseFault(STATION, "storage"))


def inoperative(made: CoreBench) -> None:
    made.send(ChangeAvailability(ONE, is_operative=False))


def plugged(made: CoreBench) -> None:
    made.plug(ONE)


def granted(made: CoreBench) -> None:
    made.send(LocalStart(ONE, OTHER))


def reserved(made: CoreBench) -> None:
    reserve(made, number=9, tag=OTHER)


def reserved_for_the_same(made: CoreBench) -> None:
    reserve(made, number=9)


def asked(made: CoreBench) -> None:
    made.send(RemoteStart(OTHER, ONE))


@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        (faulted, Verdict.FAULTED),
        (blocked, Verdict.FAULTED),
        (inoperative, Verdict.UNAVAILABLE),
        (plugged, Verdict.OCCUPIED),
        (granted, Verdict.OCCUPIED),
        (reserved, Verdict.OCCUPIED),
        (reserved_for_the_same, Verdict.OCCUPIED),
        (asked, Verdict.OCCUPIED),
    ],
)
@pytest.mark.parametrize("connector", [ONE, STATION])
def test_a_connector_that_is_not_free_is_not_reserved(before, verdict: Verdict, connector: ConnectorId) -> None:  # type: ignore[no-untyped-def]
    """TC_048_1 to 048_3 and 050_1 to 050_3, on a station with one connector; nothing changes."""
    made = bench(connectors=1, authorize_remote_tx_requests=True)
    before(made)
    kept = made.station.view().reservations
    assert reserve(made, connector, number=2).verdict is verdict
    assert made.station.view().reservations == kept


@pytest.mark.parametrize(
    ("number", "in_s", "connector"),
    [(1, -1.0, ONE), (1, 0.0, ONE), (1, 60.0, ConnectorId(3))],
)
def test_what_can_never_be_is_rejected(number: int, in_s: float, connector: ConnectorId) -> None:
    """Over already, or a connector that there is not."""
    made = bench()
    assert reserve(made, connector, number, in_s=in_s).verdict is Verdict.REJECTED
    assert made.told(Reserved) == []


def test_nothing_is_reserved_before_a_restart() -> None:
    """The station closes."""
    made = bench()
    made.send(Reset(ResetKind.SOFT))
    assert reserve(made).verdict is Verdict.REJECTED


def test_the_same_number_replaces() -> None:
    """OCPP 1.6, 5.13: also on another connector, which becomes free; another expiry and token count from now on."""
    made = bench()
    reserve(made)
    assert reserve(made, TWO, tag=OTHER).is_accepted
    assert (statuses(made, ONE), statuses(made, TWO)) == (["Reserved", "Available"], ["Reserved"])
    assert ends(made) == [(1, ReservationEnd.REPLACED)]
    assert [(one.connector, one.id_tag) for one in made.station.view().reservations] == [(TWO, OTHER)]
    assert reserve(made, TWO, in_s=10.0).is_accepted
    assert statuses(made, TWO) == ["Reserved"]


def test_a_replacement_that_is_refused_leaves_the_old_one() -> None:
    """All or nothing."""
    made = bench()
    reserve(made)
    made.plug(TWO)
    assert reserve(made, TWO).verdict is Verdict.OCCUPIED
    assert [(one.connector, one.reservation_id) for one in made.station.view().reservations] == [(ONE, 1)]
    assert status(made, ONE) is ConnectorStatus.RESERVED


def test_cancel() -> None:
    """TC_051 and 052: an unknown number is Rejected and ends nothing; the right one frees the connector for everybody."""
    made = bench(connectors=1)
    reserve(made)
    assert made.send(CancelReservation(7)).verdict is Verdict.REJECTED
    assert status(made, ONE) is ConnectorStatus.RESERVED
    assert made.send(CancelReservation(1)).is_accepted
    assert statuses(made, ONE) == ["Reserved", "Available"]
    charge(made, OTHER)
    (started,) = made.told(TransactionStarted)
    assert (started.id_tag, started.reservation_id) == (OTHER, None)


# --- who may start ------------------------------------------------------------------------------------------------------------------


def test_the_reserving_card_starts_and_the_reservation_is_used_up() -> None:
    """TC_046_1: another card does nothing; the right one leads to Preparing, and its transaction names the reservation.

    Field lesson MicroOcpp#163.
    """
    made = bench(connectors=1)
    reserve(made)
    assert not made.swipe(OTHER).is_accepted
    assert made.told(AuthorizationAsked) == []
    assert "reserved for another token" in made.told(AuthorizationRefused)[0].reason
    charge(made)
    assert statuses(made, ONE)[:3] == ["Reserved", "Preparing", "Charging"]
    assert [(fact.id_tag, fact.reservation_id) for fact in made.told(TransactionStarted)] == [(CARD, 1)]
    assert ends(made) == [(1, ReservationEnd.USED)]
    assert made.station.view().reservations == ()


def test_plugging_in_does_not_end_it() -> None:
    """conformance.md, state Charging: Preparing is skipped when Reserved; the accepted token brings it."""
    made = bench(connectors=1)
    reserve(made)
    made.plug()
    assert statuses(made, ONE) == ["Reserved"]
    made.swipe()
    assert statuses(made, ONE) == ["Reserved"]  # not accepted yet
    made.answer()
    assert statuses(made, ONE)[:2] == ["Reserved", "Preparing"]


@pytest.mark.parametrize("is_asked", [True, False])
def test_the_reserving_token_starts_remotely(is_asked: bool) -> None:
    """TC_046_2."""
    made = bench(connectors=1, authorize_remote_tx_requests=is_asked)
    reserve(made)
    assert made.send(RemoteStart(OTHER, ONE)).verdict is Verdict.REJECTED
    assert made.send(RemoteStart(CARD, ONE)).is_accepted
    if is_asked:
        made.answer()
    made.plug()
    for _ in range(12):
        made.step()
    assert [fact.reservation_id for fact in made.told(TransactionStarted)] == [1]


@pytest.mark.parametrize("is_remote", [True, False])
def test_one_of_the_group_starts(is_remote: bool) -> None:
    """TC_053_1 and 053_2: whether it is of the group, the central system says."""
    made = bench(connectors=1)
    reserve(made, parent=FLEET)
    assert (made.send(RemoteStart(OTHER, ONE)) if is_remote else made.swipe(OTHER)).is_accepted
    assert len(made.told(AuthorizationAsked)) == 1
    made.answer(ACCEPTED, "fleet")
    made.plug()
    for _ in range(12):
        made.step()
    assert [(fact.id_tag, fact.reservation_id) for fact in made.told(TransactionStarted)] == [(OTHER, 1)]


@pytest.mark.parametrize("parent", ["OTHERS", None])
@pytest.mark.parametrize("is_remote", [True, False])
def test_one_of_another_group_does_not(parent: str | None, is_remote: bool) -> None:
    """Accepted by the central system, and refused here."""
    made = bench(connectors=1)
    reserve(made, parent=FLEET)
    made.plug()
    made.send(RemoteStart(OTHER, ONE)) if is_remote else made.swipe(OTHER)
    made.answer(ACCEPTED, parent)
    assert made.told(TransactionStarted) == []
    assert "reserved for another token" in made.told(AuthorizationRefused)[0].reason
    assert status(made, ONE) is ConnectorStatus.RESERVED


def test_the_group_is_known_by_the_list() -> None:
    """OCPP 1.6, 5.13: list and cache are looked at first; nobody is asked."""
    made = bench(connectors=1, **PRE)
    made.send(UpdateLocalList(1, True, (ListEntry(OTHER, ACCEPTED, FLEET), ListEntry(IdTag("X"), ACCEPTED, IdTag("ELSE"))), 9))
    reserve(made, parent=FLEET)
    made.plug()
    assert not made.swipe("X").is_accepted
    made.swipe(OTHER)
    for _ in range(12):
        made.step()
    assert made.told(AuthorizationAsked) == []
    assert [(fact.id_tag, fact.reservation_id) for fact in made.told(TransactionStarted)] == [(OTHER, 1)]


def test_a_reserved_connector_is_left_to_its_token_by_everything_else() -> None:
    """A card with no plug goes to the free one, a remote start without a number too; the reserving card to its own."""
    made = bench()
    reserve(made)
    made.send(RemoteStart(OTHER))
    assert made.view(TWO).id_tag == OTHER
    made.swipe()
    made.answer()
    assert made.view(ONE).id_tag == CARD


@pytest.mark.parametrize("choice", [FreeChoice.FIRST, FreeChoice.ANY])
def test_a_remote_start_without_a_number_finds_its_reservation(choice: FreeChoice) -> None:
    """Though another connector comes first."""
    built = station_settings()
    made = CoreBench(dataclasses.replace(built, policy=dataclasses.replace(built.policy, remote_start_without_connector=choice)))
    reserve(made, TWO)
    made.plug(ONE)
    assert made.send(RemoteStart(CARD)).is_accepted
    assert made.view(TWO).id_tag == CARD


def test_a_card_that_follows_its_cable_takes_no_reserved_connector() -> None:
    """Shown first, and plugged in where somebody else has reserved."""
    made = bench()
    reserve(made, TWO)
    made.swipe(OTHER)
    made.answer()
    assert made.view(ONE).id_tag == OTHER
    made.plug(TWO)
    assert (made.view(ONE).id_tag, made.view(TWO).id_tag) == (OTHER, None)
    assert status(made, TWO) is ConnectorStatus.RESERVED


def test_a_technician_does_not_start_there_either() -> None:
    """What would make it succeed is said."""
    made = bench()
    reserve(made)
    reply = made.send(LocalStart(ONE, OTHER))
    assert (reply.verdict, reply.reason) == (Verdict.REJECTED, "The connector is reserved for another token.")


# --- the station --------------------------------------------------------------------------------------------------------------------


def test_one_connector_of_the_station_stays_free() -> None:
    """TC_049: nothing is shown while more are free; the last one is Reserved, and refuses others. Field lesson EVerest#521."""
    made = bench()
    assert reserve(made, STATION).is_accepted
    assert statuses(made, ONE) == statuses(made, TWO) == []
    charge(made, OTHER, ONE)
    assert status(made, TWO) is ConnectorStatus.RESERVED
    third = IdTag("0D")
    assert not made.swipe(third).is_accepted
    assert made.send(RemoteStart(third, TWO)).verdict is Verdict.REJECTED
    charge(made, CARD, TWO)
    assert [(fact.connector, fact.id_tag, fact.reservation_id) for fact in made.told(TransactionStarted)] == [
        (ONE, OTHER, None),
        (TWO, CARD, 1),
    ]
    assert statuses(made, TWO)[:2] == ["Reserved", "Preparing"]
    assert ends(made) == [(1, ReservationEnd.USED)]


def test_the_last_free_connector_is_kept_from_a_foreign_plug() -> None:
    """Plugged in there, it stays Reserved, and its reservation stands."""
    made = bench(connectors=1)
    reserve(made, STATION)
    assert statuses(made, ONE) == ["Reserved"]
    made.plug()
    assert not made.swipe(OTHER).is_accepted
    made.unplug()
    assert statuses(made, ONE) == ["Reserved"]
    charge(made)
    assert [fact.reservation_id for fact in made.told(TransactionStarted)] == [1]


def test_a_connector_that_is_free_again_ends_the_shortage() -> None:
    """The connector that was left is Available again, and the other one too."""
    made = bench()
    reserve(made, STATION)
    made.plug(ONE)
    assert status(made, TWO) is ConnectorStatus.RESERVED
    made.unplug(ONE)
    assert (statuses(made, ONE), statuses(made, TWO)) == (["Preparing", "Available"], ["Reserved", "Available"])


def test_reservations_of_the_station_and_of_a_connector_add_up() -> None:
    """Each takes one away; a station with none left to keep is Occupied."""
    made = bench()
    assert reserve(made, ONE, 1).is_accepted
    assert reserve(made, STATION, 2, tag=OTHER).is_accepted
    assert status(made, TWO) is ConnectorStatus.RESERVED
    assert reserve(made, STATION, 3).verdict is Verdict.OCCUPIED
    assert reserve(made, TWO, 4).verdict is Verdict.OCCUPIED
    made.send(CancelReservation(1))
    assert (status(made, ONE), status(made, TWO)) == (ConnectorStatus.AVAILABLE, ConnectorStatus.AVAILABLE)


def test_a_station_with_mixed_connectors() -> None:
    """One that can be kept is enough; else what is likeliest to end is told."""
    made = bench()
    made.send(ChangeAvailability(ONE, is_operative=False))
    assert reserve(made, STATION, 1).is_accepted
    made.send(CancelReservation(1))
    made.plug(TWO)
    assert reserve(made, STATION, 2).verdict is Verdict.OCCUPIED
    made.unplug(TWO)
    made.send(RaiseFault(TWO, "over-temperature"))
    assert reserve(made, STATION, 3).verdict is Verdict.UNAVAILABLE


# --- the end ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_online", [True, False])
@pytest.mark.parametrize("connector", [ONE, STATION])
def test_it_expires(connector: ConnectorId, is_online: bool) -> None:
    """TC_047: at its time, neither before nor after, with and without the central system; then anybody may charge.

    Field lesson cp-simulator#205.
    """
    made = CoreBench(station_settings(connectors=1), is_online=is_online)
    reserve(made, connector, in_s=30.0)
    made.wait(29.9)
    assert statuses(made, ONE) == ["Reserved"]
    assert made.station.next_deadline_s() - made.mono_s == pytest.approx(0.1)
    made.wait(0.2)
    assert statuses(made, ONE) == ["Reserved", "Available"]
    assert ends(made) == [(1, ReservationEnd.EXPIRED)]


def test_a_clock_that_is_set_moves_the_expiry() -> None:
    """It is a time of the day: seen at once at any event, and within a minute where nothing happens."""
    made = bench(connectors=1)
    reserve(made, in_s=3600.0)
    made.utc_shift_s += 3590.0
    made.wait(60.0)
    assert ends(made) == [(1, ReservationEnd.EXPIRED)]


def test_an_accepted_token_holds_it_and_gives_it_back() -> None:
    """It does not expire under who is fetching the cable; without a cable it stands again, and is over when its time was meanwhile."""
    made = bench(connectors=1, connection_time_out_s=20)
    reserve(made, in_s=30.0)
    made.swipe()
    made.answer()
    made.wait(21.0)
    assert statuses(made, ONE) == ["Reserved", "Preparing", "Available", "Reserved"]
    made.swipe()
    made.answer()
    made.wait(15.0)
    assert (status(made, ONE), ends(made)) == (ConnectorStatus.PREPARING, [])
    made.wait(6.0)
    assert statuses(made, ONE)[-1] == "Available"
    assert ends(made) == [(1, ReservationEnd.EXPIRED)]


@pytest.mark.parametrize(
    ("before", "end"), [(faulted, ReservationEnd.FAULTED), (inoperative, ReservationEnd.UNAVAILABLE)], ids=["faulted", "inoperative"]
)
@pytest.mark.parametrize("connector", [ONE, STATION])
def test_a_connector_that_is_lost_ends_it(before, end: ReservationEnd, connector: ConnectorId) -> None:  # type: ignore[no-untyped-def]
    """OCPP 1.6, 5.13; afterwards the connector is free."""
    made = bench(connectors=1)
    reserve(made, connector)
    before(made)
    assert ends(made) == [(1, end)]
    made.send(ClearFault(ONE, "over-temperature"))
    made.send(ChangeAvailability(ONE, is_operative=True))
    assert statuses(made, ONE)[-1] == "Available"


def test_of_the_station_only_the_last_connector_ends_it() -> None:
    """While one is left that may become free, it stands."""
    made = bench()
    reserve(made, STATION)
    made.plug(TWO)
    faulted(made)
    assert ends(made) == []
    made.send(RaiseFault(TWO, "over-temperature"))
    assert ends(made) == [(1, ReservationEnd.FAULTED)]


def test_a_cancelled_one_is_not_named_by_the_token_that_was_accepted() -> None:
    """The token stays accepted; there is nothing to use up."""
    made = bench(connectors=1)
    reserve(made)
    made.swipe()
    made.answer()
    assert made.send(CancelReservation(1)).is_accepted
    made.plug()
    for _ in range(12):
        made.step()
    assert [fact.reservation_id for fact in made.told(TransactionStarted)] == [None]


# --- over a restart -----------------------------------------------------------------------------------------------------------------


def restarted(built: StationSettings, *kept: Reserved) -> CoreBench:
    """A station whose devices have not spoken yet."""
    made = CoreBench(built)
    made.station = made._new_station()
    made.facts.clear()
    made.facts += made.station.restore(Restored(reservations=kept, has_been_accepted=True), made.now())
    return made


def test_it_stands_after_a_restart() -> None:
    """With the devices slow to answer, which looks like a fault first; a foreign vehicle that came meanwhile gets nothing."""
    made = restarted(station_settings(connectors=1), Reserved(ONE, 1, CARD, UTC0 + 400.0))
    made.send(RaiseFault(ONE, "over-temperature"))
    made.send(ClearFault(ONE, "over-temperature"))
    made.unplug()
    made.freshen(ONE)
    made.plug()
    assert not made.swipe(OTHER).is_accepted
    assert statuses(made, ONE)[-1] == "Reserved"
    made.send(RaiseFault(ONE, "over-temperature"))
    assert ends(made) == [(1, ReservationEnd.FAULTED)]


def test_one_that_expired_meanwhile_is_over() -> None:
    """And one of a connector that the configuration has no more."""
    kept = (Reserved(ONE, 1, CARD, UTC0 + 99.0), Reserved(ConnectorId(5), 2, CARD, UTC0 + 400.0))
    made = restarted(station_settings(), *kept)
    assert ends(made) == [(1, ReservationEnd.EXPIRED), (2, ReservationEnd.UNAVAILABLE)]


def test_without_a_known_time_nothing_expires() -> None:
    """A board without a clock waits for the central system's."""
    made = restarted(station_settings(connectors=1), Reserved(ONE, 1, CARD, UTC0 + 99.0))
    made.station = made._new_station()
    dark = dataclasses.replace(made.now(), is_utc_trusted=False)
    assert made.station.restore(Restored(reservations=(Reserved(ONE, 1, CARD, UTC0 + 99.0),)), dark) == []
    made.facts.clear()
    made.wait(60.0)
    assert ends(made) == [(1, ReservationEnd.EXPIRED)]


# --- what is told -------------------------------------------------------------------------------------------------------------------


def test_every_status_may_follow_the_one_before() -> None:
    """OCPP 1.6, 4.9, over all that can happen to a reserved connector."""
    made = bench(connectors=2, connection_time_out_s=5)
    reserve(made, STATION, 1)
    reserve(made, ONE, 2, tag=OTHER)
    for connector in (ONE, TWO):
        made.plug(connector)
        made.wait(6.0)
    for number in (1, 2):
        made.send(CancelReservation(number))
    for connector in (ONE, TWO):
        made.unplug(connector)
    reserve(made, STATION, 3, in_s=20.0)
    charge(made, OTHER, ONE)
    made.swipe(CARD)
    made.answer()
    made.wait(30.0)
    for connector in (ONE, TWO):
        told = [
            StatusChanged(connector, ConnectorStatus.AVAILABLE),
            *(one for one in made.told(StatusChanged) if one.connector == connector),
        ]
        assert len(told) > 5
        assert [problem for before, after in pairwise(told) for problem in problems(before, after)] == []
