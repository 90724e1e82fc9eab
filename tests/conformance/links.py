"""Links in memory between a driver and the device's side of its wire, and how they can be bad."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from hal.bus.subscriptions import FrameCallback, Match, Subscriptions
from hal.errors import DeviceFault, DeviceUnavailable, HalError, WireError
from hal.ports import Device
from hal.types import Reading


@dataclass
class Quality:
    """How a link treats what passes: cut to pieces, lost now and then, late, mixed with garbage, or not at all."""

    piece: int | None = None
    loss: float = 0.0
    delay_s: float = 0.001
    garbage: float = 0.0
    is_cut: bool = False
    random: Random = field(default_factory=lambda: Random(20))

    def loses(self) -> bool:
        return self.is_cut or self.random.random() < self.loss

    def spoils(self) -> bool:
        return self.random.random() < self.garbage

    def noise(self, size: int) -> bytes:
        return self.random.randbytes(size)


QUALITIES: dict[str, Callable[[], Quality]] = {
    "plain": Quality,
    "byte-by-byte": lambda: Quality(piece=1),
    "lossy": lambda: Quality(loss=0.15),
    "late": lambda: Quality(delay_s=0.04),
    "garbage": lambda: Quality(garbage=0.3),
}


class BytePipe:
    """A serial port in memory; `peer` gets what the driver writes and gives what the device sends."""

    def __init__(self, peer: Callable[[bytes], bytes], quality: Quality) -> None:
        self.peer = peer
        self.quality = quality
        self.is_plugged = True
        self.is_open = False
        self.written = bytearray()
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._arrives_at_s = 0.0

    def open(self) -> None:
        if not self.is_plugged:
            raise DeviceUnavailable("reader: port is not there")
        self.is_open = True
        self._arrived = asyncio.Queue()

    async def read(self) -> bytes:
        data = await self._arrived.get()
        if not data:
            raise DeviceUnavailable("reader: port is gone")
        return data

    async def write(self, data: bytes) -> None:
        self.put(data)

    def put(self, data: bytes) -> None:
        if not self.is_plugged:
            raise DeviceUnavailable("reader: port is gone")
        self.written += data
        if not self.quality.loses():
            self.deliver(self.peer(data))

    def deliver(self, data: bytes) -> None:
        """Bytes from the device."""
        if not data or self.quality.loses():
            return
        if self.quality.spoils():
            data = self.quality.noise(5) + data
        piece = self.quality.piece or len(data)
        for start in range(0, len(data), piece):
            # one after the other: the loop does not keep the order of equal times
            self._arrives_at_s = max(now_s() + self.quality.delay_s, self._arrives_at_s + 0.000_1)
            asyncio.get_running_loop().call_at(self._arrives_at_s, self._arrived.put_nowait, data[start : start + piece])

    def unplug(self) -> None:
        self.is_plugged = False
        self._arrived.put_nowait(b"")

    def close(self) -> None:
        self.is_open = False


class CanWire:
    """A CAN bus in memory with one driver on it; `peer` gets each frame of the driver and may `say` something."""

    def __init__(self, quality: Quality) -> None:
        self.name = "can0"
        self.quality = quality
        self.is_up = True
        self.room: int | None = None  # frames that are taken before the queue is full; it is not emptied
        self.sent: list[tuple[float, int, bytes]] = []
        self.peer: Callable[[int, bytes], None] = lambda identifier, data: None
        self._subscriptions = Subscriptions()
        self._arrives_at_s = 0.0

    async def ready(self) -> None:
        if not self.is_up:
            raise DeviceUnavailable("can0: CAN is down")

    def subscribe(self, match: Match, callback: FrameCallback) -> Callable[[], None]:
        return self._subscriptions.add(match, callback)

    def send(self, identifier: int, data: bytes) -> None:
        if not self.is_up or self.room == 0:
            raise DeviceUnavailable("can0: CAN is down or its queue full")
        if self.room is not None:
            self.room -= 1
        self.sent.append((asyncio.get_running_loop().time(), identifier, data))
        if not self.quality.loses():
            self.peer(identifier, data)

    def say(self, identifier: int, data: bytes) -> None:
        """A frame from the device."""
        if self.quality.loses():
            return
        if self.quality.spoils():
            self._later(identifier, data[:-1])  # cut short
            self._later(self.quality.random.getrandbits(29) | 0x1000_0000, self.quality.noise(8))
        self._later(identifier, data)

    def _later(self, identifier: int, data: bytes) -> None:
        self._arrives_at_s = max(now_s() + self.quality.delay_s, self._arrives_at_s + 0.000_1)
        asyncio.get_running_loop().call_at(self._arrives_at_s, self._subscriptions.deliver, identifier, data)


class ModbusWire:
    """A Modbus line in memory over registers that answer."""

    def __init__(self, registers: dict[int, int], quality: Quality) -> None:
        self.name = "rs485"
        self.registers = registers
        self.quality = quality
        self.requests: list[tuple[int, int, int, int]] = []

    async def read(self, unit: int, address: int, count: int, function: int) -> list[int]:
        self.requests.append((unit, address, count, function))
        await self._pass(unit)
        try:
            return [self.registers[address + index] for index in range(count)]
        except KeyError:
            raise DeviceFault(f"rs485: unit {unit} refuses: illegal data address") from None

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        await self._pass(unit)
        self.registers |= dict(enumerate(words, start=address))

    async def _pass(self, unit: int) -> None:
        await asyncio.sleep(self.quality.delay_s)
        if self.quality.loses():
            await asyncio.sleep(0.5)
            raise DeviceUnavailable(f"rs485: unit {unit} does not answer")
        if self.quality.spoils():
            raise WireError(f"rs485: unit {unit} answers garbled")


class Supervised:
    """A driver that is run again after each expected error, as the daemon does; readings and errors with their times."""

    def __init__(self, device: Device, pause_s: float = 0.5) -> None:
        self.device = device
        self.readings: list[tuple[float, Reading]] = []
        self.errors: list[tuple[float, HalError]] = []
        self._pause_s = pause_s
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Supervised:
        self._task = asyncio.create_task(self._run(), name=f"run {self.device.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        assert not self._task.done(), self._task
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.device.run(self._emit)
            except HalError as error:
                self.errors.append((asyncio.get_running_loop().time(), error))
            await asyncio.sleep(self._pause_s)

    def _emit(self, reading: Reading) -> None:
        self.readings.append((asyncio.get_running_loop().time(), reading))

    @property
    def values(self) -> list[Reading]:
        """Readings without their times."""
        return [reading for _, reading in self.readings]

    def since(self, at_s: float) -> list[Reading]:
        """Readings from a moment on."""
        return [reading for when_s, reading in self.readings if when_s >= at_s]


def now_s() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()
