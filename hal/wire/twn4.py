"""Commands and answers of Elatec TWN4 readers with the Simple Protocol firmware in its ASCII mode, both directions.

One line each way, hexadecimal, ended by a carriage return, without a checksum. An answer begins with a status and does not say what was
asked: who asks knows. Source: c3rebro/Elatec.NET and other public drivers that cite the maker's protocol document (revision 26).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hal.errors import WireError

END: Final = b"\r"
MAX_LINE: Final = 600  # of the longest answer, 255 bytes of text with its head
STATUS_OK: Final = 0
STATUSES: Final = {
    1: "unknown function",
    2: "missing parameter",
    3: "unused parameters",
    4: "invalid function",
    5: "parser error",
}
ISO14443A: Final = 0x80  # tag type, MIFARE among them


@dataclass(frozen=True, slots=True)
class SearchTag:
    """Is there a card? Answered at once."""

    max_id_bytes: int = 16


@dataclass(frozen=True, slots=True)
class SetTagTypes:
    """Which kinds are looked for: bit masks of low (125 kHz) and high frequency (13.56 MHz)."""

    low_frequency: int
    high_frequency: int


@dataclass(frozen=True, slots=True)
class GetVersionString:
    """Presence test."""

    max_length: int = 255


Command = SearchTag | SetTagTypes | GetVersionString


@dataclass(frozen=True, slots=True)
class Found:
    """A card: kind, number of bits, UID."""

    tag_type: int
    bits: int
    uid: bytes


def encode_command(command: Command) -> bytes:
    """The line the host sends."""
    match command:
        case SearchTag(max_id_bytes):
            body = bytes((0x05, 0x00, max_id_bytes))
        case SetTagTypes(low_frequency, high_frequency):
            body = bytes((0x05, 0x02)) + low_frequency.to_bytes(4, "little") + high_frequency.to_bytes(4, "little")
        case GetVersionString(max_length):
            body = bytes((0x00, 0x04, max_length))
    return _line(body)


def decode_command(line: bytes) -> Command:
    """What the host wants; raises WireError for an unknown or malformed command."""
    body = _body(line)
    match body[:2], len(body):
        case b"\x05\x00", 3:
            return SearchTag(body[2])
        case b"\x05\x02", 10:
            return SetTagTypes(int.from_bytes(body[2:6], "little"), int.from_bytes(body[6:], "little"))
        case b"\x00\x04", 3:
            return GetVersionString(body[2])
    raise WireError(f"unknown or malformed command {body[:2].hex()} of {len(body)} bytes")


def encode_status(status: int) -> bytes:
    """The line of an answer that is nothing but its status."""
    return _line(bytes((status,)))


def encode_found(found: Found | None) -> bytes:
    """The line that answers SearchTag."""
    if found is None:
        return _line(bytes((STATUS_OK, 0)))
    return _line(bytes((STATUS_OK, 1, found.tag_type, found.bits, len(found.uid))) + found.uid)


def encode_version(text: str) -> bytes:
    """The line that answers GetVersionString."""
    data = text.encode("ascii")
    return _line(bytes((STATUS_OK, len(data))) + data)


def decode_status(line: bytes) -> int:
    """Status of any answer. Raises WireError for a line that is none."""
    return _body(line)[0]


def decode_found(line: bytes) -> Found | None:
    """Answer to SearchTag; None: no card. Raises WireError for anything else, a UID whose lengths disagree among it."""
    body = _body(line)
    if body == bytes((STATUS_OK, 0)):
        return None
    if len(body) < 6 or body[:2] != bytes((STATUS_OK, 1)):
        raise WireError(f"answer to SearchTag of {len(body)} bytes makes no sense")
    tag_type, bits, size = body[2:5]
    uid = body[5:]
    if len(uid) != size or (bits + 7) // 8 != size:
        raise WireError(f"UID of {len(uid)} bytes, {size} and {bits} bits are announced")
    return Found(tag_type, bits, uid)


def decode_version(line: bytes) -> str:
    """Answer to GetVersionString. Raises WireError for anything else."""
    body = _body(line)
    if len(body) < 2 or body[0] != STATUS_OK or len(body) != 2 + body[1]:
        raise WireError(f"answer to GetVersionString of {len(body)} bytes makes no sense")
    return body[2:].decode("ascii", "replace")


def _line(body: bytes) -> bytes:
    return body.hex().upper().encode() + END


def _body(line: bytes) -> bytes:
    try:
        body = bytes.fromhex(line.removesuffix(END).decode("ascii"))
    except ValueError as error:  # UnicodeDecodeError is one
        raise WireError(f"line of {len(line)} bytes is not hexadecimal") from error
    if not body:
        raise WireError("empty line")
    return body
