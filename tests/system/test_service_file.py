"""The service file as systemd reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "chargerd.service"


def setting(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_systemd_accepts_the_unit_without_a_word(tmp_path: Path) -> None:
    """`systemd-analyze verify` knows every setting of the unit (its program replaced by one that exists here)."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed here: THE UNIT IS NOT CHECKED")
    (program,) = setting("ExecStart")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(program.split()[0], sys.executable))
    found = subprocess.run([tool, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_the_unit_keeps_what_the_daemon_relies_on() -> None:
    """Readiness, watchdog, restart after everything but a configuration error, the two directories, and what a restart keeps."""
    assert setting("Type") == ["notify"]
    assert setting("WatchdogSec")
    assert setting("Restart") == ["always"]
    assert setting("RestartPreventExitStatus") == ["78"]
    assert setting("StateDirectory") == setting("RuntimeDirectory") == ["chargerd"]
    assert setting("RuntimeDirectoryPreserve") == ["restart"]
    assert "AF_CAN" in setting("RestrictAddressFamilies")[0]


def test_the_unit_lets_a_raspberry_pi_use_its_lines() -> None:
    """The chips may be opened; gpiozero finds out in /proc which model it is; lgpio makes its pipe in the working directory."""
    assert "char-gpiochip rw" in setting("DeviceAllow")
    assert setting("ProcSubset") == []
    assert setting("WorkingDirectory") == ["%t/chargerd"]


def test_the_user_and_the_groups_are_those_of_the_configuration() -> None:
    """The unit's user is made by sysusers, and so are the default groups of the control socket."""
    made = re.findall(r"^[ug] (\S+)", (SYSTEMD / "chargerd.sysusers").read_text(), re.MULTILINE)
    assert setting("User")[0] in made
    assert {"chargerd", "chargerd-service"} <= set(made)
