"""The neighbours of the OCPP side as small classes with behaviour: a station, its journal, its clock, and a central system by script."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from websockets.exceptions import ConnectionClosedOK

from chargerd.core.charging_profiles import Composite
from chargerd.core.errors import StorageError
from chargerd.core.events import (
    ACCEPTED,
    ChangeSettings,
    Event,
    MessageGivenUp,
    Reply,
    StartAnswered,
    StopAnswered,
)
from chargerd.core.facts import (
    ConnectorStatus,
    Fact,
    MeterSampled,
    Owed,
    Phase,
    ProfileInstalled,
    SettingChanged,
    Stamped,
    StatusChanged,
    TransactionStarted,
    TransactionStopped,
)
from chargerd.core.ids import STATION, ConnectorId, LocalId
from chargerd.core.outputs import Outputs
from chargerd.core.settings import ConnectorKind, ConnectorSettings, Settings
from chargerd.core.view import ConnectorView, StationView, TransactionView
from chargerd.ocpp.dial import Dialer
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.link import OcppLink
from chargerd.ocpp.options import OcppOptions, StationIdentity
from chargerd.ocpp.rpc import SUBPROTOCOL, Call, CallError, CallResult, ErrorCode, Payload, Rpc
from chargerd.ocpp.schema import check_response, known_actions
from hal.types import EvRequest, MeterReading

NOON_UTC_S = 1_780_000_800.0
"""The central system's time at loop time zero."""

IDENTITY = StationIdentity(identity="CP 001", vendor="Example", model="DC240")
CONNECTORS = (ConnectorSettings(id=1), ConnectorSettings(id=2))


def options(**changed: Any) -> OcppOptions:
    return OcppOptions(**{"url": "ws://csms.example/ocpp", **changed})


def status(connector: int, state: ConnectorStatus = ConnectorStatus.AVAILABLE, **more: str) -> StatusChanged:
    return StatusChanged(ConnectorId(connector), state, **more)


class FakeClock:
    """Follows the event loop; wrong by `error_s` until the central system has told the time."""

    def __init__(self, error_s: float = 0.0) -> None:
        self.error_s = error_s
        self.synchronised: list[float] = []

    def mono_s(self) -> float:
        return asyncio.get_running_loop().time()

    def utc_s(self) -> float:
        return NOON_UTC_S + self.mono_s() + self.error_s

    def synchronise(self, utc_s: float) -> None:
        self.synchronised.append(utc_s)
        self.error_s = utc_s - NOON_UTC_S - self.mono_s()


class FakeBackoffFile:
    """What a restart keeps of the back-off."""

    def __init__(self) -> None:
        self.span_s = 0.0

    def read_s(self) -> float:
        return self.span_s

    def write(self, span_s: float) -> None:
        self.span_s = span_s


class FakeStore:
    """A queue of facts. What the station decides about them takes effect with the next commit, as in the journal."""

    def __init__(self) -> None:
        self.queue: list[Stamped] = []
        self.kept: list[Stamped] = []
        self.attempts: dict[int, int] = {}
        self.remote_ids: dict[LocalId, int] = {}
        self.abandoned: set[LocalId] = set()
        self.pending: list[Event] = []

    def keep(self, stamped: Stamped) -> None:
        self.kept.append(stamped)
        fact = stamped.fact
        if isinstance(fact, TransactionStarted | TransactionStopped) or (isinstance(fact, MeterSampled) and fact.values):
            self.queue.append(stamped)

    def commit(self) -> None:
        for event in self.pending:
            match event:
                case StartAnswered(local_id=local_id, remote_id=remote_id, settles=seq):
                    self.remote_ids[local_id] = remote_id
                    self.settle(seq)
                case StopAnswered(settles=seq):
                    self.settle(seq)
                case MessageGivenUp(local_id=local_id, message=message, settles=seq):
                    if message == "StartTransaction":
                        self.abandoned.add(local_id)
                    self.settle(seq)
        self.pending.clear()

    async def next_owed(self) -> Owed | None:
        await asyncio.sleep(0)
        if not self.queue:
            return None
        head = self.queue[0]
        local_id = head.fact.local_id  # type: ignore[union-attr]
        attempts = self.attempts.get(head.seq, 0)
        return Owed(head, attempts, self.remote_ids.get(local_id), local_id in self.abandoned, f"id-of-{head.seq}")

    async def samples(self, local_id: LocalId, wanted: Callable[[int], Sequence[int]]) -> tuple[Stamped, ...]:
        found = [one for one in self.kept if isinstance(one.fact, MeterSampled) and one.fact.stop_values and one.fact.local_id == local_id]
        return tuple(found[place] for place in wanted(len(found)))

    async def started(self, local_id: LocalId) -> Stamped | None:
        return next((one for one in self.kept if isinstance(one.fact, TransactionStarted) and one.fact.local_id == local_id), None)

    async def failed(self, seq: int, attempts: int) -> None:
        self.attempts[seq] = attempts

    def settle(self, seq: int) -> None:
        self.queue = [one for one in self.queue if one.seq > seq]


Respond = Callable[[Any], Reply]


class FakeStation:
    """Takes events, answers as told by `replies` (by class of event), and tells facts to its listeners."""

    def __init__(self, store: FakeStore, settings: Settings | None = None, connectors: int = 2) -> None:
        self.store = store
        self.settings = settings or Settings()
        self.statuses = {ConnectorId(number): status(number) for number in range(connectors + 1)}
        self.events: list[Event] = []
        self.replies: dict[type, Reply | Respond] = {}
        self.is_storage_working = True
        self.is_status_known = True  # of every connector
        self.profiles: tuple[ProfileInstalled, ...] = ()
        self.composites: dict[int, Composite] = {}
        self.asked: list[tuple[int, int]] = []  # composite schedules
        self.meters: dict[int, MeterReading] = {}
        self.transactions: dict[int, TransactionView] = {}
        self.commits = 0
        self._listeners: list[Callable[[Stamped], None]] = []
        self._seq = itertools.count(1)

    def dispatch(self, event: Event) -> Reply:
        self.events.append(event)
        reply = self.replies.get(type(event), ACCEPTED)
        reply = reply(event) if callable(reply) else reply
        if isinstance(event, StartAnswered | StopAnswered | MessageGivenUp):
            self.store.pending.append(event)
        if isinstance(event, ChangeSettings) and reply.is_accepted:
            self.settings = replace(self.settings, **dict[str, Any](event.values))
            for name, value in event.values.items():
                self.tell(SettingChanged(STATION, name, str(value)))
        return reply

    async def committed(self) -> None:
        await asyncio.sleep(0)
        if not self.is_storage_working:
            raise StorageError("the disk is full")
        self.commits += 1
        self.store.commit()

    def subscribe(self, listener: Callable[[Stamped], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def view(self) -> StationView:
        connectors = tuple(self._view(number) for number in sorted(self.statuses) if number != STATION)
        return StationView(self.statuses[STATION], connectors, self.settings, is_link_accepted=False, profiles=self.profiles)

    def composite(self, connector: ConnectorId, duration_s: int) -> Composite | None:
        self.asked.append((connector, duration_s))
        return self.composites.get(connector)

    def _view(self, number: ConnectorId) -> ConnectorView:
        return ConnectorView(
            connector=number,
            kind=ConnectorKind.CCS2,
            status=self.statuses[number],
            is_status_known=self.is_status_known,
            phase=Phase.IDLE,
            is_operative=True,
            id_tag=None,
            transaction=self.transactions.get(number),
            faults=(),
            limits=(),
            ev=EvRequest(),
            supply=None,
            meter=self.meters.get(number),
            insulation=None,
            lock=None,
            is_contactor_closed=False,
            outputs=Outputs(),
            energy_wh=self.meters[number].energy_wh if number in self.meters else None,
        )

    def tell(self, fact: Fact, utc_s: float | None = None, is_timed: bool = True) -> Stamped:
        """A fact was decided and is on disk."""
        now_s = asyncio.get_running_loop().time()
        at_utc_s = (utc_s if utc_s is not None else NOON_UTC_S + now_s) if is_timed else None
        stamped = Stamped(next(self._seq), 1, now_s, at_utc_s, fact)
        if isinstance(fact, StatusChanged):
            self.statuses[fact.connector] = fact
        self.store.keep(stamped)
        for listener in tuple(self._listeners):
            listener(stamped)
        return stamped

    def of(self, kind: type) -> list[Any]:
        """The events of one class that came, in order."""
        return [event for event in self.events if isinstance(event, kind)]


# --- the central system ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A CALL of the station, as the central system saw it."""

    at_s: float
    connection: int
    action: str
    payload: Payload
    message_id: str


SILENCE = object()
"""Put in place of an answer: none comes."""

Answer = Payload | ErrorCode | object


class FakeConnection:
    """The station's end of a connection in memory; closed by either side."""

    def __init__(self, to_csms: Callable[[str], None], subprotocol: str | None = "ocpp1.6") -> None:
        self.subprotocol = subprotocol
        self._to_csms = to_csms
        self._inbound: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._is_closed = False
        self.answers_pings = True
        self.is_writable = asyncio.Event()
        self.is_writable.set()
        self.pings: list[float] = []

    async def send(self, message: str, /) -> None:
        await asyncio.sleep(0)
        await self.is_writable.wait()
        if self._is_closed:
            raise ConnectionClosedOK(None, None)
        self._to_csms(message)

    async def recv(self) -> str | bytes:
        text = await self._inbound.get()
        if text is None:
            raise ConnectionClosedOK(None, None)
        return text

    async def ping(self) -> Awaitable[float]:
        loop = asyncio.get_running_loop()
        self.pings.append(loop.time())
        pong: asyncio.Future[float] = loop.create_future()
        if self.answers_pings:
            pong.set_result(0.0)
        return pong

    def put(self, text: str | bytes) -> None:
        """A message for the station."""
        self._inbound.put_nowait(text)

    def close(self) -> None:
        self._is_closed = True
        self._inbound.put_nowait(None)


class ScriptedCsms:
    """Answers each CALL as `answers` says (by action), otherwise as a friendly central system does; checks everything that it sees."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: dict[str, Callable[[Payload], Answer] | Answer] = {}
        self.latency_s = 0.0
        self.subprotocol: str | None = SUBPROTOCOL
        self.refusal: Exception | None = None
        self.dials: list[float] = []
        self.connection: FakeConnection | None = None
        self.frames: list[str] = []
        self.unasked: list[str] = []
        self._rpc: Rpc | None = None
        self._waiting: dict[str, asyncio.Future[CallResult | CallError]] = {}
        self._ids = itertools.count(1)
        self._remote_ids = itertools.count(1001)

    def dial(self) -> AbstractAsyncContextManager[FakeConnection]:
        return self._dial()

    @asynccontextmanager
    async def _dial(self) -> AsyncIterator[FakeConnection]:
        self.dials.append(_now_s())
        if self.refusal is not None:
            raise self.refusal
        self._rpc = Rpc(known_actions())
        self.connection = FakeConnection(self._receive, self.subprotocol)
        try:
            yield self.connection
        finally:
            self.connection = None

    def drop(self) -> None:
        """Break the connection."""
        assert self.connection is not None
        self.connection.close()

    def put(self, text: str) -> None:
        """Send the station any text; what it answers to an id that nobody asked with is kept in `unasked`."""
        assert self.connection is not None
        self.connection.put(text)

    async def request(self, action: str, payload: Payload) -> CallResult | CallError:
        """Ask the station something and wait for its answer."""
        assert self._rpc is not None
        message_id = f"csms-{next(self._ids)}"
        waiting: asyncio.Future[CallResult | CallError] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = waiting
        self._rpc.call(action, payload, message_id)
        self._flush()
        async with asyncio.timeout(60):
            return await waiting

    def of(self, action: str) -> list[Seen]:
        """The CALLs of one action, in order."""
        return [seen for seen in self.seen if seen.action == action]

    @property
    def actions(self) -> list[str]:
        return [seen.action for seen in self.seen]

    def _receive(self, text: str) -> None:
        assert self._rpc is not None
        self.frames.append(text)
        kind, message_id = json.loads(text)[:2]
        if kind != 2 and message_id not in self._waiting:
            self.unasked.append(text)
            return
        received = self._rpc.receive(text)
        match received:
            case Call():
                self.seen.append(Seen(_now_s(), len(self.dials), received.action, received.payload, received.message_id))
                asyncio.get_running_loop().call_later(self.latency_s, self._answer, self._rpc, self.connection, received)
            case CallResult() | CallError():
                self._waiting.pop(received.message_id).set_result(received)
            case other:
                raise AssertionError(f"the station sent something wrong: {other} {text}")

    def _answer(self, rpc: Rpc, connection: FakeConnection | None, call: Call) -> None:
        answer = self.answers.get(call.action, self._friendly)
        answer = answer(call.payload) if callable(answer) else answer
        if answer is SILENCE or connection is not self.connection:
            rpc.leave(call)
            return
        if answer is self._DEFAULT:
            answer = self._default(call.action)
        if isinstance(answer, ErrorCode):
            rpc.error(call, answer)
        else:
            assert check_response(call.action, answer) is None
            rpc.result(call, answer)  # type: ignore[arg-type]
        self._flush()

    _DEFAULT = object()

    def _friendly(self, _: Payload) -> Answer:
        return self._DEFAULT

    def _default(self, action: str) -> Payload:
        accepted = {"idTagInfo": {"status": "Accepted"}}
        match action:
            case "BootNotification":
                return boot_answer()
            case "Heartbeat":
                return {"currentTime": utc_text()}
            case "Authorize" | "StopTransaction":
                return accepted
            case "StartTransaction":
                return {**accepted, "transactionId": next(self._remote_ids)}
            case _:
                return {}

    def _flush(self) -> None:
        assert self._rpc is not None
        for text in self._rpc.drain():
            if self.connection is not None:
                self.connection.put(text)


def utc_text() -> str:
    return render_time(NOON_UTC_S + _now_s())


async def given(answer: Payload | Awaitable[Payload]) -> Payload:
    """The answer of a handler, waited for where it has to be."""
    return answer if isinstance(answer, Mapping) else await answer


def boot_answer(state: str = "Accepted", interval: int = 300) -> Payload:
    return {"status": state, "currentTime": utc_text(), "interval": interval}


def _now_s() -> float:
    return asyncio.get_running_loop().time()


# --- all together ------------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class LinkBench:
    """A link between the fakes. `task` is its run."""

    link: OcppLink
    station: FakeStation
    store: FakeStore
    clock: FakeClock
    csms: ScriptedCsms
    backoff_file: FakeBackoffFile
    task: asyncio.Task[None] = field(init=False)

    async def until(self, holds: Callable[[], object], within_s: float = 600.0) -> None:
        """Let time pass until something holds; fails the test when it does not in time."""
        deadline_s = _now_s() + within_s
        while not holds():
            assert not self.task.done(), self.task.exception()
            assert _now_s() < deadline_s, f"not within {within_s} s; seen: {self.csms.actions[-20:]}, {self.link.status()}"
            await asyncio.sleep(within_s / 12_000)

    async def seen(self, action: str, count: int = 1, within_s: float = 600.0) -> Seen:
        """Wait for the so-many-th CALL of an action."""
        await self.until(lambda: len(self.csms.of(action)) >= count, within_s)
        return self.csms.of(action)[count - 1]


@asynccontextmanager
async def linked(
    settings: Settings | None = None,
    csms: ScriptedCsms | None = None,
    clock: FakeClock | None = None,
    dial: Dialer | None = None,
    before: Callable[[LinkBench], None] | None = None,
    backoff_file: FakeBackoffFile | None = None,
    **changed: Any,
) -> AsyncIterator[LinkBench]:
    """A running link; `before` may prepare the fakes, `changed` are fields of `OcppOptions`. Random numbers are all 0.5."""
    store, csms, clock, backoff_file = FakeStore(), csms or ScriptedCsms(), clock or FakeClock(), backoff_file or FakeBackoffFile()
    station = FakeStation(store, settings)
    ids = (f"own-{number}" for number in itertools.count(1))
    link = OcppLink(
        options(**changed),
        IDENTITY,
        CONNECTORS,
        station,
        store,
        clock,
        backoff_file,  # type: ignore[arg-type]
        dial=dial or csms.dial,
        random=lambda: 0.5,
        new_id=lambda: next(ids),
    )
    bench = LinkBench(link, station, store, clock, csms, backoff_file)
    if before is not None:
        before(bench)
    bench.task = asyncio.create_task(link.run(), name="link")
    try:
        yield bench
        if bench.task.done():
            bench.task.result()
    finally:
        bench.task.cancel()
        await asyncio.wait({bench.task})
