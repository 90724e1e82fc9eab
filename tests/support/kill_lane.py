"""One station that is killed again and again in the middle of its sessions, and the central system it must not confuse.

A lane has one state directory and one central system for all its rounds. A round starts the daemon, lets what is owed be told (or, in a
hurry, does not), begins a session on both connectors, kills the process at the planned moment and looks at what is on disk.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chargerd.csms.model import Station, Transaction
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from chargerd.csms.server import CentralSystem
from chargerd.sim.daemon_process import DaemonProcess, daemon_process, log_tail
from chargerd.sim.rig import Mode, write_overlay
from chargerd.sim.rpc_client import RpcClient
from tests.support.journal_file import Picture, read_journal, read_registers
from tests.support.processes import Facts, ready_daemon

SETTLE_S = 30.0
SESSION_S = 4.2  # from the first swipe until both sessions have ended by themselves, with a margin
START_UP_S = 0.8
MESSAGES = ("Authorize", "StartTransaction", "StartTransaction", "MeterValues", "StopTransaction", "StopTransaction", "StatusNotification")
FAST: dict[str, Any] = {
    "buses": {"plant": {"speed": 20, "handshake": {"handshake_s": 0.5, "welding_detection_s": 0.2}}},
    "ocpp": {
        "backoff_minimum_s": 0.05,
        "backoff_range_s": 0.1,
        "backoff_maximum_s": 1,
        "keys": {"MeterValueSampleInterval": 1, "HeartbeatInterval": 300},
    },
}
"""Twenty simulated seconds a second, a sample each second: a session takes about three seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When one round's SIGKILL comes.

    during: "start-up", "session" or "message" (after `action` came in for the `nth` time in this round). after_s: counted from there.
    twist: what the central system does to that message.  is_hurried: the session begins before the old ones are told.
    """

    during: str
    after_s: float
    action: str = "StartTransaction"
    nth: int = 1
    twist: Twist | None = None
    is_hurried: bool = False


def plans(chance: random.Random) -> Iterator[Plan]:
    """Plans for ever; every ten have the same mixture in another order."""
    while True:
        ten = [_any_time(chance) for _ in range(5)]
        ten += [_at_message(chance, None), _at_message(chance, None), _at_message(chance, Twist.SILENCE)]
        ten.append(Plan(during="start-up", after_s=chance.uniform(0.0, START_UP_S)))
        ten.append(_broken_link(chance))
        chance.shuffle(ten)
        yield from ten


def _any_time(chance: random.Random) -> Plan:
    return Plan(during="session", after_s=chance.uniform(0.0, SESSION_S), is_hurried=chance.random() < 0.25)


def _at_message(chance: random.Random, twist: Twist | None) -> Plan:
    action, nth = chance.choice(MESSAGES), chance.choice((1, 1, 2))
    return Plan(during="message", action=action, nth=nth, twist=twist, after_s=chance.choice((0.0, chance.uniform(0.0, 0.03))))


def _broken_link(chance: random.Random) -> Plan:
    """The connection breaks over a message that was taken; the kill comes before, during or after the new connection."""
    action = chance.choice(("StartTransaction", "MeterValues", "StopTransaction"))
    return Plan(during="message", action=action, twist=Twist.DROP_BEFORE, after_s=chance.uniform(0.0, 0.6))


@dataclass(frozen=True, slots=True)
class Fate:
    """How a transaction must end, as the disk says after a kill: the stop that is committed, else PowerLoss with the meter's register."""

    reason: str
    meter_stop_wh: int


class Lane:
    """See the module. After `run`, `picture` is the journal after the orderly end, `fates` what must have become of each transaction."""

    identity = "CP001"

    def __init__(self, folder: Path, seed: int, kills: int) -> None:
        self.folder = folder
        self.kills = 0
        self.picture = Picture({}, ())
        self.fates: dict[str, Fate] = {}
        self._wanted = kills
        self._chance = random.Random(seed)
        self._central = CentralSystem()
        self._config = Path()

    @property
    def station(self) -> Station:
        """The central system's record."""
        return self._central.station(self.identity)

    async def run(self) -> None:
        """Kill as often as wanted, then let everything be told and end in order. Errors say which kill it was."""
        plan: Plan | None = None
        try:
            async with self._central:
                self._config = write_overlay(Mode.REALTIME, self.folder, FAST, self._central.url)
                for _, plan in zip(range(self._wanted), plans(self._chance), strict=False):
                    await self._round(plan)
                plan = None
                await self._end_in_order()
        except BaseException as error:
            error.add_note(f"lane {self.folder.name}, after {self.kills} kills, plan {plan}; log:\n{log_tail(self.folder)}")
            raise

    async def _round(self, plan: Plan) -> None:
        boots = self.station.received["BootNotification"]
        self._central.policy = Policy()
        async with daemon_process(self._config, self.folder) as daemon:
            if plan.during == "start-up":
                await asyncio.sleep(plan.after_s)
            else:
                await daemon.until_ready()
                await self._work(daemon, plan, boots)
            daemon.kill()
        self.kills += 1
        self._look()

    async def _work(self, daemon: DaemonProcess, plan: Plan, boots: int) -> None:
        """Sessions until the moment has come; the kill is the very next thing done."""
        async with RpcClient(daemon.control) as client:
            await _check_contactors_open(client)
            if not plan.is_hurried:
                await self._settled(daemon, client, boots)
        due = self.station.received[plan.action] + plan.nth
        self._central.policy = _policy(plan, due)
        moment = asyncio.ensure_future(self._moment(plan, due))
        sessions = asyncio.gather(self._session(daemon, 1, 0.0), self._session(daemon, 2, self._chance.uniform(0.0, 0.8)))
        try:
            await asyncio.wait({moment, sessions}, return_when=asyncio.FIRST_COMPLETED)
            daemon.kill()
        finally:
            moment.cancel()
            sessions.cancel()
            results = await asyncio.gather(moment, sessions, return_exceptions=True)
        for error in results:
            if isinstance(error, Exception):
                raise error

    async def _moment(self, plan: Plan, due: int) -> None:
        if plan.during == "message":
            await self._central.until(lambda: self.station.received[plan.action] >= due)
        await asyncio.sleep(plan.after_s)

    async def _session(self, daemon: DaemonProcess, connector: int, delay_s: float) -> None:
        """A vehicle comes, charges for a sample or two and goes."""
        samples, ends_by_card = self._chance.choice((1, 2)), self._chance.random() < 0.8
        card = {"id_tag": f"CARD{connector}", "connectors": [connector]}
        await asyncio.sleep(delay_s)
        async with RpcClient(daemon.control) as hand:
            await hand.call("sim.plug_in", {"connector": connector, "ev": {"max_power_w": 50_000}})
            await hand.call("sim.swipe", card)
            await self._central.until(lambda: self._open(connector) is not None)
            await self._central.until(lambda: (one := self._open(connector)) is None or len(one.meter_values) > samples)
            if ends_by_card:
                await hand.call("sim.swipe", card)
                await self._central.until(lambda: self._open(connector) is None)
            await hand.call("sim.plug_out", {"connector": connector})
            await self._central.until(lambda: self._open(connector) is None)

    def _open(self, connector: int) -> Transaction | None:
        return next((one for one in self.station.open_transactions if one.connector == connector), None)

    async def _settled(self, daemon: DaemonProcess, client: RpcClient, boots: int) -> None:
        """Wait until this run is accepted and owes nothing; then nothing may be open or wrong at the central system."""
        async with asyncio.timeout(SETTLE_S), Facts(daemon.control, ["StopConfirmed"]) as confirmed:
            await self._central.until(lambda: self.station.received["BootNotification"] > boots)
            while await client.call("outbox.list", {}) or self.station.open_transactions:
                await confirmed.next()
        self._check_central()

    def _check_central(self) -> None:
        station = self.station
        assert (station.doubles, station.strays, station.problems) == ([], [], [])

    def _look(self) -> None:
        """What the killed process has left: what was there before is still there, and each transaction has one fate."""
        picture, registers = read_journal(self.folder / "chargerd.db"), read_registers(self.folder / "mock-meter.bin")
        assert picture.facts[: len(self.picture.facts)] == self.picture.facts, "committed facts are gone"
        assert picture.transactions.keys() >= self.picture.transactions.keys(), "a started transaction is gone"
        for local_id, stored in picture.transactions.items():
            fate = Fate("PowerLoss", registers[stored.connector])
            if not stored.is_running:
                fate = Fate(str(stored.reason), int(stored.meter_stop_wh or 0))
            assert fate.meter_stop_wh >= picture.last_register_wh(local_id), f"{local_id}: the register runs backwards"
            assert self.fates.setdefault(local_id, fate) == fate, f"{local_id} should have ended with {self.fates[local_id]}"
        self.picture = picture

    async def _end_in_order(self) -> None:
        boots = self.station.received["BootNotification"]
        self._central.policy = Policy()
        async with ready_daemon(self._config, self.folder) as (daemon, client):
            await self._settled(daemon, client, boots)
            assert await daemon.stop() == 0
        self._look()


def _policy(plan: Plan, due: int) -> Policy:
    if plan.twist is None:
        return Policy()
    return Policy(misbehaviours=(Misbehaviour(action=plan.action, twist=plan.twist, nth=due),))


async def _check_contactors_open(client: RpcClient) -> None:
    status = await client.call("station.status", {})
    assert isinstance(status, dict)
    assert [one["is_contactor_closed"] for one in status["connectors"]] == [False, False]
