"""The report of a run: tables for people (Markdown, which reads well on a terminal too) and the same as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chargerd
from chargerd.bench.certify import Outcome, Result, Run
from chargerd.bench.kpi import Kpi, Row
from chargerd.ocpp.iso_time import render_time
from hal.options import load_yaml


@dataclass(frozen=True, slots=True)
class Certificate:
    """The part of a certificate's facts that a run is laid beside."""

    number: str
    limits_s: Mapping[Kpi, float]
    measured: Mapping[Kpi, tuple[float | None, float | None, float | None]]  # minimum, maximum, average; None: not printed


@dataclass(frozen=True, slots=True)
class Report:
    """A run, what it ran on, and the certificate beside it."""

    run: Run
    config: Path
    is_virtual: bool
    began_utc_s: float
    certificate: Certificate | None = None

    # --- JSON --------------------------------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        pics = self.run.product.pics
        return {
            "product": dict(pics["product"]),
            "configuration": str(self.config),
            "program": f"chargerd {chargerd.__version__}",
            "environment": _environment(),
            "time": "virtual" if self.is_virtual else "real",
            "began": render_time(self.began_utc_s),
            "seconds": round(self.run.seconds, 1),
            "passed": self.run.is_passed,
            "profiles": {profile: self._counts(profile) for profile in self._profiles()},
            "cases": [_case_json(result) for result in self.run.results],
            "performance": [self._kpi_json(row) for row in self.run.measured.rows()],
            "certificate": self.certificate.number if self.certificate else None,
        }

    def _kpi_json(self, row: Row) -> dict[str, Any]:
        shown: dict[str, Any] = {"kpi": row.kpi.value, "limit_s": row.limit_s, "count": row.count}
        if row.count:
            shown |= {"min_s": round(row.minimum_s, 4), "max_s": round(row.maximum_s, 4), "avg_s": round(row.average_s, 4)}
        else:
            shown["note"] = row.note
        if self.certificate is not None:
            figures = self.certificate.measured.get(row.kpi)
            theirs = dict(zip(("min_s", "max_s", "avg_s"), figures, strict=True)) if figures else {}
            shown["certificate"] = {"limit_s": self.certificate.limits_s.get(row.kpi), **theirs}
        return shown

    # --- tables ------------------------------------------------------------------------------------------------------------------------

    def summary(self) -> str:
        """Results and figures, without the messages."""
        parts = [self._cases_table(), self._reasons(), self._profiles_table(), self._kpi_table()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def as_markdown(self) -> str:
        """The whole report."""
        product = self.run.product.pics["product"]
        head = (
            f"# Conformance of {product['vendor']} {product['designation']}\n\n"
            f"Software {product['software_version']}, configuration `{self.config}`, chargerd {chargerd.__version__} ({_environment()}),"
            f" began {render_time(self.began_utc_s)}, {self.run.seconds:.0f} s of {'virtual' if self.is_virtual else 'real'} time."
        )
        failed = [result for result in self.run.results if result.outcome is Outcome.FAILED]
        return "\n\n".join([head, self.summary().rstrip(), *map(_failure, failed)]) + "\n"

    def write(self, folder: Path) -> None:
        """report.json and report.md. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(self.as_json(), indent=1, default=str) + "\n", encoding="utf-8")
        (folder / "report.md").write_text(self.as_markdown(), encoding="utf-8")

    def _cases_table(self) -> str:
        rows = [
            [one.case.number, one.case.name, one.outcome.value, f"{one.seconds:.1f}" if one.seconds else ""] for one in self.run.results
        ]
        return table(["case", "name", "result", "s"], rows)

    def _reasons(self) -> str:
        """Why cases were not passed."""
        return "\n".join(f"- {one.case.number} {one.outcome.value}: {one.words}" for one in self.run.results if one.words)

    def _profiles(self) -> list[str]:
        return list(dict.fromkeys(one.case.profile for one in self.run.results))

    def _counts(self, profile: str) -> dict[str, int]:
        return {outcome.value: self.run.count(outcome, profile) for outcome in Outcome}

    def _profiles_table(self) -> str:
        rows = [[profile, *(str(count) for count in self._counts(profile).values())] for profile in self._profiles()]
        return table(["profile", *(outcome.value for outcome in Outcome)], rows)

    def _kpi_table(self) -> str:
        rows = [_kpi_row(row, self.certificate) for row in self.run.measured.rows()]
        theirs = [f"{word} of {self.certificate.number}" for word in ("limit", "min / max / avg")] if self.certificate else []
        return table(["figure (s)", "limit", "min", "max", "avg", "n", "", *theirs], rows)


def _environment() -> str:
    return f"Python {platform.python_version()}, {platform.system()} {platform.release()} {platform.machine()}"


def _kpi_row(row: Row, certificate: Certificate | None) -> list[str]:
    ours = [f"{value:.3f}" for value in (row.minimum_s, row.maximum_s, row.average_s)] if row.count else ["", "", ""]
    note = row.note or ("" if row.is_within_limit else "over the limit")
    shown = [row.kpi.value, f"{row.limit_s:g}", *ours, str(row.count), note]
    if certificate is not None:
        limit_s, figures = certificate.limits_s.get(row.kpi), certificate.measured.get(row.kpi)
        shown += ["" if limit_s is None else f"{limit_s:g}", _figures(figures) if figures else ""]
    return shown


def _figures(values: Sequence[float | None]) -> str:
    return " / ".join("-" if value is None else f"{value:.2f}" for value in values)


def _case_json(result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "case": result.case.number,
        "name": result.case.name,
        "profile": result.case.profile,
        "checks": result.case.checks,
        "result": result.outcome.value,
        "seconds": round(result.seconds, 3),
    }
    if result.words:
        shown["why"] = result.words
    if result.outcome is Outcome.FAILED:
        shown["messages"] = [
            {"time": render_time(one.at_utc_s), "from": "station" if one.direction == "in" else "central system", "text": one.text}
            for one in result.messages
        ]
    return shown


def _failure(result: Result) -> str:
    lines = [f"{render_time(one.at_utc_s)} {'<-' if one.direction == 'in' else '->'} {one.text}" for one in result.messages]
    messages = "\n".join(lines) or "(no message crossed the wire)"
    return f"## {result.case.number} {result.case.name}\n\n{result.case.checks}\n\n{result.words}\n\n```\n{messages}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with aligned columns; cells are made one line, and `|` is escaped."""
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def read_certificate(path: Path) -> Certificate:
    """The figures of a certificate's facts (YAML). Raises ConfigError when it cannot be read, ValueError where it is none."""
    facts = load_yaml(path)
    match facts:
        case {"certificate": {"number": str() as number}, "performance": {"limits": list() as limits, "measured": list() as measured}}:
            known = [kpi.value for kpi in Kpi]
            return Certificate(
                number,
                {Kpi(one["kpi"]): float(one["max_s"]) for one in limits if one["kpi"] in known},
                {Kpi(one["kpi"]): (one["min_s"], one["max_s"], one["avg_s"]) for one in measured if one["kpi"] in known},
            )
    raise ValueError(f"{path}: should be the facts of a certificate, with its number and its performance")
