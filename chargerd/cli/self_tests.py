"""`chargerctl test` and `chargerctl can`: self-tests line by line, and who answers on a bus."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from chargerd.cli import exitcodes, render
from chargerd.cli.client import Client, Failure
from chargerd.cli.commands import Commands, Run, given, show, show_line
from chargerd.cli.device_words import meter_words

Json = Mapping[str, Any]

_UNITS = {"s": 1, "m": 60}


def add_tests(tests: Commands) -> None:
    """The commands of `chargerctl test`."""
    card = tests.add(
        "rfid",
        _run("rfid"),
        "wait for a card and show its id tag as it would be sent; nothing is started",
        "examples:\n  chargerctl test rfid\n  chargerctl test rfid --reader reader --for 2m",
    )
    card.add_argument("--reader", dest="device", metavar="NAME", help="needed where the station has several")
    card.add_argument("--for", dest="for_s", type=_seconds, metavar="TIME", help="how long to wait, such as 45s or 2m (default 30s)")
    for name, words, example in (
        ("meter", "take a few readings of a meter and check them, at any time", "chargerctl test meter 1"),
        ("contactor", "close a contactor without voltage and open it, both seen by its feedback", "chargerctl test contactor 1"),
        ("lock", "lock and unlock an empty socket", "chargerctl test lock 1"),
        ("module-timeout", "see that the power modules switch off when nobody speaks to them", "chargerctl test module-timeout 1"),
    ):
        needs = "" if name == "meter" else "chargerctl connector 1 disable\n  "
        command = tests.add(name, _run(name), words, f"examples:\n  {needs}{example}")
        command.add_argument("connector", nargs="?", type=int, metavar="CONNECTOR")
        command.add_argument("--device", metavar="NAME", help="instead of, or beside the connector; see chargerctl device list")


def add_can(can: Commands) -> None:
    """The commands of `chargerctl can`."""
    scan = can.add(
        "scan",
        _scan,
        "which power modules answer on a CAN bus; exit code 1 when several have one address",
        "examples:\n  chargerctl can scan\n  chargerctl can scan can0 --json",
    )
    scan.add_argument("bus", nargs="?", help="needed where the station has several CAN buses")


def _run(test: str) -> Run:
    """A test from its begin to its end; an interrupted one ends with us."""

    def run(client: Client, parsed: argparse.Namespace) -> int:
        try:
            begun = client.call("device.test", {"test": test, **given(parsed, "device", "connector", "for_s")})
            if not parsed.json:
                print(_head(begun), flush=True)
            finished = _follow(client, parsed, begun["test_id"])
        except KeyboardInterrupt:
            raise Failure(f"{test} test interrupted, so it was ended") from None
        if not finished["is_passed"]:
            raise Failure(f"{test} test failed: {finished['detail']}")
        return exitcodes.DONE

    return run


def _follow(client: Client, parsed: argparse.Namespace, test_id: str) -> Json:
    """Show what is told of a test until its end, and give that."""
    ours = (told.params for told in client.told() if told.method == "test" and told.params.get("test_id") == test_id)
    while "is_passed" not in (told := next(ours)):
        show_line(parsed, told, _step)
    if parsed.json or told["is_passed"]:
        show_line(parsed, told, _end)
    return told


def _scan(client: Client, parsed: argparse.Namespace) -> int:
    found = client.call("can.scan", given(parsed, "bus"))
    show(parsed, found, _modules)
    doubles = sorted({one["address"] for one in found if one["is_double"]})
    if doubles:
        raise Failure(f"several modules have one address: {', '.join(map(str, doubles))}; give each its own")
    return exitcodes.DONE


def _modules(listed: Sequence[Json]) -> render.Screen:
    """Who answers on a bus."""
    rows = [
        (
            str(one["address"]),
            one["family"],
            one.get("serial") or "-",
            one.get("firmware") or "-",
            "-" if one.get("group") is None else str(one["group"]),
            "address is taken twice" if one["is_double"] else "",
        )
        for one in listed
    ]
    return [render.Table("modules", (">address", "family", "serial", "firmware", "group", ""), rows, "nobody answers")]


def _head(begun: Json) -> str:
    """What a self-test is about to try."""
    names = [str(begun["device"])] if begun.get("device") else []
    names += [f"connector {begun['connector']}"] if begun.get("connector") else []
    waits = "put a card before it" if begun["test"] == "rfid" else "under way"
    return f"{begun['test']} test of {', '.join(names)}: {waits}"


def _step(told: Json) -> str:
    """One step of a self-test."""
    more = f"  {meter_words(told['reading'])}" if told.get("reading") else ""
    return f"  {told['step']:<16} {told['took_s']:7.2f} s{more}"


def _end(told: Json) -> str:
    """The result of a self-test; a card is shown in full, as it is looked for here."""
    card = f", id tag {told['id_tag']}" if told.get("id_tag") else ""
    return f"{'passed' if told['is_passed'] else 'failed'}: {told['detail']}{card}"


def _seconds(text: str) -> int:
    """A time such as 45, 45s or 2m."""
    digits, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    if not digits.isascii() or not digits.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 45s or 2m")
    return int(digits) * _UNITS[unit]
