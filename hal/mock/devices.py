"""Mock devices: every port of the hardware as a view on the plant. Those of one kind of current are in `dc_devices.py`, `ac_devices.py`.

Each device emits its present state once when it starts, then on change, every second while a vehicle is plugged in, and every half
minute at rest. A device that is made to fail does so as a driver would: silence first, then `DeviceUnavailable` out of `run`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar, cast

from hal.errors import DeviceUnavailable, WireError
from hal.mock.level import SOON_S, Level
from hal.mock.outlet import Outlet
from hal.mock.outlet_fields import lock_fields
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import Steered
from hal.ports import Emit
from hal.types import (
    EvRequest,
    InsulationReading,
    LockState,
    MeterReading,
    ModuleTelemetry,
    Range,
    Reading,
    TokenRead,
)

IN_USE_S = 0.99  # a little less than the second of the plant's slow period
_AT_REST_S = 29.9


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletOptions:
    """A device of one connector. `silence_s`: how long it keeps trying before it says that the hardware does not answer."""

    connector: Annotated[int, Range(1, 32)]
    silence_s: Annotated[float, Range(0.0, 60.0, "s")] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenOptions(OutletOptions):
    """`ttl_s`: a level that is not refreshed for so long becomes the safe one."""

    ttl_s: Annotated[float, Range(0.1, 60.0, "s")] = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderOptions:
    """A card reader; it belongs to no outlet of the plant."""

    silence_s: Annotated[float, Range(0.0, 60.0, "s")] = 1.0


class MockDevice(Steered):
    """The loop that all mock devices share: look at the plant, emit what is due, fail when told to."""

    bus_kind: ClassVar[str | None] = "plant"

    def __init__(self, name: str, silence_s: float, bus: PlantBus) -> None:
        super().__init__(name, bus.poke)
        self._bus = bus
        self._silence_s = silence_s
        self._late: deque[tuple[float, Reading]] = deque()
        self._is_running = False

    @property
    def _hears(self) -> bool:
        """What is applied reaches the hardware at once."""
        return self._is_running and self.health.is_online and not self.health.is_corrupt

    async def run(self, emit: Emit) -> None:
        """Emit until cancelled. Raises DeviceUnavailable or WireError when it is made to misbehave."""
        await self._bus.opened()
        self._late.clear()
        self._start()
        self._is_running = True
        try:
            while True:
                await self._fail_if_told()
                now_s = asyncio.get_running_loop().time()
                self._bus.advance()
                for reading in self._due(now_s):
                    self._late.append((now_s + self.health.delay_s, reading))
                while self._late and self._late[0][0] <= now_s + SOON_S:
                    emit(self._late.popleft()[1])
                deadlines = (self._next_s(now_s), self._late[0][0] - now_s if self._late else None)
                await self._bus.next_look(min((left_s for left_s in deadlines if left_s is not None), default=None))
        finally:
            self._is_running = False
            self._stop()

    async def _fail_if_told(self) -> None:
        if self.health.is_online and not self.health.is_corrupt:
            return
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._silence_s
        while not self.health.is_online or self.health.is_corrupt:
            left_s = until_s - loop.time()
            if left_s <= SOON_S:
                break
            await self._bus.next_look(left_s)
        if not self.health.is_online:
            raise DeviceUnavailable(f"{self.name}: no answer for {self._silence_s:g} s")
        if self.health.is_corrupt:
            raise WireError(f"{self.name}: answers cannot be understood")

    @abstractmethod
    def _due(self, now_s: float) -> list[Reading]:
        """What is to be emitted now."""

    def _next_s(self, now_s: float) -> float | None:
        """Seconds until it must look again, should the plant not change before."""
        return None

    def _start(self) -> None:
        """Begin afresh."""

    def _stop(self) -> None:
        """Drive the safe level."""


AnOutlet = TypeVar("AnOutlet", bound=Outlet)
R = TypeVar("R", EvRequest, ModuleTelemetry, MeterReading, InsulationReading, LockState)


class OutletDevice(MockDevice, Generic[AnOutlet, R]):
    """A device of one connector, which shows one kind of reading. `outlet_class`: the kind of outlet it fits."""

    outlet_class: ClassVar[type[Any]] = Outlet

    def __init__(self, name: str, options: OutletOptions, bus: PlantBus) -> None:
        super().__init__(name, options.silence_s, bus)
        try:
            self._outlet = cast("AnOutlet", bus.plant.outlet_of(options.connector, self.outlet_class))
        except ValueError as error:
            raise DeviceUnavailable(f"{name}: {error}; see `outlets` and `kind` of {bus.name}") from None
        self._emitted: tuple[float, R] | None = None

    @abstractmethod
    def _read(self) -> R:
        """The present state."""

    def _differs(self, old: R, new: R) -> bool:
        return old != new

    def _period_s(self) -> float:
        """The longest silence."""
        return _AT_REST_S if self._outlet.is_idle else IN_USE_S

    def _start(self) -> None:
        self._emitted = None

    def _due(self, now_s: float) -> list[Reading]:
        return self._news(now_s)

    def _news(self, now_s: float) -> list[Reading]:
        """The present state, where it has changed or was told long ago."""
        reading = self._read()
        if self._emitted is not None:
            emitted_s, old = self._emitted
            if now_s - emitted_s < self._period_s() and not self._differs(old, reading):
                return []
        self._emitted = (now_s, reading)
        return [reading]


L = TypeVar("L")


class DrivenDevice(OutletDevice[AnOutlet, R], Generic[AnOutlet, R, L]):
    """A device that is also told something: it passes its level on to the outlet while it hears, and the safe one when it leaves."""

    def __init__(self, name: str, options: DrivenOptions, bus: PlantBus, safe: L) -> None:
        super().__init__(name, options, bus)
        self._safe = safe
        self._level = Level(safe, options.ttl_s)

    def apply(self, output: L) -> None:
        """Take the wanted level."""
        if self._level.apply(output) and self._hears:
            self._bus.advance()
            if self._tell(output):
                self._bus.poke()

    @abstractmethod
    def _tell(self, level: L) -> bool:
        """Let the outlet have it. Returns whether something may change at once."""

    def _due(self, now_s: float) -> list[Reading]:
        self._tell(self._level.at(now_s))
        return super()._due(now_s)

    def _next_s(self, now_s: float) -> float | None:
        return self._level.left_s(now_s)

    def _stop(self) -> None:
        self._bus.advance()
        self._tell(self._safe)


class MockLock(OutletDevice[Outlet, LockState]):
    """A lock motor with its feedback; it keeps its position when nobody drives it."""

    Options = OutletOptions

    def apply(self, output: bool) -> None:
        """True: lock, False: unlock."""
        if self._outlet.is_lock_wanted is not output:
            self._outlet.is_lock_wanted = output
            self._bus.poke()

    def _read(self) -> LockState:
        return self._outlet.lock_state

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """What is in the bolt's way."""
        return lock_fields(self._outlet)


class MockReader(MockDevice):
    """A card reader; cards come by `swipe`."""

    Options = ReaderOptions

    def __init__(self, name: str, options: ReaderOptions, bus: PlantBus) -> None:
        super().__init__(name, options.silence_s, bus)
        self._cards: list[Reading] = []

    @property
    def is_reader(self) -> bool:
        """Cards can be put before it."""
        return True

    def swipe(self, id_tag: str, connectors: tuple[int, ...]) -> None:
        """Put a card before it; a reader that is away does not see it."""
        if self.health.is_online and not self.health.is_corrupt:
            self._cards.append(TokenRead(id_tag, connectors))
            self._bus.poke()

    def _start(self) -> None:
        self._cards.clear()

    def _due(self, now_s: float) -> list[Reading]:
        cards, self._cards = self._cards, []
        return cards
