"""What `sim.set` may change of an outlet, by role of the device that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hal.mock.outlet import Outlet
from hal.mock.steering import flag, number

Setters = Mapping[str, Callable[[object], None]]


def meter_fields(outlet: Outlet) -> Setters:
    """`energy_wh`: the register; `frozen`: it counts no more."""

    def energy_wh(value: object) -> None:
        outlet.register_wh = int(number(value, 0, 2**40))
        outlet.register_fraction = 0.0

    def frozen(value: object) -> None:
        outlet.is_meter_frozen = flag(value)

    return {"energy_wh": energy_wh, "frozen": frozen}


def power_fields(outlet: Outlet) -> Setters:
    """`temperature_c` (null: by load), `modules_present`, `alarm` (a word of the driver; empty: none)."""

    def temperature_c(value: object) -> None:
        outlet.forced_temperature_c = None if value is None else number(value, -40, 200)

    def modules_present(value: object) -> None:
        outlet.modules_present = int(number(value, 0, outlet.limits.modules))

    def alarm(value: object) -> None:
        if not isinstance(value, str):
            raise ValueError(f"must be a word such as over-temperature, or empty, not {value!r}")  # noqa: TRY004 - one error for bad input
        outlet.alarms = frozenset({value} if value else ())

    return {"temperature_c": temperature_c, "modules_present": modules_present, "alarm": alarm}


def insulation_fields(outlet: Outlet) -> Setters:
    """`resistance_ohm` between the output and earth."""

    def resistance_ohm(value: object) -> None:
        outlet.insulation_ohm = number(value, 0, 1e9)

    return {"resistance_ohm": resistance_ohm}


def lock_fields(outlet: Outlet) -> Setters:
    """`jammed`: the motor does not move the bolt."""

    def jammed(value: object) -> None:
        outlet.is_lock_jammed = flag(value)

    return {"jammed": jammed}


def vehicle_fields(outlet: Outlet) -> Setters:
    """`soc_percent` of the vehicle that is plugged in."""

    def soc_percent(value: object) -> None:
        if outlet.dialogue is None:
            raise ValueError("cannot be set: no vehicle is plugged in")
        outlet.dialogue.battery.soc_percent = number(value, 0, 100)

    return {"soc_percent": soc_percent}


def contactor_fields(label: str, outlet: Outlet) -> Setters:
    """`<label>_welded`: stays closed; `<label>_stuck`: does not close."""

    def welded(value: object) -> None:
        outlet.is_welded = flag(value)

    def stuck(value: object) -> None:
        outlet.is_stuck = flag(value)

    return {f"{label}_welded": welded, f"{label}_stuck": stuck}
