"""The light of a connector on the lines of a board: an output for each LED."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from hal.bus.gpio import LineOptions
from hal.io.board import Board, release_all
from hal.io.light_codes import COLOURS, Colour, LightCode, leds, lit, usual
from hal.io.wiring import Wiring
from hal.ports import Emit
from hal.types import IndicatorState


class LineLight:
    """An `Indicator` named `<board>.<label>`; its lines are `<label>_green` and so on, at least one. `codes` go before the usual ones.

    Raises ConfigError for wiring that does not do, and for a code with a colour that this light cannot show.
    """

    def __init__(self, board: Board, label: str, lines: Mapping[str, LineOptions], codes: Mapping[IndicatorState, LightCode]) -> None:
        self.name = f"{board.name}.{label}"
        self._board = board
        named = {colour: f"{label}_{colour}" for colour in COLOURS}
        self._lines = {colour: name for colour, name in named.items() if name in lines}
        self._state = IndicatorState.OFF
        self._lit: frozenset[Colour] = frozenset()
        self._changed = asyncio.Event()
        wiring = Wiring(board.name, lines)
        for line in self._lines.values():
            wiring.output(line)
        wiring.only(label, tuple(named.values()))
        wiring.problems += [f"{board.name}: {problem}" for problem in _misfits(label, frozenset(self._lines), codes)]
        wiring.refuse()
        self._codes = {state: codes.get(state) or usual(state, frozenset(self._lines)) for state in IndicatorState}

    def apply(self, output: IndicatorState) -> None:
        """Say this from now on."""
        if output is not self._state:
            self._state = output
            self._changed.set()

    async def run(self, emit: Emit) -> None:
        """Blink where there is something to blink, wait otherwise. On leaving it is dark."""
        claimed: list[str] = []
        try:
            for line in self._lines.values():
                self._board.claim(line)
                claimed.append(line)
            self._lit = frozenset()
            await self._blink()
        finally:
            release_all(self._board, claimed)

    async def _blink(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            code = self._codes[self._state]
            is_on, next_s = lit(code.blink, loop.time())
            self._light(code.colours if is_on else ())
            try:
                async with asyncio.timeout_at(next_s):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _light(self, colours: tuple[Colour, ...]) -> None:
        present = frozenset(self._lines)
        wanted = frozenset[Colour]().union(*(leds(colour, present) or () for colour in colours))
        for colour in COLOURS:
            if (colour in wanted) is not (colour in self._lit):
                self._board.drive(self._lines[colour], colour in wanted)
        self._lit = wanted


def _misfits(label: str, present: frozenset[Colour], codes: Mapping[IndicatorState, LightCode]) -> Iterator[str]:
    """What this light is said to show and cannot."""
    if not present:
        yield f"no line for {label}; a light has one or more of {', '.join(f'{label}_{colour}' for colour in COLOURS)}"
        return
    for state, code in codes.items():
        for colour in code.colours:
            if leds(colour, present) is None:
                yield f"lights.{state.value}: {label} has no {colour}; there is no line {label}_{colour}"
