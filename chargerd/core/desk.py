"""The desk where tokens are shown: which connector a card is meant for, whether it may charge, and what is asked meanwhile.

One reader may serve several connectors, and the driver chooses none (AQ-5 No). A card stops the session it started; else it goes to the
plugged connector that waits for one (the latest plug first), else to a free connector, which it leaves again for the sibling
of the same reader that is then really plugged in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from chargerd.core.authorization import MAY_STOP, Ask, Grant, Ruling, rule_offline, rule_online
from chargerd.core.connector import Connector
from chargerd.core.events import (
    ACCEPTED,
    AuthorizationAnswered,
    AuthorizationStatus,
    ClearCache,
    Event,
    IdTagInfo,
    LocalStart,
    RemoteStart,
    Reply,
    StopReason,
    TokenPresented,
    UpdateLocalList,
    rejected,
)
from chargerd.core.facts import (
    AuthorizationAsked,
    AuthorizationGranted,
    AuthorizationRefused,
    Fact,
    Phase,
    TokenSource,
)
from chargerd.core.ids import MAX_ID_TAG, STATION, ConnectorId, IdTag, same_tag
from chargerd.core.known_tokens import KnownTokens
from chargerd.core.now import NEVER, Now
from chargerd.core.reservations import Reservations
from chargerd.core.settings import FreeChoice
from chargerd.core.surroundings import Surroundings
from chargerd.core.transaction import StopCause


class TokenDesk:
    """See the module. Decisions are put on a list that `settle` hands over."""

    def __init__(self, connectors: Mapping[ConnectorId, Connector], around: Surroundings, reservations: Reservations) -> None:
        self._connectors = connectors
        self._around = around
        self._reservations = reservations
        self.known = KnownTokens(around)
        self._asks: dict[int, Ask] = {}
        self._ticket = 0
        self._facts: list[Fact] = []
        self._is_online = False

    def handle(self, event: Event, now: Now, *, is_online: bool) -> Reply:
        """Take an event about tokens; `is_online`: the central system has accepted us."""
        self._is_online = is_online
        match event:
            case TokenPresented(id_tag=id_tag, connectors=connectors):
                return self._presented(id_tag, connectors or tuple(self._connectors), now)
            case AuthorizationAnswered(ticket=ticket, info=info):
                self._answered(ticket, info, now)
            case RemoteStart():
                return self._remote_start(event, now)
            case LocalStart(connector=connector, id_tag=id_tag):
                return self._start_at(connector, Grant(id_tag, TokenSource.TECHNICIAN, (connector,)))
            case ClearCache():
                return self.known.clear_cache(self._facts)
            case UpdateLocalList():
                return self.known.update_list(event, self._facts)
            case _:
                pass
        return ACCEPTED

    def settle(self, now: Now) -> list[Fact]:
        """Let asks run out, let a card grant follow the cable, and hand over what was decided."""
        for ticket, ask in list(self._asks.items()):
            if now.mono_s >= ask.deadline_s:
                self._answered(ticket, None, now)
        self._follow_the_cable()
        facts, self._facts = self._facts, []
        return facts

    def asking(self) -> frozenset[ConnectorId]:
        """Connectors for which a token is being checked."""
        return frozenset(connector for ask in self._asks.values() for connector in ask.connectors)

    def next_deadline_s(self) -> float:
        """When the oldest ask runs out."""
        return min((ask.deadline_s for ask in self._asks.values()), default=NEVER)

    # --- a card -------------------------------------------------------------------------------------------------------------------

    def _presented(self, id_tag: IdTag, connectors: tuple[ConnectorId, ...], now: Now) -> Reply:
        if not 1 <= len(id_tag) <= MAX_ID_TAG:
            cut = IdTag(id_tag[:MAX_ID_TAG])
            return self._refuse(
                STATION, cut, AuthorizationStatus.INVALID, f"a token has 1 to {MAX_ID_TAG} characters, this one {len(id_tag)}"
            )
        served = [self._connectors[c] for c in connectors if c in self._connectors]
        own = next((c for c in served if c.grant is not None and same_tag(c.grant.id_tag, id_tag)), None)
        if own is not None:
            return self._second_swipe(own, id_tag)
        kept = next((c for c in served if c.cable.is_kept_for(id_tag)), None)
        if kept is not None:
            kept.cable.release()
            return ACCEPTED
        if any(same_tag(ask.id_tag, id_tag) for ask in self._asks.values()):
            return rejected("this token is being checked already")
        target = self._target(served, id_tag, self.known.of(id_tag, now).parent_id_tag, is_parent_known=False)
        if target is None:
            return self._foreign(id_tag, served, now)
        return self._check(Ask(id_tag, connectors, self._ask_deadline_s(now)), target.id, now)

    def _second_swipe(self, connector: Connector, id_tag: IdTag) -> Reply:
        """The token that started it ends it, without asking anybody (OCPP 1.6, 3.4)."""
        if not connector.is_in_use():
            connector.withdraw("the token was shown a second time")
            return ACCEPTED
        if connector.stop(StopCause(StopReason.LOCAL, id_tag)):
            return ACCEPTED
        return rejected("the session is ending already")

    def _target(self, served: list[Connector], id_tag: IdTag, parent: IdTag | None, *, is_parent_known: bool = True) -> Connector | None:
        """The connector a card is meant for, of those where it may start; rather the one that is kept for it."""
        able = [c for c in self._meant(served) if not self._why_not(c, id_tag, parent, is_parent_known=is_parent_known)]
        return next((c for c in able if self._reservations.is_for(c.id, id_tag, parent)), next(iter(able), None))

    def _why_not(self, connector: Connector, id_tag: IdTag, parent: IdTag | None, *, is_parent_known: bool = True) -> str:
        """What keeps this token from starting there, as a sentence; empty: nothing. A parent that is not known may be the right one."""
        why_not = self._reservations.why_not(connector.id, id_tag, parent, is_parent_known=is_parent_known)
        return connector.why_not_start() or why_not

    def _meant(self, served: list[Connector]) -> list[Connector]:
        """Who plugs in means that connector, also where it cannot start; else a free one is meant.

        A cable that was left after its time or its session comes last: the card may be a neighbour's (OCPP 1.6 errata, 3.20).
        """
        idle = [c for c in served if c.phase is Phase.IDLE and c.grant is None]
        return _latest_plug(served, Phase.WAIT_AUTH) or idle + _latest_plug(served, Phase.WAIT_UNPLUG)

    def _foreign(self, id_tag: IdTag, served: list[Connector], now: Now) -> Reply:
        """Nothing is free: the token may still end a session of its group, or take its cable; the parent must be known (OCPP 1.6, 3.10)."""
        grouped = tuple(c.id for c in served if c.group())
        if not grouped:
            return self._turn_away(served, id_tag, None)
        ask = Ask(id_tag, grouped, self._ask_deadline_s(now), is_to_stop=True)
        if self._stop_for_group(ask, self.known.of(id_tag, now).parent_id_tag):
            return ACCEPTED
        if not self._is_online:
            return self._refuse(grouped[0], id_tag, AuthorizationStatus.INVALID, "another token's session is running")
        return self._ask(ask, grouped[0])

    def _turn_away(self, served: list[Connector], id_tag: IdTag, parent: IdTag | None) -> Reply:
        """A token that may not charge at the connector that was meant, or finds none."""
        meant = next(iter(self._meant(served)), None)
        if meant is None:
            return self._refuse(STATION, id_tag, AuthorizationStatus.INVALID, "no connector is free for it")
        return self._refuse(meant.id, id_tag, AuthorizationStatus.INVALID, self._why_not(meant, id_tag, parent))

    def _ask_deadline_s(self, now: Now) -> float:
        return now.mono_s + self._around.timing.authorization_s

    def _check(self, ask: Ask, connector: ConnectorId, now: Now) -> Reply:
        """Rule locally where that is allowed, else ask the central system."""
        known, settings = self.known.of(ask.id_tag, now), self._around.settings
        ruling = rule_online(known, settings) if self._is_online else rule_offline(known, settings)
        return self._ruled(ask, ruling) if ruling is not None else self._ask(ask, connector)

    def _ask(self, ask: Ask, connector: ConnectorId) -> Reply:
        """Ask the central system."""
        self._ticket += 1
        self._asks[self._ticket] = ask
        self._facts.append(AuthorizationAsked(connector, self._ticket, ask.id_tag))
        return ACCEPTED

    def _answered(self, ticket: int, info: IdTagInfo | None, now: Now) -> None:
        ask = self._asks.pop(ticket, None)
        if ask is None:
            return  # the deadline was faster
        if info is None:
            self._ruled(ask, rule_offline(self.known.of(ask.id_tag, now), self._around.settings))
            return
        self.known.remember(STATION, ask.id_tag, info, now, self._facts)
        self._ruled(ask, Ruling(info.status, TokenSource.CENTRAL_SYSTEM, info.parent_id_tag))

    def _ruled(self, ask: Ask, ruling: Ruling) -> Reply:
        if ask.is_to_stop:
            parent = ruling.parent_id_tag if ruling.status in MAY_STOP else None
            if self._stop_for_group(ask, parent):
                return ACCEPTED
            return self._refuse(ask.connectors[0], ask.id_tag, ruling.status, "another token's session is running")
        served = [self._connectors[c] for c in ask.connectors if c in self._connectors]
        kept = next((c for c in served if ruling.is_accepted and c.cable.is_kept_for(ask.id_tag, ruling.parent_id_tag)), None)
        if kept is not None:
            kept.cable.release()
            return ACCEPTED
        target = self._target(served, ask.id_tag, ruling.parent_id_tag)
        place = target.id if target is not None else STATION
        if not ruling.is_accepted:
            return self._refuse(place, ask.id_tag, ruling.status, f"the answer was {ruling.status.value}")
        if target is None:
            return self._turn_away(served, ask.id_tag, ruling.parent_id_tag)
        return self._start_at(place, Grant(ask.id_tag, ruling.source, ask.connectors, ruling.parent_id_tag, profile=ask.profile))

    def _stop_for_group(self, ask: Ask, parent: IdTag | None) -> bool:
        """Stop the session of this group, or release its cable, among those that the question is about; whether there is one."""
        for connector in (self._connectors[one] for one in ask.connectors):
            group = connector.group()
            if group and parent and same_tag(parent, group):
                return connector.cable.release() or connector.stop(StopCause(StopReason.LOCAL, ask.id_tag))
        return False

    def _refuse(self, connector: ConnectorId, id_tag: IdTag, status: AuthorizationStatus, reason: str) -> Reply:
        self._facts.append(AuthorizationRefused(connector, id_tag, status, reason))
        return rejected(reason)

    # --- grants -------------------------------------------------------------------------------------------------------------------

    def _start_at(self, connector_id: ConnectorId, grant: Grant) -> Reply:
        connector = self._connectors.get(connector_id)
        if connector is None:
            return rejected(f"there is no connector {connector_id}")
        is_taken = connector.grant is not None or connector.is_in_use()
        why_not = self._why_not(connector, grant.id_tag, grant.parent_id_tag) or ("The connector is in use." if is_taken else "")
        if why_not:
            return self._refuse(connector_id, grant.id_tag, AuthorizationStatus.INVALID, why_not)
        self._give(connector, grant)
        return ACCEPTED

    def _give(self, connector: Connector, grant: Grant) -> None:
        reservation_id = self._reservations.of(connector.id, grant.id_tag, grant.parent_id_tag)
        connector.grant = replace(grant, reservation_id=reservation_id)
        self._facts.append(AuthorizationGranted(connector.id, grant.id_tag, grant.source, grant.parent_id_tag))

    def _follow_the_cable(self) -> None:
        """A card shown before any cable was plugged goes where the cable then is, among the connectors of its reader."""
        for connector in self._connectors.values():
            grant = connector.grant
            if grant is None or connector.phase is not Phase.WAIT_CABLE or connector.sensed.ev.control_pilot.is_plugged:
                continue
            siblings = (self._connectors[one] for one in grant.connectors if one in self._connectors)
            plugged = [c for c in _latest_plug(siblings, Phase.IDLE, Phase.WAIT_AUTH) if c.sensed.ev.control_pilot.is_plugged]
            unasked = [c for c in plugged if c.id not in self.asking()]
            fresh = [c for c in unasked if not self._why_not(c, grant.id_tag, grant.parent_id_tag)]
            if fresh:
                connector.withdraw("the cable was plugged into another connector")
                self._give(fresh[0], grant)

    # --- the central system ---------------------------------------------------------------------------------------------------------

    def _remote_start(self, event: RemoteStart, now: Now) -> Reply:
        id_tag = event.id_tag
        parent = self.known.of(id_tag, now).parent_id_tag
        chosen = self._choose(id_tag, parent) if event.connector is None else self._connectors.get(event.connector)
        if chosen is None:
            return rejected("there is no such connector, or none is free")
        if chosen.grant is not None or chosen.is_in_use() or chosen.id in self.asking():
            return rejected("the connector is in use")
        why_not = self._why_not(chosen, id_tag, parent, is_parent_known=False)
        if why_not:
            return rejected(why_not)
        must_ask = self._around.settings.authorize_remote_tx_requests or self._why_not(chosen, id_tag, parent)
        if not must_ask:
            return self._start_at(chosen.id, Grant(id_tag, TokenSource.REMOTE, (chosen.id,), parent, profile=event.profile))
        self._check(Ask(id_tag, (chosen.id,), self._ask_deadline_s(now), profile=event.profile), chosen.id, now)
        return ACCEPTED  # "will try" (OCPP 1.6 errata, 3.32)

    def _choose(self, id_tag: IdTag, parent: IdTag | None) -> Connector | None:
        """The connector of a remote start that names none: the one that is kept for the token, else by policy."""
        policy = self._around.policy.remote_start_without_connector
        idle = [c for c in self._connectors.values() if c.grant is None and not c.is_in_use()]
        free = [c for c in idle if not self._why_not(c, id_tag, parent)]
        if policy is FreeChoice.REJECT or not free:
            return None
        kept = [c for c in free if self._reservations.is_for(c.id, id_tag, parent)]
        if kept:
            return kept[0]
        plugged = [c for c in free if c.sensed.ev.control_pilot.is_plugged]
        return plugged[0] if policy is FreeChoice.ANY and plugged else free[0]


def _latest_plug(connectors: Iterable[Connector], *phases: Phase) -> list[Connector]:
    """Those in these phases that have no token yet, the latest plug first."""
    found = [c for c in connectors if c.phase in phases and c.grant is None]
    return sorted(found, key=lambda c: c.sensed.plugged_at_s, reverse=True)
