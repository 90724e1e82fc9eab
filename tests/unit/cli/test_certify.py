"""The command `chargerbench certify`: exit codes and what goes where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargerd.cli import exitcodes
from chargerd.cli.bench import main
from tests.support.presets import PRESETS

DEMO_WIRES = PRESETS["ecu-l7002s"].parents[1] / "demo-wires.yaml"
CONFIG = str(PRESETS["ecu-l7002s"])


def certify(*arguments: str) -> int:
    return main(["certify", "--virtual", "--config", CONFIG, *arguments])


def test_json_on_stdout_progress_on_stderr(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One JSON object and nothing else; the same is in the folder of the report."""
    assert certify("--case", "TC_012_CS", "TC_031_CS", "--json", "--report", str(tmp_path)) == exitcodes.DONE
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report == json.loads((tmp_path / "report.json").read_text())
    assert [(one["case"], one["result"]) for one in report["cases"]] == [("TC_012_CS", "passed"), ("TC_031_CS", "passed")]
    assert [line.split()[:2] for line in err.splitlines()] == [["TC_012_CS", "passed"], ["TC_031_CS", "passed"]]


def test_tables_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Cases, profiles and figures."""
    assert certify("--case", "TC_027_CS") == exitcodes.DONE
    out = capsys.readouterr().out
    assert "| TC_027_CS | Remote start on connector 0 | passed |" in out
    assert out.index("| profile ") < out.index("| figure (s) ")


def test_nothing_played_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    """A case that does not apply, chosen alone."""
    assert certify("--case", "TC_017_1_CS") == exitcodes.FAILED
    assert "applies to stations with sockets" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--case", "TC_006_CS"], exitcodes.USAGE, "--case: there is no case TC_006_CS; there are TC_001_CS"),
        (["--against", CONFIG], exitcodes.FAILED, "should be the facts of a certificate"),
        (["--config", str(DEMO_WIRES)], exitcodes.FAILED, "the cases need simulated hardware in the daemon"),
        (["--against", "nowhere.yaml"], exitcodes.CONFIG, "nowhere.yaml"),
        (["--config", "nowhere.yaml"], exitcodes.CONFIG, "nowhere.yaml"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code that fits, before anything is played."""
    assert certify(*arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
