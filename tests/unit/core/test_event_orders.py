"""Events in unlucky orders: answers that come late, requests that cross, devices that come back with old news."""

from __future__ import annotations

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    DeviceBack,
    DeviceLost,
    RemoteStart,
    Role,
    StorageChanged,
    Tick,
    TokenPresented,
    UnlockConnector,
)
from chargerd.core.facts import AuthorizationWithdrawn, Phase, TransactionStarted, UnlockFinished
from chargerd.core.ids import IdTag
from chargerd.core.settings import ConnectorKind
from hal.types import ControlPilot
from tests.support.core_bench import ONE, TWO, AcBench, CoreBench, station_settings


def test_a_time_out_that_waits_for_an_answer_wakes_nobody() -> None:
    """ConnectionTimeOut passes while the central system is asked: the answer is waited for, without turning in circles meanwhile."""
    bench = CoreBench(station_settings(connection_time_out_s=5))
    bench.plug()
    bench.swipe()
    bench.wait(6)
    assert bench.phase() is Phase.WAIT_AUTH
    bench.send(Tick())
    assert bench.station.next_deadline_s() > bench.mono_s
    bench.answer(AuthorizationStatus.BLOCKED)
    assert bench.phase() is Phase.WAIT_UNPLUG


def test_an_authorisation_that_leads_to_nothing_is_forgotten() -> None:
    """Plugged and identified while something blocks: after ConnectionTimeOut the token is used up, whatever ends the blocking later."""
    bench = CoreBench()
    bench.swipe()
    bench.answer()
    bench.send(StorageChanged(is_working=False))
    bench.plug()
    assert bench.phase() is Phase.WAIT_AUTH
    bench.wait(61)
    assert bench.told(AuthorizationWithdrawn)
    assert bench.statuses()[-1] == "Finishing"
    bench.send(StorageChanged(is_working=True))
    bench.wait(1)
    assert not bench.told(TransactionStarted)


@pytest.mark.parametrize("role", [Role.SECC, Role.METER])
def test_a_device_that_is_back_must_speak_before_energy_flows(role: Role) -> None:
    """Its last word before the loss, such as pilot C, closes no contactor."""
    bench = AcBench()
    bench.swipe()
    bench.answer()
    bench.send(StorageChanged(is_working=False))
    bench.ev(ONE, control_pilot=ControlPilot.C)
    bench.send(DeviceLost(ONE, role, "device"))
    bench.send(StorageChanged(is_working=True))
    assert bench.phase() is Phase.WAIT_AUTH
    bench.send(DeviceBack(ONE, role, "device"))
    assert Phase.DELIVERING not in bench.phases()
    assert not bench.outputs().contactor


def test_the_station_limit_holds_in_the_very_step_in_which_somebody_begins() -> None:
    """On AC a card leads to an offer in one step: what the other one has to give up goes in that step, not at the next event.

    The new one gets what was left over, until the other has surely followed.
    """
    bench = AcBench(station_settings(kind=ConnectorKind.TYPE2_CABLE, max_power_w=30_000.0))
    bench.charge(ONE, "CARD-A")
    assert bench.offered_a(ONE) == 32.0
    bench.plug(TWO)
    bench.swipe("CARD-B")
    bench.answer()
    assert bench.offered_a(ONE) == pytest.approx(15_000.0 / 690.0)
    assert bench.offered_a(TWO) == pytest.approx(30_000.0 / 690.0 - 32.0)
    bench.wait(bench.built.timing.mode3_follow_s)
    assert bench.offered_a(TWO) == pytest.approx(15_000.0 / 690.0)


@pytest.mark.parametrize("is_remote", [True, False])
def test_a_token_is_asked_about_for_a_socket_in_which_a_cable_was_left(is_remote: bool) -> None:
    """Finishing without a vehicle: whoever is accepted then waits for his vehicle on that cable, as without the question."""
    kind = ConnectorKind.TYPE2_SOCKET
    bench = AcBench(
        station_settings(kind=kind, connectors=1, authorize_remote_tx_requests=True, unlock_connector_on_ev_side_disconnect=True)
    )
    bench.charge()
    bench.unplug_vehicle()
    bench.finish()
    bench.send(RemoteStart(IdTag("NEXT"), ONE) if is_remote else TokenPresented(IdTag("NEXT")))
    bench.answer()
    assert bench.phase() is Phase.WAIT_CABLE


def test_two_who_ask_for_an_unlock_are_both_told_its_end() -> None:
    """The central system and a technician at once: two tickets, two ends."""
    bench = AcBench(station_settings(kind=ConnectorKind.TYPE2_SOCKET))
    bench.charge()
    tickets = [bench.send(UnlockConnector(ONE)).ticket for _ in range(2)]
    bench.finish()
    assert bench.told(UnlockFinished) == [UnlockFinished(ONE, ticket, is_unlocked=True) for ticket in tickets]
