"""The register maps that ship, against what public sources say of the meters (tests/data/meters.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hal.meter.modbus_map import MODELS, load_model
from hal.wire.register_map import Register, plan_blocks

FACTS: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "data/meters.yaml").read_text())["meters"]
NAMES = {
    "acrel-djsf1352": "acrel_djsf1352",
    "eastron-sdm630": "eastron_sdm630",
    "eastron-sdm230": "eastron_sdm230",
    "ivy-em619002": "ivy_em619002",
    "carlogavazzi-em340": "carlogavazzi_em340",
    "carlogavazzi-em24": "carlogavazzi_em24_rs485",
    "chint-dtsu666": "chint_dtsu666",
    "chint-ddsu666": "chint_ddsu666",
    "abb-b23": "abb_b23",
}
UNITS = {"V": 1, "A": 1, "W": 1, "kW": 1000, "Wh": 1, "kWh": 1000, "degC": 1}


def fact_of(kind: str, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The fact behind one of our names: `energy_wh` is energy_import, a single-phase meter's `voltage_v` its voltage_l1."""
    quantity = name.rsplit("_", 1)[0]
    known = {"energy": "energy_import", "export": "energy_export"}
    candidates = [known.get(quantity, quantity), f"{quantity}_total", *([f"{quantity}_l1"] if kind == "ac1" else [])]
    return next(facts[one] for one in candidates if one in facts)


@pytest.mark.parametrize("name", sorted(path.stem for path in MODELS.glob("*.yaml")))
def test_every_register_is_where_the_sources_have_it(name: str) -> None:
    """Address, type, scale, word order and function code; also where other versions of the meter have it."""
    model, facts = load_model("meter1", name), FACTS[NAMES[name]]
    assert (model.function, model.is_high_first) == (facts["fc"], facts["word"] == "hi")
    assert model.is_highest_undefined is ("undefined" in facts)
    for ours, register in model.registers.items():
        fact = fact_of(facts["kind"], ours, facts["registers"])
        expected = Register(fact["addr"], fact["type"], alternative=fact.get("alt_addr"))
        assert (register.address, register.type, register.alternative) == (expected.address, expected.type, expected.alternative), ours
        assert register.scale == pytest.approx(fact.get("scale", 1) * UNITS[fact["unit"]]), ours


@pytest.mark.parametrize("name", NAMES)
def test_a_reading_takes_few_requests(name: str) -> None:
    """A line of several meters at 9600 bit/s has no time to waste."""
    assert len(plan_blocks(load_model("meter1", name))) <= 5


@pytest.mark.parametrize(("name", "blocks"), [("eastron-sdm630", [(0, 76)]), ("carlogavazzi-em340", [(0, 42), (0x34, 28)])])
def test_blocks_are_no_longer_than_the_meter_takes(name: str, blocks: list[tuple[int, int]]) -> None:
    """80 registers on the SDM630, 50 on older Carlo Gavazzi."""
    assert [(block.address, block.count) for block in plan_blocks(load_model("meter1", name))] == blocks
