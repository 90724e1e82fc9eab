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


def lock_fields(outlet: Outlet) -> Setters:
    """`jammed`: the motor does not move the bolt; `half_plugged`: the bolt meets a plug that is not in to the end, until that is pulled."""

    def jammed(value: object) -> None:
        outlet.is_lock_jammed = flag(value)

    def half_plugged(value: object) -> None:
        outlet.is_half_plugged = flag(value)

    return {"jammed": jammed, "half_plugged": half_plugged}


def of_part(label: str, setters: Setters) -> Setters:
    """The same for a part of a board, whose fields begin with its label."""
    return {f"{label}_{name}": setter for name, setter in setters.items()}


def vehicle_fields(outlet: Outlet) -> Setters:
    """`soc_percent` of the vehicle that is plugged in."""

    def soc_percent(value: object) -> None:
        if outlet.car is None:
            raise ValueError("cannot be set: no vehicle is plugged in")
        outlet.car.battery.soc_percent = number(value, 0, 100)

    return {"soc_percent": soc_percent}


def contactor_fields(label: str, outlet: Outlet) -> Setters:
    """`<label>_welded`: stays closed; `<label>_stuck`: does not close."""

    def welded(value: object) -> None:
        outlet.is_welded = flag(value)

    def stuck(value: object) -> None:
        outlet.is_stuck = flag(value)

    return {f"{label}_welded": welded, f"{label}_stuck": stuck}
