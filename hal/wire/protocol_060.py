"""Frames of the register protocol with number 0x060, both directions: Winline, UXR100030 and SCU DPM1000 modules.

Identifier bits 28-20 are the protocol's number, 19 says "to one module", 18-11 are the destination, 10-3 the source, 2-0 a group. Payloads
are eight bytes, most significant byte first: function, error code, register (two bytes), value (four bytes); 125 kbit/s. SCU modules read
with another function, answer integers like floats, and have a flag and two ones where the group stands.

Sources: EVerest `PowerSupplies/Winline`, `PowerSupplies/DPM1000` and `lib/everest/can_dpm1000`; Kosmonova/canFirmware
`Converters/UXR100030.cpp`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from hal.errors import WireError
from hal.wire.can_frame import CanFrame
from hal.wire.protocol_060_map import READ, SETTINGS, Register, Setting, Variant, answer_functions, setting_field

CONTROLLER: Final = 0xF0
GROUP_OF_MODULES: Final = 0xFE
ALL_MODULES: Final = 0xFF
LAST_MODULE: Final = 0x3F

_PROTOCOL: Final = 0x060
_SET: Final = 0x03
_FLOAT, _INTEGER, _SET_TAKEN = 0x41, 0x42, 0x43
_OK: Final = 0xF0
_ERRORS: Final = frozenset({0xF1, 0xF2, 0xF3, 0xF4})


@dataclass(frozen=True, slots=True)
class Header:
    """What the identifier says."""

    destination: int
    source: int
    group: int = 0
    is_to_one: bool = True


def encode_header(header: Header) -> int:
    """The identifier."""
    to_one = 1 << 19 if header.is_to_one else 0
    return _PROTOCOL << 20 | to_one | header.destination << 11 | header.source << 3 | header.group


def decode_header(identifier: int) -> Header:
    """The fields of an identifier of this protocol; raises WireError for any other."""
    if identifier >> 20 != _PROTOCOL:
        raise WireError(f"identifier {identifier:#x} is not of protocol 0x060")
    return Header(identifier >> 11 & 0xFF, identifier >> 3 & 0xFF, identifier & 0x7, bool(identifier >> 19 & 1))


@dataclass(frozen=True, slots=True)
class Read:
    """Ask for a value."""

    register: Register


@dataclass(frozen=True, slots=True)
class Set:
    """Set a value; flags are 0 or 1. Resolution of CURRENT: 1/1024 A."""

    setting: Setting
    value: float


@dataclass(frozen=True, slots=True)
class Control:
    """SCU only: switch the output by the frame that precedes setting IS_OFF; the input relay stays closed."""

    is_on: bool


Request = Read | Set | Control


@dataclass(frozen=True, slots=True)
class Value:
    """What a register holds, in the unit of its name."""

    register: Register
    value: float


@dataclass(frozen=True, slots=True)
class Taken:
    """A module took a setting."""

    setting: Setting


@dataclass(frozen=True, slots=True)
class Refused:
    """A module refused a command. Error: 0xF1 address, 0xF2 command, 0xF3 data, 0xF4 addresses are being assigned."""

    register: int
    error: int


Answer = Value | Taken | Refused


def group_and_address(value: float) -> tuple[int, int]:
    """The two halves of GROUP_AND_ADDRESS."""
    return int(value) >> 16, int(value) & 0xFFFF


def encode_request(request: Request, module: int, variant: Variant = Variant.WINLINE, controller: int = CONTROLLER) -> CanFrame:
    """Frame to a module address, to ALL_MODULES or to GROUP_OF_MODULES; values outside the field's range are clamped."""
    header = Header(module, controller, variant.group, is_to_one=module < GROUP_OF_MODULES)
    match request:
        case Read(register):
            data = struct.pack(">BxHI", variant.read_function, register, 0)
        case Set(setting, value):
            data = struct.pack(">BxH", _SET, setting) + setting_field(setting, variant).pack(value)
        case Control(is_on):
            data = bytes((0x00, 0x00, 0x00 if is_on else 0x80, 0x80, 0, 0, 0, 0))
    return CanFrame(encode_header(header), data)


def decode_request(identifier: int, data: bytes, variant: Variant = Variant.WINLINE) -> tuple[Header, Request]:
    """What the controller wants of which module; raises WireError when it is none of the requests above."""
    header = _decode_start(identifier, data)
    function, error, number = struct.unpack_from(">BBH", data)
    if error:
        raise WireError(f"request with {error:#04x} where zero should stand")
    if function == variant.read_function and number in READ and not any(data[4:]):
        return header, Read(Register(number))
    if function == _SET and number in SETTINGS:
        setting = Setting(number)
        return header, Set(setting, setting_field(setting, variant).unpack(data[4:]))
    if function == 0x00 and variant is Variant.SCU and number in (0x0080, 0x8080) and not any(data[4:]):
        return header, Control(is_on=number == 0x0080)
    raise WireError(f"function {function:#04x} of register {number:#06x} is none we know")


def encode_answer(answer: Answer, module: int, variant: Variant = Variant.WINLINE, controller: int = CONTROLLER) -> CanFrame:
    """Frame from a module; values outside the field's range are clamped."""
    identifier = encode_header(Header(controller, module, variant.group))
    match answer:
        case Value(register, value):
            field = READ[register]
            data = struct.pack(">BBH", answer_functions(field, variant)[0], _OK, register) + field.pack(value)
        case Taken(setting):
            data = struct.pack(">BBHI", _SET_TAKEN if variant is Variant.SCU else _INTEGER, _OK, setting, 0)
        case Refused(register, error):
            data = struct.pack(">BBHI", _INTEGER, error, register, 0)
    return CanFrame(identifier, data)


def decode_answer(identifier: int, data: bytes, variant: Variant = Variant.WINLINE) -> tuple[Header, Answer]:
    """What which module says; raises WireError when it is none of the answers above."""
    header = _decode_start(identifier, data)
    function, error, number = struct.unpack_from(">BBH", data)
    if function not in (_FLOAT, _INTEGER, _SET_TAKEN):
        raise WireError(f"function {function:#04x} is no answer")
    if error in _ERRORS:
        return header, Refused(number, error)
    if error != _OK:
        raise WireError(f"answer with unknown error code {error:#04x}")
    if number in SETTINGS:
        return header, Taken(Setting(number))
    if number not in READ or function not in answer_functions(READ[Register(number)], variant):
        raise WireError(f"register {number:#06x} answered as {function:#04x}")
    return header, Value(Register(number), READ[Register(number)].unpack(data[4:]))


def _decode_start(identifier: int, data: bytes) -> Header:
    if len(data) != 8:
        raise WireError(f"frame {identifier:#010x} with {len(data)} bytes is not of this protocol")
    return decode_header(identifier)
