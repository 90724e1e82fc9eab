"""`chargerd check`: every problem on stderr, nothing opened, exit 0 or 78."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargerd.cli import exitcodes
from chargerd.cli.check import check

ETC = Path(__file__).parents[3] / "etc"


def checked(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    path = folder / "c.yaml"
    path.write_text(text)
    code = check(path)
    captured = capsys.readouterr()
    return code, captured.out, captured.err.replace(f"{folder}/", "")


@pytest.mark.parametrize("path", [*sorted(ETC.glob("*.yaml")), *sorted(ETC.glob("stations/*.yaml"))], ids=lambda path: path.name)
def test_every_shipped_file_is_in_order(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, one line on stdout, nothing on stderr."""
    assert check(path) == exitcodes.DONE
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith(f"{path}: in order; connectors ")


def test_all_problems_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each on a line of its own, with its place; exit 78."""
    text = f"base: {ETC / 'demo.yaml'}\nstation: {{vendr: X}}\nsafety: {{lease_s: 1 V}}\n"
    code, out, err = checked(tmp_path, text, capsys)
    assert (code, out) == (exitcodes.CONFIG, "")
    assert err.splitlines() == [
        "c.yaml:2: station.vendr: unknown key; did you mean 'vendor'?",
        "c.yaml:3: safety.lease_s: wrong unit in '1 V': should be s (or ms, min, h, d)",
    ]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("ocpp: {keys: {HeartbeatIntervall: 5}}", "c.yaml:2: ", "HeartbeatIntervall"),
        ("ocpp: {keys: {HeartbeatInterval: often}}", "c.yaml:2: ", "HeartbeatInterval"),
        ("devices: {psu2: {connector: 3}}", "c.yaml:2: psu2: ", "there is no connector 3"),
    ],
)
def test_what_only_a_part_itself_knows_is_found_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, place: str, words: str
) -> None:
    """OCPP keys and options that a device refuses are told with the place of the key or the device."""
    code, _, err = checked(tmp_path, f"base: {ETC / 'demo.yaml'}\n{text}\n", capsys)
    assert code == exitcodes.CONFIG
    assert place in err
    assert words in err


def test_fail_safe_wiring_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A safety input that reads as inactive with a broken wire is refused."""
    text = f"base: {ETC / 'demo-wires.yaml'}\ndevices: {{io: {{lines: {{estop: {{pull: down}}}}}}}}\n"
    code, _, err = checked(tmp_path, text, capsys)
    assert code == exitcodes.CONFIG
    assert "broken wire" in err


def test_a_warning_does_not_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A device that nobody uses is mentioned, and no more."""
    text = f"base: {ETC / 'demo.yaml'}\ndevices: {{spare: {{driver: mock-reader, bus: plant}}}}\n"
    code, _, err = checked(tmp_path, text, capsys)
    assert code == exitcodes.DONE
    assert err == "c.yaml:2: devices.spare: no connector and no safety line uses this device (warning)\n"


def test_a_missing_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The name and the system's reason; exit 78."""
    assert check(tmp_path / "no.yaml") == exitcodes.CONFIG
    assert capsys.readouterr().err == f"{tmp_path}/no.yaml:1: cannot be read: No such file or directory\n"
