"""A quick yes to what a schema allows: closures that are made of it once. Pure.

Nearly all messages are right, and `jsonschema` takes many times as long to say so. What is not passed here is for the library to judge: it
has the words for what is wrong. So nothing may be passed that it would refuse; the other way round only time is lost. Just the keywords of
OCPP's schemas are known: a schema with any other one passes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Passes = Callable[[object], bool]
Schema = Mapping[str, Any]

_SAYING_NOTHING = frozenset({"$schema", "$id", "id", "title", "javaType", "definitions", "type", "additionalProperties"})
"""Of anything but an object, what else it may have says nothing either."""

_BY_TYPE = {
    "object": frozenset({"properties", "required"}),
    "array": frozenset({"items", "minItems", "additionalItems"}),
    "string": frozenset({"maxLength", "enum", "format"}),
    "integer": frozenset(),
    "number": frozenset({"multipleOf"}),
    "boolean": frozenset(),
}


def passes(schema: Schema, is_time: Passes) -> Passes:
    """Whether something is right by a schema, beyond doubt. is_time: of a text with the format date-time; it may raise ValueError."""
    return _of(schema, schema.get("definitions", {}), is_time)


def _of(schema: Schema, definitions: Schema, is_time: Passes) -> Passes:
    reference = schema.get("$ref")
    if reference is not None:
        return _of(definitions[reference.removeprefix("#/definitions/")], definitions, is_time)
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _BY_TYPE or schema.keys() - _SAYING_NOTHING - _BY_TYPE[kind]:
        return lambda _: False
    if kind == "object":
        return _object(schema, {name: _of(one, definitions, is_time) for name, one in schema.get("properties", {}).items()})
    if kind == "array":
        return _array(schema, _of(schema["items"], definitions, is_time))
    if kind == "string":
        return _string(schema, is_time)
    if kind == "number":
        return _number(schema)
    plain = {"integer": int, "boolean": bool}[kind]
    return lambda value: type(value) is plain


def _object(schema: Schema, properties: Mapping[str, Passes]) -> Passes:
    required, may_have_more = frozenset(schema.get("required", ())), schema.get("additionalProperties", True) is not False

    def passed(value: object) -> bool:
        if type(value) is not dict:
            return False
        for name, part in value.items():
            check = properties.get(name)
            if not (may_have_more if check is None else check(part)):
                return False
        return required <= value.keys()

    return passed


def _array(schema: Schema, item: Passes) -> Passes:
    fewest = schema.get("minItems", 0)
    return lambda value: type(value) is list and len(value) >= fewest and all(map(item, value))


def _string(schema: Schema, is_time: Passes) -> Passes:
    words = frozenset(schema["enum"]) if "enum" in schema else None
    longest, form = schema.get("maxLength"), schema.get("format")

    def passed(value: object) -> bool:
        if type(value) is not str or (words is not None and value not in words) or (longest is not None and len(value) > longest):
            return False
        try:
            return form != "date-time" or is_time(value)  # no other format is checked
        except (ValueError, OverflowError):
            return False

    return passed


def _number(schema: Schema) -> Passes:
    """Fractions are Decimal."""
    step = schema.get("multipleOf")

    def passed(value: object) -> bool:
        if type(value) is not int and not isinstance(value, Decimal):
            return False
        try:
            return step is None or not value % step
        except ArithmeticError:
            return False

    return passed
