"""What a board offers to the parts that live on its lines: the gate's lines, monitors, locks, lights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from hal.errors import DeviceUnavailable


class Board(Protocol):
    """Lines by label, each claimed by one part. Errors are DeviceUnavailable, with the board's and the line's name."""

    name: str

    def claim(self, label: str, debounce_s: float = 0.0, *, is_eager: bool = False) -> None:
        """Take a line, an output inactive. An input counts as debounced, by its own option or else like this; see `Debouncer`."""

    def release(self, label: str) -> None:
        """Give a line back, an output inactive."""

    def read(self, label: str) -> bool:
        """The line is active."""

    def drive(self, label: str, is_active: bool) -> None:
        """Set an output."""

    def watch(self, moved: Callable[[], None], labels: Iterable[str]) -> bool:
        """Call `moved` when an input may read otherwise, until `unwatch`. False: not all of these claimed lines tell by themselves."""

    def unwatch(self, moved: Callable[[], None]) -> None:
        """Call it no more."""


def release_all(board: Board, labels: list[str]) -> None:
    """Give all back, even when one of them fails, and raise the first failure then. `labels` is empty afterwards."""
    failures: list[DeviceUnavailable] = []
    while labels:
        try:
            board.release(labels.pop())
        except DeviceUnavailable as error:
            failures.append(error)
    if failures:
        raise failures[0]
