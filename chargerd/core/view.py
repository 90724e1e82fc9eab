"""One frozen picture of the station, for people and for messages that tell the present state."""

from __future__ import annotations

from dataclasses import dataclass, field

from chargerd.core.events import SelfTest
from chargerd.core.facts import Phase, ProfileInstalled, Reserved, StatusChanged
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.metering import Offered
from chargerd.core.outputs import Outputs
from chargerd.core.settings import ConnectorKind, Settings
from hal.types import EvRequest, InsulationReading, LockState, MeterReading, ModuleTelemetry


@dataclass(frozen=True, slots=True)
class FaultView:
    code: str
    error_code: str
    info: str
    is_latched: bool


@dataclass(frozen=True, slots=True)
class LimitView:
    """One limit on the current of a connector and where it comes from; the lowest rules."""

    source: str  # "vehicle", "connector", "modules", "station"
    current_a: float
    reason: str = ""  # for people


@dataclass(frozen=True, slots=True)
class TransactionView:
    local_id: LocalId
    remote_id: int | None
    id_tag: IdTag
    meter_start_wh: int
    started_utc_s: float
    is_used_up: bool  # the central system refused the token, and what may flow all the same has flown


@dataclass(frozen=True, slots=True)
class ConnectorView:
    """One connector as it is now; what is not known is None."""

    connector: ConnectorId
    kind: ConnectorKind
    status: StatusChanged
    is_status_known: bool  # False after a start, until it is known whether a vehicle is there
    phase: Phase
    is_operative: bool
    id_tag: IdTag | None
    transaction: TransactionView | None
    faults: tuple[FaultView, ...]
    limits: tuple[LimitView, ...]
    ev: EvRequest
    supply: ModuleTelemetry | None
    meter: MeterReading | None
    insulation: InsulationReading | None
    lock: LockState | None  # None too where there is no lock of ours
    is_contactor_closed: bool
    outputs: Outputs
    energy_wh: int | None = None  # the register, in a transaction as that one counts it
    offered: Offered = field(default_factory=lambda: Offered(0.0, 0.0))
    self_test: SelfTest | None = None  # the one that runs


@dataclass(frozen=True, slots=True)
class StationView:
    status: StatusChanged  # connector 0
    connectors: tuple[ConnectorView, ...]
    settings: Settings
    is_link_accepted: bool
    faults: tuple[FaultView, ...] = ()  # of the station itself
    local_list_version: int = 0
    reservations: tuple[Reserved, ...] = ()
    profiles: tuple[ProfileInstalled, ...] = ()
