"""Availability, kept apart for station and connectors, and resets that do not come (OCPP 1.6, 5.2 and 5.14)."""

from __future__ import annotations

import pytest

from chargerd.core.events import ChangeAvailability, LinkChanged, RemoteStart, Reset, ResetKind, Verdict
from chargerd.core.facts import AvailabilityChanged, FaultRaised, Phase, RestartRequested, Restored
from chargerd.core.ids import STATION, ConnectorId
from tests.support.core_bench import CARD, ONE, TWO, CoreBench, station_settings

NINE = ConnectorId(9)


def change(bench: CoreBench, connector: ConnectorId, *, is_operative: bool) -> Verdict:
    return bench.send(ChangeAvailability(connector, is_operative)).verdict


def test_it_waits_for_the_session() -> None:
    """Scheduled while charging, Unavailable afterwards (field lesson libocpp#809: never Available between), Operative again at once."""
    bench = CoreBench()
    bench.charge()
    assert change(bench, ONE, is_operative=False) is Verdict.SCHEDULED
    assert bench.phase() is Phase.DELIVERING
    bench.swipe()
    bench.finish()
    assert bench.statuses()[-2:] == ["Finishing", "Unavailable"]
    bench.unplug()
    assert not bench.send(RemoteStart(CARD, ONE)).is_accepted
    assert change(bench, ONE, is_operative=True) is Verdict.ACCEPTED
    assert bench.statuses()[-1] == "Available"


def test_an_unplugged_session_ends_unavailable() -> None:
    """The same when the cable is taken out in mid-session (C8)."""
    bench = CoreBench()
    bench.charge()
    change(bench, ONE, is_operative=False)
    bench.unplug()
    bench.drive_to(Phase.IDLE)
    assert "Available" not in bench.statuses()[1:]
    assert bench.statuses()[-1] == "Unavailable"


def test_a_plugged_vehicle_that_waits_is_not_turned_away_at_once() -> None:
    """There is no B8: Scheduled while Preparing, no start meanwhile; when the time is over Finishing (B6), then Unavailable (F8)."""
    bench = CoreBench()
    bench.plug()
    assert change(bench, ONE, is_operative=False) is Verdict.SCHEDULED
    assert bench.statuses()[-1] == "Preparing"
    assert not bench.send(RemoteStart(CARD, ONE)).is_accepted
    bench.wait(61)
    assert bench.statuses() == ["Preparing", "Finishing", "Unavailable"]


def test_a_token_that_waits_for_its_cable_waits_in_vain() -> None:
    """Identified and not plugged: the authorisation is withdrawn, the change is effective at once."""
    bench = CoreBench()
    bench.swipe()
    bench.answer()
    assert bench.phase() is Phase.WAIT_CABLE
    assert change(bench, ONE, is_operative=False) is Verdict.ACCEPTED
    assert bench.phase() is Phase.IDLE
    assert bench.statuses()[-1] == "Unavailable"


def test_operative_cancels_what_is_scheduled() -> None:
    """A later Operative cancels a scheduled change, of a connector and of the station."""
    bench = CoreBench()
    bench.charge()
    for connector in (ONE, STATION):
        assert change(bench, connector, is_operative=False) is Verdict.SCHEDULED
        assert change(bench, connector, is_operative=True) is Verdict.ACCEPTED
    bench.swipe()
    bench.finish()
    bench.unplug()
    assert bench.statuses()[-1] == "Available"
    assert "Unavailable" not in bench.statuses() + bench.statuses(STATION)


def test_the_station_follows_the_last_session() -> None:
    """Connector 0: idle connectors change at once, the busy one later, then the station itself."""
    bench = CoreBench()
    bench.charge()
    assert change(bench, STATION, is_operative=False) is Verdict.SCHEDULED
    assert bench.statuses(TWO)[-1] == "Unavailable"
    assert "Unavailable" not in bench.statuses(STATION)
    bench.swipe()
    bench.finish()
    assert bench.statuses()[-1] == "Unavailable"
    assert bench.statuses(STATION)[-1] == "Unavailable"
    assert [fact.is_scheduled for fact in bench.told(AvailabilityChanged, STATION)] == [True, False]


def test_station_and_connector_are_kept_apart() -> None:
    """Rules, section 9 (choice): effective is both; an Operative for the station does not bring back a connector that is out by itself."""
    bench = CoreBench()
    change(bench, ONE, is_operative=False)
    change(bench, STATION, is_operative=False)
    assert (bench.statuses()[-1], bench.statuses(TWO)[-1]) == ("Unavailable", "Unavailable")
    change(bench, STATION, is_operative=True)
    assert (bench.statuses()[-1], bench.statuses(TWO)[-1], bench.statuses(STATION)[-1]) == ("Unavailable", "Available", "Available")


@pytest.mark.parametrize("is_operative", [True, False])
def test_what_is_so_already_is_accepted(is_operative: bool) -> None:
    """OCPP 1.6, 5.2; a connector that does not exist is Rejected."""
    bench = CoreBench()
    for connector in (ONE, STATION):
        change(bench, connector, is_operative=is_operative)
        assert change(bench, connector, is_operative=is_operative) is Verdict.ACCEPTED
    assert change(bench, NINE, is_operative=is_operative) is Verdict.REJECTED


def test_a_restart_keeps_both() -> None:
    """T 034, field lesson open-ocpp#246: what was out of operation is so after a restart."""
    bench = CoreBench()
    bench.facts += bench.station.restore(Restored(inoperative=frozenset({STATION, TWO}), has_been_accepted=True), bench.now())
    assert [bench.statuses(one)[-1] for one in (STATION, ONE, TWO)] == ["Unavailable"] * 3
    change(bench, STATION, is_operative=True)
    assert [bench.statuses(one)[-1] for one in (STATION, ONE, TWO)] == ["Available", "Available", "Unavailable"]


# --- reset ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "retries"), [(ResetKind.SOFT, 0), (ResetKind.HARD, 2)])
def test_a_restart_that_does_not_come_is_asked_for_again_and_then_told(kind: ResetKind, retries: int) -> None:
    """ResetRetries, then errorCode ResetFailure, and the station charges again."""
    bench = CoreBench(station_settings(reset_retries=retries))
    bench.send(Reset(kind))
    assert len(bench.told(RestartRequested)) == 1
    assert not bench.send(RemoteStart(CARD, ONE)).is_accepted
    bench.wait(31 * (retries + 1))
    assert len(bench.told(RestartRequested)) == 1 + retries
    (fault,) = bench.told(FaultRaised, STATION)
    assert fault.error_code == "ResetFailure"
    assert bench.statuses(STATION) == ["Available"]
    bench.charge()
    assert bench.phase() is Phase.DELIVERING


# --- the first acceptance ------------------------------------------------------------------------------------------------------------


def test_nobody_charges_before_the_first_acceptance() -> None:
    """OCPP 1.6, 4.2.1: an operator's option, off by default; a station that was accepted once charges by the offline rules ever after."""
    settings = {"allow_offline_tx_for_unknown_id": True}
    for restored, may_charge in ((Restored(), False), (Restored(has_been_accepted=True), True)):
        bench = CoreBench(station_settings(**settings), is_online=False)
        bench.station.restore(restored, bench.now())
        bench.plug()
        bench.swipe()
        assert (bench.phase() is Phase.HANDSHAKE) is may_charge
    bench.send(LinkChanged(is_accepted=True))
    assert bench.view(ONE).transaction is not None
