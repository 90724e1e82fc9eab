"""What the peers are built from: the devices of a configuration, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from hal.ports import SafetyLines

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One device of the configuration. `options` and `bus_options` are what its driver and its bus were given; `bus` is the bus's name.

    connectors: those that use the device, in order. Of a board: `lines` is what the gate owns (a contactor's feedback is
    `<label>_feedback`, where there is such a line), `insulation` the label of each connector's yes/no monitor, active: unsafe, `locks` that
    of its lock, with which the names of the lock's lines begin.
    """

    name: str
    driver: str
    options: object
    bus: str | None = None
    bus_options: object = None
    connectors: tuple[int, ...] = ()
    lines: SafetyLines = field(default_factory=SafetyLines)
    insulation: Mapping[int, str] = field(default_factory=dict)
    locks: Mapping[int, str] = field(default_factory=dict)

    def options_as(self, kind: type[T]) -> T:
        """The options of a driver whose peer knows what they are."""
        if not isinstance(self.options, kind):
            raise TypeError(f"{self.name}: {type(self.options).__name__} are no options of the driver {self.driver}")
        return self.options
