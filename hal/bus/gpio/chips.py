"""Lines by libgpiod 2, on any board whose kernel has GPIO character devices.

Chips are looked up by label and lines by name: the numbers of chips move between kernels. Each line is a request of its own, whose consumer
`chargerd <label>` tells others who has it. Values are logical here already: the kernel knows the polarity.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from hal.bus.gpio.backend import LineError
from hal.bus.gpio.options import LineOptions
from hal.options import nearest

DEVICES = Path("/dev")

_REFUSED = (errno.EBUSY, errno.EACCES, errno.EPERM)
"""What asking for less does not help against."""


class Chips:
    """The chips of this machine, or the one of them that `chip` names by path or label. Raises ImportError without the library."""

    errors: tuple[type[Exception], ...] = (OSError, ValueError, LineError)  # ValueError: no such offset

    def __init__(self, chip: str | None) -> None:
        self._gpiod = importlib.import_module("gpiod")
        self._chip = chip

    def claim(self, label: str, options: LineOptions, debounce_s: float) -> ChipLine:
        """Take a line. Raises LineError for one that does not exist, is not the only one of its name, or is held by somebody else."""
        path, offset = self._find(options)
        with self._gpiod.Chip(path) as chip:
            try:
                return self._request(chip, offset, label, options, debounce_s)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                holder = chip.get_line_info(offset).consumer or "the kernel"
                raise LineError(f"it is held by {holder!r}; stop that first") from error

    # --- finding ----------------------------------------------------------------------------------------------------------------------

    def _find(self, options: LineOptions) -> tuple[str, int]:
        paths = list(self._paths())
        if options.name is None:
            (path,) = paths
            with self._gpiod.Chip(path) as chip:
                return path, chip.line_offset_from_id(options.number)
        named = [(name, path, offset) for path in paths for name, offset in self._named(path)]
        found = [(path, offset) for name, path, offset in named if name == options.name]
        if not found:
            raise LineError(f"there is no line of that name; {nearest(options.name, sorted({name for name, _, _ in named}))}")
        if len(found) > 1:
            where = ", ".join(f"line {offset} of {path}" for path, offset in found)
            raise LineError(f"several lines have that name: {where}; give the chip, or the number")
        return found[0]

    def _paths(self) -> Iterator[str]:
        """The chips to look at: all, or exactly one."""
        labels = {path: label for path in sorted(map(str, DEVICES.glob("gpiochip*"))) if (label := self._label(path)) is not None}
        if self._chip is None:
            yield from labels
            return
        found = [path for path, label in labels.items() if self._chip in (path, label)]
        if len(found) != 1:
            there = ", ".join(f"{label} ({path})" for path, label in labels.items()) or "none"
            raise LineError(f"{'several chips are' if found else 'no chip is'} called {self._chip}; there are {there}")
        yield found[0]

    def _label(self, path: str) -> str | None:
        if not self._gpiod.is_gpiochip_device(path):
            return None
        with self._gpiod.Chip(path) as chip:
            return str(chip.get_info().label)

    def _named(self, path: str) -> Iterator[tuple[str, int]]:
        with self._gpiod.Chip(path) as chip:
            for offset in range(chip.get_info().num_lines):
                if name := chip.get_line_info(offset).name:
                    yield name, offset

    # --- asking -----------------------------------------------------------------------------------------------------------------------

    def _request(self, chip: Any, offset: int, label: str, options: LineOptions, debounce_s: float) -> ChipLine:
        def requested(*, is_watched: bool, debounce_s: float) -> ChipLine:
            settings = self._settings(options, is_watched=is_watched, debounce_s=debounce_s)
            request = chip.request_lines({offset: settings}, consumer=f"chargerd {label}")
            return ChipLine(
                request, offset, self._gpiod.line.Value, is_output=is_output, is_watched=is_watched, is_debounced=debounce_s > 0
            )

        is_output = options.direction == "out"
        if is_output:
            return requested(is_watched=False, debounce_s=0.0)
        try:
            return requested(is_watched=True, debounce_s=debounce_s)
        except OSError as error:
            if error.errno in _REFUSED:
                raise
            return requested(is_watched=False, debounce_s=0.0)  # a chip without interrupts can be read all the same

    def _settings(self, options: LineOptions, *, is_watched: bool, debounce_s: float) -> Any:
        line = self._gpiod.line
        if options.direction == "out":
            drive = {"push-pull": line.Drive.PUSH_PULL, "open-drain": line.Drive.OPEN_DRAIN, "open-source": line.Drive.OPEN_SOURCE}
            return self._gpiod.LineSettings(
                direction=line.Direction.OUTPUT,
                drive=drive[options.drive],
                active_low=options.active_low,
                output_value=line.Value.INACTIVE,
            )
        bias = {"up": line.Bias.PULL_UP, "down": line.Bias.PULL_DOWN, "none": line.Bias.AS_IS}
        return self._gpiod.LineSettings(
            direction=line.Direction.INPUT,
            bias=bias[options.pull],
            active_low=options.active_low,
            edge_detection=line.Edge.BOTH if is_watched else line.Edge.NONE,
            debounce_period=timedelta(seconds=debounce_s),
        )


class ChipLine:
    """A line as libgpiod has it; its edges come through a file descriptor."""

    def __init__(self, request: Any, offset: int, values: Any, *, is_output: bool, is_watched: bool, is_debounced: bool) -> None:
        self.is_debounced = is_debounced
        self._request = request
        self._offset = offset
        self._values = values
        self._is_output = is_output
        self._is_watched = is_watched
        self._loop: asyncio.AbstractEventLoop | None = None

    def read(self) -> bool:
        return bool(self._request.get_value(self._offset) == self._values.ACTIVE)

    def drive(self, is_active: bool) -> None:
        self._request.set_value(self._offset, self._values.ACTIVE if is_active else self._values.INACTIVE)

    def watch(self, moved: Callable[[], None]) -> bool:
        if self._is_watched:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._request.fd, self._take_edges, moved)
        return self._is_watched

    def _take_edges(self, moved: Callable[[], None]) -> None:
        try:
            self._request.read_edge_events()
        except OSError:  # the chip is gone, which its reader will be told
            self._unwatch()
        moved()

    def _unwatch(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._request.fd)
            self._loop = None

    def release(self) -> None:
        self._unwatch()
        try:
            if self._is_output:
                self.drive(False)
        finally:
            with contextlib.suppress(OSError):
                self._request.release()
