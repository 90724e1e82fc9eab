"""Measures how soon contactors open: `make bench-guard`. Exit code 1 only when a run could not be made."""

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
    print(table(asyncio.run(measure(options.names or list(EVENTS), options.runs, options.station))))
    return 0


async def measure(names: list[str], runs: int, demo: str) -> list[Measure]:
    """Each event so often, in ms."""
    results = []
    for name in names:
        event = EVENTS[name]
        with tempfile.TemporaryDirectory(prefix="chargerd-") as folder:
            async with guarded(Path(folder), demo) as station:
                took_ms = []
                for number in range(runs):
                    print(f"\r{name} {number + 1} of {runs} ", end="", file=sys.stderr, flush=True)
                    await station.charge()
                    took_ms.append(1e3 * await event.happen(station))
                print(file=sys.stderr)
        results.append(Measure(event.words, "ms", tuple(took_ms), 1e3 * event.limit_s, 1e3 * event.limit_s))
    return results


if __name__ == "__main__":
    sys.exit(main())
