"""Mock devices: every port of the hardware as a view on the plant.

Each device emits its present state once when it starts, then on change, every second while a vehicle is plugged in, and every half
minute at rest. A device that is made to fail does so as a driver would: silence first, then `DeviceUnavailable` out of `run`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Generic, TypeVar

from hal.errors import DeviceUnavailable, WireError
from hal.mock.mock_io import MockIo as MockIo
from hal.mock.outlet import Outlet
from hal.mock.outlet_fields import insulation_fields, lock_fields, meter_fields, power_fields, vehicle_fields
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
    SeccOutput,
    Setpoint,
    TokenRead,
)

_IN_USE_S = 0.99  # a little less than the second of the plant's slow period
_AT_REST_S = 29.9
_SOON_S = 1e-6  # below the resolution of a clock: a deadline so near has come


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
class InsulationOptions(OutletOptions):
    """`alarm_ohm`: below it the verdict is unsafe (100 kOhm by IEC 61851-23)."""

    alarm_ohm: Annotated[float, Range(1000.0, 1e6, "ohm")] = 100_000.0


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
                while self._late and self._late[0][0] <= now_s + _SOON_S:
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
            if left_s <= _SOON_S:
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


R = TypeVar("R", EvRequest, ModuleTelemetry, MeterReading, InsulationReading, LockState)


class OutletDevice(MockDevice, Generic[R]):
    """A device of one connector, which shows one kind of reading."""

    def __init__(self, name: str, options: OutletOptions, bus: PlantBus) -> None:
        super().__init__(name, options.silence_s, bus)
        self._connector = options.connector
        try:
            self._outlet: Outlet = bus.plant.outlet(options.connector)
        except ValueError as error:
            raise DeviceUnavailable(f"{name}: {error}; set `outlets` of {bus.name} accordingly") from None
        self._emitted: tuple[float, R] | None = None

    @abstractmethod
    def _read(self) -> R:
        """The present state."""

    def _differs(self, old: R, new: R) -> bool:
        return old != new

    def _start(self) -> None:
        self._emitted = None

    def _due(self, now_s: float) -> list[Reading]:
        reading = self._read()
        if self._emitted is not None:
            emitted_s, old = self._emitted
            period_s = _IN_USE_S if not self._outlet.is_idle else _AT_REST_S
            if now_s - emitted_s < period_s and not self._differs(old, reading):
                return []
        self._emitted = (now_s, reading)
        return [reading]


class MockMeter(OutletDevice[MeterReading]):
    """The energy meter at the output terminal."""

    Options = OutletOptions

    def _read(self) -> MeterReading:
        outlet = self._outlet
        return MeterReading(outlet.register_wh, outlet.power_w, outlet.outlet_voltage_v, outlet.current_a)

    def _differs(self, old: MeterReading, new: MeterReading) -> bool:
        # Meters are polled about once a second: only what a person would call a change is told sooner.
        return abs((new.current_a or 0.0) - (old.current_a or 0.0)) > 5.0 or abs((new.voltage_v or 0.0) - (old.voltage_v or 0.0)) > 20.0

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """Its register."""
        return meter_fields(self._outlet)


class MockPower(OutletDevice[ModuleTelemetry]):
    """The power modules."""

    Options = DrivenOptions

    def __init__(self, name: str, options: DrivenOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus)
        self._level = _Level(Setpoint(), options.ttl_s)

    def apply(self, output: Setpoint) -> None:
        """Take the wanted voltage and current."""
        if self._level.apply(output) and self._hears:
            self._bus.advance()
            self._outlet.setpoint = output
            self._bus.poke()

    def _due(self, now_s: float) -> list[Reading]:
        self._outlet.setpoint = self._level.at(now_s)
        return super()._due(now_s)

    def _next_s(self, now_s: float) -> float | None:
        return self._level.left_s(now_s)

    def _stop(self) -> None:
        self._bus.advance()
        self._outlet.setpoint = Setpoint()

    def _read(self) -> ModuleTelemetry:
        return self._outlet.telemetry()

    def _differs(self, old: ModuleTelemetry, new: ModuleTelemetry) -> bool:
        return (
            abs(new.voltage_v - old.voltage_v) > 2.0
            or abs(new.current_a - old.current_a) > 1.0
            or (new.max_current_a, new.modules_present, new.alarms) != (old.max_current_a, old.modules_present, old.alarms)
            or abs((new.temperature_c or 0.0) - (old.temperature_c or 0.0)) > 2.0
        )

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """Temperature, modules, alarms."""
        return power_fields(self._outlet)


def _is_news(before: SeccOutput, after: SeccOutput) -> bool:
    """The vehicle would react at once; what is measured and small changes of a limit can wait for the plant's next step."""
    words = ("is_enabled", "authorization", "wants_stop", "isolation", "max_voltage_v")
    return abs(before.max_current_a - after.max_current_a) > 2.0 or any(getattr(before, w) != getattr(after, w) for w in words)


class MockSecc(OutletDevice[EvRequest]):
    """The vehicle as its SECC tells it."""

    Options = DrivenOptions

    def __init__(self, name: str, options: DrivenOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus)
        self._level = _Level(SeccOutput(), options.ttl_s)

    def apply(self, output: SeccOutput) -> None:
        """Take what the vehicle is to be told."""
        if self._level.apply(output) and self._hears:
            before = self._outlet.told
            self._bus.advance()
            self._outlet.told = output
            if _is_news(before, output):
                self._bus.poke()

    def _due(self, now_s: float) -> list[Reading]:
        self._outlet.told = self._level.at(now_s)
        return super()._due(now_s)

    def _next_s(self, now_s: float) -> float | None:
        return self._level.left_s(now_s)

    def _stop(self) -> None:
        self._bus.advance()
        self._outlet.told = SeccOutput()

    def _read(self) -> EvRequest:
        return self._outlet.request()

    def _differs(self, old: EvRequest, new: EvRequest) -> bool:
        exact = (new.control_pilot, new.phase, new.is_contactor_wanted, new.wants_stop, new.is_emergency)
        return (
            exact != (old.control_pilot, old.phase, old.is_contactor_wanted, old.wants_stop, old.is_emergency)
            or abs(new.target_voltage_v - old.target_voltage_v) > 0.5
            or abs(new.target_current_a - old.target_current_a) > 0.5
        )

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """State of charge."""
        return vehicle_fields(self._outlet)


class MockInsulation(OutletDevice[InsulationReading]):
    """The insulation monitor of one output."""

    Options = InsulationOptions

    def __init__(self, name: str, options: InsulationOptions, bus: PlantBus) -> None:
        super().__init__(name, options, bus)
        self._alarm_ohm = options.alarm_ohm

    def _read(self) -> InsulationReading:
        resistance_ohm = self._outlet.insulation_ohm
        return InsulationReading(resistance_ohm >= self._alarm_ohm, resistance_ohm)

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The resistance."""
        return insulation_fields(self._outlet)


class MockLock(OutletDevice[LockState]):
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
        """Whether it is jammed."""
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


T = TypeVar("T")


class _Level(Generic[T]):
    """The wanted level with its time to live."""

    def __init__(self, safe: T, ttl_s: float) -> None:
        self._safe = safe
        self._wanted = safe
        self._ttl_s = ttl_s
        self._lapses_s = 0.0

    def apply(self, wanted: T) -> bool:
        """Take a level, or refresh it; True when it is another one."""
        self._lapses_s = asyncio.get_running_loop().time() + self._ttl_s
        is_new = wanted != self._wanted
        self._wanted = wanted
        return is_new

    def at(self, now_s: float) -> T:
        """The level that holds now."""
        if now_s >= self._lapses_s - _SOON_S:
            self._wanted = self._safe
        return self._wanted

    def left_s(self, now_s: float) -> float | None:
        """Seconds until the level lapses; None when it is the safe one."""
        return None if self._wanted == self._safe else max(0.0, self._lapses_s - now_s)
