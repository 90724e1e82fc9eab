"""Scenario files: what happens, when, and what must follow. Read whole, with every problem as `file:line: message`.

Steps are done in order. `at` is the time since the scenario began, on its own clock; a step without it follows the one before at once.
The words of the steps are those of `vocabulary.py`; docs/scenarios.md explains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from chargerd.sim import vocabulary
from chargerd.sim.vocabulary import EXTRAS, WORDS
from hal.errors import ConfigError
from hal.options import Document, Node, nearest
from hal.scalars import Misfit, quantity

TOP = ("name", "station", "config", "tokens", "steps")


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a scenario: `word` is one of `WORDS`, `arguments` its mapping, `at_s` when it is due, `where` its file and line."""

    word: str
    arguments: Mapping[str, Any]
    at_s: float | None
    where: str
    within_s: float = 0.0
    payload: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file says.

    station: the configuration it is written for, None for any; overlay: what it changes there; tokens: what the central system says of id
    tags.
    """

    name: str
    station: Path | None
    overlay: Mapping[str, Any]
    tokens: Mapping[str, Mapping[str, Any]]
    steps: tuple[Step, ...]


def load(path: Path) -> Scenario:
    """Read a scenario. Raises ConfigError with all its problems."""
    root = Document.load(path).root
    problems = [node.at(f"unknown key {key!r}; {nearest(key, list(TOP))}") for key, node in root.items.items() if key not in TOP]
    steps_node = root.items.get("steps")
    if steps_node is None or not isinstance(steps_node.value, tuple) or not steps_node.value:
        raise ConfigError([*problems, root.at("steps: a scenario needs a list of steps")])
    steps = [step for node in steps_node.value if (step := _step(node, problems)) is not None]
    times = [step for step in steps if step.at_s is not None]
    for before, after in pairwise(times):
        if (after.at_s or 0.0) < (before.at_s or 0.0):
            problems.append(f"{after.where}: at: earlier than the step before it")
    station = _station(root.items["station"], path.parent, problems) if "station" in root.items else None
    if problems:
        raise ConfigError(problems)
    return Scenario(
        name=str(root.items["name"].plain()) if "name" in root.items else path.stem,
        station=station,
        overlay=_mapping(root.items.get("config")),
        tokens=_mapping(root.items.get("tokens")),
        steps=tuple(steps),
    )


def _station(node: Node, folder: Path, problems: list[str]) -> Path:
    """The configuration that a scenario names, relative to its own file."""
    station = folder / str(node.value)
    if not station.is_file():
        problems.append(node.at(f"station: there is no file {station}"))
    return station


def _step(node: Node, problems: list[str]) -> Step | None:
    words = [key for key in node.items if key in WORDS]
    if len(words) != 1:
        unknown = [key for key in node.items if key not in WORDS]
        said = f"; {unknown[0]!r} is not known" if unknown and not words else ""
        problems.append(node.at(f"a step has one of {', '.join(WORDS)}{said}"))
        return None
    word = words[0]
    allowed = (word, "at", *EXTRAS.get(word, ()))
    problems += [found.at(f"unknown key {key!r} beside {word}") for key, found in node.items.items() if key not in allowed]
    found = node.items[word]
    problems += vocabulary.problems(word, found)
    arguments = found.plain() if isinstance(found.value, Mapping) else {"value": found.plain()}
    if word == "wait":
        arguments = {"value": _seconds(found, "wait", problems)}
    at_s = _seconds(node.items["at"], "at", problems) if "at" in node.items else None
    within_s = _seconds(node.items["within"], "within", problems) if "within" in node.items else 10.0
    payload = _mapping(node.items["payload"]) if "payload" in node.items else None
    answer = _mapping(node.items["answer"]) if "answer" in node.items else None
    told = dict(arguments) if isinstance(arguments, Mapping) else {}
    return Step(word, told, at_s, f"{node.file}:{node.line}", within_s, payload, answer)


def _seconds(node: Node, word: str, problems: list[str]) -> float:
    """A number of seconds, or a text such as `20min`."""
    value = node.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return quantity(str(value), "s")
    except Misfit as error:
        problems.append(node.at(f"{word}: {error}"))
        return 0.0


def _mapping(node: Node | None) -> dict[str, Any]:
    plain = node.plain() if node is not None else {}
    return dict(plain) if isinstance(plain, Mapping) else {}
