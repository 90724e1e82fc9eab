"""What all card readers on serial ports share: a card is laid before one by `swipe` and taken away again after a while."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Generic, Self, TypeVar, cast

from hal.mock.peers.byte_wire import ByteWire
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.reader.cards import CardOptions

_PRESENT_S = 1.0


Options = TypeVar("Options", bound=CardOptions)


class CardReaderPeer(Peer, Generic[Options]):
    """`options` say what the station makes of a UID, so that `swipe` takes the id tag the station will tell."""

    def __init__(self, name: str, port: ByteWire, plant: PlantBus, options: Options) -> None:
        super().__init__(name, plant)
        self._options = options
        self._port = port
        self._uid = b""  # of the card before it
        self._removal: asyncio.TimerHandle | None = None

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> Self:
        """A reader on its port."""
        port = wires.port(device.name, device.options_as(CardOptions).port)
        return cls(device.name, port, wires.plant, cast("Options", device.options))

    async def run(self) -> None:
        """Serve the port."""
        self._port.open(self._on_bytes)
        self.is_serving.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._take_away()
            self._port.close()

    @property
    def is_reader(self) -> bool:
        """Cards can be put before it."""
        return True

    @property
    def uid_sizes(self) -> tuple[int, ...]:
        """Bytes of the UIDs its cards may have; ISO 14443 has three sizes."""
        return (4, 7, 10)

    def swipe(self, id_tag: str, connectors: tuple[int, ...]) -> None:
        """Lay a card before it whose UID gives this id tag."""
        if connectors:
            raise ValueError(f"{self.name} stands on a wire: its cards cannot choose a connector")
        try:
            uid = self._options.uid(id_tag, self.uid_sizes)
        except ValueError as error:
            raise ValueError(f"{self.name} stands on a wire: {error}") from None
        if not self.health.is_online:
            return
        self._take_away()
        self._uid = uid
        self._removal = asyncio.get_running_loop().call_later(_PRESENT_S, self._take_away)
        self._card_came()

    def _take_away(self) -> None:
        self._uid = b""
        if self._removal is not None:
            self._removal.cancel()
            self._removal = None

    def _card_came(self) -> None:
        """A card lies before it now."""

    @abstractmethod
    def _on_bytes(self, data: bytes) -> None:
        """The host has sent something."""

    def _write(self, data: bytes) -> None:
        self.send(data, self._port.write)
