"""The GPIO board by libgpiod, on a kernel in memory."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hal.bus.gpio import LineOptions, chips
from hal.errors import DeviceUnavailable
from hal.io.gpio import GpioIo, GpioOptions
from hal.io.lock_motor import LockOptions
from hal.ports import Place, SafetyIo, SafetyLines
from hal.types import SafetyInputs, SafetyOutputs
from tests.support import fake_gpiod
from tests.support.fake_gpiod import Bias, Drive, Edge, FakeChip, FakeGpiod, FakeLine

LINES = {
    "k1": LineOptions(name="K1", direction="out", active_low=True, drive="open-drain"),
    "k1_feedback": LineOptions(name="K1_FB", direction="in"),
    "estop": LineOptions(name="ESTOP", direction="in", pull="up"),
    "door": LineOptions(name="DOOR", direction="in", pull="up", debounce_s=0.04),
}
NAMED = SafetyLines(contactors={1: "k1"}, estop="estop", door="door")


class Kernel:
    """Two chips: the board's own, and one of the processor."""

    def __init__(self, folder: Path) -> None:
        self.main = FakeChip("gpio-main", [FakeLine("K1"), FakeLine("K1_FB"), FakeLine("ESTOP"), FakeLine("DOOR"), FakeLine("LED")])
        self.other = FakeChip("soc", [FakeLine("LED"), FakeLine(), FakeLine("WIFI_ON", consumer="wlan")])
        paths = [folder / "gpiochip0", folder / "gpiochip1"]
        for path in paths:
            path.touch()
        (folder / "gpiochip9").touch()  # no chip, only called like one
        self.gpiod = FakeGpiod({str(paths[0]): self.other, str(paths[1]): self.main})
        self.folder = folder

    def line(self, name: str) -> FakeLine:
        return next(line for line in self.main.lines if line.name == name)

    def put(self, name: str, *, is_high: bool) -> None:
        self.main.put(self.main.lines.index(self.line(name)), is_high=is_high)

    def board(self, lines: dict[str, LineOptions] | None = None, chip: str | None = None) -> GpioIo:
        return GpioIo("io", GpioOptions(lines=lines or LINES, factory="gpiod", chip=chip), Place(self.folder, self.folder))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel(tmp_path)
    monkeypatch.setitem(sys.modules, "gpiod", made.gpiod)
    monkeypatch.setattr(chips, "DEVICES", tmp_path)
    return made


def opened(kernel: Kernel, lines: SafetyLines = NAMED) -> SafetyIo:
    safety = kernel.board().safety_io(lines)
    safety.open()
    return safety


def refused(kernel: Kernel, line: LineOptions, chip: str | None = None) -> str:
    """What is said when a board with this line is opened."""
    safety = kernel.board({"x": line}, chip).safety_io(SafetyLines(estop="x"))
    with pytest.raises(DeviceUnavailable) as caught:
        safety.open()
    return str(caught.value)


async def test_outputs_are_inactive_from_the_first_moment(kernel: Kernel) -> None:
    """A coil that is active when low is high when it is claimed, and high again before it is given back: no other level in between."""
    safety = opened(kernel)
    coil = kernel.line("K1")
    assert (coil.levels, coil.settings.drive, coil.consumer) == ([True], Drive.OPEN_DRAIN, "chargerd k1")
    safety.apply(SafetyOutputs(frozenset({1})))
    safety.close()
    assert coil.levels == [True, False, True]
    assert coil.consumer == ""


async def test_inputs_are_asked_for_as_configured(kernel: Kernel) -> None:
    """Pull and edges; the door is debounced by the kernel, the emergency stop is not: it counts at once when pressed."""
    safety = opened(kernel)
    door, estop = kernel.line("DOOR").settings, kernel.line("ESTOP").settings
    assert (door.bias, door.edge_detection, door.debounce_period) == (Bias.PULL_UP, Edge.BOTH, timedelta(seconds=0.04))
    assert estop.debounce_period == timedelta()
    safety.close()


async def test_the_gate_is_told_of_an_edge(kernel: Kernel) -> None:
    """Nobody has to read the lines to find out."""
    safety = opened(kernel)
    moved = asyncio.Event()
    assert safety.watch(moved.set)
    assert safety.read() == SafetyInputs(is_estop_pressed=False, is_door_open=False)
    kernel.put("ESTOP", is_high=True)
    async with asyncio.timeout(2.0):
        await moved.wait()
    assert safety.read().is_estop_pressed
    safety.close()


async def test_a_chip_without_interrupts_is_read(kernel: Kernel) -> None:
    """It cannot tell and cannot debounce; both is done here then."""
    kernel.main.has_interrupts = False
    safety = opened(kernel)
    assert not safety.watch(lambda: None)
    assert not safety.read().is_door_open
    kernel.put("DOOR", is_high=True)
    assert not safety.read().is_door_open
    await asyncio.sleep(0.05)
    assert safety.read().is_door_open
    safety.close()


async def test_a_line_of_somebody_else_names_the_holder(kernel: Kernel) -> None:
    """And what was claimed before is given back."""
    kernel.line("ESTOP").consumer = "gpio-keys"
    with pytest.raises(DeviceUnavailable, match=r"io: line estop \(ESTOP\) cannot be claimed: it is held by 'gpio-keys'; stop that first"):
        opened(kernel)
    assert kernel.line("K1").consumer == ""


@pytest.mark.parametrize(
    ("line", "chip", "said"),
    [
        (LineOptions(name="ESTOPP", direction="in"), None, "there is no line of that name; did you mean 'ESTOP'?"),
        (LineOptions(name="LED", direction="in"), None, "several lines have that name: line 0 of .*gpiochip0, line 4 of .*gpiochip1; give"),
        (LineOptions(name="ESTOP", direction="in"), "soc", "no line of that name; known: LED, WIFI_ON"),
        (LineOptions(name="ESTOP", direction="in"), "gpio", r"no chip is called gpio; there are soc \(.*\), gpio-main \(.*gpiochip1\)"),
        (LineOptions(number=5, direction="in"), "gpio-main", r"line x \(GPIO5\) cannot be claimed: line offset of out range"),
    ],
    ids=["no such name", "ambiguous", "other chip", "no such chip", "number too high"],
)
async def test_what_is_not_there_is_told_with_what_is(kernel: Kernel, line: LineOptions, chip: str | None, said: str) -> None:
    """The technician sees what to write instead."""
    assert re.search(said, refused(kernel, line, chip))


async def test_chips_of_one_label_have_to_be_given_by_path(kernel: Kernel) -> None:
    kernel.other.label = "gpio-main"
    assert "several chips are called gpio-main" in refused(kernel, LineOptions(number=2, direction="in"), "gpio-main")
    safety = kernel.board({"x": LineOptions(number=2, direction="in")}, str(kernel.folder / "gpiochip1")).safety_io(SafetyLines(estop="x"))
    safety.open()
    assert kernel.line("ESTOP").consumer == "chargerd x"
    safety.close()


async def test_a_chip_that_is_pulled_out_makes_the_lines_unreadable(kernel: Kernel) -> None:
    """The gate is told and reads that nothing can be read; closing says which line could not be driven."""
    safety = opened(kernel)
    moved = asyncio.Event()
    safety.watch(moved.set)
    kernel.main.pull_out()
    async with asyncio.timeout(2.0):
        await moved.wait()
    assert not safety.read().is_readable
    with pytest.raises(DeviceUnavailable, match=r"line k1 \(K1\) cannot be released"):
        safety.close()
    assert all(line.request is None for line in kernel.main.lines)


async def test_without_the_library_it_is_said_how_to_get_it(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """None in `sys.modules` makes an import fail."""
    monkeypatch.setitem(sys.modules, "gpiod", None)
    assert "GPIO by gpiod is not possible here" in refused(kernel, LineOptions(name="ESTOP", direction="in"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chip": "gpio-main", "lines": {}}, "chip needs factory: gpiod"),
        ({"lines": {"a": LineOptions(name="A", direction="in")}}, "line a is given by its name, which needs factory: gpiod"),
        (
            {"factory": "gpiod", "lines": {"a": LineOptions(number=1, direction="in")}},
            "line a is given by its number, which needs the chip",
        ),
        ({"lines": {"a": LineOptions(number=1, direction="out", drive="open-drain")}}, "line a: drive: open-drain needs factory: gpiod"),
        (
            {"lines": {"a": LineOptions(number=1, direction="out"), "b": LineOptions(number=1, direction="in")}},
            "lines a and b are both GPIO1",
        ),
        ({"locks": {"lock1": LockOptions()}}, "locks.lock1: there is no line lock1_lock"),
    ],
    ids=["chip", "name", "number", "drive", "twice", "lock"],
)
def test_what_the_factory_cannot_do_is_refused(options: dict[str, Any], said: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ValueError, match=said):
        GpioOptions(**options)


def test_a_line_has_a_number_or_a_name() -> None:
    for wrong in ({}, {"number": 1, "name": "A"}):
        with pytest.raises(ValueError, match="number or by its name"):
            LineOptions(direction="in", **wrong)  # type: ignore[arg-type]


# --- the fake itself ----------------------------------------------------------------------------------------------------------------


def test_the_fake_has_the_shape_of_the_library() -> None:
    """Every name, parameter and field that the fake offers exists in the real bindings."""
    gpiod: Any = pytest.importorskip("gpiod", reason="needs the extra [gpiod]")

    def parameters(function: Callable[..., object]) -> list[str]:
        return list(inspect.signature(function).parameters)

    def public(kind: type) -> dict[str, Callable[..., object]]:
        return {name: one for name, one in vars(kind).items() if inspect.isfunction(one) and not name.startswith("_")}

    for fake, real in ((fake_gpiod.OpenChip, gpiod.Chip), (fake_gpiod.LineRequest, gpiod.LineRequest)):
        for name, method in public(fake).items():
            assert set(parameters(method)) <= set(parameters(getattr(real, name))), name
    real_fields = {one.name for one in dataclasses.fields(gpiod.LineSettings)}
    assert {one.name for one in dataclasses.fields(fake_gpiod.LineSettings)} <= real_fields
    for name, kind in vars(FakeGpiod.line).items():
        assert {member.name for member in kind} <= {member.name for member in getattr(gpiod.line, name)}
    assert parameters(gpiod.is_gpiochip_device) == ["path"]
    assert {"label", "num_lines"} <= {one.name for one in dataclasses.fields(gpiod.chip_info.ChipInfo)}
    assert {"name", "consumer"} <= {one.name for one in dataclasses.fields(gpiod.line_info.LineInfo)}
