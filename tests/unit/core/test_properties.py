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
from chargerd.core.station import Station
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
from tests.support.core_bench import CoreBench, station_settings

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
        EVENTS,
        st.tuples(st.just("progress"), CONNECTORS, st.integers(1, 8)),  # what a good vehicle does next: else no session gets far
        st.tuples(st.just("session"), CONNECTORS),
        st.tuples(st.just("wait"), st.floats(0.01, 90)),
    ),
    max_size=25,
)


def assert_invariants(bench: CoreBench) -> None:
    station = bench.station.view()
    station_codes = {fault.code for fault in station.faults}
    offered_w = 0.0
    for view in station.connectors:
        outputs = view.outputs
        flows = outputs.setpoint.current_a > 0
        if flows:
            codes = {fault.code for fault in view.faults} | station_codes
            assert view.id_tag is not None, "energy without authorisation"
            assert view.transaction is not None
            assert not view.transaction.is_used_up
            assert view.ev.control_pilot.is_ready, "energy to an unplugged or unready vehicle"
            assert not [c for c in codes if c in FAULTS and FAULTS[c].severity >= Severity.STOP], "energy while faulted"
            assert outputs.contactor
            assert view.is_contactor_closed
            assert outputs.setpoint.current_a <= lowest(view.limits).current_a + 1e-9
            if bench.built.connectors[0].has_lock:
                assert outputs.lock
            offered_w += outputs.setpoint.current_a * outputs.setpoint.voltage_v
        assert outputs.setpoint.voltage_v <= 1000.0
        if view.ev.max_voltage_v is not None:
            assert outputs.setpoint.voltage_v <= view.ev.max_voltage_v + 1e-9
    assert offered_w <= bench.built.max_power_w + 1e-6


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
@given(steps=STEPS, has_lock=st.booleans())
def test_energy_flows_only_where_everything_allows_it(steps: list, has_lock: bool) -> None:
    """Never unauthorised, faulted, unplugged, unlocked (with a lock) or above the lowest limit; and transactions pair up."""
    bench = CoreBench(station_settings(has_lock=has_lock, local_pre_authorize=True))
    play(bench, steps)
    open_: set[str] = set()
    for fact in bench.facts:
        if isinstance(fact, TransactionStarted):
            assert fact.local_id not in open_
            open_.add(fact.local_id)
        elif isinstance(fact, TransactionStopped):
            open_.remove(fact.local_id)  # exactly once, and never without a start


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, has_lock=st.booleans())
def test_statuses_follow_the_table_of_transitions(steps: list, has_lock: bool) -> None:
    """OCPP 1.6, 4.9: whatever happens, every status follows the one before it by the standard's table, with an error code that fits."""
    bench = CoreBench(station_settings(has_lock=has_lock, local_pre_authorize=True))
    play(bench, steps)
    last = {ConnectorId(number): StatusChanged(ConnectorId(number), ConnectorStatus.AVAILABLE) for number in range(3)}
    for told in bench.told(StatusChanged):
        assert problems(last[told.connector], told) == []
        last[told.connector] = told


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_the_same_events_give_the_same_facts(steps: list) -> None:
    """The core is a function of its events and their times."""
    first = CoreBench()
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
    secc=st.builds(SeccOutput, st.booleans(), st.sampled_from([None, True, False]), st.booleans()),
)


@given(applied=OUTPUTS, wanted=OUTPUTS)
def test_lowering_never_adds_and_never_delays_a_stop(applied: Outputs, wanted: Outputs) -> None:
    """Before the commit: at most what is applied and what is wanted; every stop passes."""
    level = lowered(applied, wanted)
    for key in ("voltage_v", "current_a"):
        assert getattr(level.setpoint, key) <= min(getattr(applied.setpoint, key), getattr(wanted.setpoint, key))
    assert level.contactor <= min(applied.contactor, wanted.contactor)
    assert level.secc.is_enabled <= min(applied.secc.is_enabled, wanted.secc.is_enabled)
    assert not (level.secc.authorization is True and applied.secc.authorization is not True)
    assert level.secc.wants_stop == wanted.secc.wants_stop
    assert lowered(level, wanted) == level
