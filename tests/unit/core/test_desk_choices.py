"""What OCPP leaves open or says in passing: remote starts and stops, start points, the second swipe, who is named in a stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    ChangeAvailability,
    ClearCache,
    Event,
    IdTagInfo,
    LocalStop,
    RaiseFault,
    RemoteStart,
    RemoteStop,
    Shutdown,
    StartAnswered,
    StopReason,
    TokenPresented,
)
from chargerd.core.facts import AuthorizationWithdrawn, Phase, TransactionStarted, TransactionStopped
from chargerd.core.ids import STATION, ConnectorId, IdTag, LocalId
from chargerd.core.settings import FreeChoice, Policy, StartPoint
from tests.support.core_bench import CARD, ONE, TWO, CoreBench, station_settings


def with_policy(**policy: object) -> CoreBench:
    return CoreBench(replace(station_settings(), policy=Policy(**policy)))  # type: ignore[arg-type]


def answered(status: AuthorizationStatus, number: int = 5) -> StartAnswered:
    return StartAnswered(LocalId("tx1"), CARD, number, IdTagInfo(status), settles=1)


def test_a_cache_that_is_off_cannot_be_cleared() -> None:
    """E 3.23: Rejected without a cache, Accepted with one."""
    assert not CoreBench(station_settings(authorization_cache_enabled=False)).send(ClearCache()).is_accepted
    assert CoreBench().send(ClearCache()).is_accepted


@pytest.mark.parametrize("is_plugged", [True, False])
def test_a_second_swipe_before_the_start_ends_it(is_plugged: bool) -> None:
    """Rules, section 6: an authorisation without a transaction ends with the second swipe of its token (B1)."""
    bench = CoreBench()
    bench.swipe()
    bench.answer()
    assert bench.phase() is Phase.WAIT_CABLE
    bench.swipe()
    if is_plugged:
        bench.plug()
    assert bench.told(AuthorizationWithdrawn)
    assert not bench.told(TransactionStarted)
    assert bench.statuses()[1 if not is_plugged else -1] == ("Available" if not is_plugged else "Preparing")


def test_a_card_never_starts_a_cable_that_was_left_while_another_connector_is_free() -> None:
    """E 3.20: after a time-out or a session a card is the next customer's; with no other connector free it is this one's (F2)."""
    bench = CoreBench()
    bench.charge(ONE, "FIRST")
    bench.swipe("FIRST")
    bench.finish(ONE)
    bench.swipe("NEXT")
    bench.answer()
    assert [bench.phase(one) for one in (ONE, TWO)] == [Phase.WAIT_UNPLUG, Phase.WAIT_CABLE]
    bench.plug(TWO)
    bench.wait(1)
    assert [bench.phase(one) for one in (ONE, TWO)] == [Phase.WAIT_UNPLUG, Phase.HANDSHAKE]
    bench.swipe("THIRD")
    bench.answer()
    assert bench.phase(ONE) is Phase.HANDSHAKE


def test_a_card_stays_at_the_connectors_of_its_reader() -> None:
    """A reader for each connector: a vehicle that is plugged in elsewhere does not charge with this card."""
    bench = CoreBench()
    bench.send(TokenPresented(CARD, (ONE,), "reader1"))
    bench.answer()
    bench.plug(TWO)
    bench.wait(1)
    assert [bench.phase(one) for one in (ONE, TWO)] == [Phase.WAIT_CABLE, Phase.WAIT_AUTH]


@pytest.mark.parametrize("status", [one for one in AuthorizationStatus if one is not AuthorizationStatus.ACCEPTED])
def test_whatever_is_not_accepted_after_the_start_counts(status: AuthorizationStatus) -> None:
    """Rules, section 6: ConcurrentTx in StartTransaction.conf is not Accepted either."""
    bench = CoreBench()
    bench.charge()
    bench.send(answered(status))
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.DE_AUTHORIZED


REFUSING: dict[str, tuple[Event, ...]] = {
    "faulted": (RaiseFault(ONE, "GroundFailure", "GroundFailure"),),
    "station faulted": (RaiseFault(STATION, "OtherError"),),
    "unavailable": (ChangeAvailability(ONE, is_operative=False),),
    "station unavailable": (ChangeAvailability(STATION, is_operative=False),),
    "about to restart": (Shutdown(),),
    "waits for another": (RemoteStart(IdTag("OTHER"), ONE),),
}


@pytest.mark.parametrize("case", REFUSING)
def test_a_remote_start_is_refused_where_nobody_could_start(case: str) -> None:
    """Rules, section 6: Rejected at once, not "will try"."""
    bench = CoreBench()
    for event in REFUSING[case]:
        bench.send(event)
    assert not bench.send(RemoteStart(CARD, ONE)).is_accepted


@pytest.mark.parametrize(
    ("choice", "plugged", "expected"),
    [
        (FreeChoice.REJECT, TWO, None),
        (FreeChoice.FIRST, TWO, ONE),
        (FreeChoice.ANY, TWO, TWO),
        (FreeChoice.ANY, None, ONE),
    ],
)
def test_a_remote_start_without_connector_goes_by_policy(choice: FreeChoice, plugged: ConnectorId | None, expected: object) -> None:
    """OCPP 1.6, 5.11: the station chooses, or refuses."""
    bench = with_policy(remote_start_without_connector=choice)
    if plugged is not None:
        bench.plug(plugged)
    assert bench.send(RemoteStart(CARD)).is_accepted is (expected is not None)
    assert [one for one in bench.ids() if bench.view(one).id_tag] == ([expected] if expected else [])


def test_a_remote_start_without_connector_needs_a_free_one() -> None:
    """Rejected when none is free."""
    bench = CoreBench()
    for connector in bench.ids():
        bench.send(ChangeAvailability(connector, is_operative=False))
    assert not bench.send(RemoteStart(CARD)).is_accepted


def test_a_remote_stop_needs_the_number_that_was_given() -> None:
    """E 3.33; a session begun offline has none yet; 0 and negative numbers are numbers (E 3.54)."""
    bench = CoreBench()
    bench.charge()
    assert not bench.send(RemoteStop(-1)).is_accepted
    bench.send(answered(AuthorizationStatus.ACCEPTED, number=0))
    assert not bench.send(RemoteStop(1)).is_accepted
    assert bench.send(RemoteStop(0)).is_accepted
    assert not bench.send(RemoteStop(0)).is_accepted


def test_the_time_out_holds_for_remote_starts() -> None:
    """T 011_2: from the start of Preparing, then Available and no authorisation is left."""
    bench = CoreBench()
    bench.send(RemoteStart(CARD, ONE))
    bench.wait(59)
    assert bench.statuses()[-1] == "Preparing"
    bench.wait(2)
    assert bench.statuses()[-1] == "Available"
    bench.plug()
    bench.wait(1)
    assert not bench.told(TransactionStarted)


@pytest.mark.parametrize(
    ("point", "phase"),
    [
        (StartPoint.AUTHORIZED, Phase.HANDSHAKE),
        (StartPoint.POWER_PATH_CLOSED, Phase.PRECHARGE),
        (StartPoint.ENERGY_TRANSFER, Phase.DELIVERING),
    ],
)
def test_the_start_point_decides_when_a_transaction_begins(point: StartPoint, phase: Phase) -> None:
    """The vendor's choice; the authorisation is a fact before the first phase in any case."""
    bench = with_policy(transaction_start_point=point)
    bench.plug()
    bench.swipe()
    bench.answer()
    seen = []
    while bench.phase() is not Phase.DELIVERING:
        seen.append((bench.phase(), bool(bench.told(TransactionStarted))))
        bench.step()
    seen.append((Phase.DELIVERING, bool(bench.told(TransactionStarted))))
    assert next(one for one, has_begun in seen if has_begun) is phase


def test_an_orderly_end_is_a_reboot() -> None:
    """The process is stopped: reason Reboot."""
    bench = CoreBench()
    bench.charge()
    bench.send(Shutdown())
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.REBOOT


def test_the_stop_names_a_token_only_where_one_stopped_it() -> None:
    """OCPP 1.6, 4.10: the card's stop does, that of the central system, of a technician and of a reset does not."""
    for event, id_tag in ((None, CARD), (RemoteStop(5), None), (LocalStop(ONE), None), (Shutdown(), None)):
        bench = CoreBench()
        bench.charge()
        bench.send(answered(AuthorizationStatus.ACCEPTED))
        bench.swipe() if event is None else bench.send(event)
        bench.finish()
        assert bench.told(TransactionStopped)[0].id_tag == id_tag
