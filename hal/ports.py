"""Ports: what the daemon asks of a device, as structural types.

Rules every driver keeps:

* It is constructed from its name, its options and its bus, without I/O. `run(emit)` opens the device, loops, and lets errors out
  (`HalError`, `OSError`); the supervisor runs it again. On leaving `run`, for whatever cause, it drives its safe output and releases
  the device without awaiting long.
* `emit(reading)` on change and at least every second while something happens, so that staleness is visible.
* `apply(output)` stores the wanted level and returns at once. It may be called before `run` and while the device is away; the driver
  re-applies the last level after a reconnect. A level older than the driver's time to live is replaced by the safe one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from hal.types import IndicatorState, Reading, SafetyInputs, SafetyOutputs, SeccOutput, Setpoint, Talk

Emit = Callable[[Reading], None]


class Device(Protocol):
    """Anything that runs."""

    name: str

    async def run(self, emit: Emit) -> None:
        """Open, loop, let errors out."""


@runtime_checkable
class Watchable(Protocol):
    """A device that says little at rest and can be made to speak every second, because somebody looks."""

    def watch(self, *, is_watched: bool) -> None:
        """Somebody looks, or nobody does any more."""


class EnergyMeter(Device, Protocol):
    """Emits `MeterReading`."""


class InsulationMonitor(Device, Protocol):
    """Emits `InsulationReading`."""


class TokenReader(Device, Protocol):
    """Emits `TokenRead` once for each time a card is put before it."""


class PowerSupply(Device, Protocol):
    """Emits `ModuleTelemetry`; safe level: `Setpoint()`. Time to live of a level: a few seconds at the most."""

    def apply(self, output: Setpoint) -> None:
        """Take the wanted voltage and current."""

    def limit_talk(self, talk: Talk) -> None:
        """Say no more than this until told otherwise; returns at once. A driver whose telemetry has `cut_off_s` must keep to it.

        Silence is no failure: meanwhile nothing is emitted and `run` goes on. Asking begins anew, with values that are told only after it.
        The set-point is kept all the while, and what it has become is told to the modules once the talk is free again.
        """


class Secc(Device, Protocol):
    """Emits `EvRequest`; safe level: `SeccOutput()`."""

    def apply(self, output: SeccOutput) -> None:
        """Take what the vehicle is to be told."""


class ConnectorLock(Device, Protocol):
    """Emits `LockState`; keeps its position when the process ends."""

    def apply(self, output: bool) -> None:
        """True: lock, False: unlock. The same once more after a failure: try again."""


class Indicator(Device, Protocol):
    """Emits nothing."""

    def apply(self, output: IndicatorState) -> None:
        """Take what the light should say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyLines:
    """The lines of one board that the gate owns, by label; the mappings are from connector numbers. What has no line reads as inactive.

    module_enable: outputs without which the modules of a connector give nothing, whatever they are told.
    """

    contactors: Mapping[int, str] = field(default_factory=dict)
    module_enable: Mapping[int, str] = field(default_factory=dict)
    residual_current: Mapping[int, str] = field(default_factory=dict)
    over_temperature: Mapping[int, str] = field(default_factory=dict)
    estop: str | None = None
    door: str | None = None
    mains: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The labels of all inputs."""
        station = (self.estop, self.door, self.mains)
        return (*self.residual_current.values(), *self.over_temperature.values(), *(label for label in station if label is not None))


class SafetyIo(Protocol):
    """Contactor coils and safety inputs; synchronous and bounded, owned by the gate alone."""

    name: str

    def open(self) -> None:
        """Claim the lines, everything open. Raises DeviceUnavailable when a line is held by somebody else."""

    def read(self) -> SafetyInputs:
        """The lines as they are now; `is_readable=False` when they cannot be read."""

    def watch(self, moved: Callable[[], None]) -> bool:
        """Call `moved` whenever a line may have moved. False: this board cannot tell, it must be read at every tick."""

    def apply(self, outputs: SafetyOutputs) -> None:
        """Drive the coils."""

    def close(self) -> None:
        """Everything open, lines released."""


class PolledBoard(Protocol):
    """A board for who has no event loop."""

    def safety_io(self, lines: SafetyLines) -> SafetyIo:
        """The lines the gate owns. Raises ConfigError for wiring that cannot be safe."""


@runtime_checkable
class Relay(Protocol):
    """A polled board that is more than lines: the daemon's driver of it goes on talking to it, through who polls it."""

    def heard(self) -> bytes:
        """What it has said since the last call."""

    def say(self, data: bytes) -> None:
        """Pass on what the driver says, as far as it may be. Raises DeviceUnavailable when the board is gone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device may keep things: relative paths of state (registers) and of runtime files (ports, sockets) start here."""

    state_dir: Path
    runtime_dir: Path


class Bus(Protocol):
    """One wire with one owner; devices get a narrow handle of it. Constructed as `Class(name, options, place)`, without I/O."""

    name: str
    kind: ClassVar[str]

    async def run(self) -> None:
        """Open the wire, serve it, let errors out; on leaving close it."""
