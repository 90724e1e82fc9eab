"""What a connector reports on its way (OCPP 1.6, 4.9): beside the table of transitions, which `test_properties.py` walks through."""

from __future__ import annotations

from chargerd.core.events import ChangeAvailability, DeviceLost, EvUpdated, GateCleared, GateTripped, LinkChanged, RemoteStart, Role
from chargerd.core.facts import ConnectorStatus, Phase, Restored, StatusChanged
from chargerd.core.ids import STATION, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.core.station import Station
from chargerd.core.wanted import INDICATORS
from hal.types import ControlPilot, EvRequest
from tests.support.core_bench import ONE, TWO, UTC0, CoreBench, station_settings


def last(bench: CoreBench, connector=ONE) -> StatusChanged:
    return bench.told(StatusChanged, connector)[-1]


def test_fault_of_the_station_is_told_by_the_connectors_too() -> None:
    """Faulted never stands without an error code: with none of its own a connector tells the station's."""
    bench = CoreBench()
    bench.send(GateTripped(STATION, "door-open"))
    for connector in (STATION, ONE, TWO):
        told = last(bench, connector)
        assert (told.status.value, told.error_code, told.vendor_error_code) == ("Faulted", "OtherError", "door-open")


def test_own_fault_goes_before_the_stations() -> None:
    """A connector that has a fault of its own tells that one."""
    bench = CoreBench()
    bench.send(GateTripped(STATION, "door-open"))
    bench.send(GateTripped(ONE, "contactor-welded"))
    assert last(bench).vendor_error_code == "contactor-welded"
    assert last(bench, TWO).vendor_error_code == "door-open"


def test_what_follows_from_a_fault_does_not_hide_it() -> None:
    """A vehicle that shuts down because the station tripped, a pilot board that is off because it found something; alone they are told."""
    bench = CoreBench()
    bench.charge()
    bench.send(GateTripped(STATION, "door-open"))
    bench.ev(ONE, is_emergency=True)
    assert last(bench).vendor_error_code == "door-open"
    bench.send(GateCleared(STATION, "door-open"))
    assert last(bench).vendor_error_code == "vehicle-emergency"
    for codes in (["pilot-off", "contact-temperature"], ["contact-temperature", "pilot-off"]):
        bench = CoreBench()
        bench.send(GateTripped(ONE, codes[0]))
        bench.send(GateTripped(ONE, codes[1]))
        assert last(bench).vendor_error_code == "contact-temperature"
        bench.send(GateCleared(ONE, "contact-temperature"))
        assert last(bench).vendor_error_code == "pilot-off"


def test_note_of_the_station_is_not_the_connectors() -> None:
    """A fault that stops nothing is told where it is."""
    bench = CoreBench()
    bench.send(GateTripped(STATION, "reader-silent"))
    assert (last(bench, STATION).status.value, last(bench, STATION).error_code) == ("Available", "ReaderFailure")
    assert bench.told(StatusChanged, ONE) == []


def test_emergency_of_the_vehicle_is_no_communication_error_while_faulted() -> None:
    """EVCommunicationError is for Preparing, SuspendedEV, SuspendedEVSE and Finishing only; the own code still says what it was."""
    bench = CoreBench()
    bench.charge()
    bench.ev(ONE, is_emergency=True)
    told = last(bench)
    assert (told.status.value, told.error_code, told.vendor_error_code) == ("Faulted", "OtherError", "vehicle-emergency")


def test_communication_error_of_a_vehicle_that_does_not_come_along() -> None:
    """A warning: the error code stands beside Finishing, and goes with the vehicle."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    bench.wait(bench.built.timing.handshake_s + 1)
    bench.finish()
    assert (last(bench).status.value, last(bench).error_code) == ("Finishing", "EVCommunicationError")
    bench.unplug()
    assert (last(bench).status.value, last(bench).error_code) == ("Available", "NoError")


def test_out_of_operation_while_a_cable_is_awaited() -> None:
    """There is no B8: Preparing ends first (B1), then the connector is Unavailable (A8)."""
    bench = CoreBench()
    bench.send(RemoteStart(IdTag("A"), ONE))
    bench.send(ChangeAvailability(ONE, is_operative=False))
    assert bench.statuses() == ["Preparing", "Available", "Unavailable"]


def test_scheduled_change_does_not_flash_available() -> None:
    """libocpp#809: after a session with a change scheduled the connector goes from Finishing straight to Unavailable (F8)."""
    bench = CoreBench()
    bench.charge()
    bench.send(ChangeAvailability(ONE, is_operative=False))
    bench.unplug()
    bench.drive_to(Phase.IDLE)
    assert bench.statuses() == ["Preparing", "Charging", "Finishing", "Unavailable"]


def test_back_in_operation_with_the_vehicle_still_there() -> None:
    """There is no H6: it is Preparing (H2) before it is Finishing (B6)."""
    bench = CoreBench()
    bench.charge()
    bench.swipe()
    bench.finish()
    bench.send(ChangeAvailability(ONE, is_operative=False))
    bench.send(ChangeAvailability(ONE, is_operative=True))
    assert bench.statuses() == ["Preparing", "Charging", "Finishing", "Unavailable", "Preparing", "Finishing"]


def test_the_light_says_what_the_status_says() -> None:
    """Every status has a light, and the level changes with it; a fault of the station shows at each connector."""
    assert INDICATORS.keys() == set(ConnectorStatus)
    bench = CoreBench()
    shown = [bench.outputs().indicator]
    for act in (
        bench.plug,
        lambda: (bench.swipe(), bench.answer(), bench.drive_to(Phase.DELIVERING), bench.step(), bench.step()),
        lambda: bench.send(GateTripped(STATION, "door-open")),
        lambda: (bench.send(GateCleared(STATION, "door-open")), bench.finish()),
        bench.unplug,
        lambda: bench.send(ChangeAvailability(STATION, is_operative=False)),
    ):
        act()
        shown.append(bench.outputs().indicator)
    assert [state.value for state in shown] == ["available", "preparing", "charging", "faulted", "finishing", "available", "unavailable"]


def test_nothing_is_told_of_a_connector_before_its_vehicle_side_has_spoken() -> None:
    """TC_015, TC_032_2: with a vehicle plugged in, Available must not come before Preparing after a restart; a fault is known at once."""
    station = Station(station_settings(), lambda: LocalId("tx"))
    facts = station.restore(Restored(has_been_accepted=True), Now(0.0, UTC0))
    facts += station.handle(LinkChanged(is_accepted=True), Now(0.0, UTC0))[0]
    facts += station.handle(EvUpdated(ONE, EvRequest(ControlPilot.B)), Now(0.1, UTC0))[0]
    facts += station.handle(DeviceLost(TWO, Role.SECC, "secc2", "silent"), Now(0.2, UTC0))[0]
    told = [(fact.connector, fact.status.value) for fact in facts if isinstance(fact, StatusChanged)]
    assert told == [(ONE, "Preparing"), (TWO, "Faulted")]
