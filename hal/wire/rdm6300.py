"""Frames of RDM6300 readers and of others for EM4100 cards (125 kHz): sent again and again while a card is there, never asked for.

A frame is STX, five bytes as ten hexadecimal characters (version, then the number), their exclusive or as two more, ETX. Source: readers'
public descriptions (flaviut/rdm6300 `reader.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from hal.errors import WireError

_STX: Final = 0x02
_ETX: Final = 0x03
_FRAME_SIZE: Final = 14
_HEX: Final = frozenset(b"0123456789ABCDEFabcdef")


@dataclass(frozen=True, slots=True)
class Tag:
    """A card: `version` or customer code, and the 32 bits of its number, most significant byte first."""

    version: int
    number: bytes


Item = Tag | WireError


def encode_tag(tag: Tag) -> bytes:
    """Bytes the reader sends; ValueError for a number that has not four bytes."""
    if len(tag.number) != 4:
        raise ValueError(f"the number of a tag has 4 bytes, not {len(tag.number)}")
    data = bytes((tag.version,)) + tag.number
    return bytes((_STX,)) + (data + bytes((reduce(xor, data),))).hex().upper().encode() + bytes((_ETX,))


class FrameParser:
    """Turns a stream of bytes into tags; a damaged frame comes out as a `WireError` and is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Item]:
        """Items completed by these bytes, in order."""
        self._buffer += data
        items: list[Item] = []
        while (start := self._buffer.find(_STX)) >= 0:
            del self._buffer[:start]
            size = self._size_of_next()
            if size is None:
                return items
            items.append(_decode(bytes(self._buffer[:size])))
            del self._buffer[:size]
        self._buffer.clear()
        return items

    def _size_of_next(self) -> int | None:
        """Of what begins at the STX: up to its end, or up to where it can be seen to be no frame; None while more must come."""
        for index, byte in enumerate(self._buffer[1:_FRAME_SIZE], start=1):
            if byte == _ETX:
                return index + 1
            if byte not in _HEX:
                return index
        return _FRAME_SIZE if len(self._buffer) >= _FRAME_SIZE else None


def _decode(frame: bytes) -> Item:
    if len(frame) != _FRAME_SIZE or frame[-1] != _ETX:
        return WireError(f"card frame cut off after {len(frame)} bytes")
    *data, check = bytes.fromhex(frame[1:-1].decode("ascii"))
    if reduce(xor, data) != check:
        return WireError(f"card frame with checksum {check:#04x} instead of {reduce(xor, data):#04x}")
    return Tag(data[0], bytes(data[1:]))
