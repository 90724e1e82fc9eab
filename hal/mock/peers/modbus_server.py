"""A Modbus TCP gateway with its devices behind it, seen from their side (Modbus messaging on TCP/IP, implementation guide V1.0b)."""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import Final

from hal.errors import DeviceUnavailable
from hal.mock.peers.modbus_units import ModbusUnit, answered

_log = logging.getLogger(__name__)

_HEAD: Final = struct.Struct(">HHHB")  # transaction, protocol (0), bytes that follow, unit
_LONGEST: Final = 254
_GATEWAY_TARGET_SILENT: Final = 11


class ModbusServer:
    """See the module. Port 0 takes a free one; `address` tells it once the server runs."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.name = name
        self.address = host, port
        self._units: dict[int, ModbusUnit] = {}
        self._clients: set[asyncio.StreamWriter] = set()
        self.is_serving = asyncio.Event()

    def add(self, unit: ModbusUnit) -> None:
        """Put a device behind the gateway."""
        self._units[unit.unit] = unit

    async def run(self) -> None:
        """Serve. Raises DeviceUnavailable when the port cannot be had."""
        host, port = self.address
        try:
            server = await asyncio.start_server(self._serve, host, port)
        except OSError as error:
            raise DeviceUnavailable(f"{self.name}: cannot listen on {host}:{port}: {error}") from error
        self.address = server.sockets[0].getsockname()[:2]
        self.is_serving.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            for client in self._clients:
                client.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while True:
                transaction, protocol, size, number = _HEAD.unpack(await reader.readexactly(_HEAD.size))
                if protocol != 0 or not 2 <= size <= _LONGEST:
                    _log.warning("modbus_tcp_garbled bus=%s protocol=%d size=%d", self.name, protocol, size)
                    return
                self._on_request(writer, transaction, number, await reader.readexactly(size - 1))
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._clients.discard(writer)
            writer.close()

    def _on_request(self, writer: asyncio.StreamWriter, transaction: int, number: int, pdu: bytes) -> None:
        silent = bytes((pdu[0] | 0x80, _GATEWAY_TARGET_SILENT))
        unit = self._units.get(number)
        answer = silent if unit is None else answered(unit, pdu[0], pdu[1:])

        def write(data: bytes) -> None:
            passed_on = data if data == answer else silent  # a gateway sees by the checksum what is garbled
            if not writer.is_closing():
                writer.write(_HEAD.pack(transaction, 0, len(passed_on) + 1, number) + passed_on)

        if unit is None:
            write(answer)
        else:
            unit.send(answer, write)
