"""The plant as a bus: the mock devices hang on it, and it keeps the plant in step with the loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from hal.mock.ac_outlet import AcOutlet, AcSupply
from hal.mock.dc_outlet import DcOutlet
from hal.mock.dialogue import Handshake
from hal.mock.mode3_car import Mode3
from hal.mock.outlet import Outlet
from hal.mock.plant import Activity, Plant
from hal.mock.register_file import RegisterFile
from hal.mock.regulator import ModuleLimits
from hal.ports import Place
from hal.types import Range

_REST_S = 30.0  # longest silence of a device at rest


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantOptions:
    """The plant of a station. `register_file` is relative to the state directory; None keeps the registers in memory only.

    `kind` says what all its outlets give: `modules` and `handshake` count on DC, `supply` and `mode3` on AC.
    """

    outlets: Annotated[int, Range(1, 32)] = 2
    kind: Literal["dc", "ac"] = "dc"
    speed: Annotated[float, Range(0.01, 1000.0)] = 1.0
    register_file: str | None = "mock-meter.bin"
    freeze_meter: bool = False
    modules: ModuleLimits = field(default_factory=ModuleLimits)
    handshake: Handshake = field(default_factory=Handshake)
    supply: AcSupply = field(default_factory=AcSupply)
    mode3: Mode3 = field(default_factory=Mode3)

    def outlet(self) -> Outlet:
        """A new outlet."""
        return AcOutlet(self.supply, self.mode3) if self.kind == "ac" else DcOutlet(self.modules, self.handshake)


class PlantBus:
    """Owner of the plant. Devices call `advance()` before they look, `poke()` after they changed something."""

    Options = PlantOptions
    kind: ClassVar[str] = "plant"

    def __init__(self, name: str, options: PlantOptions, place: Place) -> None:
        self.name = name
        self.plant = Plant(options.outlets, options.outlet, speed=options.speed)
        for connector in self.plant.connectors:
            self.plant.outlet(connector).is_meter_frozen = options.freeze_meter
        self._path = None if options.register_file is None else place.state_dir / options.register_file
        self._registers: RegisterFile | None = None
        self._stored: dict[int, tuple[int, float]] = {}
        self._is_open = False
        self._waiting: dict[asyncio.Future[None], None] = {}  # in the order of their coming: every run wakes them alike
        self._is_tick_due = False
        self._listeners: list[Callable[[], None]] = []

    async def run(self) -> None:
        """Keep the plant advancing: every 0.1 s while it moves, every second while it charges, hardly ever at rest.

        Raises DeviceUnavailable when the meter registers cannot be opened.
        """
        loop = asyncio.get_running_loop()
        self._open_registers()
        self.plant.advance(loop.time())
        self._is_open = True
        self._tick()
        try:
            while True:
                await self._wait({Activity.MOVING: 0.1, Activity.SETTLED: 1.0, Activity.IDLE: _REST_S}[self.plant.activity])
                self.advance()
                self._tick()
        finally:
            self.advance()  # while it still may: those who switch off after this find the plant at the same moment
            self._is_open = False
            self._close_registers()

    def advance(self) -> None:
        """Bring the plant to the present moment; without a running loop its time stands still."""
        if not self._is_open:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self.plant.advance(loop.time())
        self._store_registers()

    def poke(self) -> None:
        """Something was changed: everybody looks again, at once."""
        self.advance()
        if self._waiting and not self._is_tick_due:
            self._is_tick_due = True
            asyncio.get_running_loop().call_soon(self._tick)

    def listen(self, moved: Callable[[], None]) -> None:
        """Call `moved` whenever something may have changed, for those who cannot wait."""
        self._listeners.append(moved)

    async def next_look(self, timeout_s: float | None = None) -> None:
        """Wait until something may have changed, at most this long."""
        await self._wait(timeout_s)

    async def opened(self) -> None:
        """Wait until the plant runs."""
        while not self._is_open:
            await self._wait(None)

    async def _wait(self, timeout_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting[waiting] = None
        timer = None if timeout_s is None else loop.call_later(timeout_s, _release, waiting)
        try:
            await waiting
        finally:
            self._waiting.pop(waiting, None)
            if timer is not None:
                timer.cancel()

    def _tick(self) -> None:
        self._is_tick_due = False
        for waiting in self._waiting:
            _release(waiting)
        for moved in self._listeners:
            moved()

    # --- registers ------------------------------------------------------------------------------------------------------------------

    def _open_registers(self) -> None:
        if self._path is None:
            return
        self._registers = RegisterFile(self.name, self._path, len(self.plant.connectors))
        for index, connector in enumerate(self.plant.connectors):
            outlet = self.plant.outlet(connector)
            self._stored[index] = outlet.register_wh, outlet.register_fraction = self._registers.load(index)

    def _store_registers(self) -> None:
        if self._registers is None:
            return
        for index, connector in enumerate(self.plant.connectors):
            outlet = self.plant.outlet(connector)
            register = outlet.register_wh, outlet.register_fraction
            if self._stored.get(index) != register:
                self._stored[index] = register
                self._registers.store(index, *register)

    def _close_registers(self) -> None:
        if self._registers is not None:
            self._store_registers()
            self._registers.close()
            self._registers = None


def _release(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
