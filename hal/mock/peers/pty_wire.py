"""The far end of a serial line: a pseudo terminal whose other side is found under the port's name in the runtime directory."""

from __future__ import annotations

import asyncio
import logging
import os
import tty
from collections.abc import Callable
from pathlib import Path

from hal.errors import DeviceUnavailable

_log = logging.getLogger(__name__)

_CHUNK = 4096


class PtyWire:
    """Bytes to and from whoever opens the port. A port is a path relative to the runtime directory."""

    def __init__(self, name: str, runtime_dir: Path, port: str) -> None:
        if Path(port).is_absolute():
            raise DeviceUnavailable(
                f"{name}: port {port} is a real one; name the peers' own end of it under sim.adapters, or give a name without / in front"
            )
        self.name = name
        self.path = runtime_dir / port
        self._master = -1
        self._slave = -1

    def open(self, received: Callable[[bytes], None]) -> None:
        """Make the port; `received` gets what comes in. Raises DeviceUnavailable when the name is taken by something else."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)  # held open: else the master reports an error while nobody uses the port
        os.set_blocking(self._master, False)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_symlink():
                self.path.unlink()
            self.path.symlink_to(os.ttyname(self._slave))
        except OSError as error:
            self.close()
            raise DeviceUnavailable(f"{self.name}: port {self.path} cannot be made: {error.strerror}") from error
        asyncio.get_running_loop().add_reader(self._master, self._read, received)

    def write(self, data: bytes) -> None:
        """Send; what the line cannot take is lost, as on a wire without flow control."""
        if self._master < 0:
            return
        try:
            sent = os.write(self._master, data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            _log.warning("pty_overrun device=%s lost_bytes=%d", self.name, len(data) - sent)

    def close(self) -> None:
        """Take the port away."""
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        if self.path.is_symlink():
            self.path.unlink()

    def _read(self, received: Callable[[bytes], None]) -> None:
        try:
            data = os.read(self._master, _CHUNK)
        except OSError:  # nothing after all
            return
        received(data)
