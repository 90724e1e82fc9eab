"""Which status is to be told next (OCPP 1.6, 4.9 and errata 3.19).

While the central system can be told, every change is: oldest first over all connectors, each with the time at which it came. What happened
while it could not be told is no news any more: a new connection begins with the present status, at the present time, of those connectors
whose status is not the one delivered last.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.facts import ConnectorStatus, StatusChanged
from chargerd.core.ids import ConnectorId

MOST_WAITING = 16
"""So many changes of one connector may wait; more than there are statuses, so that one that comes again can always be found."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A status to tell. Monotonic times: it is told as of `at_s`, and began at `since_s`."""

    status: StatusChanged
    at_s: float
    since_s: float


class StatusFilter:
    """The changes that wait, between the present status of each connector and the one delivered last. Pure: time is an argument.

    MinimumStatusDuration: a state that is left sooner is skipped, the one that lasts is told.
    """

    def __init__(self) -> None:
        self._present: dict[ConnectorId, Change] = {}
        self._delivered: dict[ConnectorId, StatusChanged] = {}
        self._sent: dict[ConnectorId, StatusChanged] = {}  # on this connection, whatever became of it
        self._waiting: list[Change] = []
        self._is_connected = False

    def offer(self, status: StatusChanged, at_s: float) -> None:
        """A connector has this status since `at_s`."""
        known = self._present.get(status.connector)
        if known is not None and known.status == status:
            return
        change = self._present[status.connector] = Change(status, at_s, at_s)
        if self._is_connected:
            self._waiting.append(change)
            self._shorten(status.connector)

    def forget_delivered(self) -> None:
        """Tell everything on the next connection, at once (after a boot)."""
        self._delivered.clear()
        self._present = {connector: Change(one.status, one.at_s, float("-inf")) for connector, one in self._present.items()}

    def begin_connection(self, now_s: float) -> None:
        """The central system can be told from now on; connectors in the order of their numbers."""
        self._is_connected = True
        self._sent = dict(self._delivered)
        present = (self._present[connector] for connector in sorted(self._present))
        self._waiting = [Change(one.status, now_s, one.since_s) for one in present]

    def end_connection(self) -> None:
        """It cannot be told any more."""
        self._is_connected = False
        self._waiting.clear()

    def take(self, now_s: float, minimum_duration_s: float) -> Change | None:
        """The change to tell now; it is given once."""
        self._skip(minimum_duration_s)
        for change in self._waiting:
            if now_s >= change.since_s + minimum_duration_s:
                self._waiting.remove(change)
                self._sent[change.status.connector] = change.status
                return change
        return None

    def next_due_s(self, minimum_duration_s: float) -> float:
        """When a status will have lasted long enough; infinity when none waits."""
        self._skip(minimum_duration_s)
        return min((change.since_s + minimum_duration_s for change in self._waiting), default=float("inf"))

    def delivered(self, status: StatusChanged) -> None:
        """The central system has confirmed it, whether it was taken from here or asked for."""
        self._delivered[status.connector] = self._sent[status.connector] = status

    def _skip(self, minimum_duration_s: float) -> None:
        """Drop what did not last, and then what says nothing new."""
        left_s: dict[ConnectorId, float] = {}
        lasting: list[Change] = []
        for change in reversed(self._waiting):
            connector = change.status.connector
            if left_s.get(connector, float("inf")) - change.since_s >= minimum_duration_s:
                lasting.append(change)
            left_s[connector] = change.since_s
        told, self._waiting = dict(self._sent), []
        for change in reversed(lasting):
            if told.get(change.status.connector) != change.status:
                told[change.status.connector] = change.status
                self._waiting.append(change)

    def _shorten(self, connector: ConnectorId) -> None:
        """Keep a connector's changes within bounds by cutting out a round that led back to a status: what is left is still a way there."""
        mine = [change for change in self._waiting if change.status.connector == connector]
        if len(mine) <= MOST_WAITING:
            return
        first: dict[ConnectorStatus, int] = {}
        for place, change in enumerate(mine):
            begin = first.setdefault(change.status.status, place)
            if begin < place:
                cut = mine[begin:place]
                self._waiting = [one for one in self._waiting if one not in cut]
                return
