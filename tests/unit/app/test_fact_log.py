"""Facts in the log: readable, with short id tags and without values that may be secret."""

from __future__ import annotations

import logging

import pytest

from chargerd.app.fact_log import log_fact
from chargerd.core.events import StopReason
from chargerd.core.facts import Fact, FaultRaised, MeterSampled, ReadingContext, SettingChanged, Stamped, TransactionStopped
from chargerd.core.ids import STATION, ConnectorId, IdTag, LocalId

ONE = ConnectorId(1)


def logged(caplog: pytest.LogCaptureFixture, fact: Fact, level: int = logging.INFO) -> list[str]:
    caplog.set_level(level, "chargerd.fact")
    log_fact(Stamped(7, 1, 5.0, 1.8e9, fact))
    return [record.getMessage() for record in caplog.records]


def test_a_fact_is_one_line_with_a_short_tag(caplog: pytest.LogCaptureFixture) -> None:
    """Enough to recognise a card, not enough to copy it."""
    fact = TransactionStopped(ONE, LocalId("tx"), StopReason.LOCAL, 1234, IdTag("04A2B1C3D4"))
    assert logged(caplog, fact) == ["TransactionStopped seq=7 connector=1 local_id=tx reason=Local meter_stop_wh=1234 id_tag=04…D4"]


def test_the_value_of_a_setting_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A key may be a secret one day: the log says that it changed, not to what."""
    assert logged(caplog, SettingChanged(STATION, "some_key", '"secret"')) == ["SettingChanged seq=7 connector=0 name=some_key"]


def test_samples_are_for_debugging_and_faults_are_warnings(caplog: pytest.LogCaptureFixture) -> None:
    """One line a minute and connector would bury the rest."""
    assert logged(caplog, MeterSampled(ONE, LocalId("tx"), 5, ReadingContext.PERIODIC)) == []
    logged(caplog, FaultRaised(ONE, "meter-silent", "PowerMeterFailure", "no answer"))
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "FaultRaised seq=7 connector=1 code=meter-silent error_code=PowerMeterFailure info='no answer' is_latching=False")
    ]
