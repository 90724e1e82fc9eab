"""Twelve hours at the BSEC-240K with forty random vehicles: every book says the same, no limit is exceeded, and no power lies idle."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from chargerd.core.facts import MeterSampled
from chargerd.journal.records import TransactionRecord
from hal.mock.plant_bus import PlantBus
from tests.support.books import check_books
from tests.support.day import Day, Days, visits
from tests.support.presets import PRESETS
from tests.support.station_bench import Bench, bench, virtual

HOURS = float(os.environ.get("DAY_HOURS") or 1.0)
VEHICLES = max(6, round(40 * HOURS / 12))  # a short day is a busy one
BUDGET_W = 240_000.0
_FRACTION_WH = 1e-3
"""Register, batteries and cable add the same steps in another order."""


def check_energies(day: Day, records: list[TransactionRecord], station: Bench) -> None:
    """Plant, meter, journal and messages, watt-hour for watt-hour.

    The meter's register is whole watt-hours. Each transaction begins with the register at which the one before it ended, so what the
    transactions of a cable add up to is the register itself; the plant has in addition the fraction that is not yet a watt-hour.
    """
    plant = station.stage.daemon.buses["plant"]
    assert isinstance(plant, PlantBus)
    for connector in (1, 2):
        outlet, mine = plant.plant.outlet(connector), [record for record in records if record.connector == connector]
        register_wh = 0
        for record in mine:
            assert record.meter_start_wh == register_wh
            assert record.meter_stop_wh is not None
            register_wh = record.meter_stop_wh
        view = station.view(connector)
        assert view.meter is not None
        assert register_wh == view.meter.energy_wh == outlet.register_wh
        net_wh = outlet.register_wh + outlet.register_fraction - outlet.exported_wh
        assert day.taken_wh[connector] == pytest.approx(net_wh, abs=_FRACTION_WH)
        told = [one for one in station.central.transactions.values() if one.connector == connector]
        assert [one.energy_wh for one in told] == [record.meter_stop_wh - record.meter_start_wh for record in mine if record.meter_stop_wh]
        assert sum(one.energy_wh or 0 for one in told) == register_wh
        for one in told:
            assert one.stop is not None
            registers = [one.start["meterStart"], *map(_register_wh, one.meter_values), one.stop["meterStop"]]
            assert registers == sorted(registers)  # type: ignore[type-var]


def _register_wh(payload: object) -> int:
    sampled = payload["meterValue"][0]["sampledValue"]  # type: ignore[index]
    return next(int(float(one["value"])) for one in sampled if one["measurand"] == "Energy.Active.Import.Register")


@pytest.mark.timeout(3600)
def test_a_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A busy hour of it here, all twelve with `make day`; `SEED` gives other vehicles."""
    seed = int(os.environ.get("SEED") or 5)

    async def main() -> None:
        async with bench(tmp_path, station=PRESETS["bsec-240k-dc"], MeterValueSampleInterval=60) as station:
            day = await Days(station, BUDGET_W).pass_(visits(Random(seed), VEHICLES, HOURS), HOURS)
            await station.settled()
            records = await station.stage.daemon.journal.transactions(limit=1000)
            with capsys.disabled():
                print(f"\n{day.served} vehicles in {HOURS:g} hours, seed {seed}", *day.table(), sep="\n")
            assert day.problems == []
            assert day.served == len(records) == VEHICLES
            check_energies(day, list(reversed(records)), station)
            await check_books(station)
            assert station.kinds(MeterSampled)
            total = day.total()
            assert total.contended_s > 60.0
            assert total.contended_ws >= 0.93 * BUDGET_W * total.contended_s
            assert total.served_ws >= 0.95 * total.wanted_ws

    try:
        virtual(main())
    except BaseException as error:
        error.add_note(f"to repeat: SEED={seed} DAY_HOURS={HOURS:g}")
        raise
