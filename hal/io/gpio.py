"""A board of GPIO lines: contactor coils and safety inputs for the gate, yes/no insulation monitors, connector locks, lights.

A line is named by its label; its logical value 1 is "active": coil energised, contactor closed, button pressed, door open, mains lost,
insulation bad, bolt at the end switch, LED lit. Safety inputs are wired so that a broken wire reads as active, end switches so that it
reads as inactive; a pull resistor that says otherwise is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import ClassVar

from hal.errors import DeviceUnavailable
from hal.io.debounced_lines import DebouncedLines
from hal.io.gate_lines import GateLines
from hal.io.gpio_options import GpioOptions
from hal.io.line_light import LineLight
from hal.io.line_lock import LineLock
from hal.io.line_monitor import LineMonitor
from hal.io.lock_motor import LockOptions
from hal.io.mirror import Mirror
from hal.io.wiring import Wiring
from hal.ports import ConnectorLock, Emit, Indicator, InsulationMonitor, Place, SafetyIo, SafetyLines


class GpioIo:
    """The board. `run` serves the mirror, where there is one; the lines belong to those who claim them."""

    Options = GpioOptions
    bus_kind: ClassVar[str | None] = None

    def __init__(self, name: str, options: GpioOptions, place: Place) -> None:
        self.name = name
        self._options = options
        self._lines = DebouncedLines(name, options)
        self._mirror: Mirror | None = None
        if options.mirror is not None:
            self._mirror = Mirror(name, place.runtime_dir / options.mirror, options.lines, self._take_mirrored)
        self._mirrored: dict[str, bool] = {}  # inputs as the simulated world set them
        self._telling: set[str] = set()  # claimed inputs that tell by themselves when they move
        self._watchers: list[Callable[[], None]] = []
        self._next_look: asyncio.TimerHandle | None = None

    async def run(self, emit: Emit) -> None:
        """Mirror the lines until the simulated world goes away, which raises DeviceUnavailable; without mirror there is nothing to do."""
        if self._mirror is None:
            await asyncio.get_running_loop().create_future()
            return
        outputs = [label for label, line in self._options.lines.items() if line.direction == "out" and self._lines.is_claimed(label)]
        try:
            await self._mirror.run({label: self._lines.is_driven(label) for label in outputs})
        finally:
            self._mirrored.clear()
            self._lines.forget()
            self._call_watchers()

    # --- parts of the board -----------------------------------------------------------------------------------------------------------

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns. Raises ConfigError for labels that are not there, or whose wiring cannot be safe."""
        return GateLines(self, lines, self._options.lines)

    def insulation_monitor(self, line: str) -> InsulationMonitor:
        """A monitor that says yes or no on a line. Raises ConfigError as above."""
        wiring = Wiring(self.name, self._options.lines)
        wiring.input(line)
        wiring.refuse()
        return LineMonitor(self, line, self._options.poll_s)

    def connector_lock(self, label: str, connector: int) -> ConnectorLock:
        """The lock on the lines that begin with the label. Raises ConfigError as above."""
        options = self._options
        return LineLock(self, label, options.lines, options.locks.get(label, LockOptions()), options.poll_s)

    def indicator(self, label: str) -> Indicator:
        """The light on the lines that begin with the label. Raises ConfigError as above."""
        return LineLight(self, label, self._options.lines, self._options.lights)

    # --- lines; see `hal.io.board` ----------------------------------------------------------------------------------------------------

    def claim(self, label: str, debounce_s: float = 0.0, *, is_eager: bool = False) -> None:
        """Take a line."""
        self._lines.claim(label, debounce_s, is_eager=is_eager)
        if self._options.lines[label].direction == "out":
            return
        if label in self._mirrored:
            self._lines.simulate(label, self._mirrored[label])
        if self._lines.watch(label, self._call_watchers):
            self._telling.add(label)

    def release(self, label: str) -> None:
        """Give a line back."""
        self._telling.discard(label)
        self._lines.release(label)
        self._report(label, is_active=False)

    def read(self, label: str) -> bool:
        """The line is active; raises DeviceUnavailable when it cannot be read or the simulated world has not told it."""
        if self._mirror is not None and label not in self._mirrored:
            raise DeviceUnavailable(f"{self.name}: line {label} cannot be read: the mirror {self._options.mirror} has not told it")
        counts, settles_s = self._lines.see(label, asyncio.get_running_loop().time())
        if settles_s is not None:
            self._look_again(settles_s)
        return counts

    def drive(self, label: str, is_active: bool) -> None:
        """Set an output."""
        self._lines.drive(label, is_active)
        self._report(label, is_active)

    def _report(self, label: str, is_active: bool) -> None:
        if self._mirror is not None and self._options.lines[label].direction == "out":
            self._mirror.tell(label, is_active)

    def _take_mirrored(self, label: str, is_active: bool) -> None:
        self._mirrored[label] = is_active
        if self._lines.is_claimed(label):
            self._lines.simulate(label, is_active)
        self._call_watchers()

    # --- who wants to know ------------------------------------------------------------------------------------------------------------

    def watch(self, moved: Callable[[], None], labels: Iterable[str]) -> bool:
        """Call back when an input moved, or a change of one has lasted long enough to count."""
        if moved not in self._watchers:
            self._watchers.append(moved)
        return self._telling.issuperset(labels)

    def unwatch(self, moved: Callable[[], None]) -> None:
        """Call it no more."""
        if moved in self._watchers:
            self._watchers.remove(moved)

    def _call_watchers(self) -> None:
        for moved in tuple(self._watchers):
            moved()

    def _look_again(self, at_s: float) -> None:
        """A change waits to count: have everybody look when it does."""
        if self._next_look is not None and self._next_look.when() <= at_s and not self._next_look.cancelled():
            return
        if self._next_look is not None:
            self._next_look.cancel()
        self._next_look = asyncio.get_running_loop().call_at(at_s, self._look_now)

    def _look_now(self) -> None:
        self._next_look = None
        self._call_watchers()
