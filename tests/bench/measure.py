"""One measured thing and the table of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Measure:
    """Values of one thing in one unit, with its budget; None: measured for information."""

    name: str
    unit: str
    values: tuple[float, ...]
    budget: float | None = None

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def worst(self) -> float:
        """The largest."""
        return max(self.values)

    @property
    def ratio(self) -> float | None:
        """Median over budget."""
        return None if self.budget is None else self.value / self.budget

    @property
    def verdict(self) -> str:
        """Within the budget or over it."""
        if self.ratio is None:
            return ""
        return "ok" if self.ratio <= 1.0 else "OVER"

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "measure": self.name,
            "unit": self.unit,
            "value": self.value,
            "worst": self.worst,
            "runs": len(self.values),
            "budget": self.budget,
            "ratio": self.ratio,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """A measurement that could not be made."""

    name: str
    reason: str

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {"measure": self.name, "verdict": "FAILED", "reason": self.reason}


def table(results: Sequence[Measure | Failed]) -> str:
    """All of them as aligned text."""
    head = ("measure", "median", "worst", "runs", "budget", "ratio", "verdict")
    rows = [head, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(_cell(text, width, column) for column, (text, width) in enumerate(zip(row, widths, strict=True))) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _row(result: Measure | Failed) -> tuple[str, ...]:
    if isinstance(result, Failed):
        return result.name, "", "", "", "", "", f"FAILED: {result.reason}"
    budget = "" if result.budget is None else _amount(result.budget, result.unit)
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    median_, worst = _amount(result.value, result.unit), _amount(result.worst, result.unit)
    return result.name, median_, worst, str(len(result.values)), budget, ratio, result.verdict


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"


def _cell(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column in (0, 6) else text.rjust(width)
