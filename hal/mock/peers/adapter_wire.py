"""The far end of a serial line at a real adapter: a bench plays the device to a real controller."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from hal.bus.serial_port import Parity, SerialPort
from hal.errors import DeviceUnavailable
from hal.types import Range

_log = logging.getLogger(__name__)

_REOPEN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterOptions:
    """The peers' own end of a wire that leads out of this machine. `port`: of a serial line; `channel`: of a CAN bus of the same kind."""

    port: str | None = None
    channel: str | None = None
    baudrate: Annotated[int, Range(1_200, 1_000_000, "bit/s")] = 9_600
    parity: Parity = "none"
    stopbits: Annotated[int, Range(1, 2)] = 1

    def __post_init__(self) -> None:
        if (self.port is None) is (self.channel is None):
            raise ValueError("an adapter has either a port or a channel")


class AdapterWire:
    """Bytes to and from an adapter; one that is pulled is taken again when it is back."""

    def __init__(self, port: SerialPort) -> None:
        self.name = port.name
        self.path = port.path
        self._port = port
        self._task: asyncio.Task[None] | None = None

    def open(self, received: Callable[[bytes], None]) -> None:
        """Open the adapter; `received` gets what comes in. Raises DeviceUnavailable when it is not there."""
        self._port.open()
        self._task = asyncio.get_running_loop().create_task(self._serve(received), name=f"adapter {self.name}")

    def write(self, data: bytes) -> None:
        """Send; lost while the adapter is away."""
        try:
            self._port.write_now(data)
        except DeviceUnavailable as error:
            _log.debug("adapter_write_lost error=%s", error)

    def close(self) -> None:
        """Release the adapter."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._port.close()

    async def _serve(self, received: Callable[[bytes], None]) -> None:
        while True:
            try:
                while True:
                    received(await self._port.read())
            except DeviceUnavailable as error:
                _log.warning("adapter_lost error=%s", error)
            await self._opened_again()

    async def _opened_again(self) -> None:
        while True:
            self._port.close()
            await asyncio.sleep(_REOPEN_S)
            try:
                self._port.open()
            except DeviceUnavailable:
                continue
            _log.info("adapter_back device=%s port=%s", self.name, self.path)
            return
