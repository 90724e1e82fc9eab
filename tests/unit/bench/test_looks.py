"""What a case looks at in keys and samples."""

from __future__ import annotations

from typing import Any

import pytest

from chargerd.bench.metering import check_measurands, sampled_at_s
from chargerd.bench.product import ShownKey
from chargerd.bench.required_keys import REQUIRED, wrong_flags
from chargerd.bench.stream import Heard
from chargerd.bench.verdict import CaseFailedError
from chargerd.bench.workbench import shown_keys
from chargerd.csms.model import Request

ENERGY = "Energy.Active.Import.Register"


def sample(*measurands: str, context: str = "Sample.Periodic") -> Heard:
    values = [{"value": "1", "context": context, "measurand": measurand} for measurand in measurands]
    return heard([{"timestamp": "2027-01-15T08:00:10.000Z", "sampledValue": values}])


def heard(values: list[dict[str, Any]]) -> Heard:
    return Heard(0.0, Request("a", "MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": values}))


def test_every_required_key_is_looked_for() -> None:
    """Missing, or shown with the wrong access: each is told. Keys of profiles that the station does not have are not missed."""
    good = {key: ShownKey("", is_read_only=bool(flag)) for key, flag in REQUIRED["Core"].items()}
    assert wrong_flags(good, ["Core"]) == []
    assert wrong_flags(good | {"ResetRetries": ShownKey("1", is_read_only=True)}, ["Core"]) == ["ResetRetries is read-only"]
    assert wrong_flags({key: good[key] for key in good if key != "ResetRetries"}, ["Core"]) == ["ResetRetries is missing"]
    assert len(wrong_flags(good, ["Core", "SmartCharging"])) == 4
    assert wrong_flags(good | {"AuthorizeRemoteTxRequests": ShownKey("true", is_read_only=True)}, ["Core"]) == []


def test_keys_without_a_value_are_shown() -> None:
    """GetConfiguration may leave the value out."""
    assert shown_keys({"configurationKey": [{"key": "A", "readonly": True}]}) == {"A": ShownKey("", is_read_only=True)}
    assert shown_keys({}) == {}


@pytest.mark.parametrize(
    ("measurands", "configured", "words"),
    [
        ((ENERGY, "Voltage"), f"{ENERGY},Voltage", None),
        ((ENERGY, "Voltage", "Voltage", "Voltage"), f"{ENERGY},Voltage", None),  # one for each phase
        ((ENERGY, "Voltage"), f"{ENERGY},Voltage.L1", None),
        ((ENERGY,), "", None),
        ((ENERGY,), f"{ENERGY},SoC", None),  # nobody knows the state of charge
        ((ENERGY,), f"{ENERGY},Voltage", "without Voltage"),
        ((ENERGY, "Voltage"), ENERGY, "with Voltage, which is not configured"),
        (("Voltage",), "", f"without {ENERGY}"),
    ],
)
def test_a_sample_has_what_is_configured(measurands: tuple[str, ...], configured: str, words: str | None) -> None:
    """No more and no less; an empty list means the energy register."""
    if words is None:
        check_measurands(sample(*measurands), "Sample.Periodic", configured)
        return
    with pytest.raises(CaseFailedError, match=words):
        check_measurands(sample(*measurands), "Sample.Periodic", configured)


def test_a_sample_says_why_it_was_taken() -> None:
    """Its context; none means periodic."""
    with pytest.raises(CaseFailedError, match=r"context Sample\.Clock, not Sample\.Periodic"):
        check_measurands(sample(ENERGY, context="Sample.Clock"), "Sample.Periodic", ENERGY)
    check_measurands(heard([{"timestamp": "2027-01-15T08:00:10Z", "sampledValue": [{"value": "1"}]}]), "Sample.Periodic", "")


def test_a_sample_has_one_time() -> None:
    """Two samples in one message are not one."""
    assert sampled_at_s(sample(ENERGY)) % 60 == 10.0
    with pytest.raises(CaseFailedError, match="2 samples in one message"):
        sampled_at_s(heard([{"timestamp": "2027-01-15T08:00:10Z", "sampledValue": []}] * 2))
