"""Frames of Infypower BEG/BEC bidirectional modules, protocol V1.04, both directions.

The identifier is that of V1.13, but there are two commands only: read and write. Payloads are eight bytes, most significant byte first:
item (two bytes), two zero bytes, value (four bytes, thousandths where it has a unit); 125 kbit/s.

Items of the AC side (2101 to 2113) and of the high side (4101, 4102) are left out: one source, and nothing asks for them.

Sources: EVerest `PowerSupplies/InfyPower_BEG1K075G`; chargebyte/everest-chargebyte `InfypowerDCSupply`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire.can_frame import CanFrame
from hal.wire.infypower import CONTROLLER, GROUP, SINGLE, STATUS_BITS, Header, decode_header, encode_header
from hal.wire.number_field import Form, NumberField

_READ: Final = 0x23
_WRITE: Final = 0x24


class Item(IntEnum):
    """What a frame is about, by the digits of the document."""

    SYSTEM_VOLTAGE = 0x1001
    SYSTEM_CURRENT = 0x1002
    MODULE_COUNT = 0x1010
    LINE_AB = 0x1103
    LINE_BC = 0x1104
    LINE_CA = 0x1105
    AMBIENT_TEMPERATURE = 0x1106
    STATUS = 0x1110  # written: IS_OFF
    INVERTER_STATUS = 0x1111
    WALK_IN = 0x1122
    MAX_VOLTAGE = 0x1130
    MIN_VOLTAGE = 0x1131
    MAX_CURRENT = 0x1132
    RATED_POWER = 0x1133
    IS_INVERTER = 0x2110


IS_OFF: Final = Item.STATUS


_VOLTS: Final = NumberField(Form.MILLI, 0.0, 2000.0)
_SWITCH: Final = NumberField(Form.A0_A1, 0, 1)
_READABLE: Final[Mapping[Item, NumberField]] = {
    Item.SYSTEM_VOLTAGE: NumberField(Form.SIGNED_MILLI, -100.0, 2000.0),
    Item.SYSTEM_CURRENT: NumberField(Form.SIGNED_MILLI, -5000.0, 5000.0),  # sign while feeding back: our assumption, sources differ
    Item.MODULE_COUNT: NumberField(Form.INTEGER, 0, 0xFFFF),
    Item.LINE_AB: _VOLTS,
    Item.LINE_BC: _VOLTS,
    Item.LINE_CA: _VOLTS,
    Item.AMBIENT_TEMPERATURE: NumberField(Form.SIGNED_MILLI, -100.0, 250.0),
    Item.STATUS: NumberField(Form.INTEGER),
    Item.INVERTER_STATUS: NumberField(Form.INTEGER),
    Item.MAX_VOLTAGE: _VOLTS,
    Item.MIN_VOLTAGE: _VOLTS,
    Item.MAX_CURRENT: NumberField(Form.MILLI, 0.0, 5000.0),
    Item.RATED_POWER: NumberField(Form.MILLI, 0.0, 1e6),
}
_WRITABLE: Final[Mapping[Item, NumberField]] = {
    Item.SYSTEM_VOLTAGE: _VOLTS,
    Item.SYSTEM_CURRENT: NumberField(Form.MILLI, 0.0, 5000.0),
    IS_OFF: _SWITCH,
    Item.WALK_IN: _SWITCH,
    Item.IS_INVERTER: _SWITCH,
}


@dataclass(frozen=True, slots=True)
class Read:
    """Ask for a value."""

    item: Item


@dataclass(frozen=True, slots=True)
class Write:
    """Set a value; switches are 0 or 1. Resolution of voltage and current: 1 mV, 1 mA."""

    item: Item
    value: float


Request = Read | Write


@dataclass(frozen=True, slots=True)
class Value:
    """A value in the unit of its name."""

    item: Item
    value: float


@dataclass(frozen=True, slots=True)
class Status:
    """State bytes, as those of V1.13: state 2, 1, 0 from high to low; what stands before them is not known."""

    bits: int

    @property
    def is_off(self) -> bool:
        """The DC side does not deliver."""
        return bool(self.bits >> 8 & 0x01)

    @property
    def alarms(self) -> frozenset[ModuleAlarm]:
        """What is wrong."""
        return STATUS_BITS.alarms(self.bits)

    @property
    def unknown_bits(self) -> frozenset[int]:
        """Bits without an agreed meaning."""
        return STATUS_BITS.unknown(self.bits)


@dataclass(frozen=True, slots=True)
class Taken:
    """A module took what was written."""

    item: Item


@dataclass(frozen=True, slots=True)
class Refused:
    """A module refused any command; `error` as in Header."""

    command: int
    error: int


Answer = Value | Status | Taken | Refused


def encode_request(request: Request, module: int, controller: int = CONTROLLER, device: int = SINGLE) -> CanFrame:
    """Frame to a module address or ALL_MODULES, with device GROUP to a group; values outside the field's range are clamped."""
    match request:
        case Read(item):
            return _frame(Header(_READ, module, controller, device), item, bytes(4))
        case Write(item, value):
            return _frame(Header(_WRITE, module, controller, device), item, _WRITABLE[item].pack(value))


def decode_request(identifier: int, data: bytes) -> tuple[Header, Request]:
    """What the controller wants of which module; raises WireError when it is none of the requests above."""
    header, item = _decode_start(identifier, data)
    if header.command == _READ and item in _READABLE and not any(data[4:]):
        return header, Read(item)
    if header.command == _WRITE and item in _WRITABLE:
        return header, Write(item, _WRITABLE[item].unpack(data[4:]))
    raise WireError(f"item {item:#06x} is none that is asked or written like this")


def encode_answer(answer: Answer, module: int, controller: int = CONTROLLER) -> CanFrame:
    """Frame from a module; values outside the field's range are clamped."""
    match answer:
        case Value(item, value):
            return _frame(Header(_READ, controller, module), item, _READABLE[item].pack(value))
        case Status(bits):
            return _frame(Header(_READ, controller, module), Item.STATUS, bits.to_bytes(4, "big"))
        case Taken(item):
            return _frame(Header(_WRITE, controller, module), item, bytes(4))
        case Refused(command, error):
            return CanFrame(encode_header(Header(command, controller, module, error=error)), bytes(8))


def decode_answer(identifier: int, data: bytes) -> tuple[Header, Answer]:
    """What which module says; raises WireError when it is none of the answers above."""
    header = decode_header(identifier)
    if header.error and header.command in (_READ, _WRITE):
        return header, Refused(header.command, header.error)
    header, item = _decode_start(identifier, data)
    if header.command == _WRITE and item in _WRITABLE:
        return header, Taken(item)
    if header.command != _READ or item not in _READABLE:
        raise WireError(f"item {item:#06x} is none that is answered like this")
    value = _READABLE[item].unpack(data[4:])
    return header, Status(int(value) & 0x00FF_FFFF) if item is Item.STATUS else Value(item, value)


def _frame(header: Header, item: Item, value: bytes) -> CanFrame:
    return CanFrame(encode_header(header), struct.pack(">Hxx", item) + value)


def _decode_start(identifier: int, data: bytes) -> tuple[Header, Item]:
    header = decode_header(identifier)
    if header.error or header.device not in (SINGLE, GROUP) or header.command not in (_READ, _WRITE) or len(data) != 8:
        raise WireError(f"frame {identifier:#010x} with {len(data)} bytes is not of this protocol")
    number, zero = struct.unpack_from(">HH", data)
    try:
        item = Item(number)
    except ValueError:
        raise WireError(f"frame {identifier:#010x} with unknown item {number:#06x}") from None
    if zero:
        raise WireError(f"item {number:#06x} with {zero:#06x} where zero should stand")
    return header, item
