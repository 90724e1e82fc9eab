"""A board of GPIO lines for who reads it at every look and has no event loop: the guard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from hal.errors import DeviceUnavailable
from hal.io.debounced_lines import DebouncedLines
from hal.io.gate_lines import GateLines
from hal.io.gpio_options import GpioOptions
from hal.io.polled_mirror import PolledMirror
from hal.ports import Place, SafetyIo, SafetyLines


class PolledBoard:
    """See `hal.io.board`. No line tells by itself."""

    Options = GpioOptions

    def __init__(self, name: str, options: GpioOptions, place: Place, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._options = options
        self._clock = clock
        self._lines = DebouncedLines(name, options)
        self._mirror: PolledMirror | None = None
        if options.mirror is not None:
            self._mirror = PolledMirror(name, place.runtime_dir / options.mirror, options.lines)
        self._was_there = False
        self._claimed: set[str] = set()

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns. Raises ConfigError for labels that are not there, or whose wiring cannot be safe."""
        return GateLines(self, lines, self._options.lines)

    def claim(self, label: str, debounce_s: float = 0.0, *, is_eager: bool = False) -> None:
        """Take a line."""
        self._lines.claim(label, debounce_s, is_eager=is_eager)
        self._claimed.add(label)
        if self._options.lines[label].direction == "out":
            self._report(label, is_active=False)

    def release(self, label: str) -> None:
        """Give a line back; with the last one the mirror."""
        self._claimed.discard(label)
        try:
            self._lines.release(label)
        finally:
            self._report(label, is_active=False)
            if self._mirror is not None and not self._claimed:
                self._mirror.hang_up()

    def read(self, label: str) -> bool:
        """The line is active; raises DeviceUnavailable when it cannot be read or the simulated world has not told it."""
        if self._mirror is not None:
            self._follow(self._mirror, label)
        counts, _ = self._lines.see(label, self._clock())
        return counts

    def drive(self, label: str, is_active: bool) -> None:
        """Set an output."""
        self._lines.drive(label, is_active)
        self._report(label, is_active)

    def watch(self, moved: Callable[[], None], labels: Iterable[str]) -> bool:
        """It cannot tell."""
        return False

    def unwatch(self, moved: Callable[[], None]) -> None:
        """Nobody is told anyway."""

    # --- the simulated world ----------------------------------------------------------------------------------------------------------

    def _follow(self, mirror: PolledMirror, label: str) -> None:
        is_there = mirror.take(self._clock())
        if is_there and not self._was_there:
            for output in (name for name in self._claimed if self._options.lines[name].direction == "out"):
                mirror.tell(output, self._lines.is_driven(output))
        if self._was_there and not is_there:
            self._lines.forget()
        self._was_there = is_there
        if label not in mirror.inputs:
            raise DeviceUnavailable(f"{self.name}: line {label} cannot be read: the mirror {self._options.mirror} has not told it")
        self._lines.simulate(label, mirror.inputs[label])

    def _report(self, label: str, is_active: bool) -> None:
        if self._mirror is not None and self._options.lines[label].direction == "out":
            self._mirror.tell(label, is_active)
