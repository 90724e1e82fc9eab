"""What `sim.set` may change of a DC outlet, by role of the device that shows it."""

from __future__ import annotations

from dataclasses import replace

from hal.mock.dc_outlet import DcOutlet
from hal.mock.dialogue import Dialogue
from hal.mock.outlet_fields import Setters, contact, vehicle_fields
from hal.mock.steering import flag, number
from hal.types import ControlPilot, ModuleAlarm, SeccPhase


def power_fields(outlet: DcOutlet) -> Setters:
    """`temperature_c` (null: by load), `modules_present`, `modules_failed` of those, `alarm` (a word of `ModuleAlarm`; empty: none).

    `no_cut_off`: they go on alone. `voltage_v`, `current_a`: what they regulate to, whatever they are told (null: as told), even off.
    `reverse_current_a`: what their diodes let back. `no_bleeder`: what they have charged stays.
    `max_power_w`: what all of them can give, without an alarm when it is little; `no_cut_off`: they go on alone.
    """

    def temperature_c(value: object) -> None:
        outlet.flaws.module_temperature_c = _unless_null(value, -40, 200)

    def modules_present(value: object) -> None:
        outlet.flaws.modules_present = int(number(value, 0, outlet.limits.modules))

    def modules_failed(value: object) -> None:
        outlet.flaws.modules_failed = int(number(value, 0, outlet.limits.modules))

    def max_power_w(value: object) -> None:
        outlet.limits = replace(outlet.limits, max_power_w=number(value, 0, 1e6))

    def alarm(value: object) -> None:
        words = {word.value for word in ModuleAlarm}
        if value != "" and value not in words:
            raise ValueError(f"must be empty or one of {', '.join(sorted(words))}, not {value!r}")
        outlet.flaws.alarms = frozenset({ModuleAlarm(str(value))} if value else ())

    def no_cut_off(value: object) -> None:
        outlet.flaws.has_no_cut_off = flag(value)

    def voltage_v(value: object) -> None:
        outlet.flaws.voltage_v = _unless_null(value, 0, outlet.limits.max_voltage_v)

    def current_a(value: object) -> None:
        outlet.flaws.current_a = _unless_null(value, 0, outlet.limits.max_current_a)

    def reverse_current_a(value: object) -> None:
        outlet.flaws.reverse_current_a = number(value, 0, 1000)

    def no_bleeder(value: object) -> None:
        outlet.flaws.has_no_bleeder = flag(value)

    return {
        "temperature_c": temperature_c,
        "modules_present": modules_present,
        "modules_failed": modules_failed,
        "max_power_w": max_power_w,
        "alarm": alarm,
        "no_cut_off": no_cut_off,
        "voltage_v": voltage_v,
        "current_a": current_a,
        "reverse_current_a": reverse_current_a,
        "no_bleeder": no_bleeder,
    }


def secc_fields(outlet: DcOutlet) -> Setters:
    """`soc_percent` of the vehicle; `inlet`, its own contactor: `open` or `closed` whatever it says (null: as it says), until it leaves.

    `emergency`: true has the vehicle shut down; `stays_in`: the phase it does not leave (empty: none); `target_voltage_v`: what it asks for
    in the loop (null: what it bears). `temperature_c` of the connector (null: by load and air); `ambient_c`, the air around it and the
    modules; `pilot`: a state from A to F that the station sees whatever is so (null: what is so).
    """

    def car() -> Dialogue:
        if outlet.car is None:
            raise ValueError("cannot be set: no vehicle is plugged in")
        return outlet.car

    def inlet(value: object) -> None:
        car()
        outlet.flaws.is_inlet_closed = contact(value)

    def emergency(value: object) -> None:
        if flag(value):
            car().shut_down()

    def stays_in(value: object) -> None:
        words = {phase.value for phase in SeccPhase}
        if value != "" and value not in words:
            raise ValueError(f"must be empty or one of {', '.join(sorted(words))}, not {value!r}")
        car().stays_in = SeccPhase(value) if value else None

    def temperature_c(value: object) -> None:
        outlet.flaws.connector_temperature_c = _unless_null(value, -40, 200)

    def ambient_c(value: object) -> None:
        outlet.ambient_c = number(value, -40, 80)

    def pilot(value: object) -> None:
        if value is not None and value not in _PILOTS:
            raise ValueError(f"must be null or one of {', '.join(_PILOTS)}, not {value!r}")
        outlet.flaws.pilot = None if value is None else ControlPilot(value)

    def target_voltage_v(value: object) -> None:
        outlet.flaws.target_voltage_v = _unless_null(value, 0, 1500)

    return {
        **vehicle_fields(outlet),
        "inlet": inlet,
        "target_voltage_v": target_voltage_v,
        "emergency": emergency,
        "stays_in": stays_in,
        "temperature_c": temperature_c,
        "ambient_c": ambient_c,
        "pilot": pilot,
    }


def insulation_fields(outlet: DcOutlet) -> Setters:
    """`resistance_ohm` between the output and earth, of both poles together; `positive_ohm`, `negative_ohm`: of one of them."""

    def resistance_ohm(value: object) -> None:
        outlet.flaws.insulation.resistance_ohm = number(value, 0, 1e9)

    def positive_ohm(value: object) -> None:
        outlet.flaws.insulation.positive_ohm = number(value, 0, 1e9)

    def negative_ohm(value: object) -> None:
        outlet.flaws.insulation.negative_ohm = number(value, 0, 1e9)

    return {"resistance_ohm": resistance_ohm, "positive_ohm": positive_ohm, "negative_ohm": negative_ohm}


def _unless_null(value: object, low: float, high: float) -> float | None:
    return None if value is None else number(value, low, high)


_PILOTS = [state.value for state in ControlPilot if state is not ControlPilot.UNKNOWN]
