"""A whole session through the core, and the ways it can end."""

from __future__ import annotations

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    ContactorUpdated,
    DeviceLost,
    GateTripped,
    IdTagInfo,
    InsulationUpdated,
    LinkChanged,
    LocalStop,
    RemoteStart,
    RemoteStop,
    Reset,
    ResetKind,
    Role,
    StartAnswered,
    StopAnswered,
    StopReason,
    Tick,
    UnlockConnector,
    Verdict,
)
from chargerd.core.facts import (
    AuthorizationAsked,
    AuthorizationGranted,
    AuthorizationRefused,
    AuthorizationWithdrawn,
    FaultCleared,
    FaultRaised,
    MeterSampled,
    Phase,
    RestartRequested,
    TokenCached,
    TransactionStarted,
    TransactionStopped,
    UnlockFinished,
)
from chargerd.core.ids import STATION, IdTag, LocalId
from hal.types import ControlPilot, InsulationReading, SeccPhase
from tests.support.core_bench import CARD, ONE, TWO, CoreBench, station_settings

GOOD_WAY = [
    Phase.WAIT_AUTH,
    Phase.LOCKING,
    Phase.HANDSHAKE,
    Phase.CABLE_CHECK,
    Phase.PRECHARGE,
    Phase.POWER_DELIVERY,
    Phase.DELIVERING,
    Phase.RAMP_DOWN,
    Phase.OPENING,
    Phase.UNLOCKING,
    Phase.WAIT_UNPLUG,
    Phase.IDLE,
]


def test_cable_first_goes_the_whole_way() -> None:
    """Plug, card, answer, charge, card, leave: every phase once, status as OCPP wants it, one start and one stop."""
    bench = CoreBench()
    bench.charge()
    bench.energy_wh[ONE] += 500
    bench.wait(5)
    bench.swipe()
    bench.finish()
    bench.unplug()
    assert bench.phases() == GOOD_WAY
    assert bench.statuses() == ["Preparing", "Charging", "Finishing", "Available"]
    (started,) = bench.told(TransactionStarted)
    (stopped,) = bench.told(TransactionStopped)
    assert (started.meter_start_wh, stopped.meter_stop_wh) == (1000, 1500)
    assert (stopped.reason, stopped.id_tag) == (StopReason.LOCAL, CARD)


def test_card_first_waits_for_the_cable() -> None:
    """A card without a cable makes a free connector Preparing; the plug begins the session."""
    bench = CoreBench()
    bench.swipe()
    bench.answer()
    assert bench.phase() is Phase.WAIT_CABLE
    bench.plug()
    bench.drive_to(Phase.DELIVERING)
    assert bench.phases()[:3] == [Phase.WAIT_CABLE, Phase.WAIT_AUTH, Phase.LOCKING]


def test_card_grant_follows_the_cable_to_the_other_connector() -> None:
    """Nobody chose an outlet: the card counts where the cable is then plugged."""
    bench = CoreBench()
    bench.swipe()
    bench.answer()
    bench.plug(TWO)
    bench.drive_to(Phase.DELIVERING, TWO)
    assert bench.phase(ONE) is Phase.IDLE
    assert [f.connector for f in bench.told(AuthorizationGranted)] == [ONE, TWO]


def test_connection_time_out_without_a_cable_forgets_the_card() -> None:
    """OCPP 1.6 B1: identified but not plugged in time."""
    bench = CoreBench()
    bench.swipe()
    bench.answer()
    bench.wait(61)
    assert bench.phase() is Phase.IDLE
    assert bench.told(AuthorizationWithdrawn)
    bench.plug()
    assert bench.phase() is Phase.WAIT_AUTH


def test_connection_time_out_without_a_card_is_finishing() -> None:
    """OCPP 1.6 B6 (errata 3.20): plugged but not identified; a later swipe that can only mean this connector still starts (F2)."""
    bench = CoreBench(station_settings(connectors=1))
    bench.plug()
    bench.wait(61)
    assert (bench.phase(), bench.statuses()) == (Phase.WAIT_UNPLUG, ["Preparing", "Finishing"])
    bench.swipe()
    bench.answer()
    assert bench.phase() is Phase.HANDSHAKE


def test_connection_time_out_does_not_fire_during_a_long_preparation() -> None:
    """A DC preparation takes longer than ConnectionTimeOut."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    bench.wait(120)
    assert bench.phase() is Phase.HANDSHAKE


def test_a_foreign_card_neither_starts_nor_stops() -> None:
    """A token the central system refuses starts nothing; another token does not stop a running session."""
    bench = CoreBench(station_settings(connectors=1))
    bench.plug()
    bench.swipe("FOREIGN")
    bench.answer(AuthorizationStatus.INVALID)
    assert bench.phase() is Phase.WAIT_AUTH
    (refused,) = bench.told(AuthorizationRefused)
    assert refused.status is AuthorizationStatus.INVALID
    bench.swipe()
    bench.answer()
    bench.drive_to(Phase.DELIVERING)
    asked = len(bench.told(AuthorizationAsked))
    bench.swipe("FOREIGN")
    assert bench.phase() is Phase.DELIVERING
    assert len(bench.told(AuthorizationAsked)) == asked


def test_two_connectors_at_once_with_one_reader() -> None:
    """Each card goes to the latest plug and stops only its own session."""
    bench = CoreBench()
    bench.charge(ONE, "CARD-A")
    bench.charge(TWO, "CARD-B")
    assert (bench.phase(ONE), bench.phase(TWO)) == (Phase.DELIVERING, Phase.DELIVERING)
    bench.swipe("CARD-A")
    bench.finish(ONE)
    assert bench.phase(TWO) is Phase.DELIVERING
    assert [(f.connector, f.id_tag) for f in bench.told(TransactionStopped)] == [(ONE, "CARD-A")]


def test_the_station_budget_is_shared_and_never_exceeded() -> None:
    """Two vehicles on a small station: what one gets is taken from the other, as soon as that one's modules have given it up."""
    built = station_settings()
    bench = CoreBench(type(built)(connectors=built.connectors, max_power_w=60_000.0))
    bench.charge(ONE, "CARD-A")
    alone_a = bench.outputs(ONE).setpoint.current_a
    bench.plug(TWO)
    bench.swipe("CARD-B")
    bench.answer()
    assert bench.outputs(ONE).setpoint.current_a == pytest.approx(75.0)
    bench.wait(2)
    bench.drive_to(Phase.DELIVERING, TWO)
    both = [bench.outputs(c).setpoint for c in (ONE, TWO)]
    assert alone_a == pytest.approx(120.0)
    assert sum(s.voltage_v * s.current_a for s in both) <= 60_000.0 + 1e-6
    assert both[0].current_a == pytest.approx(75.0)


STOPS = {
    "remote": (RemoteStop(77), StopReason.REMOTE, Phase.RAMP_DOWN),
    "technician": (LocalStop(ONE), StopReason.LOCAL, Phase.RAMP_DOWN),
    "emergency stop": (GateTripped(STATION, "emergency-stop"), StopReason.EMERGENCY_STOP, Phase.OPENING),
    "door": (GateTripped(STATION, "door-open"), StopReason.EMERGENCY_STOP, Phase.OPENING),
    "mains": (GateTripped(STATION, "power-loss"), StopReason.POWER_LOSS, Phase.RAMP_DOWN),
    "secc": (DeviceLost(ONE, Role.SECC, "secc1", "silent"), StopReason.OTHER, Phase.OPENING),
    "modules": (DeviceLost(ONE, Role.POWER, "psu1", "silent"), StopReason.OTHER, Phase.OPENING),
    "meter": (DeviceLost(ONE, Role.METER, "meter1", "silent"), StopReason.OTHER, Phase.RAMP_DOWN),
}


@pytest.mark.parametrize("case", STOPS, ids=list(STOPS))
def test_each_stop_lowers_at_once_and_tells_its_reason(case: str) -> None:
    """In the very step of the stop the set-point is zero; the transaction is closed once, with its own reason."""
    event, reason, phase = STOPS[case]
    bench = CoreBench()
    bench.charge()
    bench.step()
    bench.send(StartAnswered(LocalId("tx1"), CARD, 77, IdTagInfo(AuthorizationStatus.ACCEPTED), settles=1))
    assert bench.outputs().setpoint.current_a > 0
    bench.send(event)
    assert bench.phase() is phase
    assert bench.outputs().setpoint.current_a == 0
    bench.finish()
    (stopped,) = bench.told(TransactionStopped)
    assert stopped.reason is reason
    assert not bench.outputs().contactor


def test_the_vehicle_ends() -> None:
    """Full, still plugged: reason Other."""
    bench = CoreBench()
    bench.charge()
    bench.ev(ONE, phase=SeccPhase.STOPPING, target_current_a=0.0)
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.OTHER


def test_unplugging_opens_in_the_same_step() -> None:
    """The pilot falls to A under load: contactor and set-point go at once, reason EVDisconnected."""
    bench = CoreBench()
    bench.charge()
    bench.unplug()
    assert (bench.outputs().contactor, bench.outputs().setpoint.current_a) == (False, 0.0)
    bench.drive_to(Phase.IDLE)
    assert bench.told(TransactionStopped)[0].reason is StopReason.EV_DISCONNECTED


def test_a_lost_pilot_is_a_trip() -> None:
    """200 ms without the controller: no energy may flow, whatever the vehicle does."""
    bench = CoreBench()
    bench.charge()
    bench.ev(ONE, control_pilot=ControlPilot.UNKNOWN, phase=SeccPhase.UNAVAILABLE)
    assert (bench.phase(), bench.outputs().contactor) == (Phase.OPENING, False)


def test_the_pilot_leaving_c_under_load_opens() -> None:
    """Pilot B in the charge loop without an end: the vehicle has unlocked its inlet."""
    bench = CoreBench()
    bench.charge()
    bench.ev(ONE, control_pilot=ControlPilot.B)
    assert bench.phase() is Phase.OPENING


def test_the_vehicle_pauses_and_comes_back() -> None:
    """No request is SuspendedEV, and the set-point follows."""
    bench = CoreBench()
    bench.charge()
    bench.ev(ONE, target_current_a=0.0)
    assert (bench.phase(), bench.outputs().setpoint.current_a) == (Phase.PAUSED_EV, 0.0)
    bench.ev(ONE, target_current_a=50.0)
    assert (bench.phase(), bench.outputs().setpoint.current_a) == (Phase.DELIVERING, 50.0)
    assert "SuspendedEV" in bench.statuses()


def test_low_insulation_ends_before_any_current() -> None:
    """A bad verdict in the cable check: GroundFailure, contactor open; unplugging clears it."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    bench.drive_to(Phase.CABLE_CHECK)
    bench.send(ContactorUpdated(ONE, is_closed=True))
    bench.supply(ONE, 500.0)
    bench.send(InsulationUpdated(ONE, InsulationReading(is_safe=False, resistance_ohm=20e3)))
    assert bench.phase() is Phase.OPENING
    assert bench.view(ONE).status.error_code == "GroundFailure"
    bench.finish()
    bench.unplug()
    assert bench.told(FaultCleared)[-1].code == "insulation-fault"
    assert bench.statuses()[-1] == "Available"


def test_insulation_counts_only_at_test_voltage() -> None:
    """A verdict before the voltage stands says nothing of the cable."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    bench.drive_to(Phase.CABLE_CHECK)
    bench.send(InsulationUpdated(ONE, InsulationReading(is_safe=True)))
    assert bench.outputs().secc.isolation.value == "invalid"


def test_a_vehicle_that_goes_on_without_a_verdict_gets_nothing() -> None:
    """Its target is the battery's voltage then: not a volt before the insulation is known to be good."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    bench.drive_to(Phase.CABLE_CHECK)
    bench.send(ContactorUpdated(ONE, is_closed=True))
    assert bench.outputs().setpoint.is_on
    bench.ev(ONE, phase=SeccPhase.PRECHARGE, target_voltage_v=400.0, target_current_a=2.0)
    assert bench.phase() is Phase.CABLE_CHECK
    assert not bench.outputs().setpoint.is_on


def test_no_voltage_against_an_open_contactor() -> None:
    """Modules are asked for nothing until the contactor is seen closed."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    bench.drive_to(Phase.CABLE_CHECK)
    assert bench.outputs().contactor
    assert not bench.outputs().setpoint.is_on
    bench.send(ContactorUpdated(ONE, is_closed=True))
    assert bench.outputs().setpoint.voltage_v == 500.0


def test_a_welded_contactor_is_latched() -> None:
    """Still closed after the opening time: the fault stays until a technician clears it."""
    bench = CoreBench()
    bench.charge()
    bench.swipe()
    bench.supply(ONE, 400.0)
    bench.wait(12)
    assert "contactor-welded" in [f.code for f in bench.told(FaultRaised)]
    bench.send(ContactorUpdated(ONE, is_closed=False))
    bench.supply(ONE, 0.0)
    bench.unplug()
    assert bench.statuses()[-1] == "Faulted"


def test_samples_are_exactly_spaced_and_carry_the_register() -> None:
    """Every interval from the start, without drift, whatever wakes the core in between."""
    bench = CoreBench(station_settings(meter_value_sample_interval_s=10))
    bench.charge()
    start_s = next(now.mono_s for event, now in bench.events if type(event).__name__ == "AuthorizationAnswered")
    seen: list[float] = []
    for _ in range(600):
        before = len(bench.told(MeterSampled))
        bench.wait(0.07)
        if len(bench.told(MeterSampled)) > before:
            seen.append(bench.mono_s)
    assert [round((s - start_s) / 10, 2) for s in seen] == [1.0, 2.0, 3.0, 4.0]
    assert bench.told(MeterSampled)[0].values[0].measurand == "Energy.Active.Import.Register"


def test_start_refused_afterwards_stops_deauthorized() -> None:
    """StartTransaction.conf Invalid with StopTransactionOnInvalidId."""
    bench = CoreBench()
    bench.charge()
    bench.send(StartAnswered(LocalId("tx1"), CARD, 5, IdTagInfo(AuthorizationStatus.INVALID), settles=1))
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.DE_AUTHORIZED


def test_start_refused_afterwards_only_withholds_when_configured() -> None:
    """The same with the key false: SuspendedEVSE, transaction open."""
    bench = CoreBench(station_settings(stop_transaction_on_invalid_id=False))
    bench.charge()
    bench.send(StartAnswered(LocalId("tx1"), CARD, 5, IdTagInfo(AuthorizationStatus.BLOCKED), settles=1))
    assert (bench.phase(), bench.outputs().setpoint.current_a) == (Phase.PAUSED_EVSE, 0.0)
    assert not bench.told(TransactionStopped)


def test_a_refused_token_may_use_up_what_it_is_given() -> None:
    """MaxEnergyOnInvalidId: so many Wh after the refusal, then StopTransaction DeAuthorized."""
    bench = CoreBench(station_settings(max_energy_on_invalid_id_wh=500))
    bench.charge()
    bench.send(StartAnswered(LocalId("tx1"), CARD, 5, IdTagInfo(AuthorizationStatus.INVALID), settles=1))
    assert bench.phase() is Phase.DELIVERING
    bench.meter(ONE, 499)
    assert bench.phase() is Phase.DELIVERING
    bench.meter(ONE, 1)
    assert bench.outputs().setpoint.current_a == 0.0
    bench.finish()
    assert bench.told(TransactionStopped)[0].reason is StopReason.DE_AUTHORIZED


def test_a_refused_token_that_may_go_on_is_withheld_when_used_up() -> None:
    """The same with StopTransactionOnInvalidId false: SuspendedEVSE, the transaction stays open."""
    bench = CoreBench(station_settings(max_energy_on_invalid_id_wh=500, stop_transaction_on_invalid_id=False))
    bench.charge()
    bench.send(StartAnswered(LocalId("tx1"), CARD, 5, IdTagInfo(AuthorizationStatus.EXPIRED), settles=1))
    bench.meter(ONE, 500)
    assert bench.phase() is Phase.PAUSED_EVSE
    assert not bench.told(TransactionStopped)


def test_a_parent_learned_from_the_start_lets_the_group_stop() -> None:
    """T 069, rules section 6: the parent comes with StartTransaction.conf only; the stop bears the new token."""
    bench = CoreBench(station_settings(connectors=1))
    bench.charge()
    bench.send(StartAnswered(LocalId("tx1"), CARD, 5, IdTagInfo(AuthorizationStatus.ACCEPTED, IdTag("FAMILY")), settles=1))
    bench.swipe("0B")
    bench.answer(parent="FAMILY")
    bench.finish()
    (stopped,) = bench.told(TransactionStopped)
    assert (stopped.reason, stopped.id_tag) == (StopReason.LOCAL, "0B")


def test_every_answer_about_a_token_is_remembered() -> None:
    """OCPP 1.6, 3.5.1: from StartTransaction and StopTransaction too, also when the session is over, valid or not."""
    bench = CoreBench()
    blocked = IdTagInfo(AuthorizationStatus.BLOCKED)
    bench.send(StartAnswered(LocalId("gone"), IdTag("0C"), 5, blocked, settles=1))
    bench.send(StopAnswered(LocalId("gone"), IdTag("0D"), blocked, settles=2))
    bench.send(StopAnswered(LocalId("gone"), None, None, settles=3))
    assert [(fact.id_tag, fact.status) for fact in bench.told(TokenCached)] == [("0C", blocked.status), ("0D", blocked.status)]


def test_offline_unknown_card_is_refused_and_cached_one_starts() -> None:
    """LocalAuthorizeOffline with the cache filled by an earlier answer."""
    bench = CoreBench()
    bench.charge()
    bench.swipe()
    bench.finish()
    bench.unplug()
    bench.send(LinkChanged(is_accepted=False))
    bench.plug()
    assert not bench.swipe("NEVER-SEEN").is_accepted
    assert bench.swipe().is_accepted
    assert bench.phase() is Phase.HANDSHAKE


def test_no_answer_falls_back_to_the_offline_rules() -> None:
    """The central system accepted us but does not answer Authorize: after the limit the cache decides."""
    bench = CoreBench()
    bench.plug()
    bench.swipe("NEVER-SEEN")
    bench.wait(31)
    assert bench.told(AuthorizationRefused)


def test_devices_that_were_quiet_at_rest_are_not_silent_when_a_session_begins() -> None:
    """A remote start waits for its cable longer than modules and meter have to speak: their silence counts from the plug on."""
    bench = CoreBench()
    bench.send(RemoteStart(IdTag("A"), ONE))
    bench.mono_s += 30.0
    bench.plug()
    assert bench.phase() is Phase.HANDSHAKE
    assert bench.told(FaultRaised) == []
    bench.mono_s += bench.built.timing.stale_s
    bench.send(Tick())
    assert [fault.code for fault in bench.told(FaultRaised)] == ["secc-silent", "power-silent"]


def test_remote_start_and_its_refusals() -> None:
    """Accepted when free, refused when busy, unknown or closed; not asked about by default."""
    bench = CoreBench()
    assert not bench.send(RemoteStart(CARD, STATION)).is_accepted
    assert bench.send(RemoteStart(CARD, ONE)).is_accepted
    assert not bench.send(RemoteStart(IdTag("OTHER"), ONE)).is_accepted
    assert not bench.told(AuthorizationAsked)
    bench.plug()
    bench.drive_to(Phase.DELIVERING)
    assert not bench.send(RemoteStart(IdTag("OTHER"), ONE)).is_accepted
    assert not bench.send(RemoteStop(1)).is_accepted


def test_remote_start_without_connector_prefers_the_plugged_one() -> None:
    """Policy `any`."""
    bench = CoreBench()
    bench.plug(TWO)
    assert bench.send(RemoteStart(CARD)).is_accepted
    assert bench.phase(TWO) is Phase.HANDSHAKE


@pytest.mark.parametrize("kind", list(ResetKind))
def test_reset_ends_sessions_then_asks_for_the_restart(kind: ResetKind) -> None:
    """Soft waits for the ramp down, hard closes the transaction at once."""
    bench = CoreBench()
    bench.charge()
    assert bench.send(Reset(kind)).is_accepted
    assert bool(bench.told(RestartRequested)) is (kind is ResetKind.HARD)
    bench.finish()
    (stopped,) = bench.told(TransactionStopped)
    assert stopped.reason is (StopReason.HARD_RESET if kind is ResetKind.HARD else StopReason.SOFT_RESET)
    assert len(bench.told(RestartRequested)) == 1


def test_unlock_of_a_fixed_cable_is_not_supported() -> None:
    """OCPP 1.6 errata 3.87; a running session goes on (TC_018_2)."""
    bench = CoreBench()
    bench.charge()
    assert bench.send(UnlockConnector(ONE)).verdict is Verdict.NOT_SUPPORTED
    assert bench.phase() is Phase.DELIVERING


def test_unlock_of_a_socket_stops_and_reports() -> None:
    """A socket's lock: the session is stopped with UnlockCommand, the ticket tells the end."""
    bench = CoreBench(station_settings(has_lock=True))
    bench.charge()
    reply = bench.send(UnlockConnector(ONE))
    assert reply.verdict is Verdict.PENDING
    bench.finish()
    assert bench.told(UnlockFinished) == [UnlockFinished(ONE, reply.ticket, is_unlocked=True)]
    assert bench.told(TransactionStopped)[0].reason is StopReason.UNLOCK_COMMAND


def test_the_card_shown_again_while_the_lock_moves_ends_the_session() -> None:
    """The transaction begins with the held plug: before that the card takes back what it asked for, and nothing goes on without it."""
    bench = CoreBench(station_settings(has_lock=True))
    bench.plug()
    bench.swipe()
    bench.answer()
    assert bench.phase() is Phase.LOCKING
    assert bench.swipe().is_accepted
    bench.finish()
    assert Phase.HANDSHAKE not in bench.phases()
    assert not bench.told(TransactionStarted)
    assert bench.told(AuthorizationWithdrawn)
