"""A whole daemon in virtual time that charges on connector 1, against the hostile peer; and what must be so afterwards."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chargerd.app.build import Daemon, Sources, build
from chargerd.app.config import load
from chargerd.app.main import run
from chargerd.core.facts import Phase, Stamped, TransactionStarted, TransactionStopped
from chargerd.core.view import ConnectorView
from chargerd.ocpp.dial import unix_dialer
from chargerd.sim.rig import VIRTUAL_EPOCH_UTC_S, Mode, write_overlay
from hal.ports import Place
from tests.fuzz.peer import Peer

CARD = "04A2B1C3"
OVERLAY: dict[str, Any] = {
    "buses": {"plant": {"handshake": {"handshake_s": 0.5, "cable_check_s": 0.3, "welding_detection_s": 0.2}}},
    "ocpp": {
        "backoff_minimum_s": 0.2,
        "backoff_range_s": 0.2,
        "backoff_maximum_s": 30,
        "keys": {
            "MeterValueSampleInterval": 5,
            "MessageTimeout": 10,
            "TransactionMessageRetryInterval": 1,
            "WebSocketPingInterval": 10,
            "AllowOfflineTxForUnknownId": "true",
        },
    },
}


class Charging:
    """The station and the one who charges there. `facts` counts what was decided on connector 1, by kind."""

    def __init__(self, daemon: Daemon, peer: Peer) -> None:
        self.daemon = daemon
        self.peer = peer
        self.facts: Counter[str] = Counter()
        daemon.reactor.subscribe(self._hear)

    @property
    def view(self) -> ConnectorView:
        return self.daemon.reactor.view().connectors[0]

    @property
    def energy_wh(self) -> int:
        """The meter's register."""
        assert self.view.meter is not None
        return self.view.meter.energy_wh

    def problems(self) -> list[str]:
        """What a session that nobody may disturb would not show."""
        found = [] if self.view.phase is Phase.DELIVERING else [f"connector 1 is in {self.view.phase.value}"]
        if self.facts[TransactionStarted.__name__] != 1 or self.facts[TransactionStopped.__name__]:
            found.append(f"transactions begun and ended: {self.facts}")
        return found

    async def begin(self) -> None:
        """Plug in, show the card, wait for the current."""
        self._simulate("plug_in", connector=1)
        await self._until(lambda: self.view.phase is Phase.WAIT_AUTH)
        self._simulate("swipe", id_tag=CARD, connectors=[1])
        await self._until(lambda: self.view.outputs.setpoint.current_a > 50.0)

    async def end(self) -> None:
        """Show the card again and leave."""
        self._simulate("swipe", id_tag=CARD, connectors=[1])
        await self._until(lambda: self.view.phase is Phase.WAIT_UNPLUG)
        self._simulate("plug_out", connector=1)

    async def told(self, within_s: float) -> bool:
        """Wait until the central system has heard everything it is owed."""
        try:
            async with asyncio.timeout(within_s):
                while (await self.daemon.journal.queue()).length:
                    await asyncio.sleep(1.0)
        except TimeoutError:
            return False
        return True

    async def accepted(self) -> None:
        """Wait until the central system knows the station."""
        await self._until(lambda: self.daemon.reactor.view().is_link_accepted)

    async def _until(self, claim: Callable[[], bool], within_s: float = 300.0) -> None:
        async with asyncio.timeout(within_s):
            while not claim():
                await asyncio.sleep(0.1)

    def _simulate(self, word: str, **arguments: object) -> None:
        assert self.daemon.simulation is not None
        self.daemon.simulation.call(f"sim.{word}", arguments)

    def _hear(self, stamped: Stamped) -> None:
        if stamped.fact.connector == 1:
            self.facts[type(stamped.fact).__name__] += 1


@asynccontextmanager
async def charging(folder: Path, seed: int = 1) -> AsyncIterator[Charging]:
    """A daemon, accepted by the peer, that charges; whatever it raises comes out."""
    loop = asyncio.get_running_loop()

    def utc_s() -> float:
        return VIRTUAL_EPOCH_UTC_S + loop.time()

    config = load(write_overlay(Mode.VIRTUAL, folder, OVERLAY, "ws://127.0.0.1:9000/ocpp"))
    count, chance = itertools.count(1), random.Random(seed)
    dial = unix_dialer(config.ocpp, config.station.identity, folder / "peer.sock")
    sources = Sources(mono=loop.time, wall=utc_s, new_id=lambda: f"id-{next(count)}", random=chance.random, dial=dial)
    daemon = build(config, Place(folder, folder), sources)
    stop = asyncio.Event()
    async with Peer(folder / "peer.sock", utc_s, seed) as peer, asyncio.TaskGroup() as group:
        group.create_task(run(daemon, stop), name="daemon")
        try:
            station = Charging(daemon, peer)
            await station.accepted()
            await station.begin()
            yield station
        finally:
            stop.set()
