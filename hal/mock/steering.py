"""How a simulated device is made to misbehave, and how its readings are set: the same for mock devices and wire peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """`is_online` False: silence. `delay_s`: everything comes that much later. `is_corrupt`: what comes cannot be understood."""

    is_online: bool = True
    delay_s: float = 0.0
    is_corrupt: bool = False


class Steered:
    """Base of everything `sim.device` and `sim.set` may act on."""

    def __init__(self, name: str, changed: Callable[[], None]) -> None:
        self.name = name
        self.health = Health()
        self.changed = changed

    def misbehave(self, health: Health) -> None:
        """Behave like this from now on."""
        self.health = health
        self.changed()

    @property
    def is_reader(self) -> bool:
        """Cards can be put before it."""
        return False

    def swipe(self, id_tag: str, connectors: tuple[int, ...]) -> None:
        """Put a card before it. Raises ValueError where it reads no cards."""
        raise ValueError(f"{self.name} reads no cards")

    def plant_input(self, label: str) -> str | None:
        """The plant's input behind the label of a line; None where it has no such line."""
        return None

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """What of this device can be set, by name; each setter raises ValueError for a value that makes no sense."""
        return {}

    def set_field(self, field: str, value: object) -> None:
        """Set a reading. Raises ValueError for an unknown field or a wrong value."""
        setters = self.settable()
        if field not in setters:
            known = ", ".join(sorted(setters)) or "nothing"
            raise ValueError(f"{self.name} has no field {field!r}; what can be set: {known}")
        try:
            setters[field](value)
        except ValueError as error:
            raise ValueError(f"{self.name}: {field} {error}") from None
        self.changed()


def number(value: object, low: float, high: float) -> float:
    """A number within a range. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def flag(value: object) -> bool:
    """True or False. Raises ValueError."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")  # noqa: TRY004 - one error for bad input
    return value
