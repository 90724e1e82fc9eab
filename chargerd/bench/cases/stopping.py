"""Core: stopping, remote control, reset, unlock.

Numbers and names are those of the OCTT 1.6 test case document (OCA); the wording is ours.
"""

from __future__ import annotations

from chargerd.bench.case import case
from chargerd.bench.kpi import Kpi
from chargerd.bench.parameters import CONNECTOR, NOBODYS_NUMBER, OTHER_TAG, PARENT_TAG, TAG
from chargerd.bench.patterns import Pattern, authorize, boot_notification, status, stop_transaction
from chargerd.bench.product import FIXED_CABLE, LOCAL_STOP, LOCK_FEEDBACK, SOCKETS, UNPLUGGED_MAY_GO_ON, UNPLUGGED_STOPS
from chargerd.bench.states import after_boot, booted, charging, others_unavailable, unavailable, unplugged
from chargerd.bench.workbench import CALLERROR, Workbench

EV_SIDE = "EV side disconnected"
AFTER_REBOOT = {CONNECTOR: ("Finishing", "Preparing")}
"""What a connector may tell after a reboot that ended its transaction: the cable is still plugged."""


# --- by card -------------------------------------------------------------------------------------------------------------------------


@case("TC_068_CS", "Stop with the starting idTag", LOCAL_STOP)
async def tc_068(bench: Workbench) -> None:
    """A stranger's token changes nothing and is not even asked for; the token that started stops, without being asked for."""
    await others_unavailable(bench)
    await charging(bench)
    await bench.present(OTHER_TAG)
    await bench.expect_nothing()
    await bench.present(TAG)
    await bench.expect_any_order(stop_transaction(bench.transaction, "Local", None, idTag=TAG), status("Finishing"))


@case("TC_069_CS", "Stop with same parent", LOCAL_STOP)
async def tc_069(bench: Workbench) -> None:
    """A token of the same group is asked for and stops the transaction, in its own name."""
    await others_unavailable(bench)
    bench.answer_token(TAG, parent=PARENT_TAG)
    bench.answer_token(OTHER_TAG, parent=PARENT_TAG)
    await charging(bench)
    await bench.present(OTHER_TAG)
    await bench.expect(authorize(OTHER_TAG))
    await bench.expect_any_order(stop_transaction(bench.transaction, "Local", None, idTag=OTHER_TAG), status("Finishing"))


# --- by cable ------------------------------------------------------------------------------------------------------------------------


@case("TC_005_1_CS", "EV side unplugged, stop and unlock", SOCKETS & UNPLUGGED_STOPS)
async def tc_005_1(bench: Workbench) -> None:
    """Unplugged at the vehicle, the transaction ends, and the cable is released."""
    await bench.configure_unless_fixed("StopTransactionOnEVSideDisconnect", True)
    await bench.configure_unless_fixed("UnlockConnectorOnEVSideDisconnect", True)
    await charging(bench)
    await bench.plug_out()
    await bench.expect_any_order(stop_transaction(bench.transaction, "EVDisconnected"), _left("Finishing"), may=[status("Available")])
    await bench.may_come(status("Available"), bench.parameters.settle_s)


@case("TC_005_2_CS", "EV side unplugged, stop, no unlock", UNPLUGGED_STOPS)
async def tc_005_2(bench: Workbench) -> None:
    """The same with the cable kept in a socket until UnlockConnector; a fixed cable has nothing to unlock."""
    await bench.configure_unless_fixed("StopTransactionOnEVSideDisconnect", True)
    await bench.configure_unless_fixed("UnlockConnectorOnEVSideDisconnect", False)
    await charging(bench)
    await bench.plug_out()
    stop = stop_transaction(bench.transaction, "EVDisconnected")
    await bench.expect_any_order(stop, _left("Finishing", "Available"), may=[status("Available")])
    await bench.order("UnlockConnector", {"connectorId": CONNECTOR}, "Unlocked", "NotSupported")
    await bench.may_come(status("Available"), bench.parameters.settle_s)


@case("TC_005_3_CS", "EV side unplugged, keep transaction", UNPLUGGED_MAY_GO_ON)
async def tc_005_3(bench: Workbench) -> None:
    """The transaction outlasts the plug, suspended, until the central system ends it."""
    await bench.configure("StopTransactionOnEVSideDisconnect", False)
    await bench.configure_unless_fixed("UnlockConnectorOnEVSideDisconnect", False)
    await charging(bench)
    await bench.plug_out()
    await bench.expect(status("SuspendedEV", "SuspendedEVSE", info=EV_SIDE))
    await bench.may_come(_left("SuspendedEV", "SuspendedEVSE"), bench.parameters.settle_s)
    await bench.order("RemoteStopTransaction", {"transactionId": bench.transaction})
    stop = stop_transaction(bench.transaction, "Remote")
    await bench.expect_any_order(stop, _left("Finishing", "Available"), may=[status("Available")])
    await bench.may_come(status("Available"), bench.parameters.settle_s)


def _left(*statuses: str) -> Pattern:
    """A status after the vehicle has left, which may say so."""
    return status(*statuses, info=(EV_SIDE, None))


# --- remotely ------------------------------------------------------------------------------------------------------------------------


@case("TC_012_CS", "Remote stop")
async def tc_012(bench: Workbench) -> None:
    """The central system ends its transaction."""
    await charging(bench)
    sent_s = bench.now_s
    await bench.order("RemoteStopTransaction", {"transactionId": bench.transaction})
    stop, _ = await bench.expect_any_order(stop_transaction(bench.transaction, "Remote"), status("Finishing"))
    bench.measured.add(Kpi.REMOTE_STOP, stop.at_s - sent_s)


@case("TC_026_CS", "Remote start rejected")
async def tc_026(bench: Workbench) -> None:
    """A connector that charges takes no second start."""
    await bench.configure("LocalPreAuthorize", False)
    await charging(bench)
    await bench.order("RemoteStartTransaction", {"connectorId": CONNECTOR, "idTag": OTHER_TAG}, "Rejected")


@case("TC_027_CS", "Remote start on connector 0")
async def tc_027(bench: Workbench) -> None:
    """Nobody charges at connector 0."""
    await bench.order("RemoteStartTransaction", {"connectorId": 0, "idTag": TAG}, "Rejected", CALLERROR)


@case("TC_028_CS", "Remote stop, unknown transaction")
async def tc_028(bench: Workbench) -> None:
    """What does not run here is not stopped, and what runs is left alone."""
    await charging(bench)
    await bench.order("RemoteStopTransaction", {"transactionId": NOBODYS_NUMBER}, "Rejected")
    await bench.expect_nothing()


# --- reset ---------------------------------------------------------------------------------------------------------------------------


@case("TC_013_CS", "Hard reset, idle")
async def tc_013(bench: Workbench) -> None:
    """The station boots; what was Inoperative still is, the rest is Available."""
    await unavailable(bench, CONNECTOR)
    await bench.order("Reset", {"type": "Hard"})
    await bench.expect(boot_notification())
    await booted(bench, {CONNECTOR: ("Unavailable",)})
    await _operative_again(bench)


@case("TC_014_CS", "Soft reset, idle")
async def tc_014(bench: Workbench) -> None:
    """As after a hard reset; the station need not boot for it."""
    await unavailable(bench, CONNECTOR)
    await bench.order("Reset", {"type": "Soft"})
    if await bench.may_come(boot_notification(), bench.parameters.message_s):
        await booted(bench, {CONNECTOR: ("Unavailable",)})
    await _operative_again(bench)


async def _operative_again(bench: Workbench) -> None:
    await bench.order("ChangeAvailability", {"connectorId": CONNECTOR, "type": "Operative"})
    await bench.expect(status("Available"))


@case("TC_015_CS", "Hard reset in transaction")
async def tc_015(bench: Workbench) -> None:
    """The transaction ends with HardReset, before or after the reboot."""
    await charging(bench)
    stop = stop_transaction(bench.transaction, "HardReset")
    await bench.order("Reset", {"type": "Hard"})
    first = await bench.expect(stop, status("Finishing"), boot_notification())
    if first.request.action == "BootNotification":
        await bench.expect_any_order(stop, *after_boot(bench, AFTER_REBOOT))
        return
    await bench.expect(status("Finishing") if first.request.action == "StopTransaction" else stop)
    await bench.expect(boot_notification())
    await booted(bench, AFTER_REBOOT)


@case("TC_016_CS", "Soft reset in transaction")
async def tc_016(bench: Workbench) -> None:
    """The transaction ends with SoftReset and is told; the station need not boot for it."""
    await charging(bench)
    await bench.order("Reset", {"type": "Soft"})
    await bench.expect_any_order(stop_transaction(bench.transaction, "SoftReset"), status("Finishing"))
    if await bench.may_come(boot_notification(), bench.parameters.message_s):
        await booted(bench, AFTER_REBOOT)


# --- unlock --------------------------------------------------------------------------------------------------------------------------


@case("TC_017_1_CS", "Unlock, idle, socket", SOCKETS)
async def tc_017_1(bench: Workbench) -> None:
    """A lock that is open already is Unlocked."""
    await bench.order("UnlockConnector", {"connectorId": CONNECTOR}, "Unlocked")


@case("TC_017_2_CS", "Unlock, idle, fixed cable", FIXED_CABLE)
async def tc_017_2(bench: Workbench) -> None:
    """A fixed cable cannot be unlocked."""
    await bench.order("UnlockConnector", {"connectorId": CONNECTOR}, "NotSupported")


@case("TC_018_1_CS", "Unlock in transaction, socket", SOCKETS)
async def tc_018_1(bench: Workbench) -> None:
    """Unlocking ends the transaction."""
    await charging(bench)
    await bench.order("UnlockConnector", {"connectorId": CONNECTOR}, "Unlocked")
    await bench.expect_any_order(stop_transaction(bench.transaction, "UnlockCommand"), status("Finishing"))
    await unplugged(bench)


@case("TC_018_2_CS", "Unlock in transaction, fixed cable", FIXED_CABLE)
async def tc_018_2(bench: Workbench) -> None:
    """There is nothing to unlock, and the transaction goes on."""
    await charging(bench)
    await bench.order("UnlockConnector", {"connectorId": CONNECTOR}, "NotSupported")
    await bench.expect_nothing()


@case("TC_030_CS", "Unlock failure", SOCKETS & LOCK_FEEDBACK)
async def tc_030(bench: Workbench) -> None:
    """A bolt that does not move is told as such; the transaction ends all the same."""
    await charging(bench)
    await bench.jam_lock()
    await bench.order("UnlockConnector", {"connectorId": CONNECTOR}, "UnlockFailed")
    warning = status("Finishing", error="ConnectorLockFailure")
    await bench.expect_any_order(stop_transaction(bench.transaction, "UnlockCommand"), status("Finishing"), may=[warning])
    await bench.may_come(warning, bench.parameters.settle_s)


@case("TC_031_CS", "Unlock, unknown connector")
async def tc_031(bench: Workbench) -> None:
    """A connector that does not exist cannot be unlocked."""
    await bench.order("UnlockConnector", {"connectorId": max(bench.connectors) + 1}, "NotSupported")
