"""Register maps: models, blocks, words to values and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import ConfigError, WireError
from hal.meter.modbus_map import MODELS, load_model
from hal.wire import register_map as maps

VECTORS: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "data/vectors/modbus.yaml").read_text())
MODEL_NAMES = sorted(path.stem for path in MODELS.glob("*.yaml"))


def parsed(**registers: dict[str, Any]) -> maps.RegisterMap:
    return maps.parse_map({"registers": registers}, "model.yaml")


def words_of(hexadecimal: str, start: int) -> dict[int, int]:
    data = bytes.fromhex(hexadecimal)
    return {start + index: int.from_bytes(data[2 * index : 2 * index + 2], "big") for index in range(len(data) // 2)}


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_has_a_vector_and_agrees_with_it(name: str) -> None:
    """Each shipped model reads the values of its golden answers."""
    model = load_model("meter1", name)
    seen: set[str] = set()
    for row in VECTORS["meters"][name]:
        values = maps.decode_values(model, words_of(row["words"], row["start"]))
        assert values == {key: value if value is None else pytest.approx(value) for key, value in row["values"].items()}
        seen |= values.keys()
    assert seen == model.registers.keys()


@pytest.mark.parametrize("row", VECTORS["registers"], ids=lambda row: f"{row['type']}-{row['value']}")
def test_known_registers(row: dict[str, Any]) -> None:
    """Types, scale, word order and undefined values of other makers' meters."""
    entry = {"address": 7, **{key: row[key] for key in ("type", "scale") if key in row}}
    order = {key: row[key] for key in ("word_order", "undefined") if key in row}
    model = maps.parse_map({**order, "registers": {"x": entry}}, "model.yaml")
    value = maps.decode_values(model, words_of(row["words"], 7))["x"]
    assert value == (row["value"] if row["value"] is None else pytest.approx(row["value"]))


def test_an_exponent_register_scales_the_value() -> None:
    """raw * 10 ** (exponent - 3), as on the Acrel meter."""
    model = parsed(voltage_v={"address": 0, "type": "s16", "exponent_address": 1, "exponent_bias": -3})
    assert maps.decode_values(model, {0: 3995, 1: 2}) == {"voltage_v": 399.5}
    assert maps.plan_blocks(model) == (maps.Block(0, 2),)


def test_an_absurd_exponent_is_refused() -> None:
    """An exponent no meter has is a damaged answer."""
    model = parsed(voltage_v={"address": 0, "type": "s16", "exponent_address": 1})
    with pytest.raises(WireError, match="exponent 77"):
        maps.decode_values(model, {0: 1, 1: 77})


def test_whole_numbers_stay_exact() -> None:
    """A 64-bit energy register does not pass through a float."""
    model = parsed(energy_wh={"address": 0, "type": "u64", "scale": 10})
    value = maps.decode_values(model, words_of("0FFFFFFFFFFFFFFF", 0))["energy_wh"]
    assert value == 0x0FFF_FFFF_FFFF_FFFF * 10


def test_a_wrong_model_tells_every_mistake() -> None:
    """All problems of a file at once, each with its place."""
    source = {"function": 6, "word_order": "middle", "extra": 1, "registers": {"x": {"address": -1, "type": "u8", "scale": 0, "colour": 1}}}
    with pytest.raises(ConfigError) as caught:
        maps.parse_map(source, "model.yaml")
    told = "\n".join(caught.value.problems)
    for word in ("extra", "function", "word_order", "address", "type", "scale", "colour"):
        assert word in told
    assert all(problem.startswith("model.yaml: ") for problem in caught.value.problems)


layouts = st.dictionaries(
    st.integers(0, 400),
    st.tuples(st.sampled_from(["u16", "s16", "u32", "s32", "u64", "s64", "f32"]), st.one_of(st.none(), st.integers(0, 400))),
    min_size=1,
    max_size=12,
)


@given(layouts, st.integers(0, 30))
def test_blocks_cover_every_register_whole(layout: dict[int, tuple[str, int | None]], max_gap: int) -> None:
    """Every value lies in one block with all its registers; blocks are short enough, sorted, and bring few others along."""
    registers = {
        f"r{address}": {"address": address, "type": kind} | ({} if exponent is None else {"exponent_address": exponent})
        for address, (kind, exponent) in layout.items()
    }
    model = maps.parse_map({"registers": registers, "max_gap": max_gap}, "model.yaml")
    blocks = maps.plan_blocks(model)
    read = [set(range(block.address, block.address + block.count)) for block in blocks]
    for register in model.registers.values():
        own = set(range(register.address, register.address + register.size))
        assert any(own <= block for block in read)
        assert register.addresses <= set().union(*read)
    assert all(block.count <= maps.MAX_BLOCK for block in blocks)
    assert [block.address for block in blocks] == sorted(block.address for block in blocks)


spans = {"u16": (0, 0xFFFF), "s16": (-0x8000, 0x7FFF), "u32": (0, 0xFFFF_FFFF), "s32": (-(1 << 31), (1 << 31) - 1), "u64": (0, (1 << 53))}


@given(st.sampled_from(sorted(spans)).flatmap(lambda kind: st.tuples(st.just(kind), st.integers(*spans[kind]))), st.booleans())
def test_round_trip(typed: tuple[str, int], is_high_first: bool) -> None:
    """What a meter holds is what is read from it."""
    kind, value = typed
    order = "high-first" if is_high_first else "low-first"
    model = maps.parse_map({"word_order": order, "registers": {"x": {"address": 3, "type": kind}}}, "model.yaml")
    assert maps.decode_values(model, maps.encode_values(model, {"x": value})) == {"x": value}


@given(st.sampled_from(["u16", "s16", "u32", "s32", "u64", "s64", "f32"]), st.lists(st.integers(0, 0xFFFF), min_size=5, max_size=5))
def test_arbitrary_words_raise_only_wire_errors(kind: str, raw: list[int]) -> None:
    """Whatever a meter holds gives a finite value, None, or a WireError."""
    model = parsed(x={"address": 0, "type": kind, "exponent_address": 4})
    try:
        value = maps.decode_values(model, dict(enumerate(raw)))["x"]
    except WireError:
        return
    assert value is None or abs(value) < float("inf")
