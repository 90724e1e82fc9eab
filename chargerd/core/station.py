"""The whole station as one pure object: events in, facts and a reply out, outputs as levels.

`handle` routes an event to the connector or answers it for the station, settles every connector it may concern, and collects the facts.
Nothing here waits, sleeps, reads a clock or draws a random number: time comes with each call, ids from the injected source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from chargerd.core import desk, orders
from chargerd.core.charging_profiles import ChargingProfiles, Composite
from chargerd.core.connector import Connector
from chargerd.core.dangling import stopped_at
from chargerd.core.events import (
    ACCEPTED,
    CancelReservation,
    CancelSelfTest,
    ChangeAvailability,
    ChangeSettings,
    ClearChargingProfile,
    ClearFault,
    ContactorUpdated,
    DeviceBack,
    DeviceEvent,
    DeviceLost,
    Event,
    EvUpdated,
    GateCleared,
    GateTripped,
    InsulationUpdated,
    LinkChanged,
    LocalStop,
    LockUpdated,
    MessageGivenUp,
    MeterUpdated,
    RaiseFault,
    RemoteStop,
    Reply,
    ReserveNow,
    Reset,
    SetChargingProfile,
    Shutdown,
    StartAnswered,
    StartSelfTest,
    StopAnswered,
    StopReason,
    StorageChanged,
    SupplyUpdated,
    Tick,
    UnlockConnector,
    rejected,
)
from chargerd.core.facts import (
    ConnectorStatus,
    DeviceStateChanged,
    Fact,
    LinkStateChanged,
    MessageAbandoned,
    Restored,
    SettingChanged,
    StatusChanged,
    StopConfirmed,
    TransactionConfirmed,
)
from chargerd.core.fault_set import FaultSet
from chargerd.core.ids import STATION, ConnectorId, LocalId
from chargerd.core.now import NEVER, Now
from chargerd.core.outputs import Outputs
from chargerd.core.reservations import Reservations
from chargerd.core.self_tests import SelfTests
from chargerd.core.settings import Settings, StationSettings
from chargerd.core.sharing import Shares
from chargerd.core.status import error_code_beside, station_status
from chargerd.core.surroundings import Surroundings
from chargerd.core.transaction import StopCause
from chargerd.core.view import StationView
from hal.types import Flow


class Station:
    """Connectors, connector 0, and the rules between them. `new_local_id` gives a fresh transaction id at each call."""

    def __init__(self, built: StationSettings, new_local_id: Callable[[], LocalId]) -> None:
        self._around = Surroundings(built.settings, built.timing, built.policy, new_local_id, budget_w=built.max_power_w)
        self._connectors = {ConnectorId(c.id): Connector(c, self._around) for c in built.connectors}
        self._shares = Shares(self._connectors, built.max_power_w, built.timing, built.policy)
        self._around.shares_w = self._shares.of
        self._reservations = Reservations(self._connectors, self._around)
        self._profiles = ChargingProfiles(self._connectors, self._around, built)
        self._desk = desk.TokenDesk(self._connectors, self._around, self._reservations)
        self._orders = orders.Orders(self._connectors, self._around)
        self._tests = SelfTests(self._connectors, self._around)
        self._facts: list[Fact] = []
        self._told = StatusChanged(STATION, ConnectorStatus.AVAILABLE)
        self._everyone = tuple(self._connectors)
        self._outputs = {connector.id: connector.outputs() for connector in self._connectors.values()}
        self._deadline_s = NEVER

    # --- the whole of the interface ---------------------------------------------------------------------------------------------

    def handle(self, event: Event, now: Now) -> tuple[list[Fact], Reply]:
        """Take one event. Returns what was decided, in order, and the answer to who asked."""
        self._tests.disturbed_by(event)
        reply = self._route(event, now)
        self._settle(now, self._touched_by(event, now))
        facts, self._facts = self._facts, []
        return facts, reply

    def outputs(self) -> Mapping[ConnectorId, Outputs]:
        """The level wanted of the hardware of each connector."""
        return self._outputs

    def flows(self, now: Now) -> Mapping[int, Flow]:
        """What is measured at each output now, for the gate."""
        return {number: one.sensed.flow(now, self._outputs[number].setpoint) for number, one in self._connectors.items()}

    def next_deadline_s(self) -> float:
        """Monotonic seconds of the next `Tick` that is wanted; infinite when nothing is due."""
        return self._deadline_s

    def restore(self, restored: Restored, now: Now) -> list[Fact]:
        """Take over what the journal kept. Transactions left open are closed once the meter answers, or at their deadline."""
        for name, text in restored.settings:
            self._around.settings = _with(self._around.settings, {name: _from_json(text)})
        self._around.is_operative = STATION not in restored.inoperative
        for connector in self._connectors.values():
            connector.is_operative = connector.id not in restored.inoperative
        self._around.has_been_accepted = restored.has_been_accepted
        self._desk.known.fill(restored.cache, *restored.local_list)
        self._reservations.fill(restored.reservations)
        self._profiles.fill(restored.profiles)
        for fault in restored.latched:
            if fault.connector == STATION:
                self._around.faults.restore(fault, is_present=False)
            elif fault.connector in self._connectors:
                self._connectors[fault.connector].restore_fault(fault)
        for transaction in restored.transactions:
            if transaction.connector in self._connectors:
                self._connectors[transaction.connector].ledger.recover(transaction, now)
            else:  # the configuration has fewer connectors now, and no meter that could answer
                self._facts.append(stopped_at(transaction, transaction.checkpoint_wh))
        self._settle(now, self._everyone)
        facts, self._facts = self._facts, []
        return facts

    def view(self) -> StationView:
        """The station as it is now, for people."""
        views = tuple(connector.view() for connector in self._connectors.values())
        around = self._around
        return StationView(
            *(self._status(), views, around.settings, around.is_accepted, around.faults.views()),
            local_list_version=self._desk.known.list_version,
            reservations=self._reservations.kept,
            profiles=self._profiles.installed,
        )

    def composite(self, connector: ConnectorId, duration_s: int, now: Now) -> Composite | None:
        """What a connector, or with 0 the whole station, may take from now on; None: there is no such connector."""
        return self._profiles.composite(connector, duration_s, now)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._around.settings

    # --- routing ----------------------------------------------------------------------------------------------------------------

    def _route(self, event: Event, now: Now) -> Reply:
        match event:
            case EvUpdated() | SupplyUpdated() | MeterUpdated() | InsulationUpdated() | LockUpdated() | ContactorUpdated():
                self._connectors[event.connector].take(event, now)
            case Tick():
                pass
            case DeviceLost() | DeviceBack():
                self._device_changed(event)
            case GateTripped(connector=connector, code=code, info=info):
                self._raise(connector, code, info)
            case GateCleared(connector=connector, code=code):
                self._fault_over(connector, code)
            case LinkChanged(is_accepted=is_accepted):
                self._link_changed(is_accepted=is_accepted)
            case StartAnswered():
                self._start_answered(event, now)
            case StopAnswered(local_id=local_id, id_tag=id_tag, info=info, settles=settles):
                self._facts.append(StopConfirmed(STATION, local_id, settles))
                if id_tag is not None and info is not None:
                    self._desk.known.remember(STATION, id_tag, info, now, self._facts)
            case MessageGivenUp(connector=connector, local_id=local_id, message=message, attempts=attempts, settles=settles):
                self._facts.append(MessageAbandoned(connector, local_id, message, attempts, settles))
            case RemoteStop(remote_id=remote_id):
                return self._stop_remote(remote_id)
            case LocalStop(connector=connector):
                return self._stop_local(connector)
            case Reset(kind=kind):
                return self._orders.reset(kind, now)
            case Shutdown(reason=reason):
                self._orders.close_all(reason)
            case ChangeAvailability():
                return self._orders.change_availability(event)
            case ReserveNow():
                return self._reservations.reserve(event, now)
            case CancelReservation():
                return self._reservations.cancel(event)
            case SetChargingProfile():
                return self._profiles.install(event, now)
            case ClearChargingProfile():
                return self._profiles.clear(event)
            case UnlockConnector(connector=connector):
                return self._orders.unlock(connector, now)
            case StartSelfTest():
                return self._tests.start(event, now)
            case CancelSelfTest():
                self._tests.cancel(event)
            case ChangeSettings(values=values):
                return self._change_settings(dict(values))
            case RaiseFault(connector=connector, code=code, error_code=error_code, info=info):
                return self._raise_from_outside(connector, code, info, error_code)
            case ClearFault(connector=connector, code=code):
                return self._clear(connector, code)
            case StorageChanged(is_working=is_working, detail=detail):
                self._fault_over(STATION, "storage") if is_working else self._raise(STATION, "storage", detail)
            case _:
                return self._desk.handle(event, now, is_online=self._around.is_accepted)
        return ACCEPTED

    def _link_changed(self, *, is_accepted: bool) -> None:
        if is_accepted != self._around.is_accepted:
            self._around.is_accepted = is_accepted
            self._around.has_been_accepted |= is_accepted
            self._facts.append(LinkStateChanged(STATION, is_accepted))

    def _device_changed(self, event: DeviceLost | DeviceBack) -> None:
        is_available = isinstance(event, DeviceBack)
        detail = event.detail if isinstance(event, DeviceLost) else ""
        self._facts.append(DeviceStateChanged(event.connector, event.device, is_available, detail))
        code = f"{event.role.value}-silent"
        if event.connector not in self._connectors:
            self._fault_over(STATION, code) if is_available else self._raise(STATION, code, detail)
        elif isinstance(event, DeviceLost):
            self._connectors[event.connector].lose(event.role, detail)
        else:
            self._connectors[event.connector].fault_over(code)

    # --- faults -----------------------------------------------------------------------------------------------------------------

    def _faults_of(self, connector: ConnectorId) -> FaultSet | None:
        if connector == STATION:
            return self._around.faults
        return self._connectors[connector].faults if connector in self._connectors else None

    def _raise(self, connector: ConnectorId, code: str, info: str) -> None:
        faults = self._faults_of(connector)
        if faults is not None:
            self._facts += faults.raise_(code, info)

    def _fault_over(self, connector: ConnectorId, code: str) -> None:
        faults = self._faults_of(connector)
        if faults is not None:
            self._facts += faults.condition_over(code)

    def _raise_from_outside(self, connector: ConnectorId, code: str, info: str, error_code: str) -> Reply:
        """A fault whose end nobody will tell: it stays until it is cleared."""
        faults = self._faults_of(connector)
        if faults is None:
            return rejected(f"there is no connector {connector}")
        self._facts += faults.raise_(code, info, error_code, is_present=False)
        return ACCEPTED

    def _clear(self, connector: ConnectorId, code: str) -> Reply:
        faults = self._faults_of(connector)
        if faults is None:
            return rejected(f"there is no connector {connector}")
        why_not = faults.why_not_clear(code)
        if why_not:
            return rejected(why_not)
        self._facts += faults.clear(code)
        return ACCEPTED

    # --- sessions ---------------------------------------------------------------------------------------------------------------

    def _start_answered(self, event: StartAnswered, now: Now) -> None:
        for connector in self._connectors.values():
            running = connector.transaction
            if running is not None and running.local_id == event.local_id:
                connector.ledger.confirm(event.remote_id, event.info, event.settles)
                break
        else:  # the session is over already; its number is needed for the messages that still wait
            info = event.info
            confirmed = TransactionConfirmed(STATION, event.local_id, event.remote_id, info.status, event.settles, info.parent_id_tag)
            self._facts.append(confirmed)
        self._desk.known.remember(STATION, event.id_tag, event.info, now, self._facts)

    def _stop_remote(self, remote_id: int) -> Reply:
        for connector in self._connectors.values():
            running = connector.transaction
            if running is not None and running.remote_id == remote_id and connector.stop(StopCause(StopReason.REMOTE)):
                return ACCEPTED
        return rejected(f"no transaction {remote_id} is running here")

    def _stop_local(self, connector: ConnectorId) -> Reply:
        if connector not in self._connectors:
            return rejected(f"there is no connector {connector}")
        if self._connectors[connector].stop(StopCause(StopReason.LOCAL)):
            return ACCEPTED
        return rejected("no session is running on this connector")

    def _change_settings(self, values: dict[str, object]) -> Reply:
        self._around.settings = _with(self._around.settings, values)
        for name in sorted(values):
            self._facts.append(SettingChanged(STATION, name, json.dumps(values[name])))
        return ACCEPTED

    # --- settling -----------------------------------------------------------------------------------------------------------------

    def _touched_by(self, event: Event, now: Now) -> tuple[ConnectorId, ...]:
        """The connectors an event can concern: a device's news its own, a tick none before the deadline, all else everyone."""
        if isinstance(event, DeviceEvent):
            return (event.connector,)
        if isinstance(event, Tick) and now.mono_s < self._deadline_s:
            return ()
        return self._everyone

    def _settle(self, now: Now, touched: tuple[ConnectorId, ...]) -> None:
        """Let everything that was touched come to rest; once something was decided, everyone looks again."""
        if not touched:
            return
        self._facts += self._desk.settle(now)
        self._around.asking = self._desk.asking()
        self._facts += self._reservations.settle(now)
        self._facts += self._profiles.settle(now)
        have_shares_moved = self._share_power(now)
        self._settle_connectors(touched, now)
        if touched is not self._everyone and (have_shares_moved or self._facts):
            touched = self._everyone
            self._share_power(now)
            self._settle_connectors(touched, now)
        while self._facts and self._share_power(now):  # who began takes from the others in the same step
            touched = self._everyone
            self._settle_connectors(touched, now)
        followed = [*self._reservations.settle(now), *self._profiles.settle(now)] if self._facts else []
        if followed or (self._facts and self._reservations.kept):  # what was used or is free shows at the others, and a profile begins
            self._facts += followed
            touched = self._everyone
            self._share_power(now)
            self._settle_connectors(touched, now)
        self._facts += self._orders.settle(now)
        self._facts += self._tests.settle(now)
        told = self._status()
        if told != self._told:
            self._told = told
            self._facts.append(told)
        self._outputs |= {connector: self._connectors[connector].outputs() for connector in touched}
        self._deadline_s = min(
            *(connector.next_deadline_s() for connector in self._connectors.values()),
            self._desk.next_deadline_s(),
            self._orders.next_deadline_s(),
            self._tests.next_deadline_s(),
            self._shares.next_deadline_s(),
            self._reservations.next_deadline_s(now),
            self._profiles.next_deadline_s(now),
        )

    def _settle_connectors(self, touched: tuple[ConnectorId, ...], now: Now) -> None:
        for connector in (self._connectors[number] for number in touched):
            connector.settle(now)
            self._facts += connector.facts
            connector.facts = []

    def _share_power(self, now: Now) -> bool:
        """Divide the station's power over the sessions; returns whether somebody's share is another one now."""
        have_moved = self._shares.settle(self._around.budget_w, now)
        self._around.shares_w = self._shares.of
        return have_moved

    def _status(self) -> StatusChanged:
        error_code, vendor_code, info = self._around.faults.error_code()
        status = station_status(self._around.faults.worst(), self._around.is_operative)
        return StatusChanged(STATION, status, error_code_beside(status, error_code), info, vendor_code)


def _with(settings: Settings, values: dict[str, object]) -> Settings:
    return replace(settings, **values)  # type: ignore[arg-type]  # the key table has checked names and types


def _from_json(text: str) -> object:
    value: object = json.loads(text)
    return tuple(value) if isinstance(value, list) else value
