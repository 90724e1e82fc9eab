"""Who may charge and who may stop: the rules alone, and at the desk (OCPP 1.6, 3.4, 3.5 and 3.10)."""

from __future__ import annotations

import pytest

from chargerd.core.authorization import CACHE_SIZE, Known, TokenCache, rule_offline, rule_online
from chargerd.core.events import AuthorizationStatus, ChangeAvailability, IdTagInfo, LinkChanged, RemoteStart
from chargerd.core.facts import AuthorizationAsked, AuthorizationRefused, Phase, TokenSource, TransactionStarted, TransactionStopped
from chargerd.core.ids import IdTag
from chargerd.core.settings import Settings
from tests.support.core_bench import CARD, ONE, TWO, CoreBench, station_settings

ACCEPTED = IdTagInfo(AuthorizationStatus.ACCEPTED)
BLOCKED = IdTagInfo(AuthorizationStatus.BLOCKED)
EXPIRED = IdTagInfo(AuthorizationStatus.EXPIRED)
CONCURRENT = IdTagInfo(AuthorizationStatus.CONCURRENT_TX)
FAMILY = "FAMILY"

OFFLINE = [
    # known, LocalAuthorizeOffline, AllowOfflineTxForUnknownId, accepted, source
    (Known(listed=ACCEPTED), True, False, True, TokenSource.LOCAL_LIST),
    (Known(listed=CONCURRENT), True, False, True, TokenSource.LOCAL_LIST),
    (Known(listed=BLOCKED), True, True, False, TokenSource.LOCAL_LIST),
    (Known(listed=EXPIRED), True, True, False, TokenSource.LOCAL_LIST),
    (Known(listed=BLOCKED, cached=ACCEPTED), True, True, False, TokenSource.LOCAL_LIST),
    (Known(listed=ACCEPTED, cached=BLOCKED), True, False, True, TokenSource.LOCAL_LIST),
    (Known(cached=ACCEPTED), True, False, True, TokenSource.CACHE),
    (Known(cached=BLOCKED), True, True, False, TokenSource.CACHE),
    (Known(cached=EXPIRED), True, True, False, TokenSource.CACHE),
    (Known(cached=CONCURRENT), True, True, False, TokenSource.CACHE),
    (Known(), True, False, False, TokenSource.OFFLINE_RULE),
    (Known(), True, True, True, TokenSource.OFFLINE_RULE),
    (Known(listed=ACCEPTED, cached=ACCEPTED), False, True, False, TokenSource.OFFLINE_RULE),
    (Known(), False, True, False, TokenSource.OFFLINE_RULE),
]


@pytest.mark.parametrize(("known", "local", "allow", "accepted", "source"), OFFLINE)
def test_offline(known: Known, local: bool, allow: bool, accepted: bool, source: TokenSource) -> None:
    """OCPP 1.6, 3.5.4: a known bad token is refused even where unknown ones may charge; the list beats the cache."""
    ruling = rule_offline(known, Settings(local_authorize_offline=local, allow_offline_tx_for_unknown_id=allow))
    assert (ruling.is_accepted, ruling.source) == (accepted, source)


ONLINE = [
    # known, LocalPreAuthorize, starts without being asked for
    (Known(listed=ACCEPTED), True, True),
    (Known(cached=ACCEPTED), True, True),
    (Known(listed=ACCEPTED), False, False),
    (Known(cached=ACCEPTED), False, False),
    (Known(cached=BLOCKED), True, False),
    (Known(listed=BLOCKED, cached=ACCEPTED), True, False),
    (Known(listed=EXPIRED), True, False),
    (Known(), True, False),
]


@pytest.mark.parametrize(("known", "pre_authorize", "starts"), ONLINE)
def test_online(known: Known, pre_authorize: bool, starts: bool) -> None:
    """T 007: only a valid token starts without being asked for; one that is known as not valid is asked about (3.5.1)."""
    ruling = rule_online(known, Settings(local_pre_authorize=pre_authorize))
    assert (ruling is not None and ruling.is_accepted) is starts


# --- the cache -----------------------------------------------------------------------------------------------------------------------


def test_a_full_cache_drops_invalid_tokens_first_then_the_oldest() -> None:
    """OCPP 1.6, 3.5.1."""
    full = TokenCache()
    for number in range(CACHE_SIZE - 1):
        full.put(IdTag(f"t{number}"), ACCEPTED)
    full.put(IdTag("bad"), BLOCKED)
    full.put(IdTag("new1"), ACCEPTED)
    assert full.get(IdTag("bad"), 0.0) is None
    assert full.get(IdTag("t0"), 0.0) is not None
    full.put(IdTag("new2"), ACCEPTED)
    assert full.get(IdTag("t0"), 0.0) is None


def test_tokens_compare_without_case_and_expire() -> None:
    """E 3.74; expiry turns an entry to Expired (3.5.1)."""
    cache = TokenCache()
    cache.put(IdTag("aBc"), IdTagInfo(AuthorizationStatus.ACCEPTED, expiry_utc_s=100.0))
    known = cache.get(IdTag("AbC"), 99.0)
    late = cache.get(IdTag("abc"), 100.0)
    assert known is not None
    assert known.is_accepted
    assert late is not None
    assert late.status is AuthorizationStatus.EXPIRED


def test_a_cache_that_is_switched_off_is_neither_read_nor_filled() -> None:
    """AuthorizationCacheEnabled false (choice)."""
    bench = CoreBench(station_settings(authorization_cache_enabled=False, local_pre_authorize=True))
    for _ in range(2):
        bench.plug()
        bench.swipe()
        bench.answer()
        bench.drive_to(Phase.DELIVERING)
        bench.swipe()
        bench.finish()
        bench.unplug()
    assert len(bench.told(AuthorizationAsked)) == 2


# --- starting ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_remote", [False, True])
def test_a_cached_token_starts_without_authorize(by_remote: bool) -> None:
    """T 007_1 and 007_2: LocalPreAuthorize holds for a remote start that is to be authorised, too."""
    bench = CoreBench(station_settings(local_pre_authorize=True, authorize_remote_tx_requests=True))
    bench.charge()
    bench.swipe()
    bench.finish()
    bench.unplug()
    asked = len(bench.told(AuthorizationAsked))
    bench.plug()
    bench.send(RemoteStart(CARD, ONE)) if by_remote else bench.swipe()
    assert len(bench.told(TransactionStarted)) == 2
    assert len(bench.told(AuthorizationAsked)) == asked


@pytest.mark.parametrize("status", [s for s in AuthorizationStatus if s is not AuthorizationStatus.ACCEPTED])
def test_what_is_not_accepted_does_not_start(status: AuthorizationStatus) -> None:
    """T 023: ConcurrentTx in Authorize.conf counts as not accepted (choice)."""
    bench = CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer(status)
    assert bench.phase() is Phase.WAIT_AUTH
    assert not bench.told(TransactionStarted)
    assert bench.told(AuthorizationRefused)[0].status is status


@pytest.mark.parametrize("id_tag", ["", "0" * 21])
def test_a_token_that_ocpp_cannot_name_is_refused(id_tag: str) -> None:
    """OCPP 1.6, 7.28: an IdToken has at most 20 characters; the central system is not asked with an invalid message."""
    bench = CoreBench()
    bench.plug()
    assert not bench.swipe(id_tag).is_accepted
    assert not asked(bench)
    assert bench.told(AuthorizationRefused)


def test_an_authorisation_is_used_once() -> None:
    """Rules, section 6: it ends with the start; the next vehicle needs one of its own."""
    bench = CoreBench()
    bench.charge()
    bench.swipe()
    bench.finish()
    bench.unplug()
    bench.plug()
    bench.wait(2)
    assert bench.phase() is Phase.WAIT_AUTH
    assert len(bench.told(TransactionStarted)) == 1


# --- stopping ------------------------------------------------------------------------------------------------------------------------


def one_outlet(parent: str | None = FAMILY) -> CoreBench:
    bench = CoreBench(station_settings(connectors=1))
    bench.plug()
    bench.swipe()
    bench.answer(parent=parent)
    bench.drive_to(Phase.DELIVERING)
    return bench


def asked(bench: CoreBench) -> list[str]:
    return [fact.id_tag for fact in bench.told(AuthorizationAsked)]


@pytest.mark.parametrize("is_online", [True, False])
def test_the_starting_token_stops_without_authorize(is_online: bool) -> None:
    """OCPP 1.6, 3.4 and 4.1; T 038: offline as well."""
    bench = one_outlet()
    bench.send(LinkChanged(is_accepted=is_online))
    bench.swipe(CARD.lower())
    bench.finish()
    assert asked(bench) == [CARD]
    assert bench.told(TransactionStopped)[0].id_tag == CARD.lower()


def test_another_token_is_ignored_where_no_parent_is_known() -> None:
    """T 068: no Authorize, no stop."""
    bench = one_outlet(parent=None)
    bench.swipe("0B")
    assert asked(bench) == [CARD]
    assert bench.phase() is Phase.DELIVERING


@pytest.mark.parametrize("status", [AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX])
def test_a_token_of_the_group_stops(status: AuthorizationStatus) -> None:
    """T 069: asked for, equal parents, the new token in the stop. One that charges elsewhere may stop."""
    bench = one_outlet()
    bench.swipe("0B")
    bench.answer(status, parent="family")
    bench.finish()
    assert asked(bench) == [CARD, "0B"]
    assert bench.told(TransactionStopped)[0].id_tag == "0B"


@pytest.mark.parametrize(
    ("status", "parent"),
    [(AuthorizationStatus.BLOCKED, FAMILY), (AuthorizationStatus.ACCEPTED, "OTHER"), (AuthorizationStatus.ACCEPTED, None)],
)
def test_a_token_of_another_group_or_a_bad_one_does_not(status: AuthorizationStatus, parent: str | None) -> None:
    """A parent that is not equal, none at all, or a token that is not valid."""
    bench = one_outlet()
    bench.swipe("0B")
    bench.answer(status, parent=parent)
    assert bench.phase() is Phase.DELIVERING
    assert bench.told(AuthorizationRefused)


def test_a_parent_is_not_a_token() -> None:
    """OCPP 1.6, 3.10: a parentIdTag is never compared with a presented idTag as such."""
    bench = one_outlet()
    bench.swipe(FAMILY)
    bench.answer(parent=None)
    assert bench.phase() is Phase.DELIVERING


@pytest.mark.parametrize("is_online", [True, False])
def test_a_parent_known_here_needs_no_authorize(is_online: bool) -> None:
    """Rules, section 6: the parent is looked up locally first; offline only such a token stops."""
    bench = CoreBench(station_settings(connectors=1))
    bench.plug()
    bench.swipe("0B")
    bench.answer(parent=FAMILY)
    bench.drive_to(Phase.DELIVERING)
    bench.swipe("0B")
    bench.finish()
    bench.unplug()
    bench.plug()
    bench.swipe()
    bench.answer(parent=FAMILY)
    bench.drive_to(Phase.DELIVERING)
    bench.send(LinkChanged(is_accepted=is_online))
    bench.swipe("0B")
    bench.finish()
    assert asked(bench) == ["0B", CARD]
    assert [fact.id_tag for fact in bench.told(TransactionStopped)] == ["0B", "0B"]


def test_offline_an_unknown_token_does_not_stop() -> None:
    """Rules, section 6: also where unknown ones may start."""
    bench = CoreBench(station_settings(connectors=1, allow_offline_tx_for_unknown_id=True))
    bench.plug()
    bench.swipe()
    bench.answer(parent=FAMILY)
    bench.drive_to(Phase.DELIVERING)
    bench.send(LinkChanged(is_accepted=False))
    bench.swipe("0C")
    assert bench.phase() is Phase.DELIVERING
    assert asked(bench) == [CARD]


def test_a_connector_out_of_operation_is_nobodys_target() -> None:
    """T 068 and 069 with one reader and the other connector Unavailable: the token is one for the session that runs."""
    bench = CoreBench()
    bench.send(ChangeAvailability(TWO, is_operative=False))
    bench.plug()
    bench.swipe()
    bench.answer(parent=FAMILY)
    bench.drive_to(Phase.DELIVERING)
    bench.swipe("0B")
    bench.answer(parent=FAMILY)
    bench.finish()
    assert bench.told(TransactionStopped)[0].id_tag == "0B"


def test_who_cannot_start_is_told_why() -> None:
    """T 041: who plugs in means that connector, not the free one beside it; the refusal says what keeps it from starting."""
    bench = CoreBench()
    bench.send(ChangeAvailability(TWO, is_operative=False))
    bench.plug(TWO)
    bench.swipe()
    (refused,) = bench.told(AuthorizationRefused)
    assert (refused.connector, "out of operation" in refused.reason) == (TWO, True)
    assert not asked(bench)


def test_of_two_groups_the_right_session_stops() -> None:
    """Two sessions with two parents, one reader: the answer says which of them is meant."""
    bench = CoreBench()
    for connector, card, parent in ((ONE, "A1", "ALPHA"), (TWO, "B1", "BETA")):
        bench.plug(connector)
        bench.swipe(card)
        bench.answer(parent=parent)
        bench.drive_to(Phase.DELIVERING, connector)
    bench.swipe("B2")
    bench.answer(parent="BETA")
    bench.finish(TWO)
    assert bench.phase(ONE) is Phase.DELIVERING
    assert [fact.connector for fact in bench.told(TransactionStopped)] == [TWO]
