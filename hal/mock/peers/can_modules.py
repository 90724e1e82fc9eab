"""Power modules on a CAN bus, whatever they speak: all modules of one connector, which share what its outlet gives."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hal.bus.can import CanLink
from hal.mock.dc_fields import power_fields
from hal.mock.dc_outlet import DcOutlet
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import flag
from hal.power.module_options import ModuleOptions
from hal.types import ModuleAlarm, Setpoint
from hal.wire.can_frame import CanFrame

LOW_RANGE_V = 500.0
CUT_OFF_S = 10.0


@dataclass(slots=True)
class Module:
    """What one module was told."""

    address: int
    group: int
    serial: int
    is_on: bool = False
    voltage_v: float = 0.0
    current_a: float = 0.0
    is_low_range: bool = False


@dataclass(frozen=True, slots=True)
class Rating:
    """What one module can give."""

    max_voltage_v: float
    max_current_a: float
    max_power_w: float


class CanModulesPeer(Peer):
    """Answers reads and commands of each module; after `cut_off_s` without a word of the controller all outputs go off.

    Steerable beside the outlet's fields: `duplicate_address`, a second module that answers to the first one's address, with a serial number
    of its own.
    """

    def __init__(
        self,
        name: str,
        addresses: tuple[int, ...],
        connector: int,
        link: CanLink,
        plant: PlantBus,
        *,
        group: int = 0,
        cut_off_s: float = CUT_OFF_S,
    ) -> None:
        super().__init__(name, plant)
        self._link = link
        self._outlet = plant.plant.outlet_of(connector, DcOutlet)
        self._modules = tuple(Module(address, group, 81807000000 + address) for address in addresses)
        self._double: Module | None = None
        self._cut_off_s = cut_off_s
        self._heard_at_s = 0.0

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> CanModulesPeer:
        """The modules of one connector on their bus. Those of a group get the addresses after those of the connectors before it."""
        options, connector = device.options_as(ModuleOptions), wires.connector(device)
        first = options.first_address + (connector - 1) * options.expected
        addresses = options.addresses or tuple(range(first, first + options.expected))
        peer = cls(device.name, addresses, connector, wires.can_of(device), wires.plant, group=options.group or 0)
        peer.adjust(options)
        return peer

    def adjust(self, options: ModuleOptions) -> None:
        """Take what the family's own options say of the modules."""

    async def run(self) -> None:
        """Serve the bus."""
        await self._link.ready()
        loop = asyncio.get_running_loop()
        self._heard_at_s = loop.time()
        end_subscription = self._link.subscribe(self.is_question, self._on_frame)
        self.is_serving.set()
        try:
            while True:
                left_s = self._heard_at_s + self._cut_off_s - loop.time()
                if left_s <= 0.0:
                    self._cut_off()
                    left_s = self._cut_off_s
                await asyncio.sleep(max(0.01, left_s))
        finally:
            end_subscription()
            self._cut_off()

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """What `power_fields` tells, and a second module on one address."""

        def duplicate_address(value: object) -> None:
            self._double = replace(self._modules[0], serial=self._modules[0].serial + 1) if flag(value) else None

        return {**power_fields(self._outlet), "duplicate_address": duplicate_address}

    # --- what a family says -----------------------------------------------------------------------------------------------------------

    @abstractmethod
    def is_question(self, identifier: int) -> bool:
        """The controller says something to a module of this family."""

    @abstractmethod
    def is_addressed(self, identifier: int, module: Module) -> bool:
        """It says it to this one."""

    @abstractmethod
    def answer(self, identifier: int, data: bytes, module: Module) -> Sequence[CanFrame]:
        """Do what is asked of a module. Returns what it says."""

    # --- what a family may ask of its modules -----------------------------------------------------------------------------------------

    def switch(self, module: Module, *, is_on: bool) -> None:
        """Switch the output of a module."""
        module.is_on = is_on
        self.drive()

    def select_range(self, module: Module, *, is_low: bool) -> bool:
        """Change the range of a module. Returns whether it did: not while its output is on."""
        if module.is_on:
            return False
        module.is_low_range = is_low
        return True

    def drive(self) -> None:
        """Have the outlet give what all modules together are told."""
        running = [module for module in self._modules if module.is_on and not self._has_failed(module)]
        voltages_v = [min(module.voltage_v, LOW_RANGE_V) if module.is_low_range else module.voltage_v for module in running]
        setpoint = Setpoint(max(voltages_v, default=0.0), sum(module.current_a for module in running))
        if setpoint != self._outlet.setpoint:
            self.plant.advance()
            self._outlet.setpoint = setpoint if setpoint.is_on else Setpoint()
            self.plant.poke()

    def measured(self, module: Module) -> tuple[float, float]:
        """Voltage and current of a module; a current that none was told to give is everybody's."""
        telemetry = self._outlet.telemetry()
        running = sum(1 for one in self._modules if one.is_on)
        is_sharing = module.is_on or not running
        return telemetry.voltage_v, max(0.0, telemetry.current_a) / (running or len(self._modules)) if is_sharing else 0.0

    def limits(self) -> Rating:
        """What one module can give."""
        limits, count = self._outlet.limits, len(self._modules)
        return Rating(limits.max_voltage_v, limits.max_current_a / count, limits.max_power_w / count)

    def alarms(self, module: Module) -> frozenset[str]:
        """What is wrong with a module."""
        alarms = self._outlet.telemetry().alarms - {ModuleAlarm.MODULE_FAULT}
        alarms |= {ModuleAlarm.MODULE_FAULT} if self._has_failed(module) else set()
        return alarms | {ModuleAlarm.DUPLICATE_ADDRESS} if self._double and module.address == self._double.address else alarms

    def is_off(self, module: Module) -> bool:
        """A module does not deliver."""
        return not module.is_on or self._has_failed(module)

    def temperature_c(self) -> float:
        """Of the air that the modules take in."""
        return self._outlet.telemetry().temperature_c or 0.0

    # --- the wire -------------------------------------------------------------------------------------------------------------------

    def _on_frame(self, identifier: int, data: bytes) -> None:
        addressed = [module for module in self._present() if self.is_addressed(identifier, module)]
        if not self.health.is_online or not addressed:  # a word to another connector's modules keeps none of these on
            return
        self._heard_at_s = asyncio.get_running_loop().time()
        self.plant.advance()
        for module in addressed:
            for frame in self.answer(identifier, data, module):
                self.send_frame(self._link, *frame)

    def _present(self) -> tuple[Module, ...]:
        present = self._modules[: self._count(self._outlet.flaws.modules_present)]
        return (*present, self._double) if self._double and present else present

    def _has_failed(self, module: Module) -> bool:
        return module in self._modules[self._count(self._outlet.flaws.modules_present - self._outlet.flaws.modules_failed) :]

    def _count(self, modules: int) -> int:
        """How many of the modules on the wire so many of the outlet's are."""
        return round(max(modules, 0) / self._outlet.limits.modules * len(self._modules))

    def _cut_off(self) -> None:
        if self._outlet.flaws.has_no_cut_off:
            return
        for module in self._modules:
            module.is_on = False
        self.drive()
