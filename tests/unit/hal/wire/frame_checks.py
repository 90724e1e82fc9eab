"""What every codec of CAN power modules is held to: golden frames both ways, and no damaged frame that is read like the whole one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import cantools
import pytest
import yaml

from hal.errors import WireError

DATA = Path(__file__).parents[3] / "data"

Decoded = tuple[Any, Any]


def vectors(family: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((DATA / "vectors/power_modules.yaml").read_text())[family]
    return rows


def database(name: str) -> Any:
    return cantools.database.load_file(DATA / f"dbc/{name}.dbc")


@dataclass(frozen=True)
class Codec:
    """A codec as the checks call it; names of `enums` are looked up by the class of the message."""

    wire: ModuleType
    encode_request: Callable[..., tuple[int, bytes]]
    decode_request: Callable[[int, bytes], Decoded]
    encode_answer: Callable[..., tuple[int, bytes]]
    decode_answer: Callable[[int, bytes], Decoded]
    names: dict[str, type[IntEnum]]
    module: int
    answer_extras: dict[str, int]

    def message(self, row: dict[str, Any]) -> Any:
        kind = row.get("request") or row["answer"]
        fields = [self.names[kind][field] if isinstance(field, str) else field for field in row["fields"]]
        return getattr(self.wire, kind)(*fields)

    def check_golden(self, row: dict[str, Any]) -> None:
        """The frame is read as its values, and the values are written as the frame."""
        identifier, data = row["id"], bytes.fromhex(row["data"])
        decode = self.decode_request if "request" in row else self.decode_answer
        assert decode(identifier, data)[1] == self.message(row)
        if "request" in row:
            assert self.encode_request(self.message(row), row.get("module", self.module)) == (identifier, data)
        else:
            assert self.encode_answer(self.message(row), self.module, **self.answer_extras) == (identifier, data)

    def check_flips(self, row: dict[str, Any], free: frozenset[int] = frozenset()) -> None:
        """Each bit of the frame counts: flipped, the frame is refused or read as something else. free: bytes without a meaning."""
        identifier, data = row["id"], bytes.fromhex(row["data"])
        decode = self.decode_request if "request" in row else self.decode_answer
        whole = decode(identifier, data)
        for flipped_id, flipped in _flips(identifier, data, free):
            try:
                read = decode(flipped_id, flipped)
            except WireError:
                continue
            assert read != whole, f"{flipped_id:08X}#{flipped.hex()}"

    def check_lengths(self, row: dict[str, Any]) -> None:
        """Shorter and longer frames are refused."""
        data = bytes.fromhex(row["data"])
        decode = self.decode_request if "request" in row else self.decode_answer
        for wrong in [data[:length] for length in range(8)] + [data + b"\0"]:
            with pytest.raises(WireError):
                decode(row["id"], wrong)

    def check_noise(self, identifier: int, data: bytes) -> None:
        """Whatever is on the bus gives a message or a WireError."""
        for decode in (self.decode_request, self.decode_answer):
            with contextlib.suppress(WireError):
                decode(identifier, data)


def _flips(identifier: int, data: bytes, free: frozenset[int]) -> Iterator[tuple[int, bytes]]:
    for bit in range(29):
        yield identifier ^ 1 << bit, data
    for index in sorted(set(range(8)) - free):
        for bit in range(8):
            yield identifier, data[:index] + bytes((data[index] ^ 1 << bit,)) + data[index + 1 :]
