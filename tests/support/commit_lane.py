"""One preset that kills itself at its commits, one after the other, in a session without the central system.

Each round: the daemon starts, the central system is taken from it, a session with three samples is begun and ended, a second one begun; at
the planned commit the process is gone. The next process finds the central system there and tells everything. State directory, central
system and checks are those of a kill lane.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chargerd.app.config import load
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from chargerd.sim.daemon_process import DaemonProcess, daemon_process, log_tail
from chargerd.sim.rig import Mode, write_overlay
from chargerd.sim.rpc_client import RpcClient
from tests.support.kill_lane import FAST, Lane
from tests.support.processes import Facts

CARD = {"id_tag": "CARD1", "connectors": [1]}
SAMPLES = 3
ROUND_S = 120.0


@dataclass(frozen=True, slots=True)
class At:
    """The n-th commit of a process, before or after COMMIT."""

    nth: int
    side: str


class CommitLane(Lane):
    """See the module. `over`: the rounds whose session came to its end before the commit that would have killed it."""

    def __init__(self, folder: Path, name: str, station: Path) -> None:
        super().__init__(folder, 0, 0)
        self.name = name
        self.over: list[At] = []
        self._station = station

    async def run_plans(self, plans: Iterable[At]) -> None:
        """Kill at each of these commits, telling everything after each; then end in order. Errors say which it was."""
        at: At | None = None
        keys = {**FAST["ocpp"]["keys"], **({"AllowOfflineTxForUnknownId": True} if self.name == "xcharge-c6" else {})}
        overlay = {**FAST, "ocpp": {**FAST["ocpp"], "keys": keys}}
        try:
            async with self._central:
                self._config = write_overlay(Mode.REALTIME, self.folder, overlay, self._central.url, self._station)
                self.identity = load(self._config).station.id
                for at in plans:
                    async with asyncio.timeout(ROUND_S):
                        await self._kill_at(at)
                        await self._end_in_order()
        except BaseException as error:
            error.add_note(f"{self.name}, after {self.kills} kills, {at}; log:\n{log_tail(self.folder)}")
            raise

    async def _kill_at(self, at: At) -> None:
        statuses = self.station.received["StatusNotification"]
        program = ("tests.support.killed_at", str(at.nth), at.side)
        async with daemon_process(self._config, self.folder, program=program) as daemon:
            gone = asyncio.ensure_future(daemon.process.wait())
            session = asyncio.ensure_future(self._work(daemon, statuses))
            await asyncio.wait({gone, session}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                gone.cancel()
                session.result()  # raises what went wrong
                self.over.append(at)
            session.cancel()
            await asyncio.gather(session, return_exceptions=True)
            daemon.kill()
        self.kills += 1
        self._central.policy = Policy()
        self._look()

    async def _work(self, daemon: DaemonProcess, statuses: int) -> None:
        try:
            await daemon.until_ready()
            await self._central.until(lambda: self.station.received["StatusNotification"] >= statuses + 3)
            async with RpcClient(daemon.control) as hand, Facts(daemon.control) as facts:
                if self.name == "ecu-l7002s":
                    await self._cut_off(hand, facts)
                else:
                    await self._offline(hand, facts)
        except (ConnectionError, OSError):
            await daemon.process.wait()  # it was killed

    async def _offline(self, hand: RpcClient, facts: Facts) -> None:
        """The card is known from a visit, or anybody may charge; then the central system is gone."""
        if self.name != "xcharge-c6":
            await hand.call("sim.swipe", CARD)
            await facts.until("AuthorizationGranted")
            await hand.call("sim.swipe", CARD)
            await facts.until("AuthorizationWithdrawn")
        await hand.call("ocpp.disconnect", {})
        await facts.until("LinkStateChanged", is_accepted=False)
        await self._session(hand, facts)
        await hand.call("sim.plug_in", {"connector": 1})
        await facts.until("PhaseChanged", connector=1, phase="wait-auth")
        await hand.call("sim.swipe", CARD)
        await facts.until("MeterSampled")

    async def _session(self, hand: RpcClient, facts: Facts) -> None:
        await hand.call("sim.plug_in", {"connector": 1})
        await facts.until("PhaseChanged", connector=1, phase="wait-auth")
        await hand.call("sim.swipe", CARD)
        await self._finish(hand, facts)

    async def _finish(self, hand: RpcClient, facts: Facts) -> None:
        for _ in range(SAMPLES):
            await facts.until("MeterSampled")
        await hand.call("sim.swipe", CARD)
        await facts.until("TransactionStopped", connector=1)
        await hand.call("sim.plug_out", {"connector": 1})
        await facts.until("PhaseChanged", connector=1, phase="idle")

    async def _cut_off(self, hand: RpcClient, facts: Facts) -> None:
        """Without cache and rule for unknown tokens: both are accepted online, and the first StartTransaction stays unanswered."""
        due = self.station.received["StartTransaction"] + 1
        self._central.policy = Policy(misbehaviours=(Misbehaviour(action="StartTransaction", twist=Twist.DROP_BEFORE, nth=due),))
        await self._central.call(self.identity, "RemoteStartTransaction", {"idTag": "CARD2", "connectorId": 2})
        await facts.until("PhaseChanged", connector=2, phase="wait-cable")
        await hand.call("sim.plug_in", {"connector": 1})
        await facts.until("PhaseChanged", connector=1, phase="wait-auth")
        await hand.call("sim.swipe", CARD)
        await self._central.until(lambda: self.station.received["StartTransaction"] == due)
        await hand.call("ocpp.disconnect", {})
        await self._finish(hand, facts)
        await hand.call("sim.plug_in", {"connector": 2})
        await facts.until("MeterSampled", connector=2)


def drawn(chance: random.Random, count: int, most: int) -> list[At]:
    """So many commits at random."""
    return [At(chance.randint(1, most), chance.choice(("before", "after"))) for _ in range(count)]
