"""The lowest limit rules, and every limit says whose it is and why."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.core.allowance import Allowance
from chargerd.core.composite import Electrics
from chargerd.core.events import LinkChanged
from chargerd.core.facts import FaultCleared, FaultRaised, MeterSampled, Phase, TransactionStopped
from chargerd.core.limits import Bounding, bounds, explained, lowest, lowest_a
from chargerd.core.schedule import RateUnit, Stretch
from chargerd.core.settings import Ceiling, ConnectorKind, ConnectorSettings, Policy, StationSettings
from hal.types import EvRequest, ModuleTelemetry
from tests.support.core_bench import ONE, AcBench, CoreBench, station_settings

BUILT = ConnectorSettings(id=1, max_current_a=200.0, max_power_w=100_000.0)
MODULES = ModuleTelemetry(max_current_a=150.0, max_power_w=60e3, modules_present=3)
A_LIMIT = st.none() | st.floats(0, 500)
W_LIMIT = st.none() | st.floats(0, 300e3)
LIMITS = st.decimals(0, 300_000, places=1)
STRETCHES = st.none() | st.builds(Stretch, st.just(0), st.just(1), LIMITS, st.sampled_from(RateUnit), st.none(), st.integers(1, 9))
CEILINGS = st.none() | st.builds(Ceiling, max_current_a=A_LIMIT, max_power_w=W_LIMIT)


@given(
    *(st.floats(150, 1000), st.builds(EvRequest, max_current_a=A_LIMIT, max_power_w=W_LIMIT, cable_max_current_a=A_LIMIT)),
    *(st.none() | st.floats(0, 1), CEILINGS, CEILINGS, st.none() | st.builds(Allowance, STRETCHES, STRETCHES), st.floats(0, 300e3)),
)
def test_the_lowest_limit_respects_everyone(
    voltage_v: float,
    ev: EvRequest,
    warm_share: float | None,
    offline: Ceiling | None,
    unprofiled: Ceiling | None,
    allowed: Allowance | None,
    share_w: float,
) -> None:
    """Connector, temperature, vehicle, cable, modules, the two ceilings, charging profiles and the share; what is shown is what rules."""
    electrics = Electrics(Decimal(str(voltage_v)), None)
    given_ = Bounding(
        built=BUILT,
        ev=ev,
        supply=MODULES,
        w_per_a=voltage_v,
        warm_share=warm_share,
        offline=offline,
        unprofiled=unprofiled,
        allowed=allowed,
        electrics=electrics,
    )
    limit_a = min(lowest_a(given_), share_w / voltage_v)
    ceilings = [one for one in (offline, unprofiled) if one is not None]
    for most_a in (200.0, 150.0, ev.max_current_a, ev.cable_max_current_a, *(one.max_current_a for one in ceilings)):
        assert most_a is None or limit_a <= most_a
    for most_w in (100e3, 60e3, share_w, ev.max_power_w, *(one.max_power_w for one in ceilings)):
        assert most_w is None or limit_a * voltage_v <= most_w + 1e-6
    assert warm_share is None or limit_a <= 200.0 * warm_share
    for one in (allowed.session, allowed.maximum) if allowed is not None else ():
        assert one is None or one.limit is None or limit_a <= float(electrics.amperes(one.limit, one.unit, one.phases))
    shown = explained(given_, share_w, None, 240e3)
    assert lowest(shown).current_a == limit_a
    assert len({one.source for one in shown}) == len(shown)
    assert all(one.reason for one in shown)
    assert {source for source, _ in bounds(given_)} | {"station"} == {one.source for one in shown}


def ruling(bench: CoreBench) -> tuple[str, float]:
    limit = lowest(bench.view(ONE).limits)
    return limit.source, round(limit.current_a, 3)


def with_policy(built: StationSettings, **policy: object) -> StationSettings:
    return replace(built, policy=Policy(**policy))  # type: ignore[arg-type]


def test_whose_limit_rules_is_shown() -> None:
    """One after the other is the lowest; a share that only follows the others does not rule."""
    bench = CoreBench()
    bench.charge()
    assert ruling(bench) == ("vehicle", 150.0)
    bench.ev(ONE, max_power_w=40e3)
    assert ruling(bench) == ("vehicle-power", 100.0)
    bench.ev(ONE, cable_max_current_a=90.0)
    assert ruling(bench) == ("cable", 90.0)
    bench.ev(ONE, connector_temperature_c=84.0)
    bench.ev(ONE, cable_max_current_a=None, max_power_w=None)
    assert ruling(bench) == ("derating", pytest.approx(200.0 * (1 - 14 / 30), abs=1e-3))
    reason = next(one.reason for one in bench.view(ONE).limits if one.source == "derating")
    assert "84 degC" in reason
    assert "53 %" in reason


# --- temperature --------------------------------------------------------------------------------------------------------------------


def warmed(bench: CoreBench, temperature_c: float) -> CoreBench:
    """As slowly as contacts do, from what it is, or from 60 degC."""
    before_c = bench.view(ONE).ev.connector_temperature_c or 60.0
    steps = max(1, round(abs(temperature_c - before_c) / 5.0))
    for step in range(1, steps + 1):
        bench.wait(1)
        bench.ev(ONE, connector_temperature_c=before_c + (temperature_c - before_c) * step / steps)
    return bench


@pytest.mark.parametrize("make", [CoreBench, AcBench])
def test_a_hot_connector_stops_the_session_in_order(make: type[CoreBench]) -> None:
    """At 90 degC: HighTemperature, an ordinary stop; no new session before it is cool."""
    bench = make()
    bench.charge()
    warmed(bench, 89.0)
    assert not bench.told(FaultRaised)
    warmed(bench, 91.0)
    (raised,) = bench.told(FaultRaised)
    assert (raised.code, raised.error_code) == ("connector-hot", "HighTemperature")
    assert Phase.RAMP_DOWN in bench.phases()
    bench.finish()
    assert bench.told(TransactionStopped)
    assert bench.statuses()[-1] == "Faulted"
    warmed(bench, 71.0)
    assert not bench.told(FaultCleared)
    warmed(bench, 69.0)
    assert [fault.code for fault in bench.told(FaultCleared)] == ["connector-hot"]


def test_a_broken_sensor_is_noted_and_holds_the_current_down() -> None:
    """The session goes on with a half, the status is not Faulted."""
    bench = AcBench()
    bench.charge()
    warmed(bench, 40.0)
    bench.ev(ONE, connector_temperature_c=200.0)
    assert [fault.code for fault in bench.view(ONE).faults] == ["connector-sensor"]
    assert (bench.phase(), bench.offered_a()) == (Phase.DELIVERING, 16.0)
    assert bench.statuses()[-1] == "Charging"


# --- the central system ---------------------------------------------------------------------------------------------------------------


def test_a_local_limit_holds_only_while_the_central_system_is_away() -> None:
    """Off by default; in A, on AC of each phase."""
    built = with_policy(station_settings(kind=ConnectorKind.TYPE2_CABLE), offline=Ceiling(max_current_a=10.0))
    bench = AcBench(built)
    bench.charge()
    bench.step()
    assert bench.offered_a() == 32.0
    assert "offline" not in [one.source for one in bench.view(ONE).limits]
    bench.send(LinkChanged(is_accepted=False))
    assert (bench.offered_a(), ruling(bench)) == (10.0, ("offline", 10.0))
    bench.send(LinkChanged(is_accepted=True))
    assert bench.offered_a() == 32.0


def test_without_a_local_limit_nothing_changes_offline() -> None:
    """The default."""
    bench = AcBench()
    bench.charge()
    bench.step()
    bench.send(LinkChanged(is_accepted=False))
    assert bench.offered_a() == 32.0


def test_a_limit_of_zero_offline_is_a_pause() -> None:
    """SuspendedEVSE, and on again with the link."""
    bench = CoreBench(with_policy(station_settings(), offline=Ceiling(max_power_w=0.0)))
    bench.charge()
    bench.send(LinkChanged(is_accepted=False))
    assert (bench.phase(), bench.outputs().setpoint.current_a) == (Phase.PAUSED_EVSE, 0.0)
    bench.send(LinkChanged(is_accepted=True))
    assert bench.phase() is Phase.DELIVERING


def test_the_central_systems_limit_is_the_policys_where_no_profile_speaks() -> None:
    """In W: 20 kW are 50 A at 400 V."""
    bench = CoreBench(with_policy(station_settings(), unprofiled=Ceiling(max_power_w=20e3)))
    bench.charge()
    assert (bench.outputs().setpoint.current_a, ruling(bench)) == (50.0, ("unprofiled", 50.0))


# --- what is told of it -----------------------------------------------------------------------------------------------------------------

OFFERED = ("Current.Offered", "Power.Offered")


def offered(bench: CoreBench) -> tuple[float, ...]:
    """In the next sample, in A and W."""
    bench.facts.clear()
    bench.wait(60)
    return tuple(sample.value for sample in bench.told(MeterSampled)[-1].values)


def test_offered_is_what_the_vehicle_is_told_on_dc() -> None:
    """The limit, not what flows: 60 kW are 150 A at 400 V; in a pause of ours nothing, in one of the vehicle's still the limit."""
    bench = CoreBench(with_policy(station_settings(meter_values_sampled_data=OFFERED), offline=Ceiling(max_current_a=0.0)))
    bench.charge()
    assert offered(bench) == (150.0, 60e3)
    bench.ev(ONE, max_power_w=20e3)
    assert offered(bench) == (50.0, 20e3)
    told = bench.outputs().secc
    assert (told.max_current_a, told.max_power_w) == (50.0, 20e3)
    bench.ev(ONE, target_current_a=0.0)
    assert (offered(bench), bench.phase()) == ((50.0, 20e3), Phase.PAUSED_EV)
    bench.send(LinkChanged(is_accepted=False))
    assert (offered(bench), bench.phase()) == ((0.0, 0.0), Phase.PAUSED_EVSE)


def test_offered_at_the_end_is_nothing() -> None:
    """StopTransaction carries what is offered then."""
    bench = AcBench(station_settings(kind=ConnectorKind.TYPE2_CABLE, stop_txn_sampled_data=OFFERED))
    bench.charge()
    bench.swipe()
    bench.finish()
    (stopped,) = bench.told(TransactionStopped)
    assert [sample.value for sample in stopped.end_values] == [0.0, 0.0]
