"""What the control socket asks of the rest of the daemon; handed over by `app/build.py`. Mappings hold plain JSON values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from chargerd.core.charging_profiles import Composite
from chargerd.core.events import Event, Reply
from chargerd.core.facts import Stamped
from chargerd.core.ids import ConnectorId
from chargerd.core.reactions import Reaction
from chargerd.core.view import StationView

JsonObject = Mapping[str, Any]


class Subscriber(Protocol):
    """The client a method works for."""

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell it something; never blocks."""

    def follow(self, what: str, end: Callable[[], None]) -> None:
        """Remember what ends a subscription; it replaces an earlier one of the same name, and all end with the client."""


class StationPort(Protocol):
    """The reactor."""

    def dispatch(self, event: Event) -> Reply:
        """Hand an event to the core; the answer is ready on return."""

    def view(self) -> StationView:
        """The station as it is now."""

    def composite(self, connector: ConnectorId, duration_s: int) -> Composite | None:
        """What a connector, or with 0 the whole station, may take from now on; None: there is no such connector."""

    def subscribe(self, listener: Callable[[Stamped], None]) -> Callable[[], None]:
        """Call `listener` with each committed fact from now on; returns what ends it."""


class MessageView(Protocol):
    """One OCPP message of the trace, secrets masked already."""

    @property
    def direction(self) -> Enum:
        """Its value is "in" or "out"."""

    @property
    def at_utc_s(self) -> float: ...

    @property
    def text(self) -> str:
        """The frame as it crossed the wire."""

    @property
    def latency_s(self) -> float | None:
        """For an answer: the time since its CALL."""


class TracePort(Protocol):
    """The last messages in both directions."""

    def recent(self, limit: int | None = None) -> Sequence[MessageView]:
        """The newest messages, oldest first."""

    def subscribe(self, follower: Callable[[MessageView], None]) -> Callable[[], None]:
        """Call `follower` with each message from now on; returns what ends it."""


class LinkPort(Protocol):
    """The link to the central system."""

    def status(self) -> JsonObject:
        """At least `state` ("connected", ...) and `url`."""

    def connect(self) -> None:
        """Bring the link up, and keep it up."""

    def disconnect(self) -> None:
        """Take the link down until told otherwise."""


class KeysPort(Protocol):
    """The OCPP configuration keys."""

    def get(self, key: str | None) -> Sequence[JsonObject]:
        """One key or all, each as {"key", "value", "readonly", ...}; empty for a key that does not exist."""

    def set(self, key: str, value: str) -> str:
        """Set a key locally. Gives the status as ChangeConfiguration does: Accepted, RebootRequired, NotSupported or Rejected."""


class RecordsPort(Protocol):
    """The journal, for reading. Every method raises StorageError when the disk does not answer."""

    async def transactions(self, limit: int) -> Sequence[object]:
        """Stored transactions (dataclasses of plain values), newest first."""

    async def events(self, limit: int, kinds: Collection[str] = (), connector: int | None = None) -> Sequence[Stamped]:
        """The newest facts, oldest first."""

    async def queue(self, limit: int) -> object:
        """What waits for the central system: a dataclass with `length` and `waiting`."""


class SimulationPort(Protocol):
    """The hand in the simulated world; `sim.fault` and `sim.clear_fault` are not its business but the core's."""

    def call(self, method: str, params: JsonObject) -> object:
        """Run one `sim.*` method. Raises ValueError with words for the technician, LookupError for a name it does not know."""


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """One configured device. `is_available` None: not known yet. `reading`: what it told last, `age_s` ago; None: nothing yet."""

    name: str
    driver: str
    role: str
    bus: str | None
    connectors: tuple[int, ...]  # empty: it serves the station
    is_available: bool | None
    detail: str = ""
    reading: object | None = None
    age_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlServices:
    """Everything the methods work on."""

    version: str
    identity: JsonObject  # id, vendor, model, serial number, firmware version
    uptime_s: Callable[[], float]
    utc_s: Callable[[], float]
    station: StationPort
    link: LinkPort
    trace: TracePort
    keys: KeysPort
    records: RecordsPort
    devices: Callable[[], Sequence[DeviceEntry]]
    listen: Callable[[str, Callable[[object], None]], Callable[[], None]]  # to a device's readings, until the returned function is called
    reactions: Callable[[str], Sequence[Reaction]]  # to a code of the table of faults
    scan: Callable[[str | None], Awaitable[Sequence[JsonObject]]]  # a CAN bus by name; LookupError with words, HalError
    config: JsonObject = field(default_factory=dict)  # settings beside OCPP keys, by dotted name
    guard: Callable[[], JsonObject] = dict
    lateness: Callable[[], object] = dict  # of the event loop: a dataclass of plain values
    simulation: SimulationPort | None = None
    why_no_simulation: str = (
        "only with mock hardware: no bus of type mock-plant is configured; simulated wires are moved by their peers (--socket DIR/sim.sock)"
    )
