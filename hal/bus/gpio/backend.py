"""What a library for GPIO is asked for. Two fit: `pins.py` (gpiozero, on a Raspberry Pi) and `chips.py` (gpiod, on any board)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hal.bus.gpio.options import LineOptions


class LineError(Exception):
    """What is wrong with a line, in words that follow its name."""


class Line(Protocol):
    """A claimed line. `is_debounced`: by the kernel, as long as it was asked to; a change shorter than that is never seen."""

    is_debounced: bool

    def read(self) -> bool:
        """The line is active."""

    def drive(self, is_active: bool) -> None:
        """Set an output."""

    def watch(self, moved: Callable[[], None]) -> bool:
        """Have `moved` called in the running loop when an input may have moved. False: it cannot tell, it has to be read."""

    def release(self) -> None:
        """Give the line back; an output is driven inactive first."""


class Backend(Protocol):
    """One library on one board. Constructed without touching a line. `errors`: what its lines raise."""

    errors: tuple[type[Exception], ...]

    def claim(self, label: str, options: LineOptions, debounce_s: float) -> Line:
        """Take a line; an output is inactive from the first moment on. `debounce_s` is for those that can have it done by the kernel."""
