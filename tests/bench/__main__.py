"""Runs every measurement and prints one table. A missed budget is shown, not punished: exit code 1 only for what could not be run."""

from __future__ import annotations

import argparse
import asyncio
import compileall
import json
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import chargerd
import hal
import tests
from tests.bench import charge, drain, lists, rest, schedules, start, talk, wires, writes
from tests.bench.measure import Failed, Result, table

Measuring = Callable[[], Sequence[Result] | Coroutine[Any, Any, Sequence[Result]]]

PLAN: tuple[tuple[str, Measuring], ...] = (
    ("import", partial(start.imports, 7)),
    ("boot", partial(start.boot, 11)),
    ("chargerctl", partial(start.control_tool, 11)),
    ("answers", partial(talk.answers, 1000)),
    ("lists", partial(lists.lists, 40)),
    ("schedules", partial(schedules.schedules, 300)),
    ("throughput", partial(talk.throughput, 5, 1000)),
    ("inside", partial(talk.inside, 1000)),
    ("remote", partial(talk.remote, 40)),
    ("idle", partial(rest.idle, 6)),
    ("charging", partial(rest.charging, 3)),
    ("drain", partial(drain.drain, 100)),
    ("writes", partial(writes.writes, 10, 8)),
    ("wires", partial(wires.wires, 40, 600)),
    ("hour", partial(charge.hour, 5)),
    ("core", partial(charge.core, 60)),
)


def main() -> int:
    """Measure everything, or what is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(name for name, _ in PLAN)}; default: all")
    options = parser.parse_args()
    unknown = set(options.names) - {name for name, _ in PLAN}
    if unknown:
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}")
    _compile()
    results: list[Result] = []
    for name, measuring in PLAN:
        if not options.names or name in options.names:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            results += _measured(name, measuring)
    if options.json:
        print(json.dumps({"machine": _machine(), "results": [result.json() for result in results]}))
    else:
        print(_machine(), table(results), sep="\n")
    return int(any(isinstance(result, Failed) for result in results))


def _compile() -> None:
    """Bytecode for everything, as an installed program has it; where the environment forbids to write it, each start would compile anew."""
    for package in (chargerd, hal, tests):
        compileall.compile_dir(package.__path__[0], quiet=1)


def _measured(name: str, measuring: Measuring) -> Sequence[Result]:
    try:
        made = measuring()
        return made if isinstance(made, Sequence) else asyncio.run(made)
    except Exception as error:  # noqa: BLE001 - the other measurements go on
        return [Failed(name, f"{type(error).__name__}: {error}")]


def _machine() -> str:
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs, load {load}"


if __name__ == "__main__":
    sys.exit(main())
