"""Sessions on an AC socket: the lock that holds the plug, and a cable with two ends that can be pulled."""

from __future__ import annotations

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    GateTripped,
    IdTagInfo,
    LockUpdated,
    RemoteStart,
    RemoteStop,
    StartAnswered,
    StopReason,
    Tick,
    UnlockConnector,
    Verdict,
)
from chargerd.core.facts import (
    AuthorizationRefused,
    AuthorizationWithdrawn,
    FaultRaised,
    Phase,
    StatusChanged,
    TransactionStarted,
    TransactionStopped,
    UnlockFinished,
)
from chargerd.core.ids import IdTag, LocalId
from chargerd.core.settings import ConnectorKind
from hal.types import ControlPilot, LockState
from tests.support.core_bench import CARD, ONE, AcBench, station_settings


def socket(**keys: object) -> AcBench:
    """A station with one socket; keys: the settings that differ."""
    return AcBench(station_settings(kind=ConnectorKind.TYPE2_SOCKET, connectors=1, **keys))  # type: ignore[arg-type]


def charging(bench: AcBench | None = None, parent: str | None = None) -> AcBench:
    """Energy flows, the plug is held."""
    bench = bench or socket()
    bench.plug()
    bench.swipe()
    bench.answer(parent=parent)
    bench.drive_to(Phase.DELIVERING)
    bench.step()
    bench.step()
    assert bench.view(ONE).is_contactor_closed
    return bench


def pulled_at_the_vehicle(*, stops: bool, unlocks: bool, parent: str | None = None) -> AcBench:
    """The cable was pulled from the vehicle while energy flowed, with these two keys."""
    keys = {"stop_transaction_on_ev_side_disconnect": stops, "unlock_connector_on_ev_side_disconnect": unlocks}
    bench = charging(socket(**keys), parent)
    bench.unplug_vehicle()
    assert not bench.outputs().contactor
    return bench


def told_last(bench: AcBench) -> tuple[str, str, str]:
    status: StatusChanged = bench.told(StatusChanged, ONE)[-1]
    return status.status.value, status.error_code, status.info


# --- the lock ----------------------------------------------------------------------------------------------------------------------------


def test_the_transaction_begins_once_the_plug_is_held() -> None:
    """Card, lock, transaction, duty, contactor: in this order."""
    bench = socket()
    bench.plug()
    bench.swipe()
    bench.answer()
    assert (bench.phase(), bench.outputs().lock, bench.offered_a()) == (Phase.LOCKING, True, 0.0)
    assert not bench.told(TransactionStarted)
    bench.send(LockUpdated(ONE, LockState.LOCKED))
    assert (bench.phase(), bench.offered_a()) == (Phase.HANDSHAKE, 32.0)
    assert bench.told(TransactionStarted)


@pytest.mark.parametrize("remote", [False, True])
def test_a_plug_that_is_not_held_gives_no_transaction(remote: bool) -> None:
    """TC_024: Faulted with ConnectorLockFailure, nothing begun; pulling the plug clears it, and the next try works."""
    bench = socket()
    if remote:
        bench.send(RemoteStart(CARD, ONE))
    bench.plug()
    if not remote:
        bench.swipe()
        bench.answer()
    bench.send(LockUpdated(ONE, LockState.FAILED))
    bench.wait(bench.built.timing.lock_s + 1)
    assert told_last(bench)[:2] == ("Faulted", "ConnectorLockFailure")
    assert not bench.told(TransactionStarted)
    assert bench.told(AuthorizationWithdrawn)
    bench.finish()
    bench.unplug()
    assert told_last(bench) == ("Available", "NoError", "")
    charging(bench)


@pytest.mark.parametrize("state", [LockState.UNLOCKED, LockState.FAILED])
def test_a_lock_that_gives_way_under_load_opens(state: LockState) -> None:
    """A plug that can be pulled must not be live."""
    bench = charging()
    bench.send(LockUpdated(ONE, state))
    assert (bench.phase(), bench.outputs().contactor, bench.offered_a()) == (Phase.OPENING, False, 0.0)
    assert told_last(bench)[:2] == ("Faulted", "ConnectorLockFailure")


def test_a_lock_that_does_not_open_is_a_warning() -> None:
    """The session is over all the same: Finishing, with ConnectorLockFailure beside it."""
    bench = charging()
    bench.swipe()
    bench.drive_to(Phase.UNLOCKING)
    bench.send(LockUpdated(ONE, LockState.FAILED))
    bench.wait(bench.built.timing.lock_s + 1)
    assert (bench.phase(), *told_last(bench)[:2]) == (Phase.WAIT_UNPLUG, "Finishing", "ConnectorLockFailure")
    assert len(bench.told(TransactionStopped)) == 1


def test_an_unlock_that_fails_is_told_once_the_lock_has_had_its_time() -> None:
    """TC_030: with nobody in session that is the lock's own time and no more."""
    bench = socket()
    bench.send(LockUpdated(ONE, LockState.FAILED))
    reply = bench.send(UnlockConnector(ONE))
    bench.wait(bench.built.timing.lock_s - 0.1)
    assert not bench.told(UnlockFinished)
    bench.wait(0.1)
    assert bench.told(UnlockFinished) == [UnlockFinished(ONE, reply.ticket, is_unlocked=False)]


def test_each_unlock_that_is_ordered_has_the_lock_try_again() -> None:
    """A motor that has given up cannot see from the level alone that somebody has pressed the plug in and asks once more."""
    bench = socket()
    before = bench.outputs()
    bench.send(UnlockConnector(ONE))
    after = bench.outputs()
    assert (before.lock, after.lock) == (False, False)
    assert after.lock_attempt == before.lock_attempt + 1


def test_the_time_of_the_lock_begins_when_the_session_lets_go_of_it() -> None:
    """Current has to fall and the contactor to open first; then the motor has as long as ever."""
    bench = charging()
    reply = bench.send(UnlockConnector(ONE))
    bench.wait(bench.built.timing.lock_s - 0.1)
    bench.drive_to(Phase.UNLOCKING)
    bench.send(LockUpdated(ONE, LockState.FAILED))
    bench.wait(bench.built.timing.lock_s - 0.1)
    assert not bench.told(UnlockFinished)
    bench.wait(0.1)
    assert bench.told(UnlockFinished) == [UnlockFinished(ONE, reply.ticket, is_unlocked=False)]
    assert bench.told(TransactionStopped)[0].reason is StopReason.UNLOCK_COMMAND


def test_an_ordinary_end_releases_the_plug() -> None:
    """OCPP 1.6, 4.10: after the stop the cable can be taken."""
    bench = charging()
    bench.swipe()
    bench.finish()
    assert not bench.outputs().lock
    assert told_last(bench) == ("Finishing", "NoError", "")
    bench.unplug()
    assert told_last(bench) == ("Available", "NoError", "")


def test_a_welded_contactor_keeps_the_plug_locked() -> None:
    """The socket may be live."""
    bench = charging()
    bench.send(GateTripped(ONE, "contactor-welded"))
    bench.drive_to(Phase.WAIT_UNPLUG)
    bench.send(Tick())
    assert bench.outputs().lock


# --- the vehicle's end -------------------------------------------------------------------------------------------------------------------


def test_pulled_at_the_vehicle_ends_and_releases() -> None:
    """Both keys true (TC_005_1): EVDisconnected, Finishing until the cable is taken from the socket too."""
    bench = pulled_at_the_vehicle(stops=True, unlocks=True)
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.EV_DISCONNECTED
    assert told_last(bench) == ("Finishing", "NoError", "EV side disconnected")
    assert not bench.outputs().lock
    bench.unplug()
    assert told_last(bench) == ("Available", "NoError", "")


def test_pulled_at_the_vehicle_ends_and_keeps_the_cable() -> None:
    """Unlock false (TC_005_2): the cable stays in until its owner's card, or an UnlockConnector."""
    bench = pulled_at_the_vehicle(stops=True, unlocks=False)
    bench.finish()
    assert (bench.outputs().lock, *told_last(bench)) == (True, "Finishing", "NoError", "EV side disconnected")
    reply = bench.send(UnlockConnector(ONE))
    assert reply.verdict is Verdict.PENDING
    bench.step()
    assert bench.told(UnlockFinished) == [UnlockFinished(ONE, reply.ticket, is_unlocked=True)]
    bench.unplug()
    assert told_last(bench)[0] == "Available"


@pytest.mark.parametrize(
    ("card", "parent", "opens"),
    [(CARD, None, True), ("COLLEAGUE", "FLEET", True), ("STRANGER", "OTHERS", False), ("STRANGER", None, False)],
)
def test_whose_card_releases_a_kept_cable(card: str, parent: str | None, opens: bool) -> None:
    """OCPP 1.6 errata 3.5: the same identity or one of its group; nobody else can take it, nor charge with it."""
    bench = pulled_at_the_vehicle(stops=True, unlocks=False, parent="FLEET")
    bench.finish()
    bench.swipe(card)
    if card != CARD:
        bench.answer(parent=parent)
    assert bench.outputs().lock is not opens
    assert len(bench.told(TransactionStarted)) == 1
    assert bool(bench.told(AuthorizationRefused)) is not opens


@pytest.mark.parametrize("unlocks", [False, True])
def test_pulled_at_the_vehicle_waits_for_it(unlocks: bool) -> None:
    """Stop false (TC_005_3), and it wins over the other key: SuspendedEV, cable locked, transaction open; back in, energy flows again."""
    bench = pulled_at_the_vehicle(stops=False, unlocks=unlocks)
    bench.step()
    bench.wait(600)
    assert (bench.phase(), bench.outputs().lock, *told_last(bench)) == (
        Phase.PAUSED_EV,
        True,
        "SuspendedEV",
        "NoError",
        "EV side disconnected",
    )
    bench.plug()
    assert told_last(bench) == ("SuspendedEV", "NoError", "")
    bench.drive_to(Phase.DELIVERING)
    assert not bench.told(TransactionStopped)
    assert len(bench.told(TransactionStarted)) == 1


def test_a_session_that_waits_for_its_vehicle_can_be_stopped() -> None:
    """TC_005_3: RemoteStop gives StopTransaction Remote and Finishing, and the cable is free."""
    bench = pulled_at_the_vehicle(stops=False, unlocks=False)
    bench.send(StartAnswered(LocalId("tx1"), CARD, 77, IdTagInfo(AuthorizationStatus.ACCEPTED), settles=1))
    assert bench.send(RemoteStop(77)).is_accepted
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.REMOTE
    assert (bench.outputs().lock, *told_last(bench)) == (False, "Finishing", "NoError", "EV side disconnected")


def test_an_empty_socket_ends_whatever_the_keys_say() -> None:
    """A plug torn out of our socket leaves nothing to wait for."""
    bench = charging(socket(stop_transaction_on_ev_side_disconnect=False))
    bench.unplug()
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)
    bench.drive_to(Phase.IDLE)
    assert bench.told(TransactionStopped)[0].reason is StopReason.EV_DISCONNECTED


def test_a_token_refused_afterwards_keeps_the_cable() -> None:
    """OCPP 1.6 errata 3.5: DeAuthorized, and the cable stays in until the same card is shown."""
    bench = charging()
    bench.send(StartAnswered(LocalId("tx1"), CARD, 77, IdTagInfo(AuthorizationStatus.INVALID), settles=1))
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.DE_AUTHORIZED
    assert bench.outputs().lock
    assert bench.swipe().is_accepted
    assert not bench.outputs().lock


def test_a_remote_start_waits_for_the_vehicle_on_a_cable_that_is_in_already() -> None:
    """After a session the cable was left in the socket: Preparing until the vehicle is there (F2), not thrown away at once."""
    bench = pulled_at_the_vehicle(stops=True, unlocks=True)
    bench.finish()
    assert bench.send(RemoteStart(IdTag("NEXT"), ONE)).is_accepted
    assert bench.phase() is Phase.WAIT_CABLE
    bench.plug()
    bench.drive_to(Phase.DELIVERING)
    assert [fact.id_tag for fact in bench.told(TransactionStarted)] == [CARD, "NEXT"]


def test_a_cable_without_a_vehicle_is_no_session() -> None:
    """Only the pilot says that a vehicle is there."""
    bench = socket()
    bench.unplug_vehicle()
    assert (bench.phase(), bench.outputs().lock) == (Phase.IDLE, False)
    bench.ev(ONE, control_pilot=ControlPilot.B)
    assert bench.phase() is Phase.WAIT_AUTH
    bench.unplug_vehicle()
    assert bench.phase() is Phase.IDLE
    assert not bench.told(FaultRaised)
