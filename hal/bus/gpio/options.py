"""What the configuration says of a line, whatever library reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hal.types import Range

FactoryName = Literal["mock", "native", "lgpio", "gpiod"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """One line: where it is, direction, polarity, pull resistor and debouncing (inputs), kind of driver (outputs).

    number: BCM number on a Raspberry Pi, offset on the chip with gpiod, which also knows lines by the `name` the device tree gives them.
    debounce_s: None leaves it to what the line is used for.
    """

    number: Annotated[int, Range(0, 1023)] | None = None
    name: str | None = None
    direction: Literal["in", "out"]
    active_low: bool = False
    pull: Literal["up", "down", "none"] = "none"
    debounce_s: Annotated[float, Range(0.0, 1.0, "s")] | None = None
    drive: Literal["push-pull", "open-drain", "open-source"] = "push-pull"

    def __post_init__(self) -> None:
        if (self.number is None) == (self.name is None):
            raise ValueError("give a line by its number or by its name")

    @property
    def words(self) -> str:
        """The line as it is called outside."""
        return self.name if self.name is not None else f"GPIO{self.number}"
