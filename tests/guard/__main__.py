"""Measures how soon contactors open: `make bench-guard`. What was measured until Ctrl-C is shown too."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import Measure, table
from tests.guard.events import EVENTS
from tests.guard.station import guarded


def main() -> int:
    """Every event, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.guard", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, metavar="N", help="of each event (default 200)")
    parser.add_argument("--station", default="demo-guard.yaml", metavar="FILE", help="of etc/ (default demo-guard.yaml)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(EVENTS)}; default: all")
    options = parser.parse_args()
    took_ms: dict[str, list[float]] = {name: [] for name in options.names or EVENTS}
    try:
        asyncio.run(measure(took_ms, options.runs, options.station))
    except KeyboardInterrupt:
        print(file=sys.stderr)
    print(table([_measure(name, values) for name, values in took_ms.items() if values]))
    return 0


async def measure(took_ms: dict[str, list[float]], runs: int, demo: str) -> None:
    """Each event so often, one after the other."""
    for name, values in took_ms.items():
        with tempfile.TemporaryDirectory(prefix="chargerd-") as folder:
            async with guarded(Path(folder), demo) as station:
                for number in range(runs):
                    print(f"\r{name} {number + 1} of {runs} ", end="", file=sys.stderr, flush=True)
                    await station.charge()
                    values.append(1e3 * await EVENTS[name].happen(station))
                print(file=sys.stderr)


def _measure(name: str, values: list[float]) -> Measure:
    limit_ms = 1e3 * EVENTS[name].limit_s
    return Measure(EVENTS[name].words, "ms", tuple(values), limit_ms, limit_ms)


if __name__ == "__main__":
    sys.exit(main())
