"""The presets as whole stations, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.presets import PRESETS
from tests.support.station_bench import Bench, bench, virtual


async def ask(station: Bench, action: str, **payload: object) -> dict[str, object]:
    """The station's answer to its central system."""
    return dict(await station.stage.central.call(station.stage.identity, action, payload))


@pytest.mark.parametrize("name", PRESETS)
def test_a_session(tmp_path: Path, name: str) -> None:
    """Each preset runs as it is: a session is delivered, stopped and acknowledged, with the measurands it declares and no others."""

    async def main() -> None:
        async with bench(tmp_path, station=PRESETS[name]) as station:
            await station.begin()
            await station.stage.central.until(lambda: station.central.received["MeterValues"] >= 2)
            await station.end()
            await station.settled()
            (transaction,) = station.central.transactions.values()
            assert transaction.stop is not None
            assert station.central.problems == []
            declared = set(station.stage.daemon.link.keys.station.sampled)
            for values in transaction.meter_values:
                assert {sample["measurand"] for sample in values["meterValue"][0]["sampledValue"]} <= declared  # type: ignore[index]

    virtual(main())


def test_declared_and_not_measured(tmp_path: Path) -> None:
    """BSEC-22K declares SoC, which no control pilot tells: it is left out of the samples; phases are told one by one."""
    declared = ["Current.Import", "Energy.Active.Import.Register", "Power.Active.Import", "Temperature", "SoC", "Voltage", "Power.Offered"]

    async def main() -> None:
        async with bench(tmp_path, station=PRESETS["bsec-22k-ac"], MeterValuesSampledData=",".join(declared)) as station:
            await station.begin()
            await station.stage.central.until(lambda: station.central.received["MeterValues"] >= 1)
            (transaction,) = station.central.transactions.values()
            told = [(one["measurand"], one.get("phase")) for one in transaction.meter_values[0]["meterValue"][0]["sampledValue"]]  # type: ignore[index]
            assert {measurand for measurand, _ in told} == set(declared) - {"SoC"}
            for measurand in ("Current.Import", "Voltage"):
                assert [phase for name, phase in told if name == measurand] == ["L1", "L2", "L3"]

    virtual(main())


@pytest.mark.parametrize("name", PRESETS)
def test_cache(tmp_path: Path, name: str) -> None:
    """C-04: a product without a cache remembers no token, and refuses to clear what it has not (errata 3.23)."""

    async def main() -> None:
        async with bench(tmp_path, station=PRESETS[name]) as station:
            has_cache = bool((await ask(station, "GetConfiguration", key=["AuthorizationCacheEnabled"]))["configurationKey"])
            assert has_cache is (name != "ecu-l7002s")
            assert await ask(station, "ClearCache") == {"status": "Accepted" if has_cache else "Rejected"}

    virtual(main())


def test_stored_change_of_a_feature_that_was_taken_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What an earlier configuration let the central system change does not come back through the journal."""
    key, preset = "MinimumStatusDuration", PRESETS["ecu-l7002s"]
    lacking = tmp_path / "lacking.yaml"
    lacking.write_text(f"base: {preset}\nocpp: {{features: {{minimum_status_duration: false}}}}\n")

    async def main() -> None:
        async with bench(tmp_path, station=preset) as station:
            assert await ask(station, "ChangeConfiguration", key=key, value="5") == {"status": "Accepted"}
            assert await ask(station, "ChangeConfiguration", key="ConnectionTimeOut", value="77") == {"status": "Accepted"}
        async with bench(tmp_path, station=lacking) as station:
            settings = station.stage.daemon.reactor.view().settings
            assert (settings.minimum_status_duration_s, settings.connection_time_out_s) == (0, 77)
            assert (await ask(station, "GetConfiguration", key=[key]))["unknownKey"] == [key]

    virtual(main())
    assert "setting_left_aside field=minimum_status_duration_s value=5" in caplog.text
