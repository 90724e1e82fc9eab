"""What all wire peers share: the device's side of a wire, a view on the plant, steerable like a mock device."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable

from hal.bus.can import CanLink
from hal.errors import DeviceUnavailable
from hal.mock.in_order import InOrder
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import Steered

_log = logging.getLogger(__name__)

_SPOIL = bytes.fromhex("5AA5C33C0FF0")


class Peer(Steered):
    """`run` serves the wire until cancelled. Whatever is sent goes through `send`, which keeps silent, waits or spoils as steered."""

    def __init__(self, name: str, plant: PlantBus) -> None:
        super().__init__(name, plant.poke)
        self.plant = plant
        self.is_serving = asyncio.Event()
        self._late = InOrder()

    @abstractmethod
    async def run(self) -> None:
        """Serve."""

    def send(self, data: bytes, write: Callable[[bytes], None]) -> None:
        """Have `data` written: now, late, spoiled, or not at all. What is late is not overtaken by what is said after it."""
        if not self.health.is_online:
            return
        if self.health.is_corrupt:
            data = bytes(byte ^ _SPOIL[index % len(_SPOIL)] for index, byte in enumerate(data))
        if self.health.delay_s > 0.0 or not self._late.is_empty:
            self._late.call_later(self.health.delay_s, lambda: write(data))
        else:
            write(data)

    def send_frame(self, link: CanLink, identifier: int, data: bytes) -> None:
        """The same for a CAN frame; what a full or closed bus does not take is lost, as on a wire."""

        def write(sent: bytes) -> None:
            try:
                link.send(identifier, sent)
            except DeviceUnavailable as error:
                _log.debug("frame_lost device=%s error=%s", self.name, error)

        self.send(data, write)
