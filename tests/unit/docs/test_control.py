"""docs/control.md describes the methods that there are, and its examples work on a whole daemon."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from chargerd.cli import exitcodes
from chargerd.control.protocol import METHODS, Code
from chargerd.control.server import MAX_CLIENTS, MAX_QUEUED
from chargerd.sim.rig import Mode, rig
from chargerd.sim.virtual_loop import run_virtual

TEXT = (Path(__file__).parents[3] / "docs" / "control.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([a-z_.]+)` \((?:read|change)\)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
WRONG = {Code.PARSE, Code.INVALID_REQUEST, Code.METHOD_NOT_FOUND, Code.INVALID_PARAMS, Code.INTERNAL}


def test_every_method_has_its_section_and_its_access() -> None:
    """The table of the protocol and the headings say the same."""
    headings = re.findall(r"^### `([a-z_.]+)` \((read|change)\)$", TEXT, re.MULTILINE)
    assert sorted(headings) == sorted((name, access.value) for name, access in METHODS.items())


def test_codes_and_bounds_are_those_of_the_program() -> None:
    """Error codes, exit codes and the limits of the server."""
    assert {int(code) for code in re.findall(r"^\| (-32\d+) \|", TEXT, re.MULTILINE)} == {int(code) for code in Code}
    codes = {value for name, value in vars(exitcodes).items() if name.isupper()}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)} == codes
    assert f"At most {MAX_CLIENTS} clients" in TEXT
    assert f"once {MAX_QUEUED:,} lines wait" in TEXT


def requests() -> dict[str, dict[str, Any]]:
    """The example request of each method."""
    return {name: json.loads(re.findall(r"^→ (.*)$", body, re.MULTILINE)[0]) for name, body in SECTIONS.items()}


def test_every_example_is_of_its_own_section() -> None:
    """No example was copied and forgotten, and each has an answer."""
    assert {name: request["method"] for name, request in requests().items()} == {name: name for name in METHODS}
    assert all("\n← {" in body for body in SECTIONS.values())


def test_the_examples_work(tmp_path: Path) -> None:
    """A daemon takes each request as it stands: the method is there and the parameters fit. What an answer shows is in the real one."""
    answers = run_virtual(_ask(tmp_path))
    wrong = {name: answer["error"] for name, answer in answers.items() if "error" in answer and answer["error"]["code"] in WRONG}
    assert wrong == {}
    for name, answer in answers.items():
        shown = re.findall(r"^← (.*?)(?=^[←`])", SECTIONS[name], re.MULTILINE | re.DOTALL)[0]
        if answer.get("result") and shown.startswith('{"result"'):  # an empty list shows nothing
            assert _keys(shown) <= _all_keys(answer), name


def _keys(shown: str) -> set[str]:
    return set(re.findall(r'"(\w+)":', shown))


def _all_keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for one in value.values() for key in _all_keys(one)}
    return {key for one in value for key in _all_keys(one)} if isinstance(value, list) else set()


async def _ask(folder: Path) -> dict[str, dict[str, Any]]:
    async with rig(Mode.VIRTUAL, folder) as stage:
        await stage.central.until(lambda: stage.central.station(stage.identity).status(2) == "Available")
        reader, writer = await asyncio.open_unix_connection(folder / "control.sock", limit=2**20)
        answers = {}
        try:
            for name, request in sorted(requests().items(), key=_order):
                writer.write(json.dumps({"jsonrpc": "2.0", "id": name, **request}).encode() + b"\n")
                answers[name] = await _answer(reader, name)
                await asyncio.sleep(30.0 if name == "connector.start" else 0.5)
        finally:
            writer.close()
        return answers


def _order(item: tuple[str, object]) -> int:
    """The session first, so that there is something to see; what ends it last."""
    first = ("sim.plug_in", "connector.start")
    last = ("sim.plug_out", "ocpp.disconnect", "outbox.list", "ocpp.connect", "sim.power_loss")
    name = item[0]
    return first.index(name) - len(first) if name in first else last.index(name) + 1 if name in last else 0


async def _answer(reader: asyncio.StreamReader, name: str) -> dict[str, Any]:
    while True:
        line: dict[str, Any] = json.loads(await reader.readline())
        if line.get("id") == name:
            return line
