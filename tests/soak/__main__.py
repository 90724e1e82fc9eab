"""`make soak`: a station with every kind of device, on real wires and in real time, while devices fail at random."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from chargerd.sim.rig import Mode
from tests.soak.run import Soaked, soak


def main() -> int:
    """Runs, shows what is left, prints the outcome. Returns 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}, {options.seconds:g} s at plant speed 6", flush=True)
    with tempfile.TemporaryDirectory(prefix="chargerd-") as folder:
        soaked = asyncio.run(soak(Mode.WIRES, Path(folder), options.seconds, seed, _show))
    print("\n".join(outcome(soaked)))
    return 1 if soaked.problems else 0


def outcome(soaked: Soaked) -> list[str]:
    """The figures, for people."""
    lines = [
        f"outages {len(soaked.outages)}, reported {soaked.told}, still working again after each",
        f"vehicles charged {soaked.charged}, latched faults cleared by hand {len(soaked.cleared)}",
    ]
    for connector, books in soaked.books.items():
        lost_wh = sum(unbilled_wh for _, unbilled_wh in books.unbilled())
        lines.append(
            f"outlet {connector}: {len(books.bills)} transactions, {books.given_wh} Wh given, {lost_wh} Wh on no bill (meter not readable)"
        )
    return [*lines, *soaked.problems, f"{len(soaked.problems)} problems"]


def _show(line: str) -> None:
    if sys.stdout.isatty():
        print(f"\r{line}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
