"""The lines of a board that the gate owns: contactor coils with their feedback, and safety inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hal.bus.gpio import LineOptions
from hal.errors import DeviceUnavailable
from hal.io.board import Board, release_all
from hal.io.wiring import Wiring
from hal.ports import SafetyLines
from hal.types import SafetyInputs, SafetyOutputs

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Use:
    """How an input is debounced that does not say it itself: a push button acts at once, a door rattles, a contact bounces."""

    debounce_s: float
    is_eager: bool = False


_ESTOP = _Use(0.005, is_eager=True)
_DOOR = _Use(0.03)
_MAINS = _Use(0.02)
_TRIPPED = _Use(0.005, is_eager=True)
_HOT = _Use(0.03)
_FEEDBACK = _Use(0.02)


def feedback_lines(contactors: Mapping[int, str], lines: Mapping[str, LineOptions]) -> dict[int, str]:
    """The auxiliary contact of each contactor that has one: the line named like its coil with `_feedback`."""
    named = {connector: f"{label}_feedback" for connector, label in contactors.items()}
    return {connector: label for connector, label in named.items() if label in lines}


class GateLines:
    """A `SafetyIo`. Without a feedback line a contactor reads as its coil is driven. Raises ConfigError for wiring that cannot be safe."""

    def __init__(self, board: Board, lines: SafetyLines, configured: Mapping[str, LineOptions]) -> None:
        self.name = board.name
        self._board = board
        self._lines = lines
        self._feedback = feedback_lines(lines.contactors, configured)
        self._claimed: list[str] = []
        self._driven: frozenset[int] = frozenset()
        self._moved: Callable[[], None] | None = None
        wiring = Wiring(board.name, configured)
        for output in (*lines.contactors.values(), *lines.module_enable.values()):
            wiring.output(output)
        for label in lines.inputs:
            wiring.input(label)
        for label in self._feedback.values():
            wiring.input(label, broken=None)
        wiring.refuse()

    def open(self) -> None:
        """Claim the coils first: they are open from then on."""
        self.close()
        try:
            for label in (*self._lines.contactors.values(), *self._lines.module_enable.values()):
                self._board.claim(label)
                self._claimed.append(label)
            for label, use in self._uses():
                self._board.claim(label, use.debounce_s, is_eager=use.is_eager)
                self._claimed.append(label)
        except DeviceUnavailable:
            self.close()
            raise

    def _uses(self) -> Iterator[tuple[str, _Use]]:
        lines = self._lines
        yield from ((label, _FEEDBACK) for label in self._feedback.values())
        yield from ((label, _TRIPPED) for label in lines.residual_current.values())
        yield from ((label, _HOT) for label in lines.over_temperature.values())
        yield from ((label, use) for label, use in ((lines.estop, _ESTOP), (lines.door, _DOOR), (lines.mains, _MAINS)) if label is not None)

    def read(self) -> SafetyInputs:
        """When a line cannot be read: everything active, feedback as a broken wire gives it (open), `is_readable=False`."""
        lines = self._lines
        try:
            return SafetyInputs(
                is_estop_pressed=self._is_active(lines.estop),
                is_door_open=self._is_active(lines.door),
                closed_contactors=frozenset(connector for connector in lines.contactors if self._is_closed(connector)),
                is_mains_lost=self._is_active(lines.mains),
                leaking=frozenset(connector for connector, label in lines.residual_current.items() if self._board.read(label)),
                overheated=frozenset(connector for connector, label in lines.over_temperature.items() if self._board.read(label)),
            )
        except DeviceUnavailable as error:
            _log.debug("safety_lines_unreadable device=%s error=%s", self.name, error)
            return SafetyInputs(is_mains_lost=True, is_readable=False)

    def watch(self, moved: Callable[[], None]) -> bool:
        """Contactors without feedback move with their coils, so that only inputs have to tell."""
        self._moved = moved
        return self._board.watch(moved, [label for label, _ in self._uses()])

    def apply(self, outputs: SafetyOutputs) -> None:
        """Drive the enable lines, then the coils: in both first those to be switched off."""
        enables, contactors = self._lines.module_enable, self._lines.contactors
        for connector in sorted(enables, key=lambda connector: connector in outputs.enabled_modules):
            self._board.drive(enables[connector], connector in outputs.enabled_modules)
        for connector in sorted(contactors, key=lambda connector: connector in outputs.closed_contactors):
            self._board.drive(contactors[connector], connector in outputs.closed_contactors)
        self._driven = outputs.closed_contactors & contactors.keys()

    def close(self) -> None:
        """Everything open, lines released; goes through all lines even when one of them fails, coils first."""
        self._driven = frozenset()
        if self._moved is not None:
            self._board.unwatch(self._moved)
            self._moved = None
        self._claimed.reverse()
        release_all(self._board, self._claimed)

    def _is_active(self, label: str | None) -> bool:
        return label is not None and self._board.read(label)

    def _is_closed(self, connector: int) -> bool:
        label = self._feedback.get(connector)
        return connector in self._driven if label is None else self._board.read(label)
