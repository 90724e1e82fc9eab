"""The control socket with everything behind it faked: a station, a link, keys, a journal, a simulation; and a client in the same loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from chargerd.control.access import Doorkeeper
from chargerd.control.ports import ControlServices, DeviceEntry
from chargerd.control.server import ControlServer
from chargerd.core.charging_profiles import Composite
from chargerd.core.composite import Electrics
from chargerd.core.errors import StorageError
from chargerd.core.events import ACCEPTED, Event, Reply, SelfTest
from chargerd.core.facts import ConnectorStatus, Phase, ProfileInstalled, Stamped, StatusChanged
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.outputs import Outputs
from chargerd.core.reactions import reactions
from chargerd.core.schedule import Kind, Period, Profile, Purpose, RateUnit, Stretch, Window
from chargerd.core.settings import ConnectorKind, Settings, Timing
from chargerd.core.view import ConnectorView, FaultView, LimitView, StationView, TransactionView
from hal.types import EvRequest, MeterReading

ONE = ConnectorId(1)


def view() -> StationView:
    transaction = TransactionView(LocalId("a"), 7, IdTag("TAG"), 1000, 50.0, True)
    fault = FaultView("door-open", "OtherError", "The door is open.", False)
    connector = ConnectorView(
        connector=ONE,
        kind=ConnectorKind.CCS2,
        status=StatusChanged(ONE, ConnectorStatus.CHARGING),
        is_status_known=True,
        phase=Phase.DELIVERING,
        is_operative=True,
        id_tag=IdTag("TAG"),
        transaction=transaction,
        faults=(fault,),
        limits=(LimitView("connector", 200.0, "what the cable can bear"), LimitView("vehicle", 150.0, "what the vehicle can take")),
        ev=EvRequest(soc_percent=42.0),
        supply=None,
        meter=MeterReading(1500, power_w=float("nan")),
        insulation=None,
        lock=None,
        is_contactor_closed=True,
        outputs=Outputs(),
    )
    profile = Profile(
        profile_id=7,
        stack_level=2,
        purpose=Purpose.DEFAULT,
        kind=Kind.RECURRING,
        unit=RateUnit.AMPERES,
        periods=(Period(0, Decimal(16)),),
    )
    return StationView(
        StatusChanged(ConnectorId(0), ConnectorStatus.AVAILABLE),
        *((connector,), Settings(), True),
        profiles=(ProfileInstalled(ConnectorId(0), profile),),
    )


@dataclass
class FakeStation:
    """Answers from a list and remembers what it was asked."""

    answer: Reply = ACCEPTED
    asked: list[Event] = field(default_factory=list)
    listeners: list[Callable[[Stamped], None]] = field(default_factory=list)
    self_test: SelfTest | None = None

    def dispatch(self, event: Event) -> Reply:
        self.asked.append(event)
        return self.answer

    def view(self) -> StationView:
        station = view()
        return replace(station, connectors=tuple(replace(one, self_test=self.self_test) for one in station.connectors))

    def composite(self, connector: ConnectorId, duration_s: int) -> Composite | None:
        """16 A of profile 7 for an hour, then what the connector has."""
        window = Window(0, duration_s * 1000)
        stretches = [
            Stretch(0, 3_600_000, Decimal(16), RateUnit.AMPERES, 3, 7),
            Stretch(3_600_000, window.end_ms, Decimal(22_080), RateUnit.WATTS),
        ]
        return Composite(connector, window, stretches, Electrics(Decimal(230), 3)) if connector in (0, ONE) else None

    def subscribe(self, listener: Callable[[Stamped], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def commit(self, seq: int, fact: Any) -> None:
        for listener in tuple(self.listeners):
            listener(Stamped(seq, 1, float(seq), float(seq), fact))


class FakeLink:
    def __init__(self) -> None:
        self.is_wanted = True

    def status(self) -> Mapping[str, Any]:
        return {"state": "connected", "url": "ws://csms"}

    def connect(self) -> None:
        self.is_wanted = True

    def disconnect(self) -> None:
        self.is_wanted = False


class FakeKeys:
    def get(self, key: str | None) -> Sequence[Mapping[str, Any]]:
        known = [{"key": "HeartbeatInterval", "value": "300", "readonly": False}]
        return [one for one in known if key in (None, one["key"])]

    def set(self, key: str, value: str) -> str:
        return "Accepted" if key == "HeartbeatInterval" else "NotSupported"


@dataclass
class FakeRecords:
    """A journal whose disk can be taken away."""

    is_working: bool = True
    stored: list[Stamped] = field(default_factory=list)

    def _check(self) -> None:
        if not self.is_working:
            raise StorageError("disk full")

    async def transactions(self, limit: int) -> Sequence[object]:
        self._check()
        return ()

    async def events(self, limit: int, kinds: Collection[str] = (), connector: int | None = None) -> Sequence[Stamped]:
        self._check()
        return [one for one in self.stored if not kinds or type(one.fact).__name__ in kinds][-limit:]

    async def queue(self, limit: int) -> object:
        self._check()
        return ()


class FakeTrace:
    def recent(self, limit: int | None = None) -> Sequence[Any]:
        return []

    def subscribe(self, follower: Callable[[Any], None]) -> Callable[[], None]:
        return lambda: None


class FakeSimulation:
    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.needs_connector = True

    def call(self, method: str, params: Mapping[str, Any]) -> object:
        if method == "sim.dance":
            raise LookupError("there is no method sim.dance")
        if self.needs_connector and "connector" not in params:
            raise ValueError("say which connector")
        self.calls.append((method, params))
        return {}


class FakeDevices:
    """Devices that say what a test lets them say, and a CAN bus with modules."""

    def __init__(self) -> None:
        self.entries = [DeviceEntry("io", "mock-io", "io", "plant", (), True)]
        self.listeners: list[tuple[str, Callable[[object], None]]] = []
        self.modules: list[dict[str, object]] = []
        self.error: Exception | None = None

    def listen(self, name: str, listener: Callable[[object], None]) -> Callable[[], None]:
        entry = (name, listener)
        self.listeners.append(entry)
        return lambda: self.listeners.remove(entry)

    def say(self, name: str, reading: object) -> None:
        for device, listener in tuple(self.listeners):
            if device == name:
                listener(reading)

    async def scan(self, bus: str | None) -> Sequence[Mapping[str, Any]]:
        if self.error is not None:
            raise self.error
        return self.modules


class Bench:
    """A server on a real socket with everything behind it faked."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "control.sock"
        self.station, self.link, self.records, self.simulation = FakeStation(), FakeLink(), FakeRecords(), FakeSimulation()
        self.devices = FakeDevices()
        self.has_simulation = True

    def services(self) -> ControlServices:
        return ControlServices(
            version="1.2.3",
            identity={"id": "CP001", "vendor": "V", "model": "M"},
            uptime_s=lambda: 12.5,
            utc_s=lambda: 60.0,
            station=self.station,
            link=self.link,
            trace=FakeTrace(),
            keys=FakeKeys(),
            records=self.records,
            devices=lambda: self.devices.entries,
            listen=self.devices.listen,
            scan=self.devices.scan,
            reactions=lambda code: reactions(code, Timing(), open_s=0.5),
            config={"timing.lock_s": 5.0},
            simulation=self.simulation if self.has_simulation else None,
        )

    @asynccontextmanager
    async def running(self, doorkeeper: Doorkeeper | None = None, **limits: int) -> AsyncIterator[None]:
        server = ControlServer(self.path, self.services(), doorkeeper or Doorkeeper("nobody-reads", "nobody-changes"), **limits)
        task = asyncio.create_task(server.run(), name="server under test")
        waiter = asyncio.create_task(server.is_listening.wait(), name="until it listens")
        await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiter.cancel()
            task.result()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_unix_connection(self.path, limit=2**20)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def line(self) -> dict[str, Any]:
        got: dict[str, Any] = json.loads(await self.reader.readline())
        return got

    async def raw(self, line: bytes) -> dict[str, Any]:
        self.writer.write(line + b"\n")
        return await self.line()

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return await self.raw(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())

    async def result(self, method: str, **params: Any) -> Any:
        answer = await self.ask(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, **params: Any) -> tuple[int, str]:
        answer = await self.ask(method, **params)
        assert "result" not in answer, answer
        return answer["error"]["code"], answer["error"]["message"]
