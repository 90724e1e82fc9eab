"""The GPIO board for who has no event loop: on a kernel in memory, and mirrored to a simulated world over a socket."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hal.bus.gpio import LineOptions, chips
from hal.errors import DeviceUnavailable
from hal.io.gpio_options import GpioOptions
from hal.io.polled_board import PolledBoard
from hal.ports import Place, SafetyLines
from hal.types import SafetyInputs, SafetyOutputs
from tests.support.fake_gpiod import FakeChip, FakeGpiod, FakeLine

NAMED = SafetyLines(contactors={1: "k1"}, estop="estop", door="door")
ONE = frozenset({1})


class Clock:
    """Seconds by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


# --- on chips ---------------------------------------------------------------------------------------------------------------------

CHIP_LINES = {
    "k1": LineOptions(name="K1", direction="out"),
    "k1_feedback": LineOptions(name="K1_FB", direction="in"),
    "estop": LineOptions(name="ESTOP", direction="in", pull="up"),
    "door": LineOptions(name="DOOR", direction="in", pull="up", debounce_s=0.04),
}


@pytest.fixture
def chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeChip:
    made = FakeChip("gpio-main", [FakeLine("K1"), FakeLine("K1_FB"), FakeLine("ESTOP"), FakeLine("DOOR")])
    (tmp_path / "gpiochip0").touch()
    monkeypatch.setitem(sys.modules, "gpiod", FakeGpiod({str(tmp_path / "gpiochip0"): made}))
    monkeypatch.setattr(chips, "DEVICES", tmp_path)
    return made


def test_lines_of_a_chip_are_driven_and_read_without_a_loop(chip: FakeChip, tmp_path: Path) -> None:
    """Claimed inactive, driven, read at each look, and given back inactive."""
    board = PolledBoard("io", GpioOptions(lines=CHIP_LINES, factory="gpiod"), Place(tmp_path, tmp_path), Clock())
    safety = board.safety_io(NAMED)
    safety.open()
    assert not safety.watch(lambda: None)
    assert safety.read() == SafetyInputs(is_estop_pressed=False, is_door_open=False)
    safety.apply(SafetyOutputs(ONE))
    chip.put(1, is_high=True)
    chip.put(2, is_high=True)
    assert safety.read() == SafetyInputs(is_estop_pressed=True, is_door_open=False, closed_contactors=ONE)
    safety.close()
    assert chip.lines[0].levels == [False, True, False]


def test_a_line_that_somebody_holds_is_named(chip: FakeChip, tmp_path: Path) -> None:
    """Of two guards the second gets nothing."""
    options, place = GpioOptions(lines=CHIP_LINES, factory="gpiod"), Place(tmp_path, tmp_path)
    first, second = (PolledBoard("io", options, place, Clock()).safety_io(NAMED) for _ in range(2))
    first.open()
    with pytest.raises(DeviceUnavailable, match=r"line k1 .* is held by 'chargerd k1'"):
        second.open()
    first.close()
    second.open()
    second.close()


# --- mirrored ---------------------------------------------------------------------------------------------------------------------

MOCK_LINES = {
    "k1": LineOptions(number=5, direction="out"),
    "k1_feedback": LineOptions(number=12, direction="in", pull="down"),
    "lock1": LineOptions(number=6, direction="out"),  # somebody else's
    "estop": LineOptions(number=16, direction="in", pull="up"),
    "door": LineOptions(number=17, direction="in", pull="up", debounce_s=0.04),
}
INPUTS = {"k1_feedback": 0, "estop": 0, "door": 0}


class World:
    """The other end of the mirror, one board at a time."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._board: socket.socket | None = None

    def welcome(self, **values: int) -> None:
        self._board, _ = self._listener.accept()
        self._board.setblocking(False)
        self.tell(**(INPUTS | values))

    def tell(self, **values: int) -> None:
        for label, value in values.items():
            self.send(json.dumps({"line": label, "value": value}).encode() + b"\n")

    def send(self, data: bytes) -> None:
        assert self._board is not None
        self._board.sendall(data)

    def heard(self) -> list[tuple[str, int]]:
        assert self._board is not None
        return [(one["line"], one["value"]) for one in map(json.loads, self._board.recv(4096).splitlines())]

    def hang_up(self) -> None:
        assert self._board is not None
        self._board.close()

    def close(self) -> None:
        self._listener.close()
        if self._board is not None:
            self._board.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "lines.sock")
    yield made
    made.close()


def mirrored(folder: Path, clock: Clock) -> PolledBoard:
    return PolledBoard("io", GpioOptions(lines=MOCK_LINES, factory="mock", mirror="lines.sock"), Place(folder, folder), clock)


def test_the_world_is_heard_at_each_look_and_told_of_own_outputs_only(world: World, tmp_path: Path) -> None:
    """What others claim of the same board is not told as off."""
    clock = Clock()
    safety = mirrored(tmp_path, clock).safety_io(NAMED)
    safety.open()
    assert not safety.read().is_readable
    world.welcome()
    assert safety.read() == SafetyInputs(is_estop_pressed=False, is_door_open=False)
    safety.apply(SafetyOutputs(ONE))
    world.tell(k1_feedback=1)
    assert safety.read().closed_contactors == frozenset()
    clock.now_s += 0.03  # an auxiliary contact bounces
    assert safety.read().closed_contactors == ONE
    safety.close()
    assert world.heard() == [("k1", 0), ("k1", 1), ("k1", 0)]


def test_a_world_that_goes_away_is_unreadable_until_it_is_back(world: World, tmp_path: Path) -> None:
    """It is looked for twice a second, and told again what is driven."""
    clock = Clock()
    safety = mirrored(tmp_path, clock).safety_io(NAMED)
    safety.open()
    safety.read()
    world.welcome()
    safety.apply(SafetyOutputs(ONE))
    assert safety.read().is_readable
    world.hang_up()
    assert not safety.read().is_readable
    clock.now_s += 0.6
    safety.read()
    world.welcome(estop=1)
    assert safety.read().is_estop_pressed
    assert ("k1", 1) in world.heard()
    safety.close()


def test_a_door_is_debounced_by_the_clock_of_who_looks(world: World, tmp_path: Path) -> None:
    """A change counts once it has been seen for its span; the emergency stop at once."""
    clock = Clock()
    safety = mirrored(tmp_path, clock).safety_io(NAMED)
    safety.open()
    safety.read()
    world.welcome()
    safety.read()
    world.tell(door=1, estop=1)
    inputs = safety.read()
    assert (inputs.is_door_open, inputs.is_estop_pressed) == (False, True)
    clock.now_s += 0.05
    assert safety.read().is_door_open
    safety.close()


@pytest.mark.parametrize("nonsense", [b"what?\n", b'{"line": 1, "value": 1}\n', b'{"line": "estop", "value": 2}\n', b"x" * 70_000])
def test_a_world_that_makes_no_sense_is_left(world: World, tmp_path: Path, nonsense: bytes) -> None:
    """As if it had hung up."""
    safety = mirrored(tmp_path, Clock()).safety_io(NAMED)
    safety.open()
    safety.read()
    world.welcome()
    assert safety.read().is_readable
    world.send(nonsense)
    assert not safety.read().is_readable
    safety.close()
