"""The small rules, each alone: registers, recovery, discharge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargerd.core.dangling import Dangling
from chargerd.core.events import AuthorizationStatus, ContactorUpdated, IdTagInfo, MeterUpdated, StopReason, SupplyUpdated
from chargerd.core.facts import OpenTransaction, Phase, Restored, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.core.settings import ConnectorSettings, Timing
from hal.types import MeterReading, ModuleTelemetry
from tests.support.core_bench import ONE, CoreBench, station_settings

ACCEPTED = IdTagInfo(AuthorizationStatus.ACCEPTED)
BUILT = ConnectorSettings(id=1, max_current_a=200.0, max_power_w=100_000.0)


# --- discharge and the last register ---------------------------------------------------------------------------------------------


def opened_bench() -> CoreBench:
    """A session whose contactor has just opened, with 400 V still at the output."""
    bench = CoreBench()
    bench.charge()
    bench.step()
    bench.swipe()
    bench.supply(ONE, 400.0, 0.0)
    assert bench.phase() is Phase.OPENING
    bench.mono_s += 0.2
    bench.send(ContactorUpdated(ONE, is_closed=False))
    return bench


def test_nothing_is_released_above_the_touch_safe_voltage() -> None:
    """Contactor open is not enough: the output must be below 60 V."""
    bench = opened_bench()
    bench.send(MeterUpdated(ONE, MeterReading(1500)))
    assert bench.phase() is Phase.OPENING
    bench.supply(ONE, 59.0)
    assert bench.phase() is Phase.WAIT_UNPLUG


def test_a_meter_that_still_sees_voltage_counts() -> None:
    """The highest voltage anybody sees decides."""
    bench = opened_bench()
    bench.send(MeterUpdated(ONE, MeterReading(1500, voltage_v=300.0)))
    bench.supply(ONE, 0.0)
    assert bench.phase() is Phase.OPENING


def test_the_stop_carries_a_register_read_after_the_contactor_opened() -> None:
    """A reading from before would miss the last second of energy."""
    bench = opened_bench()
    bench.supply(ONE, 0.0)
    assert bench.phase() is Phase.OPENING
    bench.send(MeterUpdated(ONE, MeterReading(1543)))
    assert bench.told(TransactionStopped)[0].meter_stop_wh == 1543


def test_an_output_that_does_not_discharge_is_latched() -> None:
    """Not below 60 V in time: a fault that stays, and no new session."""
    bench = opened_bench()
    for _ in range(8):
        bench.mono_s += 1.0
        bench.send(SupplyUpdated(ONE, ModuleTelemetry(voltage_v=390.0, max_voltage_v=1000.0)))
    assert [fault.code for fault in bench.view(ONE).faults] == ["not-discharged"]
    assert bench.statuses()[-1] == "Faulted"


def test_the_register_of_a_transaction_never_goes_backwards() -> None:
    """A meter that restarts at zero does not make the energy negative."""
    bench = CoreBench()
    bench.charge()
    bench.energy_wh[ONE] = 1800
    bench.freshen(ONE)
    bench.energy_wh[ONE] = 3
    bench.swipe()
    bench.finish()
    assert bench.told(TransactionStopped)[0].meter_stop_wh == 1800


@pytest.mark.parametrize(("register_wh", "moved_wh"), [(3, -1797), (1_000_003, 998_203)], ids=["begins anew", "jumps"])
def test_a_transaction_counts_on_over_a_step_of_the_register(register_wh: int, moved_wh: int) -> None:
    """The meter was exchanged, or its register went round: energy goes on, the step is told; the next one has the register as it is."""
    bench = CoreBench()
    bench.energy_wh[ONE] = 1000
    bench.charge()
    bench.meter(ONE, 800)
    bench.energy_wh[ONE] = register_wh
    bench.send(MeterUpdated(ONE, MeterReading(register_wh, moved_wh=moved_wh)))
    assert [fault.code for fault in bench.view(ONE).faults] == ["meter-register"]
    assert bench.phase() is Phase.DELIVERING
    bench.meter(ONE, 50)
    bench.swipe()
    bench.finish()
    assert bench.told(TransactionStopped)[0].meter_stop_wh == 1850
    bench.unplug()
    assert bench.view(ONE).faults == ()
    bench.charge()
    assert bench.told(TransactionStarted)[-1].meter_start_wh == register_wh + 50


def test_a_step_outside_a_transaction_is_nobodys_business() -> None:
    """No fault: the next transaction begins with the register as it is."""
    bench = CoreBench()
    bench.send(MeterUpdated(ONE, MeterReading(3, moved_wh=-1000)))
    assert bench.view(ONE).faults == ()


# --- recovery ----------------------------------------------------------------------------------------------------------------------

OPEN = OpenTransaction(ONE, LocalId("tx"), IdTag("A"), 1000, checkpoint_wh=5000, last_alive_utc_s=1_000_000.0)


@pytest.mark.parametrize(
    ("register_wh", "away_s", "expected_wh"),
    [
        (5000, 30, 5000),
        (5900, 30, 5900),  # 100 kW for 90 s (30 s away, 60 s since the checkpoint) is 2500 Wh
        (7500, 30, 7500),
        (7600, 30, 5000),  # more than the connector can deliver
        (4999, 30, 5000),  # below the checkpoint: another meter
        (0, 30, 5000),
        (60_000, 3600 * 24, 60_000),
    ],
)
def test_recovery_takes_a_plausible_register_else_the_checkpoint(register_wh: int, away_s: float, expected_wh: int) -> None:
    """Field report MicroOcpp#174: meterStop must be neither lost nor 0; time stamp of the last moment known alive."""
    now = Now(10.0, 1_000_000.0 + away_s)
    stopped = Dangling(OPEN, 20.0).close(MeterReading(register_wh), BUILT, Timing(), now)
    assert stopped is not None
    assert (stopped.reason, stopped.meter_stop_wh, stopped.at_utc_s) == (StopReason.POWER_LOSS, expected_wh, 1_000_000.0)


def test_recovery_waits_for_the_meter_and_not_for_ever() -> None:
    """Until the deadline the meter may answer; then the checkpoint counts."""
    dangling = Dangling(OPEN, 20.0)
    assert dangling.close(None, BUILT, Timing(), Now(19.9, 1_000_100.0)) is None
    stopped = dangling.close(None, BUILT, Timing(), Now(20.0, 1_000_100.0))
    assert stopped is not None
    assert stopped.meter_stop_wh == 5000


def test_a_transaction_of_a_connector_that_is_gone_is_closed_too() -> None:
    """The configuration was changed while the station was without power: the central system is told the end all the same."""
    bench = CoreBench(station_settings(connectors=1))
    nine = replace(OPEN, connector=ConnectorId(9))
    (stopped,) = [one for one in bench.station.restore(Restored((nine,)), bench.now()) if isinstance(one, TransactionStopped)]
    assert (stopped.local_id, stopped.reason, stopped.meter_stop_wh) == (OPEN.local_id, StopReason.POWER_LOSS, 5000)
