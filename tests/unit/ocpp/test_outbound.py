"""Facts as messages: values, texts, times and the readings of a whole transaction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.events import AuthorizationStatus, IdTagInfo, StopReason
from chargerd.core.facts import ConnectorStatus, MeterSampled, Owed, ReadingContext, Sample, Stamped, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.ocpp.iso_time import parse_time, render_time
from chargerd.ocpp.options import OcppOptions, StationIdentity, connection_url
from chargerd.ocpp.schema import check_request
from chargerd.ocpp.v16 import outbound
from chargerd.ocpp.v16.convert import id_tag_info, sampled_value
from chargerd.ocpp.v16.outbound import Instant
from tests.support.ocpp_fakes import status

ONE = ConnectorId(1)
TX = LocalId("tx-1")
ENERGY = "Energy.Active.Import.Register"
NOW = Instant(mono_s=1000.0, utc_s=1_780_000_000.0)


def wh(value: float) -> tuple[Sample, ...]:
    return (Sample(ENERGY, value, "Wh"),)


def sampled(energy_wh: int) -> MeterSampled:
    return MeterSampled(ONE, TX, energy_wh, ReadingContext.PERIODIC, wh(energy_wh), wh(energy_wh))


def stopped(**more: object) -> TransactionStopped:
    return TransactionStopped(ONE, TX, StopReason.LOCAL, 5000, **more)  # type: ignore[arg-type]


def energies(data: list[dict[str, object]]) -> list[str]:
    return [value["sampledValue"][0]["value"] for value in data]  # type: ignore[index]


@pytest.mark.parametrize(
    ("sample", "value", "unit"),
    [
        (Sample(ENERGY, 1234.6, "Wh"), "1235", "Wh"),
        (Sample(ENERGY, 0, "Wh"), "0", "Wh"),
        (Sample("Voltage", 399.96, "V"), "400.0", "V"),
        (Sample("Current.Import", -0.04, "A"), "0.0", "A"),
        (Sample("Temperature", 21, "Celcius"), "21.0", "Celcius"),
        (Sample("Temperature", 21, "Celsius"), "21.0", "Celcius"),
        (Sample("SoC", 80, "Percent"), "80.0", "Percent"),
    ],
)
def test_values_are_text(sample: Sample, value: str, unit: str) -> None:
    """Registers are whole numbers, all else has one decimal; the temperature's unit is misspelt as in the first schema."""
    sent = sampled_value(sample, ReadingContext.PERIODIC)
    assert (sent["value"], sent["unit"]) == (value, unit)
    assert sent["context"] == "Sample.Periodic"
    assert sent["format"] == "Raw"


def test_place_and_phase() -> None:
    """The location is told, the state of charge is the vehicle's, and a phase leaves the measurand's name."""
    assert sampled_value(Sample("Voltage", 1, "V"), ReadingContext.CLOCK)["location"] == "Outlet"
    assert sampled_value(Sample("SoC", 1, "Percent"), ReadingContext.CLOCK)["location"] == "EV"
    phased = sampled_value(Sample("Voltage.L1-N", 230, "V"), ReadingContext.CLOCK)
    assert (phased["measurand"], phased["phase"]) == ("Voltage", "L1-N")


def test_frequency_has_no_unit() -> None:
    """Errata 3.86: the schemas disagree about Hertz, so it is left out."""
    assert "unit" not in sampled_value(Sample("Frequency", 50, "Hertz"), ReadingContext.CLOCK)


@given(st.floats(0, 4e9))
def test_times_survive_the_way(utc_s: float) -> None:
    """A rendered time reads back within half a millisecond, in UTC with Z and three decimals."""
    text = render_time(utc_s)
    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000Z")
    assert abs(parse_time(text) - utc_s) <= 0.000501


def test_offsets_are_understood() -> None:
    """Any offset names the same moment."""
    assert parse_time("2026-01-01T02:00:00+02:00") == parse_time("2026-01-01T00:00:00Z") == parse_time("2026-01-01T00:00:00")


def test_id_tag_info() -> None:
    """Status, parent and expiry come over."""
    info = id_tag_info({"idTagInfo": {"status": "Blocked", "parentIdTag": "P", "expiryDate": "1970-01-01T00:01:00Z"}})
    assert info == IdTagInfo(AuthorizationStatus.BLOCKED, IdTag("P"), 60.0)


def test_boot_notification_leaves_out_what_is_not_known() -> None:
    """Only fields with content are sent."""
    identity = StationIdentity(identity="CP1", vendor="V", model="M", firmware_version="1.2")
    assert outbound.boot_notification(identity).payload == {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "1.2"}


def test_long_texts_are_cut() -> None:
    """Texts of our own never make a message invalid."""
    told = status(1, ConnectorStatus.FAULTED, error_code="OtherError", info="i" * 80, vendor_error_code="c" * 80)
    request = outbound.status_notification(told, "Example", 0.0)
    assert check_request(request.action, request.payload) is None
    assert len(str(request.payload["info"])) == 50
    assert request.payload["vendorId"] == "Example"


def test_plain_status_has_no_vendor_fields() -> None:
    """Info and vendor fields are there only when they say something."""
    payload = outbound.status_notification(status(0), "Example", 0.0).payload
    assert payload == {"connectorId": 0, "errorCode": "NoError", "status": "Available", "timestamp": "1970-01-01T00:00:00.000Z"}


def test_transaction_messages_are_valid() -> None:
    """Start, values and stop pass the schemas."""
    start = outbound.start_transaction(TransactionStarted(ONE, TX, IdTag("TAG"), 100), 0.0)
    values = outbound.meter_values(sampled(200), 0.0, 7)
    stop = outbound.stop_transaction(stopped(id_tag=IdTag("TAG"), end_values=wh(5000)), 0.0, 7)
    for request in (start, values, stop):
        assert check_request(request.action, request.payload) is None
    assert stop.payload["reason"] == "Local"
    assert "transactionData" not in stop.payload


def test_time_of_a_fact_from_before_the_clock_was_set() -> None:
    """Without UTC the time follows from the monotonic clock, counted back from now."""
    assert NOW.of(Stamped(1, 1, 400.0, None, sampled(1))) == NOW.utc_s - 600.0
    assert NOW.of(Stamped(1, 1, 400.0, 5.0, sampled(1))) == 5.0


def owed(remote_id: int | None, is_abandoned: bool) -> Owed:
    return Owed(Stamped(9, 1, 0.0, 0.0, sampled(1)), 0, remote_id, is_abandoned, "id")


def test_transaction_id_is_the_central_systems() -> None:
    """libocpp#495, open-ocpp#24, lbbrhzn#1000: any number the central system gave is used, 0 and negatives too.

    -1 of our own only for an abandoned start.
    """
    assert outbound.transaction_id(owed(0, is_abandoned=False)) == 0
    assert outbound.transaction_id(owed(-5, is_abandoned=False)) == -5
    assert outbound.transaction_id(owed(None, is_abandoned=True)) == -1
    with pytest.raises(ValueError, match="before its StartTransaction"):
        outbound.transaction_id(owed(None, is_abandoned=False))


@pytest.mark.parametrize(
    ("endpoint", "identity", "url"),
    [
        ("ws://host:80/ocpp", "CP1", "ws://host:80/ocpp/CP1"),
        ("ws://host/ocpp/", "CP1", "ws://host/ocpp/CP1"),
        ("ws://host", "CP1", "ws://host/CP1"),
        ("ws://host/", "A B/ü", "ws://host/A%20B%2F%C3%BC"),
    ],
)
def test_connection_url(endpoint: str, identity: str, url: str) -> None:
    """Endpoint, exactly one slash, and the identity percent-encoded."""
    assert connection_url(endpoint, identity) == url


@pytest.mark.parametrize("url", ["http://host", "wss://host/ocpp", "ws://", "host:80", "ws://user:pass@host/", "ws://host/?a=b"])
def test_url_that_cannot_work(url: str) -> None:
    """A URL that cannot be dialled, or would show a password in logs, is refused when the configuration is read."""
    with pytest.raises(ValueError, match="url"):
        OcppOptions(url=url)


@pytest.mark.parametrize("changed", [{"vendor": "v" * 21}, {"model": ""}, {"identity": ""}, {"iccid": "1" * 21}])
def test_identity_that_does_not_fit(changed: dict[str, str]) -> None:
    """What would make BootNotification invalid is refused when the configuration is read."""
    with pytest.raises(ValueError, match=next(iter(changed))):
        StationIdentity(**{"identity": "CP1", "vendor": "V", "model": "M", **changed})
