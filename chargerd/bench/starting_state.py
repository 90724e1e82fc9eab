"""The state that every case begins from: accepted, connected, idle, every connector Available, nothing stored, keys as delivered.

Source: OCTT 1.6 test cases, general preconditions.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from chargerd.bench.parameters import CONNECTOR
from chargerd.bench.product import SMART_CHARGING
from chargerd.bench.verdict import CaseFailedError
from chargerd.bench.workbench import Workbench

_LOOK_S = 0.1


async def connected(bench: Workbench) -> None:
    """A station that has just been started is accepted. Raises CaseFailedError when it does not come."""
    await bench.until(lambda: bench.record.is_connected and bench.record.is_accepted, "the station was not accepted")


async def reach(bench: Workbench) -> None:
    """A station that has just been started comes to the starting state. Raises CaseFailedError when it does not."""
    await _until_at_rest(bench)
    bench.stream.forget()


async def restore(bench: Workbench) -> None:
    """After a case that passed: everything it did is undone. Raises CaseFailedError when the station does not get there."""
    bench.answer_as_usual()
    await bench.restore_link()
    for connector, error_code in bench.faults:
        await bench.station.simulate("clear_fault", connector=connector, error_code=error_code)
    bench.faults.clear()
    for number in bench.reservations:
        await bench.ask("CancelReservation", {"reservationId": number})  # refused when it has ended already
    bench.reservations.clear()
    if bench.station.lock(CONNECTOR) is not None:
        await bench.jam_lock(is_jammed=False)
    await _end_sessions(bench)
    for connector in (0, *bench.connectors):
        if bench.record.status(connector) == "Unavailable":
            await bench.order("ChangeAvailability", {"connectorId": connector, "type": "Operative"})
    if SMART_CHARGING.holds(bench.product):
        await bench.order("ClearChargingProfile", {}, "Accepted", "Unknown")
    await _until_at_rest(bench)  # with the short times of the case
    for key, shown in (await bench.read_keys()).items():
        if shown != bench.product.keys[key] and not shown.is_read_only:
            await bench.order("ChangeConfiguration", {"key": key, "value": bench.product.keys[key].value})
    await bench.ask("ClearCache")
    if bench.product.has("LocalAuthListEnabled"):
        await bench.order("SendLocalList", {"listVersion": 1, "updateType": "Full"})
    bench.stream.forget()


async def _end_sessions(bench: Workbench) -> None:
    """Nobody charges any more, and every driver has left; a socket gives its cable back first."""
    for transaction in bench.record.open_transactions:
        await bench.ask("RemoteStopTransaction", {"transactionId": transaction.number})
    await bench.until(lambda: not bench.record.open_transactions, "the transactions did not end")
    for connector in list(bench.plugged):
        if bench.station.lock(connector) is not None:
            await bench.ask("UnlockConnector", {"connectorId": connector})
        with suppress(ValueError):  # the cable was pulled already
            await bench.station.simulate("plug_out", connector=connector)
    bench.plugged.clear()


async def _until_at_rest(bench: Workbench) -> None:
    try:
        async with asyncio.timeout(bench.parameters.message_s):
            while not await _is_at_rest(bench):  # noqa: ASYNC110 - part of it is asked of the station
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        told = {connector: bench.record.status(connector) for connector in (0, *bench.connectors)}
        raise CaseFailedError(
            f"the station does not come to rest: {told}, {len(bench.record.open_transactions)} transactions open"
        ) from None


async def _is_at_rest(bench: Workbench) -> bool:
    record = bench.record
    are_free = all(record.status(connector) == "Available" for connector in (0, *bench.connectors))
    return record.is_connected and record.is_accepted and are_free and not record.open_transactions and await bench.station.owed() == 0
