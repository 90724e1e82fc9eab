"""What the configuration says of a board of GPIO lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from hal.bus.gpio import FactoryName, LineOptions
from hal.io.light_codes import LightCode
from hal.io.lock_motor import LockOptions
from hal.types import IndicatorState, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class GpioOptions:
    """`mirror`: Unix socket of the simulated world that drives the pins of the mock factory; see `hal.io.mirror`."""

    lines: Mapping[str, LineOptions] = field(default_factory=dict)
    factory: FactoryName = "lgpio"
    chip: str | None = None
    mirror: str | None = None
    poll_s: Annotated[float, Range(0.01, 1.0, "s")] = 0.25  # of insulation monitors; safety lines are read by their owner
    locks: Mapping[str, LockOptions] = field(default_factory=dict)
    lights: Mapping[IndicatorState, LightCode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mirror is not None and self.factory != "mock":
            raise ValueError("mirror needs factory: mock")
        if problem := next(self._misfits(), None):
            raise ValueError(problem)

    def _misfits(self) -> Iterator[str]:
        """Lines that the factory cannot reach, and two labels of one line."""
        is_gpiod = self.factory == "gpiod"
        if self.chip is not None and not is_gpiod:
            yield "chip needs factory: gpiod"
        labels: dict[str, str] = {}
        for label, line in self.lines.items():
            if line.words in labels:
                yield f"lines {labels[line.words]} and {label} are both {line.words}"
            labels[line.words] = label
            if line.name is not None and not is_gpiod:
                yield f"line {label} is given by its name, which needs factory: gpiod; give the number"
            if line.number is not None and is_gpiod and self.chip is None:
                yield f"line {label} is given by its number, which needs the chip; give the chip, or the name"
            if line.drive != "push-pull" and not is_gpiod:
                yield f"line {label}: drive: {line.drive} needs factory: gpiod"
        for lock in self.locks:
            if f"{lock}_lock" not in self.lines:
                yield f"locks.{lock}: there is no line {lock}_lock"
