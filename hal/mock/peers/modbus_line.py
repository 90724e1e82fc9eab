"""An RS-485 line of Modbus RTU devices, seen from their side: requests are taken apart and go to the unit they are for."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Protocol

from pymodbus.framer.rtu import FramerRTU

from hal.mock.peers.pty_wire import PtyWire

_REQUEST_SIZE = 8


class ModbusUnit(Protocol):
    """A device on the line."""

    unit: int

    def answer(self, function: int, address: int, count: int) -> bytes:
        """Function code and data of the answer to a read, without unit and checksum."""

    def send(self, data: bytes, write: Callable[[bytes], None]) -> None:
        """Have the answer written, as the device is steered."""


class ModbusLine:
    """See the module."""

    def __init__(self, name: str, wire: PtyWire) -> None:
        self.name = name
        self._wire = wire
        self._units: dict[int, ModbusUnit] = {}
        self._buffer = bytearray()
        self.is_serving = asyncio.Event()

    def add(self, unit: ModbusUnit) -> None:
        """Hang a device on the line."""
        self._units[unit.unit] = unit

    async def run(self) -> None:
        """Serve the line."""
        self._wire.open(self._on_bytes)
        self.is_serving.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._wire.close()

    def _on_bytes(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _REQUEST_SIZE:
            request = bytes(self._buffer[:_REQUEST_SIZE])
            if FramerRTU.compute_CRC(request[:-2]).to_bytes(2, "big") != request[-2:]:
                del self._buffer[0]  # out of step: the next request begins somewhere further on
                continue
            del self._buffer[:_REQUEST_SIZE]
            self._on_request(*struct.unpack(">BBHH", request[:-2]))

    def _on_request(self, number: int, function: int, address: int, count: int) -> None:
        unit = self._units.get(number)
        if unit is None:
            return
        body = bytes((number,)) + unit.answer(function, address, count)
        unit.send(body + FramerRTU.compute_CRC(body).to_bytes(2, "big"), self._wire.write)
