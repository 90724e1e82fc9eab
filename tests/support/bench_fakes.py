"""A station as the certification bench sees it, made of a record and a script: what it answers, and what it then says."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from chargerd.bench.product import Product, ShownKey
from chargerd.bench.stream import Stream
from chargerd.csms.connection import OperationError
from chargerd.csms.model import Request, Station, TransactionNumbers
from chargerd.csms.server import CentralSystem, Options
from chargerd.ocpp.rpc import Payload

BOOT = {"chargePointVendor": "Example", "chargePointModel": "DC240"}
TIME = "2027-01-15T08:00:00.000Z"
KEYS = {
    "AuthorizeRemoteTxRequests": ("false", False),
    "MeterValueSampleInterval": ("60", False),
    "MeterValuesSampledData": ("Energy.Active.Import.Register", False),
    "NumberOfConnectors": ("2", True),
}


def status(connector: int, word: str, **more: object) -> dict[str, Any]:
    return {"connectorId": connector, "status": word, "errorCode": "NoError", "timestamp": TIME, **more}


class Said:
    """A record that messages are put into by hand, and the stream over it."""

    def __init__(self) -> None:
        self.record = Station("CP001", TransactionNumbers())
        self.record.connections = 1
        self.stream = Stream(self.record)
        self._count = itertools.count(1)

    def say(self, action: str, payload: Mapping[str, Any] | None = None, message_id: str | None = None) -> None:
        self.record.hear(Request(message_id or f"m{next(self._count)}", action, payload or {}))


Script = Callable[["FakeStation", str, Payload], Payload]
Deeds = Mapping[str, Callable[["FakeStation"], None]]
"""What the station says when something is done to it, by the word of a `sim.*` method or `power_cycle`."""


class FakeCentral(CentralSystem):
    """Hands the central system's requests to the script."""

    def __init__(self, ask: Callable[[str, Payload], Payload]) -> None:
        super().__init__(Options(utc_s=lambda: 0.0))
        self._ask = ask

    async def call(self, station: str, action: str, payload: Payload, timeout_s: float | None = None) -> Payload:
        try:
            return self._ask(action, payload)
        finally:
            self.station(station).answered += 1


class FakeStation:
    """See `StationUnderTest`. Accepted, idle and Available from the beginning; what the script does not answer is refused."""

    identity = "CP001"

    def __init__(self, script: Script, deeds: Deeds | None = None) -> None:
        self.central = FakeCentral(lambda action, payload: self._answer(action, payload))
        self.done: list[tuple[str, dict[str, object]]] = []
        self._script = script
        self._deeds = deeds or {}
        self._count = itertools.count(1)
        self.record.is_connected = True
        self.record.connections = 1
        self.say("BootNotification", BOOT)
        for connector in range(3):
            self.say("StatusNotification", status(connector, "Available"))

    @property
    def record(self) -> Station:
        return self.central.station(self.identity)

    def say(self, action: str, payload: Mapping[str, Any]) -> Payload:
        """A request of the station; gives its answer."""
        message_id = f"m{next(self._count)}"
        self.record.hear(Request(message_id, action, payload))
        answer = self.record.answer(message_id, action, payload, self.central.policy, 0.0)
        self.central._tell()
        return answer

    def lock(self, connector: int) -> str | None:
        return None

    async def simulate(self, word: str, **arguments: object) -> None:
        self.done.append((word, arguments))
        if word in self._deeds:
            self._deeds[word](self)

    async def set_link(self, *, is_up: bool) -> None:
        self.record.is_connected = is_up

    async def power_cycle(self) -> None:
        await self.simulate("power_cycle")

    async def owed(self) -> int:
        return 0

    def _answer(self, action: str, payload: Payload) -> Payload:
        match action:
            case "GetConfiguration":
                shown = [{"key": key, "value": value, "readonly": is_fixed} for key, (value, is_fixed) in KEYS.items()]
                return {"configurationKey": shown}
            case "ClearCache":
                return {"status": "Accepted"}
        try:
            return self._script(self, action, payload)
        except KeyError:
            raise OperationError(f"{action} refused", "NotSupported") from None


def opener(script: Script, made: list[FakeStation], deeds: Deeds | None = None) -> Any:
    """Opens stations with this script and keeps them in `made`."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FakeStation]:
        made.append(FakeStation(script, deeds))
        yield made[-1]

    return opened


def pics(**core: bool | None) -> dict[str, Any]:
    """A PICS of a product with fixed cables; `C_04=True` answers a Core row."""
    features = {"HFS-1": False, "HFS-2": True, "HFS-10": "single"}
    return {
        "product": {"vendor": "Example", "designation": "DC240", "software_version": "1"},
        "hardware": {"features": {row: {"name": row, "value": value} for row, value in features.items()}},
        "features": {"core": {row.replace("_", "-"): value for row, value in core.items()}, "optional": {}},
        "additional_questions": {"AQ-7.1": False, "AQ-7.2": True},
    }


def product(stated: Mapping[str, Any], **keys: tuple[str, bool]) -> Product:
    """A product with these keys: value and whether it is read-only."""
    return Product(stated, {key: ShownKey(value, is_fixed) for key, (value, is_fixed) in keys.items()})
