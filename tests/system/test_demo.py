"""`chargerd demo` as a user runs it: a real process, a whole session."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DEMO = (sys.executable, "-m", "chargerd.cli.daemon", "demo")
CTL = (sys.executable, "-m", "chargerd.cli.ctl")


def demo(tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    """The program, elsewhere than in the checkout, with its temporary files in a folder that can be looked at."""
    environment = {**os.environ, "TMPDIR": str(short(tmp_path))}
    return subprocess.Popen(
        (*DEMO, *options), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def short(tmp_path: Path) -> Path:
    folder = tmp_path / "t"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test started; none outlives it."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_whole_session_is_delivered_and_acknowledged(tmp_path: Path) -> None:
    """One JSON object, exit 0; energy, both ends of the transaction, a timeline from the boot to the free station."""
    process = demo(tmp_path, "--json", "--speed", "600")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    told: dict[str, Any] = json.loads(out)
    assert told["start_acknowledged"] is told["stop_acknowledged"] is True
    assert told["stop_reason"] == "Local"
    assert told["delivered_wh"] == told["meter_stop_wh"] - told["meter_start_wh"] > 15_000
    assert told["soc_from"] == 18.0
    assert told["soc_to"] > 50.0
    sent = {"BootNotification": 1, "Authorize": 1, "StartTransaction": 1, "StopTransaction": 1}
    assert sent.items() <= told["messages"].items()
    assert told["messages"]["MeterValues"] >= 2
    texts = [line["text"] for line in told["timeline"]]
    assert next(text for text in texts if text.startswith("→")).startswith("→ BootNotification")
    assert texts[-1] == "→ StatusNotification: connector 1 is Available"
    assert not any("DEMO0042" in text for text in texts)
    assert list(short(tmp_path).iterdir()) == []


def test_a_pipe_gets_the_story_line_by_line(tmp_path: Path) -> None:
    """What the driver sees, what the wires do, what OCPP says, how the energy rises, and the sum at the end."""
    process = demo(tmp_path, "--speed", "600")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    for words in (
        "600 times as fast",
        "DRIVER  the driver plugs the cable in",
        "WIRES   the contactor closes",
        "← StartTransaction",
        "Delivered ",
    ):
        assert words in out
    assert "\x1b" not in out


def test_it_stays_for_chargerctl_and_ends_in_order(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    """After the session the station answers at the socket that was told; SIGTERM ends it with 0 and leaves nothing behind."""
    process = demo(tmp_path, "--json", "--stay", "--speed", "600")
    started.append(process)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    status = subprocess.run(
        (*CTL, "--socket", told["socket"], "--json", "transactions"), capture_output=True, text=True, timeout=30, check=False
    )
    assert status.returncode == 0, status.stderr
    assert [one["remote_id"] for one in json.loads(status.stdout)] == [told["transaction_id"]]
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    assert list(short(tmp_path).iterdir()) == []


def test_ended_before_the_session_was_over(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    """Ctrl-C in the middle of the session stops the session in order and is no success."""
    process = demo(tmp_path, "--speed", "60")
    started.append(process)
    assert process.stdout is not None
    while "energy flows" not in process.stdout.readline():
        assert process.poll() is None
    began_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "chargerd demo: ended before the session was over\n")
    assert time.monotonic() - began_s < 10
    assert list(short(tmp_path).iterdir()) == []


def test_a_session_that_ends_by_itself_is_no_success(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    """An emergency stop in the middle is said in one line, with what the station makes of it."""
    process = demo(tmp_path, "--speed", "60")
    started.append(process)
    assert process.stdout is not None
    while "energy flows" not in process.stdout.readline():
        assert process.poll() is None
    socket = next(short(tmp_path).glob("*/control.sock"))
    subprocess.run((*CTL, "--socket", str(socket), "sim", "input", "estop", "on"), capture_output=True, timeout=30, check=True)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.startswith("chargerd demo: the session ended by itself: connector 1 is Faulted")
    assert "emergency-stop" in err
    assert err.count("\n") == 1
