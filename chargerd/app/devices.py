"""From the configured devices to running ones: construction, supervision, and readings turned into the core's events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chargerd.core.events import (
    DeviceBack,
    DeviceLost,
    Event,
    EvUpdated,
    InsulationUpdated,
    LockUpdated,
    MeterUpdated,
    Role,
    SupplyUpdated,
    TokenPresented,
)
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.runtime.supervise import supervise
from hal.ports import Device, Watchable
from hal.types import EvRequest, InsulationReading, LockState, MeterReading, ModuleTelemetry, Reading, TokenRead

BACK_AFTER_S = 2.0
"""A quiet device (a reader without a card) that has run this long is there, or back after a loss; any other has to say something."""

QUIET = (Role.READER, Role.INDICATOR, Role.IO)
"""Devices that may have nothing to say for days."""

_SHARED = (Role.READER, Role.IO)
"""Devices of the station as a whole."""


def event_of(connector: ConnectorId, reading: Reading) -> Event:
    """A reading of a connector's device as the event that the core knows. Raises TypeError for a reading of no connector."""
    match reading:
        case EvRequest():
            return EvUpdated(connector, reading)
        case ModuleTelemetry():
            return SupplyUpdated(connector, reading)
        case MeterReading():
            return MeterUpdated(connector, reading)
        case InsulationReading():
            return InsulationUpdated(connector, reading)
        case LockState():
            return LockUpdated(connector, reading)
    raise TypeError(f"{type(reading).__name__} belongs to no connector")


@dataclass(slots=True)
class DeviceRunner:
    """One device with what it serves. `is_available`: None until it has spoken or failed for the first time.

    is_board: the gate owns lines of it, so it has to outlive the gate.
    """

    device: Device
    role: Role
    connectors: tuple[ConnectorId, ...]
    dispatch: Callable[[Event], object]
    driver: str = ""
    bus: str | None = None
    is_board: bool = False
    is_available: bool | None = None
    detail: str = ""
    last_reading: Reading | None = None
    last_reading_s: float | None = None
    _listeners: list[Callable[[Reading], None]] = field(default_factory=list, repr=False)
    _recovery: asyncio.TimerHandle | None = field(default=None, repr=False)

    async def run(self) -> None:
        """Run the device for ever."""
        await supervise(self.device.name, self._run_once, self._lost)

    def listen(self, listener: Callable[[Reading], None]) -> Callable[[], None]:
        """Call `listener` with each reading from now on; returns what ends it. A card goes to who listens instead of to the core."""
        self._listeners.append(listener)
        self._watch()

        def end() -> None:
            self._listeners.remove(listener)
            self._watch()

        return end

    def _watch(self) -> None:
        if isinstance(self.device, Watchable):
            self.device.watch(is_watched=bool(self._listeners))

    async def _run_once(self) -> None:
        if self.is_available is not True and self.role in QUIET:
            self._recovery = asyncio.get_running_loop().call_later(BACK_AFTER_S, self._back)
        try:
            await self.device.run(self._emit)
        finally:
            if self._recovery is not None:
                self._recovery.cancel()
                self._recovery = None

    def _emit(self, reading: Reading) -> None:
        self._back()
        self.last_reading = reading
        self.last_reading_s = asyncio.get_running_loop().time()
        listeners = tuple(self._listeners)
        for listener in listeners:
            listener(reading)
        if isinstance(reading, TokenRead):
            if listeners:
                return
            chosen = tuple(ConnectorId(c) for c in reading.connectors) or self.connectors
            self.dispatch(TokenPresented(IdTag(reading.id_tag), chosen, self.device.name))
            return
        for connector in self.connectors:
            self.dispatch(event_of(connector, reading))

    def _back(self) -> None:
        was_lost, self.is_available, self.detail = self.is_available is False, True, ""
        if was_lost:
            for connector in self._faulty():
                self.dispatch(DeviceBack(connector, self.role, self.device.name))

    def _lost(self, detail: str) -> None:
        if self.is_available is not False:
            for connector in self._faulty():
                self.dispatch(DeviceLost(connector, self.role, self.device.name, detail))
        self.is_available, self.detail = False, detail

    def _faulty(self) -> Iterable[ConnectorId]:
        """Where a loss shows: at the connectors served, or at the station for what all of them share."""
        return (STATION,) if self.role in _SHARED else self.connectors
