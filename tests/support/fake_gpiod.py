"""A kernel with GPIO chips, behind the part of libgpiod's Python bindings (2.2) that is used here.

Levels are those of the wire, True is high. A test moves an input with `FakeChip.put` and sees in `FakeLine.levels` every level that an
output has had.
Source: the bindings' own documentation, and the kernel's on the GPIO character device.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from types import SimpleNamespace
from typing import Any

Value = Enum("Value", ["INACTIVE", "ACTIVE"])
Direction = Enum("Direction", ["AS_IS", "INPUT", "OUTPUT"])
Bias = Enum("Bias", ["AS_IS", "UNKNOWN", "DISABLED", "PULL_UP", "PULL_DOWN"])
Drive = Enum("Drive", ["PUSH_PULL", "OPEN_DRAIN", "OPEN_SOURCE"])
Edge = Enum("Edge", ["NONE", "RISING", "FALLING", "BOTH"])


@dataclass
class LineSettings:
    direction: Direction = Direction.AS_IS
    edge_detection: Edge = Edge.NONE
    bias: Bias = Bias.AS_IS
    drive: Drive = Drive.PUSH_PULL
    active_low: bool = False
    debounce_period: timedelta = timedelta()
    output_value: Value = Value.INACTIVE


@dataclass
class FakeLine:
    """A line of a chip; `consumer`: who holds it."""

    name: str = ""
    consumer: str = ""
    settings: LineSettings = field(default_factory=LineSettings)
    levels: list[bool] = field(default_factory=list)
    is_high: bool = False
    request: LineRequest | None = None


@dataclass
class FakeChip:
    """A chip. `has_interrupts` False: its inputs can be read and tell nothing. `is_gone`: pulled out while it was used."""

    label: str
    lines: list[FakeLine]
    has_interrupts: bool = True
    is_gone: bool = False

    def put(self, offset: int, *, is_high: bool) -> None:
        """The world outside gives an input this level."""
        line = self.lines[offset]
        line.is_high = is_high
        if line.request is not None and line.settings.edge_detection is Edge.BOTH:
            os.eventfd_write(line.request.fd, 1)

    def pull_out(self) -> None:
        """From now on nothing works any more; who waits for an edge is woken."""
        self.is_gone = True
        for line in self.lines:
            if line.request is not None:
                os.eventfd_write(line.request.fd, 1)


class LineRequest:
    """A line of ours."""

    def __init__(self, chip: FakeChip, line: FakeLine) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._chip = chip
        self._line = line

    def get_value(self, line: int) -> Value:
        self._fail_if_gone()
        return Value.ACTIVE if self._line.is_high is not self._line.settings.active_low else Value.INACTIVE

    def set_value(self, line: int, value: Value) -> None:
        self._fail_if_gone()
        self._line.is_high = (value is Value.ACTIVE) is not self._line.settings.active_low
        self._line.levels.append(self._line.is_high)

    def read_edge_events(self, max_events: int | None = None) -> list[object]:
        self._fail_if_gone()
        return [object()] * os.eventfd_read(self.fd)

    def release(self) -> None:
        os.close(self.fd)
        self._line.consumer, self._line.request = "", None

    def _fail_if_gone(self) -> None:
        if self._chip.is_gone:
            raise OSError(errno.ENODEV, "No such device")


class FakeGpiod:
    """The module `gpiod`. `chips`: by path."""

    LineSettings = LineSettings
    line = SimpleNamespace(Value=Value, Direction=Direction, Bias=Bias, Drive=Drive, Edge=Edge)

    def __init__(self, chips: dict[str, FakeChip]) -> None:
        self.chips = chips

    def is_gpiochip_device(self, path: str) -> bool:
        return path in self.chips

    def Chip(self, path: str) -> OpenChip:  # noqa: N802 - named as it is there
        return OpenChip(self.chips[path])


class OpenChip:
    """A chip that was opened."""

    def __init__(self, chip: FakeChip) -> None:
        self._chip = chip

    def __enter__(self) -> OpenChip:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_info(self) -> Any:
        return SimpleNamespace(label=self._chip.label, num_lines=len(self._chip.lines))

    def get_line_info(self, line: int) -> Any:
        found = self._chip.lines[line]
        return SimpleNamespace(name=found.name, consumer=found.consumer)

    def line_offset_from_id(self, id: int) -> int:  # noqa: A002 - named as it is there
        if id >= len(self._chip.lines):
            raise ValueError("line offset of out range")
        return id

    def request_lines(self, config: dict[int, LineSettings], consumer: str | None = None) -> LineRequest:
        ((offset, settings),) = config.items()
        line = self._chip.lines[offset]
        if line.consumer:
            raise OSError(errno.EBUSY, "Device or resource busy")
        if not self._chip.has_interrupts and (settings.edge_detection is not Edge.NONE or settings.debounce_period):
            raise OSError(errno.ENXIO, "No such device or address")
        line.consumer, line.settings = consumer or "?", settings
        line.request = LineRequest(self._chip, line)
        if settings.direction is Direction.OUTPUT:
            line.request.set_value(offset, settings.output_value)
        return line.request
