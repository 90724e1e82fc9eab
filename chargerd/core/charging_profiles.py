"""The charging profiles that the central system has installed, and what they allow now (OCPP 1.6, 3.13, 5.5, 5.7 and 5.16).

`schedule.py` knows what profiles say over time; here is which of them there are, which hold for whom, and what they come to at this moment.
A TxProfile belongs to a transaction and vanishes with it; all others stay until they are replaced or cleared, over restarts too. What holds
now is looked up anew only when something has changed or its time is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from chargerd.core.allowance import Allowance
from chargerd.core.composite import Electrics, in_watts, lowest, periods, summed
from chargerd.core.connector import Connector
from chargerd.core.events import ACCEPTED, ClearChargingProfile, Reply, SetChargingProfile, Verdict, rejected
from chargerd.core.facts import Fact, ProfileInstalled, ProfileRemoval, ProfileRemoved
from chargerd.core.ids import STATION, ConnectorId, LocalId
from chargerd.core.now import NEVER, Now
from chargerd.core.schedule import (
    MS,
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Stretch,
    Stretches,
    Window,
    applicable_defaults,
    at,
    next_change_ms,
    session_stretches,
    stacked,
    station_stretches,
)
from chargerd.core.settings import StationSettings
from chargerd.core.surroundings import Surroundings

_AHEAD_MS = 86_400 * MS
"""So far ahead is looked for the next change."""

MOST_AHEAD_S = 7 * 86_400
"""A composite schedule that is asked for further ahead ends here."""

_BUDGET_STEPS = 100  # one that follows from voltages on DC moves in steps of the station's own, as they waver


@dataclass(frozen=True, slots=True)
class Composite:
    """What one connector, or the whole station, may take in a window. Each stretch names the profile that rules it; None: own limits."""

    connector: ConnectorId
    window: Window
    stretches: Stretches
    electrics: Electrics

    def periods(self, unit: RateUnit) -> tuple[Period, ...]:
        """As GetCompositeSchedule tells it."""
        return periods(self.stretches, self.window, unit, self.electrics)


@dataclass(frozen=True, slots=True)
class _Held:
    """What holds from `begin_ms` up to `end_ms` for a session of this transaction (None: of none)."""

    begin_ms: int
    end_ms: int
    stretch: Stretch | None
    local_id: LocalId | None = None

    def is_good(self, now_ms: int, local_id: LocalId | None = None) -> bool:
        return self.begin_ms <= now_ms < self.end_ms and self.local_id == local_id


class ChargingProfiles:
    """See the module. Decisions are put on a list that `settle` hands over."""

    def __init__(self, connectors: Mapping[ConnectorId, Connector], around: Surroundings, built: StationSettings) -> None:
        self._connectors = connectors
        self._around = around
        self._own_budget_w = built.max_power_w
        self._installed: dict[int, ProfileInstalled] = {}
        self._sessions: dict[ConnectorId, _Held] = {}
        self._maximum: _Held | None = None
        self._facts: list[Fact] = []

    @property
    def installed(self) -> tuple[ProfileInstalled, ...]:
        """All of them, the oldest first."""
        return tuple(self._installed.values())

    def fill(self, kept: Iterable[ProfileInstalled]) -> None:
        """Take over what the journal kept; profiles of transactions that ended with the process go at the next `settle`.

        Those of connectors that the configuration has no more say nothing, and count no more.
        """
        self._installed = {one.profile.profile_id: one for one in kept if one.connector == STATION or one.connector in self._connectors}

    # --- requests ---------------------------------------------------------------------------------------------------------------

    def install(self, event: SetChargingProfile, now: Now) -> Reply:
        """Take a profile, in place of one with its id or of the same purpose and level; nothing changes where it is rejected."""
        profile = event.profile
        local_id, why_not = self._transaction_of(event.connector, profile)
        why_not = why_not or self._why_no_room(profile, event.connector, event.most, now)
        if why_not:
            return rejected(why_not)
        for one in self._expired(now):
            self._remove(one, ProfileRemoval.EXPIRED)
        self._take(event.connector, profile, local_id, now)
        return ACCEPTED

    def clear(self, event: ClearChargingProfile) -> Reply:
        """Remove the one with this id, or all that fit everything that is named (errata 3.25 and 3.26)."""
        if event.profile_id is not None:
            matching = [one for one in self.installed if one.profile.profile_id == event.profile_id]
        else:
            matching = [one for one in self.installed if _fits(one, event)]
        for one in matching:
            self._remove(one, ProfileRemoval.CLEARED)
        return ACCEPTED if matching else Reply(Verdict.UNKNOWN, "no profile fits")

    def _why_no_room(self, profile: Profile, connector: ConnectorId, most: int, now: Now) -> str:
        """What keeps one more profile from being installed, as a sentence; empty: nothing. What it replaces, or is over, does not count."""
        leaving = {one.profile.profile_id for one in (*self._replaced(profile, connector), *self._expired(now))}
        left = len(self._installed.keys() - leaving)
        return f"{left} profiles are installed, and may be {most}" if left >= most else ""

    def _transaction_of(self, number: ConnectorId, profile: Profile) -> tuple[LocalId | None, str]:
        """The transaction that a profile belongs to, or why it cannot be installed there (OCPP 1.6, 3.13.1)."""
        if profile.purpose is not Purpose.TRANSACTION:
            is_misplaced = profile.purpose is Purpose.STATION_MAXIMUM and number != STATION
            return None, "a ChargePointMaxProfile is for connector 0" if is_misplaced else ""
        connector = self._connectors.get(number)
        running = connector.transaction if connector is not None else None
        if running is None:
            return None, "a TxProfile needs a transaction at its connector"
        if profile.transaction_id not in (None, running.remote_id):
            return None, f"transaction {profile.transaction_id} does not run there"
        return running.local_id, ""

    def _replaced(self, profile: Profile, connector: ConnectorId) -> list[ProfileInstalled]:
        place = (connector, profile.purpose, profile.stack_level)
        return [
            one
            for one in self.installed
            if one.profile.profile_id == profile.profile_id or (one.connector, one.profile.purpose, one.profile.stack_level) == place
        ]

    def _expired(self, now: Now) -> list[ProfileInstalled]:
        ends = ((one, one.profile.valid_to_ms) for one in self.installed)
        return [one for one, end_ms in ends if now.is_utc_trusted and end_ms is not None and end_ms <= _ms(now)]

    def _take(self, connector: ConnectorId, profile: Profile, local_id: LocalId | None, now: Now) -> None:
        for one in self._replaced(profile, connector):
            self._remove(one, ProfileRemoval.REPLACED)
        if profile.kind is Kind.ABSOLUTE and profile.start_ms is None:
            profile = replace(profile, start_ms=_ms(now))
        taken = self._installed[profile.profile_id] = ProfileInstalled(connector, profile, local_id)
        self._facts.append(taken)
        self._forget()

    def _remove(self, one: ProfileInstalled, why: ProfileRemoval) -> None:
        if self._installed.pop(one.profile.profile_id, None) is not None:
            self._facts.append(ProfileRemoved(one.connector, one.profile.profile_id, why))
            self._forget()

    def _forget(self) -> None:
        self._sessions.clear()
        self._maximum = None

    # --- what holds now -----------------------------------------------------------------------------------------------------------

    def settle(self, now: Now) -> list[Fact]:
        """Follow the transactions, bring up to date what is allowed, and hand over what was decided."""
        self._follow_transactions(now)
        if self._installed or self._around.allowed:
            self._allow(now)
        facts, self._facts = self._facts, []
        return facts

    def _follow_transactions(self, now: Now) -> None:
        if self._installed:
            running = {one.transaction.local_id for one in self._connectors.values() if one.transaction is not None}
            for one in self.installed:
                if one.local_id is not None and one.local_id not in running:
                    self._remove(one, ProfileRemoval.ENDED)
        for connector in self._connectors.values():
            grant = connector.grant
            if grant is not None and grant.profile is not None and connector.transaction is not None:  # of a remote start
                connector.grant = replace(grant, profile=None)
                self._take(connector.id, grant.profile, connector.transaction.local_id, now)

    def _allow(self, now: Now) -> None:
        now_ms = _ms(now)
        if self._maximum is None or not self._maximum.is_good(now_ms):
            window = Window(now_ms, now_ms + _AHEAD_MS)
            self._maximum = _held(station_stretches(self._of(Purpose.STATION_MAXIMUM, STATION), window), window)
        for number, connector in self._connectors.items():
            local_id = connector.transaction.local_id if connector.transaction is not None else None
            held = self._sessions.get(number)
            if held is None or not held.is_good(now_ms, local_id):
                window = Window(now_ms, now_ms + _AHEAD_MS)
                held = self._sessions[number] = _held(self._session(connector, window, now), window, local_id)
            allowance = Allowance(held.stretch, self._maximum.stretch, self._least_rate(held.stretch))
            if self._around.allowed.get(number) != allowance:
                self._around.allowed[number] = allowance
        self._around.budget_w = self._budget_w(self._maximum.stretch)
        if not self._installed:
            self._around.allowed.clear()

    def _least_rate(self, stretch: Stretch | None) -> Decimal | None:
        ruling = self._installed.get(stretch.profile) if stretch is not None and stretch.profile is not None else None
        return ruling.profile.least_rate if ruling is not None else None

    def _budget_w(self, maximum: Stretch | None) -> float:
        """Of the station. A maximum in A is one for the sum of all currents: by the lowest voltage that is among them."""
        if maximum is None or maximum.limit is None:
            return self._own_budget_w
        if maximum.unit is RateUnit.WATTS:
            return min(self._own_budget_w, float(maximum.limit))
        budget_w = float(maximum.limit) * min(one.sensed.w_per_a for one in self._connectors.values())
        step_w = self._own_budget_w / _BUDGET_STEPS
        has_steps = budget_w > step_w and not all(one.built.kind.is_ac for one in self._connectors.values())
        return min(self._own_budget_w, budget_w // step_w * step_w if has_steps else budget_w)

    def _session(self, connector: Connector, window: Window, now: Now) -> Stretches:
        running = connector.transaction
        local_id = running.local_id if running is not None else None
        own = [one.profile for one in self.installed if local_id is not None and one.local_id == local_id]
        defaults = applicable_defaults(self._of(Purpose.DEFAULT, STATION), self._of(Purpose.DEFAULT, connector.id))
        started_ms = None if running is None else _ms(now) - round((now.mono_s - running.began_s) * MS)
        return session_stretches(own, defaults, window, started_ms)

    def _of(self, purpose: Purpose, connector: ConnectorId) -> list[Profile]:
        return [one.profile for one in self.installed if one.profile.purpose is purpose and one.connector == connector]

    def next_deadline_s(self, now: Now) -> float:
        """When something else holds."""
        if self._maximum is None or not self._installed:
            return NEVER
        held = (self._maximum, *self._sessions.values())
        return now.mono_s + max(min(one.end_ms for one in held) / MS - now.utc_s, 0.0)

    # --- what will hold -----------------------------------------------------------------------------------------------------------

    def composite(self, number: ConnectorId, duration_s: int, now: Now) -> Composite | None:
        """What may be taken from now on, own limits included; None: there is no such connector."""
        window = Window(_ms(now), _ms(now) + min(duration_s, MOST_AHEAD_S) * MS)
        maximum = station_stretches(self._of(Purpose.STATION_MAXIMUM, STATION), window)
        asked = [one for one in self._connectors.values() if number in (one.id, STATION)]
        parts = [(self._whole(one, window, maximum, now), one.current.electrics()) for one in asked]
        if number != STATION:
            return next((Composite(number, window, whole, electrics) for whole, electrics in parts), None)
        electrics = min((one for _, one in parts), key=lambda one: one.watts(Decimal(1), RateUnit.AMPERES))  # as the budget has it
        whole = lowest(summed(parts, window), in_watts(maximum, electrics), electrics)
        return Composite(STATION, window, lowest(whole, _bounded(window, electrics, (None, self._own_budget_w)), electrics), electrics)

    def _whole(self, connector: Connector, window: Window, maximum: Stretches, now: Now) -> Stretches:
        """What the profiles say, or where they say nothing the policy, and not more than the connector and the station have."""
        built, unprofiled, electrics = connector.built, self._around.policy.unprofiled, connector.current.electrics()
        own = _bounded(window, electrics, (built.max_current_a, min(built.max_power_w, self._own_budget_w)))
        policy = _bounded(window, electrics, (unprofiled.max_current_a, unprofiled.max_power_w))
        return lowest(lowest(stacked([self._session(connector, window, now), policy]), maximum, electrics), own, electrics)


def _held(known: Stretches, window: Window, local_id: LocalId | None = None) -> _Held:
    change_ms = next_change_ms(known, window.begin_ms)
    return _Held(window.begin_ms, window.end_ms if change_ms is None else change_ms, at(known, window.begin_ms), local_id)


def _bounded(window: Window, electrics: Electrics, limits: tuple[float | None, float | None]) -> Stretches:
    """The lower of two limits, in A and in W, over a whole window; None: no limit."""
    whole: Stretches = []
    for limit, unit in zip(limits, (RateUnit.AMPERES, RateUnit.WATTS), strict=True):
        if limit is not None:
            bound = Stretch(window.begin_ms, window.end_ms, Decimal(str(limit)), unit, electrics.phases)
            whole = lowest(whole, [bound], electrics)
    return whole


def _fits(one: ProfileInstalled, event: ClearChargingProfile) -> bool:
    named = (
        (event.connector, one.connector),
        (event.purpose, one.profile.purpose),
        (event.stack_level, one.profile.stack_level),
    )
    return all(wanted in (None, found) for wanted, found in named)


def _ms(now: Now) -> int:
    return round(now.utc_s * MS)
