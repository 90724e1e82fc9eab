"""A mock board: contactor coils with feedback, emergency stop, door, mains, yes/no lines, locks and lights, all on the plant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from hal.errors import DeviceUnavailable
from hal.mock.dc_outlet import DcOutlet
from hal.mock.devices import MockLock, OutletOptions
from hal.mock.outlet_fields import contactor_fields, of_part
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import Health, Steered, flag
from hal.ports import ConnectorLock, Emit, Indicator, InsulationMonitor, SafetyIo, SafetyLines
from hal.types import IndicatorState, InsulationReading, SafetyInputs, SafetyOutputs

_REPEAT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IoOptions:
    """A mock board has every line somebody names."""


class MockIo(Steered):
    """The board. As a device it emits nothing; it is used by the parts it makes."""

    Options = IoOptions
    bus_kind: ClassVar[str | None] = "plant"

    def __init__(self, name: str, options: IoOptions, bus: PlantBus) -> None:
        super().__init__(name, bus.poke)
        self.bus = bus
        self._contactors: Mapping[int, str] = {}
        self._locks: dict[str, MockLock] = {}
        self._lights: dict[str, _MockLight] = {}
        self._inputs: dict[str, str] = {}  # label of the line -> input of the plant

    async def run(self, emit: Emit) -> None:
        """Wait: the lines are read and driven by those who own them. Raises DeviceUnavailable when it is made silent."""
        await self.bus.opened()
        while self.health.is_online:
            await self.bus.next_look()
        raise DeviceUnavailable(f"{self.name}: the board does not answer")

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns, synchronous. Raises DeviceUnavailable for a connector the plant does not have."""
        for connector in lines.contactors:
            if connector not in self.bus.plant.connectors:
                raise DeviceUnavailable(f"{self.name}: the simulated plant has no connector {connector}; set `outlets` of {self.bus.name}")
        self._contactors = lines.contactors
        named = {lines.estop: "estop", lines.door: "door", lines.mains: "mains"}
        for label in lines.inputs:
            self._inputs[label] = named.get(label, label)
            self.bus.plant.add_input(self._inputs[label])
        return _MockSafetyIo(self, lines)

    def insulation_monitor(self, line: str) -> InsulationMonitor:
        """A monitor that says yes or no on a line; the line is active when the insulation is bad."""
        self.bus.plant.add_input(line)
        return _LineMonitor(self, line)

    def connector_lock(self, label: str, connector: int) -> ConnectorLock:
        """A lock motor with its feedback."""
        lock = self._locks[label] = MockLock(f"{self.name}.{label}", OutletOptions(connector=connector), self.bus)
        return lock

    def indicator(self, label: str) -> Indicator:
        """A light that nobody sees; what it should say is told by `chargerctl status`."""
        light = self._lights[label] = _MockLight(f"{self.name}.{label}", self.bus)
        return light

    def misbehave(self, health: Health) -> None:
        """Behave like this from now on, with all parts."""
        for lock in self._locks.values():
            lock.misbehave(health)
        super().misbehave(health)

    def plant_input(self, label: str) -> str | None:
        """The plant's input behind the label of a line."""
        return self._inputs.get(label)

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """Contactors, locks and lights that misbehave."""
        setters: dict[str, Callable[[object], None]] = {}
        for connector, label in self._contactors.items():
            setters |= contactor_fields(label, self.bus.plant.outlet(connector))
        for label, lock in self._locks.items():
            setters |= of_part(label, lock.settable())
        for label, light in self._lights.items():
            setters |= of_part(label, {"broken": light.set_broken})
        return setters


class _MockSafetyIo:
    def __init__(self, board: MockIo, lines: SafetyLines) -> None:
        self.name = board.name
        self._board = board
        self._lines = lines
        self._is_open = False

    def open(self) -> None:
        if self._is_open:
            raise DeviceUnavailable(f"{self.name}: the lines are held already")
        self._is_open = True
        self._drive(SafetyOutputs())

    def read(self) -> SafetyInputs:
        if not self._is_open or not self._board.health.is_online or self._board.health.is_corrupt:
            return SafetyInputs(is_readable=False)
        plant, lines = self._board.bus.plant, self._lines
        return SafetyInputs(
            is_estop_pressed=self._is_active(lines.estop),
            is_door_open=self._is_active(lines.door),
            closed_contactors=frozenset(number for number in lines.contactors if plant.outlet(number).is_seen_closed),
            is_mains_lost=self._is_active(lines.mains),
            leaking=frozenset(number for number, label in lines.residual_current.items() if self._is_active(label)),
            overheated=frozenset(number for number, label in lines.over_temperature.items() if self._is_active(label)),
        )

    def watch(self, moved: Callable[[], None]) -> bool:
        self._board.bus.listen(moved)
        return True

    def apply(self, outputs: SafetyOutputs) -> None:
        if self._is_open:
            self._drive(outputs)

    def close(self) -> None:
        self._drive(SafetyOutputs())
        self._is_open = False

    def _is_active(self, label: str | None) -> bool:
        name = self._board.plant_input(label) if label is not None else None
        return name is not None and self._board.bus.plant.is_active(name)

    def _drive(self, outputs: SafetyOutputs) -> None:
        bus = self._board.bus
        bus.advance()
        is_changed = False
        for number in self._lines.contactors:
            outlet = bus.plant.outlet(number)
            wanted = number in outputs.closed_contactors
            is_changed |= outlet.is_coil_on is not wanted
            outlet.is_coil_on = wanted
        for number in self._lines.module_enable:
            modules, is_enabled = bus.plant.outlet_of(number, DcOutlet), number in outputs.enabled_modules
            is_changed |= modules.is_enabled is not is_enabled
            modules.is_enabled = is_enabled
        if is_changed:
            bus.poke()


class _MockLight:
    """An `Indicator`. `broken`: its lines cannot be driven."""

    def __init__(self, name: str, bus: PlantBus) -> None:
        self.name = name
        self.state = IndicatorState.OFF
        self._bus = bus
        self._is_broken = False

    def set_broken(self, value: object) -> None:
        self._is_broken = flag(value)

    def apply(self, output: IndicatorState) -> None:
        self.state = output

    async def run(self, emit: Emit) -> None:
        await self._bus.opened()
        while not self._is_broken:
            await self._bus.next_look()
        raise DeviceUnavailable(f"{self.name}: cannot be driven")


class _LineMonitor:
    def __init__(self, board: MockIo, line: str) -> None:
        self.name = f"{board.name}.{line}"
        self._board = board
        self._line = line

    async def run(self, emit: Emit) -> None:
        await self._board.bus.opened()
        loop = asyncio.get_running_loop()
        emitted: InsulationReading | None = None
        at_s = 0.0
        while True:
            if not self._board.health.is_online:
                raise DeviceUnavailable(f"{self.name}: the board does not answer")
            reading = InsulationReading(is_safe=not self._board.bus.plant.is_active(self._line))
            if reading != emitted or loop.time() - at_s >= _REPEAT_S - 0.01:
                emitted, at_s = reading, loop.time()
                emit(reading)
            await self._board.bus.next_look()
