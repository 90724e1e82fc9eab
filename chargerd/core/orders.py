"""Orders that take time: availability after the session, an unlock with its motor, a reset once everything has stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chargerd.core.connector import Connector
from chargerd.core.events import ACCEPTED, ChangeAvailability, Reply, ResetKind, StopReason, Verdict, rejected
from chargerd.core.facts import AvailabilityChanged, Fact, RestartRequested, UnlockFinished
from chargerd.core.ids import STATION, ConnectorId
from chargerd.core.now import NEVER, Now
from chargerd.core.session import HOLDING_LOCK, stop_s
from chargerd.core.surroundings import Surroundings
from chargerd.core.transaction import StopCause
from hal.types import LockState

RESET_FAILURE = "reset-failure"


@dataclass(frozen=True, slots=True)
class Restart:
    """A restart that was ordered: how often it may still be asked for, and not before when."""

    kind: ResetKind
    tries_left: int
    try_at_s: float = -NEVER

    @property
    def was_tried(self) -> bool:
        """It was asked for once at least."""
        return self.try_at_s > -NEVER


@dataclass(frozen=True, slots=True)
class Unlock:
    """An unlock that was ordered: by when it has failed, at the latest; `is_lock_free` once no session holds the lock any more."""

    connector: ConnectorId
    deadline_s: float
    is_lock_free: bool = False


class Orders:
    """What was ordered and is not done yet. Decisions are put on a list that `settle` hands over."""

    def __init__(self, connectors: Mapping[ConnectorId, Connector], around: Surroundings) -> None:
        self._connectors = connectors
        self._around = around
        self._facts: list[Fact] = []
        self._restart: Restart | None = None
        self._unlocks: dict[int, Unlock] = {}  # by ticket: who asked waits for the end of just this one
        self._ticket = 0

    def settle(self, now: Now) -> list[Fact]:
        """Finish what can be finished, after the connectors have settled."""
        self._finish_unlocks(now)
        self._finish_availability()
        self._finish_restart(now)
        facts, self._facts = self._facts, []
        return facts

    def next_deadline_s(self) -> float:
        """When the oldest unlock runs out, or a restart that did not come is asked for again."""
        deadlines = [unlock.deadline_s for unlock in self._unlocks.values()]
        if self._restart is not None and self._restart.was_tried:
            deadlines.append(self._restart.try_at_s)
        return min(deadlines, default=NEVER)

    # --- availability (OCPP 1.6, 5.2) ---------------------------------------------------------------------------------------------

    def change_availability(self, event: ChangeAvailability) -> Reply:
        """At once where nobody is busy, else scheduled. Connector 0 is the station, which has an availability of its own."""
        if event.connector == STATION:
            return self._change_station(is_operative=event.is_operative)
        connector = self._connectors.get(event.connector)
        if connector is None:
            return rejected(f"there is no connector {event.connector}")
        connector.is_change_scheduled = not event.is_operative and connector.is_operative and connector.is_busy()
        if not connector.is_change_scheduled:
            connector.is_operative = event.is_operative
            self._turn_away(connector)
        self._facts.append(AvailabilityChanged(connector.id, event.is_operative, connector.is_change_scheduled))
        return Reply(Verdict.SCHEDULED) if connector.is_change_scheduled else ACCEPTED

    def _change_station(self, *, is_operative: bool) -> Reply:
        around = self._around
        is_delayed = not is_operative and around.is_operative and self._is_anybody_busy()
        around.is_change_scheduled = is_delayed
        around.is_operative = is_operative or is_delayed
        for connector in self._connectors.values():
            self._turn_away(connector)
        self._facts.append(AvailabilityChanged(STATION, is_operative, is_delayed))
        return Reply(Verdict.SCHEDULED) if is_delayed else ACCEPTED

    def _turn_away(self, connector: Connector) -> None:
        """A token that waits for its cable waits in vain."""
        if not connector.is_available() and not connector.is_busy():
            connector.withdraw("the connector went out of operation")

    def _is_anybody_busy(self) -> bool:
        return any(connector.is_busy() for connector in self._connectors.values())

    def _finish_availability(self) -> None:
        """The station goes out of operation with the last connector that was still busy."""
        if self._around.is_change_scheduled and not self._is_anybody_busy():
            self._around.is_change_scheduled = False
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
        connector.cable.release()
        connector.lock_attempt += 1
        timing = self._around.timing
        self._unlocks[self._ticket] = Unlock(
            connector_id, now.mono_s + stop_s(connector.built.kind, timing) + timing.opening_s + timing.lock_s
        )
        return Reply(Verdict.PENDING, ticket=self._ticket)

    def _finish_unlocks(self, now: Now) -> None:
        """Tell what became of each. A lock has its time from when the session lets go of it: a failure is told as soon as it is one."""
        for ticket, unlock in list(self._unlocks.items()):
            connector = self._connectors[unlock.connector]
            if not unlock.is_lock_free and connector.phase not in HOLDING_LOCK:
                deadline_s = min(unlock.deadline_s, now.mono_s + self._around.timing.lock_s)
                unlock = self._unlocks[ticket] = replace(unlock, deadline_s=deadline_s, is_lock_free=True)
            is_open = unlock.is_lock_free and connector.sensed.lock is LockState.UNLOCKED
            if is_open or now.mono_s >= unlock.deadline_s:
                del self._unlocks[ticket]
                self._facts.append(UnlockFinished(unlock.connector, ticket, is_open))

    # --- the end of the process -----------------------------------------------------------------------------------------------------

    def reset(self, kind: ResetKind, now: Now) -> Reply:
        """Stop everything, then ask for the restart; a hard reset closes the transactions at once and does not wait."""
        self._restart = Restart(kind, tries_left=1 + self._around.settings.reset_retries)
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

    def _finish_restart(self, now: Now) -> None:
        """Ask for the restart once everything has stopped; who is still here long afterwards asks again, up to ResetRetries times."""
        restart = self._restart
        if restart is None or now.mono_s < restart.try_at_s:
            return
        if restart.kind is ResetKind.SOFT and any(connector.is_in_use() for connector in self._connectors.values()):
            return
        if restart.tries_left == 0:
            self._restart, self._around.is_closing = None, False
            # It has happened: what is left is that somebody should know.
            self._facts += self._around.faults.raise_(RESET_FAILURE, is_present=False)
            return
        self._restart = Restart(restart.kind, restart.tries_left - 1, now.mono_s + self._around.timing.restart_s)
        self._facts.append(RestartRequested(STATION, restart.kind))
