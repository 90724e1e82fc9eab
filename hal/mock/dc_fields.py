"""What `sim.set` may change of a DC outlet, by role of the device that shows it."""

from __future__ import annotations

from hal.mock.dc_outlet import DcOutlet
from hal.mock.outlet_fields import Setters
from hal.mock.steering import flag, number
from hal.types import ModuleAlarm


def power_fields(outlet: DcOutlet) -> Setters:
    """`temperature_c` (null: by load), `modules_present`, `modules_failed` of those, `alarm` (a word of `ModuleAlarm`; empty: none).

    `no_cut_off`: they go on alone.
    """

    def temperature_c(value: object) -> None:
        outlet.forced_temperature_c = None if value is None else number(value, -40, 200)

    def modules_present(value: object) -> None:
        outlet.modules_present = int(number(value, 0, outlet.limits.modules))

    def modules_failed(value: object) -> None:
        outlet.modules_failed = int(number(value, 0, outlet.limits.modules))

    def alarm(value: object) -> None:
        words = {word.value for word in ModuleAlarm}
        if value != "" and value not in words:
            raise ValueError(f"must be empty or one of {', '.join(sorted(words))}, not {value!r}")
        outlet.alarms = frozenset({ModuleAlarm(str(value))} if value else ())

    def no_cut_off(value: object) -> None:
        outlet.has_no_cut_off = flag(value)

    return {
        "temperature_c": temperature_c,
        "modules_present": modules_present,
        "modules_failed": modules_failed,
        "alarm": alarm,
        "no_cut_off": no_cut_off,
    }


def insulation_fields(outlet: DcOutlet) -> Setters:
    """`resistance_ohm` between the output and earth."""

    def resistance_ohm(value: object) -> None:
        outlet.insulation_ohm = number(value, 0, 1e9)

    return {"resistance_ohm": resistance_ohm}
