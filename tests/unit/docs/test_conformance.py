"""The table of conformance names tests that exist, and the reports from the field that they answer."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/conformance.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| rule", "|---"))]


def test_every_rule_is_proved() -> None:
    """Each row names a source and at least one test."""
    bare = [row for row in ROWS if not re.search(r"`tests/[\w/]+\.py::\w+`", row) or not row.split(" | ")[1].strip()]
    assert bare == []
    assert len(ROWS) > 50


def test_every_test_that_is_named_exists() -> None:
    """A proof that was renamed or deleted is no proof."""
    missing = []
    for file, name in sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT))):
        path = ROOT / file
        if not path.exists() or not re.search(rf"^ *(async )?def {name}\(", path.read_text(), re.MULTILINE):
            missing.append(f"{file}::{name}")
    assert missing == []


REPORTS = [
    "MicroOcpp#174",
    "MicroOcpp#454",
    "libocpp#495",
    "open-ocpp#24",
    "lbbrhzn#1000",
    "libocpp#907",
    "libocpp#688",
    "libocpp#444",
    "MicroOcpp#50",
    "MicroOcpp#345",
    "MicroOcpp#311",
    "libocpp#1130",
    "libocpp#445",
    "open-ocpp#174",
    "ocpp-rpc#69",
    "MicroOcpp#240",
    "libocpp#651",
    "SmartEVSE#202",
    "lbbrhzn#1744",
    "EVerest#2475",
    "lbbrhzn#1503",
    "MicroOcpp#394",
    "mobilityhouse#130",
    "evcc#29838",
    "open-ocpp#246",
    "libocpp#809",
    "libocpp#671",
    "lbbrhzn#211",
    "libocpp#1051",
    "libocpp#609",
    "libocpp#811",
    "libocpp#1062",
    "steve#44",
    "mobilityhouse#444",
    "cp-simulator#205",
    "MicroOcpp#163",
    "EVerest#521",
]
"""Reports from users of other stations that concern the profiles that are built; those of others come with them."""


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_from_the_field_is_answered(report: str) -> None:
    """Its row names a test whose docstring names the report."""
    rows = [row for row in ROWS if re.search(rf"{re.escape(report)}\b", row)]
    assert rows, "no row names it"
    proofs = [proof for row in rows for proof in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)]
    assert any(re.search(rf"{re.escape(report)}\b", _docstring(*proof)) for proof in proofs), "no docstring names it"


def _docstring(file: str, name: str) -> str:
    found = [node for node in ast.walk(ast.parse((ROOT / file).read_text())) if getattr(node, "name", None) == name]
    return "\n".join(ast.get_docstring(node) or "" for node in found)  # type: ignore[arg-type]
