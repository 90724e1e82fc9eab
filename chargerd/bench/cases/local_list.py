"""Local Auth List Management.

Numbers and names are those of the OCTT 1.6 test case document (OCA); the wording is ours.
"""

from __future__ import annotations

from functools import partial

from chargerd.bench import case as cases
from chargerd.bench.parameters import CONNECTOR, OTHER_TAG, TAG
from chargerd.bench.patterns import start_transaction, status
from chargerd.bench.product import LIST_CAN_BE_OFF, LOCAL_LIST, LOCAL_START, NO_LOCAL_LIST, REMOTE_IDS_ASKED
from chargerd.bench.states import occupied
from chargerd.bench.verdict import require
from chargerd.bench.workbench import CALLERROR, Workbench

case = partial(cases.case, profile="LocalAuthListManagement")


@case("TC_008_1_CS", "Local start, id in the local list", LOCAL_LIST & LOCAL_START)
async def tc_008_1(bench: Workbench) -> None:
    """LocalPreAuthorize and a listed token: the transaction begins without Authorize."""
    await _with_listed_tag(bench)
    await occupied(bench)
    await bench.present()
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


@case("TC_008_2_CS", "Remote start, id in the local list", LOCAL_LIST & REMOTE_IDS_ASKED)
async def tc_008_2(bench: Workbench) -> None:
    """The same for a remote start that has to be authorised."""
    await _with_listed_tag(bench)
    await bench.configure_if_shown("AuthorizeRemoteTxRequests", True)
    await occupied(bench)
    await bench.order("RemoteStartTransaction", {"connectorId": CONNECTOR, "idTag": TAG})
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


async def _with_listed_tag(bench: Workbench) -> None:
    await bench.configure("LocalPreAuthorize", True)
    await bench.configure_if_shown("AuthorizationCacheEnabled", False)
    await bench.configure("LocalAuthListEnabled", True)
    await _send(bench, 1, TAG)


@case("TC_042_1_CS", "List version, not supported", LIST_CAN_BE_OFF)
async def tc_042_1(bench: Workbench) -> None:
    """Without a list, or with the list switched off, the version is -1, or the request is not supported."""
    await bench.configure_if_shown("LocalAuthListEnabled", False)
    answer = await bench.ask("GetLocalListVersion")
    is_refused = answer.error == "NotSupported"
    require(is_refused or answer.payload.get("listVersion") == -1, f"GetLocalListVersion was answered {answer.payload or answer.error}")


@case("TC_042_2_CS", "List version, empty", LOCAL_LIST)
async def tc_042_2(bench: Workbench) -> None:
    """An empty list has the version 0, whatever it was sent with."""
    await _send(bench, 1)
    await _version_is(bench, 0)


@case("TC_043_CS", "Send list", LOCAL_LIST)
async def tc_043(bench: Workbench) -> None:
    """A full list is accepted, and so is a change to it."""
    await _send(bench, 1, TAG)
    await _send(bench, 2, OTHER_TAG, is_full=False)


@case("TC_043_1_CS", "Send list, not supported", NO_LOCAL_LIST)
async def tc_043_1(bench: Workbench) -> None:
    """A station without a list says so."""
    await _send(bench, 1, TAG, allowed=("NotSupported", f"{CALLERROR}:NotSupported"))


@case("TC_043_2_CS", "Send list, version mismatch", LOCAL_LIST)
async def tc_043_2(bench: Workbench) -> None:
    """A change that is older than the list is refused, and the version stays."""
    await _send(bench, 2, TAG)
    await _send(bench, 5, OTHER_TAG, is_full=False)
    await _send(bench, 4, OTHER_TAG, is_full=False, allowed=("VersionMismatch",))
    await _version_is(bench, 5)


@case("TC_043_3_CS", "Send list, failed", LOCAL_LIST)
async def tc_043_3(bench: Workbench) -> None:
    """A list that the station cannot take, here one longer than SendLocalListMaxLength, fails, and the one before stays."""
    await _send(bench, 1, TAG)
    too_many = int(bench.product.keys["SendLocalListMaxLength"].value) + 1
    await _send(bench, 2, *(f"BENCH-{number}" for number in range(too_many)), allowed=("Failed",))
    await _version_is(bench, 1)


async def _send(bench: Workbench, version: int, *id_tags: str, is_full: bool = True, allowed: tuple[str, ...] = ("Accepted",)) -> None:
    listed = [{"idTag": id_tag, "idTagInfo": {"status": "Accepted"}} for id_tag in id_tags]
    payload: dict[str, object] = {"listVersion": version, "updateType": "Full" if is_full else "Differential"}
    await bench.order("SendLocalList", payload | ({"localAuthorizationList": listed} if listed else {}), *allowed)


async def _version_is(bench: Workbench, version: int) -> None:
    answer = await bench.ask("GetLocalListVersion")
    require(answer.payload.get("listVersion") == version, f"the version is {answer.payload or answer.error}, not {version}")
