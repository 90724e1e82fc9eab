"""Numbers in the four bytes of a frame, most significant first, and between what they are believed; the forms of power modules."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import Enum

from hal.errors import WireError


class Form(Enum):
    """What the four bytes hold: struct's letter, what the value is multiplied by, and what is added then."""

    FLOAT = "f", 1.0, 0
    INTEGER = "I", 1.0, 0
    MILLI = "I", 1000.0, 0
    SIGNED_MILLI = "i", 1000.0, 0
    X1024 = "I", 1024.0, 0
    FLAG = "I", 65536.0, 0  # 0 or 0x00010000
    A0_A1 = "I", 1.0, 0xA0  # 0xA0 or 0xA1

    def __init__(self, letter: str, scale: float, offset: int) -> None:
        self.layout = struct.Struct(f">{letter}")
        self.scale = scale
        self.offset = offset

    @property
    def is_switch(self) -> bool:
        """Its values are 0 and 1."""
        return self in (Form.FLAG, Form.A0_A1)


@dataclass(frozen=True, slots=True)
class NumberField:
    """How a value stands in its bytes, and between what it is believed."""

    form: Form
    low: float = 0.0
    high: float = 0xFFFF_FFFF

    def pack(self, value: float) -> bytes:
        """The bytes; a value outside the bounds is clamped, a switch is on by anything but 0. 1/1024 are never told too many of."""
        value = min(max(value, self.low), self.high)
        form = self.form
        if form is Form.FLOAT:
            return form.layout.pack(value)
        scaled = (1.0 if value else 0.0) * form.scale if form.is_switch else value * form.scale
        return form.layout.pack((math.floor(scaled) if form is Form.X1024 else round(scaled)) + form.offset)

    def unpack(self, data: bytes) -> float:
        """The value; raises WireError for one that cannot be true."""
        form = self.form
        (raw,) = form.layout.unpack(data)
        value = (raw - form.offset) / form.scale
        is_possible = math.isfinite(value) and self.low <= value <= self.high
        if not is_possible or (form.is_switch and value not in (0.0, 1.0)):
            raise WireError(f"value {value} cannot be true")
        return float(value)
