"""A minimal station around the `ocpp` package's ChargePoint, without state on disk. `python -m tests.bench.library_station URL`."""

from __future__ import annotations

import asyncio
import itertools
import sys
from contextlib import suppress
from typing import Any

from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.bench.yardstick import BOOT, ID_TAG, KEYS, now, sampled


class LibraryStation(ChargePoint):  # type: ignore[misc]  # the package has no types
    """The handlers of the measured requests."""

    transaction = 0
    meter: asyncio.Task[None] | None = None

    async def boot(self) -> None:
        """Tell the central system that it is there."""
        await self.call(call.BootNotification(BOOT["chargePointModel"], BOOT["chargePointVendor"]))

    @on(Action.get_configuration)  # type: ignore[untyped-decorator]
    def on_get_configuration(self, key: list[str] | None = None) -> Any:
        wanted = list(KEYS)[:1] if key else list(KEYS)
        return call_result.GetConfiguration([{"key": name, "readonly": False, "value": KEYS[name]} for name in wanted])

    @on(Action.change_configuration)  # type: ignore[untyped-decorator]
    def on_change_configuration(self, **_: Any) -> Any:
        return call_result.ChangeConfiguration("Accepted")

    @on(Action.trigger_message)  # type: ignore[untyped-decorator]
    def on_trigger_message(self, **_: Any) -> Any:
        return call_result.TriggerMessage("Accepted")

    @after(Action.trigger_message)  # type: ignore[untyped-decorator]
    async def after_trigger_message(self, **_: Any) -> None:
        await self.call(call.Heartbeat())

    @on(Action.remote_start_transaction)  # type: ignore[untyped-decorator]
    def on_remote_start(self, **_: Any) -> Any:
        return call_result.RemoteStartTransaction("Accepted")

    @after(Action.remote_start_transaction)  # type: ignore[untyped-decorator]
    async def after_remote_start(self, **_: Any) -> None:
        started = await self.call(call.StartTransaction(connector_id=1, id_tag=ID_TAG, meter_start=0, timestamp=now()))
        self.transaction = started.transaction_id
        self.meter = asyncio.create_task(self._sample(), name="meter")

    @on(Action.remote_stop_transaction)  # type: ignore[untyped-decorator]
    def on_remote_stop(self, **_: Any) -> Any:
        return call_result.RemoteStopTransaction("Accepted")

    @after(Action.remote_stop_transaction)  # type: ignore[untyped-decorator]
    async def after_remote_stop(self, **_: Any) -> None:
        if self.meter is not None:
            self.meter.cancel()
        await self.call(call.StopTransaction(meter_stop=0, timestamp=now(), transaction_id=self.transaction))

    async def _sample(self) -> None:
        for register_wh in itertools.count():
            await asyncio.sleep(1.0)
            await self.call(call.MeterValues(connector_id=1, transaction_id=self.transaction, meter_value=sampled(register_wh)))


async def main(url: str) -> None:
    """Run until the central system ends the connection."""
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], compression=None, ping_interval=None) as socket:
        station = LibraryStation("library", socket)
        booting = asyncio.create_task(station.boot(), name="boot")
        with suppress(ConnectionClosed):
            await station.start()
        booting.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
