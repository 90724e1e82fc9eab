"""Arbitrary orders of events: what must hold whatever happens."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargerd.core.events import (
    AuthorizationAnswered,
    AuthorizationStatus,
    ChangeAvailability,
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
    LocalStop,
    LockUpdated,
    MeterUpdated,
    RemoteStart,
    RemoteStop,
    Reset,
    ResetKind,
    Role,
    StartAnswered,
    StorageChanged,
    SupplyUpdated,
    Tick,
    TokenPresented,
    UnlockConnector,
)
from chargerd.core.facts import ConnectorStatus, Fact, StatusChanged, TransactionStarted, TransactionStopped
from chargerd.core.faults import FAULTS, Severity
from chargerd.core.ids import STATION, ConnectorId, IdTag, LocalId
from chargerd.core.limits import lowest
from chargerd.core.outputs import Outputs, lowered
from chargerd.core.settings import ConnectorKind, StationSettings
from chargerd.core.station import Station
from chargerd.core.view import ConnectorView
from chargerd.ocpp.v16.transitions import problems
from hal.types import (
    ControlPilot,
    EvRequest,
    InsulationReading,
    LockState,
    MeterReading,
    ModuleTelemetry,
    SeccOutput,
    SeccPhase,
    Setpoint,
)
from tests.support.core_bench import AcBench, CoreBench, station_settings

CONNECTORS = st.sampled_from([ConnectorId(1), ConnectorId(2)])
TAGS = st.sampled_from([IdTag("A"), IdTag("B"), IdTag("C")])
CODES = st.sampled_from(["emergency-stop", "door-open", "contactor-welded", "lease-lost"])
AMPS = st.floats(0, 400, allow_nan=False)
VOLTS = st.floats(0, 1100, allow_nan=False)

EV = st.builds(
    EvRequest,
    control_pilot=st.sampled_from(ControlPilot),
    phase=st.sampled_from(SeccPhase),
    target_voltage_v=VOLTS,
    target_current_a=AMPS,
    max_voltage_v=st.none() | VOLTS,
    max_current_a=st.none() | AMPS,
    max_power_w=st.none() | st.floats(0, 300e3),
    wants_stop=st.booleans(),
    is_emergency=st.booleans(),
    is_cable_present=st.none() | st.booleans(),
)
SUPPLY = st.builds(ModuleTelemetry, VOLTS, AMPS, VOLTS, AMPS, st.floats(0, 200e3), st.integers(0, 4))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(EvUpdated, CONNECTORS, EV),
    st.builds(SupplyUpdated, CONNECTORS, SUPPLY),
    st.builds(MeterUpdated, CONNECTORS, st.builds(MeterReading, st.integers(0, 10**7))),
    st.builds(InsulationUpdated, CONNECTORS, st.builds(InsulationReading, st.booleans())),
    st.builds(LockUpdated, CONNECTORS, st.sampled_from(LockState)),
    st.builds(ContactorUpdated, CONNECTORS, st.booleans()),
    st.builds(TokenPresented, TAGS),
    st.builds(AuthorizationAnswered, st.integers(1, 6), st.none() | st.builds(IdTagInfo, st.sampled_from(AuthorizationStatus))),
    st.builds(
        StartAnswered,
        st.sampled_from([LocalId("tx1"), LocalId("tx2")]),
        TAGS,
        st.integers(1, 3),
        st.builds(IdTagInfo, st.sampled_from(AuthorizationStatus)),
        st.just(1),
    ),
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
    st.builds(Reset, st.sampled_from(ResetKind)),
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
STATIONS = st.sampled_from(
    [
        station_settings(local_pre_authorize=True),
        station_settings(has_lock=True, local_pre_authorize=True),
        station_settings(kind=ConnectorKind.TYPE2_CABLE, local_pre_authorize=True, stop_transaction_on_invalid_id=False),
        station_settings(kind=SOCKET, max_power_w=30e3, local_pre_authorize=True),
        station_settings(kind=SOCKET, max_power_w=7e3, local_pre_authorize=True, stop_transaction_on_ev_side_disconnect=False),
    ]
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
    """The current that hardware is told to give: by the modules, on AC by the pilot through a contactor that is wished closed."""
    outputs = view.outputs
    if not view.kind.is_ac:
        return outputs.setpoint.current_a
    assert outputs.setpoint == Setpoint(), "AC has no modules"
    is_offered = outputs.contactor and outputs.secc.is_enabled and outputs.secc.authorization is True
    return outputs.secc.max_current_a if is_offered else 0.0


def assert_invariants(bench: CoreBench) -> None:
    station = bench.station.view()
    station_codes = {fault.code for fault in station.faults}
    given_w = 0.0
    for view, built in zip(station.connectors, bench.built.connectors, strict=True):
        outputs, current_a = view.outputs, given_a(view)
        if current_a > 0:
            codes = {fault.code for fault in view.faults} | station_codes
            assert view.id_tag is not None, "energy without authorisation"
            assert view.transaction is not None
            assert not view.transaction.is_used_up
            assert view.ev.control_pilot.is_ready, "energy to an unplugged or unready vehicle"
            assert not [c for c in codes if c in FAULTS and FAULTS[c].severity >= Severity.STOP], "energy while faulted"
            assert outputs.contactor
            assert view.is_contactor_closed or view.kind.is_ac  # on AC the closing itself is the beginning
            assert built.min_current_a <= current_a or not view.kind.is_ac, "less than a pilot can say"
            assert current_a <= lowest(view.limits).current_a + 1e-9
            given_w += current_a * (built.watts_per_ampere(0.0) if view.kind.is_ac else outputs.setpoint.voltage_v)
        if outputs.contactor and view.lock is not None:
            assert outputs.lock
            assert view.lock is LockState.LOCKED, "a closed contactor behind a plug that can be pulled"
        assert outputs.setpoint.voltage_v <= 1000.0
        if view.ev.max_voltage_v is not None:
            assert outputs.setpoint.voltage_v <= view.ev.max_voltage_v + 1e-9
    assert given_w <= bench.built.max_power_w + 1e-6


def play(bench: CoreBench, steps: list) -> None:
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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, built=STATIONS)
def test_energy_flows_only_where_everything_allows_it(steps: list, built: StationSettings) -> None:
    """Never unauthorised, faulted, unplugged, unlocked (with a lock) or above the lowest limit; and transactions pair up."""
    bench = bench_of(built)
    play(bench, steps)
    open_: set[str] = set()
    for fact in bench.facts:
        if isinstance(fact, TransactionStarted):
            assert fact.local_id not in open_
            open_.add(fact.local_id)
        elif isinstance(fact, TransactionStopped):
            open_.remove(fact.local_id)  # exactly once, and never without a start


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, built=STATIONS)
def test_statuses_follow_the_table_of_transitions(steps: list, built: StationSettings) -> None:
    """OCPP 1.6, 4.9: whatever happens, every status follows the one before it by the standard's table, with an error code that fits."""
    bench = bench_of(built)
    play(bench, steps)
    last = {ConnectorId(number): StatusChanged(ConnectorId(number), ConnectorStatus.AVAILABLE) for number in range(3)}
    for told in bench.told(StatusChanged):
        assert problems(last[told.connector], told) == []
        last[told.connector] = told


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, built=STATIONS)
def test_the_same_events_give_the_same_facts(steps: list, built: StationSettings) -> None:
    """The core is a function of its events and their times."""
    first = bench_of(built)
    play(first, steps)
    count = iter(range(1, 1000))
    again = Station(first.built, lambda: LocalId(f"tx{next(count)}"))
    facts: list[Fact] = []
    for event, now in first.events:
        facts += again.handle(event, now)[0]
    assert facts[len(facts) - len(first.facts) :] == first.facts


OUTPUTS = st.builds(
    Outputs,
    lock=st.booleans(),
    contactor=st.booleans(),
    setpoint=st.builds(Setpoint, VOLTS, AMPS),
    secc=st.builds(
        *(SeccOutput, st.booleans(), st.sampled_from([None, True, False]), st.booleans()),
        max_current_a=AMPS,
        max_power_w=st.floats(0, 300e3),
    ),
)


@given(applied=OUTPUTS, wanted=OUTPUTS)
def test_lowering_never_adds_and_never_delays_a_stop(applied: Outputs, wanted: Outputs) -> None:
    """Before the commit: at most what is applied and what is wanted; every stop passes."""
    level = lowered(applied, wanted)
    for key in ("voltage_v", "current_a"):
        assert getattr(level.setpoint, key) <= min(getattr(applied.setpoint, key), getattr(wanted.setpoint, key))
    for key in ("max_current_a", "max_power_w"):  # on AC the pilot's duty, which is the current
        assert getattr(level.secc, key) <= min(getattr(applied.secc, key), getattr(wanted.secc, key))
    assert level.contactor <= min(applied.contactor, wanted.contactor)
    assert level.secc.is_enabled <= min(applied.secc.is_enabled, wanted.secc.is_enabled)
    assert not (level.secc.authorization is True and applied.secc.authorization is not True)
    assert level.secc.wants_stop == wanted.secc.wants_stop
    assert lowered(level, wanted) == level
