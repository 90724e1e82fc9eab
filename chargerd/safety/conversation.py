"""What the daemon says to its guard and makes of the answers, without sockets. Pure: time is an argument.

Levels become events here: a report that was lost is made good by the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chargerd.core.events import ContactorUpdated, Event, GateCleared, GateTripped
from chargerd.core.ids import STATION, ConnectorId
from chargerd.safety.messages import Renewal, Report
from hal.types import Flow

GUARD_LOST = "guard-lost"


class ToldContactors:
    """What the core was told last of each contactor; of one it was told nothing of, the first level is a change."""

    def __init__(self, connectors: frozenset[int]) -> None:
        self._connectors = sorted(connectors)
        self._told: dict[int, bool] = {}

    def changes(self, closed: frozenset[int]) -> Iterator[Event]:
        """The contactors that are not as they were told."""
        for number in self._connectors:
            is_closed = number in closed
            if self._told.get(number) != is_closed:
                self._told[number] = is_closed
                yield ContactorUpdated(ConnectorId(number), is_closed)


class Conversation:
    """`connectors`: those that have a contactor. `wishes`: those to be closed; `flows`: what is measured at their outputs."""

    def __init__(self, connectors: frozenset[int]) -> None:
        self.wishes: frozenset[int] = frozenset()
        self.flows: Mapping[int, Flow] = {}
        self._epoch: int | None = None  # None: none has begun with this guard
        self._began_s = 0.0
        self._is_lost = False
        self._told: dict[tuple[int, str], str] = {}
        self._contactors = ToldContactors(connectors)

    def renewal(self, now_s: float) -> Renewal | None:
        """What to say now. None: a new epoch begins with nothing wished, so after a loss the core has to have opened first."""
        if self._epoch is None:
            if self.wishes:
                return None
            self._epoch, self._began_s = round(now_s * 1e9), now_s
        return Renewal(self._epoch, now_s, self.wishes, self.flows)

    def hear(self, report: Report) -> Iterator[Event]:
        """What the core has to know of a report."""
        if report.epoch != self._epoch and report.answers_s >= self._began_s:
            self._epoch = None  # it has ended; the next begins once nothing is wished
        if self._is_lost:
            self._is_lost = False
            yield GateCleared(STATION, GUARD_LOST)
        forbidden = {(one.connector, one.code): one.info for one in report.forbidden}
        told, self._told = self._told, forbidden
        for (connector, code), info in forbidden.items():
            if (connector, code) not in told:
                yield GateTripped(ConnectorId(connector), code, info)
        for connector, code in told.keys() - forbidden.keys():
            yield GateCleared(ConnectorId(connector), code)
        yield from self._contactors.changes(report.closed)

    def lose(self, why: str) -> Iterator[Event]:
        """The guard is gone, and with it the epoch."""
        self._epoch = None
        if not self._is_lost:
            self._is_lost = True
            yield GateTripped(STATION, GUARD_LOST, why)
