"""Frames of Infypower REG/CEG/LRG rectifier modules, protocol V1.13, both directions.

Identifiers carry the addresses; payloads are eight bytes, most significant byte first; 125 kbit/s. A module switches its output
off when the controller was silent for `CUT_OFF_S`. Source: Infypower V1.13 CAN protocol as used by EVerest (`PowerSupplies/InfyPower`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire.can_frame import CanFrame
from hal.wire.infypower import CONTROLLER, GROUP, SINGLE, STATUS_BITS, Header, decode_header, encode_header

CUT_OFF_S: Final = 10.0


class Code(IntEnum):
    """Command numbers."""

    SYSTEM_OUTPUT = 0x01
    MODULE_COUNT = 0x02
    OUTPUT = 0x03
    STATUS = 0x04
    LINE_VOLTAGES = 0x06
    CAPABILITIES = 0x0A
    BARCODE = 0x0B
    EXTERNAL = 0x0C
    SET_POWER = 0x1A
    SET_SYSTEM_OUTPUT = 0x1B
    SET_OUTPUT = 0x1C


@dataclass(frozen=True, slots=True)
class Read:
    """Ask for a value."""

    code: Code


@dataclass(frozen=True, slots=True)
class SetPower:
    """Switch the output on or off."""

    is_on: bool


@dataclass(frozen=True, slots=True)
class SetOutput:
    """Voltage and current one module is to give; resolution 1 mV, 1 mA."""

    voltage_v: float
    current_a: float


@dataclass(frozen=True, slots=True)
class SetSystemOutput:
    """Voltage, and the current that all modules together are to give; resolution 1 mV, 1 mA."""

    voltage_v: float
    current_a: float


Request = Read | SetPower | SetOutput | SetSystemOutput


@dataclass(frozen=True, slots=True)
class ModuleCount:
    modules: int


@dataclass(frozen=True, slots=True)
class Output:
    """What a module delivers."""

    voltage_v: float
    current_a: float


@dataclass(frozen=True, slots=True)
class SystemOutput:
    """What all modules together deliver."""

    voltage_v: float
    current_a: float


@dataclass(frozen=True, slots=True)
class LineVoltages:
    """Of the mains, between the phases; resolution 0.1 V."""

    ab_v: float
    bc_v: float
    ca_v: float


@dataclass(frozen=True, slots=True)
class Status:
    """State bytes of a module; the properties read them."""

    group: int
    ambient_c: int
    state_0: int
    state_1: int
    state_2: int

    @property
    def is_off(self) -> bool:
        """The DC side does not deliver."""
        return bool(self.state_1 & 0x01)

    @property
    def alarms(self) -> frozenset[ModuleAlarm]:
        """What is wrong; bits our sources disagree on have no word."""
        return STATUS_BITS.alarms(self._bits)

    @property
    def unknown_bits(self) -> frozenset[int]:
        """Bits without an agreed meaning, counted from bit 0 of state 0 to bit 7 (23) of state 2."""
        return STATUS_BITS.unknown(self._bits)

    @property
    def _bits(self) -> int:
        return self.state_2 << 16 | self.state_1 << 8 | self.state_0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Resolution 1 V, 0.1 A, 10 W."""

    max_voltage_v: float
    min_voltage_v: float
    max_current_a: float
    rated_power_w: float


@dataclass(frozen=True, slots=True)
class Barcode:
    """Serial number as printed: twelve digits, a letter, four digits."""

    serial: str


@dataclass(frozen=True, slots=True)
class External:
    """Voltage behind the output diode and the current available there; resolution 0.1 V, 0.1 A."""

    voltage_v: float
    available_current_a: float


@dataclass(frozen=True, slots=True)
class Taken:
    """A module took a set command (`code` is one of SET_...)."""

    code: Code


@dataclass(frozen=True, slots=True)
class Refused:
    """A module refused any command; `error` as in Header."""

    code: int
    error: int


Answer = ModuleCount | Output | SystemOutput | LineVoltages | Status | Capabilities | Barcode | External | Taken | Refused

_READS: Final = frozenset(Code) - {Code.SET_POWER, Code.SET_SYSTEM_OUTPUT, Code.SET_OUTPUT}


def encode_request(request: Request, module: int, controller: int = CONTROLLER) -> CanFrame:
    """Frame to a module address, or to ALL_MODULES; set-points outside 0..4294967 V or A are clamped."""
    match request:
        case Read(code):
            data = bytes(8)
        case SetPower(is_on):
            code, data = Code.SET_POWER, bytes((0 if is_on else 1,)) + bytes(7)
        case SetOutput(voltage_v, current_a):
            code, data = Code.SET_OUTPUT, _encode_milli(voltage_v, current_a)
        case SetSystemOutput(voltage_v, current_a):
            code, data = Code.SET_SYSTEM_OUTPUT, _encode_milli(voltage_v, current_a)
    return CanFrame(encode_header(Header(code, module, controller)), data)


def decode_request(identifier: int, data: bytes) -> tuple[Header, Request]:
    """What the controller wants of which module; raises WireError when it is none of the requests above."""
    header, code = _decode_start(identifier, data)
    if code in _READS:
        return header, Read(code)
    if code in (Code.SET_OUTPUT, Code.SET_SYSTEM_OUTPUT):
        voltage_mv, current_ma = struct.unpack(">II", data)
        kind = SetOutput if code is Code.SET_OUTPUT else SetSystemOutput
        return header, kind(voltage_mv / 1000, current_ma / 1000)
    if data[0] > 1:
        raise WireError(f"on/off command with value {data[0]}")
    return header, SetPower(is_on=data[0] == 0)


def encode_answer(answer: Answer, module: int, controller: int = CONTROLLER) -> CanFrame:
    """Frame from a module; values outside a field are clamped."""
    match answer:
        case ModuleCount(modules):
            code, data = Code.MODULE_COUNT, bytes((0, 0, modules, 0, 0, 0, 0, 0))
        case Output(voltage_v, current_a):
            code, data = Code.OUTPUT, struct.pack(">ff", voltage_v, current_a)
        case SystemOutput(voltage_v, current_a):
            code, data = Code.SYSTEM_OUTPUT, struct.pack(">ff", voltage_v, current_a)
        case LineVoltages(ab_v, bc_v, ca_v):
            code, data = Code.LINE_VOLTAGES, struct.pack(">3H2x", *(_clamp(value * 10, 16) for value in (ab_v, bc_v, ca_v)))
        case Status(group, ambient_c, state_0, state_1, state_2):
            code, data = Code.STATUS, struct.pack(">2xBxbBBB", group, ambient_c, state_2, state_1, state_0)
        case Capabilities():
            raw = (answer.max_voltage_v, answer.min_voltage_v, answer.max_current_a * 10, answer.rated_power_w / 10)
            code, data = Code.CAPABILITIES, struct.pack(">4H", *(_clamp(value, 16) for value in raw))
        case Barcode(serial):
            code, data = Code.BARCODE, _encode_serial(serial)
        case External(voltage_v, current_a):
            code, data = Code.EXTERNAL, struct.pack(">HH4x", _clamp(voltage_v * 10, 16), _clamp(current_a * 10, 16))
        case Taken(code):
            data = bytes(8)
        case Refused(refused, error):
            return CanFrame(encode_header(Header(refused, controller, module, error=error)), bytes(8))
    return CanFrame(encode_header(Header(code, controller, module)), data)


def decode_answer(identifier: int, data: bytes) -> tuple[Header, Answer]:
    """What which module says; raises WireError when it is none of the answers above."""
    header = decode_header(identifier)
    if header.error:
        return header, Refused(header.command, header.error)
    header, code = _decode_start(identifier, data)
    decode = _ANSWER_DECODERS.get(code)
    return header, Taken(code) if decode is None else decode(data)


def _decode_start(identifier: int, data: bytes) -> tuple[Header, Code]:
    header = decode_header(identifier)
    if header.device not in (SINGLE, GROUP) or len(data) != 8:
        raise WireError(f"frame {identifier:#010x} with {len(data)} bytes is not of this protocol")
    try:
        return header, Code(header.command)
    except ValueError:
        raise WireError(f"frame {identifier:#010x} with unknown command {header.command:#04x}") from None


def _encode_milli(voltage_v: float, current_a: float) -> bytes:
    return struct.pack(">II", _clamp(voltage_v * 1000, 32), _clamp(current_a * 1000, 32))


def _decode_floats(data: bytes) -> tuple[float, float]:
    voltage_v, current_a = struct.unpack(">ff", data)
    if not (math.isfinite(voltage_v) and math.isfinite(current_a)):
        raise WireError("output reported as not a number")
    return voltage_v, current_a


def _decode_line_voltages(data: bytes) -> LineVoltages:
    ab_dv, bc_dv, ca_dv = struct.unpack_from(">3H", data)
    return LineVoltages(ab_dv / 10, bc_dv / 10, ca_dv / 10)


def _decode_status(data: bytes) -> Status:
    group, ambient_c, state_2, state_1, state_0 = struct.unpack(">2xBxbBBB", data)
    return Status(group, ambient_c, state_0, state_1, state_2)


def _decode_capabilities(data: bytes) -> Capabilities:
    max_v, min_v, max_da, power_daw = struct.unpack(">4H", data)
    return Capabilities(float(max_v), float(min_v), max_da / 10, power_daw * 10.0)


def _encode_serial(serial: str) -> bytes:
    number, letter, suffix = int(serial[:12]), ord(serial[12]), int(serial[13:])
    return bytes((letter,)) + number.to_bytes(5, "big") + suffix.to_bytes(2, "big")


def _decode_serial(data: bytes) -> Barcode:
    letter, number, suffix = chr(data[0]), int.from_bytes(data[1:6], "big"), int.from_bytes(data[6:], "big") & 0xFFF
    if not (letter.isascii() and letter.isalnum()) or number > 999_999_999_999:
        raise WireError("bar code that cannot be printed")
    return Barcode(f"{number:012d}{letter}{suffix:04d}")


def _decode_external(data: bytes) -> External:
    voltage_dv, current_da = struct.unpack_from(">HH", data)
    return External(voltage_dv / 10, current_da / 10)


_ANSWER_DECODERS: Final[dict[Code, Callable[[bytes], Answer]]] = {
    Code.MODULE_COUNT: lambda data: ModuleCount(data[2]),
    Code.SYSTEM_OUTPUT: lambda data: SystemOutput(*_decode_floats(data)),
    Code.OUTPUT: lambda data: Output(*_decode_floats(data)),
    Code.LINE_VOLTAGES: _decode_line_voltages,
    Code.STATUS: _decode_status,
    Code.CAPABILITIES: _decode_capabilities,
    Code.BARCODE: _decode_serial,
    Code.EXTERNAL: _decode_external,
}


def _clamp(value: float, bits: int) -> int:
    return min(max(round(value), 0), (1 << bits) - 1)
