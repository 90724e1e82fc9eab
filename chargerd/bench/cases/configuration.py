"""Core: configuration, metering, power loss, offline, faults, data transfer.

Numbers and names are those of the OCTT 1.6 test case document (OCA); the wording is ours.
"""

from __future__ import annotations

from itertools import pairwise

from chargerd.bench.case import case
from chargerd.bench.metering import check_measurands, sampled_at_s
from chargerd.bench.parameters import CONNECTOR, TAG, VENDOR
from chargerd.bench.patterns import authorize, boot_notification, meter_values, start_transaction, status, stop_transaction
from chargerd.bench.product import LOCAL_STOP, OFFLINE_IDS, STOPS_AFTER_POWER_IS_BACK, STOPS_BEFORE_POWER_IS_GONE
from chargerd.bench.required_keys import wrong_flags
from chargerd.bench.states import after_boot, booted, charging, faulted, id_tag_cached, unavailable
from chargerd.bench.verdict import require
from chargerd.bench.workbench import CALLERROR, Workbench, shown_keys

AFTER_POWER = {CONNECTOR: ("Finishing", "Preparing")}
"""What a connector may tell after a power loss that ended its transaction."""

SAMPLES = 3


# --- configuration -------------------------------------------------------------------------------------------------------------------


@case("TC_019_CS", "Retrieve configuration")
async def tc_019(bench: Workbench) -> None:
    """One key, all keys with the right access, and as many by name as the station says it gives at once."""
    one = await bench.ask("GetConfiguration", {"key": ["SupportedFeatureProfiles"]})
    require(not one.payload.get("unknownKey"), f"SupportedFeatureProfiles is told as unknown: {one.payload}")
    profiles = shown_keys(one.payload)["SupportedFeatureProfiles"].value.split(",")
    everything = await bench.read_keys()
    wrong = wrong_flags(everything, profiles)
    require(not wrong, "; ".join(wrong))
    most = int(everything["GetConfigurationMaxKeys"].value)
    asked = list(everything)[:most]
    some = await bench.ask("GetConfiguration", {"key": asked})
    require(not some.payload.get("unknownKey"), f"told as unknown: {some.payload.get('unknownKey')}")
    require(sorted(shown_keys(some.payload)) == sorted(asked), f"asked for {len(asked)} keys by name, got {list(shown_keys(some.payload))}")


@case("TC_021_CS", "Change configuration")
async def tc_021(bench: Workbench) -> None:
    """A change is accepted, and shown afterwards."""
    wanted = int(bench.product.keys["MeterValueSampleInterval"].value) + 1
    await bench.configure("MeterValueSampleInterval", wanted)
    shown = shown_keys((await bench.ask("GetConfiguration", {"key": ["MeterValueSampleInterval"]})).payload)
    require(shown["MeterValueSampleInterval"].value == str(wanted), f"after the change the station shows {shown}")


@case("TC_040_1_CS", "Unknown key")
async def tc_040_1(bench: Workbench) -> None:
    """A key that does not exist cannot be changed."""
    await bench.order("ChangeConfiguration", {"key": "Testing", "value": "true"}, "NotSupported")


@case("TC_040_2_CS", "Invalid value")
async def tc_040_2(bench: Workbench) -> None:
    """A value that makes no sense is refused."""
    refusals = ("Rejected", f"{CALLERROR}:PropertyConstraintViolation")
    await bench.order("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "-1"}, *refusals)


@case("TC_062_CS", "DataTransfer to station")
async def tc_062(bench: Workbench) -> None:
    """Data of a vendor that the station does not know is not taken."""
    await bench.order("DataTransfer", {"vendorId": VENDOR, "messageId": "test"}, "Rejected", "UnknownMessageId", "UnknownVendorId")


# --- meter values --------------------------------------------------------------------------------------------------------------------


@case("TC_070_CS", "Sampled meter values")
async def tc_070(bench: Workbench) -> None:
    """Samples exactly one interval apart, each with every measurand that is configured."""
    await bench.configure("MeterValueSampleInterval", bench.parameters.sample_s)
    await bench.configure("ClockAlignedDataInterval", 0)
    await charging(bench)
    bench.attend_to("MeterValues")
    times_s = [await _sample(bench, "Sample.Periodic", "MeterValuesSampledData") for _ in range(SAMPLES)]
    for before_s, at_s in pairwise(times_s):
        gap_s = at_s - before_s
        require(
            abs(gap_s - bench.parameters.sample_s) <= bench.parameters.tolerance_s,
            f"samples {gap_s:.3f} s apart, not {bench.parameters.sample_s} s",
        )


@case("TC_071_CS", "Clock-aligned meter values")
async def tc_071(bench: Workbench) -> None:
    """Samples on the boundaries of the clock, each with every measurand that is configured."""
    await bench.configure("MeterValueSampleInterval", 0)
    await bench.configure("ClockAlignedDataInterval", bench.parameters.aligned_s)
    await charging(bench)
    bench.attend_to("MeterValues")
    times_s = [await _sample(bench, "Sample.Clock", "MeterValuesAlignedData") for _ in range(SAMPLES)]
    for at_s in times_s:
        beside_s = (at_s + bench.parameters.aligned_s / 2) % bench.parameters.aligned_s - bench.parameters.aligned_s / 2
        require(abs(beside_s) <= bench.parameters.tolerance_s, f"a sample {beside_s:+.3f} s beside its boundary")
    for before_s, at_s in pairwise(times_s):
        require(
            at_s - before_s <= bench.parameters.aligned_s + bench.parameters.tolerance_s, f"{at_s - before_s:.3f} s between two samples"
        )


async def _sample(bench: Workbench, context: str, key: str) -> float:
    """The next sample, with all its measurands; gives its time."""
    heard = await bench.expect(meter_values(bench.transaction))
    check_measurands(heard, context, (await bench.read_keys())[key].value)
    return sampled_at_s(heard)


# --- power loss ----------------------------------------------------------------------------------------------------------------------


@case("TC_032_1_CS", "Power loss, stop before going down", STOPS_BEFORE_POWER_IS_GONE)
async def tc_032_1(bench: Workbench) -> None:
    """The transaction ends with PowerLoss while the power goes."""
    await charging(bench)
    await bench.lose_mains()
    await bench.expect_any_order(stop_transaction(bench.transaction, "PowerLoss"), status("Finishing"))
    await bench.power_cycle()
    await bench.expect(boot_notification())
    await booted(bench, AFTER_POWER)


@case("TC_032_2_CS", "Power loss, stop after coming back", STOPS_AFTER_POWER_IS_BACK)
async def tc_032_2(bench: Workbench) -> None:
    """The transaction ends with PowerLoss once the station is back."""
    await charging(bench)
    await bench.power_cycle()
    await bench.expect(boot_notification())
    await bench.expect_any_order(stop_transaction(bench.transaction, "PowerLoss"), *after_boot(bench, AFTER_POWER))


@case("TC_034_CS", "Power loss, Unavailable kept")
async def tc_034(bench: Workbench) -> None:
    """A station that was made Inoperative still is after a power loss."""
    await unavailable(bench, 0)
    await bench.power_cycle()
    await bench.expect(boot_notification())
    await booted(bench, dict.fromkeys((0, *bench.connectors), ("Unavailable",)))


# --- offline -------------------------------------------------------------------------------------------------------------------------


@case("TC_036_CS", "Connection loss in transaction")
async def tc_036(bench: Workbench) -> None:
    """The samples of the time without a connection come first, in their order and at their interval."""
    await bench.configure("MeterValueSampleInterval", bench.parameters.sample_s)
    await charging(bench)
    bench.attend_to("MeterValues")
    await bench.expect(meter_values(bench.transaction))
    await bench.cut_link()
    lost_utc_s = bench.utc_s
    await bench.wait(bench.parameters.sample_s * (SAMPLES + 0.5))
    came_utc_s = bench.utc_s
    await bench.restore_link()
    times_s = [sampled_at_s(await bench.expect(meter_values(bench.transaction))) for _ in range(SAMPLES + 1)]
    missed = [at_s for at_s in times_s if at_s <= came_utc_s]
    require(len(missed) >= SAMPLES, f"{len(missed)} samples from the {came_utc_s - lost_utc_s:.1f} s without a connection")
    for before_s, at_s in pairwise(times_s):
        gap_s = at_s - before_s
        require(
            abs(gap_s - bench.parameters.sample_s) <= bench.parameters.tolerance_s,
            f"samples {gap_s:.3f} s apart, not {bench.parameters.sample_s} s",
        )


@case("TC_037_1_CS", "Offline start, valid id", OFFLINE_IDS)
async def tc_037_1(bench: Workbench) -> None:
    """A known token starts without a connection; the central system learns of it afterwards."""
    await _started_offline(bench)
    await bench.restore_link()
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


@case("TC_037_2_CS", "Offline start, invalid id, no stop", OFFLINE_IDS)
async def tc_037_2(bench: Workbench) -> None:
    """The central system refuses the token afterwards: no more energy, but the transaction stays open."""
    await bench.configure("StopTransactionOnInvalidId", False)
    await bench.configure_if_shown("MaxEnergyOnInvalidId", 0)
    await _refused_afterwards(bench)
    await bench.expect(status("SuspendedEVSE"))


@case("TC_037_3_CS", "Offline start, invalid id, stop", OFFLINE_IDS)
async def tc_037_3(bench: Workbench) -> None:
    """The central system refuses the token afterwards: the transaction ends."""
    await bench.configure("StopTransactionOnInvalidId", True)
    await bench.configure_if_shown("MaxEnergyOnInvalidId", 0)
    await _refused_afterwards(bench)
    await bench.expect_any_order(stop_transaction(bench.transaction, "DeAuthorized"), status("Finishing"))


async def _started_offline(bench: Workbench) -> None:
    """A token that is known charges without a connection."""
    await bench.configure("LocalAuthorizeOffline", True)
    for key in ("AuthorizationCacheEnabled", "LocalAuthListEnabled", "AllowOfflineTxForUnknownId"):
        await bench.configure_if_shown(key, True)
    await id_tag_cached(bench)
    await bench.cut_link()
    await bench.plug_in()
    await bench.wait(bench.parameters.plug_s)
    await bench.present()
    await bench.wait(bench.parameters.session_s)


async def _refused_afterwards(bench: Workbench) -> None:
    await _started_offline(bench)
    bench.answer_token(TAG, "Invalid")
    await bench.restore_link()
    await bench.expect_any_order(start_transaction(TAG), status("Charging"))


@case("TC_038_CS", "Offline stop", LOCAL_STOP)
async def tc_038(bench: Workbench) -> None:
    """Stopped without a connection; the central system learns of it afterwards."""
    await charging(bench)
    await bench.cut_link()
    await bench.present()
    await bench.wait(bench.parameters.session_s)
    await bench.restore_link()
    await bench.expect_any_order(stop_transaction(bench.transaction, "Local", None), status("Finishing"))


@case("TC_039_CS", "Offline transaction", OFFLINE_IDS & LOCAL_STOP)
async def tc_039(bench: Workbench) -> None:
    """A whole session without a connection: start and end are told in this order, under the id just received."""
    await _started_offline(bench)
    before = bench.transaction
    await bench.present()
    await bench.wait(bench.parameters.session_s)
    await bench.plug_out()
    await bench.wait(bench.parameters.plug_s)
    await bench.restore_link()
    await bench.expect(start_transaction(TAG))
    require(bench.transaction > before, "the offline transaction got no id")
    await bench.expect(stop_transaction(bench.transaction, "Local", None))


# --- faults --------------------------------------------------------------------------------------------------------------------------


@case("TC_041_CS", "Fault behaviour")
async def tc_041(bench: Workbench) -> None:
    """A faulted connector says so, and nobody can start there."""
    await faulted(bench)
    await bench.order("RemoteStartTransaction", {"connectorId": CONNECTOR, "idTag": TAG}, "Accepted", "Rejected")
    await bench.plug_in()
    await bench.may_come(authorize(TAG))
    await bench.expect_nothing()
