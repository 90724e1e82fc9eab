"""Reservations (OCPP 1.6, 3.11, 5.3, 5.13): a connector is kept for one token and its group, or one connector of the station, whichever.

For connector 0 as many connectors must stay free as there are reservations of the station: who has none may not begin where fewer would be
left, and while just so many are left, these are shown as Reserved. Plugging in does not end that; an accepted token does. A reservation
whose token was accepted does not expire any more: it is used up by the transaction, or stands again when no cable comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from chargerd.core.connector import Connector
from chargerd.core.events import ACCEPTED, CancelReservation, Reply, ReserveNow, Verdict, rejected
from chargerd.core.facts import ConnectorStatus, Fact, ReservationEnd, ReservationEnded, Reserved
from chargerd.core.ids import STATION, ConnectorId, IdTag, same_tag
from chargerd.core.now import NEVER, Now
from chargerd.core.surroundings import Surroundings

_LOOK_AGAIN_S = 60.0
"""An expiry is a time of the day, and the clock may have been set in the meantime."""

_LOST = {ConnectorStatus.FAULTED: ReservationEnd.FAULTED, ConnectorStatus.UNAVAILABLE: ReservationEnd.UNAVAILABLE}


class Reservations:
    """See the module. Decisions are put on a list that `settle` hands over."""

    def __init__(self, connectors: Mapping[ConnectorId, Connector], around: Surroundings) -> None:
        self._connectors = connectors
        self._around = around
        self._kept: dict[int, Reserved] = {}
        self._unproven: set[int] = set()  # since a restart: whether its connector is sound is not known yet
        self._facts: list[Fact] = []
        around.is_reserved = self._is_reserved

    @property
    def kept(self) -> tuple[Reserved, ...]:
        """Those that stand, the oldest first."""
        return tuple(self._kept.values())

    def fill(self, kept: Iterable[Reserved]) -> None:
        """Take over what the journal kept."""
        self._kept = {one.reservation_id: one for one in kept}
        self._unproven = {one.reservation_id for one in self.kept if self._meant(one.connector)}

    # --- requests ---------------------------------------------------------------------------------------------------------------

    def reserve(self, event: ReserveNow, now: Now) -> Reply:
        """Keep a connector, or one of the station's, from now on. One with the same id is replaced, wherever it was."""
        if event.connector != STATION and event.connector not in self._connectors:
            return rejected(f"there is no connector {event.connector}")
        if self._around.is_closing:
            return rejected("the station is about to restart")
        if now.is_utc_trusted and event.expiry_utc_s <= now.utc_s:
            return rejected("it would be over already")
        before = self._kept.pop(event.reservation_id, None)
        verdict = self._verdict(event.connector)
        if verdict is not Verdict.ACCEPTED:
            if before is not None:
                self._kept[before.reservation_id] = before
            return Reply(verdict, f"it would have to be kept free, and is {verdict.value}")
        if before is not None:
            self._detach(before.reservation_id)
            self._facts.append(ReservationEnded(before.connector, before.reservation_id, ReservationEnd.REPLACED))
        made = Reserved(event.connector, event.reservation_id, event.id_tag, event.expiry_utc_s, event.parent_id_tag)
        self._kept[made.reservation_id] = made
        self._facts.append(made)
        return ACCEPTED

    def cancel(self, event: CancelReservation) -> Reply:
        """Give a reservation up. A token that was accepted by it stays so."""
        if event.reservation_id not in self._kept:
            return rejected(f"there is no reservation {event.reservation_id}")
        self._end(event.reservation_id, ReservationEnd.CANCELLED)
        return ACCEPTED

    def _verdict(self, number: ConnectorId) -> Verdict:
        """What a new reservation is answered; for the station by the connectors that could be kept."""
        if number == STATION:
            if len([one for one in self._free() if one not in self._around.asking]) > len(self._of_station()):
                return Verdict.ACCEPTED
            verdicts = {self._verdict(one) for one in self._connectors}
            return next(one for one in (Verdict.OCCUPIED, Verdict.UNAVAILABLE, Verdict.FAULTED) if one in verdicts)
        connector = self._connectors[number]
        if connector.bare_status() is ConnectorStatus.UNAVAILABLE:
            return Verdict.UNAVAILABLE
        if connector.is_blocked():
            return Verdict.FAULTED
        is_free = number in self._free() and not self._is_short(number)
        return Verdict.ACCEPTED if is_free and number not in self._around.asking else Verdict.OCCUPIED

    # --- what follows from them ---------------------------------------------------------------------------------------------------

    def why_not(self, number: ConnectorId, id_tag: IdTag, parent: IdTag | None, *, is_parent_known: bool = True) -> str:
        """What keeps a token from beginning there, as a sentence; empty: nothing. Without a known parent it may be of any group."""

        def is_for(kept: Reserved) -> bool:
            may_be_of_group = parent is None and not is_parent_known and kept.parent_id_tag is not None
            return may_be_of_group or _is_for(kept, id_tag, parent)

        own = self._own(number)
        if own is not None:
            return "" if is_for(own) else "The connector is reserved for another token."
        of_station = self._of_station()
        if not of_station or any(is_for(kept) for kept in of_station):
            return ""
        left = [one for one in self._free() if one != number]
        return "The last free connector is reserved for another token." if len(left) < len(of_station) else ""

    def of(self, number: ConnectorId, id_tag: IdTag, parent: IdTag | None) -> int | None:
        """The reservation that a token uses by beginning there."""
        own = self._own(number)
        fitting = [own] if own is not None else self._of_station()
        return next((kept.reservation_id for kept in fitting if _is_for(kept, id_tag, parent)), None)

    def is_for(self, number: ConnectorId, id_tag: IdTag, parent: IdTag | None) -> bool:
        """The connector itself is kept for this token."""
        own = self._own(number)
        return own is not None and _is_for(own, id_tag, parent)

    def _is_reserved(self, number: ConnectorId) -> bool:
        """To be shown as such: kept itself, or one of the last free ones while the station keeps so many."""
        return bool(self._kept) and (self._own(number) is not None or self._is_short(number))

    def _is_short(self, number: ConnectorId) -> bool:
        free, of_station = self._free(), self._of_station()
        return number in free and len(free) <= len(of_station)

    def _own(self, number: ConnectorId) -> Reserved | None:
        return next((kept for kept in self._kept.values() if kept.connector == number), None)

    def _of_station(self) -> list[Reserved]:
        """Those of connector 0 whose token has not been accepted yet."""
        waiting = [kept for kept in self._kept.values() if kept.connector == STATION]
        return [kept for kept in waiting if self._user(kept.reservation_id) is None]

    def _free(self) -> list[ConnectorId]:
        return [number for number, connector in self._connectors.items() if connector.is_free() and self._own(number) is None]

    def _user(self, reservation_id: int) -> Connector | None:
        """Where its token was accepted."""
        granted = (one for one in self._connectors.values() if one.grant is not None)
        return next((one for one in granted if one.grant is not None and one.grant.reservation_id == reservation_id), None)

    # --- their end ----------------------------------------------------------------------------------------------------------------

    def settle(self, now: Now) -> list[Fact]:
        """End what has ended, and hand over what was decided."""
        if not self._kept and not self._facts:  # nearly always
            return []
        for kept in self.kept:
            if self._is_sound(kept.connector):
                self._unproven.discard(kept.reservation_id)
            end = self._why_over(kept, now)
            if end is not None:
                self._end(kept.reservation_id, end)
        facts, self._facts = self._facts, []
        return facts

    def _why_over(self, kept: Reserved, now: Now) -> ReservationEnd | None:
        user = self._user(kept.reservation_id)
        if user is not None and user.transaction is not None:
            return ReservationEnd.USED
        lost = self._lost(kept.connector)
        if lost is not None and kept.reservation_id not in self._unproven:
            return lost
        is_over = user is None and now.is_utc_trusted and kept.expiry_utc_s <= now.utc_s
        return ReservationEnd.EXPIRED if is_over else None

    def _lost(self, number: ConnectorId) -> ReservationEnd | None:
        """Why the connector, or every one of the station, cannot be kept any more."""
        ends = [_LOST.get(one.bare_status()) for one in self._meant(number)]
        return None if None in ends else next((end for end in ends if end is ReservationEnd.FAULTED), ReservationEnd.UNAVAILABLE)

    def _is_sound(self, number: ConnectorId) -> bool:
        """A device that is slow to answer after a start makes no connector lose its reservation."""
        return any(one.bare_status() not in _LOST and one.has_vehicle_side_spoken() for one in self._meant(number))

    def _meant(self, number: ConnectorId) -> list[Connector]:
        return [one for one in self._connectors.values() if number in (one.id, STATION)]

    def _end(self, reservation_id: int, end: ReservationEnd) -> None:
        kept = self._kept.pop(reservation_id)
        self._unproven.discard(reservation_id)
        if end is not ReservationEnd.USED:
            self._detach(reservation_id)
        self._facts.append(ReservationEnded(kept.connector, reservation_id, end))

    def _detach(self, reservation_id: int) -> None:
        """A token that was accepted by it goes on without."""
        user = self._user(reservation_id)
        if user is not None and user.grant is not None and user.transaction is None:
            user.grant = replace(user.grant, reservation_id=None)

    def next_deadline_s(self, now: Now) -> float:
        """When the next one expires, or the clock is to be looked at again."""
        if not self._kept:
            return NEVER
        expiries = [now.mono_s + max(kept.expiry_utc_s - now.utc_s, 0.0) for kept in self._kept.values() if now.is_utc_trusted]
        waits = [one for one in expiries if one > now.mono_s]
        return min((*waits, now.mono_s + _LOOK_AGAIN_S))


def _is_for(kept: Reserved, id_tag: IdTag, parent: IdTag | None) -> bool:
    """The reserving token, or one of its group."""
    is_of_group = kept.parent_id_tag is not None and parent is not None and same_tag(kept.parent_id_tag, parent)
    return is_of_group or same_tag(kept.id_tag, id_tag)
