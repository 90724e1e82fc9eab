"""Frames of UUGreenPower UR1000xx modules, both directions.

Identifier bits 28-25 are the protocol (1), 24-21 the controller's address (1), 20-14 the module's, 13-9 and 8-0 the day of production and
the low bits of the serial number, which the controller leaves zero. Payloads are eight bytes, most significant byte first: group and type
of the message in one byte, command, two bytes that only the serial number uses, value (four bytes).

Sources: EVerest `PowerSupplies/UUGreenPower_UR1000X0` and four field libraries. None of them says the bit rate for certain; 125 kbit/s is
likely.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire.alarm_bits import AlarmBits
from hal.wire.can_frame import CanFrame
from hal.wire.number_field import Form, NumberField

ALL_MODULES: Final = 0
LAST_MODULE: Final = 0x7F

_BASE: Final = 0x0220_0000
_BASE_MASK: Final = 0x1FE0_0000
ANSWER_MASK: Final = 0x1FFF_C000  # what of an answer's identifier does not depend on the module's serial number


class Command(IntEnum):
    """What a frame is about. The speeds are the maker's words for how much a value is filtered."""

    VOLTAGE_SLOW = 0
    CURRENT_SLOW = 1
    VOLTAGE_SET = 2
    CURRENT_SET = 3
    IS_OFF = 4
    SERIAL = 5
    STATUS = 8
    LINE_AB = 20
    LINE_BC = 21
    LINE_CA = 22
    FAN = 26
    INLET_TEMPERATURE = 30
    CURRENT_FASTEST = 47
    CURRENT_FAST = 48
    FAN_SILENCE = 62
    GROUP = 89
    RANGE_SELECT = 95
    RANGE_STATUS = 96
    VOLTAGE_FAST = 98
    RANGE_TRUE = 101
    CURRENT_CAPABILITY = 104
    CURRENT_PAIR = 114


class RangeChoice(IntEnum):
    """Value of RANGE_SELECT."""

    AUTOMATIC = 0
    HIGH = 1
    LOW = 2


class _Type(IntEnum):
    SET = 0
    TAKEN = 1
    READ = 2
    VALUE = 3
    SERIAL = 4


_VOLTS: Final = NumberField(Form.MILLI, 0.0, 2000.0)
_AMPERES: Final = NumberField(Form.MILLI, 0.0, 1000.0)
_COUNT: Final = NumberField(Form.INTEGER)
_FIELDS: Final[Mapping[Command, NumberField]] = {
    Command.VOLTAGE_SLOW: _VOLTS,
    Command.CURRENT_SLOW: _AMPERES,
    Command.VOLTAGE_SET: _VOLTS,
    Command.CURRENT_SET: _AMPERES,
    Command.IS_OFF: NumberField(Form.INTEGER, 0, 1),
    Command.STATUS: _COUNT,
    Command.LINE_AB: _VOLTS,
    Command.LINE_BC: _VOLTS,
    Command.LINE_CA: _VOLTS,
    Command.FAN: _COUNT,
    Command.INLET_TEMPERATURE: NumberField(Form.SIGNED_MILLI, -100.0, 250.0),
    Command.CURRENT_FASTEST: _AMPERES,
    Command.CURRENT_FAST: _AMPERES,
    Command.FAN_SILENCE: _COUNT,
    Command.GROUP: _COUNT,
    Command.RANGE_SELECT: NumberField(Form.INTEGER, 0, 2),
    Command.RANGE_STATUS: _COUNT,
    Command.VOLTAGE_FAST: _VOLTS,
    Command.RANGE_TRUE: _COUNT,
    Command.CURRENT_CAPABILITY: _AMPERES,
    Command.CURRENT_PAIR: _COUNT,  # two halves of 0.1 A, in an order that no source confirms
}
_SETTABLE: Final = frozenset(
    {Command.VOLTAGE_SET, Command.CURRENT_SET, Command.IS_OFF, Command.FAN_SILENCE, Command.GROUP, Command.RANGE_SELECT}
)

DC_OFF: Final = 25  # bit of the status
STATUS_BITS: Final = AlarmBits(
    words={
        0: ModuleAlarm.INPUT_OVER_VOLTAGE,
        1: ModuleAlarm.INPUT_UNDER_VOLTAGE,
        2: ModuleAlarm.INPUT_OVER_VOLTAGE,  # and disconnected for it
        3: ModuleAlarm.BUS_ABNORMAL,
        4: ModuleAlarm.BUS_ABNORMAL,
        5: ModuleAlarm.BUS_ABNORMAL,
        6: ModuleAlarm.OUTPUT_OVER_VOLTAGE,
        7: ModuleAlarm.OUTPUT_OVER_VOLTAGE,  # and shut down for it
        8: ModuleAlarm.OUTPUT_UNDER_VOLTAGE,
        9: ModuleAlarm.FAN_FAULT,
        11: ModuleAlarm.FAN_FAULT,
        12: ModuleAlarm.OVER_TEMPERATURE,
        13: ModuleAlarm.UNDER_TEMPERATURE,
        14: ModuleAlarm.OVER_TEMPERATURE,
        16: ModuleAlarm.OVER_TEMPERATURE,
        17: ModuleAlarm.OVER_TEMPERATURE,
        18: ModuleAlarm.INTERNAL_COMMUNICATION,
        20: ModuleAlarm.MODULE_FAULT,
        21: ModuleAlarm.MODULE_FAULT,
        28: ModuleAlarm.OUTPUT_UNBALANCED,
        29: ModuleAlarm.DUPLICATE_ADDRESS,
        31: ModuleAlarm.DISCHARGE_ABNORMAL,
    },
    states=frozenset({DC_OFF, 26, 27}),  # off; state of the output's control loop
)
"""Bit 15 is a relay fault or a second over-temperature by source, and so has no word."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the identifier says. Day and serial bits are zero in the controller's frames; group: from the first byte."""

    module: int
    day: int = 0
    serial_bits: int = 0
    group: int = 0


def encode_header(header: Header) -> int:
    """The identifier."""
    return _BASE | header.module << 14 | header.day << 9 | header.serial_bits


def decode_header(identifier: int) -> Header:
    """The fields of an identifier of this protocol and of controller 1; raises WireError for any other."""
    if not 0 <= identifier < 1 << 29 or identifier & _BASE_MASK != _BASE:
        raise WireError(f"identifier {identifier:#x} is not of this protocol")
    return Header(identifier >> 14 & 0x7F, identifier >> 9 & 0x1F, identifier & 0x1FF)


@dataclass(frozen=True, slots=True)
class Read:
    """Ask for a value."""

    command: Command


@dataclass(frozen=True, slots=True)
class Set:
    """Set a value; resolution of voltage and current: 1 mV, 1 mA."""

    command: Command
    value: float


Request = Read | Set


@dataclass(frozen=True, slots=True)
class Value:
    """A value in the unit of its name."""

    command: Command
    value: float


@dataclass(frozen=True, slots=True)
class Serial:
    """Serial number; by EVerest not the one on the sticker."""

    high: int
    low: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A module took a setting."""

    command: Command


Answer = Value | Serial | Taken


def encode_request(request: Request, module: int, group: int = 0) -> CanFrame:
    """Frame to a module address, or to ALL_MODULES; values outside the field's range are clamped."""
    match request:
        case Read(command):
            data = _head(group, _Type.READ, command) + bytes(4)
        case Set(command, value):
            data = _head(group, _Type.SET, command) + _FIELDS[command].pack(value)
    return CanFrame(encode_header(Header(module)), data)


def decode_request(identifier: int, data: bytes) -> tuple[Header, Request]:
    """What the controller wants of which module; raises WireError when it is none of the requests above."""
    header, kind, command = _decode_start(identifier, data)
    if header.day or header.serial_bits or any(data[2:4]):
        raise WireError("request with something where zero should stand")
    if kind == _Type.READ and not any(data[4:]):
        return header, Read(command)
    if kind == _Type.SET and command in _SETTABLE:
        return header, Set(command, _FIELDS[command].unpack(data[4:]))
    raise WireError(f"message of type {kind} about {command} is no request")


def encode_answer(answer: Answer, module: int, day: int = 0, serial_bits: int = 0, group: int = 0) -> CanFrame:
    """Frame from a module; values outside the field's range are clamped."""
    match answer:
        case Value(command, value):
            data = _head(group, _Type.VALUE, command) + _FIELDS[command].pack(value)
        case Serial(high, low):
            data = struct.pack(">BBHI", group << 4 | _Type.SERIAL, Command.SERIAL, high, low)
        case Taken(command):
            data = _head(group, _Type.TAKEN, command) + bytes(4)
    return CanFrame(encode_header(Header(module, day, serial_bits)), data)


def decode_answer(identifier: int, data: bytes) -> tuple[Header, Answer]:
    """What which module says; raises WireError when it is none of the answers above."""
    header, kind, command = _decode_start(identifier, data)
    if command is Command.SERIAL and kind in (_Type.VALUE, _Type.SERIAL):
        high, low = struct.unpack_from(">HI", data, 2)
        return header, Serial(high, low)
    if kind == _Type.TAKEN and command in _SETTABLE:
        return header, Taken(command)
    if kind != _Type.VALUE or command not in _FIELDS or any(data[2:4]):
        raise WireError(f"message of type {kind} about {command} is no answer")
    return header, Value(command, _FIELDS[command].unpack(data[4:]))


def _head(group: int, kind: _Type, command: Command) -> bytes:
    return bytes((group << 4 | kind, command, 0, 0))


def _decode_start(identifier: int, data: bytes) -> tuple[Header, int, Command]:
    header = decode_header(identifier)
    if len(data) != 8:
        raise WireError(f"frame {identifier:#010x} with {len(data)} bytes is not of this protocol")
    try:
        command = Command(data[1])
    except ValueError:
        raise WireError(f"frame {identifier:#010x} with unknown command {data[1]}") from None
    return Header(header.module, header.day, header.serial_bits, data[0] >> 4), data[0] & 0xF, command
