"""Core: boot and starting.

Numbers and names are those of the OCTT 1.6 test case document (OCA); the wording is ours.
"""

from __future__ import annotations

from chargerd.bench.case import case
from chargerd.bench.parameters import CONNECTOR, INVALID_TAG, TAG
from chargerd.bench.patterns import authorize, boot_notification, heartbeat, start_transaction, status
from chargerd.bench.product import CACHE, LOCAL_START, REMOTE_IDS_ASKED, SOCKETS
from chargerd.bench.states import asks_for_remote_ids, authorized, booted, charging, id_tag_cached, occupied
from chargerd.bench.stream import Heard
from chargerd.bench.verdict import require
from chargerd.bench.workbench import Workbench
from chargerd.csms.policy import BootAnswer


@case("TC_001_CS", "Cold boot")
async def tc_001(bench: Workbench) -> None:
    """Rejected, a station waits the interval it was given; accepted, it tells every status and then beats at the interval."""
    first = await _boots_with(bench, BootAnswer.REJECTED)
    await _accepted_on_the_next(bench, first)


@case("TC_002_CS", "Cold boot, Pending")
async def tc_002(bench: Workbench) -> None:
    """Pending, a station answers the central system, says nothing of its own, and asks again after the interval."""
    first = await _boots_with(bench, BootAnswer.PENDING)
    answer = await bench.ask("GetConfiguration")
    require(bool(answer.payload.get("configurationKey")), f"GetConfiguration while Pending was answered {answer.payload or answer.error}")
    await bench.configure("MeterValueSampleInterval", bench.parameters.sample_s)
    await _accepted_on_the_next(bench, first)


async def _boots_with(bench: Workbench, answer: BootAnswer) -> Heard:
    bench.answer_boot(answer, bench.parameters.boot_wait_s)
    await bench.power_cycle()
    return await bench.expect(boot_notification())


async def _accepted_on_the_next(bench: Workbench, first: Heard) -> None:
    bench.answer_boot(BootAnswer.ACCEPTED, bench.parameters.heartbeat_s)
    again = await bench.expect(boot_notification(), within_s=bench.parameters.boot_wait_s + bench.parameters.message_s)
    waited_s = again.at_s - first.at_s
    require(waited_s >= bench.parameters.boot_wait_s - bench.parameters.tolerance_s, f"the station asked again after {waited_s:.1f} s only")
    bench.attend_to("Heartbeat")
    await booted(bench)
    before_s = bench.now_s
    for _ in range(3):
        beat = await bench.expect(heartbeat(), within_s=bench.parameters.heartbeat_s + bench.parameters.timer_tolerance_s)
        gap_s = beat.at_s - before_s
        require(
            abs(gap_s - bench.parameters.heartbeat_s) <= bench.parameters.timer_tolerance_s,
            f"Heartbeat after {gap_s:.1f} s, not {bench.parameters.heartbeat_s} s",
        )
        before_s = beat.at_s
    bench.answer_as_usual()


@case("TC_003_CS", "Session, plug-in first")
async def tc_003(bench: Workbench) -> None:
    """Cable first, then the card: each step is told, and the transaction begins."""
    await bench.plug_in()
    await bench.expect(status("Preparing"))
    await bench.present()
    await bench.expect(authorize(TAG))
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


@case("TC_004_1_CS", "Session, identification first")
async def tc_004_1(bench: Workbench) -> None:
    """Card first, then the cable: the transaction begins with the plug."""
    await bench.configure("MeterValueSampleInterval", bench.parameters.sample_s)
    await authorized(bench)
    await bench.plug_in()
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


@case("TC_004_2_CS", "Identification first, ConnectionTimeOut")
async def tc_004_2(bench: Workbench) -> None:
    """Nobody plugs in: the connector is free again after ConnectionTimeOut, and nothing was begun."""
    await bench.configure("ConnectionTimeOut", bench.parameters.connection_time_out_s)
    await authorized(bench)
    await _times_out(bench)


async def _times_out(bench: Workbench) -> None:
    began_s = bench.now_s
    freed = await bench.expect(status("Available"), within_s=bench.parameters.connection_time_out_s + bench.parameters.message_s)
    took_s = freed.at_s - began_s
    require(
        abs(took_s - bench.parameters.connection_time_out_s) <= bench.parameters.timer_tolerance_s,
        f"Available after {took_s:.1f} s, not {bench.parameters.connection_time_out_s} s",
    )


@case("TC_007_1_CS", "Local start, cached id", CACHE & LOCAL_START)
async def tc_007_1(bench: Workbench) -> None:
    """LocalPreAuthorize and a cached token: the transaction begins without Authorize."""
    await _with_cached_tag(bench)
    await occupied(bench)
    await bench.present()
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


@case("TC_007_2_CS", "Remote start, cached id", CACHE & REMOTE_IDS_ASKED)
async def tc_007_2(bench: Workbench) -> None:
    """The same for a remote start that has to be authorised."""
    await _with_cached_tag(bench)
    await bench.configure_if_shown("AuthorizeRemoteTxRequests", True)
    await occupied(bench)
    await _remote_start(bench)
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


async def _with_cached_tag(bench: Workbench) -> None:
    await bench.configure("AuthorizationCacheEnabled", True)
    await bench.configure("LocalPreAuthorize", True)
    await id_tag_cached(bench)


async def _remote_start(bench: Workbench, id_tag: str = TAG) -> None:
    await bench.order("RemoteStartTransaction", {"connectorId": CONNECTOR, "idTag": id_tag})


@case("TC_010_CS", "Remote start, cable first")
async def tc_010(bench: Workbench) -> None:
    """Cable first, then the central system starts: the transaction begins."""
    await charging(bench)


@case("TC_011_1_CS", "Remote start, remote first")
async def tc_011_1(bench: Workbench) -> None:
    """The central system starts, then the cable is plugged: the transaction begins with the plug."""
    await _remotely_authorized(bench)
    await bench.plug_in()
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


@case("TC_011_2_CS", "Remote start, timeout")
async def tc_011_2(bench: Workbench) -> None:
    """The central system starts, nobody plugs in: free again after ConnectionTimeOut."""
    await bench.configure("ConnectionTimeOut", bench.parameters.connection_time_out_s)
    await _remotely_authorized(bench)
    await _times_out(bench)


async def _remotely_authorized(bench: Workbench) -> None:
    """Authorize only if AuthorizeRemoteTxRequests says so; Preparing."""
    question = [authorize(TAG)] if await asks_for_remote_ids(bench) else []
    await _remote_start(bench)
    await bench.expect_any_order(*question, status("Preparing"))


@case("TC_023_4_CS", "Local start, Authorize invalid", LOCAL_START)
async def tc_023_4(bench: Workbench) -> None:
    """A token that the central system refuses starts nothing."""
    await _before_a_refused_start(bench)
    await bench.present(INVALID_TAG)
    await bench.expect(authorize(INVALID_TAG))
    await bench.expect_nothing()


@case("TC_023_5_CS", "Remote start, Authorize invalid", REMOTE_IDS_ASKED)
async def tc_023_5(bench: Workbench) -> None:
    """A remote start is accepted as an attempt; with a token that is then refused it starts nothing."""
    await bench.configure_if_shown("AuthorizeRemoteTxRequests", True)
    await _before_a_refused_start(bench)
    await _remote_start(bench, INVALID_TAG)
    await bench.expect(authorize(INVALID_TAG))
    await bench.expect_nothing()


async def _before_a_refused_start(bench: Workbench) -> None:
    """Preparing, with a token that will be refused; LocalPreAuthorize must not let it in."""
    await bench.configure_if_shown("MinimumStatusDuration", bench.parameters.minimum_status_s)
    await bench.configure("LocalPreAuthorize", True)
    bench.answer_token(INVALID_TAG, "Invalid")
    await occupied(bench)


@case("TC_024_CS", "Lock failure at start", SOCKETS)
async def tc_024(bench: Workbench) -> None:
    """A plug that cannot be locked is told as a fault, and nothing is begun."""
    await bench.jam_lock()
    await _remotely_authorized(bench)
    await bench.plug_in()
    await bench.expect(status("Faulted", error="ConnectorLockFailure"))
    await bench.expect_nothing()


@case("TC_061_1_CS", "Clear cache, local", CACHE & LOCAL_START)
async def tc_061_1(bench: Workbench) -> None:
    """After ClearCache a token that was cached is asked for again."""
    await _before_clearing(bench)
    await authorized(bench)
    await _clears(bench)
    await authorized(bench)


@case("TC_061_2_CS", "Clear cache, remote", CACHE & REMOTE_IDS_ASKED)
async def tc_061_2(bench: Workbench) -> None:
    """The same for remote starts that have to be authorised."""
    await bench.configure_if_shown("AuthorizeRemoteTxRequests", True)
    await _before_clearing(bench)
    await _remotely_authorized(bench)
    await _clears(bench)
    await _remotely_authorized(bench)


async def _before_clearing(bench: Workbench) -> None:
    await bench.configure("AuthorizationCacheEnabled", True)
    await bench.configure("LocalPreAuthorize", True)
    await bench.configure("ConnectionTimeOut", bench.parameters.connection_time_out_s)


async def _clears(bench: Workbench) -> None:
    """The authorisation runs out, and the cache is cleared."""
    await _times_out(bench)
    await bench.order("ClearCache", {})
