"""The local list: what is taken whole, what is refused whole, and what it says of tokens (OCPP 1.6, 3.5.2, 3.5.3, 5.15)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.events import (
    AuthorizationAnswered,
    AuthorizationStatus,
    ChangeSettings,
    ClearCache,
    IdTagInfo,
    LinkChanged,
    ListEntry,
    Reply,
    TokenPresented,
    UpdateLocalList,
    Verdict,
)
from chargerd.core.facts import (
    AuthorizationAsked,
    AuthorizationGranted,
    AuthorizationRefused,
    FaultCleared,
    FaultRaised,
    LocalListChanged,
    TokenCached,
    TokenSource,
    TransactionStopped,
)
from chargerd.core.ids import IdTag
from chargerd.core.local_list import LocalList
from tests.support.core_bench import CARD, UTC0, CoreBench, station_settings

ACCEPTED, BLOCKED = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED
ONE = ListEntry(IdTag("A1"), ACCEPTED)


def full(version: int, *entries: ListEntry, most: int = 3) -> UpdateLocalList:
    return UpdateLocalList(version, True, entries, most)


def changes(version: int, *entries: ListEntry, most: int = 3) -> UpdateLocalList:
    return UpdateLocalList(version, False, entries, most)


def told(*tags: str) -> tuple[ListEntry, ...]:
    return tuple(ListEntry(IdTag(tag), ACCEPTED) for tag in tags)


@pytest.mark.parametrize(
    ("before", "update", "verdict", "version", "tags"),
    [
        (full(1), full(1), Verdict.ACCEPTED, 0, ""),  # TC_042_2: empty reads 0, whatever it was sent with
        (full(5, ONE), full(2, *told("B")), Verdict.ACCEPTED, 2, "B"),  # a full list does not ask for the present version
        (full(5, ONE), full(7), Verdict.ACCEPTED, 0, ""),
        (full(2, ONE), changes(5, *told("B")), Verdict.ACCEPTED, 5, "A1 B"),  # TC_043_2
        (full(5, ONE), changes(4, *told("B")), Verdict.VERSION_MISMATCH, 5, "A1"),
        (full(5, ONE), changes(5, *told("B")), Verdict.VERSION_MISMATCH, 5, "A1"),
        (full(5, ONE), changes(6), Verdict.ACCEPTED, 6, "A1"),
        (full(5, ONE), changes(6, ListEntry(IdTag("a1"))), Verdict.ACCEPTED, 0, ""),
        (full(5, ONE), changes(6, ListEntry(IdTag("C"))), Verdict.ACCEPTED, 6, "A1"),  # who is not there is gone already
        (full(1), changes(1, *told("B")), Verdict.ACCEPTED, 1, "B"),
        (full(5, ONE), full(0, *told("B")), Verdict.REJECTED, 5, "A1"),  # errata 3.52
        (full(5, ONE), full(-1, *told("B")), Verdict.REJECTED, 5, "A1"),
        (full(5, ONE), full(6, *told("B", "b")), Verdict.REJECTED, 5, "A1"),
        (full(5, ONE), changes(6, *told("B"), ListEntry(IdTag("b"))), Verdict.REJECTED, 5, "A1"),
        (full(5, ONE), full(6, *told("B"), ListEntry(IdTag("C"))), Verdict.REJECTED, 5, "A1"),
        (full(5, ONE), full(6, *told("B", "C", "D", "E")), Verdict.REJECTED, 5, "A1"),
        (full(5, ONE), changes(6, *told("B", "C", "D")), Verdict.REJECTED, 5, "A1"),
        (full(5, ONE), changes(6, *told("B", "C", "D"), ListEntry(IdTag("A1"))), Verdict.ACCEPTED, 6, "B C D"),
    ],
)
def test_a_list_is_taken_whole_or_not_at_all(
    before: UpdateLocalList, update: UpdateLocalList, verdict: Verdict, version: int, tags: str
) -> None:
    """Version, and who stands in it afterwards."""
    known = LocalList()
    assert known.update(before).is_accepted
    assert known.update(update).verdict is verdict
    assert known.version == version
    assert [tag for tag in ("A1", "B", "C", "D", "E") if known.get(IdTag(tag.lower()), 0.0)] == tags.split()
    assert len(known) == len(tags.split())


TAGS = st.sampled_from(["A", "a", "B", "C", "D"]).map(IdTag)
ENTRIES = st.lists(st.builds(ListEntry, TAGS, st.one_of(st.none(), st.sampled_from([ACCEPTED, BLOCKED]))), max_size=4).map(tuple)
UPDATES = st.builds(UpdateLocalList, st.integers(-1, 6), st.booleans(), ENTRIES, st.integers(0, 3))


@given(st.lists(UPDATES, max_size=8))
def test_what_was_accepted_adds_up(updates: list[UpdateLocalList]) -> None:
    """Against a plain dictionary, and against a list that is made anew from the facts, as after a restart."""
    known, plain, kept = LocalList(), dict[str, AuthorizationStatus](), LocalList()
    for update in updates:
        before = known.version
        reply = known.update(update)
        if reply.is_accepted:
            plain = {} if update.is_full else plain
            for entry in update.entries:
                plain.pop(entry.id_tag.lower(), None)
                if entry.status is not None:
                    plain[entry.id_tag.lower()] = entry.status
            assert len(plain) <= update.most
            kept = LocalList(known.version, tuple(ListEntry(IdTag(tag), status) for tag, status in plain.items()))
        else:
            assert known.version == before
        assert {tag: info.status for tag in "abcd" if (info := known.get(IdTag(tag), 0.0))} == plain
        assert kept.version == known.version == (known.version if plain else 0)


def bench(*entries: ListEntry, is_online: bool = True, **settings: object) -> CoreBench:
    """A station with this list, and one connector with a vehicle."""
    made = CoreBench(station_settings(**settings))
    assert made.send(full(1, *entries)).is_accepted
    made.send(LinkChanged(is_online))
    made.plug()
    made.facts.clear()
    return made


PRE = {"local_pre_authorize": True}


@pytest.mark.parametrize(
    ("entry", "settings", "is_online", "source"),
    [
        (ListEntry(CARD, ACCEPTED), PRE, True, TokenSource.LOCAL_LIST),  # TC_008_1
        (ListEntry(CARD, ACCEPTED), {}, True, None),
        (ListEntry(CARD, BLOCKED), PRE, True, None),  # known and not valid: ask
        (ListEntry(CARD, ACCEPTED, None, UTC0 - 1.0), PRE, True, None),  # expired
        (ListEntry(CARD, ACCEPTED), {"local_auth_list_enabled": False} | PRE, True, None),
        (ListEntry(CARD, ACCEPTED), {}, False, TokenSource.LOCAL_LIST),
        (ListEntry(CARD, AuthorizationStatus.CONCURRENT_TX), {}, False, TokenSource.LOCAL_LIST),
    ],
)
def test_a_listed_token_starts(entry: ListEntry, settings: dict[str, object], is_online: bool, source: TokenSource | None) -> None:
    """Without asking, or, with no source here, only after asking (OCPP 1.6, 3.5.4)."""
    made = bench(entry, is_online=is_online, **settings)
    assert made.send(TokenPresented(CARD)).is_accepted
    assert [fact.source for fact in made.told(AuthorizationGranted)] == ([source] if source else [])
    assert len(made.told(AuthorizationAsked)) == (0 if source else 1)


@pytest.mark.parametrize("entry", [ListEntry(CARD, BLOCKED), ListEntry(CARD, ACCEPTED, None, UTC0 - 1.0)])
def test_offline_a_listed_token_that_is_not_valid_is_refused(entry: ListEntry) -> None:
    """Even where every unknown one may charge (OCPP 1.6, 3.5.4)."""
    made = bench(entry, is_online=False, allow_offline_tx_for_unknown_id=True)
    assert not made.send(TokenPresented(CARD)).is_accepted
    assert len(made.told(AuthorizationRefused)) == 1


def test_a_listed_token_is_never_cached_and_a_conflict_is_told_until_the_next_list() -> None:
    """OCPP 1.6, 3.5.2 and 3.5.3; clearing the cache leaves the list alone."""
    made = bench(ListEntry(CARD, BLOCKED))
    made.swipe()
    (asked,) = made.told(AuthorizationAsked)
    made.send(AuthorizationAnswered(asked.ticket, IdTagInfo(ACCEPTED)))
    assert made.told(TokenCached) == []
    assert [(fact.connector, fact.code, fact.error_code) for fact in made.told(FaultRaised)] == [
        (0, "local-list-conflict", "LocalListConflict")
    ]
    assert len(made.told(AuthorizationGranted)) == 1  # who was asked decides
    assert made.send(ClearCache()).is_accepted
    assert made.station.view().local_list_version == 1
    made.send(full(2, ListEntry(CARD, ACCEPTED)))
    assert [fact.code for fact in made.told(FaultCleared)] == ["local-list-conflict"]


def test_a_list_that_is_switched_off_is_kept() -> None:
    """LocalAuthListEnabled false: not used, and there again when it is switched on."""
    made = bench(ListEntry(CARD, ACCEPTED), **PRE)
    made.send(ChangeSettings({"local_auth_list_enabled": False}))
    made.swipe()
    assert len(made.told(AuthorizationAsked)) == 1
    made.answer(BLOCKED)
    made.send(ChangeSettings({"local_auth_list_enabled": True}))
    made.swipe()
    assert len(made.told(AuthorizationAsked)) == 1
    assert [fact.source for fact in made.told(AuthorizationGranted)] == [TokenSource.LOCAL_LIST]


def test_the_group_of_a_listed_token_stops_without_asking() -> None:
    """OCPP 1.6, 3.10: another card of the same parent, known by the list."""
    parent = IdTag("FLEET")
    made = bench(ListEntry(CARD, ACCEPTED, parent), ListEntry(IdTag("0C"), ACCEPTED, parent), connectors=1, **PRE)
    made.swipe()
    for _ in range(20):
        made.step()
    made.swipe("0C")
    assert made.told(AuthorizationAsked) == []
    for _ in range(20):
        made.step()
        made.wait(1.0)
    assert [(fact.reason.value, fact.id_tag) for fact in made.told(TransactionStopped)] == [("Local", "0C")]


def test_the_fact_is_the_change() -> None:
    """What was accepted is told to the journal as it came; what was refused is not."""
    made = CoreBench()
    assert made.send(full(4, *told("A", "B"))).is_accepted
    assert made.send(changes(4, *told("C"))) == Reply(Verdict.VERSION_MISMATCH, "version 4 is not above 4")
    assert made.send(changes(5, ListEntry(IdTag("A")))).is_accepted
    assert [(fact.version, fact.is_full, fact.entries) for fact in made.told(LocalListChanged)] == [
        (4, True, told("A", "B")),
        (5, False, (ListEntry(IdTag("A")),)),
    ]
