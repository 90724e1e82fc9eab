"""Orders that take time: availability after the session, an unlock with its motor, a reset once everything has stopped."""

from __future__ import annotations

from collections.abc import Mapping

from chargerd.core.connector import Connector
from chargerd.core.events import ACCEPTED, ChangeAvailability, Reply, ResetKind, StopReason, Verdict, rejected
from chargerd.core.facts import AvailabilityChanged, Fact, RestartRequested, UnlockFinished
from chargerd.core.ids import STATION, ConnectorId
from chargerd.core.now import NEVER, Now
from chargerd.core.session import ENERGISING
from chargerd.core.surroundings import Surroundings
from chargerd.core.transaction import StopCause
from hal.types import LockState


class Orders:
    """What was ordered and is not done yet. Decisions are put on a list that `settle` hands over."""

    def __init__(self, connectors: Mapping[ConnectorId, Connector], around: Surroundings) -> None:
        self._connectors = connectors
        self._around = around
        self._facts: list[Fact] = []
        self._is_station_change_scheduled = False
        self._restart: ResetKind | None = None
        self._unlocks: dict[ConnectorId, tuple[int, float]] = {}
        self._ticket = 0

    def settle(self, now: Now) -> list[Fact]:
        """Finish what can be finished, after the connectors have settled."""
        self._finish_unlocks(now)
        self._finish_availability()
        self._finish_restart()
        facts, self._facts = self._facts, []
        return facts

    def next_deadline_s(self) -> float:
        """When the oldest unlock runs out."""
        return min((deadline_s for _, deadline_s in self._unlocks.values()), default=NEVER)

    # --- availability (OCPP 1.6, 5.2) ---------------------------------------------------------------------------------------------

    def change_availability(self, event: ChangeAvailability) -> Reply:
        """At once where no session runs, else scheduled for its end; connector 0 means all of them and the station."""
        if event.connector != STATION and event.connector not in self._connectors:
            return rejected(f"there is no connector {event.connector}")
        chosen = [self._connectors[event.connector]] if event.connector in self._connectors else list(self._connectors.values())
        is_delayed = False
        for connector in chosen:
            connector.is_change_scheduled = not event.is_operative and connector.is_in_use()
            is_delayed |= connector.is_change_scheduled
            if not connector.is_change_scheduled:
                connector.is_operative = event.is_operative
                if not event.is_operative:
                    connector.withdraw("the connector went out of operation")
            self._facts.append(AvailabilityChanged(connector.id, event.is_operative, connector.is_change_scheduled))
        if event.connector == STATION:
            self._around.is_operative = event.is_operative or is_delayed
            self._is_station_change_scheduled = is_delayed
            self._facts.append(AvailabilityChanged(STATION, event.is_operative, is_delayed))
        return Reply(Verdict.SCHEDULED) if is_delayed else ACCEPTED

    def _finish_availability(self) -> None:
        """Connector 0 goes out of operation with the last connector that was still in use."""
        if self._is_station_change_scheduled and not any(connector.is_operative for connector in self._connectors.values()):
            self._is_station_change_scheduled = False
            self._around.is_operative = False
            self._facts.append(AvailabilityChanged(STATION, is_operative=False))

    # --- unlocking (OCPP 1.6, 5.18 and errata 3.87) ---------------------------------------------------------------------------------

    def unlock(self, connector_id: ConnectorId, now: Now) -> Reply:
        """Open the lock of a socket; a fixed cable has none. A running session is stopped first."""
        connector = self._connectors.get(connector_id)
        if connector is None or not connector.built.has_lock:
            return Reply(Verdict.NOT_SUPPORTED, "this connector has no lock of its own")
        self._ticket += 1
        connector.stop(StopCause(StopReason.UNLOCK_COMMAND))
        timing = self._around.timing
        self._unlocks[connector_id] = (self._ticket, now.mono_s + timing.ramp_down_s + timing.opening_s + timing.lock_s)
        return Reply(Verdict.PENDING, ticket=self._ticket)

    def _finish_unlocks(self, now: Now) -> None:
        for connector_id, (ticket, deadline_s) in list(self._unlocks.items()):
            connector = self._connectors[connector_id]
            is_open = connector.sensed.lock is LockState.UNLOCKED and connector.phase not in ENERGISING
            if is_open or now.mono_s >= deadline_s:
                del self._unlocks[connector_id]
                self._facts.append(UnlockFinished(connector_id, ticket, is_open))

    # --- the end of the process -----------------------------------------------------------------------------------------------------

    def reset(self, kind: ResetKind, now: Now) -> Reply:
        """Stop everything, then ask for the restart; a hard reset closes the transactions at once and does not wait."""
        self._restart = kind
        if kind is ResetKind.HARD:
            for connector in self._connectors.values():
                connector.stop(StopCause(StopReason.HARD_RESET))
                if connector.transaction is not None:
                    connector.stop_transaction(now)  # what is not closed now would have to be closed after the restart
        self.close_all(StopReason.SOFT_RESET)
        return ACCEPTED

    def close_all(self, reason: StopReason) -> None:
        """Begin nothing new, and end what runs."""
        self._around.is_closing = True
        for connector in self._connectors.values():
            connector.stop(StopCause(reason))
            connector.withdraw("the station is about to restart")

    def _finish_restart(self) -> None:
        if self._restart is None:
            return
        if self._restart is ResetKind.HARD or not any(connector.is_in_use() for connector in self._connectors.values()):
            self._facts.append(RestartRequested(STATION, self._restart))
            self._restart = None
