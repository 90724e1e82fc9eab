"""What a connector must know of its station."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chargerd.core.allowance import Allowance
from chargerd.core.fault_set import FaultSet
from chargerd.core.ids import STATION, ConnectorId, LocalId
from chargerd.core.now import NEVER
from chargerd.core.settings import Policy, Settings, Timing


@dataclass(slots=True)
class Surroundings:
    """One object, shared by all connectors and kept up to date by the station."""

    settings: Settings
    timing: Timing
    policy: Policy
    new_local_id: Callable[[], LocalId]
    faults: FaultSet = field(default_factory=lambda: FaultSet(STATION))  # those of connector 0
    is_operative: bool = True  # the station as a whole, beside each connector's own
    is_change_scheduled: bool = False  # the station becomes inoperative when no connector is busy any more
    has_been_accepted: bool = False  # by the central system, once at least since the station was set up
    is_accepted: bool = False  # by the central system, now
    is_closing: bool = False  # a shutdown or reset is under way: nothing new begins
    asking: frozenset[ConnectorId] = frozenset()  # connectors for which a token is being checked
    budget_w: float = NEVER  # of the whole station, now
    allowed: dict[ConnectorId, Allowance] = field(default_factory=dict)  # by charging profiles, where there are any
    is_reserved: Callable[[ConnectorId], bool] = lambda _: False  # to be shown so while nobody uses it
    shares_w: Mapping[ConnectorId, float] = field(default_factory=dict)  # of it, by connector
