"""Which status is to be told next: the present one of each connector, never a history (OCPP 1.6, 4.9)."""

from __future__ import annotations

from chargerd.core.facts import StatusChanged
from chargerd.core.ids import ConnectorId


class StatusFilter:
    """The latest status of each connector against the last one the central system has confirmed. Pure: time is an argument.

    MinimumStatusDuration: a state that is left sooner is skipped; the one that lasts is told.
    """

    def __init__(self) -> None:
        self._latest: dict[ConnectorId, StatusChanged] = {}
        self._since_s: dict[ConnectorId, float] = {}
        self._delivered: dict[ConnectorId, StatusChanged] = {}
        self._tried: dict[ConnectorId, StatusChanged] = {}

    def offer(self, status: StatusChanged, now_s: float) -> None:
        """A connector has this status from now on."""
        if self._latest.get(status.connector) != status:
            self._latest[status.connector] = status
            self._since_s[status.connector] = now_s
            self._tried.pop(status.connector, None)

    def forget_delivered(self) -> None:
        """Tell everything again, at once (after a boot)."""
        self._delivered.clear()
        self._since_s = dict.fromkeys(self._since_s, float("-inf"))
        self.begin_connection()

    def begin_connection(self) -> None:
        """Try again what an earlier connection left without an answer."""
        self._tried.clear()

    def due(self, now_s: float, minimum_duration_s: float) -> StatusChanged | None:
        """The status to tell now, lowest connector first."""
        for connector in sorted(self._latest):
            if self._is_open(connector) and now_s >= self._since_s[connector] + minimum_duration_s:
                return self._latest[connector]
        return None

    def next_due_s(self, minimum_duration_s: float) -> float:
        """When a status will have lasted long enough; infinity when none waits."""
        return min((self._since_s[one] + minimum_duration_s for one in self._latest if self._is_open(one)), default=float("inf"))

    def tried(self, status: StatusChanged) -> None:
        """It was sent and failed: on this connection it is not sent again unless it changes."""
        self._tried[status.connector] = status

    def delivered(self, status: StatusChanged) -> None:
        """The central system has confirmed it."""
        self._delivered[status.connector] = status
        self._tried.pop(status.connector, None)

    def _is_open(self, connector: ConnectorId) -> bool:
        return self._latest[connector] not in (self._delivered.get(connector), self._tried.get(connector))
