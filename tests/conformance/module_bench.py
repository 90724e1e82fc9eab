"""Power modules of any family on a CAN bus in memory with their driver, as a test sees them: what they deliver, and how they fail.

What a frame means to a module is the simulated peer's word; what a module is and does is said here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hal.mock.peers.can_modules import CanModulesPeer, Module, Rating
from hal.mock.peers.infypower import InfypowerModules
from hal.mock.peers.infypower_beg import InfypowerBegModules
from hal.mock.peers.protocol_060 import Protocol060Modules
from hal.mock.peers.uugreen import UuGreenModules
from hal.power.can_modules import CanModules
from hal.power.infypower_beg import InfypowerBeg
from hal.power.infypower_v113 import InfypowerV113
from hal.power.protocol_060 import Protocol060
from hal.power.uugreenpower import UuGreenPower
from hal.types import ModuleTelemetry, Setpoint
from hal.wire.protocol_060_map import Variant
from tests.conformance.links import CanWire, Quality, Supervised, now_s

CUT_OFF_S = 10.0
SOUND = Rating(1000.0, 100.0, 30_000.0)
MAD = Rating(22_861.0, 10_000.0, 10_000_000.0)


@dataclass(frozen=True)
class Family:
    """A driver and how its modules are simulated."""

    driver: type[Any]
    peer: type[CanModulesPeer]
    options: Mapping[str, object] = field(default_factory=dict)
    has_groups: bool = True
    has_ranges: bool = False
    most: int = 60


FAMILIES: dict[str, Family] = {
    "infypower-v113": Family(InfypowerV113, InfypowerModules),
    "infypower-beg": Family(InfypowerBeg, InfypowerBegModules, has_groups=False, most=1),
    "winline": Family(Protocol060, Protocol060Modules),
    "uxr": Family(Protocol060, Protocol060Modules, {"variant": Variant.UXR}),
    "scu": Family(Protocol060, Protocol060Modules, {"variant": Variant.SCU}, has_groups=False, has_ranges=True),
    "uugreenpower": Family(UuGreenPower, UuGreenModules, {"max_power_w": SOUND.max_power_w}, has_ranges=True),
}


class BenchModule(Module):
    """Delivers what it was told, and cuts off after ten seconds without a controller, until it is switched on again."""

    def __init__(self, address: int, group: int = 0) -> None:
        super().__init__(address, group, 81807000000 + address)
        self.is_deaf = False
        self.is_mad = False
        self.has_failed = False
        self.alarms: frozenset[str] = frozenset()
        self.heard_at_s = 0.0
        self.cut_off_s = CUT_OFF_S
        self.told_at_s: list[float] = []
        self.begun_with: list[Setpoint] = []
        self.ranges: list[tuple[float, bool, bool]] = []  # when, whether the low one, whether while on

    @property
    def has_cut_off(self) -> bool:
        return now_s() - self.heard_at_s >= self.cut_off_s

    @property
    def delivers(self) -> Setpoint:
        is_on = self.is_on and not self.has_failed and not self.has_cut_off
        return Setpoint(self.voltage_v, self.current_a) if is_on else Setpoint()


class _Physics(CanModulesPeer):
    """The outlet is taken out from under a peer: only its words are left."""

    def __init__(self) -> None:
        self.was_driven = False

    def drive(self) -> None:
        self.was_driven = True

    def select_range(self, module: Module, *, is_low: bool) -> bool:
        assert isinstance(module, BenchModule)
        module.ranges.append((now_s(), is_low, module.is_on))
        return super().select_range(module, is_low=is_low)

    def measured(self, module: Module) -> tuple[float, float]:
        assert isinstance(module, BenchModule)
        return module.delivers.voltage_v, 1.9e8 if module.is_mad else module.delivers.current_a

    def limits(self) -> Rating:
        return self.rating

    def alarms(self, module: Module) -> frozenset[str]:
        assert isinstance(module, BenchModule)
        return module.alarms

    def is_off(self, module: Module) -> bool:
        assert isinstance(module, BenchModule)
        return module.has_failed or not module.is_on

    def temperature_c(self) -> float:
        return 40.0

    rating = SOUND


class Rack:
    """Modules on a bus with one driver."""

    def __init__(self, family: Family, quality: Quality, *modules: BenchModule, **options: Any) -> None:
        self.bus = CanWire(quality)
        self.bus.peer = self._hear
        self.modules = {module.address: module for module in modules}
        self._words = type("Words", (_Physics, family.peer), {})()
        given = {"cut_off_s": CUT_OFF_S, **family.options, **options}
        if "group" not in given:
            given["addresses"] = tuple(self.modules)
        self.options = family.driver.Options(**given)
        self._words.adjust(self.options)
        self.driver: CanModules = family.driver("psu1", self.options, self.bus)

    def _hear(self, identifier: int, data: bytes) -> None:
        for module in self.modules.values():
            if self._words.is_question(identifier) and self._words.is_addressed(identifier, module) and not module.is_deaf:
                self._let_answer(identifier, data, module)

    def _let_answer(self, identifier: int, data: bytes, module: BenchModule) -> None:
        module.is_on = module.is_on and not module.has_cut_off
        was_on, module.heard_at_s = module.is_on, now_s()
        self._words.was_driven = False
        self._words.rating = MAD if module.is_mad else SOUND
        for frame in self._words.answer(identifier, data, module):
            self.bus.say(*frame)
        if self._words.was_driven:
            module.told_at_s.append(now_s())
        if module.is_on and not was_on:
            module.begun_with.append(Setpoint(module.voltage_v, module.current_a))

    def replay(self) -> None:
        """Let the modules hear everything again that the driver sent, over a bus that loses nothing."""
        self.bus.quality = Quality()
        for _, identifier, data in list(self.bus.sent):
            self._hear(identifier, data)

    @property
    def total_a(self) -> float:
        return sum(module.delivers.current_a for module in self.modules.values())

    async def deliver(self, wish: Setpoint, duration_s: float) -> None:
        """Renew the wish every half second, as the daemon does."""
        until_s = now_s() + duration_s
        while now_s() < until_s:
            self.driver.apply(wish)
            await asyncio.sleep(0.5)


def rack_of(family: Family, quality: Quality, count: int, **options: Any) -> Rack:
    """So many modules, or as many as the family may have."""
    return Rack(family, quality, *(BenchModule(address) for address in range(1, min(count, family.most) + 1)), **options)


def telemetry(run: Supervised) -> list[ModuleTelemetry]:
    return [reading for reading in run.values if isinstance(reading, ModuleTelemetry)]
