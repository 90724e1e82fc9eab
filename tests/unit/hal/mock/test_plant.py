"""The simulated physical world: a session goes its way, and the same steps give the same world. What flows is in `test_power_path.py`."""

from __future__ import annotations

import time

import pytest

from hal.mock.battery import Battery, Vehicle
from hal.mock.dc_outlet import DcOutlet
from hal.mock.dialogue import Handshake
from hal.mock.plant import Activity, Plant
from hal.types import ControlPilot, Isolation, LockState, SeccOutput, SeccPhase, Setpoint
from tests.support.dc_station import DcStation, charging


def test_whole_session() -> None:
    """A session goes through every phase in order and ends with the vehicle full and everything without voltage."""
    station = charging(Vehicle(soc_percent=79.0, target_soc_percent=80.0))
    station.run(600.0, until=SeccPhase.FINISHED)
    station.run(3.0)
    assert station.phases == [
        SeccPhase.IDLE,
        SeccPhase.HANDSHAKE,
        SeccPhase.AUTHORIZATION,
        SeccPhase.PARAMETERS,
        SeccPhase.CABLE_CHECK,
        SeccPhase.PRECHARGE,
        SeccPhase.READY,
        SeccPhase.CURRENT_DEMAND,
        SeccPhase.STOPPING,
        SeccPhase.WELDING_DETECTION,
        SeccPhase.FINISHED,
    ]
    request = station.outlet.request()
    assert request.wants_stop
    assert request.control_pilot is ControlPilot.B
    assert request.soc_percent == pytest.approx(80.0, abs=0.1)
    assert station.outlet.module_voltage_v < 60.0
    assert station.outlet.register_wh > 500


def test_stop_by_station() -> None:
    """A stop asked for by the station ends the session without the vehicle having wanted it."""
    station = charging()
    station.wants_stop = True
    station.run(10.0, until=SeccPhase.FINISHED)
    assert station.outlet.request().phase is SeccPhase.FINISHED
    assert not station.outlet.request().wants_stop


def test_disabled_in_the_loop_is_an_emergency() -> None:
    """A station that withdraws its enable in the loop makes the vehicle open its contactor at once."""
    station = charging()
    assert station.outlet.current_a > 100.0
    station.is_enabled = False
    station.run(0.2)
    request = station.outlet.request()
    assert request.is_emergency
    assert not request.is_contactor_wanted
    assert station.outlet.current_a == 0.0


def test_vehicle_loses_patience_and_is_woken() -> None:
    """Without an answer the vehicle sleeps after its patience; it does not hear the answer before it is woken, for a full start."""
    plant = Plant(1)
    plant.plug_in(1, Vehicle())
    station = DcStation(plant)
    station.authorization = None
    station.run(70.0)
    assert station.outlet.request().phase is SeccPhase.PAUSED
    station.authorization = True
    station.run(30.0)
    assert station.outlet.request().phase is SeccPhase.PAUSED
    station.is_waking = True
    station.run(30.0, until=SeccPhase.CURRENT_DEMAND)
    assert station.phases[-1] is SeccPhase.CURRENT_DEMAND


def test_refused_vehicle_stays_finished_until_it_is_woken() -> None:
    """A refusal ends the dialogue; with a new authorization it can be woken for another."""
    plant = Plant(1)
    plant.plug_in(1, Vehicle())
    station = DcStation(plant)
    station.authorization = False
    station.run(30.0)
    assert station.outlet.request().phase is SeccPhase.FINISHED
    station.authorization = station.is_waking = True
    station.run(30.0, until=SeccPhase.CURRENT_DEMAND)
    assert station.phases[-1] is SeccPhase.CURRENT_DEMAND


def test_vehicle_that_does_not_bear_zero_current_ends_the_loop() -> None:
    """Allowed nothing for longer than it bears, it ends the dialogue by itself; current in between begins its time anew."""
    station = charging(Vehicle(zero_current_s=20.0))
    for allowed_a, lasts_s in [(0.0, 15.0), (50.0, 5.0), (0.0, 15.0)]:
        station.max_current_a = allowed_a
        station.run(lasts_s)
        assert station.outlet.request().phase is SeccPhase.CURRENT_DEMAND
    station.run(30.0, until=SeccPhase.FINISHED)
    request = station.outlet.request()
    assert (request.phase, request.wants_stop, request.is_emergency) == (SeccPhase.FINISHED, True, False)


def test_vehicle_that_cannot_be_woken_sleeps_on() -> None:
    """Whatever the pilot says."""
    station = charging(Vehicle(can_be_woken=False))
    station.wants_stop = True
    station.run(10.0, until=SeccPhase.FINISHED)
    station.wants_stop, station.is_waking = False, True
    station.run(120.0)
    assert station.outlet.request().phase is SeccPhase.FINISHED


def test_patience_is_in_real_seconds() -> None:
    """On a fast plant the vehicle waits for the station as long as on a slow one, for the station does not run faster."""
    plant = Plant(1, speed=100.0)
    plant.plug_in(1, Vehicle())
    station = DcStation(plant)
    station.authorization = None
    station.run(50.0)
    assert station.outlet.request().phase is SeccPhase.AUTHORIZATION


def test_insulation_fault_ends_the_cable_check() -> None:
    """A vehicle that is told of an insulation fault stops."""
    plant = Plant(1)
    plant.plug_in(1, Vehicle())
    station = DcStation(plant)
    station.isolation = Isolation.FAULT
    station.run(20.0)
    assert SeccPhase.PRECHARGE not in station.phases
    assert station.outlet.request().phase is SeccPhase.FINISHED
    assert station.outlet.request().wants_stop


def test_pause_and_resume() -> None:
    """A paused vehicle asks for nothing and takes nothing; resumed, it takes again."""
    station = charging()
    dialogue = station.outlet.car
    assert dialogue is not None
    dialogue.is_paused = True
    station.run(3.0)
    assert station.outlet.request().phase is SeccPhase.CURRENT_DEMAND
    assert station.outlet.current_a == 0.0
    dialogue.is_paused = False
    station.run(5.0)
    assert station.outlet.current_a > 100.0


def test_draw_delay() -> None:
    """A vehicle with a draw delay asks for nothing at the beginning of the loop."""
    station = charging(Vehicle(draw_delay_s=30.0))
    assert station.outlet.current_a == 0.0
    station.run(30.0)
    assert station.outlet.current_a > 100.0


def test_request_follows_what_the_station_allows() -> None:
    """The vehicle never asks for more current than the station told it."""
    station = charging()
    station.max_current_a = 16.0
    station.run(5.0)
    assert station.outlet.request().target_current_a <= 16.0
    assert station.outlet.current_a <= 16.0


def test_no_current_without_a_vehicle() -> None:
    """An outlet with voltage on it and nothing plugged in gives no current; what charges its cable is next to nothing."""
    plant = Plant(1)
    plant.advance(0.0)
    outlet = plant.outlet(1)
    outlet.setpoint, outlet.is_coil_on = Setpoint(500.0, 100.0), True
    plant.advance(5.0)
    assert outlet.outlet_voltage_v == pytest.approx(500.0)
    assert outlet.current_a == 0.0
    assert outlet.register_wh == 0
    assert outlet.register_fraction < 1e-4


def test_output_is_discharged_within_a_second() -> None:
    """Modules that are switched off bring their output below 60 V in a second."""
    plant = Plant(1)
    plant.advance(0.0)
    outlet = plant.outlet(1)
    outlet.setpoint = Setpoint(500.0, 2.0)
    plant.advance(3.0)
    outlet.setpoint = Setpoint()
    plant.advance(4.0)
    assert outlet.module_voltage_v < 60.0


def test_plug_out_under_current() -> None:
    """A cable torn out under current ends the current in the same moment."""
    station = charging()
    assert station.outlet.current_a > 100.0
    station.plant.plug_out(1)
    assert station.outlet.current_a == 0.0
    assert station.outlet.request().control_pilot is ControlPilot.A


def test_contactor_answers_after_its_time() -> None:
    """Feedback follows the coil after about 30 ms, both ways."""
    plant = Plant(1)
    plant.advance(0.0)
    outlet = plant.outlet(1)
    outlet.is_coil_on = True
    plant.advance(0.02)
    assert not outlet.is_closed
    plant.advance(0.04)
    assert outlet.is_closed
    outlet.is_coil_on = False
    plant.advance(0.08)
    assert not outlet.is_closed


def test_welded_and_stuck_contactors() -> None:
    """A welded contactor stays closed without its coil, a stuck one stays open with it."""
    plant = Plant(2)
    plant.advance(0.0)
    plant.outlet(1).is_welded = True
    plant.outlet(2).is_stuck = plant.outlet(2).is_coil_on = True
    plant.advance(1.0)
    assert plant.outlet(1).is_closed
    assert not plant.outlet(2).is_closed


def test_emergency_stop_cuts_the_coil_supply() -> None:
    """The emergency stop opens contactors by hard wiring, and they close again with the coil still on when it is released."""
    station = charging()
    station.plant.set_input("estop", True)
    station.plant.advance(station.at_s + 0.05)
    assert not station.outlet.is_closed
    assert station.outlet.current_a == 0.0
    station.plant.set_input("estop", False)
    station.plant.advance(station.at_s + 0.1)
    assert station.outlet.is_closed


def test_lost_mains() -> None:
    """Without mains the modules give nothing and say so."""
    station = charging()
    station.plant.set_input("mains", True)
    station.plant.advance(station.at_s + 1.0)
    telemetry = station.outlet.telemetry()
    assert telemetry.current_a == 0.0
    assert telemetry.max_power_w == 0.0
    assert "input-under-voltage" in telemetry.alarms


def test_lock_motor() -> None:
    """The lock moves in its time; jammed, it fails."""
    plant = Plant(1)
    plant.advance(0.0)
    outlet = plant.outlet(1)
    outlet.is_lock_wanted = True
    plant.advance(1.0)
    seen = [outlet.lock_state]
    outlet.is_lock_jammed, outlet.is_lock_wanted = True, False
    plant.advance(2.0)
    seen.append(outlet.lock_state)
    assert seen == [LockState.LOCKED, LockState.FAILED]


def test_same_steps_give_the_same_world() -> None:
    """Two plants that live through the same are equal to the last digit."""

    def trace() -> list[object]:
        station = charging()
        seen: list[object] = []
        for _ in range(50):
            station.run(7.0)
            seen.append(
                (station.outlet.request(), station.outlet.telemetry(), station.outlet.register_wh, station.outlet.register_fraction)
            )
        return seen

    assert trace() == trace()


def test_an_hour_is_cheap() -> None:
    """An hour of charging costs well below a second of the processor, and a day at rest nothing."""
    station = charging(Vehicle(soc_percent=10.0, capacity_kwh=200.0))
    started_s = time.process_time()
    station.run(3600.0)
    assert station.outlet.request().phase is SeccPhase.CURRENT_DEMAND
    station.plant.plug_out(1)
    station.outlet.setpoint, station.outlet.told, station.outlet.is_coil_on = Setpoint(), SeccOutput(), False
    station.plant.advance(station.at_s + 86400.0)
    assert station.plant.activity is Activity.IDLE
    assert time.process_time() - started_s < 1.0


def test_register_can_be_frozen() -> None:
    """A frozen meter counts nothing while the battery fills."""
    station = charging()
    station.outlet.is_meter_frozen = True
    before = station.outlet.register_wh
    station.run(60.0)
    assert station.outlet.register_wh == before
    assert station.outlet.current_a > 0.0


def test_battery_asks_for_less_when_fuller() -> None:
    """Full power to 60 %, then less and less."""
    wanted = [Battery(Vehicle(soc_percent=soc)).wanted_current_a() for soc in (30.0, 60.0, 80.0, 95.0)]
    assert wanted == sorted(wanted, reverse=True)
    assert wanted[0] == 250.0
    assert wanted[-1] < 100.0


def test_vehicle_has_voltage_in_the_usual_span() -> None:
    """A 400 V pack stands between 320 V empty and 410 V full."""
    empty, full = Battery(Vehicle(soc_percent=0.0)), Battery(Vehicle(soc_percent=100.0))
    assert empty.open_circuit_voltage_v == pytest.approx(320.0)
    assert full.open_circuit_voltage_v == pytest.approx(410.0)


def test_handshake_durations_are_settings() -> None:
    """With all durations at zero the vehicle goes as fast as the station."""
    quick = Handshake(plug_s=0.0, handshake_s=0.0, authorization_s=0.0, parameters_s=0.0, cable_check_s=0.0, precharge_s=0.0, ready_s=0.0)
    plant = Plant(1, lambda: DcOutlet(times=quick))
    plant.plug_in(1, Vehicle())
    station = DcStation(plant)
    station.run(6.0, until=SeccPhase.CURRENT_DEMAND)
    assert station.phases[-1] is SeccPhase.CURRENT_DEMAND
