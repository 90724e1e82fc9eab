"""What the station decided: the only history there is. Messages, watchers and logs are all read from facts.

A fact is frozen and carries plain values, so that the journal can keep it and an older reader can skip what it does not know.
`is_durable` facts are on disk (synchronously) before anything that adds energy because of them is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from chargerd.core.events import AuthorizationStatus, ListEntry, ResetKind, SelfTest, StopReason
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.schedule import Profile


class ConnectorStatus(Enum):
    """OCPP 1.6, 7.7 ChargePointStatus."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class Phase(Enum):
    """The energy path of one connector, step by step."""

    __hash__ = object.__hash__  # that of an enumeration hashes the name, and the core looks phases up thirty times an event

    IDLE = "idle"
    WAIT_CABLE = "wait-cable"
    WAIT_AUTH = "wait-auth"
    LOCKING = "locking"
    HANDSHAKE = "handshake"
    CABLE_CHECK = "cable-check"
    PRECHARGE = "precharge"
    POWER_DELIVERY = "power-delivery"  # DC: precharged, the vehicle is about to begin
    DELIVERING = "delivering"
    PAUSING = "pausing"  # AC: no current is offered any more, the vehicle is given time to let go
    PAUSED_EV = "paused-ev"
    PAUSED_EVSE = "paused-evse"
    LEAVING = "leaving"  # DC, in a pause: the dialogue with the vehicle ends, the session does not
    ASLEEP = "asleep"  # DC, in a pause: contactor open, no dialogue
    WAKING = "waking"  # a vehicle that sleeps is woken: AC: the offer is taken back for a moment; DC: over the pilot, for a new dialogue
    RAMP_DOWN = "ramp-down"
    OPENING = "opening"
    UNLOCKING = "unlocking"
    WAIT_UNPLUG = "wait-unplug"


class ReadingContext(Enum):
    """OCPP 1.6, 7.31 ReadingContext."""

    BEGIN = "Transaction.Begin"
    END = "Transaction.End"
    PERIODIC = "Sample.Periodic"
    CLOCK = "Sample.Clock"
    TRIGGER = "Trigger"


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured value, in the measurand's OCPP unit (Wh, W, A, V, Percent, Celcius)."""

    measurand: str
    value: float
    unit: str


Samples = tuple[Sample, ...]


class TokenSource(Enum):
    """Who allowed a token."""

    CENTRAL_SYSTEM = "central-system"
    CACHE = "cache"
    LOCAL_LIST = "local-list"
    OFFLINE_RULE = "offline-rule"
    REMOTE = "remote"  # a remote start that needs no asking
    TECHNICIAN = "technician"


@dataclass(frozen=True, slots=True)
class StatusChanged:
    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    status: ConnectorStatus
    error_code: str = "NoError"
    info: str = ""
    vendor_error_code: str = ""


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    phase: Phase


@dataclass(frozen=True, slots=True)
class AuthorizationAsked:
    """Authorize is to be sent; the answer comes back as `AuthorizationAnswered` with this ticket."""

    is_durable: ClassVar[bool] = False
    connector: ConnectorId  # 0 when the connector is not known yet
    ticket: int
    id_tag: IdTag


@dataclass(frozen=True, slots=True)
class AuthorizationGranted:
    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    id_tag: IdTag
    source: TokenSource
    parent_id_tag: IdTag | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationRefused:
    """The token may not charge here; `reason` is for people."""

    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    id_tag: IdTag
    status: AuthorizationStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationWithdrawn:
    """An authorisation ended without a transaction (time-out, second swipe)."""

    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    id_tag: IdTag
    reason: str


@dataclass(frozen=True, slots=True)
class TokenCached:
    """Something new that the central system said of a token, for the authorisation cache."""

    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    id_tag: IdTag
    status: AuthorizationStatus
    parent_id_tag: IdTag | None = None
    expiry_utc_s: float | None = None


@dataclass(frozen=True, slots=True)
class CacheCleared:
    is_durable: ClassVar[bool] = True
    connector: ConnectorId


@dataclass(frozen=True, slots=True)
class LocalListChanged:
    """The local list has this version now. `entries`: all of it where it is full, else what is new."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    version: int
    is_full: bool
    entries: tuple[ListEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Reserved:
    """A connector, or one of the station's (connector 0), is kept for a token and its group."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    reservation_id: int
    id_tag: IdTag
    expiry_utc_s: float
    parent_id_tag: IdTag | None = None


class ReservationEnd(Enum):
    """Why a reservation stands no more."""

    USED = "used"  # by a transaction
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REPLACED = "replaced"  # by one with the same id
    FAULTED = "faulted"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class ReservationEnded:
    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    reservation_id: int
    end: ReservationEnd


@dataclass(frozen=True, slots=True)
class ProfileInstalled:
    """A charging profile holds at a connector (0: at all, or for the station as a whole); `local_id`: the transaction it vanishes with."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    profile: Profile
    local_id: LocalId | None = None


class ProfileRemoval(Enum):
    """Why a charging profile holds no more."""

    CLEARED = "cleared"
    REPLACED = "replaced"
    ENDED = "ended"  # with its transaction
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ProfileRemoved:
    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    profile_id: int
    why: ProfileRemoval


@dataclass(frozen=True, slots=True)
class TransactionStarted:
    """StartTransaction is owed. `begin_values` go into transactionData (context Transaction.Begin)."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    local_id: LocalId
    id_tag: IdTag
    meter_start_wh: int
    begin_values: Samples = ()
    parent_id_tag: IdTag | None = None
    reservation_id: int | None = None  # the one that it uses up


@dataclass(frozen=True, slots=True)
class TransactionConfirmed:
    """StartTransaction was answered: the central system's number is bound, and the message settled, in one step."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    local_id: LocalId
    remote_id: int
    status: AuthorizationStatus
    settles: int
    parent_id_tag: IdTag | None = None


@dataclass(frozen=True, slots=True)
class MeterSampled:
    """A sample in a transaction. `values` go into MeterValues.req (none: nothing is owed), `stop_values` into transactionData.

    at_utc_s: the instant the sample stands for, a moment before the fact's own time; None while UTC was not known.
    """

    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    local_id: LocalId
    energy_wh: int
    context: ReadingContext = ReadingContext.PERIODIC
    values: Samples = ()
    stop_values: Samples = ()
    at_utc_s: float | None = None


@dataclass(frozen=True, slots=True)
class TransactionStopped:
    """StopTransaction is owed. `at_utc_s`, where given, is when it ended (recovery after a power cut), else the fact's own time."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    local_id: LocalId
    reason: StopReason
    meter_stop_wh: int
    id_tag: IdTag | None = None
    end_values: Samples = ()
    at_utc_s: float | None = None


@dataclass(frozen=True, slots=True)
class StopConfirmed:
    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    local_id: LocalId
    settles: int


@dataclass(frozen=True, slots=True)
class MessageAbandoned:
    """A message the central system will not get: refused or unanswered as often as allowed. The record itself stays."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    local_id: LocalId
    message: str
    attempts: int
    settles: int


@dataclass(frozen=True, slots=True)
class FaultRaised:
    """`is_latching`: it stays up, over restarts too, until a technician has cleared it."""

    connector: ConnectorId
    code: str
    error_code: str
    info: str = ""
    is_latching: bool = False

    @property
    def is_durable(self) -> bool:
        """A fault that must be known again after a power cut."""
        return self.is_latching


@dataclass(frozen=True, slots=True)
class FaultCleared:
    """`is_latching`: a technician has cleared it."""

    connector: ConnectorId
    code: str
    is_latching: bool = False

    @property
    def is_durable(self) -> bool:
        """What was cleared does not come back with a power cut."""
        return self.is_latching


@dataclass(frozen=True, slots=True)
class AvailabilityChanged:
    """Operative or not; `is_scheduled`: it will be when the running session is over."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    is_operative: bool
    is_scheduled: bool = False


@dataclass(frozen=True, slots=True)
class DeviceStateChanged:
    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    device: str
    is_available: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A field of `Settings` has a new value (JSON text), now and after every restart."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class UnlockFinished:
    """The end of an unlock that was answered with a ticket."""

    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    ticket: int
    is_unlocked: bool


@dataclass(frozen=True, slots=True)
class SelfTestStarted:
    """A self-test that was answered with this ticket moves hardware from now on."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    ticket: int
    test: SelfTest


@dataclass(frozen=True, slots=True)
class SelfTestStepped:
    """What a step of a self-test waits for was seen, `took_s` after the step began."""

    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    ticket: int
    test: SelfTest
    step: str
    took_s: float


@dataclass(frozen=True, slots=True)
class SelfTestFinished:
    """The end of a self-test. `detail`: the steps with their times, and what went wrong."""

    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    ticket: int
    test: SelfTest
    is_passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RestartRequested:
    """The process is to be restarted; all sessions are over."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    kind: ResetKind


@dataclass(frozen=True, slots=True)
class LinkStateChanged:
    is_durable: ClassVar[bool] = False
    connector: ConnectorId
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class JournalReplaced:
    """The journal's file was damaged. It lies beside the new one as `aside`; `kept` says what could still be read of it."""

    is_durable: ClassVar[bool] = True
    connector: ConnectorId
    aside: str
    cause: str
    kept: str


Fact = (
    StatusChanged
    | PhaseChanged
    | AuthorizationAsked
    | AuthorizationGranted
    | AuthorizationRefused
    | AuthorizationWithdrawn
    | TokenCached
    | CacheCleared
    | LocalListChanged
    | Reserved
    | ReservationEnded
    | ProfileInstalled
    | ProfileRemoved
    | TransactionStarted
    | TransactionConfirmed
    | MeterSampled
    | TransactionStopped
    | StopConfirmed
    | MessageAbandoned
    | FaultRaised
    | FaultCleared
    | AvailabilityChanged
    | DeviceStateChanged
    | SettingChanged
    | UnlockFinished
    | SelfTestStarted
    | SelfTestStepped
    | SelfTestFinished
    | RestartRequested
    | LinkStateChanged
    | JournalReplaced
)


JUSTIFYING = (AuthorizationGranted, TransactionStarted, SelfTestStarted, ProfileInstalled, ProfileRemoved)
"""Facts that must be durable before what adds energy because of them is done; one of connector 0, at every connector."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A fact in the journal: its place, its time, and which run of the process wrote it.

    utc_s: None while UTC was not trusted; then (boot, mono_s) tells the order and, later, the time.
    """

    seq: int
    boot: int
    mono_s: float
    utc_s: float | None
    fact: Fact


@dataclass(frozen=True, slots=True)
class Owed:
    """The oldest fact the central system has not been told of (`TransactionStarted`, `MeterSampled` with values, `TransactionStopped`)."""

    stamped: Stamped
    attempts: int  # transmissions that failed so far, over restarts
    remote_id: int | None  # the central system's transaction number, once known
    is_start_abandoned: bool  # StartTransaction was given up: the number is -1 (errata 3.18)
    message_id: str  # the same at each retry and after each restart


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that was running when the process ended: what the journal gives to `Station.restore`."""

    connector: ConnectorId
    local_id: LocalId
    id_tag: IdTag
    meter_start_wh: int
    checkpoint_wh: int  # the last register value on disk
    last_alive_utc_s: float | None
    remote_id: int | None = None
    parent_id_tag: IdTag | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """All the core must know again after a restart."""

    transactions: tuple[OpenTransaction, ...] = ()
    inoperative: frozenset[ConnectorId] = field(default_factory=frozenset)  # connector 0: the station
    settings: tuple[tuple[str, str], ...] = ()  # field of `Settings`, JSON text
    cache: tuple[TokenCached, ...] = ()
    local_list: tuple[int, tuple[ListEntry, ...]] = (0, ())  # its version, and what is in it
    reservations: tuple[Reserved, ...] = ()
    profiles: tuple[ProfileInstalled, ...] = ()
    latched: tuple[FaultRaised, ...] = ()  # faults that nobody has cleared yet
    has_been_accepted: bool = False  # by the central system, in some run before
