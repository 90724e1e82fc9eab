"""The report: tables that add up, failures with their messages, certificates beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargerd.bench.case import Case
from chargerd.bench.catalogue import chosen
from chargerd.bench.certify import Outcome, Result, Run
from chargerd.bench.kpi import OUR_LIMITS_S, Kpi, Measurements, Row
from chargerd.bench.product import Product
from chargerd.bench.report import Certificate, Report, read_certificate, table
from chargerd.csms.model import Message
from tests.support.bench_fakes import pics

PASSED, FAILED, LEFT_OUT = (chosen([number])[0] for number in ("TC_003_CS", "TC_012_CS", "TC_017_1_CS"))
MESSAGE = '[2,"a","Heartbeat",{}]'


def finished(*results: Result, measured: Measurements | None = None) -> Run:
    return Run(Product(pics()), list(results), measured or Measurements(), 12.0)


def result(case: Case, outcome: Outcome, words: str = "") -> Result:
    messages = (Message(0.0, "in", MESSAGE), Message(1.0, "out", '[3,"a",{}]')) if outcome is Outcome.FAILED else ()
    return Result(case, outcome, words, 1.25, messages)


def report(run: Run, certificate: Certificate | None = None) -> Report:
    return Report(run, Path("etc/demo.yaml"), is_virtual=True, began_utc_s=0.0, certificate=certificate)


THREE = (
    result(PASSED, Outcome.PASSED),
    result(FAILED, Outcome.FAILED, "expected A | came B"),
    result(LEFT_OUT, Outcome.NOT_APPLICABLE, "applies to sockets"),
)


def test_a_run_passes_when_something_passed_and_nothing_failed() -> None:
    """A run without a case that applies is no success."""
    assert finished(THREE[0], THREE[2]).is_passed
    assert not finished(*THREE).is_passed
    assert not finished(THREE[2]).is_passed


def test_results_are_counted_by_profile() -> None:
    """In the table and as JSON alike."""
    told = report(finished(*THREE))
    assert told.as_json()["profiles"] == {"Core": {"passed": 1, "failed": 1, "not applicable": 1}}
    assert "| Core    | 1      | 1      | 1              |" in told.summary()


def test_a_failed_case_shows_what_crossed_the_wire() -> None:
    """With its direction and time; one that passed shows none."""
    told = report(finished(*THREE))
    text = told.as_markdown()
    assert "## TC_012_CS Remote stop" in text
    assert f"1970-01-01T00:00:00.000Z <- {MESSAGE}" in text
    assert '1970-01-01T00:00:01.000Z -> [3,"a",{}]' in text
    assert "## TC_003_CS" not in text
    passed, failed, _ = told.as_json()["cases"]
    assert "messages" not in passed
    assert failed["messages"][0] == {"time": "1970-01-01T00:00:00.000Z", "from": "station", "text": MESSAGE}
    assert failed["why"] == "expected A | came B"
    assert failed["checks"] == "The central system ends its transaction."


def test_a_table_keeps_its_columns() -> None:
    """Whatever stands in a cell."""
    assert table(["a", "b"], [["1|2", "x\ny"]]) == "| a    | b   |\n|------|-----|\n| 1\\|2 | x y |"


def test_figures_are_the_extremes_and_the_mean() -> None:
    """And say when they are over the limit, which fails nothing."""
    measured = Measurements()
    for seconds in (0.1, 0.2, 3.0):
        measured.add(Kpi.OCPP_RESPONSE, seconds)
    row = measured.rows()[0]
    assert row == Row(Kpi.OCPP_RESPONSE, 1.0, 3, 0.1, 3.0, pytest.approx(1.1))
    assert not row.is_within_limit
    assert "over the limit" in report(finished(THREE[0], measured=measured)).summary()
    assert finished(THREE[0], measured=measured).is_passed


def test_what_was_not_measured_says_why() -> None:
    """No case of the run did it."""
    notes = {row.kpi: row.note for row in Measurements().rows()}
    assert list(notes) == list(Kpi) == list(OUR_LIMITS_S)
    assert set(notes.values()) == {"not measured: no case of this run had one"}


def test_a_certificate_may_leave_figures_out() -> None:
    """Its own limit and what it prints, beside ours (ECU-L7002S prints maxima only)."""
    certificate = Certificate("OCA.1", {Kpi.OCPP_RESPONSE: 10.0}, {Kpi.OCPP_RESPONSE: (None, 1.0, None)})
    told = report(finished(THREE[0]), certificate)
    assert "- / 1.00 / -" in told.summary()
    figures = {one["kpi"]: one["certificate"] for one in told.as_json()["performance"]}
    assert figures["ocpp_response"] == {"limit_s": 10.0, "min_s": None, "max_s": 1.0, "avg_s": None}
    assert figures["remote_start_to_start_transaction"] == {"limit_s": None}


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    """With its name."""
    file = tmp_path / "facts.yaml"
    file.write_text("station: {id: CP001}\n")
    with pytest.raises(ValueError, match=r"facts\.yaml: should be the facts of a certificate"):
        read_certificate(file)
