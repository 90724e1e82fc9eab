"""A board of GPIO lines: contactor coils, their feedback, safety inputs, and yes/no insulation monitors.

A line is named by its label; its logical value 1 is "active": coil energised, contactor closed, button pressed, door open, mains lost,
insulation bad. Inputs are wired so that a broken wire reads as active; a pull resistor that says otherwise is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from hal.bus.gpio import FactoryName, GpioLines, LineOptions
from hal.errors import ConfigError, DeviceUnavailable
from hal.io.mirror import Mirror
from hal.ports import Emit, InsulationMonitor, Place, SafetyIo, SafetyLines
from hal.types import InsulationReading, Range, SafetyInputs, SafetyOutputs

_log = logging.getLogger(__name__)

_EMIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GpioOptions:
    """`mirror`: Unix socket of the simulated world that drives the pins of the mock factory; see `hal.io.mirror`."""

    lines: Mapping[str, LineOptions] = field(default_factory=dict)
    factory: FactoryName = "lgpio"
    mirror: str | None = None
    poll_s: Annotated[float, Range(0.01, 1.0, "s")] = 0.25  # of insulation monitors; safety lines are read by their owner

    def __post_init__(self) -> None:
        if self.mirror is not None and self.factory != "mock":
            raise ValueError("mirror needs factory: mock")


class GpioIo:
    """The board. `run` serves the mirror, where there is one; the lines belong to those who claim them."""

    Options = GpioOptions
    bus_kind: ClassVar[str | None] = None

    def __init__(self, name: str, options: GpioOptions, place: Place) -> None:
        self.name = name
        self._options = options
        self._lines = GpioLines(name, options.factory, options.lines)
        self._mirror: Mirror | None = None
        if options.mirror is not None:
            self._mirror = Mirror(name, place.runtime_dir / options.mirror, options.lines, self._take_mirrored)
        self._mirrored: dict[str, bool] = {}  # inputs as the simulated world set them
        self._watchers: list[Callable[[], None]] = []

    async def run(self, emit: Emit) -> None:
        """Mirror the lines until the simulated world goes away, which raises DeviceUnavailable; without mirror there is nothing to do."""
        if self._mirror is None:
            await asyncio.get_running_loop().create_future()
            return
        outputs = {label: False for label, line in self._options.lines.items() if line.direction == "out"}
        try:
            await self._mirror.run({label: self._lines.is_claimed(label) and self._lines.read(label) for label in outputs})
        finally:
            self._mirrored.clear()
            self._call_watchers()

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns. Raises ConfigError for labels that are not there, or whose wiring cannot be safe."""
        problems: list[str] = []
        named = ((connector, f"{label}_feedback") for connector, label in lines.contactors.items())
        feedback = {connector: label for connector, label in named if label in self._options.lines}
        for coil in lines.contactors.values():
            self._check(coil, "out", problems)
        for label in lines.inputs:
            self._check(label, "in", problems)
        if problems:
            raise ConfigError(problems)
        return _GpioSafetyIo(self, lines, feedback)

    def insulation_monitor(self, line: str) -> InsulationMonitor:
        """A monitor that says yes or no on a line, which is active when the insulation is bad (or the wire broken)."""
        problems: list[str] = []
        self._check(line, "in", problems)
        if problems:
            raise ConfigError(problems)
        return _LineMonitor(self, line, self._options.poll_s)

    def _check(self, label: str, direction: str, problems: list[str]) -> None:
        try:
            line = self._lines.line(label)
        except ConfigError as error:
            problems.extend(error.problems)
            return
        if line.direction != direction:
            problems.append(f"{self.name}: line {label} has direction {line.direction}, it is used as {direction}")
        floats_inactive = line.pull == ("up" if line.active_low else "down")
        if direction == "in" and floats_inactive:
            problems.append(f"{self.name}: line {label} would read as inactive with a broken wire; change pull or active_low")

    def claim(self, label: str) -> None:
        """Take a line for a part of this board."""
        self._lines.claim(label)
        if label in self._mirrored:
            self._lines.simulate(label, self._mirrored[label])

    def release(self, label: str) -> None:
        """Give a line back."""
        self._lines.release(label)
        self._report(label, is_active=False)

    def read(self, label: str) -> bool:
        """The line is active; raises DeviceUnavailable when it cannot be read or the simulated world has not told it."""
        if self._mirror is not None and label not in self._mirrored:
            raise DeviceUnavailable(f"{self.name}: line {label} cannot be read: the mirror {self._options.mirror} has not told it")
        return self._lines.read(label)

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

    def watch(self, moved: Callable[[], None]) -> bool:
        """Call back when a mirrored line moved; False: real lines are read, they do not announce themselves."""
        if self._mirror is None:
            return False
        self._watchers.append(moved)
        return True

    def _call_watchers(self) -> None:
        for moved in self._watchers:
            moved()


class _GpioSafetyIo:
    """See the port. Without a feedback line a contactor reads as its coil is driven."""

    def __init__(self, board: GpioIo, lines: SafetyLines, feedback: Mapping[int, str]) -> None:
        self.name = board.name
        self._board = board
        self._lines = lines
        self._feedback = feedback
        self._claimed: list[str] = []
        self._driven: frozenset[int] = frozenset()

    def open(self) -> None:
        self.close()
        try:
            for label in (*self._lines.contactors.values(), *self._feedback.values(), *self._lines.inputs):
                self._board.claim(label)
                self._claimed.append(label)
        except DeviceUnavailable:
            self.close()
            raise

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
        return self._board.watch(moved)

    def apply(self, outputs: SafetyOutputs) -> None:
        """Drive the coils: first those to be opened."""
        contactors = self._lines.contactors
        for connector in sorted(contactors, key=lambda connector: connector in outputs.closed_contactors):
            self._board.drive(contactors[connector], connector in outputs.closed_contactors)
        self._driven = outputs.closed_contactors & contactors.keys()

    def close(self) -> None:
        """Everything open, lines released; goes through all lines even when one of them fails."""
        self._driven = frozenset()
        failures: list[DeviceUnavailable] = []
        for label in self._claimed:
            try:
                self._board.release(label)
            except DeviceUnavailable as error:
                failures.append(error)
        self._claimed.clear()
        if failures:
            raise failures[0]

    def _is_active(self, label: str | None) -> bool:
        return label is not None and self._board.read(label)

    def _is_closed(self, connector: int) -> bool:
        label = self._feedback.get(connector)
        return connector in self._driven if label is None else self._board.read(label)


class _LineMonitor:
    """A yes/no insulation monitor."""

    def __init__(self, board: GpioIo, line: str, poll_s: float) -> None:
        self.name = f"{board.name}.{line}"
        self._board = board
        self._line = line
        self._poll_s = poll_s

    async def run(self, emit: Emit) -> None:
        """Emit on change and each second."""
        loop = asyncio.get_running_loop()
        self._board.claim(self._line)
        try:
            emitted: tuple[float, bool] | None = None
            while True:
                is_safe = not self._board.read(self._line)
                if emitted is None or emitted[1] != is_safe or loop.time() - emitted[0] >= _EMIT_S:
                    emitted = loop.time(), is_safe
                    emit(InsulationReading(is_safe))
                await asyncio.sleep(self._poll_s)
        finally:
            self._board.release(self._line)
