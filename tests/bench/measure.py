"""One measured thing, ours and beside it the yardsticks', and the table of all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

YARDSTICKS = ("null", "library")
PEERS = ("libocpp", "MicroOcpp")


@dataclass(frozen=True, slots=True)
class Measure:
    """Values of one thing in one unit.

    budget: aim of the median, budget_p99: of the 99th percentile; None: measured for information. beside: what the yardsticks did in the
    same session. peers: medians that others reached elsewhere. is_rate: more is better, so the low end is the bad one.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    budget: float | None = None
    budget_p99: float | None = None
    beside: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    peers: Mapping[str, float] = field(default_factory=dict)
    is_rate: bool = False

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def p99(self) -> float:
        """What 99 of 100 values do not exceed, by nearest rank."""
        ordered = sorted(self.values, reverse=self.is_rate)
        return ordered[math.ceil(0.99 * len(ordered)) - 1]

    @property
    def worst(self) -> float:
        """The largest, or the lowest rate."""
        return min(self.values) if self.is_rate else max(self.values)

    @property
    def verdict(self) -> str:
        """Within the budget or over it."""
        if self.budget is None:
            return ""
        is_over = self.value > self.budget or (self.budget_p99 is not None and self.p99 > self.budget_p99)
        return "OVER" if is_over else "ok"

    def ratio(self, yardstick: str) -> float | None:
        """Our median over that of a yardstick; None when it was not measured or did nothing."""
        values = self.beside.get(yardstick)
        return self.value / median(values) if values and median(values) else None

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "measure": self.name,
            "unit": self.unit,
            "value": self.value,
            "p99": self.p99,
            "worst": self.worst,
            "runs": len(self.values),
            "budget": self.budget,
            "budget_p99": self.budget_p99,
            "verdict": self.verdict,
            "yardsticks": {name: median(values) for name, values in self.beside.items() if values},
            "peers": dict(self.peers),
        }


@dataclass(frozen=True, slots=True)
class NotYet:
    """What the station cannot do yet."""

    name: str

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {"measure": self.name, "verdict": "not yet"}


@dataclass(frozen=True, slots=True)
class Failed:
    """A measurement that could not be made."""

    name: str
    reason: str

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {"measure": self.name, "verdict": "FAILED", "reason": self.reason}


Result = Measure | NotYet | Failed

_HEAD = ("measure", "median", "p99", "worst", "runs", "aim", "verdict", *(f for name in YARDSTICKS for f in (name, "x")), *PEERS)
_TEXT = (_HEAD.index("measure"), _HEAD.index("verdict"))


def table(results: Sequence[Result]) -> str:
    """All of them as aligned text."""
    rows = [_HEAD, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(_HEAD))]
    return "\n".join("  ".join(_cell(row, widths, column) for column in range(len(row))).rstrip() for row in rows)


def _row(result: Result) -> tuple[str, ...]:
    match result:
        case Failed(name=name, reason=reason):
            return name, f"FAILED: {reason}"
        case NotYet(name=name):
            return name, "not yet"
    beside = [text for name in YARDSTICKS for text in (_median(result.beside.get(name)), _times(result.ratio(name)))]
    peers = [_amount(result.peers[name]) if name in result.peers else "" for name in PEERS]
    figures = (_amount(result.value), _amount(result.p99), _amount(result.worst), str(len(result.values)))
    return ", ".join(filter(None, (result.name, result.unit))), *figures, _aim(result), result.verdict, *beside, *peers


def _aim(measure: Measure) -> str:
    return " / ".join(f"{budget:g}" for budget in (measure.budget, measure.budget_p99) if budget is not None)


def _median(values: tuple[float, ...] | None) -> str:
    return _amount(median(values)) if values else ""


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"


def _amount(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _cell(row: tuple[str, ...], widths: list[int], column: int) -> str:
    if len(row) < len(_HEAD) and column:
        return row[column]  # words instead of figures
    return row[column].ljust(widths[column]) if column in _TEXT else row[column].rjust(widths[column])
