"""Facts without times, ids and samples: what two runs of one scenario must have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chargerd.control.snapshot import plain
from chargerd.core.facts import DeviceStateChanged, Fact, LinkStateChanged, MeterSampled, Stamped, TokenCached

ASIDE = (MeterSampled, TokenCached, LinkStateChanged, DeviceStateChanged)
"""Samples, and what belongs to the surroundings rather than to the session."""

_RUN_SPECIFIC = frozenset(
    {"local_id", "remote_id", "settles", "ticket", "meter_start_wh", "meter_stop_wh", "at_utc_s", "begin_values", "end_values"}
)


def told(fact: Fact) -> dict[str, Any]:
    """A fact as plain values, with its kind under `fact`."""
    return {"fact": type(fact).__name__, **plain(fact)}


def outline(facts: Iterable[Stamped]) -> dict[int, list[str]]:
    """Per connector, its facts in order, each as one line."""
    lines: dict[int, list[str]] = {}
    for stamped in facts:
        if isinstance(stamped.fact, ASIDE):
            continue
        values = {key: value for key, value in told(stamped.fact).items() if key not in _RUN_SPECIFIC and key != "connector"}
        kind = values.pop("fact")
        words = " ".join(f"{key}={value}" for key, value in sorted(values.items()) if value not in (None, ""))
        lines.setdefault(int(stamped.fact.connector), []).append(f"{kind} {words}".strip())
    return lines
