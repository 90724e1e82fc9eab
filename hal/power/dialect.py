"""What one family of power modules says on CAN, in words that all families share.

A dialect is all that a family adds to `can_modules.py`: which frames mean what, in both directions. It decides nothing and keeps no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hal.power.group import Capability
from hal.types import ModuleAlarm
from hal.wire.can_frame import CanFrame

# --- from a module -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """Its output, whole or a part of it; a current counts once the voltage is known too."""

    voltage_v: float | None = None
    current_a: float | None = None


@dataclass(frozen=True, slots=True)
class Rated:
    """What it can give, whole or a part of it."""

    max_voltage_v: float | None = None
    max_current_a: float | None = None
    max_power_w: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How it is. unknown_bits: bits that nobody has explained, by the family's own count."""

    is_off: bool
    alarms: frozenset[ModuleAlarm]
    unknown_bits: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Warmth:
    """Its temperature, by the sensor nearest to the air."""

    temperature_c: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Who it is."""

    serial: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """The group its dial or its memory puts it into."""

    group: int


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not take a command; both numbers are the family's."""

    command: int
    error: int


Word = Measured | Rated | State | Warmth | Identity | Member | Refused


# --- to a module ---------------------------------------------------------------------------------------------------------------


class Band(Enum):
    """Which of its two voltage ranges a module works in."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Order:
    """What one module is to do. voltage_v is what it was last told; None when it never was told any. Off has no current."""

    voltage_v: float | None
    current_a: float
    is_on: bool


class Dialect(Protocol):
    """One family. Answers are read into words; an answer that tells nothing of use gives none."""

    family: str
    assumed: Rated  # what no answer tells, by configuration
    highest: Capability  # no module of the family comes near it
    border_v: float | None  # highest voltage of the low range; None: there is but one range
    gap_s: float | None  # between any two questions; None: those to one module may follow one another at once

    def introduce(self, address: int) -> Sequence[CanFrame]:
        """Questions for what it can give, as long as that is not known."""

    def poll(self, address: int, turn: int) -> Sequence[CanFrame]:
        """Questions for its output; from turn to turn for its state as well, in turn 0 for certain."""

    def order(self, address: int, order: Order) -> Sequence[CanFrame]:
        """Commands. Switching on comes last, after what it is to give."""

    def select(self, address: int, band: Band) -> Sequence[CanFrame]:
        """Commands that put it into a range; its output is off."""

    def ask_members(self) -> Sequence[CanFrame]:
        """Questions to everybody for their group."""

    def ask_identities(self) -> Sequence[CanFrame]:
        """Questions to everybody for who they are; they read only."""

    def is_answer(self, identifier: int) -> bool:
        """It may be a module of this family that talks to the controller."""

    def understand(self, identifier: int, data: bytes) -> tuple[int, Sequence[Word]]:
        """Who says what. Raises WireError for anything but an answer of the family."""
