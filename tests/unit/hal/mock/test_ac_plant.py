"""The simulated AC outlet: nothing flows without duty, contactor and state C, energy adds up, and a socket keeps what its lock holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.mock.ac_outlet import AcOutlet, AcSupply
from hal.mock.battery import Vehicle
from hal.mock.mode3_car import Mode3
from hal.mock.plant import Activity, Plant
from hal.types import ControlPilot, LockState, SeccOutput

CAR = Vehicle(kind="ac", soc_percent=40.0, max_current_a=16.0, max_power_w=11_040.0)


class Station:
    """A plant with one AC outlet and the one who drives it."""

    def __init__(self, supply: AcSupply | None = None, times: Mode3 | None = None) -> None:
        self.plant = Plant(1, lambda: AcOutlet(supply, times))
        self.outlet = self.plant.outlet_of(1, AcOutlet)
        self.at_s = 0.0
        self.plant.advance(0.0)

    def run(self, duration_s: float) -> None:
        end_s = self.at_s + duration_s
        while self.at_s < end_s - 1e-9:
            self.at_s += min(0.1 if self.plant.activity is Activity.MOVING else 1.0, end_s - self.at_s)
            self.plant.advance(self.at_s)

    def offer(self, current_a: float) -> None:
        self.outlet.told = SeccOutput(is_enabled=True, authorization=True, max_current_a=current_a)

    @property
    def pilot(self) -> ControlPilot:
        return self.outlet.request().control_pilot


def charging(supply: AcSupply | None = None, vehicle: Vehicle = CAR, offered_a: float = 32.0) -> Station:
    station = Station(supply)
    station.plant.plug_in(1, vehicle)
    station.offer(offered_a)
    station.run(2.0)
    assert station.pilot is ControlPilot.C
    station.outlet.is_coil_on = True
    station.run(3.0)
    return station


def test_the_vehicle_answers_the_duty() -> None:
    """A without it, B without a signal, C a second after the signal, and without a closed contactor nothing flows."""
    station = Station(times=Mode3(ready_s=1.0))
    assert station.pilot is ControlPilot.A
    station.plant.plug_in(1, CAR)
    station.run(5.0)
    assert station.pilot is ControlPilot.B
    station.offer(16.0)
    station.run(0.9)
    assert station.pilot is ControlPilot.B
    station.run(0.3)
    assert (station.pilot, station.outlet.current_a) == (ControlPilot.C, 0.0)


@pytest.mark.parametrize(
    ("told", "offered_a"),
    [
        (SeccOutput(is_enabled=True, authorization=True, max_current_a=16.0), 16.0),
        (SeccOutput(is_enabled=True, authorization=True, max_current_a=6.0), 6.0),
        (SeccOutput(is_enabled=True, authorization=True, max_current_a=5.9), 0.0),
        (SeccOutput(is_enabled=True, authorization=True, max_current_a=500.0), 80.0),
        (SeccOutput(is_enabled=True, authorization=None, max_current_a=16.0), 0.0),
        (SeccOutput(is_enabled=False, authorization=True, max_current_a=16.0), 0.0),
        (SeccOutput(is_enabled=True, authorization=True, wants_stop=True, max_current_a=16.0), 0.0),
        (SeccOutput(is_enabled=True, authorization=True, is_waking=True, max_current_a=16.0), 0.0),
    ],
)
def test_what_the_duty_says(told: SeccOutput, offered_a: float) -> None:
    """IEC 61851-1: from 6 to 80 A, else none; and none without permission."""
    station = Station()
    station.outlet.told = told
    assert station.outlet.offered_a == offered_a


@pytest.mark.parametrize(
    ("offered_a", "vehicle_a", "vehicle_phases", "supply_phases", "power_w"),
    [
        (32.0, 16.0, 3, 3, 11_040.0),
        (10.0, 16.0, 3, 3, 6_900.0),
        (32.0, 32.0, 1, 3, 7_360.0),
        (32.0, 16.0, 3, 1, 3_680.0),
    ],
)
def test_what_is_drawn(offered_a: float, vehicle_a: float, vehicle_phases: int, supply_phases: int, power_w: float) -> None:
    """The lower of duty and vehicle, in the phases that both have; the meter tells each phase."""
    vehicle = Vehicle(kind="ac", max_current_a=vehicle_a, max_power_w=22_080.0, phases=vehicle_phases)
    station = charging(AcSupply(phases=3 if supply_phases == 3 else 1), vehicle, offered_a)
    reading = station.outlet.reading()
    assert reading.power_w == pytest.approx(power_w)
    assert reading.current_a == pytest.approx(min(offered_a, vehicle_a))
    if supply_phases == 1:
        assert reading.phase_currents_a is None
    else:
        assert reading.phase_voltages_v == (230.0, 230.0, 230.0)
        assert reading.phase_currents_a is not None
        assert [phase > 0 for phase in reading.phase_currents_a] == [True] + [vehicle_phases == 3] * 2


def test_the_vehicle_lets_go_when_the_duty_goes() -> None:
    """The current at once, the pilot within its time; C again with the duty."""
    station = charging()
    station.offer(0.0)
    station.run(0.2)
    assert (station.outlet.current_a, station.pilot) == (0.0, ControlPilot.C)
    station.run(1.0)
    assert station.pilot is ControlPilot.B
    station.offer(16.0)
    station.run(5.0)
    assert (station.pilot, station.outlet.current_a) == (ControlPilot.C, 16.0)


def test_a_paused_or_full_vehicle_shows_b() -> None:
    """It keeps its plug and wants nothing."""
    station = charging(vehicle=Vehicle(kind="ac", soc_percent=79.99, target_soc_percent=80.0, max_current_a=16.0))
    car = station.outlet.car
    assert car is not None
    car.is_paused = True
    station.run(2.0)
    assert (station.pilot, station.outlet.current_a) == (ControlPilot.B, 0.0)
    car.is_paused = False
    station.run(120.0)
    assert station.pilot is ControlPilot.B
    assert car.battery.soc_percent == pytest.approx(80.0, abs=0.05)


def test_draw_delay() -> None:
    """State C is not yet current."""
    station = charging(vehicle=Vehicle(kind="ac", max_current_a=16.0, draw_delay_s=30.0))
    assert station.outlet.current_a == 0.0
    station.run(30.0)
    assert station.outlet.current_a == pytest.approx(16.0)


@pytest.mark.parametrize("cut", ["mains", "estop"])
def test_what_cuts_the_coil_cuts_the_current(cut: str) -> None:
    """Without mains the meter sees no voltage either."""
    station = charging()
    station.plant.set_input(cut, True)
    station.run(0.5)
    assert station.outlet.current_a == 0.0
    assert station.outlet.reading().voltage_v == (0.0 if cut == "mains" else 230.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.booleans(), st.floats(0.01, 300)), max_size=12))
def test_energy_is_conserved_whatever_is_wished(levels: list[tuple[float, bool, bool, float]]) -> None:
    """No current without duty, contactor and state C, none above the duty, and the battery has what the meter counted less the losses."""
    station = charging()
    outlet, car = station.outlet, station.outlet.car
    assert car is not None
    for offered_a, is_coil_on, is_paused, duration_s in levels:
        station.offer(offered_a)
        outlet.is_coil_on, car.is_paused = is_coil_on, is_paused
        station.run(duration_s)
        assert outlet.current_a <= outlet.offered_a + 1e-9
        if outlet.current_a > 0:
            assert outlet.is_closed
            assert station.pilot is ControlPilot.C
    counted_wh = outlet.register_wh + outlet.register_fraction
    assert car.battery.stored_wh == pytest.approx(0.92 * counted_wh, rel=1e-6, abs=1e-6)


def test_the_contacts_warm_up() -> None:
    """25 degrees without current, 55 in the end at 32 A, and slowly, as contacts do."""
    station = charging(vehicle=Vehicle(kind="ac", max_current_a=32.0))
    before_c = station.outlet.temperature_c
    station.run(1.0)
    assert before_c < station.outlet.temperature_c < before_c + 1.0
    station.run(6000.0)
    assert station.outlet.request().connector_temperature_c == pytest.approx(55.0, abs=0.1)
    station.plant.plug_out(1)
    assert station.outlet.request().connector_temperature_c == pytest.approx(55.0, abs=0.1)
    station.run(6000.0)
    assert station.outlet.request().connector_temperature_c == pytest.approx(25.0, abs=0.1)


# --- sockets ------------------------------------------------------------------------------------------------------------------------------

SOCKET = AcSupply(is_socket=True)


def locked(station: Station) -> Station:
    station.outlet.is_lock_wanted = True
    station.run(1.0)
    assert station.outlet.lock_state is LockState.LOCKED
    return station


def test_only_a_socket_tells_of_its_cable() -> None:
    """Proximity: a plug is in or not; a fixed cable has none at the station's side."""
    cable, socket = Station(), Station(SOCKET)
    assert (cable.outlet.request().is_cable_present, socket.outlet.request().is_cable_present) == (None, False)
    for station in (cable, socket):
        station.plant.plug_in(1, CAR)
    assert (cable.outlet.request().is_cable_present, socket.outlet.request().is_cable_present) == (None, True)


def test_the_lock_holds_the_plug() -> None:
    """Pulled while locked: the vehicle's end only; once open, the rest; then there is nothing to pull."""
    station = locked(charging(SOCKET))
    station.plant.plug_out(1)
    request = station.outlet.request()
    assert (request.control_pilot, request.is_cable_present, station.outlet.current_a) == (ControlPilot.A, True, 0.0)
    with pytest.raises(ValueError, match="the lock holds"):
        station.plant.plug_out(1)
    station.outlet.is_lock_wanted = False
    station.run(1.0)
    station.plant.plug_out(1)
    assert station.outlet.request().is_cable_present is False
    with pytest.raises(ValueError, match="no vehicle is plugged in"):
        station.plant.plug_out(1)


def test_the_vehicle_comes_back_to_its_cable() -> None:
    """Another plug-in at the same connector is the same cable."""
    station = locked(charging(SOCKET))
    station.plant.plug_out(1)
    station.plant.plug_in(1, CAR)
    station.run(4.0)
    assert station.outlet.current_a == pytest.approx(16.0)


def test_half_plugged() -> None:
    """The bolt does not reach its end; it opens all the same, and the next plug is in well."""
    station = Station(SOCKET)
    station.outlet.is_half_plugged = True
    station.plant.plug_in(1, CAR)
    station.outlet.is_lock_wanted = True
    station.run(1.0)
    assert station.outlet.lock_state is LockState.FAILED
    station.outlet.is_lock_wanted = False
    station.run(1.0)
    assert station.outlet.lock_state is LockState.UNLOCKED
    station.plant.plug_out(1)
    station.plant.plug_in(1, CAR)
    locked(station)


def test_another_daemon_finds_the_world_as_it_was() -> None:
    """The next plant takes over vehicle, cable, lock and register; its contactor is open."""
    station = locked(charging(SOCKET))
    after = Station(SOCKET)
    after.plant.adopt(station.plant)
    assert after.pilot is ControlPilot.C
    assert (after.outlet.lock_state, after.outlet.is_closed) == (LockState.LOCKED, False)
    assert after.outlet.register_wh == station.outlet.register_wh
