"""The queue of transaction messages through the whole daemon, where the central system refuses or is slow to take them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from chargerd.core.facts import AuthorizationGranted, MessageAbandoned, Phase
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from tests.support.books import check_books
from tests.support.station_bench import bench, virtual

OTHER_CARD = "04D5E6F7"


def refusing(action: str, nth: int | None = None) -> Policy:
    return Policy(misbehaviours=(Misbehaviour(action=action, twist=Twist.ERROR, nth=nth),))


def test_the_wait_before_a_retry_begins_again_after_a_restart(tmp_path: Path) -> None:
    """Two refusals, then the power goes: the next process counts on, and waits twice the interval before the third transmission."""

    async def main() -> None:
        policy = Policy(misbehaviours=tuple(Misbehaviour(action="StartTransaction", twist=Twist.ERROR, nth=nth) for nth in (1, 2)))
        keys = {"TransactionMessageAttempts": 5, "TransactionMessageRetryInterval": 30}
        async with bench(tmp_path, policy, **keys) as station:
            await station.begin()
            await station.until(lambda: station.central.received["StartTransaction"] == 2, 60)
            await station.stage.power_cut()
            await station.accepted()
            await station.settled()
            times = [at_s for *_, at_s in station.calls("StartTransaction")]
            waits = [after - before for before, after in pairwise(times)]
            assert waits == [pytest.approx(30.0, abs=1.0), pytest.approx(62.0, abs=3.0)]  # two seconds are the power cut itself
            await check_books(station)

    virtual(main())


@pytest.mark.parametrize("action", ["MeterValues", "StopTransaction"])
def test_what_is_refused_for_good_holds_up_nothing_behind_it(action: str, tmp_path: Path) -> None:
    """A sample or a stop is given up after the last attempt: an event, the record marked, and the next transaction is told as any other."""

    async def main() -> None:
        async with bench(tmp_path, refusing(action), TransactionMessageAttempts=2) as station:
            await station.begin()
            await asyncio.sleep(7)
            await station.end()
            await station.begin(2, OTHER_CARD)
            await station.until(lambda: station.central.received["StartTransaction"] == 2, 120)
            given_up = station.kinds(MessageAbandoned)
            assert {(fact.message, fact.attempts) for fact in given_up} == {(action, 2)}
            first = (await station.records())[0]
            assert first.stop_state == ("abandoned" if action == "StopTransaction" else "confirmed")
            assert len(station.calls(action)) >= 2 * len(given_up)
            ids = [message_id for message_id, *_ in station.calls(action)]
            assert ids[0] == ids[1]
            stored = await station.stage.daemon.journal.events(limit=10_000)
            assert {fact.settles for fact in given_up} <= {stamped.seq for stamped in stored}  # the record itself is still there

    virtual(main())


def test_a_card_is_checked_while_the_queue_waits(tmp_path: Path) -> None:
    """Authorize and StatusNotification pass a StartTransaction that waits ten minutes for its next attempt; nothing of the queue does."""

    async def main() -> None:
        async with bench(tmp_path, refusing("StartTransaction", 1), TransactionMessageRetryInterval=600) as station:
            await station.begin()
            await asyncio.sleep(12)
            await station.do("plug_in", connector=2)
            await station.until(lambda: station.view(2).phase is Phase.WAIT_AUTH)
            await station.do("swipe", id_tag=OTHER_CARD, connectors=[2])
            await station.until(lambda: len(station.kinds(AuthorizationGranted)) == 2, 5)
            await station.until(lambda: station.central.status(2) == "Charging", 30)
            assert [action for _, action, _, _ in station.calls("StartTransaction", "MeterValues")] == ["StartTransaction"]
            await station.end()
            await station.end(2, OTHER_CARD)
            await station.settled()
            await check_books(station)
            assert [action for _, action, _, _ in station.calls("StartTransaction", "MeterValues")][:3] == [
                *["StartTransaction"] * 2,
                "MeterValues",
            ]

    virtual(main())
