"""Vehicles by name: their figures hang together, and what `sim.plug_in` says of one is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.mock.battery import Battery, Vehicle
from hal.mock.vehicles import MODELS, vehicle_from, vehicle_of

# Minutes from the first to the second state of charge by the makers' data sheets, at a station that gives whatever is asked.
CHARGING_TIMES = {"hyundai-ioniq-5": (10, 80, 18.0), "vw-id-4": (10, 80, 36.0), "ford-e-transit": (15, 80, 34.0)}

names = pytest.mark.parametrize("name", MODELS)


@names
def test_it_charges_as_fast_as_its_maker_says(name: str) -> None:
    """Within a tenth."""
    start_percent, end_percent, minutes = CHARGING_TIMES[name]
    battery = Battery(vehicle_from({"model": name, "soc_percent": start_percent}, "dc"))
    seconds = 0
    while battery.soc_percent < end_percent:
        battery.take(battery.wanted_current_a(), 1.0)
        seconds += 1
    assert seconds / 60.0 == pytest.approx(minutes, rel=0.1)


@names
@given(soc_percent=st.floats(0, 100), more_percent=st.floats(0, 100))
def test_the_fuller_the_higher_its_voltage(name: str, soc_percent: float, more_percent: float) -> None:
    """The voltage never falls with the state of charge, and stays below what the vehicle bears."""
    vehicle = vehicle_of(MODELS[name], "dc")
    low, high = Battery(vehicle), Battery(vehicle)
    low.soc_percent, high.soc_percent = sorted((soc_percent, more_percent))
    assert low.open_circuit_voltage_v <= high.open_circuit_voltage_v < high.max_voltage_v


@names
def test_its_peaks_are_those_of_the_table(name: str) -> None:
    """Neither limit is exceeded anywhere, and the current limit is not what holds the peak down by more than a tenth."""
    model, vehicle = MODELS[name], vehicle_of(MODELS[name], "dc")
    battery, powers_w = Battery(vehicle), []
    for soc_percent in range(101):
        battery.soc_percent = soc_percent
        current_a = battery.wanted_current_a()
        assert current_a <= model.max_current_a
        powers_w.append(current_a * battery.open_circuit_voltage_v)
    assert 0.9 * vehicle.max_power_w <= max(powers_w) <= 1.000001 * vehicle.max_power_w


def test_three_kinds_are_there() -> None:
    """An 800 V car, a 400 V car and a van."""
    assert [model.voltage_v > 600 for model in MODELS.values()] == [True, False, False]


def test_what_is_said_comes_before_the_model() -> None:
    """The rest is the model's, its curve too."""
    vehicle = vehicle_from({"model": "vw-id-4", "max_power_w": 50_000, "soc_percent": 20, "phases": 1}, "dc")
    assert (vehicle.max_power_w, vehicle.soc_percent, vehicle.phases) == (50_000.0, 20.0, 1)
    assert (vehicle.capacity_kwh, vehicle.voltage_v) == (77.0, 352.0)
    assert vehicle.power_curve == vehicle_of(MODELS["vw-id-4"], "dc").power_curve


def test_a_model_before_an_ac_outlet() -> None:
    """Its battery is the same; the charger on board decides."""
    vehicle = vehicle_from({"model": "ford-e-transit"}, "ac")
    assert (vehicle.kind, vehicle.capacity_kwh, vehicle.max_current_a, vehicle.max_power_w) == ("ac", 68.0, 16.0, 11_040.0)


def test_nothing_said_is_the_usual_car() -> None:
    """The default of old."""
    assert vehicle_from({}, "dc") == Vehicle()
    assert vehicle_from({}, "ac") == Vehicle(kind="ac", max_current_a=16.0, max_power_w=11_040.0)


@pytest.mark.parametrize("model", ["tricycle", 7, ["vw-id-4"]])
def test_an_unknown_model_is_told_with_those_there_are(model: object) -> None:
    """Never a bare KeyError."""
    with pytest.raises(ValueError, match=r"there is no model .*; there are hyundai-ioniq-5, vw-id-4, ford-e-transit"):
        vehicle_from({"model": model}, "dc")
