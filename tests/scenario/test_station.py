"""The whole daemon in virtual time: power cut at every step of a session, and what goes wrong between station and central system.

Real core, real journal on a real file, real OCPP client against the bench central system; only time is virtual. What users of
other stations reported stands in the docstrings as a field lesson, with the report it comes from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from chargerd.core.errors import StorageError
from chargerd.core.facts import (
    FaultRaised,
    MessageAbandoned,
    Phase,
    TransactionConfirmed,
    TransactionStopped,
)
from chargerd.core.ids import ConnectorId
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from chargerd.ocpp.iso_time import parse_time
from chargerd.sim.virtual_loop import VirtualLoop, run_virtual
from tests.support.books import TOLD, Cut, check_books, check_repetitions
from tests.support.station_bench import CARD, COMMIT_S, Bench, bench, virtual

# --- nothing lost, nothing doubled --------------------------------------------------------------------------------------------------


async def online(station: Bench) -> None:
    """A session of two samples, told as it goes."""
    await station.begin()
    await asyncio.sleep(12)
    await station.end()
    await station.settled()


async def told_later(station: Bench) -> None:
    """A session without the central system, which is then told everything at once."""
    await station.link("down")
    await station.begin()
    await asyncio.sleep(12)
    await station.end()
    await station.link("up")
    await station.settled()


Story = Callable[[Bench], Awaitable[None]]


async def steps_of(story: Story, folder: Path) -> int:
    """How many pieces of work the journal has in a whole session."""
    async with bench(folder, AllowOfflineTxForUnknownId="true") as station:
        await asyncio.sleep(1)
        cut = Cut(1_000_000, is_before=True)
        cast("VirtualLoop", asyncio.get_running_loop()).on_executor = cut
        await story(station)
        cast("VirtualLoop", asyncio.get_running_loop()).on_executor = None
        await check_books(station)
        return cut.count


async def cut_at(story: Story, folder: Path, nth: int, *, is_before: bool) -> list[str]:
    """A session that is cut at the n-th step; returns the reasons with which it was ended, once all is told."""
    async with bench(folder, AllowOfflineTxForUnknownId="true") as station:
        await asyncio.sleep(1)
        loop, cut = cast("VirtualLoop", asyncio.get_running_loop()), Cut(nth, is_before=is_before)
        loop.on_executor = cut
        session = asyncio.ensure_future(story(station))
        await cut.has_come.wait()
        loop.on_executor = None
        session.cancel()  # whoever charges there is of no interest any more
        await asyncio.wait({session})
        heard = list(station.stage.facts)
        await station.stage.power_cut()
        assert not station.view(1).is_contactor_closed
        assert station.view(1).outputs.setpoint.current_a == 0.0
        await station.link("up")
        await station.accepted()
        on_disk = await station.stage.daemon.journal.events(limit=10_000)
        assert [fact for fact in heard if fact not in on_disk] == []  # whoever heard of a fact heard of what is kept
        await station.settled()
        await asyncio.sleep(30)  # nothing goes on by itself, and nothing is told again
        await station.settled()
        await check_books(station)
        assert station.view(1).phase not in (Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.DELIVERING)
        check_repetitions(station, heard)
        return [str(record.reason) for record in await station.records()]


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("story", [online, told_later], ids=lambda story: story.__name__)
def test_power_cut_at_every_step_of_a_session(story: Story, is_before: bool, tmp_path: Path) -> None:
    """Wherever the power goes, start and stop are told once each, by PowerLoss or by the reason that was on disk already.

    Field lessons #1 (MicroOcpp#174), #4 (libocpp#907), #8 (MicroOcpp#345).
    """
    (tmp_path / "whole").mkdir()
    steps = run_virtual(steps_of(story, tmp_path / "whole"), executor_latency_s=COMMIT_S)
    reasons: list[list[str]] = []
    for nth in range(1, steps + 1):
        folder = tmp_path / str(nth)
        folder.mkdir()
        try:
            reasons.append(run_virtual(cut_at(story, folder, nth, is_before=is_before), executor_latency_s=COMMIT_S))
        except BaseException as error:
            error.add_note(f"cut {'before' if is_before else 'after'} step {nth} of {steps}")
            raise
    assert reasons == sorted(reasons, key=[[], ["PowerLoss"], ["Local"]].index)  # no session, then a lost one, then one that was over
    assert reasons.count(["PowerLoss"]) > steps / 3
    assert ["Local"] in reasons


# --- between station and central system ---------------------------------------------------------------------------------------------


def test_messages_of_two_connectors_keep_the_order_of_the_journal(tmp_path: Path) -> None:
    """Two sessions that overlap, the link down in the middle; what is told is told in the order in which it happened.

    Field lesson #8 (MicroOcpp#345).
    """

    async def main() -> None:
        async with bench(tmp_path) as station:
            await station.begin(1, CARD)
            await station.begin(2, "04D5E6F7")
            await asyncio.sleep(12)
            await station.link("down")
            await asyncio.sleep(12)
            await station.end(1, CARD)
            await asyncio.sleep(12)
            await station.link("up")
            await asyncio.sleep(12)
            await station.end(2, "04D5E6F7")
            await station.settled()
            await check_books(station)
            assert len(station.central.transactions) == 2
            first = [action for _, action, _, _ in station.calls()][:4]
            assert first == ["BootNotification", *["StatusNotification"] * 3]

    virtual(main())


@pytest.mark.parametrize("action", ["StartTransaction", "MeterValues", "StopTransaction"])
@pytest.mark.parametrize("twist", [Twist.DROP_BEFORE, Twist.DROP_AFTER, Twist.SILENCE])
def test_a_message_whose_answer_is_lost_is_told_again_under_its_id(action: str, twist: Twist, tmp_path: Path) -> None:
    """The central system took it, its answer was lost or came with the end of the connection; one transaction all the same.

    Field lessons #5 (libocpp#688), #7 (MicroOcpp#50).
    """

    async def main() -> None:
        policy = Policy(misbehaviours=(Misbehaviour(action=action, twist=twist, nth=1),))
        async with bench(tmp_path, policy) as station:
            await station.begin()
            await asyncio.sleep(12)
            await station.end()
            await station.settled()
            await check_books(station)
            assert len(station.central.transactions) == 1
            first = station.calls(action)[0][0]
            sent = [message_id for message_id, *_ in station.calls(action)].count(first)
            assert sent == (1 if twist is Twist.DROP_AFTER else 2)

    virtual(main())


def test_message_id_is_the_same_at_each_retry_and_after_a_power_cut(tmp_path: Path) -> None:
    """Three transmissions without an answer, the last one by the next process: one id, one transaction.

    Field lesson #5 (libocpp#688).
    """

    async def main() -> None:
        lost = tuple(Misbehaviour(action="StartTransaction", twist=Twist.SILENCE, nth=nth) for nth in (1, 2))
        async with bench(tmp_path, Policy(misbehaviours=lost), TransactionMessageAttempts=5) as station:
            await station.begin()
            await station.until(lambda: station.central.received["StartTransaction"] == 2, 120)
            await station.stage.power_cut()
            await station.accepted()
            await station.settled()
            assert len({message_id for message_id, *_ in station.calls("StartTransaction")}) == 1
            assert len(station.calls("StartTransaction")) == 3
            await check_books(station)

    virtual(main())


def test_a_start_is_not_repeated_while_its_answer_may_come(tmp_path: Path) -> None:
    """An answer within the message time-out, however late, is waited for; nothing else is said meanwhile.

    Field lesson #7 (MicroOcpp#50).
    """

    async def main() -> None:
        late = Misbehaviour(action="StartTransaction", twist=Twist.LATE, nth=1, delay_s=25.0)
        async with bench(tmp_path, Policy(misbehaviours=(late,))) as station:
            await station.begin()
            await station.until(lambda: bool(station.kinds(TransactionConfirmed)))
            ((_, _, _, at_s),) = station.calls("StartTransaction")
            after = [action for _, action, _, said_s in station.calls() if at_s < said_s < at_s + 25.0]
            assert after == []
            await station.end()
            await station.settled()
            await check_books(station)

    virtual(main())


def test_a_session_begun_and_ended_offline_survives_a_power_cut(tmp_path: Path) -> None:
    """Start and stop, both offline, then a restart, still offline: both are told, with the number the central system gave.

    Field lessons #2 (MicroOcpp#454), #3 (libocpp#495).
    """

    async def main() -> None:
        async with bench(tmp_path, AllowOfflineTxForUnknownId="true") as station:
            await station.link("down")
            await station.begin()
            await asyncio.sleep(12)
            await station.end()
            await station.stage.power_cut()
            await asyncio.sleep(60)
            assert station.calls(*TOLD) == []
            await station.link("up")
            await station.settled()
            await check_books(station)
            (transaction,) = station.central.transactions.values()
            assert transaction.stop is not None
            assert transaction.stop["transactionId"] == transaction.number
            assert len(transaction.meter_values) >= 2
            start_s, stop_s = parse_time(str(transaction.start["timestamp"])), parse_time(str(transaction.stop["timestamp"]))
            assert 12 < stop_s - start_s < 30  # its own times, not those of the telling

    virtual(main())


@pytest.mark.parametrize("when", ["running", "stopped"])
def test_stop_is_told_once_after_a_restart(when: str, tmp_path: Path) -> None:
    """The power goes while a transaction runs, or while its stop waits in the queue: one StopTransaction, never two.

    Field lesson #4 (libocpp#907).
    """

    async def main() -> None:
        async with bench(tmp_path) as station:
            await station.begin()
            await asyncio.sleep(12)
            await station.link("down")
            if when == "stopped":
                await station.end()
            await station.stage.power_cut()
            await asyncio.sleep(30)
            await station.link("up")
            await station.settled()
            await asyncio.sleep(120)
            assert len(station.calls("StopTransaction")) == 1
            await check_books(station)
            (record,) = await station.records()
            assert record.reason == ("PowerLoss" if when == "running" else "Local")

    virtual(main())


def test_power_loss_is_told_with_the_meter_and_the_last_moment_alive(tmp_path: Path) -> None:
    """MeterStop is the meter's register, the time is that of the last fact before the cut, the reason PowerLoss.

    Field lesson #1 (MicroOcpp#174).
    """

    async def main() -> None:
        async with bench(tmp_path) as station:
            await station.begin()
            await asyncio.sleep(62)
            register_wh, last = station.view(1).meter, station.stage.facts[-1]
            await station.stage.power_cut()
            await station.accepted()
            await station.settled()
            await check_books(station)
            (transaction,) = station.central.transactions.values()
            assert transaction.stop is not None
            assert register_wh is not None
            assert transaction.stop["reason"] == "PowerLoss"
            assert cast("int", transaction.stop["meterStop"]) >= register_wh.energy_wh > 500
            assert parse_time(str(transaction.stop["timestamp"])) == pytest.approx(last.utc_s, abs=0.001)

    virtual(main())


def test_given_up_messages_stay_in_the_journal_and_are_marked(tmp_path: Path) -> None:
    """A start that is refused as often as allowed is given up, at growing intervals; the record stays, the stop says -1 (errata 3.18)."""

    async def main() -> None:
        refusal = Misbehaviour(action="StartTransaction", twist=Twist.ERROR)
        async with bench(tmp_path, Policy(misbehaviours=(refusal,)), TransactionMessageAttempts=3) as station:
            await station.begin()
            await station.until(lambda: bool(station.kinds(MessageAbandoned)), 60)
            (given_up,) = station.kinds(MessageAbandoned)
            assert (given_up.message, given_up.attempts) == ("StartTransaction", 3)
            times = [at_s for *_, at_s in station.calls("StartTransaction")]
            waits = [after - before for before, after in pairwise(times)]
            assert waits == [pytest.approx(2.0, abs=0.5), pytest.approx(4.0, abs=0.5)]
            await station.stage.power_cut()  # it is not begun again by the next process
            await station.accepted()
            await station.settled()
            (record,) = await station.records()
            assert (record.start_state, record.stop_state, record.reason) == ("abandoned", "confirmed", "PowerLoss")
            assert len(station.calls("StartTransaction")) == 3
            later = [payload["transactionId"] for _, _, payload, _ in station.calls("MeterValues", "StopTransaction")]
            assert set(later) == {-1}
            assert len(station.calls("StopTransaction")) == 1

    virtual(main())


def test_status_is_not_queued_but_told_as_it_is_after_a_reconnect(tmp_path: Path) -> None:
    """What a connector went through while the link was down is not told; what it is now is, once, with the present time.

    Field lesson #10 (libocpp#1130).
    """

    async def main() -> None:
        async with bench(tmp_path, AllowOfflineTxForUnknownId="true") as station:
            await station.link("down")
            told = len(station.calls("StatusNotification"))
            await station.begin()
            await station.end()
            await station.do("plug_in", connector=2)
            await asyncio.sleep(20)
            up_s = station.stage.daemon.clock.utc_s()
            await station.link("up")
            await station.settled()
            news = [payload for _, _, payload, _ in station.calls("StatusNotification")[told:]]
            assert [(payload["connectorId"], payload["status"]) for payload in news] == [(2, "Preparing")]
            assert parse_time(news[0]["timestamp"]) >= up_s
            assert station.central.status(1) == "Available"

    virtual(main())


def test_a_start_the_central_system_refuses_ends_the_session(tmp_path: Path) -> None:
    """An offline start whose card turns out to be blocked is stopped as DeAuthorized, and told as one transaction."""

    async def main() -> None:
        async with bench(tmp_path, Policy(tokens={CARD.casefold(): {"status": "Blocked"}}), AllowOfflineTxForUnknownId="true") as station:
            await station.link("down")
            await station.begin()
            await station.link("up")
            await station.until(lambda: bool(station.kinds(TransactionStopped)))
            await station.settled()
            await check_books(station)
            assert [record.reason for record in await station.records()] == ["DeAuthorized"]

    virtual(main())


def test_the_disk_that_fails_in_a_session_is_told_and_nothing_begins(tmp_path: Path) -> None:
    """While the journal cannot write, the running session goes on, a new one is refused, and all is told when the disk is back."""

    async def main() -> None:
        async with bench(tmp_path) as station:
            loop = cast("VirtualLoop", asyncio.get_running_loop())
            await station.begin()

            def refuse() -> None:
                raise StorageError("disk full")

            loop.on_executor = refuse
            await asyncio.sleep(10)
            assert station.view(1).phase is Phase.DELIVERING
            await station.do("plug_in", connector=2)
            await asyncio.sleep(2)
            await station.do("swipe", id_tag="04D5E6F7", connectors=[2])
            await asyncio.sleep(5)
            assert station.view(2).outputs.contactor is False
            assert station.view(2).transaction is None
            loop.on_executor = None
            await station.until(lambda: any(fault.code == "storage" for fault in station.kinds(FaultRaised)))
            await asyncio.sleep(20)
            await station.end()
            await station.settled()
            await check_books(station)

    virtual(main())


def test_the_next_session_after_a_power_cut_is_an_ordinary_one(tmp_path: Path) -> None:
    """The vehicle stayed plugged; a card begins a new transaction, which has its own number and its own end."""

    async def main() -> None:
        async with bench(tmp_path) as station:
            await station.begin()
            await station.stage.power_cut()
            await station.accepted()
            await station.until(lambda: station.view(ConnectorId(1)).phase is Phase.WAIT_AUTH)
            await station.do("swipe", id_tag=CARD, connectors=[1])
            await station.until(lambda: station.view(1).phase is Phase.DELIVERING)
            await asyncio.sleep(12)
            await station.end()
            await station.settled()
            await check_books(station)
            assert [record.reason for record in await station.records()] == ["PowerLoss", "Local"]

    virtual(main())
