"""The GPIO board on the mock pin factory, alone and mirrored to a simulated world."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.bus.gpio import GpioLines, LineOptions
from hal.errors import ConfigError, DeviceUnavailable
from hal.io.gpio import GpioIo, GpioOptions
from hal.ports import Place, SafetyLines
from hal.types import InsulationReading, SafetyInputs, SafetyOutputs
from tests.conformance.links import Supervised

LINES = {
    "k1": LineOptions(number=17, direction="out"),
    "k1_feedback": LineOptions(number=27, direction="in", active_low=True),
    "k2": LineOptions(number=18, direction="out", active_low=True),
    "estop": LineOptions(number=22, direction="in", pull="up"),
    "door": LineOptions(number=23, direction="in", pull="up"),
    "insulation": LineOptions(number=24, direction="in", pull="up"),
}
COILS = {1: "k1", 2: "k2"}
OK = {"estop": 0, "door": 0, "k1_feedback": 0, "insulation": 0}


def board(place: Path, mirror: str | None = None) -> GpioIo:
    return GpioIo("io", GpioOptions(lines=LINES, factory="mock", mirror=mirror), Place(place, place))


class World:
    """The simulated world: hears outputs, tells inputs."""

    def __init__(self) -> None:
        self.heard: dict[str, int] = {}
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.tell(**OK)
        while text := await reader.readline():
            message = json.loads(text)
            self.heard[message["line"]] = message["value"]

    def tell(self, **inputs: int) -> None:
        for label, value in inputs.items():
            self.writers[-1].write(json.dumps({"line": label, "value": value}).encode() + b"\n")

    def hang_up(self) -> None:
        self.writers.pop().close()


@asynccontextmanager
async def world_at(path: Path) -> AsyncIterator[World]:
    world = World()
    server = await asyncio.start_unix_server(world.serve, str(path))
    async with server:
        yield world
        for writer in world.writers:
            writer.close()


async def until(condition: object) -> None:
    """Let the loop run until it holds."""
    assert callable(condition)
    async with asyncio.timeout(2.0):
        while not condition():
            await asyncio.sleep(0.005)


async def test_open_claims_everything_inactive(tmp_path: Path) -> None:
    """After `open` all coils are off, and inputs with nothing on them read as broken wires."""
    io = board(tmp_path)
    safety = io.safety_io(SafetyLines(contactors=COILS, estop="estop", door="door"))
    safety.open()
    assert safety.read() == SafetyInputs(is_estop_pressed=True, is_door_open=True, closed_contactors=frozenset({1}))
    assert io.read("k1") is False
    assert io.read("k2") is False
    assert safety.watch(lambda: None)
    safety.close()


async def test_a_coil_without_feedback_reads_as_it_is_driven(tmp_path: Path) -> None:
    """Only a feedback line knows better."""
    io = board(tmp_path)
    safety = io.safety_io(SafetyLines(contactors={2: "k2"}))
    safety.open()
    safety.apply(SafetyOutputs(frozenset({2})))
    assert safety.read() == SafetyInputs(is_estop_pressed=False, is_door_open=False, closed_contactors=frozenset({2}))
    safety.apply(SafetyOutputs())
    assert safety.read().closed_contactors == frozenset()
    safety.close()


async def test_a_held_line_is_named(tmp_path: Path) -> None:
    """Claiming twice names the line; what was claimed before is released again."""
    io = board(tmp_path)
    first, second = (io.safety_io(SafetyLines(contactors=COILS, estop="estop")) for _ in range(2))
    first.open()
    with pytest.raises(DeviceUnavailable, match="line k1 is already claimed"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_the_configuration_of_the_wiring_is_checked(tmp_path: Path) -> None:
    """Unknown labels, wrong directions and a pull that hides a broken wire are told together."""
    lines = LINES | {"estop": LineOptions(number=22, direction="in", pull="down")}
    io = GpioIo("io", GpioOptions(lines=lines, factory="mock"), Place(tmp_path, tmp_path))
    with pytest.raises(ConfigError) as caught:
        io.safety_io(SafetyLines(contactors={1: "door", 2: "k9"}, estop="estop", door="k1"))
    told = "\n".join(caught.value.problems)
    assert "k9" in told
    assert "broken wire" in told
    assert told.count("direction") == 2


def test_an_unavailable_factory_is_no_fallback() -> None:
    """Where the chosen factory does not work there is no other one."""
    lines = GpioLines("io", "lgpio", LINES)
    with pytest.raises(DeviceUnavailable, match="lgpio"):
        lines.claim("k1")


def test_a_mirror_needs_the_mock_factory() -> None:
    """Real pins are driven by the real world."""
    with pytest.raises(ValueError, match="mirror"):
        GpioOptions(lines=LINES, factory="lgpio", mirror="gpio.sock")


async def test_the_mirror_carries_outputs_and_inputs(tmp_path: Path) -> None:
    """All outputs are told at first, changes after that, and inputs move the pins."""
    io = board(tmp_path, "gpio.sock")
    safety = io.safety_io(SafetyLines(contactors=COILS, estop="estop", door="door"))
    safety.open()
    async with world_at(tmp_path / "gpio.sock") as world, Supervised(io):
        await until(lambda: safety.read().is_readable)
        await until(lambda: world.heard == {"k1": 0, "k2": 0})
        assert safety.read() == SafetyInputs(is_estop_pressed=False, is_door_open=False)
        safety.apply(SafetyOutputs(frozenset({1, 2})))
        await until(lambda: world.heard == {"k1": 1, "k2": 1})
        moved = asyncio.Event()
        assert safety.watch(moved.set)
        world.tell(k1_feedback=1, estop=1)
        async with asyncio.timeout(2.0):
            await moved.wait()
        await until(lambda: safety.read().is_estop_pressed and safety.read().closed_contactors == {1, 2})
        safety.close()
        await until(lambda: world.heard == {"k1": 0, "k2": 0})


async def test_without_the_world_everything_reads_as_broken(tmp_path: Path) -> None:
    """Before it is there and after it went away the lines are unreadable; it heals when it is back."""
    io = board(tmp_path, "gpio.sock")
    safety = io.safety_io(SafetyLines(contactors=COILS, estop="estop", door="door"))
    safety.open()
    broken = SafetyInputs(is_mains_lost=True, is_readable=False)
    assert safety.read() == broken
    async with world_at(tmp_path / "gpio.sock") as world, Supervised(io, pause_s=0.01) as run:
        await until(lambda: safety.read().is_readable)
        world.hang_up()
        await until(lambda: safety.read() == broken)
        assert "mirror" in str(run.errors[0][1])
        await until(lambda: safety.read().is_readable)
    safety.close()


async def test_an_insulation_monitor_on_a_line(tmp_path: Path) -> None:
    """An inactive line is good insulation; a lost mirror ends the run with an error."""
    io = board(tmp_path, "gpio.sock")
    monitor = io.insulation_monitor("insulation")
    async with world_at(tmp_path / "gpio.sock") as world, Supervised(io), Supervised(monitor, pause_s=0.01) as run:
        await until(lambda: run.values == [InsulationReading(is_safe=True)])
        world.tell(insulation=1)
        await until(lambda: run.values[-1] == InsulationReading(is_safe=False))


async def test_nonsense_on_the_mirror_ends_the_run(tmp_path: Path) -> None:
    """What is no JSON object is refused; a line nobody knows is passed over."""
    io = board(tmp_path, "gpio.sock")
    async with world_at(tmp_path / "gpio.sock") as world, Supervised(io) as run:
        await until(lambda: world.writers)
        world.tell(nobody=1)
        world.writers[-1].write(b"[]\n")
        await until(lambda: run.errors)
        assert "makes no sense" in str(run.errors[0][1])


def test_inputs_count_by_what_they_are_used_for(tmp_path: Path) -> None:
    """A door that rattles is not open, a contact that bounces stays closed; an emergency stop counts at once and is released after 5 ms."""

    async def main() -> None:
        io = board(tmp_path)
        safety = io.safety_io(SafetyLines(contactors=COILS, estop="estop", door="door"))
        safety.open()
        looks: list[SafetyInputs] = []
        assert safety.watch(lambda: looks.append(safety.read()))

        async def put(pause_s: float, **levels: bool) -> SafetyInputs:
            for label, is_active in levels.items():
                io._lines.simulate(label, is_active)
            await asyncio.sleep(pause_s)
            return safety.read()

        at_rest = await put(1.0, estop=False, door=False, k1_feedback=False)
        assert at_rest == SafetyInputs(is_estop_pressed=False, is_door_open=False)
        assert await put(0.02, door=True) == at_rest
        assert await put(0.1, door=False) == at_rest
        assert (await put(0.0, estop=True)).is_estop_pressed
        assert (await put(0.003, estop=False)).is_estop_pressed
        assert await put(0.01) == at_rest
        await put(0.019, k1_feedback=True)
        assert looks[-1] == at_rest
        await put(0.002)
        assert looks[-1].closed_contactors == {1}
        assert (await put(0.01, k1_feedback=False)).closed_contactors == {1}
        safety.close()

    run_virtual(main())
