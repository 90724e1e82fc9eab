"""The quick check passes what is right, and never what `jsonschema` would refuse."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft6Validator, FormatChecker

from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.quick_check import passes
from tests.fuzz.payloads import valid, written, wrong

NAMES = sorted(entry.name.removesuffix(".json") for entry in (files("ocpp") / "v16" / "schemas").iterdir() if entry.name.endswith(".json"))
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=(ValueError, OverflowError))
def is_time(value: object) -> bool:
    return not isinstance(value, str) or parse_time(value) is not None


def schema_of(name: str) -> dict[str, Any]:
    text = (files("ocpp") / "v16" / "schemas" / f"{name}.json").read_text("utf-8-sig")
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return found


def is_right(schema: dict[str, Any], payload: object) -> bool:
    """As the library has it."""
    kind = Draft6Validator if "draft-06" in schema["$schema"] else Draft4Validator
    try:
        return bool(kind(schema, format_checker=FORMATS).is_valid(payload))
    except ArithmeticError:  # a number beyond every range
        return False


@pytest.mark.parametrize("name", NAMES)
def test_it_knows_every_schema(name: str) -> None:
    """What is right passes, so that nobody has to wait for the library; by every schema of requests and answers."""
    schema, chance = schema_of(name), random.Random(name)
    for _ in range(30):
        payload = json.loads(json.dumps(valid(schema, chance), default=float), parse_float=Decimal)
        assert is_right(schema, payload)
        assert passes(schema, is_time)(payload)


@pytest.mark.parametrize("name", NAMES)
def test_it_never_passes_what_is_wrong(name: str) -> None:
    """One thing or several are wrong: whatever the library refuses is not passed."""
    schema, chance = schema_of(name), random.Random(name)
    refused = 0
    for _ in range(60):
        try:
            payload = json.loads(written(wrong(schema, chance).payload), parse_float=Decimal, parse_constant=Decimal)
        except (ValueError, RecursionError, ArithmeticError):
            continue  # no JSON, or no number
        is_refused = not is_right(schema, payload)
        refused += is_refused
        assert not (is_refused and passes(schema, is_time)(payload))
    assert refused > 0


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ({"type": "integer"}, [True, 1.0, Decimal(1), "1", None]),
        ({"type": "number"}, [True, "1", None, 1.5]),
        ({"type": "number", "multipleOf": Decimal("0.1")}, [Decimal("1E+999999"), Decimal("NaN")]),
        ({"type": "number", "multipleOf": Decimal("0.1")}, [True, Decimal("0.25"), 0.1, "x"]),
        ({"type": "boolean"}, [0, 1, "true"]),
        ({"type": "string", "enum": ["A"]}, ["a", 1, None, ["A"]]),
        ({"type": "string", "format": "date-time"}, ["today", "2026-01-01", "0000-00-00T00:00:00Z", 1]),
        ({"type": "string", "pattern": "x"}, ["x"]),  # a keyword that is not known
        ({"type": ["string", "null"]}, ["x", None]),
        ({}, [1, "x"]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1}, [[], ["1"], (1,), {}]),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, [{}, {"a": "1"}, [], None]),
        ({"type": "object", "properties": {}, "additionalProperties": False}, [{"a": 1}]),
        ({"type": "object", "properties": {}, "additionalProperties": {"type": "integer"}, "minProperties": 1}, [{"a": "x"}]),
    ],
)
def test_what_it_leaves_to_the_library(schema: dict[str, Any], values: list[object]) -> None:
    """Wrong, or beyond what it knows."""
    assert [value for value in values if passes(schema, is_time)(value)] == []
