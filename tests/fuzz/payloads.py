"""Payloads by the schemas of OCPP 1.6: valid ones, and ones with exactly one thing wrong. Pure: chance is an argument."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Schema = Mapping[str, Any]

RAW = "\x1braw:"
"""A text that begins so stands for what follows, as it is: what no serializer would write."""

HALF_CHARACTERS = ("\ud800", "\udfff", "a\ud83d")


@cache
def schema_of(action: str) -> Schema:
    """The schema of a request."""
    text = (files("ocpp") / "v16" / "schemas" / f"{action}.json").read_text("utf-8-sig")
    found: Schema = json.loads(text)
    return found


@cache
def actions() -> tuple[str, ...]:
    """Every action of OCPP 1.6 and its security extension."""
    names = (entry.name for entry in (files("ocpp") / "v16" / "schemas").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and not name.endswith("Response.json")))


def valid(schema: Schema, chance: random.Random) -> Any:
    """Something that the schema allows."""
    return _valid(_resolved(schema, schema), schema, chance)


def _valid(schema: Schema, root: Schema, chance: random.Random) -> Any:
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            chosen = (name for name in schema.get("properties", {}) if name in required or chance.random() < 0.5)
            return {name: _valid(_resolved(schema["properties"][name], root), root, chance) for name in chosen}
        case "array":
            return [_valid(_resolved(schema["items"], root), root, chance) for _ in range(chance.randint(1, 3))]
        case "integer":
            return chance.choice((0, 1, 2, 3, -1, 1000))
        case "number":
            return chance.choice((0, 16.1, 32))
        case "boolean":
            return chance.random() < 0.5
        case _ if schema.get("format") == "date-time":
            return chance.choice(("2027-01-01T00:00:00Z", "2027-01-01T02:00:00.123+02:00"))
    return "".join(chance.choice("aZ9 -é") for _ in range(chance.randint(0, min(schema.get("maxLength", 30), 30))))


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


# --- one thing wrong ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Site:
    """A value in a payload, and what the schema says of it. `put` puts something in its place."""

    schema: Schema
    value: Any
    put: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A payload with one thing wrong. `code`: what it is answered with; empty: nobody can read it, so there is no answer."""

    payload: Any
    code: str


def wrong(schema: Schema, chance: random.Random) -> Wrong:
    """A valid payload with one thing made wrong."""
    while True:
        holder = {"payload": copy.deepcopy(valid(schema, chance))}
        sites = list(_sites(_resolved(schema, schema), schema, holder, "payload"))
        spoilers = list(SPOILERS)
        chance.shuffle(spoilers)
        chance.shuffle(sites)
        for spoiler in spoilers:
            for site in sites:
                code = spoiler(site, chance)
                if code is not None:
                    return Wrong(holder["payload"], code)


def _sites(schema: Schema, root: Schema, holder: Any, key: Any) -> Iterator[Site]:
    value = holder[key]
    yield Site(schema, value, lambda other: holder.__setitem__(key, other))
    if isinstance(value, dict):
        for name in value:
            yield from _sites(_resolved(schema["properties"][name], root), root, value, name)
    elif isinstance(value, list):
        for place in range(len(value)):
            yield from _sites(_resolved(schema["items"], root), root, value, place)


def _is_leaf(site: Site) -> bool:
    return not isinstance(site.value, dict | list)


def _missing(site: Site, chance: random.Random) -> str | None:
    if not isinstance(site.value, dict) or not site.schema.get("required"):
        return None
    del site.value[chance.choice(site.schema["required"])]
    return "ProtocolError"


def _extra(site: Site, chance: random.Random) -> str | None:
    if not isinstance(site.value, dict) or site.schema.get("additionalProperties") is not False:
        return None
    site.value[chance.choice(("more", "connectorID", "", "x" * 300, "é"))] = chance.choice((1, None, "x", [], {}))
    return "FormationViolation"


def _wrong_type(site: Site, chance: random.Random) -> str | None:
    if not _is_leaf(site) or "type" not in site.schema:
        return None
    others = {"string": (1, None, True, [], {}), "boolean": (0, "true", None, [])}
    site.put(chance.choice(others.get(site.schema["type"], ("1", None, True, [], {}))))
    return "TypeConstraintViolation" if "enum" not in site.schema else None


def _wrong_word(site: Site, chance: random.Random) -> str | None:
    if "enum" not in site.schema:
        return None
    site.put(chance.choice(("Perhaps", "", str(site.value).upper() + "!", "x" * 1000)))
    return "PropertyConstraintViolation"


def _too_long(site: Site, chance: random.Random) -> str | None:
    if "maxLength" not in site.schema or "enum" in site.schema:
        return None
    longest = site.schema["maxLength"]
    site.put(chance.choice("xé\U0001f50c" if longest < 1000 else "x") * (longest + chance.choice((1, 2, 5000))))
    return "PropertyConstraintViolation"


def _no_time(site: Site, chance: random.Random) -> str | None:
    if site.schema.get("format") != "date-time":
        return None
    site.put(chance.choice(("", "tomorrow", "2027-13-01T00:00:00Z", "2027-01-01", "T" * 100, "0000-01-01T00:00:00Z")))
    return "PropertyConstraintViolation"


def _beyond_numbers(site: Site, chance: random.Random) -> str | None:
    if site.schema.get("type") not in ("integer", "number"):
        return None
    site.put(chance.choice((2**63, -(2**63) - 1, 10**30, RAW + "9" * 5000, RAW + "-1e999", RAW + "1e" + "9" * 30)))
    return "PropertyConstraintViolation"


def _too_fine(site: Site, _: random.Random) -> str | None:
    if "multipleOf" not in site.schema:
        return None
    site.put(16.15)
    return "PropertyConstraintViolation"


def _half_a_character(site: Site, chance: random.Random) -> str | None:
    if site.schema.get("type") != "string" or "enum" in site.schema:
        return None
    site.put(chance.choice(HALF_CHARACTERS))
    return "PropertyConstraintViolation"


def _nested(site: Site, chance: random.Random) -> str | None:
    if not _is_leaf(site):
        return None
    deep: Any = []
    for _ in range(chance.choice((25, 100, 300))):
        deep = [deep]
    site.put(deep)
    return "FormationViolation"


def _too_many(site: Site, chance: random.Random) -> str | None:
    if not _is_leaf(site):
        return None
    site.put([chance.choice((1, "x", None))] * chance.choice((1501, 20_000)))
    return "OccurenceConstraintViolation"


def _no_json(site: Site, chance: random.Random) -> str | None:
    if not _is_leaf(site):
        return None
    site.put(RAW + chance.choice(("NaN", "Infinity", "-Infinity", "'x'", "01", "{", "[" * 5000)))
    return ""


SPOILERS = (
    _missing,
    _extra,
    _wrong_type,
    _wrong_word,
    _too_long,
    _no_time,
    _beyond_numbers,
    _too_fine,
    _half_a_character,
    _nested,
    _too_many,
    _no_json,
)


def written(frame: Any) -> str:
    """A frame as text, with what is raw put in as it is."""
    parts = json.dumps(frame).split(json.dumps(RAW)[:-1])
    return parts[0] + "".join(_unquoted(part) for part in parts[1:])


def _unquoted(part: str) -> str:
    raw, _, rest = part.partition('"')
    return raw + rest
