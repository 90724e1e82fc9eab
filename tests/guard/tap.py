"""A tap on the mirrored lines: everything between the boards and the simulated world passes here, and is clocked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

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
            self._note(label, is_active=False)
        far_writer.close()
        writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: Callable[[str], None]) -> None:
        try:
            while line := await source.readline():
                message = json.loads(line)
                seen(message["line"])
                self._note(message["line"], is_active=bool(message["value"]))
                sink.write(line)
        except OSError:
            pass

    def _note(self, label: str, *, is_active: bool) -> None:
        if self.values.get(label) is not is_active:
            self.values[label], self.at_s[label] = is_active, asyncio.get_running_loop().time()
            self._moved.set()
