"""Several boards as one: the gate sees all its lines at once, wherever they are wired."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hal.errors import DeviceUnavailable
from hal.ports import SafetyIo
from hal.types import SafetyInputs, SafetyOutputs


def united(boards: Sequence[SafetyIo]) -> SafetyIo:
    """One `SafetyIo` for all of them. An input that any of them reads as active is active; all have to be readable."""
    return boards[0] if len(boards) == 1 else _Boards(boards)


class _Boards:
    def __init__(self, boards: Sequence[SafetyIo]) -> None:
        self.name = " and ".join(board.name for board in boards)
        self._boards = boards

    def open(self) -> None:
        """Claim the lines of all, or of none."""
        try:
            for board in self._boards:
                board.open()
        except DeviceUnavailable:
            self.close()
            raise

    def read(self) -> SafetyInputs:
        read = [board.read() for board in self._boards]
        return SafetyInputs(
            is_estop_pressed=any(inputs.is_estop_pressed for inputs in read),
            is_door_open=any(inputs.is_door_open for inputs in read),
            closed_contactors=_union(inputs.closed_contactors for inputs in read),
            is_mains_lost=any(inputs.is_mains_lost for inputs in read),
            leaking=_union(inputs.leaking for inputs in read),
            overheated=_union(inputs.overheated for inputs in read),
            is_readable=all(inputs.is_readable for inputs in read),
        )

    def watch(self, moved: Callable[[], None]) -> bool:
        """False as soon as one of them has to be read at every tick."""
        told = [board.watch(moved) for board in self._boards]
        return all(told)

    def apply(self, outputs: SafetyOutputs) -> None:
        """Drive every board, even when one of them cannot be driven."""
        _each(self._boards, lambda board: board.apply(outputs))

    def close(self) -> None:
        """Everything open, on every board, even when one of them fails."""
        _each(self._boards, lambda board: board.close())


def _each(boards: Iterable[SafetyIo], act: Callable[[SafetyIo], None]) -> None:
    failures: list[DeviceUnavailable] = []
    for board in boards:
        try:
            act(board)
        except DeviceUnavailable as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset[int]().union(*sets)
