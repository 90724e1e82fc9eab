"""`chargerd pics`: the station's declaration on stdout, in the form that was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from chargerd.app.config import load
from chargerd.app.pics import pics
from chargerd.cli import exitcodes
from chargerd.cli.daemon import main
from tests.support.presets import PRESETS

STATION = PRESETS["xcharge-c6"]


def test_markdown_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables under headings, without being asked for."""
    assert main(["pics", "--config", str(STATION)]) == exitcodes.DONE
    page = capsys.readouterr().out
    assert page.startswith("# PICS of XCHARGE GROUP C6\n\n## Product\n")
    assert "| ORS-1 | GetConfigurationMaxKeys | 60 |" in page


@pytest.mark.parametrize(("asked", "read"), [(["--format", "yaml"], yaml.safe_load), (["--json"], json.loads)])
def test_the_same_for_machines(capsys: pytest.CaptureFixture[str], asked: list[str], read: object) -> None:
    """YAML and JSON hold exactly the statement."""
    assert main(["pics", "--config", str(STATION), *asked]) == exitcodes.DONE
    assert read(capsys.readouterr().out) == pics(load(STATION))  # type: ignore[operator]


def test_wrong_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem with its line, as `chargerd check` has it; nothing on stdout."""
    file = tmp_path / "c.yaml"
    file.write_text(f"base: {STATION}\nocpp: {{keys: {{MinimumStatusDuration: 5}}}}\n")
    assert main(["pics", "--config", str(file)]) == exitcodes.CONFIG
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"{file}:2: ocpp.keys.MinimumStatusDuration: the station has no such key")
