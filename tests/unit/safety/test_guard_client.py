"""The daemon's end of the guard: what the core is told, and how a loss is noticed and mended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from chargerd.core.events import ContactorUpdated, Event, GateCleared, GateTripped
from chargerd.core.ids import STATION, ConnectorId
from chargerd.safety.client import GuardClient
from chargerd.safety.conversation import GUARD_LOST
from tests.support.guard_thread import FINE, OPTIONS, Bench

ONE, TWO = ConnectorId(1), ConnectorId(2)
LOST, FOUND = "guard-lost", GateCleared(STATION, GUARD_LOST)


class Daemon:
    """A client, what the core was told by it, and a core that opens when something trips."""

    def __init__(self, path: Path) -> None:
        self.client = GuardClient(path, frozenset({1, 2}), OPTIONS, self._take)
        self.told: list[Event] = []
        self._news = asyncio.Event()

    def _take(self, event: Event) -> None:
        self.told.append(event)
        self._news.set()
        if isinstance(event, GateTripped):
            for connector in (ONE, TWO):
                self.client.wish(connector, is_closed=False)

    async def beat(self) -> None:
        while True:
            self.client.renew({})
            await asyncio.sleep(OPTIONS.lease_s / 5)

    async def until(self, holds: Callable[[list[Event]], bool]) -> None:
        async with asyncio.timeout(10.0):
            while not holds(self.told):
                self._news.clear()
                await self._news.wait()

    def trips(self) -> list[str]:
        return [event.code for event in self.told if isinstance(event, GateTripped)]


@asynccontextmanager
async def guard(folder: Path) -> AsyncIterator[Bench]:
    bench = Bench(folder)
    bench.thread.start()
    await asyncio.to_thread(bench.wait, lambda: bench.looks > 0)
    try:
        yield bench
    finally:
        await asyncio.to_thread(bench.end)


@asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[Daemon]:
    made = Daemon(folder / "guard.sock")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(made.client.run()), group.create_task(made.beat())]
        yield made
        for task in tasks:
            task.cancel()


async def test_a_wish_closes_and_the_feedback_is_told(tmp_path: Path) -> None:
    """Both contactors are told once at the beginning, then each change."""
    async with guard(tmp_path) as bench, daemon(tmp_path) as made:
        await made.until(lambda told: len(told) == 2)
        assert made.told == [ContactorUpdated(ONE, False), ContactorUpdated(TWO, False)]
        made.client.wish(TWO, is_closed=True)
        await made.until(lambda told: told[-1] == ContactorUpdated(TWO, True))
        assert bench.board.closed == {2}
        made.client.wish(TWO, is_closed=False)
        await made.until(lambda told: told[-1] == ContactorUpdated(TWO, False))
        assert made.client.view()["is_there"] is True


async def test_what_is_forbidden_is_told_with_its_end(tmp_path: Path) -> None:
    """The door, opened and closed."""
    async with guard(tmp_path) as bench, daemon(tmp_path) as made:
        await made.until(lambda told: len(told) == 2)
        bench.board.inputs = replace(FINE, is_door_open=True)
        await made.until(lambda told: told[-1] == GateTripped(STATION, "door-open"))
        bench.board.inputs = FINE
        await made.until(lambda told: told[-1] == GateCleared(STATION, "door-open"))


async def test_a_guard_that_is_not_there_is_a_trip_until_it_comes(tmp_path: Path) -> None:
    """The daemon may start first, and outlive its guard."""
    async with daemon(tmp_path) as made:
        await made.until(lambda told: made.trips() == [LOST])
        assert made.client.view()["is_there"] is False
        async with guard(tmp_path):
            await made.until(lambda told: FOUND in told)
        await made.until(lambda told: made.trips() == [LOST, LOST])


async def test_a_guard_that_is_away_is_no_reason_to_restart_the_daemon(tmp_path: Path) -> None:
    """What the service manager's watchdog is fed by goes on: with each attempt to reach it."""
    async with daemon(tmp_path) as made:
        await made.until(lambda told: made.trips() == [LOST])
        first_s = made.client.last_tick_s
        async with asyncio.timeout(10.0):
            while made.client.last_tick_s == first_s:
                await asyncio.sleep(0.05)


async def test_a_guard_that_ends_with_a_contactor_closed_is_begun_anew_from_open(tmp_path: Path) -> None:
    """The next guard gets no wish of before."""
    async with daemon(tmp_path) as made:
        async with guard(tmp_path):
            await made.until(lambda told: FOUND in told or len(told) >= 2)
            made.client.wish(ONE, is_closed=True)
            await made.until(lambda told: ContactorUpdated(ONE, True) in told)
        await made.until(lambda told: LOST in made.trips())
        async with guard(tmp_path) as bench:
            await made.until(lambda told: told[-1] == ContactorUpdated(ONE, False))
            assert not bench.board.closed
            made.client.wish(ONE, is_closed=True)
            await made.until(lambda told: told[-1] == ContactorUpdated(ONE, True))


async def test_a_guard_that_hangs_is_lost_and_found_again(tmp_path: Path) -> None:
    """It takes no turn for longer than a lease; then it sees that the daemon has hung up, and opens."""
    async with guard(tmp_path) as bench, daemon(tmp_path) as made:
        await made.until(lambda told: len(told) == 2)
        made.client.wish(ONE, is_closed=True)
        await made.until(lambda told: told[-1] == ContactorUpdated(ONE, True))
        with bench.hung():
            await made.until(lambda told: made.trips() == [LOST])
        await made.until(lambda told: FOUND in told and told[-1] == ContactorUpdated(ONE, False))
        assert not bench.board.closed


async def test_a_blocked_loop_loses_the_contactor_and_not_the_guard(tmp_path: Path) -> None:
    """The lease is lost; the answers that waited meanwhile show that the guard was there all the time."""
    async with guard(tmp_path) as bench, daemon(tmp_path) as made:
        await made.until(lambda told: len(told) == 2)
        made.client.wish(ONE, is_closed=True)
        await made.until(lambda told: told[-1] == ContactorUpdated(ONE, True))
        bench.wait(lambda: not bench.board.closed)  # blocks this loop, and the daemon in it
        await made.until(lambda told: GateCleared(STATION, "lease-lost") in told)
        assert made.trips() == ["lease-lost"]


@pytest.mark.parametrize("nonsense", [b"what?", b"\x00", b'{"SafeOrder": {}}'])
async def test_a_guard_that_makes_no_sense_is_lost(tmp_path: Path, nonsense: bytes) -> None:
    """Whoever listens there is not our guard."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "guard.sock"))
        listener.listen()
        listener.setblocking(False)
        async with daemon(tmp_path) as made:
            client, _ = await asyncio.get_running_loop().sock_accept(listener)
            client.send(nonsense)
            await made.until(lambda told: made.trips() == [LOST])
            client.close()
