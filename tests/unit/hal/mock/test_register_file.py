"""Meter registers on disk: kept over a restart, refused when damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hal.errors import DeviceUnavailable
from hal.mock.register_file import RegisterFile


def test_first_use_starts_at_zero(tmp_path: Path) -> None:
    """A file that does not exist is made, with zeros."""
    registers = RegisterFile("plant", tmp_path / "meter.bin", 2)
    assert [registers.load(0), registers.load(1)] == [(0, 0.0), (0, 0.0)]
    registers.close()


def test_registers_survive_without_closing(tmp_path: Path) -> None:
    """What was stored is there for the next who opens the file, though nobody closed it."""
    first = RegisterFile("plant", tmp_path / "meter.bin", 2)
    first.store(1, 12345, 0.75)
    second = RegisterFile("plant", tmp_path / "meter.bin", 2)
    assert second.load(1) == (12345, 0.75)
    first.close()
    second.close()


@pytest.mark.parametrize(
    "content",
    [b"short", b"x" * 40, b"MOCKMTR1" + struct.pack("<qdqd", -1, 0.0, 0, 0.0), b"MOCKMTR1" + struct.pack("<qdqd", 1, float("nan"), 0, 0.0)],
    ids=["short", "other file", "negative", "not a number"],
)
def test_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged file is an error that names the bus, the file and what to do."""
    path = tmp_path / "meter.bin"
    path.write_bytes(content)
    with pytest.raises(DeviceUnavailable, match=r"plant: meter registers .*meter.bin.*move the file away"):
        RegisterFile("plant", path, 2)


def test_unreachable_path(tmp_path: Path) -> None:
    """A directory that does not exist is an error that names the file."""
    with pytest.raises(DeviceUnavailable, match="cannot be opened"):
        RegisterFile("plant", tmp_path / "missing" / "meter.bin", 1)
