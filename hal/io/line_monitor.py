"""A yes/no insulation monitor on a line of a board."""

from __future__ import annotations

import asyncio

from hal.io.board import Board
from hal.ports import Emit
from hal.types import InsulationReading

_EMIT_S = 1.0


class LineMonitor:
    """An `InsulationMonitor`; the line is active when the insulation is bad, or the wire broken."""

    def __init__(self, board: Board, line: str, poll_s: float) -> None:
        self.name = f"{board.name}.{line}"
        self._board = board
        self._line = line
        self._poll_s = poll_s

    async def run(self, emit: Emit) -> None:
        """Emit on change and each second."""
        loop = asyncio.get_running_loop()
        self._board.claim(self._line)
        try:
            emitted: tuple[float, bool] | None = None
            while True:
                is_safe = not self._board.read(self._line)
                if emitted is None or emitted[1] != is_safe or loop.time() - emitted[0] >= _EMIT_S:
                    emitted = loop.time(), is_safe
                    emit(InsulationReading(is_safe))
                await asyncio.sleep(self._poll_s)
        finally:
            self._board.release(self._line)
