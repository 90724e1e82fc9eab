"""Reservations of a whole station in virtual time: the power is cut at every step that the journal takes.

The next process goes on with what is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from chargerd.core.facts import Phase
from chargerd.ocpp.iso_time import render_time
from chargerd.sim.virtual_loop import run_virtual
from tests.support.books import check_books
from tests.support.cuts import at_every_step, cut_at, may_begin, nothing, steps_of
from tests.support.station_bench import CARD, COMMIT_S, Bench

UNKNOWN_MAY_CHARGE = {"AllowOfflineTxForUnknownId": "true"}
NUMBER = 7
EXPIRY_S = 3600.0
FOREIGN = {1: "04D5E6F1", 2: "04D5E6F2"}
"""By connector a card that has reserved nothing."""

Kept = tuple[int, int, str] | None
"""Number, connector and token of the one reservation that stands."""

STAGES: tuple[Kept, ...] = (None, (NUMBER, 1, CARD), (NUMBER, 2, CARD), None)
"""What stands before the first of the orders, and after each: reserved, moved to the other connector, cancelled."""


async def order(station: Bench, action: str, **payload: object) -> None:
    answer = await station.stage.central.call(station.stage.identity, action, {"reservationId": NUMBER, **payload})
    assert answer == {"status": "Accepted"}


async def reserve(station: Bench, connector: int) -> None:
    expiry = render_time(station.stage.central.options.utc_s() + EXPIRY_S)
    await order(station, "ReserveNow", connectorId=connector, idTag=CARD, expiryDate=expiry)


async def orders(station: Bench, answered: list[str]) -> None:
    """One reservation from beginning to end; what was answered is noted."""
    await reserve(station, 1)
    answered.append("reserved")
    await reserve(station, 2)
    answered.append("moved")
    await order(station, "CancelReservation")
    answered.append("cancelled")


async def session(station: Bench, answered: list[str]) -> None:
    """Who has reserved comes and charges."""
    await station.begin(1, CARD)
    answered.append("charging")
    await asyncio.sleep(6)


def kept(station: Bench) -> Kept:
    found = [(one.reservation_id, int(one.connector), str(one.id_tag)) for one in station.stage.daemon.reactor.view().reservations]
    assert len(found) <= 1
    return found[0] if found else None


async def reserved(station: Bench) -> None:
    await reserve(station, 1)


async def check_enforced(station: Bench, connectors: Iterable[int] = (1, 2)) -> None:
    """A reserved connector lets its own card in and no other; elsewhere everybody may begin."""
    own = kept(station)
    for connector in connectors:
        is_kept = own is not None and own[1] == connector
        assert await may_begin(station, connector, FOREIGN[connector]) is not is_kept
        assert not is_kept or await may_begin(station, connector, CARD)


async def kept_after(folder: Path, nth: int, *, is_before: bool) -> Kept:
    async with cut_at(nothing, orders, folder, nth, is_before=is_before, **UNKNOWN_MAY_CHARGE) as (station, answered):
        found = kept(station)
        assert found in STAGES[len(answered) :][:2]  # nothing that was answered is lost; one order may be done that was not answered yet
        await check_enforced(station)
        return found


async def is_used_after(folder: Path, nth: int, *, is_before: bool) -> bool:
    """Whether there is a transaction; it has used the reservation up. Without one the reservation stands, and the next session uses it."""
    async with cut_at(reserved, session, folder, nth, is_before=is_before, **UNKNOWN_MAY_CHARGE) as (station, answered):
        has_begun = bool(await station.records())
        assert kept(station) == (None if has_begun else STAGES[1])
        assert has_begun or not answered
        if not has_begun:
            await check_enforced(station, [1])
            await station.until(lambda: station.view(1).phase is Phase.DELIVERING)
            assert kept(station) is None
            await station.end(1, CARD)
        await station.link("up")
        await station.settled()
        await check_books(station)
        assert [told.start["reservationId"] for told in station.central.transactions.values()] == [NUMBER]
        return has_begun


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_a_reservation_is_there_whole_or_not_at_all(is_before: bool, tmp_path: Path) -> None:
    """Wherever the power goes: each order is done whole or not at all, what was answered is on disk, and it is enforced without a link."""
    steps = run_virtual(steps_of(nothing, orders, tmp_path, **UNKNOWN_MAY_CHARGE), executor_latency_s=COMMIT_S)
    found = at_every_step(tmp_path, steps, partial(kept_after, is_before=is_before))
    assert found == list(STAGES[:-1] if is_before else STAGES[1:])  # an order is one step


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_a_reservation_is_used_up_together_with_the_start_of_its_transaction(is_before: bool, tmp_path: Path) -> None:
    """Wherever the power goes: either the transaction is on disk and bears it, or it stands; no step between."""
    steps = run_virtual(steps_of(reserved, session, tmp_path, **UNKNOWN_MAY_CHARGE), executor_latency_s=COMMIT_S)
    assert at_every_step(tmp_path, steps, partial(is_used_after, is_before=is_before)) == [False, True]
