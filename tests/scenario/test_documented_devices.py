"""Each device of docs/hardware.md, configured as it stands there: a whole session is charged with its real driver.

The wires are in memory and the time is virtual, so that a busy machine cannot be taken for a dead device; `tests/wire` has the real ones.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from chargerd.app.shipped import shipped
from chargerd.sim.rig import Mode
from chargerd.sim.runner import play
from chargerd.sim.scenario import load
from hal.meter.modbus_map import MODELS
from hal.registry import DEVICES
from hal.types import EvRequest, SeccOutput

PAGE = Path(__file__).parents[2] / "docs/hardware.md"
POWER = {name for name, entry in DEVICES.items() if entry.role == "power" and not name.startswith("mock-")}
ELSEWHERE = {"driver": "infypower-v113", "addresses": [40, 41]}  # the other connector's modules, on the same bus
CARDS = {"rdm6300": "0010597059"}
SESSION = """
name: a session
config: {config}
steps:
  - {{always: energized_implies_authorized}}
  - {{always: energized_implies_sound}}
  - {{always: current_within_limits}}
  - {{plug_in: {{connector: 1}}}}
  - {{expect: {{connector: 1, status: Preparing}}, within: 10s}}
  - {{swipe: {{id_tag: {card}}}}}
  - {{expect: {{connector: 1, status: Charging}}, within: 30s}}
  - {{expect: {{fact: MeterSampled, connector: 1}}, within: 10s}}
  - {{wait: 1s}}  # on AC all this is so quick that the card would not have been away
  - {{swipe: {{id_tag: {card}}}}}
  - {{expect: {{fact: TransactionStopped, connector: 1, reason: Local}}, within: 15s}}
  - {{wait: 1s}}
  - {{plug_out: {{connector: 1}}}}
  - {{expect: {{connector: 1, status: Available}}, within: 10s}}
  - {{expect: {{message: StopTransaction, count: 1, reason: Local}}, within: 5s}}
"""
WIRES: dict[str, Any] = yaml.safe_load(shipped("demo-wires.yaml").read_text(encoding="utf-8"))
QUICK: dict[str, Any] = {
    "ocpp": {"keys": {"MeterValueSampleInterval": 2}},
    "sim": {"plant": {"handshake": {"handshake_s": 0.3, "authorization_s": 0.1, "parameters_s": 0.2, "cable_check_s": 0.3}}},
}


@dataclass(frozen=True, slots=True)
class Documented:
    """A heading of the page and the configuration below it."""

    heading: str
    config: dict[str, Any]

    @property
    def drivers(self) -> set[str]:
        return {device["driver"] for device in self.config["devices"].values()}

    @property
    def meters(self) -> set[str]:
        return {device["model"] for device in self.config["devices"].values() if device["driver"] == "modbus-map"}

    @property
    def station(self) -> Path:
        """What the configuration lies over."""
        return shipped("demo-wires-ac.yaml" if any(DEVICES[driver].current == "ac" for driver in self.drivers) else "demo-wires.yaml")

    def in_memory(self) -> dict[str, Any]:
        """The same, with ports in the runtime directory, a CAN interface as an adapter at such a port, and gateways on this machine."""
        text = re.sub(r"/dev/(?:[\w-]+/)*", "", yaml.safe_dump(self.config))
        config = QUICK | dict(yaml.safe_load(text))
        for device in list(config["devices"].values()):
            if device["driver"] in POWER:
                config["devices"]["psu2"] = ELSEWHERE
                device.setdefault("addresses", None)  # those of the configuration below would stand beside the group
        for bus in config.get("buses", {}).values():
            if bus["type"] == "socketcan":
                bus |= {"type": "slcan", "bitrate": 125_000}
            if bus["type"] == "modbus-tcp":
                bus |= {"host": "127.0.0.1", "port": free_port()}
        for board in (device for device in config["devices"].values() if device["driver"] == "gpio"):
            put_on_mock_pins(board)
        if "connectors" in config:  # the page shows what is new
            new = {one["id"]: one for one in config["connectors"]}
            below = yaml.safe_load(self.station.read_text(encoding="utf-8"))["connectors"]
            config["connectors"] = [one | new.get(one["id"], {}) for one in below]
        return config


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def put_on_mock_pins(board: dict[str, Any]) -> None:
    """Let the lines of a documented board be mock pins: those that the board of the wires has for them, or leaves free."""
    own = {label: line["number"] for label, line in WIRES["devices"]["io"]["lines"].items()}
    free = iter(number for number in range(4, 28) if number not in own.values())
    board.pop("chip", None)
    board["factory"] = "mock"
    for label, line in board["lines"].items():
        line.pop("name", None)
        line["number"] = own.get(label) or next(free)


def documented() -> list[Documented]:
    found, heading = [], ""
    for match in re.finditer(r"^### ([^\n]+)$|^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        heading = match[1] or heading
        if match[2]:
            found.append(Documented(heading, yaml.safe_load(match[2])))
    return found


PAGES = documented()


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.heading)
def test_a_session_with_the_device(one: Documented, tmp_path: Path) -> None:
    """Plug, card, energy, card, unplug, as documented."""
    file = tmp_path / "session.yaml"
    card = next((CARDS[driver] for driver in one.drivers if driver in CARDS), "04A2B1C3")
    file.write_text(SESSION.format(config=yaml.safe_dump(one.in_memory(), default_flow_style=True).strip(), card=f"{card!r}"))
    assert play(load(file), Mode.MEMORY_WIRES, station=one.station).failures == []


def test_every_real_device_is_on_the_page() -> None:
    """Nobody has to read the code to find out how a device is configured."""
    assert {model for one in PAGES for model in one.meters} == {path.stem for path in MODELS.glob("*.yaml")}
    real = {name: entry for name, entry in DEVICES.items() if not name.startswith("mock-")}
    assert real.keys() <= {driver for one in PAGES for driver in one.drivers}


def test_the_signals_of_a_controller_are_on_the_page() -> None:
    """Whoever writes a driver for another one finds each field of the port, and none that is not there."""
    page = (PAGE.parent / "new-device.md").read_text(encoding="utf-8")
    section = page[page.index("## A CCS controller") : page.index("## A control pilot board")]
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("|")]
    told = {word for row in rows for word in re.findall(r"`(\w+)`", row)} - {"SeccOutput", "EvRequest"}
    assert told == {one.name for kind in (SeccOutput, EvRequest) for one in fields(kind)}
