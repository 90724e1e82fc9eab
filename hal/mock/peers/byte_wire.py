"""What a peer needs of a serial line, whether its other end is in this machine or at a real adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class ByteWire(Protocol):
    """`path` is the port: the one to open for who talks to the peer, or the adapter the peer itself has."""

    path: Path

    def open(self, received: Callable[[bytes], None]) -> None:
        """Have it; `received` gets what comes in. Raises DeviceUnavailable when it cannot be had."""

    def write(self, data: bytes) -> None:
        """Send; what the line cannot take is lost, as on a wire without flow control."""

    def close(self) -> None:
        """Give it back."""
