"""The core and the guard together, with arbitrary inputs, messages that are lost, and pauses of either side.

Whatever happens: a coil is on only while the lease is fresh, nothing forbids it, and the core that wished it had, at its last word, an
authorised session with the plug held.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargerd.core.facts import Phase
from chargerd.core.session import IN_SESSION
from chargerd.core.settings import ConnectorKind, StationSettings
from chargerd.core.view import ConnectorView
from chargerd.safety.conversation import Conversation
from chargerd.safety.gate import GateOptions
from chargerd.safety.keeper import Keeper
from chargerd.safety.lease import Lease
from chargerd.safety.messages import Prohibition, Renewal, Report
from hal.types import LockState, SafetyInputs, SafetyOutputs
from tests.support.core_bench import ONE, CoreBench, station_settings
from tests.support.core_lives import EVENTS, STATIONS, bench_of

OPTIONS = GateOptions(lease_s=1.0, tick_s=0.02)
FINE = SafetyInputs(is_estop_pressed=False, is_door_open=False)
BOTH = frozenset({1, 2})


class Board:
    """Contactors that follow their coils, but for those that are `stuck` closed or `dead` open."""

    name = "board"

    def __init__(self) -> None:
        self.inputs = FINE
        self.coils: frozenset[int] = frozenset()
        self.stuck: frozenset[int] = frozenset()
        self.dead: frozenset[int] = frozenset()

    def open(self) -> None:
        self.coils = frozenset()

    def read(self) -> SafetyInputs:
        return replace(self.inputs, closed_contactors=(self.coils - self.dead) | self.stuck)

    def watch(self, moved: object) -> bool:
        return False

    def apply(self, outputs: SafetyOutputs) -> None:
        self.coils = outputs.closed_contactors

    def close(self) -> None:
        self.coils = frozenset()


class Pair:
    """A core on its bench, a guard, and a wire between them that may lose what is said."""

    def __init__(self, bench: CoreBench) -> None:
        self.bench = bench
        self.board = Board()
        self.conversation = Conversation(BOTH)
        self.grounds: dict[tuple[int, float], tuple[ConnectorView, ...]] = {}  # of each renewal: what the core stood on
        self.begin_guard()

    def begin_guard(self) -> None:
        """A new guard, which knows nothing of before."""
        self.board.close()
        self.keeper = Keeper(self.board, BOTH, OPTIONS)
        self.keeper.begin(self.bench.mono_s)
        self.lease = Lease(OPTIONS.lease_s)
        self.forbidden: dict[tuple[int, str], str] = {}
        self.counted: tuple[int, float] | None = None

    # --- the daemon -------------------------------------------------------------------------------------------------------------------

    def speak(self) -> Renewal | None:
        """The daemon's next word, with the grounds of it."""
        outputs = self.bench.station.outputs()
        self.conversation.wishes = frozenset(int(number) for number, one in outputs.items() if one.contactor)
        renewal = self.conversation.renewal(self.bench.mono_s)
        if renewal is not None:
            self.grounds[renewal.epoch, renewal.sent_s] = self.bench.station.view().connectors
        return renewal

    def hear(self, report: Report) -> None:
        for event in tuple(self.conversation.hear(report)):
            self.bench.send(event)

    def lose_guard(self) -> None:
        for event in tuple(self.conversation.lose("gone")):
            self.bench.send(event)

    # --- the guard --------------------------------------------------------------------------------------------------------------------

    def take(self, renewal: Renewal) -> None:
        epoch = self.lease.epoch
        if self.lease.take(renewal, self.bench.mono_s):
            self.counted = renewal.epoch, renewal.sent_s
        if self.lease.epoch != epoch:
            self.look()

    def look(self) -> Report:
        now_s = self.bench.mono_s
        age_s = self.lease.age_s(now_s)
        self.keeper.wish(self.lease.wishes, now_s)
        look = self.keeper.look(now_s, age_s, self.lease.flows)
        for trip in look.trips:
            if trip.is_over:
                self.forbidden.pop((trip.connector, trip.code), None)
            else:
                self.forbidden[trip.connector, trip.code] = trip.info
        self.check(age_s)
        forbidden = tuple(Prohibition(connector, code) for connector, code in self.forbidden)
        return Report(self.lease.epoch, self.lease.answers_s, look.closed, forbidden)

    # --- what must hold ---------------------------------------------------------------------------------------------------------------

    def check(self, age_s: float) -> None:
        if not self.board.coils:
            return
        assert age_s <= OPTIONS.lease_s, "a coil without a fresh lease"
        inputs = self.board.inputs
        assert not any((inputs.is_estop_pressed, inputs.is_door_open)), "a coil against an input"
        assert inputs.is_readable
        assert not {code for connector, code in self.forbidden if connector == 0} - {"power-loss"}, "a coil against a prohibition"
        assert self.counted is not None
        for view in self.grounds[self.counted]:
            if int(view.connector) in self.board.coils:
                assert view.outputs.contactor
                assert view.self_test is not None or view.phase in IN_SESSION
                is_ending = view.phase is Phase.RAMP_DOWN  # held closed while the current falls; a reset has closed the transaction by then
                assert view.self_test is not None or view.id_tag is not None or is_ending, "closed without authorisation"
                assert view.lock in (None, LockState.LOCKED) or view.self_test is not None, "closed without the lock"


INPUTS = st.builds(
    SafetyInputs,
    is_estop_pressed=st.booleans(),
    is_door_open=st.just(False),
    is_mains_lost=st.sampled_from([False, False, True]),
    is_readable=st.sampled_from([True, True, True, False]),
)
STEPS = st.lists(
    st.one_of(
        EVENTS.map(lambda event: ("event", event)),
        st.tuples(st.just("session"), st.sampled_from([1, 2])),
        st.tuples(st.just("pass"), st.floats(0.01, 0.9)),  # time, with everything heard
        st.tuples(st.just("pass"), st.floats(0.01, 0.9)),
        st.tuples(st.just("deaf"), st.floats(0.01, 2.5)),  # time, with nothing the daemon says heard
        st.tuples(st.just("mute"), st.floats(0.01, 2.5)),  # time, with nothing the guard says heard
        st.tuples(st.just("late"), st.floats(0.01, 2.5)),  # a renewal that arrives so late
        st.tuples(st.just("inputs"), INPUTS),
        st.tuples(st.just("fine"), st.just(None)),
        st.tuples(st.just("stuck"), st.frozensets(st.sampled_from([1, 2]))),
        st.tuples(st.just("dead"), st.frozensets(st.sampled_from([1, 2]))),
        st.tuples(st.just("guard"), st.booleans()),  # it begins anew; the daemon has noticed or not
    ),
    max_size=30,
)


def exchange(pair: Pair, *, is_heard: bool = True, is_answered: bool = True) -> None:
    """One beat: the daemon speaks, the guard looks and answers, the core decides."""
    renewal = pair.speak()
    if renewal is not None and is_heard:
        pair.take(renewal)
    report = pair.look()
    if is_answered:
        pair.hear(report)


def let_pass(pair: Pair, seconds: float, *, is_heard: bool = True, is_answered: bool = True) -> None:
    end_s = pair.bench.mono_s + seconds
    while pair.bench.mono_s < end_s:
        pair.bench.wait(min(0.2, end_s - pair.bench.mono_s))
        exchange(pair, is_heard=is_heard, is_answered=is_answered)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, built=STATIONS)
def test_a_closed_contactor_has_its_grounds(steps: list, built: StationSettings) -> None:
    """See the module."""
    bench = bench_of(built)
    pair = Pair(bench)
    exchange(pair)
    for word, value in steps:
        match word:
            case "event":
                bench.send(value)
            case "session":
                bench.plug(value)
                bench.swipe("A" if value == 1 else "B")
                for _ in range(8):
                    bench.step(value)
                    exchange(pair)
            case "pass":
                let_pass(pair, value)
            case "deaf":
                let_pass(pair, value, is_heard=False)
            case "mute":
                let_pass(pair, value, is_answered=False)
            case "late":
                renewal = pair.speak()
                let_pass(pair, value, is_heard=False)
                if renewal is not None:
                    pair.take(renewal)
            case "inputs":
                pair.board.inputs = value
            case "fine":
                pair.board.inputs = FINE
            case "stuck":
                pair.board.stuck = value
            case "dead":
                pair.board.dead = value
            case "guard":
                pair.begin_guard()
                if value:
                    pair.lose_guard()
        exchange(pair)


@pytest.mark.parametrize("kind", list(ConnectorKind))
def test_a_session_closes_and_a_new_guard_opens(kind: ConnectorKind) -> None:
    """What the arbitrary lives above are made of does reach a closed contactor; a guard that begins anew never closes by an old wish."""
    bench = bench_of(station_settings(kind=kind, local_pre_authorize=True))
    pair, has_closed = Pair(bench), False
    exchange(pair)
    bench.plug(ONE)
    bench.swipe("A")
    for _ in range(8):
        bench.step(ONE)
        exchange(pair)
        has_closed |= ONE in pair.board.coils
    assert has_closed
    pair.begin_guard()
    exchange(pair)
    pair.lose_guard()
    for _ in range(30):
        assert not pair.board.coils
        let_pass(pair, 0.5)
