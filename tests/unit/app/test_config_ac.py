"""What a configuration says of AC connectors: no power modules, no insulation monitor, a pilot board, and limits per phase."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargerd.app.build import Sources, build
from chargerd.app.config import Config, load
from chargerd.core.settings import ConnectorKind
from hal.errors import ConfigError
from hal.ports import Place

GOOD = """\
station: {id: CP001, vendor: Example, model: AC22}
buses:
  plant: {type: mock-plant, outlets: 1, kind: ac}
devices:
  pilot1: {driver: mock-pilot, bus: plant, connector: 1}
  meter1: {driver: mock-meter, bus: plant, connector: 1, measures: [export]}
  io: {driver: mock-io, bus: plant}
connectors:
  - {id: 1, type: cType2, secc: pilot1, meter: meter1, contactor: io.k1, limits: {phases: 1, max_current_a: 16}}
safety: {estop: io.estop}
ocpp: {url: "ws://localhost:9000"}
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = GOOD
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    path = folder / "c.yaml"
    path.write_text(text)
    return path


def loaded(folder: Path, *changes: tuple[str, str]) -> Config:
    return load(written(folder, *changes))


def test_a_good_file_gives_an_ac_connector(tmp_path: Path) -> None:
    """Neither modules nor a monitor; the daemon is built of what there is."""
    config = loaded(tmp_path)
    (connector,) = config.connectors
    assert (connector.power, connector.insulation, connector.lock) == (None, None, None)
    assert connector.settings.kind is ConnectorKind.TYPE2_CABLE
    assert connector.settings.rated_power_w == 16 * 230
    assert config.warnings == ()
    daemon = build(config, Place(tmp_path, tmp_path), Sources(mono=lambda: 0.0))
    assert sorted(device.device.name for device in daemon.devices) == ["io", "meter1", "pilot1"]


def test_a_socket_has_a_lock(tmp_path: Path) -> None:
    """Where one is bound."""
    lock = ("  io: {", "  lock1: {driver: mock-lock, bus: plant, connector: 1}\n  io: {")
    (connector,) = loaded(tmp_path, ("type: cType2,", "type: sType2, lock: lock1,"), lock).connectors
    assert (connector.settings.kind, connector.settings.has_lock) == (ConnectorKind.TYPE2_SOCKET, True)


PSU = ("  io: {", "  psu1: {driver: mock-power, bus: plant, connector: 1}\n  io: {")
SECC = ("  io: {", "  secc1: {driver: mock-secc, bus: plant, connector: 1}\n  io: {")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [PSU, ("secc: pilot1,", "secc: pilot1, power: psu1,")],
            "c.yaml:10: connectors[0].power: a connector of type cType2 gives AC and has none; leave it out",
        ),
        (
            [("secc: pilot1,", "secc: pilot1, insulation: io.imd1,")],
            "c.yaml:9: connectors[0].insulation: a connector of type cType2 gives AC and has none; leave it out",
        ),
        (
            [SECC, ("secc: pilot1,", "secc: secc1,")],
            "c.yaml:10: connectors[0].secc: secc1 is made for DC, which a connector of type cType2 does not give",
        ),
        ([("type: cType2", "type: cCCS2")], "c.yaml:9: connectors[0].secc: pilot1 is made for AC, which a connector of type cCCS2"),
        ([("type: cType2", "type: cCCS2")], "c.yaml:9: connectors[0]: missing key 'power'"),
        ([("type: cType2", "type: cCCS2")], "c.yaml:9: connectors[0]: missing key 'insulation'"),
        ([("phases: 1", "phases: 2")], "c.yaml:9: connectors[0].limits.phases: 2 is not one of 1, 3"),
        (
            [(", max_current_a: 16", "")],
            "c.yaml:9: connectors[0].limits.max_current_a: on AC it is needed, from 6 to 80 A, which a control pilot can offer",
        ),
        ([("max_current_a: 16", "max_current_a: 5")], "c.yaml:9: connectors[0].limits.max_current_a: on AC it is needed, from 6 to 80 A"),
        ([("max_current_a: 16", "max_current_a: 81")], "c.yaml:9: connectors[0].limits.max_current_a: on AC it is needed, from 6 to 80 A"),
        (
            [("measures: [export]", "measures: [import]")],
            "devices.meter1.measures[0]: 'import' is not one of export, reactive, temperature",
        ),
        ([("kind: ac", "kind: threephase")], "c.yaml:3: buses.plant.kind: 'threephase' is not one of dc, ac"),
    ],
)
def test_each_misfit_is_told_with_its_line(tmp_path: Path, changes: list[tuple[str, str]], expected: str) -> None:
    """One wrong thing gives a message that names the line, the key and what would be right."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, *changes)
    found = [problem.removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert any(expected in problem for problem in found), found
