"""What `sim.set` may change of an AC outlet, its vehicle and the board before them: the same for the mock board and the one on a wire."""

from __future__ import annotations

from collections.abc import Callable

from hal.mock.ac_outlet import CABLES_A, AcOutlet, Trouble
from hal.mock.mode3_car import Mode3Car
from hal.mock.outlet_fields import Setters, vehicle_fields
from hal.mock.steering import flag, number


def car_fields(outlet: AcOutlet) -> Setters:
    """What the vehicle that is plugged in is like: `soc_percent`, and where it is no good one.

    `asleep`: it hears no offer before it is woken; `ventilation`: it asks for D; `draw_a`: whatever it is offered (null: by the offer);
    `stubborn`: it does not let go when the offer ends.
    """

    def of_car(change: Callable[[Mode3Car, object], None]) -> Callable[[object], None]:
        def setter(value: object) -> None:
            if outlet.car is None:
                raise ValueError("cannot be set: no vehicle is plugged in")
            change(outlet.car, value)

        return setter

    def asleep(car: Mode3Car, value: object) -> None:
        car.is_asleep = flag(value)

    def ventilation(car: Mode3Car, value: object) -> None:
        car.needs_ventilation = flag(value)

    def draw_a(car: Mode3Car, value: object) -> None:
        car.forced_current_a = None if value is None else number(value, 0, 200)

    def stubborn(car: Mode3Car, value: object) -> None:
        car.is_stubborn = flag(value)

    changes = {"asleep": asleep, "ventilation": ventilation, "draw_a": draw_a, "stubborn": stubborn}
    return {**vehicle_fields(outlet), **{name: of_car(change) for name, change in changes.items()}}


def plug_fields(outlet: AcOutlet) -> Setters:
    """`temperature_c` of the contacts (null: by load); `cable_a`: the coding of the cable in the socket (null: it is not seen)."""

    def temperature_c(value: object) -> None:
        outlet.forced_temperature_c = None if value is None else number(value, -40, 200)

    def cable_a(value: object) -> None:
        if value is not None and value not in CABLES_A:
            raise ValueError(f"must be null or one of {', '.join(f'{cable_a:g}' for cable_a in CABLES_A)}, not {value!r}")
        outlet.cable_a = None if value is None else number(value, 0, 63)

    return {"temperature_c": temperature_c, "cable_a": cable_a}


def trouble_fields(outlet: AcOutlet, *troubles: Trouble) -> Setters:
    """One for each of these, by its word: true while the board finds it."""

    def setter_of(trouble: Trouble) -> Callable[[object], None]:
        def setter(value: object) -> None:
            (outlet.troubles.add if flag(value) else outlet.troubles.discard)(trouble)

        return setter

    return {trouble.value: setter_of(trouble) for trouble in troubles}
