"""The world behind the GPIO lines: contactors with their feedback, emergency stop, door, mains, insulation, bolts with their end switches.

Serves a Unix socket to which the board's mock pins are mirrored: JSON lines `{"line": label, "value": 0 or 1}` in both directions, logical
values. On connecting the board gets every input; a coil it drives moves the contactor, a motor the bolt, and LEDs are seen by nobody. What
is driven by a board that hangs up falls off.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from hal.errors import ConfigError, DeviceUnavailable
from hal.io.gpio_options import GpioOptions
from hal.mock.dc_fields import insulation_fields
from hal.mock.dc_outlet import DcOutlet
from hal.mock.outlet_fields import contactor_fields, lock_fields, of_part
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import Health
from hal.types import LockState

_log = logging.getLogger(__name__)

_SWITCHING_S = 0.04
_SAFE_OHM = 100_000.0


class LinePeer(Peer):
    """One board. Of its inputs those without a role are inputs of the plant by their own name."""

    def __init__(self, device: DeviceSpec, options: GpioOptions, path: Path, plant: PlantBus) -> None:
        super().__init__(device.name, plant)
        self._path = path
        lines = device.lines
        self._coils = {label: connector for connector, label in lines.contactors.items()}
        self._enables = {label: plant.plant.outlet_of(connector, DcOutlet) for connector, label in lines.module_enable.items()}
        for modules in self._enables.values():
            modules.is_enabled = False
        labels = frozenset(label for label, line in options.lines.items() if line.direction == "in")
        self._feedbacks = {f"{label}_feedback": connector for label, connector in self._coils.items() if f"{label}_feedback" in labels}
        self._insulation = {label: connector for connector, label in device.insulation.items()}
        self._locks = dict(device.locks)
        self._motors = {f"{label}_{word}": (connector, word) for connector, label in self._locks.items() for word in ("lock", "unlock")}
        self._switches = {
            f"{label}_{position.value}": (connector, position)
            for connector, label in self._locks.items()
            for position in (LockState.LOCKED, LockState.UNLOCKED)
            if f"{label}_{position.value}" in labels
        }
        for connector in self._locks:
            plant.plant.outlet(connector).is_lock_powered = False
        named = {label: role for role, label in (("estop", lines.estop), ("door", lines.door), ("mains", lines.mains)) if label}
        self._inputs = {label: named.get(label, label) for label in sorted(labels - self._feedbacks.keys() - self._switches.keys())}
        for role in self._inputs.values():
            plant.plant.add_input(role)
        self._boards: set[asyncio.StreamWriter] = set()
        self._told: dict[str, int] = {}

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> LinePeer:
        """The world behind a board of the mock factory."""
        options = device.options_as(GpioOptions)
        if options.mirror is None:
            raise ConfigError([f"{device.name}: needs `factory: mock` and `mirror`, the socket on which its lines are simulated"])
        return cls(device, options, wires.place.runtime_dir / options.mirror, wires.plant)

    async def run(self) -> None:
        """Serve the socket. Raises DeviceUnavailable when it cannot be made."""
        await self.plant.opened()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._serve_board, self._path)
        except OSError as error:
            raise DeviceUnavailable(f"{self.name}: socket {self._path} cannot be made: {error}") from error
        self.is_serving.set()
        try:
            while True:
                self.plant.advance()
                self._tell_changes()
                await self.plant.next_look(_SWITCHING_S if self._is_switching else None)
        finally:
            server.close()
            self._hang_up()
            self._path.unlink(missing_ok=True)

    def misbehave(self, health: Health) -> None:
        """Behave like this from now on; a board whose world is away loses its mirror."""
        if not health.is_online:
            self._hang_up()
        super().misbehave(health)

    def plant_input(self, label: str) -> str | None:
        """The plant's input behind a line."""
        return self._inputs.get(label)

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """Contactors and locks that misbehave; insulation such as `<label>_resistance_ohm` behind a yes/no monitor."""
        setters: dict[str, Callable[[object], None]] = {}
        for label, connector in self._coils.items():
            setters |= contactor_fields(label, self.plant.plant.outlet(connector))
        for label, connector in self._insulation.items():
            setters |= of_part(label, insulation_fields(self.plant.plant.outlet_of(connector, DcOutlet)))
        for connector, label in self._locks.items():
            setters |= of_part(label, lock_fields(self.plant.plant.outlet(connector)))
        return setters

    def _hang_up(self) -> None:
        for board in self._boards:
            board.close()

    # --- to the board -----------------------------------------------------------------------------------------------------------------

    @property
    def _is_switching(self) -> bool:
        return any(self.plant.plant.outlet(connector).is_switching for connector in self._coils.values())

    def _values(self) -> dict[str, int]:
        plant = self.plant.plant
        values = {label: int(plant.is_active(role)) for label, role in self._inputs.items()}
        values |= {label: int(plant.outlet(connector).is_seen_closed) for label, connector in self._feedbacks.items()}
        values |= {label: int(plant.outlet(connector).lock_state is position) for label, (connector, position) in self._switches.items()}
        for label, connector in self._insulation.items():
            values[label] |= int(plant.outlet_of(connector, DcOutlet).insulation_ohm < _SAFE_OHM)
        return values

    def _tell_changes(self) -> None:
        values = self._values()
        for label, value in values.items():
            if self._told.get(label) != value:
                for board in self._boards:
                    self._tell(board, label, value)
        self._told = values

    def _tell(self, board: asyncio.StreamWriter, label: str, value: int) -> None:
        def write(data: bytes) -> None:
            if not board.is_closing():
                board.write(data + b"\n")  # a spoiled line is still a line

        self.send(json.dumps({"line": label, "value": value}).encode(), write)

    # --- from the board ---------------------------------------------------------------------------------------------------------------

    async def _serve_board(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.health.is_online:
            writer.close()
            return
        self._boards.add(writer)
        driven: set[str] = set()
        self.plant.advance()
        for label, value in self._values().items():
            self._tell(writer, label, value)
        try:
            while line := await reader.readline():
                self._take(line, driven)
        except (OSError, ValueError) as error:  # ValueError: a line without an end
            _log.warning("line_mirror_lost device=%s error=%s", self.name, error)
        finally:
            self._boards.discard(writer)
            writer.close()
            for label in driven:
                self._drive(label, False)

    def _take(self, line: bytes, driven: set[str]) -> None:
        try:
            message = json.loads(line)
            label, value = message["line"], bool(message["value"])
        except (ValueError, KeyError, TypeError):
            _log.warning("line_mirror_garbled device=%s", self.name)
            return
        if label in self._coils or label in self._enables or label in self._motors:
            driven.add(label)
            self._drive(label, value)

    def _drive(self, label: str, is_on: bool) -> None:
        if label in self._motors:
            self._turn(*self._motors[label], is_on=is_on)
            return
        if label in self._enables:
            self.plant.advance()
            self._enables[label].is_enabled = is_on
            self.plant.poke()
            return
        outlet = self.plant.plant.outlet(self._coils[label])
        if outlet.is_coil_on is not is_on:
            self.plant.advance()
            outlet.is_coil_on = is_on
            self.plant.poke()

    def _turn(self, connector: int, word: str, *, is_on: bool) -> None:
        """A direction of a lock's motor; the one that is switched on last wins."""
        outlet, is_locking = self.plant.plant.outlet(connector), word == "lock"
        self.plant.advance()
        if is_on:
            outlet.is_lock_powered, outlet.is_lock_wanted = True, is_locking
        elif outlet.is_lock_wanted is is_locking:
            outlet.is_lock_powered = False
        self.plant.poke()
