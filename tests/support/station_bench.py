"""A whole station in virtual time on a bench: the rig, its central system, and the one who charges there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chargerd.core.facts import Phase
from chargerd.core.view import ConnectorView
from chargerd.csms.model import Station
from chargerd.csms.policy import Policy
from chargerd.journal.records import TransactionRecord
from chargerd.sim.rig import Mode, Rig, rig
from chargerd.sim.virtual_loop import run_virtual

COMMIT_S = 0.004
CARD = "04A2B1C3"
KEYS = {"MeterValueSampleInterval": 5, "TransactionMessageRetryInterval": 2}
QUICK: dict[str, Any] = {
    "buses": {"plant": {"handshake": {"handshake_s": 0.5, "cable_check_s": 0.3, "welding_detection_s": 0.2}}},
    "ocpp": {"keys": KEYS, "backoff_minimum_s": 1, "backoff_range_s": 1, "backoff_maximum_s": 2},
}


class Bench:
    """A running station and the one who charges there."""

    def __init__(self, stage: Rig) -> None:
        self.stage = stage
        self._loop = asyncio.get_running_loop()

    @property
    def central(self) -> Station:
        """What the central system knows."""
        return self.stage.central.station(self.stage.identity)

    def view(self, connector: int) -> ConnectorView:
        return self.stage.daemon.reactor.view().connectors[connector - 1]

    def kinds(self, *kinds: type[Any]) -> list[Any]:
        return [stamped.fact for stamped in self.stage.facts if isinstance(stamped.fact, kinds)]

    async def until(self, claim: Callable[[], bool], within_s: float = 60.0) -> None:
        """Wait for a claim that a fact or a little time makes true."""
        async with asyncio.timeout(within_s):
            while not claim():
                self.stage.heard.clear()
                try:
                    async with asyncio.timeout(0.5):
                        await self.stage.heard.wait()
                except TimeoutError:
                    pass

    async def accepted(self) -> None:
        """The station is known to the central system, its devices have spoken, and their status is told."""

        def is_so() -> bool:
            station = self.stage.daemon.reactor.view()
            is_up = station.is_link_accepted and self.stage.daemon.have_devices_spoken()
            return is_up and all(self.central.status(one.connector) for one in station.connectors)

        await self.until(is_so)

    async def do(self, word: str, **arguments: object) -> None:
        await self.stage.simulate(word, arguments)

    async def link(self, way: str) -> None:
        await self.stage.simulate("link", {"value": way})
        await self.until(lambda: self.stage.daemon.reactor.view().is_link_accepted is (way == "up"))

    async def begin(self, connector: int = 1, card: str = CARD) -> None:
        await self.do("plug_in", connector=connector)
        await self.until(lambda: self.view(connector).phase is Phase.WAIT_AUTH)
        await self.do("swipe", id_tag=card, connectors=[connector])
        await self.until(lambda: self.view(connector).phase is Phase.DELIVERING)

    async def end(self, connector: int = 1, card: str = CARD) -> None:
        await self.do("swipe", id_tag=card, connectors=[connector])
        await self.until(lambda: self.view(connector).phase is Phase.WAIT_UNPLUG)
        await self.do("plug_out", connector=connector)
        await self.until(lambda: self.view(connector).phase is Phase.IDLE)

    async def settled(self) -> None:
        """Nothing is owed any more."""
        await self.stage.daemon.reactor.committed()
        while (await self.stage.daemon.journal.queue()).length or self.view(1).transaction or self.view(2).transaction:
            await asyncio.sleep(1.0)

    async def records(self) -> list[TransactionRecord]:
        """The journal's transactions, oldest first."""
        return list(reversed(await self.stage.daemon.journal.transactions()))

    def calls(self, *actions: str) -> list[tuple[str, str, Mapping[str, Any], float]]:
        """Requests of the station as they came: message id, action, payload, time."""
        found = []
        for message in self.central.trace:
            frame = json.loads(message.text)
            if message.direction == "in" and frame[0] == 2 and (not actions or frame[2] in actions):
                found.append((frame[1], frame[2], frame[3], message.at_utc_s))
        return found


@asynccontextmanager
async def bench(
    folder: Path,
    policy: Policy | None = None,
    board_clock: Callable[[], float] | None = None,
    station: Path | None = None,
    **keys: object,
) -> AsyncIterator[Bench]:
    """A station that is accepted and at rest: the demo's, or the one of a configuration. keys: factory values of OCPP keys."""
    overlay = {**QUICK, "ocpp": {**QUICK["ocpp"], "keys": {**KEYS, **keys}}}
    async with rig(Mode.VIRTUAL, folder, overlay, policy, board_clock=board_clock, station=station) as stage:
        made = Bench(stage)
        await made.accepted()
        yield made


def virtual(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main, executor_latency_s=COMMIT_S)
