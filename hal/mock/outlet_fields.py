"""What `sim.set` may change of an outlet, by role of the device that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hal.mock.outlet import Outlet
from hal.mock.steering import flag, number

Setters = Mapping[str, Callable[[object], None]]


def meter_fields(outlet: Outlet) -> Setters:
    """`energy_wh`: the register; `frozen`: it counts no more; `current_factor`: it takes so many times the current for what flows."""

    def energy_wh(value: object) -> None:
        outlet.register_wh = int(number(value, 0, 2**40))
        outlet.register_fraction = 0.0

    def frozen(value: object) -> None:
        outlet.is_meter_frozen = flag(value)

    def current_factor(value: object) -> None:
        outlet.meter_factor = number(value, 0, 10)

    return {"energy_wh": energy_wh, "frozen": frozen, "current_factor": current_factor}


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
    """`<label>_welded`: stays closed; `<label>_stuck`: does not close.

    `<label>_feedback`: what its auxiliary contact says, `open` or `closed` whatever is so (null: what is so).
    """

    def welded(value: object) -> None:
        outlet.is_welded = flag(value)

    def stuck(value: object) -> None:
        outlet.is_stuck = flag(value)

    def feedback(value: object) -> None:
        outlet.forced_feedback = contact(value)

    return {f"{label}_welded": welded, f"{label}_stuck": stuck, f"{label}_feedback": feedback}


def contact(value: object) -> bool | None:
    """Whether a contact is closed; None where it is left alone. Raises ValueError."""
    if value is None:
        return None
    if value not in ("open", "closed"):
        raise ValueError(f"must be open, closed or null, not {value!r}")
    return value == "closed"
