"""The guard's share of the configuration: what it takes, what it refuses, and that it decides as the daemon does who has the gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargerd.app import config as whole
from chargerd.app.shipped import shipped
from chargerd.cli.guard import main
from chargerd.safety.options import SOCKET, GuardConfig, load
from hal.errors import ConfigError
from hal.ports import Place

GOOD = """\
devices:
  io:
    driver: gpio
    lines:
      k1: {number: 5, direction: out}
      estop: {number: 16, direction: in, pull: up}
      door: {number: 17, direction: in, pull: down}
  board: {driver: mock-io, bus: plant}
  unknown: {driver: nothing}
connectors:
  - {id: 1, contactor: io.k1, secc: whatever, limits: {nonsense: 1}}
safety: {estop: io.estop, lease_s: 0.5}
"""


def read(folder: Path, text: str) -> GuardConfig:
    file = folder / "c.yaml"
    file.write_text(text)
    return load(file, Place(folder, folder))


def test_its_share_is_enough(tmp_path: Path) -> None:
    """What concerns the daemon alone may be wrong or missing."""
    config = read(tmp_path, GOOD)
    assert (config.connectors, config.gate.lease_s, config.socket, config.relays) == ({1}, 0.5, SOCKET, {})


def test_a_pilot_board_is_relayed(tmp_path: Path) -> None:
    """The daemon's driver goes on talking to it."""
    text = GOOD.replace("contactor: io.k1", "contactor: pilot1.k1").replace("  io:", "  pilot1: {driver: pilot-board, port: ttyS1}\n  io:")
    assert list(read(tmp_path, text).relays) == ["pilot1"]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("contactor: io.k1", "contactor: io.k9", "c.yaml:2: io: no line 'k9'"),
        ("contactor: io.k1", "contactor: k1", "c.yaml:11: contactor: should be a line of an I/O board, such as io.k1, not 'k1'"),
        ("contactor: io.k1", "contactor: board.k1", "devices.board: the lines of mock-io are in the daemon's own process"),
        ("contactor: io.k1", "contactor: unknown.k1", "devices.unknown: there is no such board, or its driver is not known"),
        ("contactor: io.k1", "contactor: nowhere.k1", "devices.nowhere: there is no such board"),
        ("contactor: io.k1, ", "", "connectors[0]: missing key 'contactor'"),
        ("estop: io.estop", "estop: io.door", "line door would read as inactive with a broken wire"),
        ("estop: io.estop", "estop: 5", "safety.estop: should be text, not 5; put it in quotes"),
        ("lease_s: 0.5", "lease_s: 50", "safety.lease_s"),
        ("lease_s: 0.5", "guard: inside", "safety.guard: the gate is inside the daemon by this configuration"),
        ("driver: gpio", "driver: gpio\n    factory: mock", "safety.guard: the gate is inside the daemon by this configuration"),
        (GOOD[GOOD.index("connectors") :], "safety: {}", "c.yaml:1: connectors: there is none to guard"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, before: str, after: str, problem: str) -> None:
    """As `file:line: message`."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, GOOD.replace(before, after))
    assert problem in "\n".join(caught.value.problems)


@pytest.mark.parametrize("demo", ["demo-guard.yaml", "demo-guard-ac.yaml"])
def test_daemon_and_guard_agree_on_the_shipped_stations(demo: str, tmp_path: Path) -> None:
    """The same lease, the same socket, the same contactors."""
    daemon, guard = whole.load(shipped(demo)), load(shipped(demo), Place(tmp_path, tmp_path))
    assert daemon.safety.is_guarded
    assert (daemon.safety.gate, daemon.safety.guard_socket) == (guard.gate, guard.socket)
    assert {one.number for one in daemon.connectors} == guard.connectors


def test_the_program_says_what_is_wrong_and_ends_with_78(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the daemon does."""
    assert main(["--config", str(shipped("demo.yaml")), "--runtime-dir", str(tmp_path), "--safe"]) == 78
    assert "nobody else can guard them" in capsys.readouterr().err


def test_safe_without_a_guard_says_that_lines_cannot_be_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GPIO that is not there."""
    file = tmp_path / "c.yaml"
    file.write_text(GOOD)
    assert main(["--config", str(file), "--runtime-dir", str(tmp_path), "--safe"]) == 1
    assert "GPIO by lgpio is not possible here" in capsys.readouterr().err
