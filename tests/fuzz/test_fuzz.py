"""Hostile and broken central systems against a station that charges: no crash, bounded memory, and the session goes on undisturbed.

`make fuzz` sends many more frames than this does.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import run_virtual
from tests.fuzz.frames import RESULT, Frame, frames
from tests.fuzz.peer import Mood
from tests.fuzz.run import COMMIT_S, fuzz
from tests.fuzz.station import Charging, charging

LONGEST_S = 900


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    """A line for each frame, kept by pytest, would be taken for the daemon's memory."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_five_thousand_frames() -> None:
    """Each CALL gets one answer of the right kind, the energy is that of a quiet station, and the transaction is told whole."""
    report = fuzz(5000, seed=1)
    assert report.problems == []
    assert sum(report.sent.values()) == 5000
    assert report.answers.keys() >= {RESULT, "NotSupported", "NotImplemented", "ProtocolError", "PropertyConstraintViolation"}
    assert report.connections > 1
    assert report.grown_kib < 8 * 1024


def test_the_same_seed_sends_the_same_frames() -> None:
    """A failure can be looked at again."""
    assert list(islice(frames(3, 500), 500)) == list(frames(3, 500))
    assert list(frames(3, 500)) != list(frames(4, 500))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for the path of a socket."""
    with tempfile.TemporaryDirectory(prefix="chargerd-") as made:
        yield Path(made)


# --- central systems that are broken --------------------------------------------------------------------------------------------------

Story = Callable[[Charging], Awaitable[None]]


@pytest.fixture(scope="module")
def quiet() -> list[int]:
    """The energy of a session with a friendly central system, second by second."""

    async def main(folder: Path) -> list[int]:
        async with charging(folder) as station:
            began_wh = station.energy_wh
            energy_wh = []
            for _ in range(LONGEST_S):
                energy_wh.append(station.energy_wh - began_wh)
                await asyncio.sleep(1.0)
            return energy_wh

    with tempfile.TemporaryDirectory(prefix="chargerd-") as folder:
        return run_virtual(main(Path(folder)), executor_latency_s=COMMIT_S)


def play(folder: Path, quiet: list[int], story: Story) -> None:
    """Let it happen to a station that charges; then the central system behaves, and is told everything, once."""

    async def main() -> None:
        async with charging(folder) as station:
            began_wh, began_s = station.energy_wh, asyncio.get_running_loop().time()
            await story(station)
            lasted_s = round(asyncio.get_running_loop().time() - began_s)
            assert station.problems() == []
            assert station.energy_wh - began_wh == pytest.approx(quiet[lasted_s], rel=0.01, abs=50)
            station.peer.mood = Mood.FRIENDLY
            await station.accepted()
            await station.end()
            assert await station.told(within_s=600)
            assert [len(station.peer.starts), len(station.peer.stops)] == [1, 1]
            assert station.peer.surprises == []

    run_virtual(main(), executor_latency_s=COMMIT_S)


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.FRIENDLY], ids=lambda mood: mood.value)
def test_central_system_with_a_mood(mood: Mood, folder: Path, quiet: list[int]) -> None:
    """Whatever it does or leaves undone for five minutes, it is dialled less and less often, and the vehicle does not notice."""

    async def story(station: Charging) -> None:
        station.peer.mood = mood
        station.peer.drop()
        await asyncio.sleep(300)
        assert station.peer.dials < 40

    play(folder, quiet, story)


def test_socket_that_is_accepted_and_nothing_said(folder: Path, quiet: list[int]) -> None:
    """Nobody shakes hands: the dial ends by itself, again and again, and the station is back as soon as somebody does."""

    async def story(station: Charging) -> None:
        dials: list[asyncio.StreamWriter] = []
        await station.peer.close()
        server = await asyncio.start_unix_server(lambda _, writer: dials.append(writer), str(station.peer.path))
        await asyncio.sleep(300)
        server.close()
        assert 3 < len(dials) < 20
        for writer in dials:
            writer.close()
        await station.peer.listen()

    play(folder, quiet, story)


def test_thousand_requests_at_once(folder: Path, quiet: list[int]) -> None:
    """Ten times over: all are answered, and our own messages go on."""

    async def story(station: Charging) -> None:
        heard = station.peer.heard["MeterValues"]
        for burst in range(10):
            for number in range(1000):
                data = f'[2,"{burst}-{number}","GetConfiguration",{{"key":["NumberOfConnectors"]}}]'
                await station.peer.send(Frame(kind="flood", data=data, message_id=f"{burst}-{number}", answer=RESULT))
            await station.peer.answered(within_s=5.0)
            await asyncio.sleep(6)
        assert station.peer.answers == {RESULT: 10_000}
        assert station.peer.heard["MeterValues"] >= heard + 10
        assert station.peer.dials == 1

    play(folder, quiet, story)


def test_requests_that_have_to_wait_at_once(folder: Path, quiet: list[int]) -> None:
    """A thousand changes, each of them on disk before its answer: slower, but all of them."""

    async def story(station: Charging) -> None:
        for number in range(1000):
            data = f'[2,"{number}","ChangeConfiguration",{{"key":"HeartbeatInterval","value":"{60 + number % 7}"}}]'
            await station.peer.send(Frame(kind="flood", data=data, message_id=f"{number}", answer=RESULT))
        await station.peer.answered(within_s=30.0)
        assert station.peer.answers == {RESULT: 1000}
        assert station.peer.dials == 1

    play(folder, quiet, story)
