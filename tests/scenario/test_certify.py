"""The conformance cases on the presets of certified products, in virtual time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargerd.app.config import load
from chargerd.app.pics import pics
from chargerd.bench.catalogue import CASES, chosen
from chargerd.bench.certify import Outcome, certify
from chargerd.bench.parameters import overlay
from chargerd.bench.report import Report, read_certificate
from chargerd.sim.rig import Mode, write_overlay
from tests.support.presets import PRESETS

ROOT = Path(__file__).parents[2]
STATIONS = PRESETS | {name: ROOT / f"tests/data/stations/{name}.yaml" for name in ("socket-ac", "cable-ac")}


@pytest.mark.parametrize("is_virtual", [True, False])
@pytest.mark.parametrize("name", PRESETS)
def test_the_bench_changes_nothing_that_the_pics_says(name: str, tmp_path: Path, *, is_virtual: bool) -> None:
    """Fast vehicles and a quick redial are the tester's business; what the product says of itself stays."""
    file = write_overlay(Mode.REALTIME, tmp_path, overlay("plant", is_virtual=is_virtual), "ws://127.0.0.1:1/ocpp", PRESETS[name])
    said, stays = pics(load(file)), pics(load(PRESETS[name]))
    assert said | {"id": ""} == stays | {"id": ""}


@pytest.mark.parametrize("name", STATIONS)
def test_every_case_that_applies_passes(name: str) -> None:
    """As the tool wants it; what does not apply is left out by the station's own PICS."""
    run = certify(STATIONS[name], CASES, is_virtual=True)
    assert [(one.case.number, one.words) for one in run.results if one.outcome is Outcome.FAILED] == []
    assert run.count(Outcome.PASSED) >= 35


def test_a_report_lays_the_certificate_beside(tmp_path: Path) -> None:
    """Figures of both, the messages of a failed case, and the same as JSON."""
    run = certify(PRESETS["xcharge-c6"], chosen(["TC_012_CS", "TC_017_1_CS", "TC_054_CS"]), is_virtual=True)
    certificate = read_certificate(ROOT / "tests/data/certificates/xcharge-c6.yaml")
    report = Report(run, PRESETS["xcharge-c6"], is_virtual=True, began_utc_s=0.0, certificate=certificate)
    report.write(tmp_path)
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored["passed"] is True
    assert stored["profiles"] == {
        "Core": {"passed": 1, "failed": 0, "not applicable": 1},
        "RemoteTrigger": {"passed": 1, "failed": 0, "not applicable": 0},
    }
    figures = {one["kpi"]: one for one in stored["performance"]}
    assert figures["remote_stop_to_stop_transaction"]["count"] == 1
    assert figures["remote_stop_to_stop_transaction"]["certificate"] == {"limit_s": 60.0, "min_s": 5.21, "max_s": 5.21, "avg_s": 5.21}
    assert figures["ocpp_triggered_function"]["count"] == 4  # without FirmwareStatusNotification, which this station does not have
    assert figures["ocpp_triggered_function"]["certificate"]["avg_s"] == 1.41
    text = (tmp_path / "report.md").read_text()
    assert "| 5.21 / 5.21 / 5.21" in text
    assert "| TC_017_1_CS | " in text
