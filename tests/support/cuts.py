"""Power cuts at every step that the journal takes while a story is told to a station in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar, cast

from chargerd.core.facts import AuthorizationGranted, AuthorizationRefused
from chargerd.sim.virtual_loop import VirtualLoop, run_virtual
from tests.support.books import Cut
from tests.support.station_bench import COMMIT_S, Bench, bench

T = TypeVar("T")

Before = Callable[[Bench], Awaitable[None]]
Story = Callable[[Bench, list[str]], Awaitable[None]]
"""Plays something on a station, and notes what was answered."""


async def nothing(_: Bench) -> None:
    """Nothing has happened before."""


async def steps_of(before: Before, story: Story, folder: Path, **keys: object) -> int:
    """How many pieces of work the journal has in the whole story."""
    async with bench(folder, **keys) as station:  # type: ignore[arg-type]
        await before(station)
        loop, cut = cast("VirtualLoop", asyncio.get_running_loop()), Cut(1_000_000, is_before=True)
        loop.on_executor = cut
        await story(station, [])
        loop.on_executor = None
        return cut.count


@asynccontextmanager
async def cut_at(
    before: Before, story: Story, folder: Path, nth: int, *, is_before: bool, **keys: object
) -> AsyncIterator[tuple[Bench, list[str]]]:
    """A station that runs again, without the central system, after a power cut at the n-th step; what was answered until then."""
    async with bench(folder, **keys) as station:  # type: ignore[arg-type]
        await before(station)
        answered: list[str] = []
        loop, cut = cast("VirtualLoop", asyncio.get_running_loop()), Cut(nth, is_before=is_before)
        loop.on_executor = cut
        playing = asyncio.ensure_future(story(station, answered))
        await cut.has_come.wait()
        loop.on_executor = None
        playing.cancel()
        await asyncio.wait({playing})
        station.stage.keeper.connect(is_wanted=False)
        await station.stage.power_cut()
        await station.until(lambda: station.stage.daemon.have_devices_spoken())
        yield station, answered


def at_every_step(tmp_path: Path, steps: int, after: Callable[[Path, int], Coroutine[Any, Any, T]]) -> list[T]:
    """What is found after a cut at each; a stretch of the same is found once."""
    found: list[T] = []
    for nth in range(1, steps + 1):
        folder = tmp_path / str(nth)
        folder.mkdir()
        try:
            found.append(run_virtual(after(folder, nth), executor_latency_s=COMMIT_S))
        except BaseException as error:
            error.add_note(f"cut at step {nth} of {steps}")
            raise
    return [one for one, _ in groupby(found)]


async def may_begin(station: Bench, connector: int, card: str) -> bool:
    """Whether a card is let in there."""

    def heard() -> list[bool]:
        told = station.kinds(AuthorizationGranted, AuthorizationRefused)[before:]
        return [isinstance(fact, AuthorizationGranted) for fact in told if fact.connector == connector]

    before = len(station.kinds(AuthorizationGranted, AuthorizationRefused))
    await station.do("swipe", id_tag=card, connectors=[connector])
    await station.until(lambda: bool(heard()))
    return heard()[0]
