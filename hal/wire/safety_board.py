"""Frames of a control pilot and safety board (chargebyte Charge SOM) on a serial line: pilot, proximity, contactors, temperatures.

A frame is A5, packet id, 8 data bytes, a checksum over id and data (CRC-8 SAE J1850), 03. Bits of the data are numbered with the most
significant byte first. Sources: chargebyte/chargebyte-docs (safety controller, protocol; branch everest/charge_som for the layouts), public
UART library of the maker for the span of the checksum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hal.errors import WireError

FRAME_SIZE: Final = 12
_START: Final = 0xA5
_END: Final = 0x03
_DATA_SIZE: Final = 8
_POLYNOMIAL: Final = 0x1D
_UNUSED: Final = 0x1FFF  # of a temperature
CHANNELS: Final = 4


class PacketId(IntEnum):
    """What a frame carries."""

    CHARGE_CONTROL = 0x06
    CHARGE_STATE = 0x07
    TEMPERATURES = 0x08
    FIRMWARE_VERSION = 0x0A
    FIRMWARE_HASH = 0x0B
    INQUIRY = 0xFF


class Pilot(IntEnum):
    """State of the control pilot as the board measures it."""

    UNKNOWN = 0
    A = 1
    B = 2
    C = 3
    D = 4
    E = 5
    F = 6
    INVALID = 7


class Proximity(IntEnum):
    """Of the plug in the station's socket: what its cable can bear. The plugs of type 1 belong to vehicles' cables."""

    NO_CABLE = 0
    A13 = 1
    A20 = 2
    A32 = 3
    A63 = 4  # 70 A in a single phase
    TYPE1_CONNECTED = 5
    TYPE1_PRESSED = 6
    ERROR = 7


class Contact(IntEnum):
    """A contactor, by its feedback."""

    OPEN = 0
    CLOSED = 1
    RESERVED = 2
    NOT_CONFIGURED = 3


class Stop(IntEnum):
    """An input for an emergency stop."""

    NOT_TRIPPED = 0
    TRIPPED = 1
    RESERVED = 2
    NOT_CONFIGURED = 3


@dataclass(frozen=True, slots=True)
class ChargeControl:
    """Host to board, every 100 ms and on change. The default switches everything off: 0 V at the pilot.

    duty_permille: with the PWM on; 1000 is a steady +12 V.
    """

    is_pwm_on: bool = False
    duty_permille: int = 0
    is_contactor_1_wanted: bool = False
    is_contactor_2_wanted: bool = False


@dataclass(frozen=True, slots=True)
class ContactorState:
    """One contactor. `has_error`: it did not do what it was told."""

    contact: Contact = Contact.NOT_CONFIGURED
    has_error: bool = False


@dataclass(frozen=True, slots=True)
class ChargeState:
    """Board to host, every 100 ms."""

    is_pwm_on: bool = False
    duty_permille: int = 0
    pilot: Pilot = Pilot.UNKNOWN
    is_pilot_shorted: bool = False
    has_diode_fault: bool = False
    proximity: Proximity = Proximity.NO_CABLE
    contactor_1: ContactorState = ContactorState()
    contactor_2: ContactorState = ContactorState()
    is_hv_ready: bool = False
    stops: tuple[Stop, Stop, Stop] = (Stop.NOT_CONFIGURED, Stop.NOT_CONFIGURED, Stop.NOT_CONFIGURED)


@dataclass(frozen=True, slots=True)
class Channel:
    """One PT1000; `temperature_c` has tenths and is None where no sensor is used. `has_failed`: the sensor's self-test."""

    temperature_c: float | None = None
    has_stopped_charging: bool = False
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Temperatures:
    """Board to host, every 100 ms."""

    channels: tuple[Channel, Channel, Channel, Channel] = (Channel(), Channel(), Channel(), Channel())


@dataclass(frozen=True, slots=True)
class FirmwareVersion:
    """Answer to an inquiry. platform: 0x81 Charge SOM, 0x82 Charge Control Y; application: 3 the firmware proper, others are for tests."""

    major: int
    minor: int
    build: int
    platform: int = 0x81
    application: int = 3


@dataclass(frozen=True, slots=True)
class FirmwareHash:
    """Answer to an inquiry: the first 8 bytes of the commit it was built from."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Host to board: a question for another packet, one at a time, answered within 1 s."""

    wanted: PacketId


Message = ChargeControl | ChargeState | Temperatures | FirmwareVersion | FirmwareHash | Inquiry
Item = Message | WireError


def crc8(data: bytes) -> int:
    """CRC-8 SAE J1850: polynomial 1D, initial value and final exclusive-or FF, not reflected."""
    crc = 0xFF
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc ^ 0xFF


def _shifted_out(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ (_POLYNOMIAL if byte & 0x80 else 0)) & 0xFF
    return byte


_TABLE: Final = bytes(map(_shifted_out, range(256)))


def encode(message: Message) -> bytes:
    """The frame of a message. Raises ValueError for a value that its field cannot hold."""
    identifier, data = _packed(message)
    body = bytes((identifier,)) + data.ljust(_DATA_SIZE, b"\0")
    return bytes((_START,)) + body + bytes((crc8(body), _END))


def decode(frame: bytes) -> Message:
    """The message of one whole frame. Raises WireError for a damaged one, an unknown packet id and an inquiry for one."""
    if len(frame) != FRAME_SIZE or frame[0] != _START or frame[-1] != _END:
        raise WireError(f"no frame of the board: {frame.hex(' ')}")
    body, crc = frame[1:-2], frame[-2]
    if crc8(body) != crc:
        raise WireError(f"frame {body[0]:#04x} with checksum {crc:#04x} instead of {crc8(body):#04x}")
    try:
        return _UNPACKED[PacketId(body[0])](body[1:])
    except ValueError as error:
        raise WireError(f"frame of an unknown kind: {error}") from None


class FrameParser:
    """Turns a stream of bytes into messages; what is damaged comes out as a `WireError`, and the next frame is looked for inside it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Item]:
        """Items completed by these bytes, in order."""
        self._buffer += data
        items: list[Item] = []
        while (start := self._buffer.find(_START)) >= 0:
            del self._buffer[:start]
            if len(self._buffer) < FRAME_SIZE:
                return items
            items.append(self._next())
        self._buffer.clear()
        return items

    def _next(self) -> Item:
        try:
            frame = bytes(self._buffer[:FRAME_SIZE])
            message = decode(frame)
        except WireError as error:
            del self._buffer[: FRAME_SIZE if _is_whole(frame) else 1]
            return error
        del self._buffer[:FRAME_SIZE]
        return message


def _is_whole(frame: bytes) -> bool:
    """Nothing is wrong with it but that nobody knows its kind."""
    return frame[-1] == _END and crc8(frame[1:-2]) == frame[-2]


# --- data ---------------------------------------------------------------------------------------------------------------------------


def _packed(message: Message) -> tuple[PacketId, bytes]:
    match message:
        case ChargeControl(is_on, duty_permille, is_first, is_second):
            return PacketId.CHARGE_CONTROL, _packed_duty(is_on, duty_permille) + bytes((is_first | is_second << 1,))
        case ChargeState():
            return PacketId.CHARGE_STATE, _packed_state(message)
        case Temperatures(channels):
            return PacketId.TEMPERATURES, b"".join(map(_packed_channel, channels))
        case FirmwareVersion(major, minor, build, platform, application):
            return PacketId.FIRMWARE_VERSION, bytes((major, minor, build, platform, application))
        case FirmwareHash(octets):
            if len(octets) != _DATA_SIZE:
                raise ValueError(f"a hash has {_DATA_SIZE} bytes, not {len(octets)}")
            return PacketId.FIRMWARE_HASH, octets
        case Inquiry(wanted):
            return PacketId.INQUIRY, bytes((wanted,))


def _packed_duty(is_on: bool, duty_permille: int) -> bytes:
    if not 0 <= duty_permille <= 0x3FF:
        raise ValueError(f"duty of {duty_permille / 10:g} %")
    return (is_on << 15 | duty_permille).to_bytes(2, "big")


def _packed_state(state: ChargeState) -> bytes:
    first, second, third = state.stops
    one, two = state.contactor_1, state.contactor_2
    return _packed_duty(state.is_pwm_on, state.duty_permille) + bytes(
        (
            state.pilot | state.is_pilot_shorted << 3 | state.has_diode_fault << 4,
            state.proximity,
            one.contact | one.has_error << 2 | two.contact << 3 | two.has_error << 5 | state.is_hv_ready << 6,
            first | second << 2 | third << 4,
        )
    )


def _packed_channel(channel: Channel) -> bytes:
    raw = _UNUSED if channel.temperature_c is None else round(10 * channel.temperature_c)
    if not -0x2000 <= raw <= 0x1FFF:
        raise ValueError(f"temperature of {channel.temperature_c} degC")
    return ((raw & 0x3FFF) << 2 | channel.has_failed << 1 | channel.has_stopped_charging).to_bytes(2, "big")


def _unpacked_duty(data: bytes) -> tuple[bool, int]:
    return bool(data[0] & 0x80), (data[0] & 0x03) << 8 | data[1]


def _unpacked_control(data: bytes) -> ChargeControl:
    is_on, duty_permille = _unpacked_duty(data)
    return ChargeControl(is_on, duty_permille, bool(data[2] & 0x01), bool(data[2] & 0x02))


def _unpacked_state(data: bytes) -> ChargeState:
    is_on, duty_permille = _unpacked_duty(data)
    pilot, proximity, contactors, stops = data[2:6]
    return ChargeState(
        is_pwm_on=is_on,
        duty_permille=duty_permille,
        pilot=Pilot(pilot & 0x07),
        is_pilot_shorted=bool(pilot & 0x08),
        has_diode_fault=bool(pilot & 0x10),
        proximity=Proximity(proximity & 0x07),
        contactor_1=ContactorState(Contact(contactors & 0x03), bool(contactors & 0x04)),
        contactor_2=ContactorState(Contact(contactors >> 3 & 0x03), bool(contactors & 0x20)),
        is_hv_ready=bool(contactors & 0x40),
        stops=(Stop(stops & 0x03), Stop(stops >> 2 & 0x03), Stop(stops >> 4 & 0x03)),
    )


def _unpacked_channel(data: bytes) -> Channel:
    field = int.from_bytes(data, "big", signed=True)
    raw = field >> 2
    return Channel(None if raw == _UNUSED else raw / 10, bool(field & 0x01), bool(field & 0x02))


def _unpacked_temperatures(data: bytes) -> Temperatures:
    first, second, third, fourth = (_unpacked_channel(data[at : at + 2]) for at in range(0, 2 * CHANNELS, 2))
    return Temperatures((first, second, third, fourth))


_UNPACKED: Final[Mapping[PacketId, Callable[[bytes], Message]]] = {
    PacketId.CHARGE_CONTROL: _unpacked_control,
    PacketId.CHARGE_STATE: _unpacked_state,
    PacketId.TEMPERATURES: _unpacked_temperatures,
    PacketId.FIRMWARE_VERSION: lambda data: FirmwareVersion(*data[:5]),
    PacketId.FIRMWARE_HASH: FirmwareHash,
    PacketId.INQUIRY: lambda data: Inquiry(PacketId(data[0])),
}
