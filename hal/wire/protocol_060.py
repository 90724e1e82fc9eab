"""Frames of the register protocol with number 0x060, both directions: Winline, UXR100030 and SCU DPM1000 modules.

Identifier bits 28-20 are the protocol's number, 19 says "to one module", 18-11 are the destination, 10-3 the source, 2-0 a group. Payloads
are eight bytes, most significant byte first: function, error code, register (two bytes), value (four bytes); 125 kbit/s. SCU modules read
with another function, answer integers like floats, and have a flag and two ones where the group stands.

Sources: EVerest `PowerSupplies/Winline`, `PowerSupplies/DPM1000` and `lib/everest/can_dpm1000`; Kosmonova/canFirmware
`Converters/UXR100030.cpp`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire.alarm_bits import AlarmBits
from hal.wire.can_frame import CanFrame

CONTROLLER: Final = 0xF0
GROUP_OF_MODULES: Final = 0xFE
ALL_MODULES: Final = 0xFF
LAST_MODULE: Final = 0x3F

_PROTOCOL: Final = 0x060
_SCU_GROUP: Final = 0b011
_SET: Final = 0x03
_FLOAT, _INTEGER, _SET_TAKEN = 0x41, 0x42, 0x43
_OK: Final = 0xF0
_ERRORS: Final = frozenset({0xF1, 0xF2, 0xF3, 0xF4})
_YES: Final = 0x0001_0000


class Variant(Enum):
    """Whose modules."""

    WINLINE = "winline"
    UXR = "uxr"
    SCU = "scu"

    @property
    def read_function(self) -> int:
        """Function code that reads."""
        return 0x01 if self is Variant.SCU else 0x10

    @property
    def group(self) -> int:
        """What stands in the group's bits of the identifier."""
        return _SCU_GROUP if self is Variant.SCU else 0


class Register(IntEnum):
    """What can be read."""

    VOLTAGE = 0x0001
    CURRENT = 0x0002
    CURRENT_POINT = 0x0003
    DC_TEMPERATURE = 0x0004
    INPUT_VOLTAGE = 0x0005
    PFC_POSITIVE = 0x0008
    PFC_NEGATIVE = 0x000A
    AMBIENT_TEMPERATURE = 0x000B
    PHASE_A_VOLTAGE = 0x000C
    PHASE_B_VOLTAGE = 0x000D
    PHASE_C_VOLTAGE = 0x000E
    PFC_TEMPERATURE = 0x0010
    RATED_POWER = 0x0011
    RATED_CURRENT = 0x0012
    STATUS = 0x0040
    GROUP_AND_ADDRESS = 0x0043
    INPUT_POWER = 0x0048
    ALTITUDE = 0x004A
    INPUT_MODE = 0x004B
    SERIAL_LOW = 0x0054
    SERIAL_HIGH = 0x0055
    DC_VERSION = 0x0056
    PFC_VERSION = 0x0057


class Setting(IntEnum):
    """What can be set. CURRENT in A, CURRENT_POINT as a part of the rated current, VOLTAGE and CEILING in V."""

    ALTITUDE = 0x0017
    CURRENT = 0x001B
    GROUP = 0x001E
    IS_ADDRESS_BY_SWITCH = 0x001F
    POWER = 0x0020
    VOLTAGE = 0x0021
    CURRENT_POINT = 0x0022
    CEILING = 0x0023
    IS_OFF = 0x0030
    RESETS_OVER_VOLTAGE = 0x0031
    IS_PROTECTION_DISABLED = 0x003E
    RESETS_SHORT_CIRCUIT = 0x0044
    INPUT_MODE = 0x0046


class _Form(Enum):
    """How a value stands in its four bytes."""

    FLOAT = "IEEE 754"
    INTEGER = "unsigned"
    X1024 = "unsigned, in 1/1024"
    FLAG = "0 or 0x00010000"  # IS_OFF of SCU modules: 0 or 1


@dataclass(frozen=True, slots=True)
class _Field:
    form: _Form
    low: float = 0.0
    high: float = 0xFFFF_FFFF


_VOLTS: Final = _Field(_Form.FLOAT, -100.0, 2000.0)
_AMPERES: Final = _Field(_Form.FLOAT, -500.0, 1000.0)
_PART: Final = _Field(_Form.FLOAT, -0.01, 2.0)
_CELSIUS: Final = _Field(_Form.FLOAT, -100.0, 250.0)
_WATTS: Final = _Field(_Form.FLOAT, 0.0, 1e6)
_COUNT: Final = _Field(_Form.INTEGER)
_FLAG: Final = _Field(_Form.FLAG, 0, 1)

_READ: Final[Mapping[Register, _Field]] = {register: _COUNT for register in Register if register >= Register.STATUS} | {
    Register.VOLTAGE: _VOLTS,
    Register.CURRENT: _AMPERES,
    Register.CURRENT_POINT: _PART,
    Register.DC_TEMPERATURE: _CELSIUS,
    Register.INPUT_VOLTAGE: _VOLTS,
    Register.PFC_POSITIVE: _VOLTS,
    Register.PFC_NEGATIVE: _VOLTS,
    Register.AMBIENT_TEMPERATURE: _CELSIUS,
    Register.PHASE_A_VOLTAGE: _VOLTS,
    Register.PHASE_B_VOLTAGE: _VOLTS,
    Register.PHASE_C_VOLTAGE: _VOLTS,
    Register.PFC_TEMPERATURE: _CELSIUS,
    Register.RATED_POWER: _WATTS,
    Register.RATED_CURRENT: _AMPERES,
}
_SETTINGS: Final[Mapping[Setting, _Field]] = {
    Setting.ALTITUDE: _Field(_Form.INTEGER, 1000, 5000),
    Setting.CURRENT: _Field(_Form.X1024, 0.0, 1000.0),
    Setting.GROUP: _Field(_Form.INTEGER, 0, 7),
    Setting.IS_ADDRESS_BY_SWITCH: _FLAG,
    Setting.POWER: _WATTS,
    Setting.VOLTAGE: _Field(_Form.FLOAT, 0.0, 2000.0),
    Setting.CURRENT_POINT: _Field(_Form.FLOAT, 0.0, 2.0),
    Setting.CEILING: _Field(_Form.FLOAT, 0.0, 2000.0),
    Setting.IS_OFF: _FLAG,
    Setting.RESETS_OVER_VOLTAGE: _FLAG,
    Setting.IS_PROTECTION_DISABLED: _FLAG,
    Setting.RESETS_SHORT_CIRCUIT: _FLAG,
    Setting.INPUT_MODE: _Field(_Form.INTEGER, 1, 2),
}
"""Read and set registers share no number, so an answer tells by its register what it answers."""
_SCU_IS_OFF: Final = _Field(_Form.INTEGER, 0, 1)

_ALL: Final[Mapping[ModuleAlarm, tuple[int, ...]]] = {
    ModuleAlarm.MODULE_FAULT: (0,),
    ModuleAlarm.PROTECTION: (1,),
    ModuleAlarm.INTERNAL_COMMUNICATION: (3,),
    ModuleAlarm.INPUT_MODE: (4, 5),
    ModuleAlarm.BUS_ABNORMAL: (7, 8),
    ModuleAlarm.INPUT_OVER_VOLTAGE: (9,),
    ModuleAlarm.INPUT_UNDER_VOLTAGE: (14,),
    ModuleAlarm.COMMUNICATION_INTERRUPTED: (16,),
    ModuleAlarm.CURRENT_SHARING_UNBALANCED: (17,),
    ModuleAlarm.FAN_FAULT: (27,),
    ModuleAlarm.OUTPUT_SHORT_CIRCUIT: (28,),
    ModuleAlarm.OVER_TEMPERATURE: (30,),
    ModuleAlarm.OUTPUT_OVER_VOLTAGE: (31,),
}
_SCU: Final[Mapping[ModuleAlarm, tuple[int, ...]]] = {
    ModuleAlarm.FUSE: (2,),
    ModuleAlarm.BUS_ABNORMAL: (6, 7, 8, 11),
    ModuleAlarm.DUPLICATE_ADDRESS: (10,),
    ModuleAlarm.INPUT_PHASE_LOST: (12,),
    ModuleAlarm.MEMORY: (26, 29),
}
DC_OFF: Final = 22  # bit of the status
_STATES: Final = frozenset({DC_OFF, 23, 24, 25})  # off; power limited, by temperature, by the mains
_SCU_STATES: Final = frozenset({19, 21})  # PFC off, fan at full speed


def status_bits(variant: Variant) -> AlarmBits:
    """What the bits of register STATUS mean."""
    table, states = ({**_ALL, **_SCU}, _STATES | _SCU_STATES) if variant is Variant.SCU else (_ALL, _STATES)
    return AlarmBits({bit: word for word, bits in table.items() for bit in bits}, states)


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
            data = struct.pack(">BxH", _SET, setting) + _pack(_field(setting, variant), value)
        case Control(is_on):
            data = bytes((0x00, 0x00, 0x00 if is_on else 0x80, 0x80, 0, 0, 0, 0))
    return CanFrame(encode_header(header), data)


def decode_request(identifier: int, data: bytes, variant: Variant = Variant.WINLINE) -> tuple[Header, Request]:
    """What the controller wants of which module; raises WireError when it is none of the requests above."""
    header = _decode_start(identifier, data)
    function, error, number = struct.unpack_from(">BBH", data)
    if error:
        raise WireError(f"request with {error:#04x} where zero should stand")
    if function == variant.read_function and number in _REGISTERS and not any(data[4:]):
        return header, Read(Register(number))
    if function == _SET and number in _NUMBERS_SET:
        setting = Setting(number)
        return header, Set(setting, _unpack(_field(setting, variant), data))
    if function == 0x00 and variant is Variant.SCU and number in (0x0080, 0x8080) and not any(data[4:]):
        return header, Control(is_on=number == 0x0080)
    raise WireError(f"function {function:#04x} of register {number:#06x} is none we know")


def encode_answer(answer: Answer, module: int, variant: Variant = Variant.WINLINE, controller: int = CONTROLLER) -> CanFrame:
    """Frame from a module; values outside the field's range are clamped."""
    identifier = encode_header(Header(controller, module, variant.group))
    match answer:
        case Value(register, value):
            field = _READ[register]
            is_float = field.form is _Form.FLOAT or variant is Variant.SCU
            data = struct.pack(">BBH", _FLOAT if is_float else _INTEGER, _OK, register) + _pack(field, value)
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
    if number in _NUMBERS_SET:
        return header, Taken(Setting(number))
    if number not in _REGISTERS:
        raise WireError(f"answer of unknown register {number:#06x}")
    register = Register(number)
    field = _READ[register]
    if function not in _functions(field, variant):
        raise WireError(f"register {number:#06x} answered as {function:#04x}")
    return header, Value(register, _unpack(field, data))


_REGISTERS: Final = frozenset(int(register) for register in Register)
_NUMBERS_SET: Final = frozenset(int(setting) for setting in Setting)


def _decode_start(identifier: int, data: bytes) -> Header:
    if len(data) != 8:
        raise WireError(f"frame {identifier:#010x} with {len(data)} bytes is not of this protocol")
    return decode_header(identifier)


def _field(setting: Setting, variant: Variant) -> _Field:
    return _SCU_IS_OFF if setting is Setting.IS_OFF and variant is Variant.SCU else _SETTINGS[setting]


def _functions(field: _Field, variant: Variant) -> tuple[int, ...]:
    if field.form is _Form.FLOAT:
        return (_FLOAT,)
    return (_FLOAT, _INTEGER) if variant is Variant.SCU else (_INTEGER,)


def _pack(field: _Field, value: float) -> bytes:
    value = min(max(value, field.low), field.high)
    match field.form:
        case _Form.FLOAT:
            return struct.pack(">f", value)
        case _Form.INTEGER:
            return struct.pack(">I", round(value))
        case _Form.X1024:
            return struct.pack(">I", math.floor(value * 1024.0))
        case _Form.FLAG:
            return struct.pack(">I", _YES if value else 0)


def _unpack(field: _Field, data: bytes) -> float:
    (raw,) = struct.unpack_from(">I", data, 4)
    match field.form:
        case _Form.FLOAT:
            (value,) = struct.unpack_from(">f", data, 4)
        case _Form.INTEGER:
            value = raw
        case _Form.X1024:
            value = raw / 1024.0
        case _Form.FLAG:
            if raw not in (0, _YES):
                raise WireError(f"switch with value {raw:#010x}")
            value = raw // _YES
    if not (math.isfinite(value) and field.low <= value <= field.high):
        raise WireError(f"value {value} cannot be true")
    return float(value) if field.form is not _Form.INTEGER else value
