"""Every driver of the registry has the shape the daemon builds it by, and decodes its options from a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hal.options import Node, decode
from hal.ports import Place
from hal.registry import BUSES, DEVICES, bus_class, driver_class

PLACE = Place(Path("/state"), Path("/run"))
REAL_BUSES: dict[str, dict[str, Any]] = {
    "socketcan": {"channel": "can0"},
    "udp_multicast": {"channel": "239.74.163.2", "port": 43_113},
    "slcan": {"channel": "ttyACM0", "bitrate": 125_000},
    "virtual": {"channel": "test"},
    "modbus-rtu": {"port": "/dev/ttyS1", "baudrate": 9600, "parity": "even"},
    "modbus-tcp": {"host": "127.0.0.1", "port": 502},
}
REAL_DEVICES: dict[str, dict[str, Any]] = {
    "modbus-map": {"model": "acrel-djsf1352", "unit": 1, "poll_interval_s": 1.0},
    "infypower-v113": {"addresses": [1, 2, 3]},
    "infypower-beg": {"addresses": [0], "has_walk_in": True},
    "protocol-060": {"variant": "scu", "group": 2, "modules": 4},
    "uugreenpower": {"addresses": [1, 2], "cut_off_s": "30 s"},
    "advantics-evse": {"outlet": 1},
    "bender-isocha425hv": {"unit": 3, "alarm_ohm": 100_000},
    "pilot-board": {"port": "ttyS2", "is_socket": True, "contactors": "both"},
    "pn532": {"port": "ttyUSB0", "byte_order": "reversed"},
    "rdm6300": {"port": "ttyUSB0", "format": "decimal"},
    "elatec-twn4": {"port": "ttyACM0", "low_frequency": 0, "high_frequency": 255},
    "line-reader": {"port": "ttyACM0", "pattern": "ID=(?P<uid>[0-9]+)", "uid_base": "decimal", "ended_by": "pause"},
    "gpio": {"factory": "mock", "mirror": "gpio.sock", "lines": {"k1": {"number": 17, "direction": "out"}}},
}


def node(value: object) -> Node:
    if isinstance(value, dict):
        return Node({key: node(one) for key, one in value.items()}, "test.yaml", 1)
    if isinstance(value, list):
        return Node(tuple(node(one) for one in value), "test.yaml", 1)
    return Node(value, "test.yaml", 1)  # type: ignore[arg-type]


def test_no_real_driver_is_forgotten() -> None:
    """What the registry knows beyond the simulated ones is tried here."""
    assert {name for name in BUSES if not name.startswith("mock-")} == REAL_BUSES.keys()
    assert {name for name in DEVICES if not name.startswith("mock-")} == REAL_DEVICES.keys()


@pytest.mark.parametrize("name", REAL_BUSES)
def test_a_bus_is_built_from_its_configuration(name: str) -> None:
    """Without any I/O."""
    made = bus_class(name)
    options, problems = decode(node(REAL_BUSES[name] | dict(BUSES[name].preset)), made.Options, "buses.x")
    assert problems == []
    assert made("x", options, PLACE).name == "x"
    assert made.kind == BUSES[name].kind


@pytest.mark.parametrize("name", REAL_DEVICES)
def test_a_device_is_built_from_its_configuration(name: str) -> None:
    """Without any I/O, from its bus or, without one, from the place of its files."""
    made = driver_class(name)
    options, problems = decode(node(REAL_DEVICES[name]), made.Options, "devices.x")
    assert problems == []
    bus: object = PLACE
    if made.bus_kind is not None:
        bus_name = {"can": "virtual", "modbus": "modbus-rtu"}[made.bus_kind]
        bus_options, _ = decode(node(REAL_BUSES[bus_name] | dict(BUSES[bus_name].preset)), bus_class(bus_name).Options, "buses.b")
        bus = bus_class(bus_name)("b", bus_options, PLACE)
    assert made("x", options, bus).name == "x"
    assert made.bus_kind == DEVICES[name].bus_kind


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("infypower-v113", {"addresses": []}),
        ("infypower-v113", {"addresses": [1, 1]}),
        ("infypower-v113", {"addresses": [99]}),
        ("infypower-v113", {"addresses": [1], "group": 2, "modules": 1}),
        ("infypower-v113", {"group": 2}),
        ("infypower-beg", {"group": 2, "modules": 1}),
        ("infypower-beg", {"addresses": [1, 2]}),
        ("protocol-060", {"addresses": [1], "variant": "maxwell"}),
        ("protocol-060", {"group": 8, "modules": 1}),
        ("uugreenpower", {"addresses": [0]}),
        ("pn532", {"port": "x", "prefix": "X" * 13}),
    ],
)
def test_wrong_options_are_told_with_their_line(name: str, wrong: dict[str, Any]) -> None:
    """The technician reads file and line."""
    _, problems = decode(node(wrong), driver_class(name).Options, "devices.x")
    assert problems
    assert problems[0].startswith("test.yaml:1: devices.x")
