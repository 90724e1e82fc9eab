"""One connector: its regions side by side, settled by the phase table after each event.

The regions know only their own question: what the devices say (`sensed`), faults, availability, grant, phase, transaction. `settle` brings
them together until nothing changes any more; `outputs` is what follows.
"""

from __future__ import annotations

from chargerd.core import wanted
from chargerd.core.authorization import Grant
from chargerd.core.cable import DISCONNECTED_STATUSES, EV_SIDE_DISCONNECTED, Cable
from chargerd.core.current import Current
from chargerd.core.events import DeviceEvent, EvUpdated, InsulationUpdated, MeterUpdated, Role, StopReason, SupplyUpdated
from chargerd.core.facts import (
    AuthorizationWithdrawn,
    AvailabilityChanged,
    ConnectorStatus,
    Fact,
    FaultRaised,
    Phase,
    PhaseChanged,
    StatusChanged,
)
from chargerd.core.faults import Severity
from chargerd.core.findings import Findings
from chargerd.core.ids import ConnectorId, IdTag
from chargerd.core.ledger import Ledger
from chargerd.core.metering import Offered
from chargerd.core.now import NEVER, Now
from chargerd.core.outputs import Outputs
from chargerd.core.self_test import SelfTestRun
from chargerd.core.sensed import Sensed
from chargerd.core.session import ENERGISING, IN_SESSION, RESTARTING, Row, path_of, stop_s
from chargerd.core.settings import ConnectorSettings
from chargerd.core.situation import Situation, Trigger
from chargerd.core.status import connector_status, error_code_beside, status_between
from chargerd.core.surroundings import Surroundings
from chargerd.core.transaction import StopCause, Transaction
from chargerd.core.view import ConnectorView
from hal.types import ControlPilot, LockState, SeccPhase

_LOST = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)
_UNUSED = (Phase.IDLE, Phase.WAIT_AUTH, Phase.WAIT_UNPLUG)
_ENDED = frozenset({SeccPhase.STOPPING, SeccPhase.WELDING_DETECTION, SeccPhase.FINISHED, SeccPhase.IDLE})


class Connector:
    """See the module. Methods put what was decided on `facts`, which the station collects; nothing here does anything."""

    def __init__(self, built: ConnectorSettings, around: Surroundings) -> None:
        self.id = ConnectorId(built.id)
        self.built = built
        self.path = path_of(built.kind)
        self.around = around
        self.sensed = Sensed(built, around.timing)
        self.cable = Cable(built, around, self.sensed)
        self.findings = Findings(built, self.sensed, self.cable, lambda facts: self.facts.extend(facts))
        self.faults = self.findings.faults
        self.is_operative = True
        self.is_change_scheduled = False  # becomes inoperative when the session is over
        self.grant: Grant | None = None
        self.phase = Phase.IDLE
        self.stop_cause: StopCause | None = None
        self.lock_attempt = 0  # unlocks ordered so far: each has the lock tried anew
        self.self_test: SelfTestRun | None = None
        self.facts: list[Fact] = []
        self.ledger = Ledger(built, around, self.sensed, lambda fact: self.facts.append(fact))
        self.current = Current(built, around, self.sensed, self.findings.thermometer, lambda: self.ledger.is_used_up)
        self._phase_deadline_s = NEVER
        self._ready_by_s = NEVER  # DC: the cable check is to begin by then, however often the vehicle is woken
        self._is_restarting = False  # DC: apart from its vehicle in a pause, and since then no current
        self._is_overdue = False  # the deadline has passed, and what the phase waits for will wake us by itself
        self._is_insulation_safe = False
        self._ceiling_v = 0.0  # of this session; 0: not known yet
        self._may_wake = False  # AC: the vehicle has not asked yet in this session, and was not woken
        self._told: StatusChanged | None = None

    @property
    def transaction(self) -> Transaction | None:
        """The open transaction."""
        return self.ledger.transaction

    # --- events ---------------------------------------------------------------------------------------------------------------

    def take(self, event: DeviceEvent, now: Now) -> None:
        """Let a device's news in."""
        role = self.sensed.take(event, now)
        match event:
            case EvUpdated(request=request):
                self.findings.vehicle(request, self.phase, now)
                if request.control_pilot is ControlPilot.UNKNOWN:
                    if self.phase in ENERGISING:
                        self.raise_fault("secc-silent", "it does not tell the pilot")
                    return
            case SupplyUpdated(telemetry=telemetry):
                self.findings.modules(telemetry)
            case InsulationUpdated(reading=reading):
                self._is_insulation_safe |= self.findings.insulation(reading, self.phase)
            case MeterUpdated(reading=reading):
                self.ledger.register(reading)
                self.findings.meter(reading, self.phase, self.current.offer_a(), now, is_counting=self.transaction is not None)
            case _:
                pass
        self.fault_over(f"{role.value}-silent")

    def lose(self, role: Role, detail: str) -> None:
        """A device of this connector answers no more."""
        self.sensed.forget(role)
        self.findings.lost(role, detail)

    def raise_fault(self, code: str, info: str = "", error_code: str | None = None) -> None:
        """Put a fault up, once."""
        self.findings.raise_(code, info, error_code)

    def fault_over(self, code: str) -> None:
        """The condition of a fault is gone."""
        self.findings.over(code)

    def restore_fault(self, fault: FaultRaised) -> None:
        """Put a latched fault up again after a restart. What the gate still sees it says at its first look; the output is judged here."""
        self.faults.restore(fault, is_present=fault.code == "not-discharged")

    def stop(self, cause: StopCause) -> bool:
        """Ask for the end of the running session. Returns whether there is one that was not ending already."""
        if self.phase not in ENERGISING or self.stop_cause is not None:
            return False
        self.stop_cause = cause
        return True

    def group(self) -> IdTag | None:
        """The parent of the token whose session runs here, or has left its cable locked in."""
        holder = self.cable.owner or (self.transaction if self.stop_cause is None else None)
        return holder.parent_id_tag if holder is not None else None

    def withdraw(self, reason: str) -> None:
        """Forget a grant that led to nothing; one that a session stands on ends with the session."""
        if not self.is_in_use():
            self._drop_grant(reason)

    def _drop_grant(self, reason: str) -> None:
        if self.grant is not None and self.transaction is None:
            self.facts.append(AuthorizationWithdrawn(self.id, self.grant.id_tag, reason))
        self.grant = None

    # --- settling -------------------------------------------------------------------------------------------------------------

    def settle(self, now: Now) -> None:
        """Fire rows until none fits, and tell every status on the way."""
        self._learn_ceiling()
        self._check_staleness(now)
        if self.faults.has("not-discharged") and self._is_safe_to_unlock(now):
            self.fault_over("not-discharged")
        self.ledger.close_dangling(now)
        if self.ledger.is_used_up and self.around.settings.stop_transaction_on_invalid_id:
            self.stop(StopCause(StopReason.DE_AUTHORIZED))
        while (row := self.path.next_row(self.phase, self.situation(now))) is not None:
            self._fire(row, now)
            self._check_staleness(now)
            self._tell_status()
        self._is_overdue = now.mono_s >= self._phase_deadline_s
        self.ledger.take_due_samples(self._offered, now)
        self._tell_status()

    def _tell_status(self) -> None:
        """Tell a status that has changed; where a change of availability has waited for the session's end, the one after it."""
        self._end_scheduled_change()
        told = self.status()
        if told == self._told or not (self._told or self._is_status_known(told.status)):
            return
        between = status_between(self._told.status, told.status, self.phase) if self._told is not None else None
        if between is not None:
            self.facts.append(StatusChanged(self.id, between))
        self._told = told
        self.facts.append(told)

    def _is_status_known(self, status: ConnectorStatus) -> bool:
        """Until the vehicle side has spoken after a start, nobody can say whether a vehicle is there; these two show in any case."""
        return self.has_vehicle_side_spoken() or status in _LOST

    def has_vehicle_side_spoken(self) -> bool:
        """Whether it is known if a vehicle is there."""
        return self.sensed.ev.control_pilot is not ControlPilot.UNKNOWN

    def situation(self, now: Now) -> Situation:
        """The connector in claims."""
        ev, pilot, worst = self.sensed.ev, self.sensed.ev.control_pilot, self.worst()
        return Situation(
            is_plugged=self.cable.is_plugged,
            is_unplugged=self.cable.is_unplugged,
            is_cable_gone=self.cable.is_gone,
            ends_by_unplugging=self.cable.ends_session,
            is_pilot_ready=pilot.is_ready,
            is_granted=self.grant is not None,
            may_start=self.grant is not None and self.cable.is_plugged and not self.why_not_start(),
            is_asking=self.id in self.around.asking,
            is_tripped=worst is Severity.TRIP or pilot is ControlPilot.UNKNOWN or self._has_pilot_failed(),
            is_stopping=self.stop_cause is not None or (worst is not None and worst >= Severity.STOP),
            is_locked=not self.built.has_lock or self.sensed.lock is LockState.LOCKED,
            is_unlocked=not self.built.has_lock or self.sensed.lock is LockState.UNLOCKED or self._must_stay_locked(),
            asks_cable_check=ev.phase is SeccPhase.CABLE_CHECK,
            asks_precharge=ev.phase is SeccPhase.PRECHARGE,
            has_precharged=ev.phase in (SeccPhase.READY, SeccPhase.CURRENT_DEMAND),
            asks_current=ev.phase is SeccPhase.CURRENT_DEMAND,
            has_vehicle_ended=ev.wants_stop or ev.phase in _ENDED,
            has_left=ev.wants_stop or ev.phase in _ENDED or ev.phase is SeccPhase.PAUSED or not pilot.is_ready,
            is_asleep=self.sensed.is_vehicle_asleep(now),
            has_let_go=not ev.is_contactor_wanted or not pilot.is_ready or (worst is not None and worst >= Severity.STOP),
            is_insulation_safe=self._is_insulation_safe,
            is_insulation_bad=self.faults.has("insulation-fault"),
            wants_current=self._wants_current(),
            is_withheld=self.current.offer_a() <= 0.0 or self.findings.asks_ventilation,
            asks_ventilation=self.findings.asks_ventilation,
            is_current_low=self.sensed.is_current_low(now),
            is_safe_to_unlock=self._is_safe_to_unlock(now),
            is_timed_out=now.mono_s >= self._phase_deadline_s,
        )

    def _has_pilot_failed(self) -> bool:
        """State E or F; on DC to show it for some seconds is one of the ways to wake."""
        is_waking = self.phase is Phase.WAKING and not self.built.kind.is_ac
        return self.sensed.ev.control_pilot in (ControlPilot.E, ControlPilot.F) and not is_waking

    def _wants_current(self) -> bool:
        """On AC the pilot says it; D asks for what there is not."""
        if self.built.kind.is_ac:
            return self.sensed.ev.control_pilot is ControlPilot.C
        return self.sensed.ev.target_current_a >= self.built.min_current_a

    def worst(self) -> Severity | None:
        """The highest severity here or at the station."""
        here, station = self.faults.worst(), self.around.faults.worst()
        if here is None or station is None:
            return station if here is None else here
        return max(here, station)

    def why_not_start(self) -> str:
        """What keeps a session from beginning here, as a sentence; empty: nothing."""
        for faults in (self.around.faults, self.faults):
            found = faults.first_at(Severity.BLOCK)
            if found is not None:
                return found[1].cause
        if not self.is_available() or self.is_change_scheduled or self.around.is_change_scheduled:
            return "The connector is out of operation."
        if self.around.is_closing:
            return "The station is about to restart."
        if not (self.around.has_been_accepted or self.around.policy.charge_before_first_acceptance):
            return "The central system has never accepted this station."
        if self.ledger.dangling is not None:
            return "The session before the power cut is still being closed."
        if self.sensed.meter is None:
            return "The energy meter has not been read yet."
        if self.cable.owner is not None:
            return "The cable in the socket waits for the card of its owner."
        return ""

    def _is_safe_to_unlock(self, now: Now) -> bool:
        has_register = self.sensed.is_register_fresh() or self.sensed.is_stale(Role.METER, now)
        if self.sensed.is_contactor_closed or not has_register:
            return False
        voltage_v = 0.0 if self.built.kind.is_ac else self.sensed.output_voltage_v(now)  # behind an open AC contactor nothing stores any
        return voltage_v is not None and voltage_v < self.built.safe_voltage_v

    def _must_stay_locked(self) -> bool:
        """A plug that is there, or may be, as nobody knows yet after a restart: somebody else's, or perhaps a live one."""
        is_live = self.sensed.is_contactor_closed or self.faults.holds_plug()
        return not self.cable.is_gone and (self.cable.owner is not None or is_live)

    def _learn_ceiling(self) -> None:
        """The highest voltage that this session will need: as the vehicle first tells it, and the same to the end."""
        if self._ceiling_v <= 0.0 and self.phase in ENERGISING and self.sensed.ev.max_voltage_v is not None:
            self._ceiling_v = min(self.sensed.ev.max_voltage_v, self.built.max_voltage_v)

    def _check_staleness(self, now: Now) -> None:
        if self.phase in ENERGISING:
            for role in self.sensed.watched:
                if now.mono_s >= self.sensed.silent_at_s(role):
                    self.raise_fault(f"{role.value}-silent")

    def _fire(self, row: Row, now: Now) -> None:
        if row.fault:
            self.raise_fault(row.fault)
        if row.reason is not None and self.stop_cause is None:
            self.stop_cause = StopCause(row.reason)
        if self.phase is Phase.WAIT_CABLE and row.trigger is Trigger.TIMED_OUT:
            self.withdraw("no cable was plugged in time")
        elif self.phase is Phase.WAIT_AUTH and row.trigger is Trigger.UNPLUGGED:
            self.withdraw("the cable was removed before the session began")
        elif self.phase is Phase.WAIT_AUTH and row.trigger is Trigger.NOT_BEGUN:
            self.withdraw("no session could begin in time")
        elif row.trigger is Trigger.TIMED_OUT and (self.phase is Phase.OPENING or self._has_never_closed()):
            self._judge_opening(now)
        self._enter(row.target, now)

    def _has_never_closed(self) -> bool:
        """A cable check whose contactor could not close: then nothing but the voltage at the output has kept it open."""
        return self.phase is Phase.CABLE_CHECK and not self.sensed.is_contactor_closed

    def _judge_opening(self, now: Now) -> None:
        """Opening was not over in time: say what is wrong. A late register alone is no fault, nor is what nobody could see."""
        voltage_v = self.sensed.output_voltage_v(now)
        if self.sensed.is_contactor_closed:
            if not self.around.faults.has("guard-lost"):
                self.raise_fault("contactor-welded")
        elif self.built.kind.is_ac:
            return
        elif voltage_v is None:
            self.raise_fault("discharge-unverified")
        elif voltage_v >= self.built.safe_voltage_v:
            self.raise_fault("not-discharged", f"{voltage_v:.0f} V at the output")

    def _enter(self, phase: Phase, now: Now) -> None:
        before, self.phase = self.phase, phase
        if phase in (Phase.RAMP_DOWN, Phase.OPENING) and self.stop_cause is None:
            self.stop_cause = self._cause_of_fault()
        if before in (Phase.LOCKING, Phase.ASLEEP):
            self._ready_by_s = now.mono_s + self.around.timing.handshake_s
        self._is_restarting = phase is Phase.ASLEEP or (self._is_restarting and phase in RESTARTING)
        self._is_insulation_safe &= phase in self.path.closed
        self._phase_deadline_s = now.mono_s + self._duration_s(phase, now)
        self.facts.append(PhaseChanged(self.id, phase))
        if phase is Phase.LOCKING:
            self.stop_cause = None
            self._ceiling_v = 0.0
            self._may_wake = self.built.kind.is_ac
            self._learn_ceiling()
            self.sensed.watched_since_s = now.mono_s
        if phase is self.path.starts[self.around.policy.transaction_start_point]:
            self.ledger.start(self.grant, self._offered, now)
        if phase in (Phase.WAKING, Phase.DELIVERING):
            self._may_wake = False
        if phase is Phase.UNLOCKING:
            self.stop_transaction(now)
        if phase is Phase.IDLE:
            self.cable.release()

    def _duration_s(self, phase: Phase, now: Now) -> float:
        timing, settings, is_ac = self.around.timing, self.around.settings, self.built.kind.is_ac
        is_power_lost = self.stop_cause is not None and self.stop_cause.reason is StopReason.POWER_LOSS
        durations = {
            Phase.WAIT_CABLE: settings.connection_time_out_s,
            Phase.WAIT_AUTH: settings.connection_time_out_s,
            Phase.LOCKING: timing.lock_s,
            Phase.HANDSHAKE: timing.mode3_ready_s if is_ac else self._ready_by_s - now.mono_s,
            Phase.CABLE_CHECK: timing.cable_check_s,
            Phase.PRECHARGE: timing.precharge_s,
            Phase.POWER_DELIVERY: timing.delivery_start_s,
            Phase.PAUSED_EV: timing.mode3_asleep_s if self._may_wake else NEVER,
            Phase.PAUSED_EVSE: NEVER if is_ac else timing.pause_in_loop_s,
            Phase.PAUSING: stop_s(self.built.kind, timing),
            Phase.LEAVING: timing.ramp_down_s,
            Phase.ASLEEP: timing.opening_s,
            Phase.WAKING: timing.mode3_wake_s if is_ac else timing.wake_s,
            Phase.RAMP_DOWN: timing.power_loss_s if is_power_lost else stop_s(self.built.kind, timing),
            Phase.OPENING: timing.opening_s,
            Phase.UNLOCKING: timing.lock_s,
        }
        return durations.get(phase, NEVER)

    def _cause_of_fault(self) -> StopCause:
        """The stop reason of the fault that ends the session; Other where no fault tells."""
        for faults in (self.around.faults, self.faults):
            found = faults.first_at(Severity.STOP)
            if found is not None:
                return StopCause(found[1].stop_reason)
        return StopCause(StopReason.OTHER)

    # --- transaction ----------------------------------------------------------------------------------------------------------

    def stop_transaction(self, now: Now) -> None:
        """Close the running transaction with the register as it is known now; the grant is used up with it."""
        self._drop_grant("the session ended before its transaction began")
        cause = self.stop_cause or self._cause_of_fault()
        if self.transaction is not None:
            self.cable.keep(self.transaction, cause.reason)
        self.ledger.stop(cause, self._offered, now)

    def _offered(self) -> Offered:
        """What the vehicle is told that it may take now; nothing in a pause of ours, before the session and from its end on."""
        told = self.outputs().secc
        return Offered(told.offer_a, told.offer_a * self.sensed.watts_per_ampere())

    # --- what follows -----------------------------------------------------------------------------------------------------------

    def is_in_use(self) -> bool:
        """A session runs or is being ended."""
        return self.phase in IN_SESSION

    def is_busy(self) -> bool:
        """In use, or a vehicle is about to begin: what makes it inoperative waits for the end of that (OCPP 1.6, 4.9 has no B8)."""
        return self.is_in_use() or self.phase is Phase.WAIT_AUTH

    def is_available(self) -> bool:
        """Operative: the connector itself and the station. A change of the station that is scheduled holds already where nobody is."""
        is_station_operative = self.around.is_operative and (not self.around.is_change_scheduled or self.is_busy())
        return self.is_operative and is_station_operative

    def _end_scheduled_change(self) -> None:
        if self.is_change_scheduled and not self.is_busy():
            self.is_change_scheduled = False
            self.is_operative = False
            self.withdraw("the connector went out of operation")
            self.facts.append(AvailabilityChanged(self.id, is_operative=False))

    def status(self) -> StatusChanged:
        """The status as it is now, with the worst fault here; one of the station's where that is what makes it Faulted."""
        status = self.bare_status()
        if status not in _LOST and self._is_unused() and self.around.is_reserved(self.id):
            status = ConnectorStatus.RESERVED
        is_own = status is not ConnectorStatus.FAULTED or self.faults.has_cause() or self.around.faults.first_at(Severity.STOP) is None
        error_code, vendor_code, info = (self.faults if is_own else self.around.faults).error_code()
        if not info and self.cable.is_unplugged and status in DISCONNECTED_STATUSES:
            info = EV_SIDE_DISCONNECTED
        return StatusChanged(self.id, status, error_code_beside(status, error_code), info, vendor_code)

    def bare_status(self) -> ConnectorStatus:
        """The status as it would be without reservations."""
        shown = Phase.ASLEEP if self._is_restarting else self.path.shown(self.phase)
        return connector_status(shown, self.worst(), self.is_available())

    def _is_unused(self) -> bool:
        return self.phase in _UNUSED and self.grant is None

    def is_blocked(self) -> bool:
        """A fault keeps sessions from beginning."""
        worst = self.worst()
        return worst is not None and worst >= Severity.BLOCK

    def is_free(self) -> bool:
        """It could be kept for somebody: Available, or Reserved, even with a vehicle that has come all the same."""
        is_shown_reserved = self._told is not None and self._told.status is ConnectorStatus.RESERVED
        is_unused = self._is_unused() and (self.phase is Phase.IDLE or is_shown_reserved)
        return is_unused and self.is_available() and not self.is_blocked()

    def _is_enabled(self) -> bool:
        """Permission for the SECC, with a vehicle there. In a session only a trip takes it: that is its emergency shutdown."""
        if self.phase in (Phase.IDLE, Phase.WAIT_CABLE):
            return False
        bearable = Severity.STOP if self.is_in_use() else Severity.BLOCK
        worst = self.worst()
        return self.is_available() and (worst is None or worst <= bearable)

    def outputs(self) -> Outputs:
        """The level wanted of the hardware now."""
        decided = wanted.Decided(
            phase=self.phase,
            status=self._told.status if self._told is not None else self.status().status,
            is_enabled=self._is_enabled(),
            is_stopping=self.stop_cause is not None,
            is_insulation_safe=self._is_insulation_safe,
            is_insulation_bad=self.faults.has("insulation-fault"),
            must_stay_locked=self._must_stay_locked(),
            lock_attempt=self.lock_attempt,
            limit_a=self.current.offer_a(),
            w_per_a=self.sensed.w_per_a,
            ceiling_v=self._ceiling_v if self.phase in ENERGISING else 0.0,
        )
        outputs = wanted.outputs(self.built, self.sensed, decided)
        return outputs if self.self_test is None else self.self_test.over(outputs)

    def next_deadline_s(self) -> float:
        """When to be asked again if nothing happens."""
        deadlines = [NEVER if self._is_overdue else self._phase_deadline_s, self.ledger.next_deadline_s()]
        if self.phase in ENERGISING:
            deadlines += [self.sensed.silent_at_s(role) for role in self.sensed.watched if not self.faults.has(f"{role.value}-silent")]
        return min(deadlines)

    def view(self) -> ConnectorView:
        """For people."""
        sensed, running = self.sensed, self.transaction
        return ConnectorView(
            connector=self.id,
            kind=self.built.kind,
            status=self.status(),
            is_status_known=self._told is not None,
            phase=self.phase,
            is_operative=self.is_available(),
            id_tag=running.id_tag if running else (self.grant.id_tag if self.grant else None),
            transaction=running.view(self.around.settings.max_energy_on_invalid_id_wh) if running else None,
            faults=self.faults.views(),
            limits=self.current.explained(),
            ev=sensed.ev,
            supply=sensed.supply,
            meter=sensed.meter,
            insulation=sensed.insulation,
            lock=sensed.lock if self.built.has_lock else None,
            is_contactor_closed=sensed.is_contactor_closed,
            outputs=self.outputs(),
            energy_wh=running.energy_wh if running is not None else sensed.meter.energy_wh if sensed.meter is not None else None,
            offered=self._offered(),
            self_test=self.self_test.test if self.self_test is not None else None,
        )
