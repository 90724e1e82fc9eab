"""Where the demonstration is shown: as plain lines in a pipe, in a terminal with colours and a line at the foot that moves."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from chargerd.cli.timeline import Lane, Line, clock

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

CLOCK_WIDTH = 8
LANE_WIDTH = 6
_REDRAW_S = 0.1
_COLOURS = {Lane.DRIVER: "cyan", Lane.WIRES: "yellow", Lane.OCPP: "magenta", Lane.ENERGY: "green"}


class Screen(Protocol):
    """Takes what there is to see."""

    def say(self, text: str = "") -> None:
        """A line of its own."""

    def show(self, lines: Sequence[Line]) -> None:
        """Lines of the timeline."""

    def foot(self, mono_s: float, text: str) -> None:
        """What is going on right now; a pipe does not show it."""


class NoScreen:
    """Shows nothing: for `--json`."""

    def say(self, text: str = "") -> None:
        """See `Screen`."""

    def show(self, lines: Sequence[Line]) -> None:
        """See `Screen`."""

    def foot(self, mono_s: float, text: str) -> None:
        """See `Screen`."""


class PlainScreen(NoScreen):
    """Lines, each put out at once."""

    def say(self, text: str = "") -> None:
        """See `Screen`."""
        print(text, flush=True)

    def show(self, lines: Sequence[Line]) -> None:
        """See `Screen`."""
        for line in lines:
            print(plain(line), flush=True)


def plain(line: Line) -> str:
    """A line of the timeline without colours."""
    return f"{clock(line.at_s):>{CLOCK_WIDTH}}  {line.lane.value:<{LANE_WIDTH}}  {line.text}"


class TerminalScreen(NoScreen):
    """Lines that scroll away above the foot. live: a `rich.live.Live` that is shown."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._drawn_mono_s = 0.0

    def say(self, text: str = "") -> None:
        """See `Screen`."""
        from rich.text import Text

        self._live.console.print(Text(text), soft_wrap=True)  # a long command stays one line to copy

    def show(self, lines: Sequence[Line]) -> None:
        """See `Screen`."""
        for line in lines:
            self._live.console.print(_row(line))

    def foot(self, mono_s: float, text: str) -> None:
        """See `Screen`."""
        from rich.text import Text

        if not text or mono_s - self._drawn_mono_s >= _REDRAW_S:
            self._drawn_mono_s = mono_s
            self._live.update(Text(text, style="bold", overflow="ellipsis", no_wrap=True), refresh=True)


def _row(line: Line) -> Table:
    from rich.table import Table
    from rich.text import Text

    colour = _COLOURS[line.lane]
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=CLOCK_WIDTH, justify="right", style="dim")
    row.add_column(width=LANE_WIDTH, style=f"bold {colour}")
    row.add_column(overflow="fold")
    row.add_row(clock(line.at_s), line.lane.value, Text(line.text, colour if line.lane is Lane.ENERGY else ""))
    return row


@contextmanager
def screen(*, is_quiet: bool) -> Iterator[Screen]:
    """The screen that fits standard output."""
    if is_quiet:
        yield NoScreen()
        return
    if not sys.stdout.isatty():
        yield PlainScreen()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(highlight=False), auto_refresh=False, transient=True) as live:
        yield TerminalScreen(live)
