"""An RS-485 line of Modbus RTU devices, seen from their side."""

from __future__ import annotations

import asyncio

from pymodbus.framer.rtu import FramerRTU

from hal.mock.peers.byte_wire import ByteWire
from hal.mock.peers.modbus_units import WRITE_SEVERAL, ModbusUnit, answered

_SHORT_REQUEST = 8
_WRITE_HEAD = 7
_CRC = 2


class ModbusLine:
    """See the module."""

    def __init__(self, name: str, wire: ByteWire) -> None:
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
        while len(self._buffer) >= _SHORT_REQUEST and len(self._buffer) >= (size := self._size()):
            body, crc = bytes(self._buffer[: size - _CRC]), bytes(self._buffer[size - _CRC : size])
            if FramerRTU.compute_CRC(body).to_bytes(_CRC, "big") != crc:
                del self._buffer[0]  # out of step: the next request begins somewhere further on
                continue
            del self._buffer[:size]
            self._on_request(body)

    def _size(self) -> int:
        """Bytes of the request at the head of the buffer, were it one."""
        is_write = self._buffer[1] == WRITE_SEVERAL
        return _WRITE_HEAD + self._buffer[_WRITE_HEAD - 1] + _CRC if is_write else _SHORT_REQUEST

    def _on_request(self, body: bytes) -> None:
        unit = self._units.get(body[0])
        if unit is None:
            return
        answer = body[:1] + answered(unit, body[1], body[2:])
        unit.send(answer + FramerRTU.compute_CRC(answer).to_bytes(_CRC, "big"), self._wire.write)
