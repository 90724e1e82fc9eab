"""What happens to the station or is asked of it. Past tense: something happened; imperative: a request that gets a `Reply`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.schedule import Profile, Purpose
from hal.types import EvRequest, InsulationReading, LockState, MeterReading, ModuleTelemetry


class AuthorizationStatus(Enum):
    """OCPP 1.6, 7.2 AuthorizationStatus."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class StopReason(Enum):
    """OCPP 1.6, 7.36 Reason."""

    DE_AUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    EV_DISCONNECTED = "EVDisconnected"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    OTHER = "Other"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    UNLOCK_COMMAND = "UnlockCommand"


@dataclass(frozen=True, slots=True)
class IdTagInfo:
    """What is known of a token (OCPP 1.6, 7.27); `expiry_utc_s` in seconds since 1970."""

    status: AuthorizationStatus
    parent_id_tag: IdTag | None = None
    expiry_utc_s: float | None = None

    @property
    def is_accepted(self) -> bool:
        """The token may charge."""
        return self.status is AuthorizationStatus.ACCEPTED


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A token in the local authorisation list; of an update, one without a status leaves it."""

    id_tag: IdTag
    status: AuthorizationStatus | None = None
    parent_id_tag: IdTag | None = None
    expiry_utc_s: float | None = None


# --- from devices -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenPresented:
    """A card was read; `connectors` are those its reader serves (or the one the driver chose)."""

    id_tag: IdTag
    connectors: tuple[ConnectorId, ...] = ()
    reader: str = ""


@dataclass(frozen=True, slots=True)
class EvUpdated:
    connector: ConnectorId
    request: EvRequest


@dataclass(frozen=True, slots=True)
class SupplyUpdated:
    connector: ConnectorId
    telemetry: ModuleTelemetry


@dataclass(frozen=True, slots=True)
class MeterUpdated:
    connector: ConnectorId
    reading: MeterReading


@dataclass(frozen=True, slots=True)
class InsulationUpdated:
    connector: ConnectorId
    reading: InsulationReading


@dataclass(frozen=True, slots=True)
class LockUpdated:
    connector: ConnectorId
    state: LockState


class Role(Enum):
    """What a device is to its connector."""

    __hash__ = object.__hash__  # as of `Phase`

    METER = "meter"
    POWER = "power"
    SECC = "secc"
    READER = "reader"
    LOCK = "lock"
    INSULATION = "insulation"
    INDICATOR = "indicator"
    IO = "io"


@dataclass(frozen=True, slots=True)
class DeviceLost:
    """A device answers no more (or never did); connector 0 when it serves all."""

    connector: ConnectorId
    role: Role
    device: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DeviceBack:
    connector: ConnectorId
    role: Role
    device: str


# --- from the gate ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContactorUpdated:
    """The contactor as the gate sees it by feedback."""

    connector: ConnectorId
    is_closed: bool


@dataclass(frozen=True, slots=True)
class GateTripped:
    """The gate forbids energy, and has already acted; `code` is a row of `core/faults.py`. Connector 0: all of them."""

    connector: ConnectorId
    code: str
    info: str = ""


@dataclass(frozen=True, slots=True)
class GateCleared:
    connector: ConnectorId
    code: str


# --- from the central system ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The central system has accepted us, or is out of reach."""

    is_accepted: bool


@dataclass(frozen=True, slots=True)
class AuthorizationAnswered:
    """The answer to `AuthorizationAsked` with this ticket; `info` None: no answer could be had, the offline rules hold."""

    ticket: int
    info: IdTagInfo | None


@dataclass(frozen=True, slots=True)
class StartAnswered:
    """StartTransaction.conf; `settles` is the sequence number of the fact that was told, `id_tag` the token in it."""

    local_id: LocalId
    id_tag: IdTag
    remote_id: int
    info: IdTagInfo
    settles: int


@dataclass(frozen=True, slots=True)
class StopAnswered:
    """StopTransaction.conf; `id_tag` and `info`, where the request named a token, are that token and what is said of it."""

    local_id: LocalId
    id_tag: IdTag | None
    info: IdTagInfo | None
    settles: int


@dataclass(frozen=True, slots=True)
class MessageGivenUp:
    """A transaction message was refused or not answered for the last allowed time (OCPP 1.6, 3.7.1)."""

    connector: ConnectorId
    local_id: LocalId
    message: str
    attempts: int
    settles: int


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """`profile`: a TxProfile of the transaction that will be."""

    id_tag: IdTag
    connector: ConnectorId | None = None
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class RemoteStop:
    remote_id: int


class ResetKind(Enum):
    """OCPP 1.6, 7.32 ResetType."""

    HARD = "Hard"
    SOFT = "Soft"


@dataclass(frozen=True, slots=True)
class Reset:
    kind: ResetKind


@dataclass(frozen=True, slots=True)
class ChangeAvailability:
    connector: ConnectorId
    is_operative: bool


@dataclass(frozen=True, slots=True)
class UnlockConnector:
    connector: ConnectorId


@dataclass(frozen=True, slots=True)
class ClearCache:
    pass


@dataclass(frozen=True, slots=True)
class UpdateLocalList:
    """A whole local list, or what is new in it. most: so many entries it may have afterwards."""

    version: int
    is_full: bool
    entries: tuple[ListEntry, ...]
    most: int


@dataclass(frozen=True, slots=True)
class ReserveNow:
    """Keep this connector, or one of the station's (connector 0), for a token and its group until `expiry_utc_s` (seconds since 1970)."""

    connector: ConnectorId
    reservation_id: int
    id_tag: IdTag
    expiry_utc_s: float
    parent_id_tag: IdTag | None = None


@dataclass(frozen=True, slots=True)
class CancelReservation:
    reservation_id: int


@dataclass(frozen=True, slots=True)
class SetChargingProfile:
    """A profile for a connector; 0: for all of them, or the station as a whole. most: so many may be installed afterwards."""

    connector: ConnectorId
    profile: Profile
    most: int


@dataclass(frozen=True, slots=True)
class ClearChargingProfile:
    """By id, or by all that is named; nothing named: all."""

    profile_id: int | None = None
    connector: ConnectorId | None = None
    purpose: Purpose | None = None
    stack_level: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """New values for fields of `Settings`, already checked for type and range."""

    values: Mapping[str, object] = field(default_factory=dict)


# --- from the technician, the process, the clock ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LocalStart:
    connector: ConnectorId
    id_tag: IdTag


@dataclass(frozen=True, slots=True)
class LocalStop:
    connector: ConnectorId


@dataclass(frozen=True, slots=True)
class RaiseFault:
    """A fault from outside the core (simulation, self-test); `code` is free text, `error_code` an OCPP ChargePointErrorCode."""

    connector: ConnectorId
    code: str
    error_code: str = "OtherError"
    info: str = ""


@dataclass(frozen=True, slots=True)
class ClearFault:
    connector: ConnectorId
    code: str


class SelfTest(Enum):
    """What of a connector can be tried by moving it."""

    CONTACTOR = "contactor"
    LOCK = "lock"
    MODULE_TIMEOUT = "module-timeout"


@dataclass(frozen=True, slots=True)
class StartSelfTest:
    connector: ConnectorId
    test: SelfTest


@dataclass(frozen=True, slots=True)
class CancelSelfTest:
    """Who asked for this test has left."""

    connector: ConnectorId
    ticket: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The process is to end in order: no new session, running ones stop with this reason."""

    reason: StopReason = StopReason.REBOOT


@dataclass(frozen=True, slots=True)
class StorageChanged:
    """The journal cannot write, or can again."""

    is_working: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline the core asked for has come."""


DeviceEvent = EvUpdated | SupplyUpdated | MeterUpdated | InsulationUpdated | LockUpdated | ContactorUpdated
Event = (
    DeviceEvent
    | TokenPresented
    | DeviceLost
    | DeviceBack
    | GateTripped
    | GateCleared
    | LinkChanged
    | AuthorizationAnswered
    | StartAnswered
    | StopAnswered
    | MessageGivenUp
    | RemoteStart
    | RemoteStop
    | Reset
    | ChangeAvailability
    | UnlockConnector
    | ClearCache
    | UpdateLocalList
    | ReserveNow
    | CancelReservation
    | SetChargingProfile
    | ClearChargingProfile
    | ChangeSettings
    | LocalStart
    | LocalStop
    | RaiseFault
    | ClearFault
    | StartSelfTest
    | CancelSelfTest
    | Shutdown
    | StorageChanged
    | Tick
)


class Verdict(Enum):
    """The immediate answer to a request."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    NOT_SUPPORTED = "not-supported"
    VERSION_MISMATCH = "version-mismatch"  # of a local list
    FAULTED = "faulted"  # these three: what keeps a connector from being reserved
    OCCUPIED = "occupied"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"  # no such charging profile
    PENDING = "pending"  # `ticket` names the fact that will tell the end (`UnlockFinished`, `SelfTestFinished`)


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to an event; `reason` is for people."""

    verdict: Verdict = Verdict.ACCEPTED
    reason: str = ""
    ticket: int = 0

    @property
    def is_accepted(self) -> bool:
        """The request was taken."""
        return self.verdict is Verdict.ACCEPTED


ACCEPTED = Reply()


def rejected(reason: str) -> Reply:
    """A refusal that says why."""
    return Reply(Verdict.REJECTED, reason)
