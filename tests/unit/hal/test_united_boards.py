"""Several boards as one, over the simulated ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal.errors import DeviceUnavailable
from hal.io.united import united
from hal.mock.mock_io import MockIo
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.mock.steering import Health
from hal.ports import Place, SafetyIo, SafetyLines
from hal.types import SafetyInputs, SafetyOutputs

LEFT = SafetyLines(contactors={1: "k1"}, residual_current={1: "rcd1"}, estop="estop")
RIGHT = SafetyLines(contactors={2: "k2"}, over_temperature={2: "hot2"}, door="door")
AT_REST = SafetyInputs(is_estop_pressed=False, is_door_open=False)


class Bench:
    def __init__(self, tmp_path: Path) -> None:
        self.bus = PlantBus("plant", PlantOptions(outlets=2), Place(tmp_path, tmp_path))
        self.left, self.right = (MockIo(name, MockIo.Options(), self.bus) for name in ("left", "right"))
        self.left_io, self.right_io = self.left.safety_io(LEFT), self.right.safety_io(RIGHT)
        self.both: SafetyIo = united([self.left_io, self.right_io])

    def coils(self) -> list[bool]:
        return [self.bus.plant.outlet(number).is_coil_on for number in (1, 2)]


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_each_line_is_read_from_its_own_board(bench: Bench) -> None:
    """What a board has no line for is not active."""
    bench.both.open()
    assert bench.both.read() == AT_REST
    for name in ("rcd1", "hot2", "door"):
        bench.bus.plant.set_input(name, active=True)
    read = bench.both.read()
    assert (read.leaking, read.overheated, read.is_door_open, read.is_estop_pressed) == ({1}, {2}, True, False)


async def test_each_coil_is_driven_by_its_own_board(bench: Bench) -> None:
    """And all fall off at the end."""
    bench.both.open()
    bench.both.apply(SafetyOutputs(frozenset({2})))
    assert bench.coils() == [False, True]
    bench.both.apply(SafetyOutputs(frozenset({1, 2})))
    assert bench.coils() == [True, True]
    bench.both.close()
    assert bench.coils() == [False, False]


async def test_one_unreadable_board_makes_all_unreadable(bench: Bench) -> None:
    """The gate then opens everything: it cannot know what it does not see."""
    bench.both.open()
    bench.right.misbehave(Health(is_online=False))
    assert not bench.both.read().is_readable


async def test_a_board_that_is_held_leaves_none_claimed(bench: Bench) -> None:
    """The first one is given back when the second cannot be had."""
    bench.right_io.open()
    with pytest.raises(DeviceUnavailable, match="right"):
        bench.both.open()
    bench.right_io.close()
    bench.both.open()


async def test_a_board_that_fails_keeps_no_other_from_being_driven(bench: Bench) -> None:
    """Opening goes through all boards; the failure comes out afterwards."""

    class Broken:
        name = "broken"

        def apply(self, outputs: SafetyOutputs) -> None:
            raise DeviceUnavailable("broken: gone")

    bench.right_io.open()
    bench.right_io.apply(SafetyOutputs(frozenset({2})))
    both = united([Broken(), bench.right_io])  # type: ignore[list-item]
    with pytest.raises(DeviceUnavailable, match="gone"):
        both.apply(SafetyOutputs())
    assert bench.coils() == [False, False]


def test_one_board_is_itself(bench: Bench) -> None:
    """No layer between."""
    assert united([bench.left_io]) is bench.left_io
