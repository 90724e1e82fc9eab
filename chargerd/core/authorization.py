"""Who may charge: what is known of tokens, and what follows from it online and offline (OCPP 1.6, 3.4 and 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chargerd.core.events import AuthorizationStatus, IdTagInfo
from chargerd.core.facts import TokenCached, TokenSource
from chargerd.core.ids import ConnectorId, IdTag
from chargerd.core.schedule import Profile
from chargerd.core.settings import Settings

CACHE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that may charge on one connector; used up by one start. `connectors`: those between which it may follow the cable."""

    id_tag: IdTag
    source: TokenSource
    connectors: tuple[ConnectorId, ...]
    parent_id_tag: IdTag | None = None
    reservation_id: int | None = None  # the one that its transaction will use up
    profile: Profile | None = None  # for its transaction


@dataclass(frozen=True, slots=True)
class Ask:
    """An Authorize that is under way."""

    id_tag: IdTag
    connectors: tuple[ConnectorId, ...]
    deadline_s: float
    is_to_stop: bool = False  # asked in order to stop the transaction of its group on one of the connectors
    profile: Profile | None = None  # that came with a remote start


def as_of(info: IdTagInfo | None, utc_s: float) -> IdTagInfo | None:
    """What was told of a token, as it reads now."""
    if info is not None and info.expiry_utc_s is not None and info.expiry_utc_s <= utc_s:
        return IdTagInfo(AuthorizationStatus.EXPIRED, info.parent_id_tag, info.expiry_utc_s)
    return info


class TokenCache:
    """What the central system said of tokens; bounded, invalid entries leave first, then the oldest."""

    def __init__(self, entries: Iterable[TokenCached] = ()) -> None:
        self._known: dict[str, IdTagInfo] = {
            entry.id_tag.casefold(): IdTagInfo(entry.status, entry.parent_id_tag, entry.expiry_utc_s) for entry in entries
        }

    def put(self, id_tag: IdTag, info: IdTagInfo) -> bool:
        """Remember an answer; a newer one replaces an older one. Returns whether it says anything new."""
        before = self._known.pop(id_tag.casefold(), None)
        self._known[id_tag.casefold()] = info
        if len(self._known) > CACHE_SIZE:
            invalid = (tag for tag, known in self._known.items() if known.status is not AuthorizationStatus.ACCEPTED)
            del self._known[next(invalid, next(iter(self._known)))]
        return info != before

    def get(self, id_tag: IdTag, utc_s: float) -> IdTagInfo | None:
        """What is known; an entry past its expiry reads Expired."""
        return as_of(self._known.get(id_tag.casefold()), utc_s)

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What local knowledge says of a token."""

    status: AuthorizationStatus
    source: TokenSource
    parent_id_tag: IdTag | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status is AuthorizationStatus.ACCEPTED


@dataclass(frozen=True, slots=True)
class Known:
    """What the station itself knows of a token, expiry applied: an entry of the local list beats one of the cache (OCPP 1.6, 3.5.3)."""

    listed: IdTagInfo | None = None
    cached: IdTagInfo | None = None

    @property
    def parent_id_tag(self) -> IdTag | None:
        """The group of a token that is valid by what is known."""
        info = self.listed or self.cached
        return info.parent_id_tag if info is not None and info.status in MAY_STOP else None


MAY_STOP = (AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX)
"""A token of the group that charges elsewhere may not start here, but it may stop."""


def rule_online(known: Known, settings: Settings) -> Ruling | None:
    """With the central system in reach: start without asking only by LocalPreAuthorize, with a token that is valid; None: ask."""
    ruling = _ruling(known)
    return ruling if settings.local_pre_authorize and ruling is not None and ruling.is_accepted else None


def rule_offline(known: Known, settings: Settings) -> Ruling:
    """Without it: known tokens by LocalAuthorizeOffline, unknown ones by AllowOfflineTxForUnknownId (OCPP 1.6, 3.5.4)."""
    if not settings.local_authorize_offline:
        return Ruling(AuthorizationStatus.INVALID, TokenSource.OFFLINE_RULE)
    ruling = _ruling(known)
    if ruling is None:
        allowed = settings.allow_offline_tx_for_unknown_id
        return Ruling(AuthorizationStatus.ACCEPTED if allowed else AuthorizationStatus.INVALID, TokenSource.OFFLINE_RULE)
    if ruling.source is TokenSource.LOCAL_LIST and ruling.status is AuthorizationStatus.CONCURRENT_TX:
        return replace(ruling, status=AuthorizationStatus.ACCEPTED)  # nobody can say where else it charges
    return ruling


def _ruling(known: Known) -> Ruling | None:
    if known.listed is not None:
        return Ruling(known.listed.status, TokenSource.LOCAL_LIST, known.listed.parent_id_tag)
    if known.cached is not None:
        return Ruling(known.cached.status, TokenSource.CACHE, known.cached.parent_id_tag)
    return None
