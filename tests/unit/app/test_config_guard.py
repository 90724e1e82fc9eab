"""Where the gate runs, as the configuration decides it, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargerd.app.config import Config, load
from hal.errors import ConfigError

REAL = """\
station: {id: CP001, vendor: Example, model: DC120}
buses:
  rs485: {type: modbus-rtu, port: /dev/ttyS1, baudrate: 9600, parity: none}
  can0: {type: socketcan, channel: can0}
devices:
  secc1: {driver: advantics-evse, bus: can0, outlet: 1}
  psu1: {driver: infypower-v113, bus: can0, addresses: [0]}
  meter1: {driver: modbus-map, bus: rs485, model: acrel-djsf1352, unit: 1}
  io:
    driver: gpio
    lines:
      k1: {number: 5, direction: out}
      en1: {number: 6, direction: out}
      estop: {number: 16, direction: in, pull: up}
      imd1: {number: 19, direction: in, pull: up}
connectors:
  - {id: 1, secc: secc1, power: psu1, meter: meter1, insulation: io.imd1, contactor: io.k1, module_enable: io.en1}
safety: {estop: io.estop}
ocpp: {url: "ws://localhost:9000"}
"""


def loaded(folder: Path, text: str) -> Config:
    file = folder / "c.yaml"
    file.write_text(text)
    return load(file)


def test_real_lines_are_guarded_and_simulated_ones_are_not(tmp_path: Path) -> None:
    """By themselves: nobody has to think of it."""
    assert loaded(tmp_path, REAL).safety.is_guarded
    assert not loaded(tmp_path, REAL.replace("driver: gpio", "driver: gpio\n    factory: mock")).safety.is_guarded
    assert not loaded(tmp_path, REAL + "sim: {plant: {outlets: 1}}\n").safety.is_guarded
    assert loaded(tmp_path, REAL.replace("estop: io.estop}", "estop: io.estop, guard: process}") + "sim: {}\n").safety.is_guarded


def test_what_is_less_safe_is_said(tmp_path: Path) -> None:
    """Real contactors without a guard, and contactors that will open under load."""
    assert loaded(tmp_path, REAL).warnings == ()
    (inside,) = loaded(tmp_path, REAL.replace("estop: io.estop}", "estop: io.estop, guard: inside}")).warnings
    assert "nobody opens real contactors when the daemon hangs" in inside
    text = REAL.replace(", module_enable: io.en1", "").replace("      en1: {number: 6, direction: out}\n", "")
    (bare,) = loaded(tmp_path, text).warnings
    assert "connector 1 has no module_enable: when the daemon is lost, its contactor opens under load" in bare


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("module_enable: io.en1", "module_enable: io.k1", "module_enable: line io.k1 is used by connectors[0].contactor already"),
        ("module_enable: io.en1", "module_enable: io.en2", "module_enable: io has no line 'en2'; did you mean 'en1'?"),
        ("estop: io.estop}", "estop: io.estop, guard: maybe}", "safety.guard"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, before: str, after: str, problem: str) -> None:
    """With its place."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, REAL.replace(before, after))
    assert problem in "\n".join(caught.value.problems)
