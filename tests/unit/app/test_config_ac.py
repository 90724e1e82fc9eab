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


# --- a pilot board on its port, which is a board of the gate as well ---------------------------------------------------------------------

DEMO = Path(__file__).parents[3] / "etc/demo-wires-ac.yaml"


def over_demo(folder: Path, changes: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(f"base: {DEMO}\n{changes}\n")
    return path


def problem(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


def test_a_pilot_board_is_the_secc_of_one_connector_and_a_board_for_all(tmp_path: Path) -> None:
    """Its inputs may serve the station and another connector, in whatever order they stand."""
    rest = "type: cType2, reader: reader, limits: {max_current_a: 16}"
    one = f"{{id: 1, secc: pilot1, contactor: pilot1.k1, meter: meter1, residual_current: pilot2.estop2, {rest}}}"
    two = f"{{id: 2, secc: pilot2, contactor: pilot2.k1, meter: meter2, {rest}}}"
    config = load(over_demo(tmp_path, f"connectors: [{one}, {two}]\nsafety: {{estop: pilot2.estop1}}"))
    assert config.warnings == ()
    daemon = build(config, Place(tmp_path, tmp_path), Sources(mono=lambda: 0.0))
    runners = {device.device.name: device for device in daemon.devices}
    assert {name for name, runner in runners.items() if runner.is_board} == {"io", "pilot1", "pilot2"}
    assert [runners[name].connectors for name in ("pilot1", "pilot2")] == [(1,), (2,)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("safety: {estop: pilot1.estop4}", "safety.estop: pilot1 has no line 'estop4'; did you mean 'estop3'?"),
        ("safety: {estop: pilot1.k1}", "safety.estop: line pilot1.k1 is used by connectors[0].contactor already"),
        ("devices: {pilot2: {port: pilot1}}", "devices.pilot2.port: serial port pilot1 is used by devices.pilot1 already"),
        ("devices: {pilot1: {contactors: second}}", "devices.pilot1.contactors"),
    ],
)
def test_each_misuse_of_a_pilot_board_is_told(tmp_path: Path, changes: str, expected: str) -> None:
    """With the key, and with what would be right."""
    assert expected in problem(over_demo(tmp_path, changes))


def test_an_input_of_a_pilot_board_switches_no_contactor(tmp_path: Path) -> None:
    """That shows when the station is built."""
    one = "{id: 1, type: cType2, secc: pilot1, contactor: pilot1.estop1, meter: meter1, reader: reader, limits: {max_current_a: 16}}"
    config = load(over_demo(tmp_path, f"connectors: [{one}]"))
    with pytest.raises(ConfigError, match="pilot1: line estop1 is no contactor; that is k1"):
        build(config, Place(tmp_path, tmp_path), Sources(mono=lambda: 0.0))
