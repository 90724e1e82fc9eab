"""What the commands of `chargerctl` are made of: sub-commands with common options, and output as text or JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from chargerd.cli import render
from chargerd.cli.client import Client

Run = Callable[[Client, argparse.Namespace], int]


class Commands:
    """Sub-commands that all take the common options."""

    def __init__(self, subparsers: Any, common: argparse.ArgumentParser) -> None:
        self._subparsers = subparsers
        self._common = common

    def add(self, name: str, run: Run, words: str, examples: str = "") -> argparse.ArgumentParser:
        """A command; `examples` stand under its help as they are."""
        made: argparse.ArgumentParser = self._subparsers.add_parser(
            name,
            help=words,
            description=words,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[self._common],
            allow_abbrev=False,
        )
        made.set_defaults(run=run)
        return made

    def group(self, name: str, words: str) -> Commands:
        """A command with commands of its own."""
        made = self._subparsers.add_parser(name, help=words, description=words, allow_abbrev=False)
        return Commands(made.add_subparsers(metavar="COMMAND", required=True), self._common)


def show(parsed: argparse.Namespace, data: Any, draw: render.Draw) -> None:
    """An answer as a screen, or as it is."""
    if parsed.json:
        print_json(data)
    else:
        render.show(draw(data))


def show_line(parsed: argparse.Namespace, data: Any, words: Callable[[Any], str]) -> None:
    """One of many things that come one after the other."""
    if parsed.json:
        print_json(data)
    else:
        print(words(data), flush=True)


def print_json(data: Any) -> None:
    """On a line of its own."""
    print(json.dumps(data, ensure_ascii=False), flush=True)


def given(parsed: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those options that were given."""
    return {name: value for name in names if (value := getattr(parsed, name, None)) is not None}
