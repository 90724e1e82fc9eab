"""Customers who charge, one after the other, at one connector of a station whose devices may fail at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from chargerd.core.events import ClearFault
from chargerd.core.facts import ConnectorStatus
from chargerd.core.ids import ConnectorId
from chargerd.core.view import ConnectorView
from chargerd.sim.rig import Rig
from tests.soak.outages import Outages

_LOOK_S = 0.25
_PATIENCE_S = 30.0
_LONGEST_S = 60.0
_ANSWER_S = 5.0


class Customers:
    """`run` serves one after the other until cancelled; `charged` counts those who got energy, `problems` are sentences."""

    def __init__(self, stage: Rig, connector: ConnectorId, random: Random, outages: Outages, turn: asyncio.Lock) -> None:
        self._stage = stage
        self._outages = outages
        self._turn = turn  # at the one reader: a card means the vehicle that waits
        self._connector = connector
        self._random = random
        self._card = f"04A2B1C{connector}"
        self._is_plugged = False
        self.charged = 0
        self.cleared: list[str] = []
        self.problems: list[str] = []

    async def run(self) -> None:
        """Plug, swipe, charge a while, swipe (or just pull), pull, and the next."""
        while True:
            if await self._until(lambda view: view.status.status is ConnectorStatus.AVAILABLE, _PATIENCE_S):
                await self._one()
            self._clear_latched()
            await asyncio.sleep(self._random.uniform(0.5, 3.0))

    async def _one(self) -> None:
        began_s = asyncio.get_running_loop().time()
        try:
            async with self._turn:
                await self._arrive()
            if await self._until(lambda view: view.status.status is ConnectorStatus.CHARGING, _PATIENCE_S):
                self.charged += 1
                stays_s = self._random.uniform(10.0, _LONGEST_S)
                await self._until(lambda view: view.transaction is None, stays_s)
            elif not self._outages.has_touched(self._connector, began_s):
                self.problems.append(f"connector {self._connector} did not charge from {began_s:.1f} s on, though nothing was ill")
            running = self._view().transaction
            if running is not None and running.id_tag == self._card and self._random.random() < 0.7:
                await self._do("swipe", {"id_tag": self._card})
                await self._until(lambda view: view.transaction is None, 10.0)
        finally:
            if self._is_plugged:
                self._is_plugged = False
                await self._do("plug_out", {"connector": int(self._connector)})

    async def _arrive(self) -> None:
        await self._do("plug_in", {"connector": int(self._connector), "ev": {"soc_percent": self._random.uniform(10, 40)}})
        self._is_plugged = True
        await asyncio.sleep(self._random.uniform(0.0, 2.0))
        await self._do("swipe", {"id_tag": self._card})
        await self._until(lambda view: view.transaction is not None, _ANSWER_S)

    async def _until(self, holds: Callable[[ConnectorView], bool], within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while not holds(self._view()):
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            return False
        return True

    async def _do(self, word: str, arguments: dict[str, object]) -> None:
        await self._stage.simulate(word, arguments)

    def _view(self) -> ConnectorView:
        return next(view for view in self._stage.daemon.reactor.view().connectors if view.connector == self._connector)

    def _clear_latched(self) -> None:
        """What a technician would do, once the cause is gone."""
        for fault in self._view().faults:
            if fault.is_latched and self._stage.dispatch(ClearFault(self._connector, fault.code)).is_accepted:
                self.cleared.append(fault.code)
