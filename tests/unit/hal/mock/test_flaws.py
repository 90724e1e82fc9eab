"""Each thing that a gate must find implausible can be brought about by `sim.set`, and shows in what the devices of a station tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hal.ports import SafetyIo
from hal.types import EvRequest, InsulationReading, MeterReading, ModuleTelemetry, SafetyOutputs, SeccOutput, Setpoint
from tests.support.mock_bench import MockBench, virtual


@dataclass(frozen=True)
class Seen:
    """What a station knows of one connector."""

    ev: EvRequest
    supply: ModuleTelemetry
    meter: MeterReading
    insulation: InsulationReading
    is_closed: bool


def seen(bench: MockBench, lines: SafetyIo) -> Seen:
    """What it knows at this moment."""
    readings = (bench.last(kind) for kind in (EvRequest, ModuleTelemetry, MeterReading, InsulationReading))
    return Seen(*readings, is_closed=lines.read().closed_contactors == {1})


@dataclass(frozen=True)
class Row:
    """`flaws`, each `device field value`, make `claim` true; without them it is not. `is_stopped`: the station wishes everything off."""

    name: str
    claim: Callable[[Seen], bool]
    flaws: tuple[tuple[str, str, object], ...]
    is_stopped: bool = False


ROWS = (
    Row(
        "voltage above the vehicle's limit",
        lambda s: s.meter.voltage_v > s.ev.max_voltage_v,
        (("psu1", "voltage_v", 480), ("secc1", "inlet", "open")),
    ),
    Row("current above its request", lambda s: s.supply.current_a > s.ev.target_current_a + 20, (("psu1", "current_a", 150),)),
    Row("reverse current", lambda s: s.supply.current_a < -5, (("psu1", "reverse_current_a", 30), ("psu1", "voltage_v", 200))),
    Row("reverse current by the meter", lambda s: s.meter.power_w < 0, (("psu1", "reverse_current_a", 30), ("psu1", "voltage_v", 200))),
    Row("output live while open", lambda s: s.supply.voltage_v > 60 and not s.is_closed, (("psu1", "voltage_v", 400),), is_stopped=True),
    Row("not discharged", lambda s: s.supply.voltage_v > 60 and not s.is_closed, (("psu1", "no_bleeder", True),), is_stopped=True),
    Row("cable live while open", lambda s: s.meter.voltage_v > 60 and not s.is_closed, (("secc1", "inlet", "closed"),), is_stopped=True),
    Row(
        "current while not energised",
        lambda s: s.meter.current_a > 5,
        (("io", "k1_welded", True), ("secc1", "inlet", "closed"), ("psu1", "voltage_v", 424), ("psu1", "current_a", 20)),
        is_stopped=True,
    ),
    Row(
        "module current against meter power",
        lambda s: abs(s.supply.current_a * s.meter.voltage_v - s.meter.power_w) > 0.2 * s.meter.power_w,
        (("meter1", "current_factor", 0.7),),
    ),
    Row("closed against the wish", lambda s: s.is_closed, (("io", "k1_welded", True),), is_stopped=True),
    Row("closed by its feedback only", lambda s: s.is_closed, (("io", "k1_feedback", "closed"),), is_stopped=True),
    Row("open by its feedback only", lambda s: not s.is_closed and s.meter.current_a > 5, (("io", "k1_feedback", "open"),)),
    Row("pilot fault", lambda s: not s.ev.control_pilot.is_plugged, (("secc1", "pilot", "E"),)),
    Row("hot connector", lambda s: s.ev.connector_temperature_c > 90, (("secc1", "temperature_c", 95),)),
    Row("one pole to earth", lambda s: not s.insulation.is_safe, (("imd1", "negative_ohm", 1000),)),
)


@virtual
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_flaw_is_seen(tmp_path: Path, row: Row) -> None:
    """Nothing of it before, and within three seconds after it was set."""
    async with MockBench(tmp_path).running() as bench:
        lines = await bench.charge()

        async def seen_after(duration_s: float) -> Seen:
            for _ in range(round(duration_s / 0.5)):
                if row.is_stopped:
                    lines.apply(SafetyOutputs())
                    bench.power.apply(Setpoint())
                    bench.secc.apply(SeccOutput(is_enabled=True, authorization=True, wants_stop=True))
                else:
                    bench.grant(bench.last(EvRequest), bench.last(ModuleTelemetry))
                await asyncio.sleep(0.5)
            return seen(bench, lines)

        if not row.is_stopped:
            assert not row.claim(await seen_after(3.0))
        for device, field, value in row.flaws:
            bench.sim.set(device, field, value)
        assert row.claim(await seen_after(3.0))


@virtual
async def test_a_sound_station_that_stops_shows_none_of_them(tmp_path: Path) -> None:
    """The counterpart of the rows with a wish for everything off."""
    async with MockBench(tmp_path).running() as bench:
        lines = await bench.charge()
        lines.apply(SafetyOutputs())
        bench.power.apply(Setpoint())
        bench.secc.apply(SeccOutput(is_enabled=True, authorization=True, wants_stop=True))
        await asyncio.sleep(3.0)
        assert [row.name for row in ROWS if row.is_stopped and row.claim(seen(bench, lines))] == []
