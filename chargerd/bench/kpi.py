"""The performance figures that a certificate prints, as measured in a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean


class Kpi(StrEnum):
    """Their names in the certificates' facts."""

    OCPP_RESPONSE = "ocpp_response"  # from a request of the central system to its answer
    OCPP_TRIGGERED_FUNCTION = "ocpp_triggered_function"  # from TriggerMessage to the message
    REMOTE_START_RESPONSE = "remote_start_response"  # the part of the former that is the answer to RemoteStartTransaction
    REMOTE_START = "remote_start_to_start_transaction"  # from RemoteStartTransaction to StartTransaction, the cable being plugged
    REMOTE_STOP = "remote_stop_to_stop_transaction"  # from RemoteStopTransaction to StopTransaction


OUR_LIMITS_S = {
    Kpi.OCPP_RESPONSE: 1.0,
    Kpi.OCPP_TRIGGERED_FUNCTION: 1.0,
    Kpi.REMOTE_START_RESPONSE: 1.0,
    Kpi.REMOTE_START: 2.0,
    Kpi.REMOTE_STOP: 2.0,
}
"""What this station is held to; the certificates declare 5 to 90 s."""


@dataclass(slots=True)
class Measurements:
    """Seconds by figure."""

    values_s: dict[Kpi, list[float]] = field(default_factory=lambda: {kpi: [] for kpi in Kpi})

    def add(self, kpi: Kpi, seconds: float) -> None:
        """One more."""
        self.values_s[kpi].append(seconds)

    def rows(self) -> list[Row]:
        """The table, in the order of the certificates."""
        return [Row.of(kpi, values) for kpi, values in self.values_s.items()]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `count` 0: nothing was measured, as `note` says."""

    kpi: Kpi
    limit_s: float
    count: int = 0
    minimum_s: float = 0.0
    maximum_s: float = 0.0
    average_s: float = 0.0
    note: str = ""

    @staticmethod
    def of(kpi: Kpi, values_s: list[float]) -> Row:
        """The row of some measurements."""
        limit_s = OUR_LIMITS_S[kpi]
        if not values_s:
            return Row(kpi, limit_s, note="not measured: no case of this run had one")
        return Row(kpi, limit_s, len(values_s), min(values_s), max(values_s), fmean(values_s))

    @property
    def is_within_limit(self) -> bool:
        """The slowest was fast enough."""
        return self.maximum_s <= self.limit_s
