"""The gate: between a wish to close a contactor and the coil stands its own view of the inputs.

Pure: `step` takes the state, what the lines say, what is wished and how old the lease is, and returns the coils and what changed. Every
rule is a row. A wish passes only while no row forbids; what removes a wish never waits. The gate reports its trips, it does not negotiate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Annotated

from chargerd.safety.flows import FLOW_ROWS, Doubts, doubts_now, in_force, standing
from hal.types import Flow, Range, SafetyInputs

STATION = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """lease_s: how long the daemon may be silent while a contactor is closed; tick_s: how often the lines are then read."""

    lease_s: Annotated[float, Range(0.2, 10, "s")] = 1.0
    tick_s: Annotated[float, Range(0.005, 0.5, "s")] = 0.02
    close_s: Annotated[float, Range(0.05, 5, "s")] = 1.0  # coil on, feedback still open
    open_s: Annotated[float, Range(0.05, 5, "s")] = 0.5  # coil off, feedback still closed
    shed_s: Annotated[float, Range(0.02, 1, "s")] = 0.1  # modules disabled, coil still on: for the current to fall


class GateMode(Enum):
    """What one contactor may do."""

    SAFE = "safe"  # open, no wish
    CLOSING = "closing"  # coil on, feedback awaited
    ENERGIZED = "energized"
    SHEDDING = "shedding"  # the daemon is gone: modules disabled, coil still on
    OPENING = "opening"  # coil off, feedback awaited
    BLOCKED = "blocked"  # opened against the wish: the wish must end before another counts
    WELDED = "welded"  # closed without a coil


@dataclass(frozen=True, slots=True)
class Contactor:
    """State of one contactor; since_s: when the mode began; was_released: the wish has been withdrawn since it began to open."""

    mode: GateMode = GateMode.SAFE
    since_s: float = 0.0
    was_released: bool = False


@dataclass(frozen=True, slots=True)
class Trip:
    """Something the gate forbids energy for (connector 0: everywhere), or no longer does."""

    connector: int
    code: str
    is_over: bool = False
    info: str = ""


@dataclass(frozen=True, slots=True)
class GateState:
    contactors: Mapping[int, Contactor] = field(default_factory=dict)
    active: frozenset[tuple[int, str]] = frozenset()  # rows in force: connector (0: everywhere) and code
    enables: frozenset[int] = frozenset()  # connectors whose modules have an enable line
    doubts: Doubts = field(default_factory=dict)
    is_lease_broken: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Outcome: the next state, the coils and enable lines to drive, what is to be reported, and who was opened against its wish."""

    state: GateState
    coils: frozenset[int]
    enabled: frozenset[int]
    trips: tuple[Trip, ...]
    forced: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Row:
    """opens: else no contactor closes by it, but one that is closed stays so, and the core ends the session in order."""

    code: str
    holds: Callable[[SafetyInputs], bool]
    opens: bool = True


@dataclass(frozen=True, slots=True)
class _ConnectorRow:
    code: str
    connectors: Callable[[SafetyInputs], frozenset[int]]


STATION_ROWS = (
    _Row("safety-inputs", lambda i: not i.is_readable),
    _Row("emergency-stop", lambda i: i.is_readable and i.is_estop_pressed),
    _Row("door-open", lambda i: i.is_readable and i.is_door_open),
    _Row("power-loss", lambda i: i.is_readable and i.is_mains_lost, opens=False),
)
CONNECTOR_ROWS = (
    _ConnectorRow("residual-current", lambda i: i.leaking if i.is_readable else frozenset()),
    _ConnectorRow("over-temperature", lambda i: i.overheated if i.is_readable else frozenset()),
)

_OPENING = frozenset(row.code for row in (*STATION_ROWS, *FLOW_ROWS) if row.opens) | {row.code for row in CONNECTOR_ROWS}


def initial(connectors: frozenset[int], now_s: float, enables: frozenset[int] = frozenset()) -> GateState:
    """Everything open, nothing reported yet. enables: connectors whose modules have an enable line."""
    return GateState(MappingProxyType({c: Contactor(since_s=now_s) for c in sorted(connectors)}), enables=enables)


def step(
    state: GateState,
    inputs: SafetyInputs,
    wishes: frozenset[int],
    lease_age_s: float,
    now_s: float,
    options: GateOptions,
    flows: Mapping[int, Flow] = MappingProxyType({}),
) -> Step:
    """One look at everything.

    wishes: connectors wished closed; lease_age_s: seconds since the daemon last proved to be alive; flows: what it measured then. A lease
    that broke with a wish up stays broken until every wish has been withdrawn: a daemon that wakes up again must begin a new session.
    """
    is_lease_broken = bool(wishes) and (state.is_lease_broken or lease_age_s > options.lease_s)
    is_heard = lease_age_s <= options.lease_s
    doubts, doubted = state.doubts, standing(state.active)  # as they are between two slow beats, and without a daemon
    if is_heard:
        doubts = doubts_now(state.doubts, inputs, flows, now_s)
        doubted = in_force(doubts, state.active, wishes, now_s)
    active = _rows_in_force(inputs) | doubted
    kept_open = {connector for connector, _ in active}
    closed_to = {connector for connector, code in active if code in _OPENING}
    trips = _row_trips(state, active, is_lease_broken=is_lease_broken)
    contactors: dict[int, Contactor] = {}
    for connector, contactor in state.contactors.items():
        is_wished = connector in wishes
        is_closed = inputs.is_readable and connector in inputs.closed_contactors
        may = closed_to.isdisjoint((STATION, connector))
        may_begin = kept_open.isdisjoint((STATION, connector)) and not is_lease_broken
        if may and is_lease_broken and connector in state.enables and contactor.mode in (GateMode.ENERGIZED, GateMode.SHEDDING):
            is_shed = contactor.mode is GateMode.SHEDDING and now_s - contactor.since_s >= options.shed_s
            mode, trip = (GateMode.OPENING if is_shed else GateMode.SHEDDING), None
        else:
            may_stay = may and not is_lease_broken
            mode, trip = _next_mode(
                contactor, now_s, options, is_wished=is_wished, may_begin=may_begin, may_stay=may_stay, is_closed=is_closed
            )
        was_released = mode in (GateMode.OPENING, GateMode.WELDED) and (contactor.was_released or not is_wished)
        contactors[connector] = Contactor(mode, contactor.since_s if mode is contactor.mode else now_s, was_released)
        if trip is not None:
            trips.append(replace(trip, connector=connector))
    after = GateState(MappingProxyType(contactors), active, state.enables, doubts, is_lease_broken)
    energized = _in(after, GateMode.CLOSING, GateMode.ENERGIZED)
    tested = frozenset(c for c, flow in flows.items() if is_heard and flow.has_output and closed_to.isdisjoint((STATION, c)))
    forced = frozenset(c for c in _in(state, GateMode.ENERGIZED, GateMode.SHEDDING) & wishes if contactors[c].mode is GateMode.OPENING)
    return Step(after, energized | _in(after, GateMode.SHEDDING), (energized | tested) & state.enables, tuple(trips), forced)


def _in(state: GateState, *modes: GateMode) -> frozenset[int]:
    """The connectors whose contactor is in one of these modes."""
    return frozenset(connector for connector, contactor in state.contactors.items() if contactor.mode in modes)


def _rows_in_force(inputs: SafetyInputs) -> frozenset[tuple[int, str]]:
    station = frozenset((STATION, row.code) for row in STATION_ROWS if row.holds(inputs))
    return station | {(connector, row.code) for row in CONNECTOR_ROWS for connector in row.connectors(inputs)}


def _row_trips(state: GateState, active: frozenset[tuple[int, str]], *, is_lease_broken: bool) -> list[Trip]:
    trips = [Trip(connector, code) for connector, code in sorted(active - state.active)]
    trips += [Trip(connector, code, is_over=True) for connector, code in sorted(state.active - active)]
    if is_lease_broken != state.is_lease_broken:
        trips.append(Trip(STATION, "lease-lost", is_over=not is_lease_broken))
    return trips


def _next_mode(
    contactor: Contactor, now_s: float, options: GateOptions, *, is_wished: bool, may_begin: bool, may_stay: bool, is_closed: bool
) -> tuple[GateMode, Trip | None]:
    age_s = now_s - contactor.since_s
    match contactor.mode:
        case GateMode.SAFE:
            if is_closed:  # a board that was away may not have heard yet
                return GateMode.OPENING, None
            return (GateMode.CLOSING if is_wished and may_begin else GateMode.SAFE), None
        case GateMode.CLOSING | GateMode.ENERGIZED | GateMode.SHEDDING if not (is_wished and may_stay):
            return GateMode.OPENING, None
        case GateMode.CLOSING if is_closed:
            return GateMode.ENERGIZED, None
        case GateMode.CLOSING if age_s > options.close_s:
            return GateMode.BLOCKED, Trip(STATION, "contactor-stuck-open")
        case GateMode.ENERGIZED if not is_closed:  # without mains its coil falls off, which is no fault of its own
            return GateMode.BLOCKED, (Trip(STATION, "contactor-stuck-open") if may_begin else None)
        case GateMode.OPENING if not is_closed:
            return (GateMode.BLOCKED if is_wished and not contactor.was_released else GateMode.SAFE), None
        case GateMode.OPENING if age_s > options.open_s:
            return GateMode.WELDED, Trip(STATION, "contactor-welded")
        case GateMode.BLOCKED if not is_wished:
            return GateMode.SAFE, Trip(STATION, "contactor-stuck-open", is_over=True)
        case GateMode.WELDED if not is_closed:
            mode = GateMode.BLOCKED if is_wished and not contactor.was_released else GateMode.SAFE
            return mode, Trip(STATION, "contactor-welded", is_over=True)
        case _:
            return contactor.mode, None
