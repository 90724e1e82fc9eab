"""Frames and messages of an NXP PN532 on its serial interface (HSU), both directions.

A dialogue is: the host sends a command, the reader acknowledges it at once and answers when it is ready. Bytes arrive in fragments,
so `FrameParser` is fed with whatever came. Source: NXP PN532 user manual (UM0701-02), section 6.2.1 (frames) and 7 (commands).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hal.errors import WireError

TO_READER: Final = 0xD4
TO_HOST: Final = 0xD5
ACK: Final = bytes.fromhex("0000FF00FF00")
NACK: Final = bytes.fromhex("0000FFFF0000")
ERROR_FRAME: Final = bytes.fromhex("0000FF01FF7F8100")
WAKE_UP: Final = b"\x55\x55" + bytes(14)

_START: Final = b"\x00\xff"
_UID_LENGTHS: Final = (4, 7, 10)
_HAS_ATS: Final = 0x20  # bit of SEL_RES: ISO 14443-4, an ATS follows the UID

_GET_FIRMWARE_VERSION: Final = 0x02
_SAM_CONFIGURATION: Final = 0x14
_IN_LIST_PASSIVE_TARGET: Final = 0x4A
_IN_RELEASE: Final = 0x52


@dataclass(frozen=True, slots=True)
class Ack:
    """The other side took the frame."""


@dataclass(frozen=True, slots=True)
class Nack:
    """The other side wants the last frame again."""


@dataclass(frozen=True, slots=True)
class SyntaxErrorFrame:
    """The reader did not understand the command."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An information frame: direction (TFI), command or answer code, parameters."""

    tfi: int
    code: int
    data: bytes = b""


Item = Ack | Nack | SyntaxErrorFrame | Frame | WireError


def encode_frame(frame: Frame) -> bytes:
    """Bytes of an information frame; ValueError above 253 bytes of parameters (extended frames are not used)."""
    body = bytes((frame.tfi, frame.code)) + frame.data
    if len(body) > 0xFF:
        raise ValueError(f"frame body of {len(body)} bytes needs an extended frame")
    return b"\x00" + _START + bytes((len(body), -len(body) & 0xFF)) + body + bytes((-sum(body) & 0xFF, 0))


class FrameParser:
    """Turns a stream of bytes into items; a damaged frame comes out as a `WireError` and is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget a half-received frame; the host does so when an answer is overdue."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Item]:
        """Items completed by these bytes, in order."""
        self._buffer += data
        items: list[Item] = []
        while (item := self._next_item()) is not None:
            items.append(item)
        return items

    def _next_item(self) -> Item | None:
        start = self._buffer.find(_START)
        if start < 0:
            keep = 1 if self._buffer.endswith(b"\x00") else 0
            del self._buffer[: len(self._buffer) - keep]
            return None
        del self._buffer[:start]
        if len(self._buffer) < 4:
            return None
        length, check = self._buffer[2], self._buffer[3]
        if (length, check) == (0x00, 0xFF):
            return self._take(4, Ack())
        if (length, check) == (0xFF, 0x00):
            return self._take(4, Nack())
        if (length + check) & 0xFF or length == 0:
            # only the start code is dropped: what looks like a header may be the beginning of the next frame
            return self._take(2, WireError(f"frame header with length {length:#04x} and checksum {check:#04x}"))
        if len(self._buffer) < 5 + length:
            return None
        return self._take_body(bytes(self._buffer[4 : 5 + length]))

    def _take_body(self, body: bytes) -> Item:
        if sum(body) & 0xFF:
            return self._take(2, WireError("frame with a wrong data checksum"))
        size = 4 + len(body)
        if body[:-1] == b"\x7f":
            return self._take(size, SyntaxErrorFrame())
        if len(body) < 3 or body[0] not in (TO_READER, TO_HOST):
            return self._take(size, WireError(f"frame of neither direction, first byte {body[0]:#04x}"))
        return self._take(size, Frame(body[0], body[1], body[2:-1]))

    def _take(self, count: int, item: Item) -> Item:
        del self._buffer[:count]
        return item


@dataclass(frozen=True, slots=True)
class GetFirmwareVersion:
    """Presence test."""


@dataclass(frozen=True, slots=True)
class SamConfiguration:
    """Mode 1: the security module is not used; `timeout` counts 50 ms, 0 is none."""

    mode: int = 1
    timeout: int = 0
    irq: int = 1


@dataclass(frozen=True, slots=True)
class InListPassiveTarget:
    """Wait for cards; kind 0 is 106 kbit/s ISO 14443 type A. Unanswered until a card comes."""

    max_targets: int = 1
    kind: int = 0


@dataclass(frozen=True, slots=True)
class InRelease:
    """Let go of a card, 0: all of them."""

    target: int = 0


Command = GetFirmwareVersion | SamConfiguration | InListPassiveTarget | InRelease


@dataclass(frozen=True, slots=True)
class FirmwareVersion:
    """Answer to GetFirmwareVersion; a PN532 has `ic` 0x32."""

    ic: int
    version: int
    revision: int
    support: int


@dataclass(frozen=True, slots=True)
class SamConfigured:
    """Answer to SamConfiguration."""


@dataclass(frozen=True, slots=True)
class Target:
    """A card of type A: UID of 4, 7 or 10 bytes; `ats` (its length byte included) only with bit 5 of `sel_res`."""

    number: int
    sens_res: int
    sel_res: int
    uid: bytes
    ats: bytes = b""


@dataclass(frozen=True, slots=True)
class TargetsFound:
    """Answer to InListPassiveTarget."""

    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """Answer to InRelease; status 0 is success."""

    status: int = 0


Answer = FirmwareVersion | SamConfigured | TargetsFound | Released


def encode_command(command: Command) -> bytes:
    """Bytes the host sends."""
    match command:
        case GetFirmwareVersion():
            return encode_frame(Frame(TO_READER, _GET_FIRMWARE_VERSION))
        case SamConfiguration(mode, timeout, irq):
            return encode_frame(Frame(TO_READER, _SAM_CONFIGURATION, bytes((mode, timeout, irq))))
        case InListPassiveTarget(max_targets, kind):
            return encode_frame(Frame(TO_READER, _IN_LIST_PASSIVE_TARGET, bytes((max_targets, kind))))
        case InRelease(target):
            return encode_frame(Frame(TO_READER, _IN_RELEASE, bytes((target,))))


def decode_command(frame: Frame) -> Command:
    """What the host wants; raises WireError for an unknown or malformed command."""
    if frame.tfi != TO_READER:
        raise WireError(f"frame with TFI {frame.tfi:#04x} is not a command")
    data = frame.data
    match frame.code, len(data):
        case 0x02, 0:
            return GetFirmwareVersion()
        case 0x14, 1 | 2 | 3:  # hosts may leave out the last two parameters
            return SamConfiguration(*data)
        case 0x4A, 2:
            return InListPassiveTarget(*data)
        case 0x52, 1:
            return InRelease(*data)
    raise WireError(f"unknown or malformed command {frame.code:#04x} with {len(data)} bytes of parameters")


def encode_answer(answer: Answer) -> bytes:
    """Bytes the reader sends."""
    match answer:
        case FirmwareVersion(ic, version, revision, support):
            return _encode_answer(_GET_FIRMWARE_VERSION, bytes((ic, version, revision, support)))
        case SamConfigured():
            return _encode_answer(_SAM_CONFIGURATION, b"")
        case TargetsFound(targets):
            return _encode_answer(_IN_LIST_PASSIVE_TARGET, bytes((len(targets),)) + b"".join(map(_encode_target, targets)))
        case Released(status):
            return _encode_answer(_IN_RELEASE, bytes((status,)))


def _encode_answer(command_code: int, data: bytes) -> bytes:
    return encode_frame(Frame(TO_HOST, command_code + 1, data))


def _encode_target(target: Target) -> bytes:
    if len(target.uid) not in _UID_LENGTHS:
        raise ValueError(f"a UID has 4, 7 or 10 bytes, not {len(target.uid)}")
    head = bytes((target.number,)) + target.sens_res.to_bytes(2, "big") + bytes((target.sel_res, len(target.uid)))
    return head + target.uid + target.ats


def decode_answer(frame: Frame) -> Answer:
    """What the reader says; raises WireError for an unknown or malformed answer."""
    decode = _ANSWER_DECODERS.get(frame.code) if frame.tfi == TO_HOST else None
    if decode is None:
        raise WireError(f"frame with TFI {frame.tfi:#04x} and code {frame.code:#04x} is not a known answer")
    return decode(frame.data)


def _decode_firmware_version(data: bytes) -> FirmwareVersion:
    if len(data) != 4:
        raise WireError(f"firmware answer of {len(data)} bytes")
    return FirmwareVersion(*data)


def _decode_sam_configured(data: bytes) -> SamConfigured:
    if data:
        raise WireError(f"SAMConfiguration answer with {len(data)} unexpected bytes")
    return SamConfigured()


def _decode_released(data: bytes) -> Released:
    if len(data) != 1:
        raise WireError(f"InRelease answer of {len(data)} bytes")
    return Released(data[0])


def _decode_targets(data: bytes) -> TargetsFound:
    if not data:
        raise WireError("target list without a count")
    targets: list[Target] = []
    rest = data[1:]
    for _ in range(data[0]):
        target, rest = _split_target(rest)
        targets.append(target)
    if rest:
        raise WireError(f"target list with {len(rest)} bytes too many")
    return TargetsFound(tuple(targets))


def _split_target(data: bytes) -> tuple[Target, bytes]:
    if len(data) < 5:
        raise WireError("target list ends inside a target")
    sel_res, uid_length = data[3], data[4]
    uid, rest = data[5 : 5 + uid_length], data[5 + uid_length :]
    if uid_length not in _UID_LENGTHS or len(uid) != uid_length:
        raise WireError(f"target with a UID of {len(uid)} of {uid_length} bytes")
    ats_length = rest[0] if sel_res & _HAS_ATS and rest else 0
    if ats_length > len(rest) or (rest and sel_res & _HAS_ATS and not ats_length):
        raise WireError("target list ends inside an ATS")
    return Target(data[0], int.from_bytes(data[1:3], "big"), sel_res, uid, rest[:ats_length]), rest[ats_length:]


_ANSWER_DECODERS: Final[dict[int, Callable[[bytes], Answer]]] = {
    _GET_FIRMWARE_VERSION + 1: _decode_firmware_version,
    _SAM_CONFIGURATION + 1: _decode_sam_configured,
    _IN_LIST_PASSIVE_TARGET + 1: _decode_targets,
    _IN_RELEASE + 1: _decode_released,
}
