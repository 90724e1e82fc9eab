"""Modbus register maps: one meter model as data, blocks to read, words to values and back.

A model is a mapping as it stands in its YAML file:

    title: Maker Family
    function: 3                  # 3 holding, 4 input registers
    word_order: high-first       # or low-first; of values longer than one register
    max_gap: 0                   # registers between two wanted ones that may be read along
    max_block: 125               # registers in one request
    undefined: never             # or highest: the highest value of its type says that a register has none
    registers:
      energy_wh: {address: 12, type: u32, scale: 1, alternative: 112}
      current_a: {address: 2, type: s16, exponent_address: 3, exponent_bias: -3}
      power_w: {address: 20, type: s32}

Names of registers carry the unit; value = raw * scale * 10 ** (exponent + bias), exact for whole numbers. `alternative` is where other
versions of the model have the register.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from hal.errors import ConfigError, WireError

MAX_BLOCK: Final = 125  # registers in one answer, Modbus application protocol V1.1b3, 6.3

_FORMATS: Final = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "u64": ">Q", "s64": ">q", "f32": ">f"}
_MODEL_KEYS: Final = frozenset({"title", "function", "word_order", "max_gap", "max_block", "undefined", "registers"})
_REGISTER_KEYS: Final = frozenset({"address", "type", "scale", "exponent_address", "exponent_bias", "alternative"})


@dataclass(frozen=True, slots=True)
class Register:
    """One value in the map."""

    address: int
    type: str
    scale: int | float = 1
    exponent_address: int | None = None
    exponent_bias: int = 0
    alternative: int | None = None

    @property
    def size(self) -> int:
        """Registers the raw value takes."""
        return struct.calcsize(_FORMATS[self.type]) // 2

    @property
    def highest(self) -> int:
        """The highest raw value of a type that is no float: all ones, or all but the sign."""
        return (1 << 16 * self.size - self.type.startswith("s")) - 1

    @property
    def addresses(self) -> frozenset[int]:
        """All registers needed for the value, the exponent's among them."""
        own = frozenset(range(self.address, self.address + self.size))
        return own if self.exponent_address is None else own | {self.exponent_address}


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """A meter model."""

    title: str
    function: int
    is_high_first: bool
    max_gap: int
    registers: Mapping[str, Register]
    max_block: int = MAX_BLOCK
    is_highest_undefined: bool = False

    def alternative(self) -> RegisterMap | None:
        """The model as its other versions have it; None when there is one only."""
        registers = {name: replace(one, address=one.alternative) for name, one in self.registers.items() if one.alternative is not None}
        return replace(self, registers={**self.registers, **registers}) if registers else None


@dataclass(frozen=True, slots=True)
class Block:
    """Registers read by one request."""

    address: int
    count: int


def parse_map(source: object, where: str) -> RegisterMap:
    """The model of a parsed YAML file; raises ConfigError naming `where` and every wrong key."""
    problems: list[str] = []
    top = _mapping(source, where, problems)
    problems += [f"{where}: unknown key {key!r}" for key in sorted(set(map(str, top)) - _MODEL_KEYS)]
    function = _integer(top.get("function", 3), f"{where}: function", problems, (3, 4))
    max_gap = _integer(top.get("max_gap", 0), f"{where}: max_gap", problems, range(MAX_BLOCK))
    order = top.get("word_order", "high-first")
    if order not in ("high-first", "low-first"):
        problems.append(f"{where}: word_order is 'high-first' or 'low-first', not {order!r}")
    max_block = _integer(top.get("max_block", MAX_BLOCK), f"{where}: max_block", problems, range(4, MAX_BLOCK + 1))
    undefined = top.get("undefined", "never")
    if undefined not in ("never", "highest"):
        problems.append(f"{where}: undefined is 'never' or 'highest', not {undefined!r}")
    entries = _mapping(top.get("registers"), f"{where}: registers", problems)
    registers = {str(name): _parse_register(entry, f"{where}: registers.{name}", problems) for name, entry in entries.items()}
    if problems:
        raise ConfigError(problems)
    title = str(top.get("title", where))
    return RegisterMap(title, function, order == "high-first", max_gap, registers, max_block, undefined == "highest")


def _parse_register(source: object, where: str, problems: list[str]) -> Register:
    entry = _mapping(source, where, problems)
    problems += [f"{where}: unknown key {key!r}" for key in sorted(set(map(str, entry)) - _REGISTER_KEYS)]
    kind = entry.get("type")
    if kind not in _FORMATS:
        problems.append(f"{where}: type is one of {', '.join(_FORMATS)}, not {kind!r}")
        kind = "u16"
    scale = entry.get("scale", 1)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not math.isfinite(scale) or scale == 0:
        problems.append(f"{where}: scale is a number other than 0, not {scale!r}")
        scale = 1
    span = range(0x10000)
    exponent_address = entry.get("exponent_address")
    alternative = entry.get("alternative")
    return Register(
        address=_integer(entry.get("address"), f"{where}: address", problems, span),
        type=str(kind),
        scale=scale,
        exponent_address=None if exponent_address is None else _integer(exponent_address, f"{where}: exponent_address", problems, span),
        exponent_bias=_integer(entry.get("exponent_bias", 0), f"{where}: exponent_bias", problems, range(-9, 10)),
        alternative=None if alternative is None else _integer(alternative, f"{where}: alternative", problems, span),
    )


def _mapping(source: object, where: str, problems: list[str]) -> Mapping[object, object]:
    if isinstance(source, Mapping) and source:
        return source
    problems.append(f"{where}: a mapping is expected, not {source!r}")
    return {}


def _integer(value: object, where: str, problems: list[str], allowed: range | tuple[int, ...]) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
        return value
    problems.append(f"{where}: a whole number from {min(allowed)} to {max(allowed)} is expected, not {value!r}")
    return allowed[0]


def plan_blocks(model: RegisterMap, names: Iterable[str] | None = None) -> tuple[Block, ...]:
    """Fewest requests that read the named registers (all without names), none longer than the model's, no value cut in two.

    Gaps of at most `max_gap` registers are read along, as some meters refuse addresses they do not know.
    """
    wanted = [model.registers[name] for name in (model.registers if names is None else names)]
    spans = {(register.address, register.address + register.size) for register in wanted}
    spans |= {(register.exponent_address, register.exponent_address + 1) for register in wanted if register.exponent_address is not None}
    blocks: list[Block] = []
    for start, end in sorted(spans):
        last = blocks[-1] if blocks else None
        if last and start - (last.address + last.count) <= model.max_gap and end - last.address <= model.max_block:
            blocks[-1] = Block(last.address, max(last.count, end - last.address))
        else:
            blocks.append(Block(start, end - start))
    return tuple(blocks)


def decode_values(model: RegisterMap, words: Mapping[int, int]) -> dict[str, int | float | None]:
    """Value of each register whose words are there; None where the meter says that it has none (or not a number).

    Raises WireError when an exponent is beyond -9..9.
    """
    present = {name: register for name, register in model.registers.items() if register.addresses <= words.keys()}
    return {name: _decode(name, register, model, words) for name, register in present.items()}


def _decode(name: str, register: Register, model: RegisterMap, words: Mapping[int, int]) -> int | float | None:
    ordered = [words[register.address + index] for index in range(register.size)]
    packed = b"".join((word & 0xFFFF).to_bytes(2, "big") for word in (ordered if model.is_high_first else reversed(ordered)))
    raw: int | float = struct.unpack(_FORMATS[register.type], packed)[0]
    if not math.isfinite(raw) or (model.is_highest_undefined and raw == register.highest):
        return None
    if register.exponent_address is None:
        return raw * register.scale
    exponent = words[register.exponent_address]
    exponent = exponent - 0x10000 if exponent & 0x8000 else exponent
    if abs(exponent) > 9:
        raise WireError(f"{name}: exponent {exponent}")
    power = exponent + register.exponent_bias
    scaled = raw * register.scale
    factor: int = 10 ** abs(power)
    return scaled * factor if power >= 0 else scaled / factor


def encode_values(model: RegisterMap, values: Mapping[str, float | None], exponent: int = 0) -> dict[int, int]:
    """Words a meter would hold for these values, clamped to their types; `exponent` is put where a register has one.

    None gives what says that the meter has none; ValueError where no value says so.
    """
    words: dict[int, int] = {}
    for name, value in values.items():
        register = model.registers[name]
        packed = _encode(name, register, model, value, exponent)
        ordered = [int.from_bytes(packed[index : index + 2], "big") for index in range(0, len(packed), 2)]
        for index, word in enumerate(ordered if model.is_high_first else reversed(ordered)):
            words[register.address + index] = word
        if register.exponent_address is not None:
            words[register.exponent_address] = exponent & 0xFFFF
    return words


def _encode(name: str, register: Register, model: RegisterMap, value: float | None, exponent: int) -> bytes:
    layout = _FORMATS[register.type]
    if value is None:
        if register.type == "f32":
            return struct.pack(layout, math.nan)
        if not model.is_highest_undefined:
            raise ValueError(f"{name} has no raw value for 'undefined'")
        return struct.pack(layout, register.highest)
    power = 0 if register.exponent_address is None else exponent + register.exponent_bias
    raw = value / register.scale / 10.0**power if power or register.scale != 1 else value
    if register.type == "f32":
        return struct.pack(layout, raw)
    bits = register.size * 16
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if register.type.startswith("s") else (0, (1 << bits) - 1)
    return struct.pack(layout, min(max(round(raw), low), high))
