"""Time: a board whose clock was never set, one that is wrong, and readings on their instants, at a whole daemon in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chargerd.ocpp.iso_time import parse_time
from chargerd.sim.rig import VIRTUAL_EPOCH_UTC_S
from tests.support.station_bench import Bench, bench, virtual

OFFLINE = {"AllowOfflineTxForUnknownId": "true"}


def since_1970() -> float:
    """A board without a battery: it begins in 1970 at each start."""
    return asyncio.get_running_loop().time()


def an_hour_fast() -> float:
    return VIRTUAL_EPOCH_UTC_S + asyncio.get_running_loop().time() + 3600.0


def true_time() -> float:
    return VIRTUAL_EPOCH_UTC_S + asyncio.get_running_loop().time()


def stamps(station: Bench) -> list[float]:
    """Of all transaction messages, in the order in which they came."""
    found = []
    for _, _, payload, _ in station.calls("StartTransaction", "MeterValues", "StopTransaction"):
        values: list[Mapping[str, Any]] = payload.get("meterValue", [payload])
        found += [parse_time(str(value["timestamp"])) for value in values]
    return found


def test_what_happened_before_the_time_was_known_is_dated_when_it_is(tmp_path: Path) -> None:
    """Rules section 3, MicroOcpp#311: monotonic time and run are kept, and resolved after the first synchronisation."""

    async def main() -> None:
        async with bench(tmp_path, board_clock=since_1970, **OFFLINE) as station:
            await station.link("down")
            await station.stage.power_cut()  # the new run has never heard the time
            await station.begin()
            began_s = true_time()
            await asyncio.sleep(22)
            await station.end()
            ended_s = true_time()
            await asyncio.sleep(300)
            await station.link("up")
            await station.settled()
            told = stamps(station)
            assert told[0] == pytest.approx(began_s, abs=15)
            assert told[-1] == pytest.approx(ended_s, abs=15)
            assert told == sorted(told)

    virtual(main())


def test_a_power_cut_before_the_time_was_known_keeps_the_order(tmp_path: Path) -> None:
    """Rules section 3: nobody will ever know when it was; the order stays, and nothing is told as 1970 or as of tomorrow."""

    async def main() -> None:
        async with bench(tmp_path, board_clock=since_1970, **OFFLINE) as station:
            await station.link("down")
            await station.stage.power_cut()
            await station.begin()
            await asyncio.sleep(22)
            await station.stage.power_cut()
            await asyncio.sleep(60)
            await station.link("up")
            await station.settled()
            told = stamps(station)
            assert len(told) >= 4
            assert told == sorted(told)
            assert all(VIRTUAL_EPOCH_UTC_S < one <= true_time() for one in told)

    virtual(main())


def test_a_wrong_clock_is_corrected_and_the_stop_is_not_before_the_start(tmp_path: Path) -> None:
    """A session begun by a clock that was an hour fast ends by one that is right: never earlier than its start."""

    async def main() -> None:
        async with bench(tmp_path, board_clock=an_hour_fast, **OFFLINE) as station:
            await station.link("down")
            await station.stage.power_cut()
            await station.begin()
            await asyncio.sleep(12)
            await station.link("up")
            await asyncio.sleep(30)
            await station.end()
            await station.settled()
            (transaction,) = station.central.transactions.values()
            assert transaction.stop is not None
            assert parse_time(str(transaction.stop["timestamp"])) >= parse_time(str(transaction.start["timestamp"]))

    virtual(main())


def test_sampled_values_are_told_one_interval_apart(tmp_path: Path) -> None:
    """T 070: the time stamps on the wire, to the millisecond, and also over a time without connection (T 036)."""

    async def main() -> None:
        async with bench(tmp_path, MeterValueSampleInterval=7) as station:
            await station.begin()
            await asyncio.sleep(30)
            await station.link("down")
            await asyncio.sleep(30)
            await station.link("up")
            await asyncio.sleep(30)
            told = [parse_time(str(payload["meterValue"][0]["timestamp"])) for _, _, payload, _ in station.calls("MeterValues")]
            assert len(told) >= 11
            assert [round(later - earlier, 3) for earlier, later in itertools.pairwise(told)] == [7.0] * (len(told) - 1)

    virtual(main())


def test_clock_aligned_values_are_told_on_the_boundary(tmp_path: Path) -> None:
    """T 071: every 20 s at :00, :20, :40, context Sample.Clock, with the transaction's number."""

    async def main() -> None:
        async with bench(tmp_path, MeterValueSampleInterval=0, ClockAlignedDataInterval=20) as station:
            await station.begin()
            await asyncio.sleep(90)
            values = [payload for _, _, payload, _ in station.calls("MeterValues")]
            assert len(values) >= 4
            for payload in values:
                (value,) = payload["meterValue"]
                assert parse_time(str(value["timestamp"])) % 20 == 0
                assert {sampled["context"] for sampled in value["sampledValue"]} == {"Sample.Clock"}
                assert payload["transactionId"] == next(iter(station.central.transactions))

    virtual(main())
