"""The limits of a connector in words, from the JSON of the control socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def ruling(limits: list[Json]) -> Json | None:
    """The lowest; of equal ones the first, as the core has them in order."""
    return min(limits, key=lambda one: float(one["current_a"]), default=None)


def limit_rows(connector: Json) -> list[tuple[str, ...]]:
    """Every limit of one connector: source, amperes, whether it rules, reason."""
    rules = ruling(connector["limits"])
    return [
        (str(connector["connector"]), one["source"], f"{one['current_a']:.1f}", "rules" if one is rules else "", one.get("reason") or "")
        for one in connector["limits"]
    ]


def limits_line(connector: Json) -> str:
    """The same on one line, the one that rules first and with its reason."""
    rules = ruling(connector["limits"])
    if rules is None:
        return f"limits of {connector['connector']}: none"
    others = ", ".join(_words(one) for one in connector["limits"] if one is not rules)
    reason = f" ({rules['reason']})" if rules.get("reason") else ""
    return f"limits of {connector['connector']}: {_words(rules)} rules{reason}{'; ' if others else ''}{others}"


def _words(limit: Json) -> str:
    return f"{limit['source']} {limit['current_a']:.0f} A"
