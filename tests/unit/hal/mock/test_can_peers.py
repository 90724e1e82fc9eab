"""CAN peers frame by frame, in virtual time, against the frames of the makers' documents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import VirtualLoop
from hal.bus.subscriptions import FrameCallback, Match, Subscriptions
from hal.mock.battery import Vehicle
from hal.mock.peers.advantics import AdvanticsController
from hal.mock.peers.can_modules import CanModulesPeer
from hal.mock.peers.infypower import InfypowerModules
from hal.mock.peers.infypower_beg import InfypowerBegModules
from hal.mock.peers.protocol_060 import Protocol060Modules
from hal.mock.peers.uugreen import UuGreenModules
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.steering import Health
from hal.ports import Place
from hal.types import Setpoint


class FakeLink:
    """A bus on which the test is the other end: `sent` is what the peer said, as `identifier#data` in hexadecimal digits."""

    name = "can0"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self._subscriptions = Subscriptions()

    async def ready(self) -> None:
        return

    def subscribe(self, match: Match, callback: FrameCallback) -> Callable[[], None]:
        return self._subscriptions.add(match, callback)

    def send(self, identifier: int, data: bytes) -> None:
        self.sent.append(f"{identifier:08X}#{data.hex().upper()}")

    def give(self, frame: str) -> None:
        identifier, data = frame.split("#")
        self._subscriptions.deliver(int(identifier, 16), bytes.fromhex(data))

    def take(self) -> list[str]:
        sent, self.sent = self.sent, []
        return sent


def run(body: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(body)


def plant_bus() -> PlantBus:
    return PlantBus("plant", PlantOptions(outlets=1, register_file=None), Place(Path(), Path()))


def test_modules_by_frames() -> None:
    """Commands of the document switch and set the modules, reads give values in the document's form."""

    async def body() -> None:
        plant, link = plant_bus(), FakeLink()
        peer = InfypowerModules("psu1", (0, 1), 1, link, plant)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(plant.run(), name="plant"), group.create_task(peer.run(), name="psu1")]
            await peer.is_serving.wait()
            link.give("029C00F0#0007A1200000C350")  # 500 V, 50 A
            link.give("029A00F0#0000000000000000")  # on
            assert link.take() == ["029CF000#0000000000000000", "029AF000#0000000000000000"]
            assert plant.plant.outlet(1).setpoint == Setpoint(500.0, 50.0)
            await asyncio.sleep(3.0)
            link.give("028300F0#0000000000000000")
            assert link.take() == ["0283F000#43FA000000000000"]
            link.give("02833FF0#0000000000000000")  # everybody
            assert len(link.take()) == 2
            link.give("029F00F0#0000000000000000")  # a command it does not know
            assert link.take() == ["0A9FF000#0000000000000000"]
            for task in tasks:
                task.cancel()

    run(body())


def test_modules_cut_off() -> None:
    """Ten seconds without a word of the controller switch the output off."""

    async def body() -> None:
        plant, link = plant_bus(), FakeLink()
        peer = InfypowerModules("psu1", (0,), 1, link, plant)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(plant.run(), name="plant"), group.create_task(peer.run(), name="psu1")]
            await peer.is_serving.wait()
            link.give("029C00F0#0007A1200000C350")
            link.give("029A00F0#0000000000000000")
            await asyncio.sleep(9.5)
            assert plant.plant.outlet(1).setpoint.is_on
            await asyncio.sleep(1.0)
            assert not plant.plant.outlet(1).setpoint.is_on
            for task in tasks:
                task.cancel()

    run(body())


class Conversation:
    """A peer on a bus with its plant, running."""

    def __init__(self, peer_class: type[CanModulesPeer], *addresses: int) -> None:
        self.plant, self.link = plant_bus(), FakeLink()
        self.peer = peer_class("psu1", addresses, 1, self.link, self.plant)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Conversation:
        self._tasks = [asyncio.create_task(self.plant.run(), name="plant"), asyncio.create_task(self.peer.run(), name="psu1")]
        await self.peer.is_serving.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def say(self, *frames: str) -> list[str]:
        for frame in frames:
            self.link.give(frame)
        return self.link.take()

    @property
    def setpoint(self) -> Setpoint:
        return self.plant.plant.outlet(1).setpoint


@pytest.mark.parametrize(
    ("peer_class", "address", "commands", "read", "answer"),
    [
        (
            Protocol060Modules,
            3,
            ("06081F80#0300002143FA0000", "06081F80#0300001B00005000", "06081F80#0300003000000000"),
            "06081F80#1000000100000000",
            "060F8018#41F0000143FA0000",
        ),
        (
            UuGreenModules,
            1,
            ("02204000#000200000007A120", "02204000#0003000000004E20", "02204000#0004000000000000"),
            "02204000#0262000000000000",
            "02204BC1#036200000007A120",
        ),
        (
            InfypowerBegModules,
            0,
            ("02A400F0#100100000007A120", "02A400F0#1002000000004E20", "02A400F0#11100000000000A0"),
            "02A300F0#1001000000000000",
            "02A3F000#100100000007A120",
        ),
    ],
)
def test_other_families_by_frames(
    peer_class: type[CanModulesPeer], address: int, commands: tuple[str, ...], read: str, answer: str
) -> None:
    """500 V, 20 A and on; the voltage stands when it is asked for; everything the peer does not know is passed over or refused."""

    async def body() -> None:
        async with Conversation(peer_class, address) as talk:
            talk.say(*commands)
            assert talk.setpoint == Setpoint(500.0, 20.0)
            await asyncio.sleep(3.0)
            assert talk.say(read) == [answer]
            talk.say(read[:9] + "FFFFFFFFFFFFFFFF")
            assert talk.setpoint == Setpoint(500.0, 20.0)

    run(body())


def test_a_low_range_ends_at_500_volts_and_does_not_change_while_on() -> None:
    """As the modules' documents have it: the change is only taken with the output off."""

    async def body() -> None:
        async with Conversation(UuGreenModules, 1) as talk:
            talk.say("02204000#005F000000000002", "02204000#00020000000C3500", "02204000#0003000000004E20", "02204000#0004000000000000")
            assert talk.setpoint == Setpoint(500.0, 20.0)
            talk.say("02204000#005F000000000001")
            assert talk.setpoint == Setpoint(500.0, 20.0)
            talk.say("02204000#0004000000000001", "02204000#005F000000000001", "02204000#0004000000000000")
            assert talk.setpoint == Setpoint(800.0, 20.0)

    run(body())


def test_a_second_module_on_an_address_answers_too() -> None:
    """Each with its own bar code, and both say what is wrong; the module beside them does not."""

    async def body() -> None:
        async with Conversation(InfypowerModules, 0, 1) as talk:
            assert len(talk.say("028B00F0#0000000000000000")) == 1
            talk.peer.set_field("duplicate_address", True)
            assert len(set(talk.say("028B00F0#0000000000000000"))) == 2
            assert talk.say("028400F0#0000000000000000")[0][-6:] == "020100"  # state 2: duplicate, state 1: off
            assert talk.say("028401F0#0000000000000000")[0][-6:] == "000100"

    run(body())


def test_a_failed_module_is_off_and_says_so() -> None:
    """The others give what they are told."""

    async def body() -> None:
        async with Conversation(InfypowerModules, 0, 1, 2, 3) as talk:
            for module in range(4):
                talk.say(f"029C0{module}F0#0007A12000002710", f"029A0{module}F0#0000000000000000")
            talk.peer.set_field("modules_failed", 1)
            talk.say("029A00F0#0000000000000000")
            assert talk.setpoint == Setpoint(500.0, 30.0)
            assert talk.say("028403F0#0000000000000000")[0][-6:] == "000300"  # off, fault
            assert talk.say("028402F0#0000000000000000")[0][-6:] == "000000"

    run(body())


def test_a_current_that_no_module_was_told_to_give_is_told_by_all() -> None:
    """Half of it by each of two that are off; by the one that is on, where one is."""

    async def body() -> None:
        async with Conversation(InfypowerModules, 0, 1) as talk:
            talk.plant.plant.outlet(1).current_a = 20.0
            read = ("028300F0#0000000000000000", "028301F0#0000000000000000")
            assert [frame[-8:] for frame in talk.say(*read)] == ["41200000", "41200000"]
            talk.say("029C00F0#0007A12000002710", "029A00F0#0000000000000000")
            talk.plant.plant.outlet(1).current_a = 20.0
            assert [frame[-8:] for frame in talk.say(*read)] == ["41A00000", "00000000"]

    run(body())


def test_temperature_and_pilot_by_frames() -> None:
    """Both contacts of the connector, offset by 40 degrees; a pilot at E or F is 0 V."""

    async def body() -> None:
        plant, link = plant_bus(), FakeLink()
        peer = AdvanticsController("secc1", 0, 1, link, plant)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(plant.run(), name="plant"), group.create_task(peer.run(), name="secc1")]
            await peer.is_serving.wait()
            await asyncio.sleep(0.05)
            assert {"0006B201#0000000000414141", "0006B203#0CE8030000000000"} <= set(link.take())
            peer.set_field("temperature_c", 91)
            peer.set_field("pilot", "E")
            await asyncio.sleep(1.0)
            assert {"0006B201#0000000000418383", "0006B203#00E8030000000000"} <= set(link.take())
            for task in tasks:
                task.cancel()

    run(body())


def test_session_by_frames() -> None:
    """The controller walks through a session as the interface's documents describe it, up to the charge loop."""

    async def body() -> None:
        plant, link = plant_bus(), FakeLink()
        peer = AdvanticsController("secc1", 0, 1, link, plant)
        said: list[str] = []
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(plant.run(), name="plant"), group.create_task(peer.run(), name="secc1")]
            await peer.is_serving.wait()
            await asyncio.sleep(0.15)
            assert "0006B000#01" in link.take()
            plant.plant.plug_in(1, Vehicle(soc_percent=42.0, capacity_kwh=77.0, voltage_v=480.0))
            plant.poke()
            await asyncio.sleep(0.5)
            assert {"0006B000#02", "0006B001#0201"} <= set(link.take())
            link.give("00063002#010700")  # may start, authorised, parameters done
            for _ in range(120):
                present_v = plant.plant.outlet(1).telemetry().voltage_v
                plant.plant.outlet(1).setpoint = Setpoint(_target_v(said), 2.0)
                plant.plant.outlet(1).is_coil_on = True
                link.give(f"00063000#{round(present_v * 10).to_bytes(2, 'little').hex()}0000494901FA")
                await asyncio.sleep(0.1)
                said += link.take()
            for task in tasks:
                task.cancel()
        for state in ("0B", "03", "04", "05", "06", "07"):
            assert f"0006B000#{state}" in said
        assert "0006B003#88130000000042" in said  # 500.0 V, insulation test, contactors closed
        assert "0006B100#4D002A006464" in said  # 77 kWh, 42 %
        assert "0006B002#01" in said
        assert "0006B105#0242AC110001" in said

    run(body())


def _target_v(said: list[str]) -> float:
    wishes = [frame for frame in said if frame.startswith("0006B003#")]
    return int.from_bytes(bytes.fromhex(wishes[-1][9:13]), "little") / 10 if wishes else 0.0


@pytest.mark.parametrize(("health", "count"), [(Health(is_online=False), 0), (Health(delay_s=0.4), 1)], ids=["silent", "late"])
def test_steered_controller(health: Health, count: int) -> None:
    """A silent controller sends nothing; a late one sends what it would have sent, later."""

    async def body() -> None:
        plant, link = plant_bus(), FakeLink()
        peer = AdvanticsController("secc1", 0, 1, link, plant)
        peer.misbehave(health)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(plant.run(), name="plant"), group.create_task(peer.run(), name="secc1")]
            await asyncio.sleep(0.39)
            assert link.take() == []
            await asyncio.sleep(0.06)
            assert link.take().count("0006B000#01") == count
            for task in tasks:
                task.cancel()

    run(body())
