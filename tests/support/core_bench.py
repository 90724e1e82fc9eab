"""A station core on a bench: time by hand, devices by hand, and a helpful vehicle that takes the natural next step."""

from __future__ import annotations

import itertools
from dataclasses import replace

from chargerd.core.events import (
    AuthorizationAnswered,
    AuthorizationStatus,
    ContactorUpdated,
    Event,
    EvUpdated,
    IdTagInfo,
    InsulationUpdated,
    LinkChanged,
    LockUpdated,
    MeterUpdated,
    Reply,
    SupplyUpdated,
    Tick,
    TokenPresented,
)
from chargerd.core.facts import (
    AuthorizationAsked,
    Fact,
    FaultCleared,
    FaultRaised,
    OpenTransaction,
    Phase,
    PhaseChanged,
    Restored,
    StatusChanged,
    TransactionStarted,
    TransactionStopped,
)
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.core.outputs import Outputs
from chargerd.core.settings import ConnectorKind, ConnectorSettings, Settings, StationSettings
from chargerd.core.station import Station
from hal.types import ControlPilot, EvRequest, InsulationReading, LockState, MeterReading, ModuleTelemetry, SeccPhase

UTC0 = 1_800_000_000.0
CARD = IdTag("04A2B1")
ONE, TWO = ConnectorId(1), ConnectorId(2)


def station_settings(
    *,
    connectors: int = 2,
    kind: ConnectorKind = ConnectorKind.CCS2,
    has_lock: bool = False,
    max_power_w: float = 240_000.0,
    **settings: object,
) -> StationSettings:
    """Equal connectors; on AC three phases of 32 A, and a socket has a lock."""
    limits = {"max_current_a": 32.0} if kind.is_ac else {"max_power_w": 100_000.0}
    has_lock |= kind is ConnectorKind.TYPE2_SOCKET
    built = tuple(ConnectorSettings(id=n, kind=kind, has_lock=has_lock, **limits) for n in range(1, connectors + 1))
    return StationSettings(connectors=built, max_power_w=max_power_w, settings=replace(Settings(), **settings))  # type: ignore[arg-type]


class CoreBench:
    """The core with a hand on every device, which have all spoken. All facts decided since are in `facts`."""

    def __init__(self, built: StationSettings | None = None, *, is_online: bool = True) -> None:
        count = itertools.count(1)
        self.built = built or station_settings()
        self._new_station = lambda: Station(self.built, lambda: LocalId(f"tx{next(count)}"))
        self.station = self._new_station()
        self.mono_s = 100.0
        self.utc_shift_s = 0.0  # a clock that was set
        self.facts: list[Fact] = []
        self.events: list[tuple[Event, Now]] = []
        self.energy_wh = {c.id: 1000 * c.id for c in self.built.connectors}
        if is_online:
            self.send(LinkChanged(is_accepted=True))
        for connector in self.ids():
            self.unplug(connector)
            self.freshen(connector)
            if self.built.connectors[0].has_lock:
                self.send(LockUpdated(connector, LockState.UNLOCKED))
        self.facts.clear()

    def ids(self) -> list[ConnectorId]:
        return [ConnectorId(c.id) for c in self.built.connectors]

    def now(self) -> Now:
        return Now(self.mono_s, UTC0 + self.utc_shift_s + self.mono_s)

    def send(self, event: Event) -> Reply:
        self.events.append((event, self.now()))
        facts, reply = self.station.handle(event, self.now())
        self.facts += facts
        return reply

    def wait(self, seconds: float) -> None:
        """Let time pass from deadline to deadline, devices staying fresh."""
        end_s = self.mono_s + seconds
        while self.mono_s < end_s:
            step_s = min(end_s - self.mono_s, 1.0, max(self.station.next_deadline_s() - self.mono_s, 0.001))
            self.mono_s += step_s
            for connector in self.ids():
                self.freshen(connector)
            self.send(Tick())

    def freshen(self, connector: ConnectorId) -> None:
        """Each device says again what it said last."""
        view = self.view(connector)
        self.send(EvUpdated(connector, view.ev))
        self.send(SupplyUpdated(connector, view.supply or ModuleTelemetry(max_voltage_v=1000.0, max_current_a=200.0, max_power_w=120e3)))
        self.send(MeterUpdated(connector, MeterReading(self.energy_wh[connector])))

    def heard_s(self, connector: ConnectorId, kind: type) -> float:
        """When a device of a connector spoke last, by the kind of its news; minus infinity: not yet."""
        said = (now.mono_s for event, now in reversed(self.events) if isinstance(event, kind) and event.connector == connector)
        return next(said, float("-inf"))

    def restart(self) -> None:
        """The process dies, and another one begins with what the journal kept; the devices say where they stand."""
        ended = {fact.local_id for fact in self.told(TransactionStopped)}
        started = [fact for fact in self.told(TransactionStarted) if fact.local_id not in ended]
        open_ = tuple(
            OpenTransaction(one.connector, one.local_id, one.id_tag, one.meter_start_wh, one.meter_start_wh, None) for one in started
        )
        latched: dict[tuple[ConnectorId, str], FaultRaised] = {}
        for fact in self.facts:
            match fact:
                case FaultRaised(is_latching=True):
                    latched[fact.connector, fact.code] = fact
                case FaultCleared():
                    latched.pop((fact.connector, fact.code), None)
        before = self.station.view().connectors
        self.station = self._new_station()
        self.facts += self.station.restore(Restored(open_, latched=tuple(latched.values()), has_been_accepted=True), self.now())
        for view in before:
            self.send(EvUpdated(view.connector, view.ev))
            self.freshen(view.connector)
            if view.lock is not None:
                self.send(LockUpdated(view.connector, view.lock))

    def view(self, connector: ConnectorId):
        return next(v for v in self.station.view().connectors if v.connector == connector)

    def outputs(self, connector: ConnectorId = ONE) -> Outputs:
        return self.station.outputs()[connector]

    def phase(self, connector: ConnectorId = ONE) -> Phase:
        return self.view(connector).phase

    def ev(self, connector: ConnectorId, **changes: object) -> None:
        self.send(EvUpdated(connector, replace(self.view(connector).ev, **changes)))  # type: ignore[arg-type]

    def supply(self, connector: ConnectorId, voltage_v: float, current_a: float = 0.0) -> None:
        known = self.view(connector).supply
        assert known is not None
        self.send(SupplyUpdated(connector, replace(known, voltage_v=voltage_v, current_a=current_a)))

    def allow(self, connector: ConnectorId, power_w: float) -> None:
        """So much power is left; 0: none, a pause of the station."""
        known = self.view(connector).supply
        assert known is not None
        self.send(SupplyUpdated(connector, replace(known, max_power_w=power_w)))

    def meter(self, connector: ConnectorId, more_wh: int) -> None:
        """So many watt-hours more have flown."""
        self.energy_wh[connector] += more_wh
        self.send(MeterUpdated(connector, MeterReading(self.energy_wh[connector])))

    def plug(self, connector: ConnectorId = ONE) -> None:
        self.ev(connector, control_pilot=ControlPilot.B, phase=SeccPhase.AUTHORIZATION, max_current_a=150.0, max_voltage_v=500.0)

    def unplug(self, connector: ConnectorId = ONE) -> None:
        self.send(EvUpdated(connector, EvRequest(ControlPilot.A)))

    def swipe(self, id_tag: str = CARD) -> Reply:
        return self.send(TokenPresented(IdTag(id_tag)))

    def answer(self, status: AuthorizationStatus = AuthorizationStatus.ACCEPTED, parent: str | None = None) -> None:
        """The central system answers the oldest question that is open."""
        asked = [fact for fact in self.facts if isinstance(fact, AuthorizationAsked)]
        answered = {e.ticket for e, _ in self.events if isinstance(e, AuthorizationAnswered)}
        ticket = next(fact.ticket for fact in asked if fact.ticket not in answered)
        self.send(AuthorizationAnswered(ticket, IdTagInfo(status, IdTag(parent) if parent else None)))

    def step(self, connector: ConnectorId = ONE) -> None:
        """What a good vehicle and sound hardware do next."""
        view, outputs = self.view(connector), self.outputs(connector)
        wanted = LockState.LOCKED if outputs.lock else LockState.UNLOCKED
        if view.lock not in (None, wanted):
            self.send(LockUpdated(connector, wanted))
        if outputs.contactor != view.is_contactor_closed:
            self.send(ContactorUpdated(connector, outputs.contactor))
            return
        self._follow(connector)

    def _follow(self, connector: ConnectorId) -> None:
        """Modules and vehicle do as they are told, and the vehicle goes one step further."""
        self._follow_setpoint(connector)
        view = self.view(connector)
        match view.phase:
            case Phase.WAKING:
                self.ev(connector, phase=SeccPhase.AUTHORIZATION, wants_stop=False)
            case Phase.HANDSHAKE:
                self.ev(connector, control_pilot=ControlPilot.C, phase=SeccPhase.CABLE_CHECK, target_voltage_v=500.0)
            case Phase.CABLE_CHECK if view.outputs.secc.isolation.value == "safe":
                self.ev(connector, phase=SeccPhase.PRECHARGE, target_voltage_v=400.0, target_current_a=2.0)
            case Phase.CABLE_CHECK:
                self.send(InsulationUpdated(connector, InsulationReading(is_safe=True, resistance_ohm=1e6)))
            case Phase.PRECHARGE:
                self.ev(connector, phase=SeccPhase.CURRENT_DEMAND, target_voltage_v=400.0, target_current_a=120.0)
            case Phase.RAMP_DOWN if view.ev.is_contactor_wanted:
                self.ev(connector, is_contactor_wanted=False)
            case _:
                pass

    def _follow_setpoint(self, connector: ConnectorId) -> None:
        view, setpoint = self.view(connector), self.outputs(connector).setpoint
        voltage_v = setpoint.voltage_v if view.is_contactor_closed else 0.0
        self.supply(connector, voltage_v, setpoint.current_a if view.phase is Phase.DELIVERING else 0.0)
        self.send(MeterUpdated(connector, MeterReading(self.energy_wh[connector])))

    def drive_to(self, phase: Phase, connector: ConnectorId = ONE) -> None:
        for _ in range(30):
            if self.phase(connector) is phase:
                return
            self.mono_s += 0.1
            self.step(connector)
        raise AssertionError(f"{phase} not reached, stuck in {self.phase(connector)}")

    def charge(self, connector: ConnectorId = ONE, id_tag: str = CARD) -> None:
        """From plug to current."""
        self.plug(connector)
        self.swipe(id_tag)
        self.answer()
        self.drive_to(Phase.DELIVERING, connector)

    def finish(self, connector: ConnectorId = ONE) -> None:
        self.drive_to(Phase.WAIT_UNPLUG, connector)

    def told(self, kind: type, connector: ConnectorId | None = None) -> list:
        return [f for f in self.facts if isinstance(f, kind) and connector in (None, f.connector)]

    def phases(self, connector: ConnectorId = ONE) -> list[Phase]:
        return [f.phase for f in self.told(PhaseChanged, connector)]

    def statuses(self, connector: ConnectorId = ONE) -> list[str]:
        return [f.status.value for f in self.told(StatusChanged, connector)]


class AcBench(CoreBench):
    """The same on AC: a vehicle that goes by the pilot's duty, and a meter that tells the current."""

    def __init__(self, built: StationSettings | None = None) -> None:
        built = built or station_settings(kind=ConnectorKind.TYPE2_CABLE)
        self._is_socket = built.connectors[0].kind is ConnectorKind.TYPE2_SOCKET
        super().__init__(built)

    def offered_a(self, connector: ConnectorId = ONE) -> float:
        """What the pilot's duty says; 0: none."""
        offer_a = self.outputs(connector).secc.offer_a
        return offer_a if offer_a >= 6.0 else 0.0

    def freshen(self, connector: ConnectorId) -> None:
        """Each device says again what it sees: the meter a current where one may flow."""
        view = self.view(connector)
        self.send(EvUpdated(connector, view.ev))
        flows = view.is_contactor_closed and view.ev.control_pilot.is_ready
        self.send(MeterUpdated(connector, MeterReading(self.energy_wh[connector], current_a=self.offered_a(connector) if flows else 0.0)))

    def plug(self, connector: ConnectorId = ONE) -> None:
        self.send(EvUpdated(connector, EvRequest(ControlPilot.B, is_cable_present=True if self._is_socket else None)))

    def unplug(self, connector: ConnectorId = ONE) -> None:
        """Vehicle and cable."""
        self.send(EvUpdated(connector, EvRequest(ControlPilot.A, is_cable_present=False if self._is_socket else None)))

    def unplug_vehicle(self, connector: ConnectorId = ONE) -> None:
        """The vehicle's end only; the other one stays in the socket."""
        self.send(EvUpdated(connector, EvRequest(ControlPilot.A, is_cable_present=True)))

    def _follow(self, connector: ConnectorId) -> None:
        pilot = self.view(connector).ev.control_pilot
        if pilot.is_plugged:
            self.ev(connector, control_pilot=ControlPilot.C if self.offered_a(connector) > 0 else ControlPilot.B)
        self.freshen(connector)
