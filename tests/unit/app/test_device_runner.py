"""A device between its driver and the core: lost, and back."""

from __future__ import annotations

import asyncio

import pytest

from chargerd.app.devices import DeviceRunner
from chargerd.core.events import DeviceBack, DeviceLost, Event, MeterUpdated, Role, TokenPresented
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceUnavailable
from hal.ports import Emit
from hal.types import MeterReading, TokenRead

ONE = ConnectorId(1)


class Stubborn:
    """Runs for three seconds and gives up, until it is well; then it runs for ever, and speaks when it has something to say."""

    name = "device1"

    def __init__(self, word: MeterReading | None = None) -> None:
        self.is_well = False
        self._word = word

    async def run(self, emit: Emit) -> None:
        if not self.is_well:
            await asyncio.sleep(3.0)
            raise DeviceUnavailable("device1: no answer")
        if self._word is not None:
            emit(self._word)
        await asyncio.get_running_loop().create_future()


def lives(role: Role, device: Stubborn) -> list[type[Event]]:
    """What the core hears in half a minute: ill for fifteen seconds, well for fifteen."""
    heard: list[Event] = []

    async def main() -> None:
        runner = DeviceRunner(device, role, (ONE,), heard.append)
        task = asyncio.ensure_future(runner.run())
        await asyncio.sleep(15.0)
        device.is_well = True
        await asyncio.sleep(15.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(main())
    return [type(event) for event in heard]


def test_a_device_that_only_tries_is_not_back() -> None:
    """A meter is back when it gives a reading, however long its attempts take: no flapping, and no session on an old register."""
    assert lives(Role.METER, Stubborn(MeterReading(1))) == [DeviceLost, DeviceBack, MeterUpdated]


@pytest.mark.parametrize("role", [Role.READER, Role.INDICATOR, Role.IO])
def test_a_quiet_device_is_back_when_it_stays(role: Role) -> None:
    """A reader without a card has nothing to say; the end is that it is back."""
    kinds = lives(role, Stubborn())
    assert kinds[0] is DeviceLost
    assert kinds[-1] is DeviceBack


def test_a_reading_goes_to_who_listens_and_a_card_to_nobody_else() -> None:
    """A meter is heard by both. A card under test begins no session, not even when it is the last one that was waited for."""
    heard: list[Event] = []
    read: list[object] = []

    class Talker(Stubborn):
        async def run(self, emit: Emit) -> None:
            for reading in (TokenRead("A"), MeterReading(1), TokenRead("B"), TokenRead("C")):
                emit(reading)
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        runner = DeviceRunner(Talker(), Role.READER, (ONE,), heard.append)

        def listen(reading: object) -> None:
            read.append(reading)
            if reading == TokenRead("B"):
                end()

        end = runner.listen(listen)
        task = asyncio.ensure_future(runner.run())
        await asyncio.sleep(1.0)
        task.cancel()

    run_virtual(main())
    assert read == [TokenRead("A"), MeterReading(1), TokenRead("B")]
    assert heard == [MeterUpdated(ONE, MeterReading(1)), TokenPresented(IdTag("C"), (ONE,), "device1")]


def test_a_device_is_watched_as_long_as_somebody_listens() -> None:
    """However many do; the last one to leave lets it rest."""
    watched: list[bool] = []

    class Meter(Stubborn):
        def watch(self, *, is_watched: bool) -> None:
            watched.append(is_watched)

    runner = DeviceRunner(Meter(), Role.METER, (ONE,), lambda _: None)
    first, second = runner.listen(lambda _: None), runner.listen(lambda _: None)
    first()
    assert watched[-1]
    second()
    assert not watched[-1]


@pytest.mark.parametrize(("role", "where"), [(Role.READER, STATION), (Role.IO, STATION), (Role.INDICATOR, ONE)])
def test_what_serves_all_is_lost_at_the_station(role: Role, where: ConnectorId) -> None:
    """The loss of a reader or a board shows at connector 0, that of a light at its own."""
    heard: list[Event] = []

    async def main() -> None:
        task = asyncio.ensure_future(DeviceRunner(Stubborn(), role, (ONE,), heard.append).run())
        await asyncio.sleep(4.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(main())
    assert heard == [DeviceLost(where, role, "device1", "device1: no answer")]
