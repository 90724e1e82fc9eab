"""A PICS as Markdown, with a word for each of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WORDS: Mapping[str, str] = {
    "C-01": "transactions can be authorised while offline",
    "C-02": "unknown identifiers can be accepted while offline",
    "C-03": "energy for an identifier that turns out to be invalid is limited",
    "C-04": "authorisation cache",
    "C-05": "short-lived statuses can be left out",
    "C-06.1": "cable taken out of the vehicle: the authorisation is kept",
    "C-06.2": "cable taken out of the vehicle: the transaction ends",
    "C-07": "the driver can start at the station",
    "C-08": "the driver can stop at the station",
    "C-10.1": "cable taken out of the vehicle: the station's end is unlocked",
    "C-10.2": "cable taken out of the vehicle: the station's end stays locked",
    "C-11": "security profile 1",
    "LA-0": "local list",
    "RT-0": "remote trigger",
    "R-0": "reservation",
    "R-1": "reservation of the whole station",
    "SC-1.1": "charging rates in A",
    "SC-1.2": "charging rates in W",
    "F-1": "secure firmware update",
    "SEC-1": "security profile 1",
    "SEC-2": "security profile 2",
    "SEC-3": "security profile 3",
    "AQ-1": "the last Central System root certificate can be removed",
    "AQ-2": "a lock keeps the driver from plugging in before authorisation",
    "AQ-3": "the last Charge Point certificate can be removed",
    "AQ-4": "firmware can be downloaded during a transaction",
    "AQ-5": "the driver must choose the outlet before authorising",
    "AQ-6": "charges under IEC 61851-1 (control pilot)",
    "AQ-7.1": "power loss: StopTransaction is sent before going down",
    "AQ-7.2": "power loss: StopTransaction is sent after coming back",
    "AQ-9": "a connector has a motorised lock at the station's end",
    "AQ-11": "authorisation without the vehicle's communication (card, app)",
}
"""What the rows of a certificate ask."""


def markdown(statement: Mapping[str, Any]) -> str:
    """The whole statement, one table for each part. `statement` is laid out as `pics` gives it; parts it lacks are left out."""
    parts = [f"# PICS of {statement['product']['vendor']} {statement['product']['designation']}"]
    parts += _part("Product", ("field", "value"), statement["product"].items())
    parts += _part("Profiles", ("profile", "built"), statement["profiles"].items())
    parts += _part("Hardware", ("row", "feature", "value"), _named(statement["hardware"]["features"]))
    parts += _part(
        "Connectors", ("id", "current", "phases", "type", "cable"), (one.values() for one in statement["hardware"]["connectors"])
    )
    asked = {**statement["features"]["core"], **statement["features"]["optional"]}
    parts += _part("Features", ("row", "feature", "value"), ((row, WORDS[row], value) for row, value in asked.items()))
    measurands = [(one["id"], name, one["supported"]) for name, one in statement["measurands"].items()]
    parts += _part("Measurands", ("row", "readings", "declared"), measurands)
    answers = [(row, WORDS[row], value) for row, value in statement["additional_questions"].items() if value is not None]
    parts += _part("Additional questions", ("row", "question", "answer"), answers)
    parts += _part("Settings", ("row", "key", "value"), _named(statement["settings"]))
    parts += _part("OCPP configuration", ("key", "value"), statement["ocpp_configuration"].items())
    parts += _part("Missing", ("place", "reason"), statement["missing"].items())
    return "\n\n".join(parts) + "\n"


def _part(title: str, heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> list[str]:
    lines = [_line(heads), _line("---" for _ in heads), *(_line(map(_cell, row)) for row in rows)]
    return [f"## {title}", "\n".join(lines)] if len(lines) > 2 else []


def _named(rows: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[object, ...]]:
    return ((row, one["name"], one["value"]) for row, one in rows.items())


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "Yes" if value else "No"
        case list():
            return ", ".join(map(str, value)) or "–"
    return str(value)
