"""Sessions on AC (Mode 3): the contactor follows the pilot, and nothing but the pilot tells the vehicle what it may take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    ContactorUpdated,
    DeviceLost,
    EvUpdated,
    IdTagInfo,
    LocalStop,
    MeterUpdated,
    Role,
    StartAnswered,
    StopReason,
    Tick,
)
from chargerd.core.facts import FaultCleared, FaultRaised, MeterSampled, Phase, TransactionStarted, TransactionStopped
from chargerd.core.ids import LocalId
from chargerd.core.settings import ConnectorKind, Policy, StartPoint
from hal.types import ControlPilot, EvRequest, MeterReading, Setpoint
from tests.support.core_bench import CARD, ONE, TWO, AcBench, station_settings

GOOD_WAY = [
    Phase.WAIT_AUTH,
    Phase.LOCKING,
    Phase.HANDSHAKE,
    Phase.DELIVERING,
    Phase.RAMP_DOWN,
    Phase.OPENING,
    Phase.UNLOCKING,
    Phase.WAIT_UNPLUG,
    Phase.IDLE,
]


def ac(**changes: object) -> AcBench:
    """A station with two fixed cables."""
    return AcBench(station_settings(kind=ConnectorKind.TYPE2_CABLE, **changes))  # type: ignore[arg-type]


def charging(bench: AcBench | None = None) -> AcBench:
    """Energy flows at connector 1."""
    bench = bench or AcBench()
    bench.charge()
    bench.step()
    bench.step()
    assert bench.view(ONE).is_contactor_closed
    return bench


def test_cable_first_goes_the_whole_way() -> None:
    """No cable check and no precharge; the set-point of modules that are not there stays off."""
    bench = charging()
    assert bench.offered_a() == 32.0
    assert bench.outputs().setpoint == Setpoint()
    bench.energy_wh[ONE] += 500
    bench.wait(5)
    bench.swipe()
    bench.finish()
    bench.unplug()
    assert bench.phases() == GOOD_WAY
    assert bench.statuses() == ["Preparing", "Charging", "Finishing", "Available"]
    (stopped,) = bench.told(TransactionStopped)
    assert (stopped.reason, stopped.id_tag, stopped.meter_stop_wh) == (StopReason.LOCAL, CARD, 1500)


def test_no_duty_before_the_card() -> None:
    """A plugged vehicle sees a steady pilot until its session begins."""
    bench = AcBench()
    bench.plug()
    assert bench.offered_a() == 0.0
    bench.swipe()
    assert bench.offered_a() == 0.0
    bench.answer()
    assert (bench.phase(), bench.offered_a()) == (Phase.HANDSHAKE, 32.0)
    assert not bench.outputs().contactor


def test_a_vehicle_that_does_not_ask_is_suspended_ev() -> None:
    """OCPP 1.6 errata 3.55: ready to give, the vehicle stays in B2; it may still ask later."""
    bench = AcBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    bench.wait(bench.built.timing.mode3_ready_s + 1)
    assert (bench.phase(), bench.outputs().contactor, bench.offered_a()) == (Phase.PAUSED_EV, False, 32.0)
    bench.wait(3600)
    bench.drive_to(Phase.DELIVERING)
    assert bench.statuses() == ["Preparing", "SuspendedEV", "Charging"]
    assert len(bench.told(TransactionStarted)) == 1


def test_the_contactor_follows_the_vehicle() -> None:
    """Pilot C to B opens in the same step and does not end the session; C closes again."""
    bench = charging()
    bench.ev(ONE, control_pilot=ControlPilot.B)
    assert (bench.phase(), bench.outputs().contactor, bench.offered_a()) == (Phase.PAUSED_EV, False, 32.0)
    bench.send(ContactorUpdated(ONE, is_closed=False))
    bench.ev(ONE, control_pilot=ControlPilot.C)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.DELIVERING, True)
    assert not bench.told(TransactionStopped)


@pytest.mark.parametrize("pilot", [ControlPilot.E, ControlPilot.F, ControlPilot.UNKNOWN])
def test_a_faulty_pilot_opens_at_once(pilot: ControlPilot) -> None:
    """Short, no power or unreadable: no ramp."""
    bench = charging()
    bench.ev(ONE, control_pilot=pilot)
    assert (bench.phase(), bench.outputs().contactor, bench.offered_a()) == (Phase.OPENING, False, 0.0)


def test_unplugging_a_fixed_cable_ends_the_session() -> None:
    """Pilot A under load: contactor and duty go at once, reason EVDisconnected, and nothing is left to finish."""
    bench = charging()
    bench.unplug()
    assert (bench.outputs().contactor, bench.offered_a()) == (False, 0.0)
    bench.drive_to(Phase.IDLE)
    assert bench.told(TransactionStopped)[0].reason is StopReason.EV_DISCONNECTED
    assert bench.statuses()[-1] == "Available"


def test_a_fixed_cable_waits_for_nobody() -> None:
    """StopTransactionOnEVSideDisconnect false is for sockets: whoever took the free plug would charge on another's account."""
    bench = charging(ac(stop_transaction_on_ev_side_disconnect=False))
    bench.unplug()
    assert bench.phase() is Phase.OPENING
    bench.drive_to(Phase.IDLE)
    bench.plug()
    bench.wait(1)
    assert bench.phase() is Phase.WAIT_AUTH
    assert bench.told(TransactionStopped)[0].reason is StopReason.EV_DISCONNECTED


# --- the end of the current ----------------------------------------------------------------------------------------------------------


def still_flowing(bench: AcBench) -> None:
    """A moment later the vehicle still draws."""
    bench.mono_s += 0.5
    bench.send(MeterUpdated(ONE, MeterReading(bench.energy_wh[ONE], current_a=16.0)))
    bench.send(EvUpdated(ONE, bench.view(ONE).ev))


def test_a_stop_takes_the_duty_at_once_and_the_contactor_without_load() -> None:
    """The vehicle has 3 s (IEC 61851-1); the contactor waits for the meter, or for pilot B."""
    bench = charging()
    bench.send(LocalStop(ONE))
    still_flowing(bench)
    assert (bench.phase(), bench.offered_a(), bench.outputs().contactor) == (Phase.RAMP_DOWN, 0.0, True)
    bench.send(MeterUpdated(ONE, MeterReading(1000, current_a=0.4)))
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)


def test_a_vehicle_that_does_not_let_go_is_cut_off() -> None:
    """At the deadline the contactor opens under load."""
    bench = charging()
    bench.send(LocalStop(ONE))
    while bench.phase() is Phase.RAMP_DOWN:
        still_flowing(bench)
        bench.send(Tick())
        assert bench.mono_s < 200.0
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)


def refused_afterwards(bench: AcBench) -> None:
    bench.send(StartAnswered(LocalId("tx1"), CARD, 5, IdTagInfo(AuthorizationStatus.BLOCKED), settles=1))


def test_a_refused_token_pauses_without_load() -> None:
    """StopTransactionOnInvalidId false: SuspendedEVSE at once, duty off, the contactor a little later; the transaction stays."""
    bench = charging(ac(stop_transaction_on_invalid_id=False))
    refused_afterwards(bench)
    still_flowing(bench)
    assert (bench.phase(), bench.offered_a(), bench.outputs().contactor) == (Phase.PAUSING, 0.0, True)
    assert bench.statuses()[-1] == "SuspendedEVSE"
    bench.ev(ONE, control_pilot=ControlPilot.B)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.PAUSED_EVSE, False)
    bench.send(ContactorUpdated(ONE, is_closed=False))
    bench.wait(100)
    assert (bench.phase(), bench.statuses()[-1]) == (Phase.PAUSED_EVSE, "SuspendedEVSE")
    assert not bench.told(TransactionStopped)


def test_a_pause_has_its_deadline_too() -> None:
    """A vehicle that goes on drawing without a duty is cut off, and nothing spins afterwards."""
    bench = charging(ac(stop_transaction_on_invalid_id=False))
    refused_afterwards(bench)
    until_s = bench.mono_s + bench.built.timing.mode3_stop_s
    while bench.mono_s < until_s:
        assert bench.phase() is Phase.PAUSING
        still_flowing(bench)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.PAUSED_EVSE, False)
    assert bench.station.next_deadline_s() > bench.mono_s


def test_stop_on_invalid_id_ends() -> None:
    """The same with the key true: DeAuthorized."""
    bench = charging()
    refused_afterwards(bench)
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.DE_AUTHORIZED


# --- limits ----------------------------------------------------------------------------------------------------------------------------


def test_two_on_a_small_supply() -> None:
    """16.5 kW are 12 A a phase for each of two, and 24 A for one alone: amperes are per phase, watts are of all (OCPP 1.6, errata 3.69)."""
    bench = charging(ac(max_power_w=16_560.0))
    assert bench.offered_a() == pytest.approx(24.0)
    bench.plug(TWO)
    bench.swipe("OTHER")
    bench.answer()
    assert [bench.offered_a(c) for c in (ONE, TWO)] == [pytest.approx(12.0), 0.0]
    bench.wait(bench.built.timing.mode3_follow_s)  # the first vehicle may still take what it was offered before
    assert [bench.offered_a(c) for c in (ONE, TWO)] == [pytest.approx(12.0)] * 2


def test_less_than_six_amperes_is_nothing() -> None:
    """IEC 61851-1 has no duty for less: who came first has all, the other is SuspendedEVSE; when one leaves, the other charges."""
    bench = ac(max_power_w=8_000.0)
    bench.charge(ONE, "CARD-A")
    bench.step()
    bench.plug(TWO)
    bench.swipe("CARD-B")
    bench.answer()
    assert (bench.phase(ONE), bench.phase(TWO)) == (Phase.DELIVERING, Phase.PAUSED_EVSE)
    assert (bench.offered_a(ONE), bench.offered_a(TWO)) == (pytest.approx(8_000.0 / 690.0), 0.0)
    assert bench.statuses(TWO) == ["Preparing", "SuspendedEVSE"]
    bench.swipe("CARD-A")
    bench.finish(ONE)
    bench.drive_to(Phase.DELIVERING, TWO)
    assert bench.offered_a(TWO) == pytest.approx(8_000.0 / 690.0)


@pytest.mark.parametrize(("phases", "power_w"), [(3, 22_080.0), (1, 7_360.0)])
def test_what_is_offered_is_told_in_amperes_per_phase_and_watts_in_all(phases: int, power_w: float) -> None:
    """OCPP 1.6, 7.31: Current.Offered and Power.Offered."""
    built = station_settings(kind=ConnectorKind.TYPE2_CABLE, meter_values_sampled_data=("Current.Offered", "Power.Offered"))
    connectors = tuple(replace(one, phases=phases) for one in built.connectors)
    bench = charging(AcBench(replace(built, connectors=connectors)))
    bench.wait(61)
    values = {sample.measurand: (sample.value, sample.unit) for sample in bench.told(MeterSampled)[0].values}
    assert values == {"Current.Offered": (32.0, "A"), "Power.Offered": (power_w, "W")}


# --- devices ---------------------------------------------------------------------------------------------------------------------------


def test_only_devices_that_exist_are_missed() -> None:
    """No power modules, no insulation monitor: their silence is no fault."""
    bench = charging()
    bench.wait(120)
    assert bench.phase() is Phase.DELIVERING
    assert not bench.told(FaultRaised)


@pytest.mark.parametrize(("role", "phase"), [(Role.SECC, Phase.OPENING), (Role.METER, Phase.RAMP_DOWN)])
def test_a_lost_device_ends_the_session(role: Role, phase: Phase) -> None:
    """Without the pilot board at once, without the meter in order."""
    bench = charging()
    still_flowing(bench)
    bench.send(DeviceLost(ONE, role, "device", "silent"))
    assert (bench.phase(), bench.offered_a()) == (phase, 0.0)


def test_a_silent_pilot_board_trips() -> None:
    """Nobody says that it is lost, it just says nothing more."""
    bench = charging()
    bench.mono_s += bench.built.timing.stale_s + 0.1
    bench.send(Tick())
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)


@pytest.mark.parametrize(
    "code",
    [
        "pilot-diode",
        "pilot-short",
        "pilot-invalid",
        "pilot-off",
        "proximity-error",
        "contactor-error",
        "contact-temperature",
        "temperature-sensor",
    ],
)
def test_what_the_pilot_board_finds_wrong_trips_and_ends_with_it(code: str) -> None:
    """The contactor opens in the same step, the fault is told as long as the board tells it."""
    bench = charging()
    bench.ev(ONE, faults=frozenset({code}))
    assert (bench.phase(), bench.outputs().contactor, bench.offered_a()) == (Phase.OPENING, False, 0.0)
    bench.send(ContactorUpdated(ONE, is_closed=False))
    bench.wait(10)
    assert [fault.code for fault in bench.told(FaultRaised)] == [code]
    assert bench.statuses()[-1] == "Faulted"
    bench.send(EvUpdated(ONE, EvRequest(ControlPilot.A)))
    assert [fault.code for fault in bench.told(FaultCleared)] == [code]
    assert bench.statuses()[-1] == "Available"


def test_what_a_pilot_board_finds_beside_another_thing_is_told_too() -> None:
    """One of two ends, the other stays up."""
    bench = AcBench()
    bench.send(EvUpdated(ONE, EvRequest(ControlPilot.F, faults=frozenset({"pilot-diode", "pilot-off"}))))
    bench.send(EvUpdated(ONE, EvRequest(ControlPilot.F, faults=frozenset({"pilot-off"}))))
    assert [fault.code for fault in bench.told(FaultRaised)] == ["pilot-diode", "pilot-off"]
    assert [fault.code for fault in bench.view(ONE).faults] == ["pilot-off"]


def test_a_cable_gives_no_more_than_it_can_bear() -> None:
    """The coding of the driver's own cable is one of the limits."""
    bench = charging(AcBench(station_settings(kind=ConnectorKind.TYPE2_SOCKET)))
    bench.ev(ONE, cable_max_current_a=20.0)
    assert bench.offered_a() == 20.0
    assert ("cable", 20.0) in [(limit.source, limit.current_a) for limit in bench.view(ONE).limits]


def test_a_welded_contactor_is_latched() -> None:
    """There is no voltage to be measured on AC; the auxiliary contact says it all."""
    bench = charging()
    bench.swipe()
    bench.wait(12)
    assert "contactor-welded" in [fault.code for fault in bench.told(FaultRaised)]
    assert bench.statuses()[-1] == "Faulted"


# --- start points ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "phase"),
    [
        (StartPoint.AUTHORIZED, Phase.HANDSHAKE),
        (StartPoint.POWER_PATH_CLOSED, Phase.DELIVERING),
        (StartPoint.ENERGY_TRANSFER, Phase.DELIVERING),
    ],
)
def test_start_points(point: StartPoint, phase: Phase) -> None:
    """The contactor closes with the current here; both later points are that moment."""
    built = replace(station_settings(kind=ConnectorKind.TYPE2_CABLE), policy=Policy(transaction_start_point=point))
    bench = AcBench(built)
    bench.plug()
    bench.swipe()
    bench.answer()
    assert bool(bench.told(TransactionStarted)) is (phase is Phase.HANDSHAKE)
    bench.drive_to(Phase.DELIVERING)
    assert len(bench.told(TransactionStarted)) == 1
