"""Values of the core as OCPP 1.6 spells them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, cast

from chargerd.core.events import AuthorizationStatus, IdTagInfo
from chargerd.core.facts import ReadingContext, Sample, Samples
from chargerd.core.ids import IdTag
from chargerd.ocpp.iso_time import parse_time, render_time
from chargerd.ocpp.rpc import Payload

INFO_LENGTH = 50
VENDOR_ERROR_CODE_LENGTH = 50

_REGISTER_UNITS = ("Wh", "varh")
_UNITS_SENT = {"Celsius": "Celcius"}  # the first schema's misspelling is what every central system knows (OCPP-J errata 2.1)
_WITHOUT_UNIT = ("Frequency",)  # the schemas disagree about Hertz (errata 3.86)
_AT_THE_VEHICLE = ("SoC",)
_PHASES = frozenset(("L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"))

T = TypeVar("T")


def truncated(text: str, length: int) -> str:
    """A text of our own, cut to what its field may hold."""
    return text[:length]


def sampled_value(sample: Sample, context: ReadingContext) -> dict[str, str]:
    """One SampledValue with every default spelled out: registers as whole numbers, all else with one decimal."""
    measurand, _, phase = sample.measurand.rpartition(".")
    if phase not in _PHASES:
        measurand, phase = sample.measurand, ""
    value = {
        "value": str(round(sample.value)) if sample.unit in _REGISTER_UNITS else f"{round(sample.value, 1) + 0.0:.1f}",
        "context": context.value,
        "format": "Raw",
        "measurand": measurand,
        "location": "EV" if measurand in _AT_THE_VEHICLE else "Outlet",
    }
    if phase:
        value["phase"] = phase
    if measurand not in _WITHOUT_UNIT:
        value["unit"] = _UNITS_SENT.get(sample.unit, sample.unit)
    return value


def meter_value(at_utc_s: float, samples: Samples, context: ReadingContext) -> dict[str, object]:
    """One MeterValue: what was measured at one instant for one reason."""
    return {"timestamp": render_time(at_utc_s), "sampledValue": [sampled_value(sample, context) for sample in samples]}


def spread(count: int, most: int) -> Sequence[int]:
    """At most so many of `count` places, spread evenly; the last always stays, and the first where there is room for two (errata 3.91)."""
    if count <= most:
        return range(count)
    if most == 1:
        return [count - 1]
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def thinned(items: Sequence[T], most: int) -> list[T]:
    """At most so many items, by `spread`."""
    return [items[place] for place in spread(len(items), most)]


def id_tag_info(payload: Payload) -> IdTagInfo:
    """The `idTagInfo` of a checked answer."""
    info = cast("Mapping[str, str]", payload["idTagInfo"])
    parent, expiry = info.get("parentIdTag"), info.get("expiryDate")
    return IdTagInfo(
        AuthorizationStatus(info["status"]),
        IdTag(parent) if parent is not None else None,
        parse_time(expiry) if expiry is not None else None,
    )


def comma_separated(text: str) -> list[str]:
    """The items of a comma-separated list, without spaces around them; an empty text is an empty list."""
    return [item.strip() for item in text.split(",")] if text.strip() else []


def same_spelling(items: Iterable[str], known: Iterable[str]) -> list[str] | None:
    """The items as they are spelled in `known`, each once; None when one is not known. Case does not count (CiString)."""
    spelling = {name.casefold(): name for name in known}
    found = [spelling.get(item.casefold()) for item in items]
    return list(dict.fromkeys(name for name in found if name is not None)) if None not in found else None
