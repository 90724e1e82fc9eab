"""The words of scenario files and what each may say. `problems` finds what a file has wrong before anything is started."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import get_args

from chargerd.core.facts import ConnectorStatus, Fact
from chargerd.core.faults import ERROR_CODES
from chargerd.csms.model import ACTIONS
from chargerd.sim.invariants import INVARIANTS
from hal.mock.simulation import Simulation
from hal.options import Node, nearest

Arguments = Mapping[str, bool]
"""Names of what a word takes, and whether each must be there."""


def _arguments(method: Callable[..., None]) -> Arguments:
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return {parameter.name: parameter.default is parameter.empty for parameter in parameters}


SIMULATED: Mapping[str, Arguments] = {
    "plug_in": _arguments(Simulation.plug_in),
    "plug_out": _arguments(Simulation.plug_out),
    "swipe": _arguments(Simulation.swipe),
    "ev_pause": _arguments(Simulation.ev_pause),
    "ev_resume": _arguments(Simulation.ev_resume),
    "input": _arguments(Simulation.input),
    "device": _arguments(Simulation.device),
    "set": _arguments(Simulation.set),
    "power_loss": _arguments(Simulation.power_loss),
    "fault": {"connector": False, "error_code": True, "vendor_error_code": False, "info": False},
    "clear_fault": {"connector": False, "error_code": False, "vendor_error_code": False},
    "power_cut": {},
}
"""Deeds in the simulated world and to the daemon."""

WORDS = (*SIMULATED, "link", "csms", "expect", "always", "wait")
EXTRAS = {"csms": ("payload", "answer"), "expect": ("within",)}
"""What may stand beside a word, `at` aside."""

_FACTS = {kind.__name__: {field.name for field in fields(kind)} for kind in get_args(Fact)}
_STATUSES = [status.value for status in ConnectorStatus]


def problems(word: str, node: Node) -> Iterator[str]:
    """What is wrong with what stands under a word, each as `file:line: message`."""
    match word:
        case "always" if node.value not in INVARIANTS:
            yield node.at(f"always: unknown invariant; {nearest(str(node.value), list(INVARIANTS))}")
        case "link" if node.value not in ("up", "down"):
            yield node.at(f"link: up or down, not {node.value!r}")
        case "csms" if not isinstance(node.value, str):
            yield node.at("csms: the name of an operation, such as RemoteStopTransaction; its payload stands beside it")
        case "expect":
            yield from _expectation(node)
        case _ if word in SIMULATED:
            yield from _deed(word, node, SIMULATED[word])
            if word == "fault" and "error_code" in node.items:
                yield from _one_of(node.items["error_code"], "error_code", list(ERROR_CODES), word)


def _deed(word: str, node: Node, arguments: Arguments) -> Iterator[str]:
    if node.value is not None and not isinstance(node.value, Mapping):
        yield node.at(f"{word}: should be a mapping, with {', '.join(arguments) or 'nothing in it'}")
        return
    for key, found in node.items.items():
        if key not in arguments:
            known = f"; {nearest(key, list(arguments))}" if arguments else ": it takes nothing"
            yield found.at(f"{word}: unknown key {key!r}{known}")
    for key, is_needed in arguments.items():
        if is_needed and key not in node.items:
            yield node.at(f"{word}: missing key {key!r}")


def _expectation(node: Node) -> Iterator[str]:
    """A fact with some of its fields, a message with some of its payload and how often it came, or the status of a connector."""
    if not isinstance(node.value, Mapping):
        yield node.at("expect: should be a mapping, such as {connector: 1, status: Charging}")
    elif "fact" in node.items:
        yield from _expected_fact(node)
    elif "message" in node.items:
        yield from _one_of(node.items["message"], "message", list(ACTIONS))
        count = node.items.get("count")
        if count is not None and (isinstance(count.value, bool) or not isinstance(count.value, int) or count.value < 0):
            yield count.at(f"expect: count should be a whole number, not {count.value!r}")
    elif "status" in node.items:
        yield from _one_of(node.items["status"], "status", _STATUSES)
        for key, found in node.items.items():
            if key not in ("connector", "status"):
                yield found.at(f"expect: unknown key {key!r} beside a status; {nearest(key, ['connector'])}")
    else:
        yield node.at("expect: says what: a fact, a message or a status")


def _expected_fact(node: Node) -> Iterator[str]:
    kind = node.items["fact"]
    yield from _one_of(kind, "fact", list(_FACTS))
    known = _FACTS.get(str(kind.value))
    for key, found in node.items.items():
        if known is not None and key != "fact" and key not in known:
            yield found.at(f"expect: {kind.value} has no {key!r}; {nearest(key, sorted(known))}")


def _one_of(node: Node, key: str, known: list[str], word: str = "expect") -> Iterator[str]:
    if node.value not in known:
        yield node.at(f"{word}: unknown {key} {node.value!r}; {nearest(str(node.value), known)}")
