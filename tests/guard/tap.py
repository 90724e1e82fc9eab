"""Taps between guard and simulated world: mirrored lines, and the serial line of a pilot board. Everything passes, and is clocked."""

from __future__ import annotations

import asyncio
import json
import os
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hal.wire.safety_board import ChargeControl, FrameParser

LONGEST_S = 20.0


class Tap:
    """Listens where the boards look for the world, and is a board to the world. `values`: of each line as told last, `at_s`: when."""

    def __init__(self, near: Path, far: Path) -> None:
        self._near = near
        self._far = far
        self.values: dict[str, bool] = {}
        self.at_s: dict[str, float] = {}
        self._moved = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Tap:
        self._server = await asyncio.start_unix_server(self._serve, self._near)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def until(self, label: str, *, is_active: bool, since_s: float = 0.0) -> float:
        """When a line was told to be like this, at the earliest since; waits for it."""
        async with asyncio.timeout(LONGEST_S):
            while self.values.get(label) is not is_active or self.at_s[label] < since_s:
                self._moved.clear()
                await self._moved.wait()
        return self.at_s[label]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One board. What it drove falls off when it hangs up."""
        driven: set[str] = set()
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(str(self._far))
        except OSError:
            writer.close()
            return
        forth = asyncio.create_task(self._pump(reader, far_writer, driven.add))
        back = asyncio.create_task(self._pump(far_reader, writer, lambda _: None))
        await asyncio.wait((forth, back), return_when=asyncio.FIRST_COMPLETED)
        for task in (forth, back):
            task.cancel()
        for label in driven:
            self.note(label, is_active=False)
        far_writer.close()
        writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: Callable[[str], None]) -> None:
        try:
            while line := await source.readline():
                message = json.loads(line)
                seen(message["line"])
                self.note(message["line"], is_active=bool(message["value"]))
                sink.write(line)
        except OSError:
            pass

    def note(self, label: str, *, is_active: bool) -> None:
        """A line has been told."""
        if self.values.get(label) is not is_active:
            self.values[label], self.at_s[label] = is_active, asyncio.get_running_loop().time()
            self._moved.set()


@contextmanager
def serial_tap(tap: Tap, near: Path, far: Path, label: str) -> Iterator[None]:
    """A pseudo terminal at `near` in the way to the one at `far`; the contactor in the board's frames is told to `tap` as a line."""
    loop = asyncio.get_running_loop()
    ours, theirs = os.openpty()
    board = os.open(far, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    for descriptor in (theirs, board):
        tty.setraw(descriptor)
    near.symlink_to(os.ttyname(theirs))
    parser = FrameParser()

    def forth() -> None:
        data = os.read(ours, 4096)
        for item in parser.feed(data):
            if isinstance(item, ChargeControl):
                tap.note(label, is_active=item.is_contactor_1_wanted)
        os.write(board, data)

    loop.add_reader(ours, forth)
    loop.add_reader(board, lambda: os.write(ours, os.read(board, 4096)))
    try:
        yield
    finally:
        for descriptor in (ours, board):
            loop.remove_reader(descriptor)
        for descriptor in (ours, theirs, board):
            os.close(descriptor)
