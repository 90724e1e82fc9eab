"""Devices in a few words: how they are, how long ago they spoke, and what they said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = Mapping[str, Any]

HEALTH = {True: "there", False: "silent", None: "no word"}


def age_words(seconds: Any) -> str:
    """How long ago, in one unit."""
    if not isinstance(seconds, int | float):
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def reading_words(device: Json) -> str:
    """The last reading of a device, the most important of it; empty where there is none."""
    reading = device.get("reading")
    words = _BY_ROLE.get(str(device.get("role")))
    return "" if reading is None or words is None else words(reading)


def meter_words(reading: Json) -> str:
    """Register, voltage, current, power."""
    return _joined(f"{reading['energy_wh']} Wh", _unit(reading, "voltage_v", "V"), _unit(reading, "current_a", "A", 1), _kilowatts(reading))


def short_tag(id_tag: str) -> str:
    """Enough of an id tag to recognise it."""
    return id_tag if len(id_tag) <= 4 else f"{id_tag[:2]}…{id_tag[-2:]}"


def _power_words(reading: Json) -> str:
    alarms = f"alarms {' '.join(reading['alarms'])}" if reading.get("alarms") else ""
    modules = f"{reading['modules_present']} modules"
    return _joined(
        modules, _unit(reading, "voltage_v", "V"), _unit(reading, "current_a", "A", 1), _unit(reading, "temperature_c", "°C"), alarms
    )


def _secc_words(reading: Json) -> str:
    asks = f"asks {reading['target_voltage_v']:.0f} V {reading['target_current_a']:.0f} A" if reading.get("target_current_a") else ""
    return _joined(f"pilot {reading['control_pilot']}", reading["phase"], _unit(reading, "soc_percent", "%"), asks)


def _insulation_words(reading: Json) -> str:
    ohm = reading.get("resistance_ohm")
    return _joined("safe" if reading["is_safe"] else "not safe", "" if ohm is None else f"{ohm / 1000:.0f} kilohm")


_BY_ROLE: Mapping[str, Callable[[Any], str]] = {
    "meter": meter_words,
    "power": _power_words,
    "secc": _secc_words,
    "insulation": _insulation_words,
    "reader": lambda reading: f"card {short_tag(reading['id_tag'])}",
    "lock": str,
}


def _unit(reading: Json, name: str, unit: str, digits: int = 0) -> str:
    value = reading.get(name)
    return f"{value:.{digits}f} {unit}" if isinstance(value, int | float) else ""


def _kilowatts(reading: Json) -> str:
    power_w = reading.get("power_w")
    return f"{power_w / 1000:.1f} kW" if isinstance(power_w, int | float) else ""


def _joined(*words: str) -> str:
    return ", ".join(word for word in words if word)
