"""Reservation.

Numbers and names are those of the OCTT 1.6 test case document (OCA); the wording is ours.
"""

from __future__ import annotations

from functools import partial

from chargerd.bench import case as cases
from chargerd.bench.parameters import CONNECTOR, NOBODYS_NUMBER, OTHER_TAG, PARENT_TAG, RESERVATION, TAG
from chargerd.bench.patterns import authorize, start_transaction, status
from chargerd.bench.product import LOCAL_START, NO_RESERVATIONS, NO_STATION_RESERVATIONS, RESERVATIONS, STATION_RESERVATIONS
from chargerd.bench.states import (
    authorized,
    charging,
    charging_as_reserved,
    faulted,
    occupied,
    others_unavailable,
    reserved,
    unavailable,
)
from chargerd.bench.verdict import require
from chargerd.bench.workbench import Workbench

STATION = 0
"""The connector number of a reservation that names none."""

case = partial(cases.case, profile="Reservation")


# --- of a connector ------------------------------------------------------------------------------------------------------------------


@case("TC_046_1_CS", "Reserve connector, local start", RESERVATIONS & LOCAL_START)
async def tc_046_1(bench: Workbench) -> None:
    """A reserved connector is told as such and starts for the reserving token only, which uses the reservation up."""
    await others_unavailable(bench)
    await reserved(bench)
    await bench.present(OTHER_TAG)
    await _starts_nothing(bench, OTHER_TAG)
    await bench.present(TAG)
    await bench.expect_any_order(status("Preparing"), may=[authorize(TAG)])
    await _begins_with_the_plug(bench, TAG)


@case("TC_046_2_CS", "Reserve connector, remote start", RESERVATIONS)
async def tc_046_2(bench: Workbench) -> None:
    """The same for remote starts; that of another token may be accepted as an attempt."""
    await reserved(bench)
    await bench.order("RemoteStartTransaction", {"connectorId": CONNECTOR, "idTag": OTHER_TAG}, "Accepted", "Rejected")
    await _starts_nothing(bench, OTHER_TAG)
    await charging_as_reserved(bench)


async def _starts_nothing(bench: Workbench, id_tag: str) -> None:
    """The token may be asked for, and that is all."""
    await bench.may_come(authorize(id_tag))
    await bench.expect_nothing()


async def _begins_with_the_plug(bench: Workbench, id_tag: str) -> None:
    await bench.plug_in()
    await bench.expect_any_order(start_transaction(id_tag, reservation=RESERVATION), status("Charging"))


@case("TC_047_CS", "Reservation expires", RESERVATIONS)
async def tc_047(bench: Workbench) -> None:
    """At its expiryDate a reservation is over: the connector is told as free, and another token charges."""
    await others_unavailable(bench)
    expiry_s = bench.now_s + bench.parameters.expiry_s
    await reserved(bench, for_s=bench.parameters.expiry_s)
    freed = await bench.expect(status("Available"), within_s=bench.parameters.expiry_s + bench.parameters.message_s)
    late_s = freed.at_s - expiry_s
    require(abs(late_s) <= bench.parameters.timer_tolerance_s, f"Available {late_s:+.1f} s after the expiryDate")
    await charging(bench, OTHER_TAG)


@case("TC_048_1_CS", "Reserve connector, Faulted", RESERVATIONS)
async def tc_048_1(bench: Workbench) -> None:
    """A broken connector is not reserved."""
    await faulted(bench)
    await bench.reserve(CONNECTOR, "Faulted")


@case("TC_048_2_CS", "Reserve connector, Occupied", RESERVATIONS)
async def tc_048_2(bench: Workbench) -> None:
    """A connector with a vehicle is not reserved."""
    await occupied(bench)
    await bench.reserve(CONNECTOR, "Occupied")


@case("TC_048_3_CS", "Reserve connector, Unavailable", RESERVATIONS)
async def tc_048_3(bench: Workbench) -> None:
    """An Inoperative connector is not reserved."""
    await unavailable(bench, CONNECTOR)
    await bench.reserve(CONNECTOR, "Unavailable")


@case("TC_048_4_CS", "Reserve connector, Rejected", NO_RESERVATIONS)
async def tc_048_4(bench: Workbench) -> None:
    """A station without reservations says so."""
    await bench.reserve(CONNECTOR, "Rejected")


# --- of the station ------------------------------------------------------------------------------------------------------------------


@case("TC_049_CS", "Reserve station, transaction", STATION_RESERVATIONS)
async def tc_049(bench: Workbench) -> None:
    """With one connector left this one is told as reserved, and a transaction there uses the station's reservation up."""
    await others_unavailable(bench)
    await reserved(bench, STATION)
    await charging_as_reserved(bench)


@case("TC_050_1_CS", "Reserve station, Faulted", STATION_RESERVATIONS)
async def tc_050_1(bench: Workbench) -> None:
    """A station of which every connector is broken is not reserved."""
    await faulted(bench, STATION)
    await bench.reserve(STATION, "Faulted")


@case("TC_050_2_CS", "Reserve station, Occupied", STATION_RESERVATIONS)
async def tc_050_2(bench: Workbench) -> None:
    """A station with a vehicle at every connector is not reserved."""
    for connector in bench.connectors:
        await occupied(bench, connector)
    await bench.reserve(STATION, "Occupied")


@case("TC_050_3_CS", "Reserve station, Unavailable", STATION_RESERVATIONS)
async def tc_050_3(bench: Workbench) -> None:
    """An Inoperative station is not reserved."""
    await unavailable(bench, STATION)
    await bench.reserve(STATION, "Unavailable")


@case("TC_050_4_CS", "Reserve station, Rejected", NO_STATION_RESERVATIONS)
async def tc_050_4(bench: Workbench) -> None:
    """A station that keeps no connector, or only certain ones, says so."""
    await bench.reserve(STATION, "Rejected")


# --- cancelled -----------------------------------------------------------------------------------------------------------------------


@case("TC_051_CS", "Cancel reservation", RESERVATIONS)
async def tc_051(bench: Workbench) -> None:
    """Cancelled, a reservation leaves the connector free: another token charges, for nobody's reservation."""
    await reserved(bench)
    await bench.order("CancelReservation", {"reservationId": RESERVATION})
    await bench.expect(status("Available"))
    await charging(bench, OTHER_TAG)


@case("TC_052_CS", "Cancel reservation, unknown", RESERVATIONS)
async def tc_052(bench: Workbench) -> None:
    """A reservation that does not exist cannot be cancelled, and the one that does stands."""
    await reserved(bench)
    await bench.order("CancelReservation", {"reservationId": NOBODYS_NUMBER}, "Rejected")
    await bench.expect_nothing()


# --- for a group ---------------------------------------------------------------------------------------------------------------------


@case("TC_053_1_CS", "Parent idTag, local start", RESERVATIONS & LOCAL_START)
async def tc_053_1(bench: Workbench) -> None:
    """A token of the group that a connector is kept for is asked for, starts in its own name and uses the reservation up."""
    await _reserved_for_the_group(bench)
    await authorized(bench, OTHER_TAG)
    await _begins_with_the_plug(bench, OTHER_TAG)


@case("TC_053_2_CS", "Parent idTag, remote start", RESERVATIONS)
async def tc_053_2(bench: Workbench) -> None:
    """The same for a remote start."""
    await _reserved_for_the_group(bench)
    await charging_as_reserved(bench, OTHER_TAG)


async def _reserved_for_the_group(bench: Workbench) -> None:
    for id_tag in (TAG, OTHER_TAG):
        bench.answer_token(id_tag, parent=PARENT_TAG)
    await others_unavailable(bench)
    await reserved(bench, parent=PARENT_TAG)
