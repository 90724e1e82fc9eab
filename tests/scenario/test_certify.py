"""The conformance cases on the presets of certified products, in virtual time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargerd.app.config import load
from chargerd.app.pics import pics
from chargerd.bench.case import case
from chargerd.bench.catalogue import CASES, chosen
from chargerd.bench.certify import Outcome, certify
from chargerd.bench.charging_profiles import DEFAULT, Profile
from chargerd.bench.parameters import overlay
from chargerd.bench.report import Report, read_certificate
from chargerd.bench.workbench import CALLERROR, Workbench
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


SMART_CHARGING = [one for one in CASES if one.profile == "SmartCharging"]


@pytest.mark.parametrize("name", STATIONS)
def test_charging_profiles_in_watts(name: str) -> None:
    """The same where the tester chooses the other unit; a station without the profile plays none of them."""
    run = certify(STATIONS[name], SMART_CHARGING, is_virtual=True, rate_unit="W")
    wanted = Outcome.NOT_APPLICABLE if name == "ecu-l7002s" else Outcome.PASSED
    assert [(one.case.number, one.outcome, one.words) for one in run.results if one.outcome is not wanted] == []


@case("TC_900_CS", "Asks for charging profiles")
async def asks_for_charging_profiles(bench: Workbench) -> None:
    """They are not supported."""
    profile = Profile(number=1, purpose=DEFAULT, steps=((0, 6),), duration_s=60).payload("A", bench.utc_s)
    for action, payload in (
        ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}),
        ("ClearChargingProfile", {}),
        ("GetCompositeSchedule", {"connectorId": 1, "duration": 60}),
    ):
        await bench.order(action, payload, f"{CALLERROR}:NotSupported")


def test_a_station_without_charging_profiles_says_so() -> None:
    """No case of the tool asks for it: errata 3.39."""
    run = certify(PRESETS["ecu-l7002s"], [asks_for_charging_profiles], is_virtual=True)
    assert [(one.outcome, one.words) for one in run.results] == [(Outcome.PASSED, "")]


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
