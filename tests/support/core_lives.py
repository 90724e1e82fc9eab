"""Arbitrary lives of a station at the core's bench, and what must hold at every moment of them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from chargerd.core.events import (
    AuthorizationAnswered,
    AuthorizationStatus,
    ChangeAvailability,
    ChangeSettings,
    ClearFault,
    ContactorUpdated,
    DeviceBack,
    DeviceLost,
    Event,
    EvUpdated,
    GateCleared,
    GateTripped,
    IdTagInfo,
    InsulationUpdated,
    LinkChanged,
    LocalStart,
    LocalStop,
    LockUpdated,
    MeterUpdated,
    RaiseFault,
    RemoteStart,
    RemoteStop,
    Reset,
    ResetKind,
    Role,
    SelfTest,
    Shutdown,
    StartAnswered,
    StartSelfTest,
    StorageChanged,
    SupplyUpdated,
    Tick,
    TokenPresented,
    UnlockConnector,
)
from chargerd.core.facts import Phase
from chargerd.core.faults import FAULTS, UNKNOWN_ROW, Severity
from chargerd.core.ids import STATION, ConnectorId, IdTag, LocalId
from chargerd.core.limits import lowest
from chargerd.core.sensed import RISE
from chargerd.core.session import IN_SESSION
from chargerd.core.settings import Ceiling, ConnectorKind, ConnectorSettings, Policy, Sharing, StartPoint, StationSettings
from chargerd.core.view import ConnectorView, StationView
from hal.types import (
    ControlPilot,
    EvRequest,
    InsulationReading,
    LockState,
    MeterReading,
    ModuleTelemetry,
    SeccPhase,
    Setpoint,
    Talk,
)
from tests.support.core_bench import ONE, TWO, AcBench, CoreBench, station_settings

CONNECTORS = st.sampled_from([ConnectorId(1), ConnectorId(2)])
TAGS = st.sampled_from([IdTag("A"), IdTag("B"), IdTag("C")])
CODES = st.sampled_from(["emergency-stop", "door-open", "contactor-welded", "contactor-stuck-open", "lease-lost"])
AMPS = st.floats(0, 400, allow_nan=False)
VOLTS = st.floats(0, 1100, allow_nan=False)

EV = st.builds(
    EvRequest,
    control_pilot=st.sampled_from(ControlPilot),
    phase=st.sampled_from(SeccPhase),
    target_voltage_v=VOLTS,
    target_current_a=AMPS,
    is_contactor_wanted=st.booleans(),
    max_voltage_v=st.none() | VOLTS,
    max_current_a=st.none() | AMPS,
    max_power_w=st.none() | st.floats(0, 300e3),
    wants_stop=st.booleans(),
    is_emergency=st.booleans(),
    is_cable_present=st.none() | st.booleans(),
    cable_max_current_a=st.none() | st.sampled_from([13.0, 20.0, 32.0, 63.0]),
    pilot_offer_a=st.none() | st.sampled_from([0.0, 6.0, 16.0, 32.0]),
    connector_temperature_c=st.sampled_from([None, 25.0, 80.0, 95.0, 200.0]),
)
SUPPLY = st.builds(ModuleTelemetry, VOLTS, AMPS, VOLTS, AMPS, st.floats(0, 200e3), st.integers(0, 4), cut_off_s=st.none() | st.just(10.0))
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "connection_time_out_s": st.sampled_from([1, 60]),
        "local_pre_authorize": st.booleans(),
        "max_energy_on_invalid_id_wh": st.sampled_from([0, 100]),
        "stop_transaction_on_ev_side_disconnect": st.booleans(),
        "stop_transaction_on_invalid_id": st.booleans(),
        "unlock_connector_on_ev_side_disconnect": st.booleans(),
    },
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(EvUpdated, CONNECTORS, EV),
    st.builds(SupplyUpdated, CONNECTORS, SUPPLY),
    st.builds(MeterUpdated, CONNECTORS, st.builds(MeterReading, st.integers(0, 10**7), current_a=st.none() | AMPS)),
    st.builds(InsulationUpdated, CONNECTORS, st.builds(InsulationReading, st.booleans())),
    st.builds(LockUpdated, CONNECTORS, st.sampled_from(LockState)),
    st.builds(ContactorUpdated, CONNECTORS, st.booleans()),
    st.builds(TokenPresented, TAGS, st.sampled_from([(), (ONE,), (TWO,)])),
    st.builds(AuthorizationAnswered, st.integers(1, 6), st.none() | st.builds(IdTagInfo, st.sampled_from(AuthorizationStatus))),
    st.builds(
        StartAnswered,
        st.sampled_from([LocalId("tx1"), LocalId("tx2")]),
        TAGS,
        st.integers(1, 3),
        st.builds(IdTagInfo, st.sampled_from(AuthorizationStatus), st.none() | st.just(IdTag("FAMILY"))),
        st.just(1),
    ),
    st.builds(LocalStart, CONNECTORS, TAGS),
    st.builds(RaiseFault, CONNECTORS | st.just(STATION), st.sampled_from(["self-test", "meter-silent", "storage"])),
    st.builds(ChangeSettings, CHANGES),
    st.builds(RemoteStart, TAGS, st.none() | CONNECTORS),
    st.builds(RemoteStop, st.integers(1, 3)),
    st.builds(LocalStop, CONNECTORS),
    st.builds(LinkChanged, st.booleans()),
    st.builds(GateTripped, CONNECTORS | st.just(STATION), CODES),
    st.builds(GateCleared, CONNECTORS | st.just(STATION), CODES),
    st.builds(ClearFault, CONNECTORS | st.just(STATION), CODES),
    st.builds(DeviceLost, CONNECTORS, st.sampled_from(Role), st.just("device")),
    st.builds(DeviceBack, CONNECTORS, st.sampled_from(Role), st.just("device")),
    st.builds(ChangeAvailability, CONNECTORS | st.just(STATION), st.booleans()),
    st.builds(UnlockConnector, CONNECTORS),
    st.builds(StorageChanged, st.booleans()),
    st.builds(StartSelfTest, CONNECTORS, st.sampled_from(SelfTest)),
    st.builds(Reset, st.sampled_from(ResetKind)) | st.just(Shutdown()),
    st.just(Tick()),
)
STEPS = st.lists(
    st.one_of(
        EVENTS.map(lambda event: event),  # one branch of four, not all of their own: else no session gets far
        st.tuples(st.just("progress"), CONNECTORS, st.integers(1, 8)),  # what a good vehicle does next
        st.tuples(st.just("session"), CONNECTORS),
        st.tuples(st.just("wait"), st.floats(0.01, 90)),
    ),
    max_size=25,
)


SOCKET = ConnectorKind.TYPE2_SOCKET
STATIONS = st.builds(
    lambda built, point, sharing, offline: replace(
        built, policy=Policy(transaction_start_point=point, sharing=sharing, offline=Ceiling(max_current_a=offline))
    ),
    st.sampled_from(
        [
            station_settings(local_pre_authorize=True),
            station_settings(has_lock=True, local_pre_authorize=True),
            station_settings(kind=ConnectorKind.TYPE2_CABLE, local_pre_authorize=True, stop_transaction_on_invalid_id=False),
            station_settings(kind=ConnectorKind.TYPE2_CABLE, max_power_w=30e3, local_pre_authorize=True, max_energy_on_invalid_id_wh=500),
            station_settings(kind=SOCKET, max_power_w=30e3, local_pre_authorize=True),
            station_settings(kind=SOCKET, max_power_w=7e3, local_pre_authorize=True, stop_transaction_on_ev_side_disconnect=False),
        ]
    ),
    st.sampled_from(StartPoint),
    st.sampled_from(Sharing),
    st.sampled_from([None, 0.0, 10.0]),
)


def bench_of(built: StationSettings) -> CoreBench:
    """A bench whose station knows the tokens A and B already, so that they start without being asked for."""
    bench = AcBench(built) if built.connectors[0].kind.is_ac else CoreBench(built)
    for tag in ("A", "B"):
        bench.swipe(tag)
        bench.answer()
        bench.swipe(tag)
    return bench


def given_a(view: ConnectorView) -> float:
    """The current that hardware is told to give: by the modules, on AC by the pilot, whose duty holds for a vehicle that is yet to ask."""
    outputs = view.outputs
    if not view.kind.is_ac:
        return outputs.setpoint.current_a
    assert outputs.setpoint == Setpoint(), "AC has no modules"
    return outputs.secc.max_current_a if outputs.secc.is_enabled and outputs.secc.authorization is True else 0.0


def assert_invariants(bench: CoreBench) -> None:
    station, given_w = bench.station.view(), 0.0
    assert bench.station.outputs() == {view.connector: view.outputs for view in station.connectors}, "old outputs"
    assert bench.station.next_deadline_s() > bench.mono_s, "woken again and again"
    for view, built in zip(station.connectors, bench.built.connectors, strict=True):
        outputs, current_a = view.outputs, given_a(view)
        assert outputs.talk is Talk.FREE or view.self_test is not None, "modules that are left alone"
        if view.self_test is not None:
            assert_harmless(view, built)
            continue
        if current_a > 0:
            assert_permitted(bench, view, station)
            assert current_a <= lowest(view.limits).current_a + 1e-9
            assert built.min_current_a <= current_a or not view.kind.is_ac, "less than a pilot can say"
            given_w += current_a * (built.watts_per_ampere(0.0) if view.kind.is_ac else at_v(view))
        if outputs.contactor:
            assert view.phase in IN_SESSION
            assert view.lock in (None, LockState.LOCKED), "a closed contactor behind a plug that can be pulled"
            assert outputs.lock or view.lock is None
        if outputs.contactor and not view.is_contactor_closed and not view.kind.is_ac:
            told_v = [one.voltage_v for one in (view.supply, view.meter) if one is not None and one.voltage_v is not None]
            assert max(told_v) < built.safe_voltage_v, "a contactor that closes onto a voltage"
        assert outputs.setpoint.voltage_v <= (1000.0 if view.ev.max_voltage_v is None else min(1000.0, view.ev.max_voltage_v)) + 1e-9
    assert given_w <= bench.built.max_power_w + 1e-6


def at_v(view: ConnectorView) -> float:
    """The voltage at which the current may flow: the modules' present one and a little more, but what they are told at the most."""
    present_v = view.supply.voltage_v if view.supply is not None else 0.0
    told_v = view.outputs.setpoint.voltage_v
    return min(told_v, present_v * RISE) if view.phase is Phase.DELIVERING and present_v >= 150.0 else told_v


def assert_harmless(view: ConnectorView, built: ConnectorSettings) -> None:
    """A self-test: nothing on the cable, nobody's session, no voltage where a contactor closes and none behind a closed one."""
    outputs = view.outputs
    assert view.ev.control_pilot is ControlPilot.A
    assert not view.is_operative
    assert view.id_tag is None
    assert view.phase is Phase.IDLE
    assert not (outputs.setpoint.is_on and (outputs.contactor or view.is_contactor_closed)), "voltage through the contactor"
    told_v = [one.voltage_v for one in (view.supply, view.meter) if one is not None and one.voltage_v is not None]
    assert not outputs.contactor or max(told_v) <= built.safe_voltage_v, "a contactor that closes on a live output"


def assert_permitted(bench: CoreBench, view: ConnectorView, station: StationView) -> None:
    """Everything allows it that energy is given here now."""
    faults = [*station.faults, *view.faults]
    begins_before_energy = bench.built.policy.transaction_start_point is StartPoint.AUTHORIZED or view.phase is Phase.DELIVERING
    assert view.id_tag is not None, "energy without authorisation"
    assert view.transaction is not None or not begins_before_energy, "energy without a transaction"
    assert view.transaction is None or not view.transaction.is_used_up
    assert not [f for f in faults if FAULTS.get(f.code, UNKNOWN_ROW).severity >= Severity.STOP], "energy while faulted"
    assert bench.mono_s - bench.heard_s(view.connector, EvUpdated) <= bench.built.timing.stale_s, "energy on old news of the vehicle"
    assert bench.mono_s - bench.heard_s(view.connector, MeterUpdated) <= bench.built.timing.meter_stale_s, "energy without a meter"
    if view.kind.is_ac:
        assert not view.outputs.contactor or view.ev.control_pilot.is_ready or view.phase is Phase.PAUSING
    else:
        assert view.ev.control_pilot.is_ready, "energy to an unplugged or unready vehicle"
        assert view.outputs.contactor
        assert view.is_contactor_closed


def play(bench: CoreBench, steps: list) -> None:
    """Let the bench live through some steps, looking at everything after each of them."""
    for step in steps:
        if not isinstance(step, tuple):
            bench.send(step)
        elif step[0] == "progress":
            for _ in range(step[2]):
                bench.step(step[1])
                assert_invariants(bench)
        elif step[0] == "session":
            bench.plug(step[1])
            bench.swipe("A" if step[1] == 1 else "B")
            for _ in range(8):
                bench.step(step[1])
                assert_invariants(bench)
        else:
            bench.wait(step[1])
        assert_invariants(bench)
