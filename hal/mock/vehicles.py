"""Vehicles by the name of their model, and how one is made of what `sim.plug_in` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hal.mock.battery import Curve, Vehicle
from hal.mock.steering import flag, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One type of vehicle, fresh and warm.

    voltage_curve_v: open-circuit voltage; power_curve_kw: what it takes on DC; both over the state of charge in percent. On AC it has a
    three-phase charger of `ac_current_a` in each phase.
    """

    capacity_kwh: float  # what can be used of it
    voltage_v: float  # nominal
    max_voltage_v: float
    max_current_a: float
    voltage_curve_v: Curve
    power_curve_kw: Curve
    ac_current_a: float = 16.0


# Public knowledge in round numbers, measured by nobody here. Capacity, nominal voltage and peak power are what the makers' data sheets
# state; the voltages follow from 3.0 to 4.2 V for each cell in series; the power over the state of charge is drawn after test reports of
# the press, so that the makers' times to 80 % come out, which a test holds.
MODELS: Mapping[str, Model] = {
    # 800 V class: 192 cells in series; 77.4 kWh gross, 10 to 80 % in 18 minutes.
    "hyundai-ioniq-5": Model(
        capacity_kwh=74.0,
        voltage_v=697.0,
        max_voltage_v=806.0,
        max_current_a=350.0,
        voltage_curve_v=((0.0, 590.0), (10.0, 655.0), (50.0, 700.0), (90.0, 770.0), (100.0, 795.0)),
        power_curve_kw=((0.0, 120.0), (10.0, 200.0), (45.0, 225.0), (55.0, 165.0), (72.0, 145.0), (80.0, 110.0), (90.0, 45.0), (100.0, 8)),
    ),
    # 400 V class: 96 cells in series; 82 kWh gross, 135 kW, 10 to 80 % in about 36 minutes.
    "vw-id-4": Model(
        capacity_kwh=77.0,
        voltage_v=352.0,
        max_voltage_v=403.0,
        max_current_a=380.0,
        voltage_curve_v=((0.0, 310.0), (10.0, 332.0), (50.0, 352.0), (90.0, 386.0), (100.0, 398.0)),
        power_curve_kw=((0.0, 90.0), (8.0, 133.0), (30.0, 130.0), (40.0, 105.0), (60.0, 80.0), (80.0, 55.0), (90.0, 35.0), (100.0, 5.0)),
    ),
    # A van of the 400 V class: 96 cells in series; 115 kW, 15 to 80 % in 34 minutes.
    "ford-e-transit": Model(
        capacity_kwh=68.0,
        voltage_v=350.0,
        max_voltage_v=403.0,
        max_current_a=340.0,
        voltage_curve_v=((0.0, 308.0), (10.0, 330.0), (50.0, 350.0), (90.0, 384.0), (100.0, 398.0)),
        power_curve_kw=((0.0, 80.0), (12.0, 115.0), (38.0, 112.0), (50.0, 85.0), (65.0, 70.0), (80.0, 48.0), (90.0, 25.0), (100.0, 4.0)),
    ),
}

_AC_VOLTAGE_V = 230.0
_USUAL = {"dc": Vehicle(), "ac": Vehicle(kind="ac", max_current_a=16.0, max_power_w=11_040.0)}
_RANGES = {
    "soc_percent": (0.0, 100.0),
    "capacity_kwh": (1.0, 2000.0),
    "voltage_v": (150.0, 1000.0),
    "max_current_a": (1.0, 3000.0),
    "max_power_w": (100.0, 5e6),
    "phases": (1.0, 3.0),
    "draw_delay_s": (0.0, 86400.0),
    "target_soc_percent": (1.0, 100.0),
    "zero_current_s": (0.0, 86400.0),
}
_WORDS = frozenset({"kind", "model", "can_be_woken", *_RANGES})


def vehicle_of(model: Model, kind: str) -> Vehicle:
    """A vehicle of this type before an outlet of this kind, as empty as usual."""
    peak_kw = max(power_kw for _, power_kw in model.power_curve_kw)
    dc = replace(
        _USUAL["dc"],
        capacity_kwh=model.capacity_kwh,
        voltage_v=model.voltage_v,
        max_current_a=model.max_current_a,
        max_power_w=peak_kw * 1000.0,
        voltage_curve=_shares(model.voltage_curve_v, model.voltage_v),
        power_curve=_shares(model.power_curve_kw, peak_kw),
        max_voltage_share=model.max_voltage_v / model.voltage_v,
    )
    if kind == "dc":
        return dc
    return replace(dc, kind="ac", max_current_a=model.ac_current_a, max_power_w=3 * _AC_VOLTAGE_V * model.ac_current_a)


def vehicle_from(ev: Mapping[str, object], kind: str) -> Vehicle:
    """A vehicle from the `ev` mapping of `sim.plug_in`, for an outlet of this kind: what `ev` says, else its model, else what is usual.

    Raises ValueError. Curves go with what is said: of a model with another `max_power_w` the power falls at the same states of charge.
    """
    unknown = sorted(set(ev) - _WORDS)
    if unknown:
        raise ValueError(f"ev: unknown {', '.join(unknown)}; known are {', '.join(sorted(_WORDS))}")
    if ev.get("kind", kind) != kind:
        raise ValueError(f"ev: kind must be {kind}, not {ev['kind']!r}: the simulated outlets give {kind}")
    usual, name = _USUAL[kind], ev.get("model")
    if name is not None:
        if not isinstance(name, str) or name not in MODELS:
            raise ValueError(f"ev: there is no model {name!r}; there are {', '.join(MODELS)}")
        usual = vehicle_of(MODELS[name], kind)
    said: dict[str, Any] = {word: _number(ev, word) for word in _RANGES if word in ev}
    if "can_be_woken" in ev:
        said["can_be_woken"] = _flag(ev, "can_be_woken")
    return replace(usual, **said)


def _number(ev: Mapping[str, object], name: str) -> float:
    try:
        value = number(ev[name], *_RANGES[name])
    except ValueError as error:
        raise ValueError(f"ev: {name} {error}") from None
    return int(value) if name == "phases" else value


def _flag(ev: Mapping[str, object], name: str) -> bool:
    try:
        return flag(ev[name])
    except ValueError as error:
        raise ValueError(f"ev: {name} {error}") from None


def _shares(curve: Curve, whole: float) -> Curve:
    return tuple((soc_percent, value / whole) for soc_percent, value in curve)
