"""The lines of one board by label, inputs as they count: debounced by the kernel where it can, else here."""

from __future__ import annotations

from collections.abc import Callable

from hal.bus.gpio import GpioLines
from hal.io.debounce import Debouncer
from hal.io.gpio_options import GpioOptions


class DebouncedLines:
    """Every method raises DeviceUnavailable, with the board's and the line's name, for what the hardware refuses."""

    def __init__(self, name: str, options: GpioOptions) -> None:
        self._options = options.lines
        self._lines = GpioLines(name, options.factory, options.lines, options.chip)
        self._debouncers: dict[str, Debouncer] = {}

    def claim(self, label: str, debounce_s: float, *, is_eager: bool) -> None:
        """Take a line. What counts at once in one direction is not for the kernel, which debounces both alike."""
        line = self._options[label]
        span_s = debounce_s if line.debounce_s is None else line.debounce_s
        is_debounced = self._lines.claim(label, 0.0 if is_eager else span_s)
        if line.direction == "in":
            self._debouncers[label] = Debouncer(0.0 if is_debounced else span_s, is_eager)

    def release(self, label: str) -> None:
        """Give a line back, an output inactive; harmless when it is not claimed."""
        self._debouncers.pop(label, None)
        self._lines.release(label)

    def see(self, label: str, now_s: float) -> tuple[bool, float | None]:
        """Whether a line is active as it counts, and when a change that waits will count, should it last."""
        is_active = self._lines.read(label)
        debouncer = self._debouncers.get(label)
        return (is_active, None) if debouncer is None else (debouncer.see(is_active, now_s), debouncer.settles_s)

    def forget(self) -> None:
        """No input could be seen for a while: the next look at each is the first."""
        for debouncer in self._debouncers.values():
            debouncer.forget()

    def drive(self, label: str, is_active: bool) -> None:
        """Set an output."""
        self._lines.drive(label, is_active)

    def is_claimed(self, label: str) -> bool:
        """Somebody holds the line."""
        return self._lines.is_claimed(label)

    def is_driven(self, label: str) -> bool:
        """An output is held, and active."""
        return self._lines.is_claimed(label) and self._lines.read(label)

    def watch(self, label: str, moved: Callable[[], None]) -> bool:
        """Have `moved` called in the running loop when an input may have moved. False: it cannot tell."""
        return self._lines.watch(label, moved)

    def simulate(self, label: str, is_active: bool) -> None:
        """Put a level on a claimed input of the mock factory, as the world outside would."""
        self._lines.simulate(label, is_active)
