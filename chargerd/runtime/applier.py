"""Levels to devices: the last wanted value of each, passed on when it changes and again before it grows old."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chargerd.core.ids import ConnectorId
from chargerd.core.outputs import Outputs
from chargerd.runtime.pace import to_next_s
from hal.ports import ConnectorLock, Indicator, PowerSupply, Secc
from hal.types import Flow, Talk

REFRESH_S = 0.5
"""Well inside the time to live that drivers give a level."""


class GatePort(Protocol):
    """Who has the last word on contactors."""

    def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
        """Take a wish; opening acts at once."""

    def renew(self, flows: Mapping[int, Flow]) -> None:
        """Renew the lease: the daemon is alive, has just decided something, and measures this at each output."""


@dataclass(frozen=True, slots=True)
class Actuators:
    """The devices of one connector that take a level; AC has no power modules."""

    power: PowerSupply | None
    secc: Secc
    lock: ConnectorLock | None = None
    indicator: Indicator | None = None


class Applier:
    """One latest-value slot per device. `apply` returns at once and never dispatches."""

    def __init__(self, actuators: Mapping[ConnectorId, Actuators], gate: GatePort) -> None:
        self._actuators = actuators
        self._gate = gate
        self._levels: dict[ConnectorId, Outputs] = {}
        self.is_energising = asyncio.Event()  # a contactor is wished closed, or modules are asked for a voltage
        self._is_in_use = asyncio.Event()  # somebody's level would be missed if it lapsed

    def apply(self, connector: ConnectorId, level: Outputs) -> None:
        """Pass a level on: what removes energy first, what adds it last."""
        devices, before = self._actuators[connector], self._levels.get(connector)
        self._levels[connector] = level
        if not level.contactor:
            self._gate.wish(connector, is_closed=False)
        if devices.power is not None and (before is None or level.setpoint != before.setpoint):
            devices.power.apply(level.setpoint)
        if devices.power is not None and level.talk is not (Talk.FREE if before is None else before.talk):
            devices.power.limit_talk(level.talk)
        if before is None or level.secc != before.secc:
            devices.secc.apply(level.secc)
        if devices.lock is not None and (before is None or (level.lock, level.lock_attempt) != (before.lock, before.lock_attempt)):
            devices.lock.apply(level.lock)
        if devices.indicator is not None and (before is None or level.indicator != before.indicator):
            devices.indicator.apply(level.indicator)
        if level.contactor:
            self._gate.wish(connector, is_closed=True)
        _set(self.is_energising, any(one.contactor or one.setpoint.is_on for one in self._levels.values()))
        _set(self._is_in_use, any(one.contactor or one.setpoint.is_on or one.secc.is_enabled for one in self._levels.values()))

    async def run(self) -> None:
        """Say every level again while a vehicle is there, so that a driver's time to live is for a hung daemon only."""
        while True:
            await self._is_in_use.wait()
            for connector, level in self._levels.items():
                devices = self._actuators[connector]
                if devices.power is not None:
                    devices.power.apply(level.setpoint)
                devices.secc.apply(level.secc)
            await asyncio.sleep(to_next_s(REFRESH_S, asyncio.get_running_loop().time()))


def _set(event: asyncio.Event, is_so: bool) -> None:
    if is_so:
        event.set()
    else:
        event.clear()
