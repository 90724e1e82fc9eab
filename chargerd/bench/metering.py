"""What a case looks at in MeterValues: when the sample was taken, and whether it has what it should have."""

from __future__ import annotations

from typing import Any, cast

from chargerd.bench.stream import Heard
from chargerd.bench.verdict import require
from chargerd.ocpp.iso_time import parse_time

DEFAULT_MEASURAND = "Energy.Active.Import.Register"
"""What an empty list means, and what a value without a measurand is (OCPP 1.6, 7.45, 9.1)."""

OPTIONAL_MEASURANDS = frozenset({"SoC", "Temperature"})
"""What may be missing where nobody tells it, such as the state of charge on alternating current: it is left out, never invented."""


def _only_sample(heard: Heard) -> dict[str, Any]:
    samples = cast("list[dict[str, Any]]", heard.payload["meterValue"])
    require(len(samples) == 1, f"{len(samples)} samples in one message")
    return samples[0]


def sampled_at_s(heard: Heard) -> float:
    """When the sample was taken, as its time stamp says, in seconds since 1970."""
    return parse_time(_only_sample(heard)["timestamp"])


def check_measurands(heard: Heard, context: str, configured: str) -> None:
    """Every configured measurand is there, in this context, and nothing else. Raises CaseFailedError."""
    values = _only_sample(heard)["sampledValue"]
    wanted = {item.strip().partition(".L")[0].removesuffix(".N") for item in configured.split(",") if item.strip()} or {DEFAULT_MEASURAND}
    contexts = {value.get("context", "Sample.Periodic") for value in values}
    require(contexts == {context}, f"context {', '.join(sorted(contexts))}, not {context}")
    found = {value.get("measurand", DEFAULT_MEASURAND) for value in values}
    missing, more = wanted - found - OPTIONAL_MEASURANDS, found - wanted
    require(not missing, f"without {', '.join(sorted(missing))}")
    require(not more, f"with {', '.join(sorted(more))}, which is not configured")
