"""Frames between a station and an Advantics CCS controller, "generic EVSE" interface 3.3 to 3.6, both directions.

Identifier bits 28-24 are the outlet (1 or more on multi-outlet firmware, 0 on older one), the rest names the message; payloads are
least significant byte first; 500 kbit/s. Source: Advantics documentation, `charge-controllers/secc_generic` (can_v3, databases_v3).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hal.errors import WireError
from hal.wire.can_frame import CanFrame

_MESSAGE_MASK: Final = 0x00FF_FFFF
_OUTLET_SHIFT: Final = 24
_TEMPERATURE_OFFSET_C: Final = -40
_OHM_PER_COUNT: Final = 2000


class MessageId(IntEnum):
    """Identifier without the outlet."""

    POWER_MODULES_STATUS = 0x63000
    DC_POWER_PARAMETERS = 0x63001
    SEQUENCE_CONTROL = 0x63002
    CONTROLLER_STATUS = 0x6B000
    NEW_CHARGE_SESSION = 0x6B001
    CHARGE_STATUS_CHANGE = 0x6B002
    DC_POWER_CONTROL = 0x6B003
    CHARGE_SESSION_FINISHED = 0x6B004
    EMERGENCY_STOP = 0x6B005
    EV_BATTERY = 0x6B100
    EV_VOLTAGES = 0x6B101
    EV_CHARGE_LIMITS = 0x6B102
    EVCC_ID = 0x6B105
    SECC_INPUTS = 0x6B201
    PILOT = 0x6B203


class State(IntEnum):
    """State of the controller."""

    INITIALISING = 0
    WAITING_FOR_VEHICLE = 1
    NEGOTIATING = 2
    CONNECTED = 3
    INSULATION_TEST = 4
    PRECHARGE = 5
    WAITING_FOR_CHARGE = 6
    CHARGING = 7
    ENDING = 8
    WELDING_DETECTION = 9
    CLOSING = 10
    AUTHORISATION = 11
    NOT_AVAILABLE = 12
    PAUSE = 13


class PowerFunction(IntEnum):
    """What the power side is to do; STANDBY means no power, never "pull the output to 0 V"."""

    OFF = 0
    STANDBY = 1
    INSULATION_TEST = 2
    PRECHARGE = 4
    POWER = 8


class StopOrigin(IntEnum):
    """Who caused an emergency stop."""

    STATION = 1
    VEHICLE = 3


class Pilot(IntEnum):
    """Voltage of the control pilot."""

    E_OR_F = 0
    D = 3
    C = 6
    B = 9
    A = 12


@dataclass(frozen=True, slots=True)
class ControllerStatus:
    state: State


@dataclass(frozen=True, slots=True)
class NewChargeSession:
    """Protocol: 0 DIN 70121, 1 and 2 ISO 15118-2, 7 ISO 15118-20. Plug: 0 CCS core, 1 CCS extended pins."""

    protocol: int = 2
    plug: int = 1


@dataclass(frozen=True, slots=True)
class ChargeStatusChange:
    is_started: bool


@dataclass(frozen=True, slots=True)
class DcPowerControl:
    """Wish for the power side; resolution 0.1 V, 0.1 A. A limit of 0 A in a test or precharge means "your own small limit"."""

    target_voltage_v: float = 0.0
    max_current_a: float = 0.0
    min_current_a: float = 0.0
    function: PowerFunction = PowerFunction.OFF
    is_range_mode: bool = False
    is_contactor_closed: bool = False
    is_lowering: bool = False


@dataclass(frozen=True, slots=True)
class ChargeSessionFinished:
    is_clean: bool


@dataclass(frozen=True, slots=True)
class EmergencyStop:
    origin: StopOrigin


@dataclass(frozen=True, slots=True)
class EvBattery:
    """Resolution 1 kWh and 1 %."""

    capacity_wh: int
    soc_percent: int
    min_soc_percent: int = 0
    target_soc_percent: int = 100
    max_soc_percent: int = 100


@dataclass(frozen=True, slots=True)
class EvVoltages:
    """Resolution 0.1 V."""

    min_voltage_v: float
    max_voltage_v: float
    present_voltage_v: float


@dataclass(frozen=True, slots=True)
class EvChargeLimits:
    """Resolution 0.1 A and 1 kW."""

    min_current_a: float
    max_current_a: float
    min_power_w: int
    max_power_w: int


@dataclass(frozen=True, slots=True)
class EvccId:
    """Six bytes, usually the MAC address of the vehicle's modem."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class SeccInputs:
    """Digital inputs 1 to 4 and temperatures; resolution 1 degC, from -40 (also where there is no sensor)."""

    inputs: tuple[bool, bool, bool, bool] = (False, False, False, False)
    cpu_temperature_c: int = 25
    connector_temperatures_c: tuple[int, int] = (25, 25)


@dataclass(frozen=True, slots=True)
class PilotState:
    """Resolution 0.1 %."""

    pilot: Pilot
    duty_percent: float = 100.0


@dataclass(frozen=True, slots=True)
class PowerModulesStatus:
    """What the station delivers; resolution 0.1 V, 0.1 A, 1 degC, 2 kOhm (at most 510 kOhm)."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    module_temperature_c: int = 25
    cabinet_temperature_c: int = 25
    is_enabled: bool = False
    insulation_ohm: int = 0


@dataclass(frozen=True, slots=True)
class DcPowerParameters:
    """Limits of the station; resolution 0.1 V, 0.1 A; 0 lets the controller use its configured default."""

    max_voltage_v: float
    max_current_a: float
    max_discharge_current_a: float = 0.0
    range_target_current_a: float = 0.0


@dataclass(frozen=True, slots=True)
class SequenceControl:
    """Answers of the station; `is_user_stop` counts at its rising edge."""

    may_start: bool = False
    is_authorization_done: bool = False
    is_authorization_valid: bool = False
    are_parameters_done: bool = False
    is_user_stop: bool = False


Message = (
    ControllerStatus
    | NewChargeSession
    | ChargeStatusChange
    | DcPowerControl
    | ChargeSessionFinished
    | EmergencyStop
    | EvBattery
    | EvVoltages
    | EvChargeLimits
    | EvccId
    | SeccInputs
    | PilotState
    | PowerModulesStatus
    | DcPowerParameters
    | SequenceControl
)


def split_identifier(identifier: int) -> tuple[int, int]:
    """Outlet and message number of any identifier."""
    return identifier >> _OUTLET_SHIFT & 0x1F, identifier & _MESSAGE_MASK


def encode(message: Message, outlet: int) -> CanFrame:
    """Frame for one outlet; values outside a field are clamped."""
    number, data = _encode_payload(message)
    return CanFrame(outlet << _OUTLET_SHIFT | number, data)


def decode(identifier: int, data: bytes) -> tuple[int, Message]:
    """Outlet and message; raises WireError for messages not listed here, short payloads and undefined values."""
    outlet, number = split_identifier(identifier)
    decoder = _DECODERS.get(number)
    if decoder is None:
        raise WireError(f"message {number:#07x} is not known")
    try:
        return outlet, decoder(data)
    except (struct.error, ValueError) as error:
        raise WireError(f"message {number:#07x} with data {data.hex()}: {error}") from None


def _encode_payload(message: Message) -> tuple[MessageId, bytes]:
    match message:
        case ControllerStatus(state):
            return MessageId.CONTROLLER_STATUS, bytes((state,))
        case NewChargeSession(protocol, plug):
            return MessageId.NEW_CHARGE_SESSION, bytes((protocol, plug))
        case ChargeStatusChange(is_started):
            return MessageId.CHARGE_STATUS_CHANGE, bytes((is_started,))
        case DcPowerControl():
            return MessageId.DC_POWER_CONTROL, _encode_power_control(message)
        case ChargeSessionFinished(is_clean):
            return MessageId.CHARGE_SESSION_FINISHED, bytes((not is_clean,))
        case EmergencyStop(origin):
            return MessageId.EMERGENCY_STOP, bytes((origin,))
        case EvBattery():
            return MessageId.EV_BATTERY, _encode_battery(message)
        case EvVoltages(low_v, high_v, present_v):
            return MessageId.EV_VOLTAGES, struct.pack("<3H", *(_unsigned(value * 10, 16) for value in (low_v, high_v, present_v)))
        case EvChargeLimits():
            return MessageId.EV_CHARGE_LIMITS, _encode_limits(message)
        case EvccId(octets):
            return MessageId.EVCC_ID, octets[:6].ljust(6, b"\x00")
        case SeccInputs():
            return MessageId.SECC_INPUTS, _encode_inputs(message)
        case PilotState(pilot, duty_percent):
            return MessageId.PILOT, struct.pack("<BH5x", pilot, _unsigned(duty_percent * 10, 16))
        case PowerModulesStatus():
            return MessageId.POWER_MODULES_STATUS, _encode_modules_status(message)
        case DcPowerParameters():
            return MessageId.DC_POWER_PARAMETERS, _encode_parameters(message)
        case SequenceControl():
            return MessageId.SEQUENCE_CONTROL, _encode_sequence(message)


def _encode_power_control(message: DcPowerControl) -> bytes:
    flags = message.function | message.is_range_mode << 5 | message.is_contactor_closed << 6 | message.is_lowering << 7
    target, high, low = (
        _unsigned(message.target_voltage_v * 10, 16),
        _signed_16(message.max_current_a * 10),
        _signed_16(message.min_current_a * 10),
    )
    return struct.pack("<HhhB", target, high, low, flags)


def _decode_power_control(data: bytes) -> DcPowerControl:
    target, high, low, flags = struct.unpack_from("<HhhB", data)
    function = PowerFunction(flags & 0x0F)
    return DcPowerControl(target / 10, high / 10, low / 10, function, bool(flags & 0x20), bool(flags & 0x40), bool(flags & 0x80))


def _encode_battery(message: EvBattery) -> bytes:
    levels = (message.soc_percent, message.min_soc_percent, message.target_soc_percent, message.max_soc_percent)
    return struct.pack("<H4B", _unsigned(message.capacity_wh / 1000, 16), *(_unsigned(level, 8) for level in levels))


def _decode_battery(data: bytes) -> EvBattery:
    capacity_kwh, present, low, target, high = struct.unpack_from("<H4B", data)
    if present > 100:
        raise ValueError(f"state of charge of {present} %")
    return EvBattery(capacity_kwh * 1000, present, low, target, high)


def _decode_voltages(data: bytes) -> EvVoltages:
    low, high, present = struct.unpack_from("<3H", data)
    return EvVoltages(low / 10, high / 10, present / 10)


def _encode_limits(message: EvChargeLimits) -> bytes:
    raw = (message.min_current_a * 10, message.max_current_a * 10, message.min_power_w / 1000, message.max_power_w / 1000)
    return struct.pack("<4H", *(_unsigned(value, 16) for value in raw))


def _decode_limits(data: bytes) -> EvChargeLimits:
    low_da, high_da, low_kw, high_kw = struct.unpack_from("<4H", data)
    return EvChargeLimits(low_da / 10, high_da / 10, low_kw * 1000, high_kw * 1000)


def _decode_evcc_id(data: bytes) -> EvccId:
    if len(data) < 6:
        raise ValueError("six bytes expected")
    return EvccId(bytes(data[:6]))


def _encode_inputs(message: SeccInputs) -> bytes:
    bits = sum(is_active << index for index, is_active in enumerate(message.inputs))
    temperatures = (message.cpu_temperature_c, *message.connector_temperatures_c)
    return bytes((bits, 0, 0, 0, 0, *(_unsigned(one - _TEMPERATURE_OFFSET_C, 8) for one in temperatures)))


def _decode_inputs(data: bytes) -> SeccInputs:
    bits, cpu, first, second = struct.unpack_from("<B4x3B", data)
    cpu_c, first_c, second_c = (one + _TEMPERATURE_OFFSET_C for one in (cpu, first, second))
    return SeccInputs((bool(bits & 1), bool(bits & 2), bool(bits & 4), bool(bits & 8)), cpu_c, (first_c, second_c))


def _decode_pilot(data: bytes) -> PilotState:
    pilot, duty = struct.unpack_from("<BH", data)
    return PilotState(Pilot(pilot), duty / 10)


def _encode_modules_status(message: PowerModulesStatus) -> bytes:
    return struct.pack(
        "<HhBBBB",
        _unsigned(message.voltage_v * 10, 16),
        _signed_16(message.current_a * 10),
        _unsigned(message.module_temperature_c - _TEMPERATURE_OFFSET_C, 8),
        _unsigned(message.cabinet_temperature_c - _TEMPERATURE_OFFSET_C, 8),
        message.is_enabled,
        min(max(int(message.insulation_ohm), 0) // _OHM_PER_COUNT, 0xFF),  # never told better than it is
    )


def _decode_modules_status(data: bytes) -> PowerModulesStatus:
    voltage, current, modules, cabinet, enable, insulation = struct.unpack_from("<HhBBBB", data)
    temperatures = modules + _TEMPERATURE_OFFSET_C, cabinet + _TEMPERATURE_OFFSET_C
    return PowerModulesStatus(voltage / 10, current / 10, *temperatures, _flag(enable), insulation * _OHM_PER_COUNT)


def _encode_parameters(message: DcPowerParameters) -> bytes:
    unsigned = (message.max_voltage_v, message.max_current_a, message.max_discharge_current_a)
    return struct.pack("<3Hh", *(_unsigned(value * 10, 16) for value in unsigned), _signed_16(message.range_target_current_a * 10))


def _decode_parameters(data: bytes) -> DcPowerParameters:
    voltage, current, discharge, target = struct.unpack_from("<3Hh", data)
    return DcPowerParameters(voltage / 10, current / 10, discharge / 10, target / 10)


def _encode_sequence(message: SequenceControl) -> bytes:
    middle = message.is_authorization_done | message.is_authorization_valid << 1 | message.are_parameters_done << 2
    return bytes((message.may_start, middle, message.is_user_stop))


def _decode_sequence(data: bytes) -> SequenceControl:
    first, middle, last = struct.unpack_from("<3B", data)
    return SequenceControl(bool(first & 1), bool(middle & 1), bool(middle & 2), bool(middle & 4), bool(last & 1))


def _first(data: bytes) -> int:
    if not data:
        raise ValueError("no data")
    return data[0]


def _flag(value: int) -> bool:
    if value > 1:
        raise ValueError(f"{value} where 0 or 1 is expected")
    return bool(value)


def _decode_session(data: bytes) -> NewChargeSession:
    protocol, plug = struct.unpack_from("<BB", data)
    return NewChargeSession(protocol, plug)


_DECODERS: Final[dict[int, Callable[[bytes], Message]]] = {
    MessageId.CONTROLLER_STATUS: lambda data: ControllerStatus(State(_first(data))),
    MessageId.NEW_CHARGE_SESSION: _decode_session,
    MessageId.CHARGE_STATUS_CHANGE: lambda data: ChargeStatusChange(_flag(_first(data))),
    MessageId.DC_POWER_CONTROL: _decode_power_control,
    MessageId.CHARGE_SESSION_FINISHED: lambda data: ChargeSessionFinished(not _flag(_first(data))),
    MessageId.EMERGENCY_STOP: lambda data: EmergencyStop(StopOrigin(_first(data))),
    MessageId.EV_BATTERY: _decode_battery,
    MessageId.EV_VOLTAGES: _decode_voltages,
    MessageId.EV_CHARGE_LIMITS: _decode_limits,
    MessageId.EVCC_ID: _decode_evcc_id,
    MessageId.SECC_INPUTS: _decode_inputs,
    MessageId.PILOT: _decode_pilot,
    MessageId.POWER_MODULES_STATUS: _decode_modules_status,
    MessageId.DC_POWER_PARAMETERS: _decode_parameters,
    MessageId.SEQUENCE_CONTROL: _decode_sequence,
}


def _unsigned(value: float, bits: int) -> int:
    return min(max(round(value), 0), (1 << bits) - 1)


def _signed_16(value: float) -> int:
    return min(max(round(value), -0x8000), 0x7FFF)
