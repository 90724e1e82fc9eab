"""Meter registers in a memory-mapped file: what was counted outlives the process that counted it, SIGKILL included."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from hal.errors import DeviceUnavailable

_MAGIC = b"MOCKMTR1"
_RECORD = struct.Struct("<qd")  # whole watt-hours, fraction of one


class RegisterFile:
    """The registers of a number of outlets, each as (whole Wh, fraction).

    Opened at construction, created with zeros on first use. Raises DeviceUnavailable for a file that cannot be used.
    """

    def __init__(self, name: str, path: Path, outlets: int) -> None:
        self._name = name
        self._path = path
        self._outlets = outlets
        self._map = self._open()
        try:
            for index in range(outlets):
                self.load(index)
        except DeviceUnavailable:
            self.close()
            raise

    def _open(self) -> mmap.mmap:
        size = len(_MAGIC) + _RECORD.size * self._outlets
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise DeviceUnavailable(f"{self._name}: meter registers {self._path} cannot be opened: {error.strerror}") from error
        try:
            found = os.fstat(descriptor).st_size
            if found == 0:
                os.write(descriptor, _MAGIC + _RECORD.pack(0, 0.0) * self._outlets)
            elif found != size:
                raise self._unusable(f"{found} bytes long, {size} expected for {self._outlets} outlets")
            mapped = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        if mapped[: len(_MAGIC)] != _MAGIC:
            mapped.close()
            raise self._unusable("not a register file")
        return mapped

    def load(self, index: int) -> tuple[int, float]:
        """The register of one outlet, counted from 0."""
        whole_wh, fraction = _RECORD.unpack_from(self._map, len(_MAGIC) + _RECORD.size * index)
        if whole_wh < 0 or not 0.0 <= fraction < 1.0:
            raise self._unusable(f"outlet {index + 1} has the register {whole_wh} + {fraction}")
        return whole_wh, fraction

    def store(self, index: int, whole_wh: int, fraction: float) -> None:
        """Put a register where a restarted process finds it."""
        _RECORD.pack_into(self._map, len(_MAGIC) + _RECORD.size * index, whole_wh, fraction)

    def close(self) -> None:
        """Release the file."""
        self._map.close()

    def _unusable(self, why: str) -> DeviceUnavailable:
        return DeviceUnavailable(f"{self._name}: meter registers {self._path} cannot be used: {why}; move the file away to start at zero")
