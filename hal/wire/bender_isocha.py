"""Registers of the Bender isoCHA425HV insulation monitor, both directions.

Modbus function 3 reads, function 16 writes, most significant word first. A measured value is a channel of four registers: the value as
float32, a status register, a description. Sources: Bender isoCHA425HV manual (Modbus register map) as used by EVerest
(`HardwareDrivers/IMDs/Bender_isoCHA425HV`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hal.errors import WireError

CHANNEL_SIZE: Final = 4
INSULATION: Final = 1000
VOLTAGE: Final = 1008
DEVICE_NAME: Final = 9800
DEVICE_NAME_SIZE: Final = 10
FIRMWARE: Final = 9820
FIRMWARE_SIZE: Final = 6
FIRMWARE_VERSION: Final = 1
"""Index of the version among the firmware registers: 500 is 5.00."""
TEST_MODE: Final = 3021
TEST_MODE_FAST: Final = 3
FAST_FROM_VERSION: Final = 500
SELF_TEST: Final = 8005
SELF_TEST_START: Final = 0x5445
"""The letters TE."""

_CHANNEL: Final = struct.Struct(">fHH")
_TEST_SHIFT: Final = 14
_ALARM_SHIFT: Final = 8
_ALARM_MASK: Final = 0x7
_UNIT_MASK: Final = 0x1F
_VALIDITY_SHIFT: Final = 6
_VALIDITY_MASK: Final = 0x3


class Alarm(IntEnum):
    """What the device makes of the channel."""

    NONE = 0
    PRE_WARNING = 1
    DEVICE_ERROR = 2
    WARNING = 4
    ALARM = 5


class SelfTest(IntEnum):
    """A test that is going on."""

    NONE = 0
    INTERNAL = 1
    EXTERNAL = 2


class Unit(IntEnum):
    """What the value is measured in."""

    INVALID = 0
    NONE = 1
    OHM = 2
    AMPERE = 3
    VOLT = 4
    PERCENT = 5
    HERTZ = 6
    FARAD = 8
    CELSIUS = 10


class Validity(IntEnum):
    """How the value stands to the true one."""

    EXACT = 0
    TRUE_IS_SMALLER = 1
    TRUE_IS_LARGER = 2
    INVALID = 3


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured value."""

    value: float
    unit: Unit
    validity: Validity = Validity.EXACT
    alarm: Alarm = Alarm.NONE
    test: SelfTest = SelfTest.NONE
    description: int = 0

    @property
    def is_device_error(self) -> bool:
        """The device says that it is broken. During a test the alarm field means the test."""
        return self.alarm is Alarm.DEVICE_ERROR and self.test is SelfTest.NONE


def decode_channel(words: Sequence[int]) -> Channel:
    """Four registers as a channel. Raises WireError for another number of them, unknown codes, or a value that is no number."""
    if len(words) != CHANNEL_SIZE:
        raise WireError(f"a channel has {CHANNEL_SIZE} registers, not {len(words)}")
    value, status, description = _CHANNEL.unpack(struct.pack(">4H", *words))
    try:
        channel = Channel(
            value,
            Unit(status & _UNIT_MASK),
            Validity(status >> _VALIDITY_SHIFT & _VALIDITY_MASK),
            Alarm(status >> _ALARM_SHIFT & _ALARM_MASK),
            SelfTest(status >> _TEST_SHIFT),
            description,
        )
    except ValueError as error:
        raise WireError(f"status {status:#06x} of a channel makes no sense: {error}") from None
    if channel.validity is not Validity.INVALID and not math.isfinite(value):
        raise WireError("value of a channel is not a number")
    return channel


def encode_channel(channel: Channel) -> tuple[int, ...]:
    """The four registers of a channel."""
    status = channel.test << _TEST_SHIFT | channel.alarm << _ALARM_SHIFT | channel.validity << _VALIDITY_SHIFT | channel.unit
    return struct.unpack(">4H", _CHANNEL.pack(channel.value, status, channel.description))


def decode_text(words: Sequence[int]) -> str:
    """Registers of two letters each; ends at the first zero byte, and what cannot be printed is left out."""
    octets = struct.pack(f">{len(words)}H", *words).split(b"\0", 1)[0]
    return "".join(chr(one) for one in octets if 0x20 <= one < 0x7F).strip()


def encode_text(text: str, size: int) -> tuple[int, ...]:
    """A text in so many registers, filled up with zeros."""
    return struct.unpack(f">{size}H", text.encode("ascii").ljust(2 * size, b"\0")[: 2 * size])
