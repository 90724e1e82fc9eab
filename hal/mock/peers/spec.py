"""What the peers are built from: the devices of a configuration, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRoles:
    """What the labels of a board's lines stand for. A contactor's feedback is `<label>_feedback`, where the board has such a line."""

    contactors: Mapping[int, str] = field(default_factory=dict)  # connector -> label of the coil
    insulation: Mapping[int, str] = field(default_factory=dict)  # connector -> label of its yes/no monitor, active: unsafe
    estop: str | None = None
    door: str | None = None
    mains: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One device of the configuration. `options` and `bus_options` are what its driver and its bus were given; `bus` is the bus's name.

    connectors: those that use the device, in order; roles: of the lines, where it is a board.
    """

    name: str
    driver: str
    options: object
    bus: str | None = None
    bus_options: object = None
    connectors: tuple[int, ...] = ()
    roles: LineRoles = field(default_factory=LineRoles)

    def options_as(self, kind: type[T]) -> T:
        """The options of a driver whose peer knows what they are."""
        if not isinstance(self.options, kind):
            raise TypeError(f"{self.name}: {type(self.options).__name__} are no options of the driver {self.driver}")
        return self.options
