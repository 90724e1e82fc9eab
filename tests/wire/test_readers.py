"""Each card reader against its peer over a pseudo terminal, whose adapter is pulled in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hal.errors import DeviceUnavailable, HalError
from hal.mock.host import Host, HostSpec
from hal.mock.peers.spec import DeviceSpec
from hal.ports import Device, Place
from hal.reader.cards import CardOptions
from hal.reader.line import LineReader, LineReaderOptions
from hal.reader.pn532 import Pn532Options, Pn532Reader
from hal.reader.rdm6300 import Rdm6300Options, Rdm6300Reader
from hal.reader.twn4 import Twn4Options, Twn4Reader
from hal.types import Reading, TokenRead

READERS: dict[str, tuple[Callable[..., Device], CardOptions, str]] = {
    "pn532": (Pn532Reader, Pn532Options(port="usb", relist_s=0.3, letter_case="lower"), "04a2b1c3d4e5f6"),
    "rdm6300": (Rdm6300Reader, Rdm6300Options(port="usb", format="decimal"), "0010597059"),
    "rdm6300 with version": (Rdm6300Reader, Rdm6300Options(port="usb", with_version=True), "6200A1B2C3"),
    "elatec-twn4": (Twn4Reader, Twn4Options(port="usb", byte_order="reversed", high_frequency=255, low_frequency=0), "04A2B1C3D4E5F6"),
    "line-reader": (LineReader, LineReaderOptions(port="usb"), "04A2B1C3D4E5F60708"),
    "line-reader decimal": (LineReader, LineReaderOptions(port="usb", uid_base="decimal", ended_by="pause"), "00A1B2C3"),
}


@dataclass
class Run:
    """A driver that is run again after each expected error, as the daemon does; what it told, and what it could not."""

    device: Device
    seen: list[Reading] = field(default_factory=list)
    errors: list[HalError] = field(default_factory=list)

    async def supervise(self) -> None:
        while True:
            try:
                await self.device.run(self.seen.append)
            except HalError as error:
                self.errors.append(error)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def plugged_in(driver: str, options: CardOptions, place: Place) -> AsyncIterator[Host]:
    """The reader's adapter is in the machine."""
    device = DeviceSpec(name="reader", driver=driver, options=options, connectors=(1,))
    host = Host(HostSpec(place=place, devices=(device,)))
    is_there = asyncio.Event()
    serving = asyncio.create_task(host.run(lambda addresses: is_there.set()))
    await is_there.wait()
    try:
        yield host
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not is_true():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", READERS)
async def test_a_card_is_read_and_the_adapter_may_be_pulled(kind: str, tmp_path: Path) -> None:
    """One event for a card that rests; without its adapter the reader is unavailable, and with it again cards are read."""
    make, options, id_tag = READERS[kind]
    place = Place(tmp_path, tmp_path)
    run = Run(make("reader", options, place))
    driver = asyncio.create_task(run.supervise())
    for turn in (1, 2):
        async with plugged_in(kind.split()[0], options, place) as host:
            await asyncio.sleep(0.3)  # the driver has opened the port by then, which nobody can see from outside
            losses = len(run.errors)
            host.simulation.swipe(id_tag)
            await until(lambda turn=turn: len(run.seen) == turn)  # type: ignore[misc]
            await asyncio.sleep(0.5)
            assert run.seen == [TokenRead(id_tag)] * turn
            assert len(run.errors) == losses
        await until(lambda losses=losses: len(run.errors) > losses)  # type: ignore[misc]
        assert isinstance(run.errors[-1], DeviceUnavailable)
        await asyncio.sleep(options.absence_s)  # else the same card would still rest there
    driver.cancel()
    await asyncio.gather(driver, return_exceptions=True)
