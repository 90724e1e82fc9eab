"""Modbus devices as seen from the wire: a request comes in, goes to the unit it is for, and its answer goes out.

The framings are beside: `modbus_line.py` for RTU, `modbus_server.py` for TCP.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3

READ_HOLDING: Final = 3
READ_INPUT: Final = 4
WRITE_SEVERAL: Final = 16
_WRITE_HEAD: Final = struct.Struct(">HHB")
_READ: Final = struct.Struct(">HH")


class Refusal(Exception):
    """The unit answers with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class ModbusUnit(Protocol):
    """A device on the line."""

    unit: int

    def read(self, function: int, address: int, count: int) -> Sequence[int]:
        """`count` registers from `address` on. Raises Refusal."""

    def write(self, address: int, words: Sequence[int]) -> None:
        """Set registers from `address` on. Raises Refusal."""

    def send(self, data: bytes, write: Callable[[bytes], None]) -> None:
        """Have the answer written, as the device is steered."""


def words_at(registers: Mapping[int, int], address: int, count: int) -> list[int]:
    """Words of a unit that has just these registers. Raises Refusal where one is asked for that it has not."""
    asked = range(address, address + count)
    if not count or not registers.keys() >= set(asked):
        raise Refusal(ILLEGAL_ADDRESS)
    return [registers[one] for one in asked]


def answered(unit: ModbusUnit, function: int, data: bytes) -> bytes:
    """Function code and data of the unit's answer to those of a request."""
    try:
        return bytes((function,)) + _outcome(unit, function, data)
    except Refusal as refusal:
        return bytes((function | 0x80, refusal.code))


def _outcome(unit: ModbusUnit, function: int, data: bytes) -> bytes:
    if function in (READ_HOLDING, READ_INPUT) and len(data) == _READ.size:
        words = unit.read(function, *_READ.unpack(data))
        return bytes((2 * len(words),)) + struct.pack(f">{len(words)}H", *words)
    if function != WRITE_SEVERAL or len(data) < _WRITE_HEAD.size:
        raise Refusal(ILLEGAL_FUNCTION)
    address, count, size = _WRITE_HEAD.unpack_from(data)
    if size != 2 * count or len(data) != _WRITE_HEAD.size + size:
        raise Refusal(ILLEGAL_VALUE)
    unit.write(address, struct.unpack_from(f">{count}H", data, _WRITE_HEAD.size))
    return data[: _READ.size]
