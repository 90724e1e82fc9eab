"""The service files as systemd reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chargerd.safety.options import SOCKET

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT, GUARD = SYSTEMD / "chargerd.service", SYSTEMD / "chargerd-guard.service"


def setting(name: str, unit: Path = UNIT) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


@pytest.mark.parametrize("source", [UNIT, GUARD], ids=["daemon", "guard"])
def test_systemd_accepts_the_unit_without_a_word(source: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` knows every setting of the unit (its program replaced by one that exists here)."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed here: THE UNIT IS NOT CHECKED")
    (program,) = setting("ExecStart", source)
    unit = tmp_path / source.name
    unit.write_text(source.read_text().replace(program.split()[0], sys.executable))
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


def test_the_guards_unit_keeps_what_a_guard_is_for() -> None:
    """A watchdog, lines driven open after any end, a restart at once, a turn and memory that nobody takes away, and its own directory."""
    assert setting("ExecStopPost", GUARD) == [setting("ExecStart", GUARD)[0] + " --safe"]
    assert setting("WatchdogSec", GUARD)
    assert (setting("Type", GUARD), setting("Restart", GUARD), setting("RestartPreventExitStatus", GUARD)) == (
        ["notify"],
        ["always"],
        ["78"],
    )
    assert (setting("CPUSchedulingPolicy", GUARD), setting("LimitMEMLOCK", GUARD)) == (["fifo"], ["infinity"])
    assert setting("RuntimeDirectory", GUARD) == [SOCKET.parent.name]
    assert setting("User", GUARD) == setting("User")
    assert setting("RestrictRealtime", GUARD) == []
    assert "char-gpiochip rw" in setting("DeviceAllow", GUARD)
    assert GUARD.name in setting("Wants")[0].split()
