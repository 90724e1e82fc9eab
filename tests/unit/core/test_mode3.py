"""What Mode 3 asks of a station beside the plain session: ventilation, sleepers, vehicles that take too much, cables and their coding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.events import ContactorUpdated, EvUpdated, LinkChanged, LocalStop, LockUpdated, MeterUpdated, StopReason, Tick
from chargerd.core.facts import FaultCleared, FaultRaised, MeterSampled, Phase, StatusChanged, TransactionStarted, TransactionStopped
from chargerd.core.now import Now
from chargerd.core.overdraw import LONGEST_S, Overdraw, drawn_a
from chargerd.core.settings import Ceiling, ConnectorKind, Policy
from hal.types import ControlPilot, EvRequest, LockState, MeterReading
from tests.support.core_bench import ONE, AcBench, station_settings


def authorized(bench: AcBench | None = None) -> AcBench:
    """Plugged in, a card accepted, current offered."""
    bench = bench or AcBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    return bench


def charging(bench: AcBench | None = None) -> AcBench:
    """Energy flows at connector 1."""
    bench = authorized(bench)
    bench.drive_to(Phase.DELIVERING)
    bench.step()
    bench.step()
    assert bench.view(ONE).is_contactor_closed
    return bench


def socket(**settings: object) -> AcBench:
    return AcBench(station_settings(kind=ConnectorKind.TYPE2_SOCKET, **settings))  # type: ignore[arg-type]


def raised(bench: AcBench) -> list[str]:
    return [fault.code for fault in bench.told(FaultRaised)]


def told_last(bench: AcBench) -> tuple[str, str, str]:
    status: StatusChanged = bench.told(StatusChanged, ONE)[-1]
    return status.status.value, status.error_code, status.vendor_error_code


# --- state D ---------------------------------------------------------------------------------------------------------------------------


def test_state_d_gets_nothing_and_says_why() -> None:
    """IEC 61851-1: without ventilation a vehicle that needs it is refused; OCPP 1.6, 7.6: SuspendedEVSE with EVCommunicationError."""
    bench = authorized()
    bench.ev(ONE, control_pilot=ControlPilot.D)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.PAUSED_EVSE, False)
    assert told_last(bench) == ("SuspendedEVSE", "EVCommunicationError", "ventilation-required")
    bench.wait(100)
    assert bench.phase() is Phase.PAUSED_EVSE
    bench.ev(ONE, control_pilot=ControlPilot.C)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.DELIVERING, True)
    assert told_last(bench) == ("Charging", "NoError", "")
    assert [fault.code for fault in bench.told(FaultCleared)] == ["ventilation-required"]


def test_state_d_opens_at_once() -> None:
    """Asked for while energy flows: no time to let go."""
    bench = charging()
    bench.ev(ONE, control_pilot=ControlPilot.D)
    assert (bench.phase(), bench.outputs().contactor, bench.offered_a()) == (Phase.PAUSED_EVSE, False, 32.0)
    assert not bench.told(TransactionStopped)


# --- sleepers --------------------------------------------------------------------------------------------------------------------------


def test_a_vehicle_that_sleeps_is_woken_once() -> None:
    """A fresh card and 30 s of B2 without C: the offer goes for 3 s and comes back; the status is SuspendedEV all the while."""
    bench = authorized()
    timing = bench.built.timing
    began_s = bench.mono_s
    while bench.phase() is not Phase.WAKING:
        bench.wait(0.1)
        assert bench.mono_s < began_s + 40
    assert bench.mono_s - began_s == pytest.approx(30.0, abs=0.2)
    assert (bench.offered_a(), bench.outputs().contactor) == (0.0, False)
    bench.wait(timing.mode3_wake_s - 0.2)
    assert bench.offered_a() == 0.0
    bench.wait(0.3)
    assert (bench.phase(), bench.offered_a()) == (Phase.PAUSED_EV, 32.0)
    bench.wait(3600)
    assert bench.phases().count(Phase.WAKING) == 1
    assert bench.statuses() == ["Preparing", "SuspendedEV"]
    bench.drive_to(Phase.DELIVERING)


def test_a_vehicle_that_pauses_later_is_left_alone() -> None:
    """It has asked in this session: it knows that there is current."""
    bench = charging()
    bench.ev(ONE, control_pilot=ControlPilot.B)
    bench.send(ContactorUpdated(ONE, is_closed=False))
    bench.wait(300)
    assert (bench.phase(), Phase.WAKING in bench.phases()) == (Phase.PAUSED_EV, False)


@pytest.mark.parametrize(("deed", "phase"), [("stop", Phase.WAIT_UNPLUG), ("unplug", Phase.IDLE)])
def test_a_wake_up_can_be_ended(deed: str, phase: Phase) -> None:
    """A stop does not wait for it, nor does a cable that is pulled."""
    bench = authorized()
    bench.wait(31)
    assert bench.phase() is Phase.WAKING
    bench.send(LocalStop(ONE)) if deed == "stop" else bench.unplug()
    bench.drive_to(phase)
    bench.wait(10)
    assert len(bench.told(TransactionStopped)) == 1


def test_a_pause_of_ours_ends_a_wake_up() -> None:
    """Nothing is offered any more, so there is nothing to wake for; afterwards there is, again once."""
    nothing_offline = Policy(offline=Ceiling(max_current_a=0.0))
    bench = authorized(AcBench(replace(station_settings(kind=ConnectorKind.TYPE2_CABLE), policy=nothing_offline)))
    bench.wait(31)
    bench.send(LinkChanged(is_accepted=False))
    assert (bench.phase(), bench.statuses()[-1]) == (Phase.PAUSED_EVSE, "SuspendedEVSE")
    bench.wait(60)
    assert bench.phase() is Phase.PAUSED_EVSE


# --- what the vehicle takes --------------------------------------------------------------------------------------------------------------


def drawing(bench: AcBench, current_a: float, phases_a: tuple[float, float, float] | None = None, for_s: float = 10.0) -> None:
    """The meter reads this every half second."""
    for _ in range(int(for_s * 2)):
        bench.mono_s += 0.5
        bench.send(EvUpdated(ONE, bench.view(ONE).ev))
        bench.send(MeterUpdated(ONE, MeterReading(bench.energy_wh[ONE], current_a=current_a, phase_currents_a=phases_a)))


@pytest.mark.parametrize(
    ("current_a", "is_fault"),
    [(32.0, False), (35.7, False), (36.0, True), (60.0, True)],
)
def test_a_vehicle_may_not_take_more_than_the_pilot_allows(current_a: float, is_fault: bool) -> None:
    """32 A are offered; half an ampere and a tenth above it are the meter's."""
    bench = charging()
    drawing(bench, current_a)
    assert (raised(bench) == ["vehicle-over-current"]) is is_fault
    if is_fault:
        assert (bench.phase(), bench.offered_a()) == (Phase.RAMP_DOWN, 0.0)
        assert told_last(bench) == ("Faulted", "OverCurrentFailure", "vehicle-over-current")


def test_too_much_ends_the_session_until_the_vehicle_has_left() -> None:
    """In order, with reason Other; the same vehicle may try again once it was unplugged."""
    bench = charging()
    drawing(bench, 40.0)
    bench.finish()
    assert [stopped.reason for stopped in bench.told(TransactionStopped)] == [StopReason.OTHER]
    bench.wait(100)
    assert bench.statuses()[-1] == "Faulted"
    bench.unplug()
    assert told_last(bench) == ("Available", "NoError", "")
    charging(bench)
    assert len(bench.told(TransactionStarted)) == 2


def lower(bench: AcBench, offered_a: float) -> None:
    """The pilot says less from now on."""
    bench.ev(ONE, pilot_offer_a=offered_a)


def test_a_vehicle_has_its_time_to_follow_a_lower_duty() -> None:
    """IEC 61851-1, table A.6: 5 s; what the board says of its own duty counts, which may come later than our word."""
    bench = charging()
    lower(bench, 16.0)
    drawing(bench, 32.0, for_s=6.5)
    drawing(bench, 16.0)
    assert raised(bench) == []
    lower(bench, 10.0)
    drawing(bench, 16.0, for_s=7.0)
    assert raised(bench) == []
    drawing(bench, 16.0, for_s=1.0)
    assert raised(bench) == ["vehicle-over-current"]


def test_without_an_offer_nothing_is_judged() -> None:
    """A vehicle that lets go slowly is cut off by the phases that wait for it."""
    bench = charging()
    lower(bench, 0.0)
    drawing(bench, 32.0)
    assert raised(bench) == []


@pytest.mark.parametrize(
    ("phases_a", "phases", "drawn"),
    [
        ((16.0, 16.0, 16.0), 3, 16.0),
        ((32.0, 0.0, 0.0), 3, 32.0),
        ((10.0, 12.0, 11.0), 3, 12.0),
        ((16.0, 0.0, 0.0), 1, 16.0),
        ((16.0, 16.0, 16.0), 1, 48.0),
    ],
)
def test_the_highest_phase_counts(phases_a: tuple[float, float, float], phases: int, drawn: float) -> None:
    """And on an outlet that is reckoned with one phase, what all three carry together."""
    assert drawn_a(MeterReading(0, current_a=1.0, phase_currents_a=phases_a), phases) == drawn


@pytest.mark.parametrize(("phases_a", "is_fault"), [((16.0, 0.0, 0.0), False), ((16.0, 16.0, 16.0), True)])
def test_a_vehicle_on_more_phases_than_it_was_counted_for(phases_a: tuple[float, float, float], is_fault: bool) -> None:
    """An outlet that is reckoned with one phase, but wired with three: 16 A in each are 48 A of the budget, of which it has 32."""
    built = station_settings(kind=ConnectorKind.TYPE2_CABLE)
    bench = charging(AcBench(replace(built, connectors=tuple(replace(one, phases=1) for one in built.connectors))))
    drawing(bench, 16.0, phases_a)
    assert (raised(bench) == ["vehicle-over-current"]) is is_fault


def test_a_meter_without_phases_tells_one_current() -> None:
    """Or none, by which nobody is judged."""
    assert drawn_a(MeterReading(0, current_a=7.0), 3) == 7.0
    assert not Overdraw().lasts(drawn_a(MeterReading(0), 3), 6.0, Now(0.0, 0.0))


@given(st.lists(st.tuples(st.floats(0.01, 5.0), st.booleans()), max_size=40))
def test_only_what_lasts_counts(readings: list[tuple[float, bool]]) -> None:
    """Told exactly when every reading of the last 7 s was too high."""
    watch, now_s, since_s = Overdraw(), 100.0, None
    for wait_s, is_over in readings:
        now_s += wait_s
        since_s = (now_s if since_s is None else since_s) if is_over else None
        expected = since_s is not None and now_s - since_s >= LONGEST_S
        assert watch.lasts(20.0 if is_over else 10.0, 16.0, Now(now_s, now_s)) is expected


# --- phases ----------------------------------------------------------------------------------------------------------------------------


def offered(bench: AcBench) -> Iterator[tuple[float, float]]:
    for sampled in bench.told(MeterSampled):
        values = {sample.measurand: sample.value for sample in sampled.values}
        yield values["Current.Offered"], values["Power.Offered"]


def test_power_offered_counts_the_phases_that_are_used() -> None:
    """As many as the vehicle was seen to draw in; all of them before anything is known, and again for the next vehicle."""
    settings = {"meter_values_sampled_data": ("Current.Offered", "Power.Offered"), "meter_value_sample_interval_s": 60}
    bench = charging(AcBench(station_settings(kind=ConnectorKind.TYPE2_CABLE, **settings)))  # type: ignore[arg-type]
    bench.wait(61)
    drawing(bench, 32.0, (32.0, 0.1, 0.1), for_s=60)
    drawing(bench, 0.2, (0.2, 0.1, 0.1), for_s=60)
    bench.unplug()
    bench.drive_to(Phase.IDLE)
    charging(bench)
    bench.wait(61)
    assert list(offered(bench)) == [(32.0, 22_080.0), (32.0, 7_360.0), (32.0, 7_360.0), (32.0, 22_080.0)]


# --- cables ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cable_a", [13.0, 20.0, 32.0, 63.0])
def test_the_coding_of_a_cable_limits_the_offer(cable_a: float) -> None:
    """IEC 61851-1: 13, 20, 32 and 63 A, on an outlet of 32 A; a cable of its own has no coding at the station's side."""
    bench = charging(socket())
    bench.ev(ONE, cable_max_current_a=cable_a)
    assert bench.offered_a() == min(cable_a, 32.0)
    assert ("cable", cable_a) in [(limit.source, limit.current_a) for limit in bench.view(ONE).limits]
    assert "cable" not in [limit.source for limit in charging().view(ONE).limits]


def test_a_cable_that_is_not_seen_gets_nothing() -> None:
    """A vehicle by the pilot, no plug by proximity: nobody can say what the cable bears. For half a second it is a plug on its way in."""
    bench = socket()
    bench.send(EvUpdated(ONE, EvRequest(ControlPilot.B, is_cable_present=False)))
    bench.swipe()
    bench.answer()
    assert (bench.phase(), raised(bench)) == (Phase.WAIT_CABLE, [])
    bench.mono_s += 0.4
    bench.send(EvUpdated(ONE, bench.view(ONE).ev))
    assert raised(bench) == []
    bench.mono_s += 0.2
    bench.send(EvUpdated(ONE, bench.view(ONE).ev))
    assert (raised(bench), told_last(bench)[:2]) == (["proximity-error"], ("Faulted", "OtherError"))
    bench.plug()
    assert [fault.code for fault in bench.told(FaultCleared)] == ["proximity-error"]
    bench.send(Tick())
    bench.send(LockUpdated(ONE, LockState.LOCKED))
    assert (bench.phase(), bench.offered_a()) == (Phase.HANDSHAKE, 32.0)


@pytest.mark.parametrize("stops", [True, False])
def test_a_plug_that_leaves_the_socket_ends_the_session(stops: bool) -> None:
    """By proximity alone, whatever pilot and keys say: at once."""
    bench = charging(socket(stop_transaction_on_ev_side_disconnect=stops))
    bench.ev(ONE, is_cable_present=False)
    assert (bench.phase(), bench.outputs().contactor, bench.offered_a()) == (Phase.OPENING, False, 0.0)
    bench.unplug()
    bench.drive_to(Phase.IDLE)
    assert bench.told(TransactionStopped)[0].reason is StopReason.EV_DISCONNECTED


# --- the time to let go ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [True, False])
def test_a_contactor_opens_under_load_after_six_seconds_and_not_before(ends: bool) -> None:
    """IEC 61851-1: the vehicle has 3 s to let go; ordinary end and pause alike."""
    bench = charging(AcBench(station_settings(kind=ConnectorKind.TYPE2_CABLE, stop_transaction_on_invalid_id=False)))
    if ends:
        bench.send(LocalStop(ONE))
    else:
        bench.ev(ONE, max_current_a=0.0)
    assert bench.phase() is (Phase.RAMP_DOWN if ends else Phase.PAUSING)
    drawing(bench, 20.0, for_s=5.5)
    assert bench.outputs().contactor
    drawing(bench, 20.0, for_s=0.5)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING if ends else Phase.PAUSED_EVSE, False)


def test_every_fault_ends_with_its_vehicle() -> None:
    """Whatever a vehicle did, the next one is not asked for it."""
    bench = charging()
    bench.ev(ONE, control_pilot=ControlPilot.D)
    bench.unplug()
    bench.drive_to(Phase.IDLE)
    assert bench.view(ONE).faults == ()
    assert replace(bench.view(ONE).ev, connector_temperature_c=None) == EvRequest(ControlPilot.A)
