"""Whether the lines that a part of a board needs are there, in the right direction, and safe with a broken wire."""

from __future__ import annotations

from collections.abc import Mapping

from hal.bus.gpio import LineOptions
from hal.errors import ConfigError


class Wiring:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self, name: str, lines: Mapping[str, LineOptions]) -> None:
        self._name = name
        self._lines = lines
        self.problems: list[str] = []

    def output(self, label: str) -> None:
        """The part drives this line."""
        self._directed(label, "out")

    def input(self, label: str, *, broken: bool | None = True) -> None:
        """The part reads this line. `broken`: as what a broken wire has to read, active or not; None: either will do.

        Without a pull resistor of the board there has to be one outside, which is not known here.
        """
        line = self._directed(label, "in")
        if line is None or line.pull == "none" or broken is None:
            return
        floats_active = (line.pull == "up") is not line.active_low
        if floats_active is not broken:
            said = "active" if floats_active else "inactive"
            self.problems.append(f"{self._name}: line {label} would read as {said} with a broken wire; change pull or active_low")

    def only(self, part: str, known: tuple[str, ...]) -> None:
        """Of the lines that begin with the part's label there are no others than these, which a slip of the pen would be."""
        for label in self._lines:
            if label.startswith(f"{part}_") and label not in known:
                self.problems.append(f"{self._name}: line {label} means nothing to {part}; known are {', '.join(known)}")

    def refuse(self) -> None:
        """Raises ConfigError when something is wrong."""
        if self.problems:
            raise ConfigError(self.problems)

    def _directed(self, label: str, direction: str) -> LineOptions | None:
        line = self._lines.get(label)
        if line is None:
            self.problems.append(f"{self._name}: no line {label!r}; there are {', '.join(sorted(self._lines)) or 'none'}")
        elif line.direction != direction:
            self.problems.append(f"{self._name}: line {label} has direction {line.direction}, it is used as {direction}")
        return line
