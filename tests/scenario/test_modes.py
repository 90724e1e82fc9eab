"""One scenario file, four ways to play it: the facts are the same, in the same order per connector."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest

from chargerd.app.shipped import shipped
from chargerd.sim.rig import Mode
from chargerd.sim.runner import Result, play
from chargerd.sim.scenario import load

FILE = shipped("scenarios/two-sessions.yaml")


@pytest.fixture(scope="module")
def virtual() -> Result:
    return play(load(FILE), Mode.VIRTUAL)


@pytest.mark.parametrize("mode", [Mode.REALTIME, Mode.WIRES, Mode.MEMORY_WIRES])
def test_the_facts_do_not_depend_on_the_mode(mode: Mode, virtual: Result) -> None:
    """Virtual time, real time, real drivers on wires to another process and on wires in memory tell the same story."""
    result = play(load(FILE), mode)
    assert result.failures == []
    assert "\n".join(_differences(virtual, result)) == ""


def _differences(expected: Result, found: Result) -> Iterator[str]:
    """Line by line: what happens in real time cannot be had again to look at it."""
    before, after = expected.outline(), found.outline()
    for connector in sorted(before.keys() | after.keys()):
        name = f"connector {connector}"
        yield from unified_diff(
            before.get(connector, []), after.get(connector, []), f"{name} virtual", f"{name} {found.mode.value}", lineterm=""
        )


@pytest.mark.parametrize("mode", [Mode.VIRTUAL, Mode.MEMORY_WIRES])
def test_two_runs_in_virtual_time_are_identical(mode: Mode) -> None:
    """Not only the outline: every fact, with its time, its ids and its samples."""
    once, again = play(load(FILE), mode), play(load(FILE), mode)
    assert once.failures == []
    assert again.facts == once.facts


@pytest.mark.parametrize("file", sorted(Path(FILE).parent.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_scenario_passes_in_virtual_time(file: Path) -> None:
    """What ships, works."""
    assert play(load(file), Mode.VIRTUAL).failures == []


def test_a_sleeping_vehicle_is_woken_over_wires_too() -> None:
    """The controller's driver does it over the pilot, as often as it takes; the story is the same."""
    file = FILE.with_name("late-card.yaml")
    virtual, wires = (play(load(file), mode) for mode in (Mode.VIRTUAL, Mode.MEMORY_WIRES))
    assert (virtual.failures, wires.failures) == ([], [])
    assert wires.outline() == virtual.outline()
