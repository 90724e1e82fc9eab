"""What flows at a DC outlet, sound and broken: energy adds up, and each flaw shows where a station can see it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.mock.battery import Vehicle
from hal.mock.dc_fields import insulation_fields
from hal.mock.dc_outlet import DcOutlet
from hal.mock.plant import Plant
from hal.mock.regulator import ModuleLimits
from hal.types import ControlPilot, SeccOutput, SeccPhase, Setpoint
from tests.support.dc_station import DcStation, charging

FULL_A = ModuleLimits().max_current_a


class Rest:
    """An outlet without a vehicle, at time zero."""

    def __init__(self, limits: ModuleLimits | None = None) -> None:
        self.plant = Plant(1, lambda: DcOutlet(limits))
        self.outlet = self.plant.outlet_of(1, DcOutlet)
        self.at_s = 0.0
        self.plant.advance(0.0)

    def wait(self, duration_s: float) -> None:
        self.at_s += duration_s
        self.plant.advance(self.at_s)


def held_wh(station: DcStation) -> float:
    """Energy behind the meter, as it is stored and as heat."""
    battery, cable = station.car.battery, station.outlet.cable
    return battery.stored_wh + battery.heat_wh + cable.stored_wh + cable.heat_wh


def metered_wh(station: DcStation) -> float:
    """Energy that has passed the meter."""
    outlet = station.outlet
    return outlet.register_wh + outlet.register_fraction - outlet.exported_wh


def hold(station: DcStation, duration_s: float, setpoint: Setpoint | None = None) -> None:
    """Let time pass while nobody acts but by this set-point."""
    station.outlet.setpoint = setpoint or station.outlet.setpoint
    station.at_s += duration_s
    station.plant.advance(station.at_s)


# --- energy -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_energy_adds_up(speed: float) -> None:
    """What the meter counted is what battery and cable hold more, plus their heat."""
    plant = Plant(1, speed=speed)
    plant.plug_in(1, Vehicle())
    station = DcStation(plant)
    station.run(40.0)
    assert station.outlet.register_wh > 0
    assert metered_wh(station) == pytest.approx(held_wh(station), abs=1e-9)


Moves = st.lists(
    st.fixed_dictionaries(
        {
            "voltage_v": st.floats(0, 1000),
            "current_a": st.floats(0, 300),
            "is_coil_on": st.booleans(),
            "is_enabled": st.booleans(),
            "is_welded": st.booleans(),
            "is_inlet_closed": st.sampled_from([None, None, True, False]),
            "has_no_bleeder": st.booleans(),
            "reverse_current_a": st.sampled_from([0.0, 0.0, 40.0]),
            "duration_s": st.floats(0.01, 20.0),
        }
    ),
    min_size=1,
    max_size=20,
)


@given(moves=Moves, soc_percent=st.floats(5, 95))
@settings(max_examples=60, deadline=None)
def test_energy_adds_up_whatever_is_wished_and_broken(moves: list[dict[str, float]], soc_percent: float) -> None:
    """Over any moves: nothing flows through an open path, no more than is wished or still falling, backwards only through failed diodes."""
    station = charging(Vehicle(soc_percent=soc_percent))
    outlet, most_a = station.outlet, station.max_current_a
    for move in moves:
        outlet.setpoint = Setpoint(move["voltage_v"], move["current_a"])
        outlet.is_coil_on, outlet.is_welded = bool(move["is_coil_on"]), bool(move["is_welded"])
        outlet.flaws.has_no_bleeder, outlet.flaws.reverse_current_a = bool(move["has_no_bleeder"]), move["reverse_current_a"]
        outlet.flaws.is_inlet_closed = None if move["is_inlet_closed"] is None else bool(move["is_inlet_closed"])
        outlet.told = SeccOutput(is_enabled=bool(move["is_enabled"]), authorization=True, max_current_a=300.0, max_power_w=2e5)
        hold(station, move["duration_s"])
        most_a = max(move["current_a"], most_a - ModuleLimits().current_fall_a_per_s * move["duration_s"])
        assert -move["reverse_current_a"] <= outlet.current_a <= most_a + 1e-9
        is_inlet_closed = station.car.is_contactor_closed if outlet.flaws.is_inlet_closed is None else outlet.flaws.is_inlet_closed
        if not outlet.is_closed or not is_inlet_closed:
            assert outlet.current_a == 0.0
        assert metered_wh(station) == pytest.approx(held_wh(station), abs=1e-6)


def test_a_battery_that_is_higher_gives_nothing_back() -> None:
    """Modules that are told less than the battery's voltage stop; their diodes hold."""
    station = charging()
    hold(station, 2.0, Setpoint(200.0, 100.0))
    assert station.outlet.current_a == 0.0
    assert station.outlet.reading().export_wh == 0


def test_failed_diodes_let_current_back() -> None:
    """It is negative, limited, counted as export and taken out of the battery."""
    station = charging()
    station.outlet.flaws.reverse_current_a = 30.0
    before_percent = station.car.battery.soc_percent
    hold(station, 60.0, Setpoint(200.0, 100.0))
    reading = station.outlet.reading()
    assert (reading.current_a, station.outlet.telemetry().current_a) == (-30.0, -30.0)
    assert reading.power_w is not None
    assert reading.power_w < -10_000
    assert reading.export_wh == pytest.approx(30.0 * 362.0 / 60.0, rel=0.05)
    assert station.car.battery.soc_percent < before_percent


# --- contactors ---------------------------------------------------------------------------------------------------------------------------


def test_a_sound_session_spares_its_contactors() -> None:
    """Closed on equal voltages and opened without load, the station's and the vehicle's."""
    station = charging()
    station.wants_stop = True
    station.run(20.0, until=SeccPhase.FINISHED)
    station.run(2.0)
    wear, inlet = station.outlet.wear, station.outlet.inlet_wear
    assert (wear.closings, wear.openings, inlet.closings, inlet.openings) == (1, 1, 1, 1)
    assert wear.worst_closing_v == pytest.approx(0.0, abs=1.0)
    assert inlet.worst_closing_v <= 20.0
    assert max(wear.worst_opening_a, inlet.worst_opening_a) < 1.0


def test_closing_on_a_live_output_is_remembered() -> None:
    """The voltage that stood between the contacts."""
    rest = Rest()
    rest.outlet.setpoint = Setpoint(500.0, 2.0)
    rest.wait(3.0)
    rest.outlet.is_coil_on = True
    rest.wait(0.1)
    assert rest.outlet.wear.worst_closing_v == pytest.approx(500.0)
    assert rest.outlet.outlet_voltage_v == pytest.approx(500.0)


def test_closing_on_a_battery_without_precharge_is_remembered() -> None:
    """The inrush into the empty output passes the meter backwards."""
    station = charging()
    station.outlet.is_coil_on = False
    hold(station, 5.0, Setpoint())
    station.outlet.flaws.is_inlet_closed = True
    station.outlet.is_coil_on = True
    hold(station, 0.1)
    assert station.outlet.wear.worst_closing_v == pytest.approx(station.car.battery.open_circuit_voltage_v, rel=0.01)
    assert station.outlet.exported_wh > 0.0


def test_opening_under_load_is_remembered() -> None:
    """The emergency stop opens while the current still flows."""
    station = charging()
    flowing_a = station.outlet.current_a
    station.plant.set_input("estop", True)
    hold(station, 0.05)
    assert station.outlet.wear.worst_opening_a == pytest.approx(flowing_a)


def test_auxiliary_contact_lies_both_ways() -> None:
    """Whatever the main contacts do."""
    outlet = Rest().outlet
    outlet.forced_feedback = True
    assert (outlet.is_closed, outlet.is_seen_closed) == (False, True)
    outlet.is_welded, outlet.forced_feedback = True, False
    assert (outlet.is_closed, outlet.is_seen_closed) == (True, False)


def test_vehicle_contactor_that_sticks_leaves_the_cable_live() -> None:
    """Voltage while open: the battery's, on the cable's side only."""
    station = charging()
    station.outlet.flaws.is_inlet_closed = True
    station.wants_stop = True
    station.run(20.0, until=SeccPhase.FINISHED)
    station.run(5.0)
    assert not station.outlet.is_closed
    assert station.outlet.outlet_voltage_v == pytest.approx(station.car.battery.open_circuit_voltage_v)
    assert station.outlet.module_voltage_v == 0.0
    station.plant.plug_out(1)
    hold(station, 5.0)
    assert station.outlet.outlet_voltage_v == 0.0


def test_forced_vehicle_contactor_is_the_vehicles() -> None:
    """The next vehicle has a sound one."""
    station = charging()
    station.outlet.flaws.is_inlet_closed = False
    station.plant.plug_out(1)
    assert station.outlet.flaws.is_inlet_closed is None


# --- capacitance and ramps ----------------------------------------------------------------------------------------------------------------


def test_voltage_rises_no_faster_than_the_current_charges_it() -> None:
    """20 mA into 200 uF is 100 V a second, and no current is no voltage."""
    rest = Rest()
    rest.outlet.setpoint = Setpoint(500.0, 0.0)
    rest.wait(2.0)
    assert rest.outlet.module_voltage_v == 0.0
    rest.outlet.setpoint = Setpoint(500.0, 0.02)
    rest.wait(2.0)
    assert rest.outlet.module_voltage_v == pytest.approx(200.0)


def test_voltage_rises_by_its_ramp() -> None:
    """As fast as the modules of the configuration do."""
    rest = Rest(ModuleLimits(voltage_rise_v_per_s=100.0))
    rest.outlet.setpoint = Setpoint(500.0, 2.0)
    rest.wait(2.0)
    assert rest.outlet.module_voltage_v == pytest.approx(200.0)


def test_current_follows_its_ramps() -> None:
    """Up and down at the speed of the configuration; switched off it is gone at once."""
    plant = Plant(1, lambda: DcOutlet(ModuleLimits(current_rise_a_per_s=10.0, current_fall_a_per_s=50.0)))
    plant.plug_in(1, Vehicle())
    station = DcStation(plant)
    station.run(60.0, until=SeccPhase.CURRENT_DEMAND)
    station.run(30.0)
    seen_a = []
    for current_a, duration_s in ((50.0, 10.0), (80.0, 1.0), (20.0, 1.0)):
        hold(station, duration_s, Setpoint(424.0, current_a))
        seen_a.append(station.outlet.current_a)
    assert seen_a == pytest.approx([50.0, 60.0, 20.0])
    hold(station, 0.1, Setpoint())
    assert station.outlet.current_a == 0.0


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("has_no_bleeder", [False, True])
def test_discharge(is_closed: bool, has_no_bleeder: bool) -> None:
    """Output and cable are below 60 V within a second, unless the bleeder has failed: then they leak for minutes, and are followed."""
    rest = Rest()
    rest.outlet.is_coil_on = True
    rest.outlet.setpoint = Setpoint(500.0, 2.0)
    rest.wait(3.0)
    rest.outlet.flaws.has_no_bleeder = has_no_bleeder
    rest.outlet.is_coil_on, rest.outlet.setpoint = is_closed, Setpoint()
    rest.wait(1.0)
    seen_v = [rest.outlet.module_voltage_v, rest.outlet.outlet_voltage_v]
    assert min(seen_v) > 480.0 if has_no_bleeder else max(seen_v) < 60.0
    rest.wait(1200.0)
    assert (rest.outlet.module_voltage_v, rest.outlet.outlet_voltage_v) == (0.0, 0.0)


# --- modules and meter that do not do as they are told ------------------------------------------------------------------------------------


def test_output_is_live_while_nobody_asked() -> None:
    """Voltage while open, on the modules' side."""
    rest = Rest()
    rest.outlet.flaws.voltage_v = 400.0
    rest.wait(3.0)
    assert (rest.outlet.module_voltage_v, rest.outlet.outlet_voltage_v) == (400.0, 0.0)
    rest.outlet.flaws.voltage_v = None
    rest.wait(5.0)
    assert rest.outlet.module_voltage_v == 0.0


def test_modules_give_more_current_than_they_are_told() -> None:
    """Current above the vehicle's request; power and their own limit still hold."""
    station = charging()
    station.max_current_a = 50.0
    station.outlet.flaws.current_a = 120.0
    station.run(3.0)
    assert station.outlet.request().target_current_a <= 50.0
    assert station.outlet.current_a == pytest.approx(120.0)


def test_modules_regulate_above_what_the_vehicle_bears() -> None:
    """The battery holds the voltage down until its contactor opens; then all of it stands at the output."""
    station = charging()
    station.outlet.flaws.voltage_v = 480.0
    station.run(2.0)
    assert station.outlet.outlet_voltage_v < station.car.battery.max_voltage_v
    station.outlet.flaws.is_inlet_closed = False
    hold(station, 0.5)
    assert station.outlet.outlet_voltage_v == pytest.approx(480.0)
    assert station.car.battery.max_voltage_v == pytest.approx(424.0)


def test_current_flows_while_nothing_is_energised() -> None:
    """A welded contactor and modules that go on by themselves: neither coil nor set-point stops it."""
    station = charging()
    station.outlet.is_welded, station.outlet.flaws.voltage_v, station.outlet.flaws.current_a = True, 424.0, 20.0
    station.outlet.is_coil_on = False
    hold(station, 1.0, Setpoint())
    assert station.outlet.current_a == pytest.approx(20.0)


def test_a_meter_that_is_wrong() -> None:
    """Current, power and register, by the same factor; what flows does not change."""
    station = charging()
    station.outlet.meter_factor = 0.5
    true, shown, before_wh = station.outlet.reading(), station.outlet.shown(), metered_wh(station)
    assert true.current_a is not None
    assert true.power_w is not None
    assert (shown.current_a, shown.power_w, shown.voltage_v) == (0.5 * true.current_a, 0.5 * true.power_w, true.voltage_v)
    before_held_wh = held_wh(station)
    station.run(60.0)
    assert metered_wh(station) - before_wh == pytest.approx(0.5 * (held_wh(station) - before_held_wh), rel=1e-3)


# --- temperature, insulation, pilot -------------------------------------------------------------------------------------------------------


def test_cable_warms_up_and_cools_down() -> None:
    """Towards 40 K above the air at full current, two thirds of it in ten minutes; at rest too, in one step."""
    station = charging(Vehicle(capacity_kwh=1000.0, soc_percent=10.0))
    cold_c = station.outlet.connector_temperature_c
    assert cold_c == pytest.approx(25.0, abs=1.0)
    station.outlet.setpoint = Setpoint(424.0, FULL_A)
    hold(station, 600.0)
    assert station.outlet.current_a == pytest.approx(FULL_A)
    assert station.outlet.connector_temperature_c == pytest.approx(25.0 + 40.0 * (1.0 - math.exp(-1.0)), abs=1.0)
    station.plant.plug_out(1)
    station.outlet.told, station.outlet.is_coil_on, station.outlet.setpoint = SeccOutput(), False, Setpoint()
    hold(station, 6000.0)
    assert station.outlet.connector_temperature_c == pytest.approx(25.0, abs=0.1)


def test_temperature_of_the_connector_is_told() -> None:
    """With the air around it, or whatever was set; without a vehicle too."""
    outlet = Rest().outlet
    outlet.ambient_c = 45.0
    assert outlet.request().connector_temperature_c == 45.0
    assert outlet.telemetry().temperature_c == 45.0
    outlet.flaws.connector_temperature_c = 91.0
    assert outlet.request().connector_temperature_c == 91.0


@pytest.mark.parametrize(
    ("field", "value", "found_ohm"),
    [("resistance_ohm", 20_000, 20_000), ("positive_ohm", 2_000_000 / 19, 100_000), ("negative_ohm", 0, 0), ("resistance_ohm", 0, 0)],
)
def test_insulation_of_both_poles(field: str, value: float, found_ohm: float) -> None:
    """A monitor finds both at once: 1 megohm while they are sound, and a fault of one pole is a fault."""
    outlet = Rest().outlet
    assert outlet.insulation_ohm == 1_000_000.0
    insulation_fields(outlet)[field](value)
    assert outlet.insulation_ohm == pytest.approx(found_ohm)


def test_pilot_as_the_station_sees_it() -> None:
    """A fault of the pilot line, with the vehicle as it was."""
    station = charging()
    station.outlet.flaws.pilot = ControlPilot.E
    request = station.outlet.request()
    assert (request.control_pilot, request.phase) == (ControlPilot.E, SeccPhase.CURRENT_DEMAND)


# --- restarts -----------------------------------------------------------------------------------------------------------------------------


def test_the_next_daemon_finds_what_was_broken() -> None:
    """Flaws, warmth and wear stay; the contactor has opened under the load that there was."""
    station = charging()
    flowing_a = station.outlet.current_a
    station.outlet.flaws.reverse_current_a, station.outlet.forced_feedback, station.outlet.meter_factor = 5.0, True, 1.1
    station.outlet.cable.rise_k = 20.0
    plant = Plant(2)
    plant.adopt(station.plant)
    outlet = plant.outlet_of(1, DcOutlet)
    assert (outlet.flaws.reverse_current_a, outlet.forced_feedback, outlet.meter_factor) == (5.0, True, 1.1)
    assert outlet.connector_temperature_c == 45.0
    assert outlet.wear.worst_opening_a == pytest.approx(flowing_a)
    plant.advance(station.at_s + 0.1)
    assert outlet.current_a == 0.0
