"""What the station itself knows of tokens: the local list that the central system has sent, and the cache of what it has answered."""

from __future__ import annotations

from collections.abc import Iterable

from chargerd.core.authorization import Known, TokenCache
from chargerd.core.events import ACCEPTED, IdTagInfo, ListEntry, Reply, UpdateLocalList, rejected
from chargerd.core.facts import CacheCleared, Fact, LocalListChanged, TokenCached
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.core.local_list import LocalList
from chargerd.core.now import Now
from chargerd.core.surroundings import Surroundings

LIST_CONFLICT = "local-list-conflict"


class KnownTokens:
    """Either may be switched off; then it is kept, and says nothing. `facts` of a method gets what is decided."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._cache = TokenCache()
        self._list = LocalList()

    @property
    def list_version(self) -> int:
        """Of the local list; 0 while it is empty."""
        return self._list.version

    def fill(self, cached: Iterable[TokenCached], version: int, listed: Iterable[ListEntry]) -> None:
        """Take over both as the journal kept them."""
        self._cache = TokenCache(cached)
        self._list = LocalList(version, listed)

    def of(self, id_tag: IdTag, now: Now) -> Known:
        """What is known of a token now."""
        is_cache_used = self._around.settings.authorization_cache_enabled
        return Known(self._listed(id_tag, now), self._cache.get(id_tag, now.utc_s) if is_cache_used else None)

    def remember(self, connector: ConnectorId, id_tag: IdTag, info: IdTagInfo, now: Now, facts: list[Fact]) -> None:
        """Put what the central system said of a token into the cache; one of the list is never in it (OCPP 1.6, 3.5.3).

        That the answer is not what the list says is told (OCPP 1.6, 3.5.2).
        """
        listed = self._listed(id_tag, now)
        if listed is None:
            if self._around.settings.authorization_cache_enabled and self._cache.put(id_tag, info):
                facts.append(TokenCached(connector, id_tag, info.status, info.parent_id_tag, info.expiry_utc_s))
        elif listed.status is not info.status:
            facts += self._around.faults.raise_(LIST_CONFLICT, f"a token is {listed.status.value} in the list, and {info.status.value}")

    def update_list(self, update: UpdateLocalList, facts: list[Fact]) -> Reply:
        """Take a new list, or what is new in it; whole or not at all."""
        reply = self._list.update(update)
        if reply.is_accepted:
            facts.append(LocalListChanged(STATION, self._list.version, update.is_full, update.entries))
            facts += self._around.faults.condition_over(LIST_CONFLICT)
        return reply

    def clear_cache(self, facts: list[Fact]) -> Reply:
        """Forget the cache; the list stays."""
        if not self._around.settings.authorization_cache_enabled:
            return rejected("there is no authorization cache")
        self._cache.clear()
        facts.append(CacheCleared(STATION))
        return ACCEPTED

    def _listed(self, id_tag: IdTag, now: Now) -> IdTagInfo | None:
        return self._list.get(id_tag, now.utc_s) if self._around.settings.local_auth_list_enabled else None
