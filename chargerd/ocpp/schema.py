"""The JSON schemas of OCPP 1.6 and its security extension, and which CALLERROR a payload that breaks one deserves.

The schemas are files of the package `ocpp`, read and compiled one by one when first needed. So is `jsonschema`: it takes a tenth of the
whole start and is not needed before the first message comes in. It looks only at what `quick_check` has not passed.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.quick_check import Passes, passes

if TYPE_CHECKING:
    from jsonschema import Draft4Validator, Draft6Validator, FormatChecker
    from jsonschema.exceptions import ValidationError


T = TypeVar("T")


class ErrorCode(StrEnum):
    """What a CALLERROR may say (OCPP-J 1.6, 4.2.3); the misspellings are the protocol's own."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMATION_VIOLATION = "FormationViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


@dataclass(frozen=True, slots=True)
class Violation:
    """The first thing that is wrong with a payload, without its values: they may be secret."""

    code: ErrorCode
    description: str


BEYOND = 10**20
"""Stands for a number that is too large to be read."""

_LARGEST_INTEGER = 2**63
_LARGEST_EXPONENT = 20
_MOST_VALUES = 1500
"""In one payload. The schema needs up to 50 ms for so many; a message of the Core profile has a tenth of them at the most."""

_DEEPEST = 20

_IN_ONE_STEP = 10
"""Items of a list with a flaw in it that are looked at at once; each takes a tenth of a millisecond and more."""


@cache
def known_actions() -> frozenset[str]:
    """Every action of OCPP 1.6 and its security extension, both directions."""
    names = (entry.name for entry in _schemas().iterdir())
    return frozenset(name.removesuffix(".json") for name in names if name.endswith(".json") and not name.endswith("Response.json"))


def check_request(action: str, payload: object) -> Violation | None:
    """What is wrong with the payload of a CALL, or None. The action must be known."""
    return finished(check_request_in_steps(action, payload))


def check_request_in_steps(action: str, payload: object) -> Generator[None, None, Violation | None]:
    """The same with a pause now and then, for who must not be held up by a long list with a flaw in it."""
    return _check(action, payload)


def check_response(action: str, payload: object) -> Violation | None:
    """What is wrong with the payload of a CALLRESULT, or None. The action must be known."""
    return finished(_check(f"{action}Response", payload))


def finished(steps: Generator[None, None, T]) -> T:
    """What steps that are taken without a pause come to."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("T", end.value)


def warm_up() -> None:
    """Load what the first check would have to load; blocks for some 50 ms, once."""
    _validator("BootNotificationResponse")


def _schemas() -> Traversable:
    return files("ocpp") / "v16" / "schemas"


@cache
def _formats() -> FormatChecker:
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    checker.checks("date-time", raises=(ValueError, OverflowError))(_is_time)
    return checker


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or parse_time(value) is not None


@cache
def _quick(schema_name: str) -> Passes:
    """Compiled once, when first needed."""
    return passes(_schema(schema_name), _is_time)


@cache
def _schema(schema_name: str) -> Mapping[str, Any]:
    """Fractions are Decimal, as those of the messages: `multipleOf 0.1` fails on binary floats."""
    text = (_schemas() / f"{schema_name}.json").read_text("utf-8-sig")
    return cast("Mapping[str, Any]", json.loads(text, parse_float=Decimal))


@cache
def _validator(schema_name: str) -> Draft4Validator | Draft6Validator:
    """Compiled once, when first needed."""
    from jsonschema import Draft4Validator, Draft6Validator

    schema = _schema(schema_name)
    kind = Draft6Validator if "draft-06" in schema["$schema"] else Draft4Validator
    return kind(schema, format_checker=_formats())


_CODES = {
    "required": ErrorCode.PROTOCOL_ERROR,
    "additionalProperties": ErrorCode.FORMATION_VIOLATION,
    "additionalItems": ErrorCode.FORMATION_VIOLATION,
    "type": ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    "minItems": ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    "maxItems": ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
}
_RANK = {rule: rank for rank, rule in enumerate(_CODES)}


def _check(schema_name: str, payload: object) -> Generator[None, None, Violation | None]:
    if not isinstance(payload, Mapping):
        return Violation(ErrorCode.FORMATION_VIOLATION, "the payload should be an object")
    flaw = _flaw(payload)
    if flaw is not None:
        return flaw
    if _quick(schema_name)(payload):
        return None
    name, items = max(((name, value) for name, value in payload.items() if isinstance(value, list)), key=_length, default=("", []))
    for first in range(0, max(len(items), 1), _IN_ONE_STEP):
        if first:
            yield
        part = payload if len(items) <= _IN_ONE_STEP else {**payload, name: items[first : first + _IN_ONE_STEP]}
        error = min(_validator(schema_name).iter_errors(part), key=_order, default=None)
        if error is not None:
            return _violation(error, name, first)
    return None


def _length(named: tuple[str, list[object]]) -> int:
    return len(named[1])


def _violation(error: ValidationError, name: str, first: int) -> Violation:
    """first: the place in the list `name` from which on it was checked."""
    path = list(error.absolute_path)
    if path[:1] == [name] and len(path) > 1:
        path[1] = int(path[1]) + first
    rule = str(error.validator)
    where = "/".join(str(step) for step in path) or "payload"
    code = _CODES.get(rule, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
    return Violation(code, f"{where}: {_words(rule, error)}"[:255])


def _flaw(payload: Mapping[str, object]) -> Violation | None:
    """What no schema forbids and nobody can use; found before the schema, which takes ten seconds for a megabyte of such things."""
    count = 0
    waiting: list[tuple[Mapping[str, object] | list[object], int]] = [(payload, 1)]
    while waiting:
        value, depth = waiting.pop()
        count += len(value)
        if count > _MOST_VALUES:
            return Violation(ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, f"there are more than {_MOST_VALUES} values")
        if depth > _DEEPEST:
            return Violation(ErrorCode.FORMATION_VIOLATION, "it is nested too deeply")
        for part in (*value, *value.values()) if isinstance(value, Mapping) else value:
            if isinstance(part, dict | list):
                waiting.append((part, depth + 1))
            elif not _is_usable(part):
                return Violation(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "a number is out of every range, or a text is no Unicode")
    return None


def _is_usable(value: object) -> bool:
    if isinstance(value, str):  # most of what is ever said
        return value.isascii() or _is_unicode(value)
    match value:
        case int():
            return -_LARGEST_INTEGER <= value < _LARGEST_INTEGER
        case Decimal():
            return value.is_zero() or abs(value.adjusted()) <= _LARGEST_EXPONENT
    return True


def _is_unicode(text: str) -> bool:
    """Not so for half a surrogate pair, which JSON can spell and nothing can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _order(error: ValidationError) -> tuple[int, list[str]]:
    return _RANK.get(str(error.validator), len(_RANK)), [str(step) for step in error.absolute_path]


def _words(rule: str, error: ValidationError) -> str:
    present = cast("Mapping[str, object]", error.instance)
    if rule == "required":
        return "misses " + ", ".join(name for name in cast("list[str]", error.validator_value) if name not in present)
    if rule == "additionalProperties":
        known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        return "has the unknown " + ", ".join(sorted(str(name)[:50] for name in present if name not in known))
    return f"breaks the rule {rule} {error.validator_value}"
