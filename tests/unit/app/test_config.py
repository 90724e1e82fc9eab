"""The whole configuration file: what it gives, and every way in which its parts may not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargerd.app.config import Config, load
from chargerd.core.settings import Ceiling, ConnectorKind, Sharing, StartPoint
from chargerd.safety.options import Line, lines_by_board
from hal.errors import ConfigError
from hal.ports import SafetyLines

ETC = Path(__file__).parents[3] / "etc"

GOOD = """\
station: {id: CP001, vendor: Example, model: DC120, max_power_w: 120 kW}
buses:
  plant: {type: mock-plant, outlets: 2}
devices:
  secc1: {driver: mock-secc, bus: plant, connector: 1}
  psu1: {driver: mock-power, bus: plant, connector: 1}
  meter1: {driver: mock-meter, bus: plant, connector: 1}
  imd1: {driver: mock-insulation, bus: plant, connector: 1}
  reader: {driver: mock-reader, bus: plant}
  io: {driver: mock-io, bus: plant}
connectors:
  - {id: 1, secc: secc1, power: psu1, meter: meter1, insulation: imd1, contactor: io.k1, reader: reader}
safety: {estop: io.estop}
ocpp: {url: "ws://localhost:9000", keys: {HeartbeatInterval: 60}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text)
    return path


def loaded(folder: Path, text: str) -> Config:
    return load(write(folder, text))


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text))
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def changed(old: str, new: str, *more: tuple[str, str]) -> str:
    text = GOOD
    for before, after in ((old, new), *more):
        assert text.count(before) == 1
        text = text.replace(before, after)
    return text


@pytest.mark.parametrize("path", [*sorted(ETC.glob("*.yaml")), *sorted(ETC.glob("stations/*.yaml"))], ids=lambda path: path.name)
def test_every_shipped_file_is_in_order(path: Path) -> None:
    """Each file in etc/ loads without a problem or a warning."""
    assert load(path).warnings == ()


def test_a_good_file_gives_everything_the_daemon_is_built_from(tmp_path: Path) -> None:
    """Names are resolved to classes, options decoded, defaults filled in."""
    config = loaded(tmp_path, GOOD)
    assert config.station.max_power_w == 120_000
    assert [(bus.name, bus.kind, bus.cls.__name__) for bus in config.buses] == [("plant", "plant", "PlantBus")]
    assert [(one.name, one.role, one.bus) for one in config.devices][:2] == [("secc1", "secc", "plant"), ("psu1", "power", "plant")]
    (connector,) = config.connectors
    assert connector.settings.kind is ConnectorKind.CCS2
    assert not connector.settings.has_lock
    assert connector.contactor == Line("io", "k1")
    assert (config.safety.estop, config.safety.door) == (Line("io", "estop"), None)
    assert lines_by_board(config.connectors, config.safety) == {"io": SafetyLines(contactors={1: "k1"}, estop="estop")}
    assert config.warnings == ()


def test_lines_may_be_spread_over_boards(tmp_path: Path) -> None:
    """Each board gets its own; the lines of a connector carry its number."""
    spread = changed(
        "estop: io.estop",
        "estop: io2.stop, door: io2.door",
        ("  io: {", "  io2: {driver: mock-io, bus: plant}\n  io: {"),
        ("contactor: io.k1", "contactor: io.k1, residual_current: io.rcd, over_temperature: io2.hot"),
    )
    config = loaded(tmp_path, spread)
    assert lines_by_board(config.connectors, config.safety) == {
        "io": SafetyLines(contactors={1: "k1"}, residual_current={1: "rcd"}),
        "io2": SafetyLines(over_temperature={1: "hot"}, estop="stop", door="door"),
    }


def test_the_core_is_built_from_the_same_values(tmp_path: Path) -> None:
    """Limits, policy and timing reach the station's settings unchanged."""
    text = changed("reader: reader}", "reader: reader, limits: {max_current_a: 99}}", ("Interval: 60", "Interval: 7"))
    text += (
        "policy: {transaction_start_point: energy_transfer, sharing: first-come, offline: {max_power_w: 11 kW}}\ntiming: {lock_s: 2 s}\n"
    )
    station = loaded(tmp_path, text).station_settings()
    assert station.connectors[0].max_current_a == 99
    assert station.max_power_w == 120_000
    assert station.policy.transaction_start_point is StartPoint.ENERGY_TRANSFER
    assert station.policy.sharing is Sharing.FIRST_COME
    assert (station.policy.offline, station.policy.unprofiled) == (Ceiling(max_power_w=11_000.0), Ceiling())
    assert station.timing.lock_s == 2
    assert station.settings.heartbeat_interval_s == 7


def test_settings_are_shown_by_dotted_name(tmp_path: Path) -> None:
    """What is in force can be looked up one by one; OCPP keys have their own command."""
    shown = loaded(tmp_path, GOOD).shown()
    assert shown["station.id"] == "CP001"
    assert shown["timing.lock_s"] == 5.0
    assert shown["connectors.1.max_voltage_v"] == 1000.0
    assert (shown["connectors.1.derating.full_c"], shown["policy.offline.max_current_a"]) == (70.0, None)
    assert not {"ocpp.keys", "ocpp.features", "policy.offline", "connectors.1.derating"} & shown.keys()


def test_a_lock_device_gives_the_connector_a_lock(tmp_path: Path) -> None:
    """A connector has a lock of its own exactly when one is bound to it."""
    text = changed(
        "reader: reader}", "reader: reader, lock: lock1}", ("  io: {", "  lock1: {driver: mock-lock, bus: plant, connector: 1}\n  io: {")
    )
    (connector,) = loaded(tmp_path, text).connectors
    assert connector.lock == "lock1"
    assert connector.settings.has_lock


def test_lock_and_light_may_be_parts_of_a_board(tmp_path: Path) -> None:
    """A mock board has every part somebody names."""
    (connector,) = loaded(tmp_path, changed("reader: reader}", "reader: reader, lock: io.lock1, indicator: io.led1}")).connectors
    assert (connector.lock, connector.indicator) == (Line("io", "lock1"), Line("io", "led1"))
    assert connector.settings.has_lock


GPIO = """\
  io:
    driver: gpio
    factory: mock
    lines:
      k1: {number: 5, direction: out}
      estop: {number: 6, direction: in}
      lock1_lock: {number: 7, direction: out}
      lock1_unlock: {number: 8, direction: out}
      lock1_locked: {number: 9, direction: in}
      led1_green: {number: 10, direction: out}
"""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("lock: io.lock2", "connectors[0].lock: io has no lines lock2_...; did you mean 'lock1'?"),
        ("lock: io", "connectors[0].lock: io is a device of kind io, not lock"),
        ("indicator: io", "connectors[0].indicator: should be a line of an I/O board, such as io.indicator1, not 'io'"),
        ("indicator: secc1.led1", "connectors[0].indicator: should be a line of an I/O board, such as io.led1"),
        (
            "lock: io.lock1, residual_current: io.lock1_locked",
            "residual_current: line io.lock1_locked is used by connectors[0].lock already",
        ),
    ],
)
def test_parts_that_a_board_does_not_have(tmp_path: Path, more: str, expected: str) -> None:
    """Each is told with what there is."""
    found = problems(tmp_path, changed("  io: {driver: mock-io, bus: plant}\n", GPIO, ("reader: reader}", f"reader: reader, {more}}}")))
    assert any(expected in problem for problem in found), found


def test_insulation_may_be_a_line_of_a_board(tmp_path: Path) -> None:
    """A yes/no monitor hangs on an input of the I/O board; the mock monitor is then unused, which is only worth a warning."""
    config = loaded(tmp_path, changed("insulation: imd1", "insulation: io.imd"))
    assert config.connectors[0].insulation == Line("io", "imd")
    assert [warning.removeprefix(f"{tmp_path}/") for warning in config.warnings] == [
        "c.yaml:8: devices.imd1: no connector and no safety line uses this device"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (changed("station:", "statoin:"), "c.yaml:1: statoin: unknown section; did you mean 'station'?"),
        (changed("model: DC120, ", ""), "c.yaml:1: station: missing key 'model'"),
        (
            changed("vendor: Example", "vendor: A very long vendor name"),
            "c.yaml:1: station: vendor is longer than 20 characters",
        ),
        (changed("120 kW", "120 kWh"), "c.yaml:1: station.max_power_w: wrong unit in '120 kWh': should be W (or kW, MW)"),
        (
            changed("type: mock-plant", "type: moc-plant"),
            "c.yaml:3: buses.plant.type: unknown type 'moc-plant'; did you mean 'mock-plant'?",
        ),
        (changed("{type: mock-plant, outlets: 2}", "{type: virtual, interface: virtual, channel: a}"), "decided by the type already"),
        (
            changed("{type: mock-plant, outlets: 2}", "{type: virtual, channel: a}"),
            "c.yaml:5: devices.secc1.bus: driver mock-secc needs a bus of type mock-plant; plant is virtual",
        ),
        (
            changed("secc1: {driver: mock-secc, bus: plant", "secc1: {driver: mock-secc, bus: plan"),
            "c.yaml:5: devices.secc1.bus: unknown bus 'plan'; did you mean 'plant'?",
        ),
        (
            changed("secc1: {driver: mock-secc, bus: plant,", "secc1: {driver: mock-secc,"),
            "c.yaml:5: devices.secc1: missing key 'bus'; known: plant",
        ),
        (
            changed("driver: mock-meter", "driver: mock-metre"),
            "c.yaml:7: devices.meter1.driver: unknown driver 'mock-metre'; did you mean 'mock-meter'?",
        ),
        (
            changed("mock-meter, bus: plant, connector: 1", "mock-meter, bus: plant, conector: 1"),
            "c.yaml:7: devices.meter1.conector: unknown key;",
        ),
        (changed("  io: {", "  i.o: {"), "c.yaml:10: devices.i.o: a device's name should have no dot in it"),
        (changed("meter: meter1", "meter: meter2"), "c.yaml:12: connectors[0].meter: there is no device 'meter2'; did you mean 'meter1'?"),
        (
            changed("meter: meter1", "meter: psu1"),
            "c.yaml:12: connectors[0].meter: psu1 is a device of kind power, not meter; known: meter1",
        ),
        (changed("insulation: imd1, ", ""), "c.yaml:12: connectors[0]: missing key 'insulation'"),
        (
            changed("contactor: io.k1", "contactor: k1"),
            "connectors[0].contactor: should be a line of an I/O board, such as io.k1, not 'k1'",
        ),
        (changed("contactor: io.k1", "contactor: psu1.k1"), "connectors[0].contactor: should be a line of an I/O board, such as io.k1"),
        (changed("estop: io.estop", "estop: io.k1"), "c.yaml:13: safety.estop: line io.k1 is used by connectors[0].contactor already"),
        (changed("- {id: 1", "- {id: 2"), "c.yaml:11: connectors: ids should run from 1 without gaps; missing: 1"),
        (changed("reader: reader}", "reader: reader, limits: {id: 3}}"), "c.yaml:12: connectors[0].limits.id: unknown key;"),
        (changed("reader: reader}", "reader: reader, limits: {max_current_a: 2 kA}}"), "limits.max_current_a: 2000 A is outside 1..1000 A"),
        (
            changed("reader: reader}", "reader: reader, limits: {derating: {full_c: 95 degC}}}"),
            "c.yaml:12: connectors[0].limits.derating: full_c, reduced_c, stop_c and sensor_max_c should rise in this order",
        ),
        (changed("ws://localhost", "http://localhost"), "c.yaml:14: ocpp: url should look like ws://"),
        (changed("ocpp: {", "ocpp: {security_profile: 2, "), "c.yaml:14: ocpp.security_profile: 2 is outside 0..0"),
        (changed("{HeartbeatInterval: 60}", "{HeartbeatInterval: 1.5}"), "ocpp.keys.HeartbeatInterval: should be text or a whole number"),
        (GOOD + "policy: {transaction_start_point: plugged}\n", "policy.transaction_start_point: 'plugged' is not one of authorized,"),
        (GOOD + "timing: []\n", "c.yaml:15: timing: should be a mapping, not []"),
        (
            changed("connector: 1}\n  psu1", "connector: 1}\n  secc2: {driver: mock-secc, bus: plant, connector: 1}\n  psu1"),
            "is used by devices.secc1",
        ),
    ],
)
def test_each_misfit_is_told_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """One wrong thing gives a message that names the line, the key and what would be right."""
    assert any(expected in problem for problem in problems(tmp_path, text)), problems(tmp_path, text)


def test_a_device_belongs_to_one_connector(tmp_path: Path) -> None:
    """A meter, modules or an SECC cannot serve two connectors; a reader can."""
    second = "  - {id: 2, secc: secc1, power: psu1, meter: meter1, insulation: imd1, contactor: io.k2, reader: reader}\nsafety"
    found = problems(tmp_path, changed("safety", second))
    assert found == [
        "c.yaml:13: connectors[1].secc: secc1 is bound to connector 1 already",
        "c.yaml:13: connectors[1].power: psu1 is bound to connector 1 already",
        "c.yaml:13: connectors[1].meter: meter1 is bound to connector 1 already",
        "c.yaml:13: connectors[1].insulation: imd1 is bound to connector 1 already",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("devices: {meter2: {unit: 1}}", "devices.meter2.unit: unit id 1 on rs485 is used by devices.meter1 already"),
        ("devices: {psu2: {addresses: [1, 2]}}", "devices.psu2.addresses: module address 1 on can0 is used by devices.psu1 already"),
        ("devices: {secc2: {outlet: 1}}", "devices.secc2.outlet: outlet 1 of advantics-evse on can1 is used by devices.secc1 already"),
        ("devices: {reader: {port: rs485}}", "devices.reader.port: serial port rs485 is used by buses.rs485 already"),
        ("buses: {can1: {port: 43113}}", "buses.can1.channel: channel 239.74.163.2 is used by buses.can0 already"),
        ("safety: {estop: io.stop}", "safety.estop: io has no line 'stop'; did you mean 'estop'?"),
        ("devices: {psu1: {bus: rs485}}", "devices.psu1.bus: driver infypower-v113 needs a bus of type socketcan or udp_multicast or"),
        ("devices: {reader: {bus: can0}}", "devices.reader.bus: driver pn532 hangs on no bus; leave it out"),
        ("devices: {io: {lines: {k1: {number: 9999}}}}", "devices.io.lines.k1.number: 9999 is outside 0..1023"),
        ("sim: {plant: {outlets: many}}", "sim.plant.outlets: should be a number, not 'many'"),
    ],
)
def test_wires_are_not_used_twice(tmp_path: Path, change: str, expected: str) -> None:
    """Unit ids, module addresses, outlets, ports, channels and lines each have one user; the overlay is what gets the blame."""
    found = problems(tmp_path, f"base: {ETC / 'demo-wires.yaml'}\n{change}\n")
    assert any(expected in problem for problem in found), found


def test_a_connector_number_is_used_once(tmp_path: Path) -> None:
    """Two entries with one id are told at the second."""
    second = "  - {id: 1, secc: a, power: b, meter: c, insulation: d, contactor: io.k2}\nsafety"
    assert "c.yaml:13: connectors[1].id: connector 1 is here for the second time" in problems(tmp_path, changed("safety", second))


def test_everything_wrong_is_told_in_one_run(tmp_path: Path) -> None:
    """Problems of all sections come together, in the order of the file."""
    text = changed("vendor: Example, ", "", ("driver: mock-meter", "driver: x"), ("io.k1", "io"), ("ws://", "ftp://"))
    lines = [int(problem.split(":")[1]) for problem in problems(tmp_path, text)]
    assert lines == [1, 7, 12, 14]


def test_an_empty_mapping_names_what_is_missing(tmp_path: Path) -> None:
    """A file without the necessary sections lists them."""
    assert problems(tmp_path, "{}\n") == [
        "c.yaml:1: missing section 'station'",
        "c.yaml:1: missing section 'devices'",
        "c.yaml:1: missing section 'connectors'",
        "c.yaml:1: missing section 'ocpp'",
    ]


@pytest.mark.parametrize("section", ["station", "buses", "devices", "connectors", "safety", "ocpp", "policy", "journal", "control"])
@pytest.mark.parametrize("value", ["5", "[]", "[1, a]", "text", "null", "{x: 1}", "{x: {y: 1}}"])
def test_no_section_of_a_wrong_shape_ends_in_an_exception(tmp_path: Path, section: str, value: str) -> None:
    """Whatever stands under a section is answered with problems, or is allowed to be empty."""
    lines = [line for line in GOOD.splitlines() if not line.startswith(" ") and not line.startswith(f"{section}:")]
    path = write(tmp_path, "\n".join([*(line for line in lines if not line.endswith(":")), f"{section}: {value}"]) + "\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(problem.startswith(f"{path}:") for problem in caught.value.problems)


def test_keys_that_do_not_fit_are_reported_beside_everything_else(tmp_path: Path) -> None:
    """One pass: a wrong OCPP key does not wait until the rest is mended."""
    keys = "HeartbeatInterval: -5,\n Nonsense: 1,\n MinimumStatusDuration: 5"
    text = (
        changed("keys: {HeartbeatInterval: 60}", f"features: {{minimum_status_duration: false}}, keys: {{{keys}}}")
        + "policy: {colour: red}\n"
    )
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    words = "\n".join(caught.value.problems)
    assert f"{tmp_path}/c.yaml:14: ocpp.keys.HeartbeatInterval: should be between 0 and 86400 s" in words
    assert f"{tmp_path}/c.yaml:15: ocpp.keys.Nonsense: there is no such key" in words
    assert f"{tmp_path}/c.yaml:16: ocpp.keys.MinimumStatusDuration: the station has no such key, because ocpp.features.minimum" in words
    assert "policy.colour: unknown key" in words


def test_lists_of_keys_are_checked_where_they_stand(tmp_path: Path) -> None:
    """A key that cannot be hidden is told with the line of the list."""
    text = GOOD.replace('"ws://localhost:9000", ', '"ws://localhost:9000",\n  absent_keys: [HeartbeatInterval],\n  ')
    assert problems(tmp_path, text) == ["c.yaml:15: ocpp.absent_keys: HeartbeatInterval is not a key that can be listed here"]
