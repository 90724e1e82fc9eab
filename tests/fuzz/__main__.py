"""Frames of a hostile central system against a station that charges; prints a table. Exit code 1 when anything went wrong."""

from __future__ import annotations

import argparse
import logging
import random
import sys

from tests.fuzz.run import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="to send the same ones again (default: a new one)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    print(f"SEED={options.seed}: python -m tests.fuzz --frames {options.frames} --seed {options.seed}", flush=True)
    report = fuzz(options.frames, options.seed, lambda number: print(f"{number} frames", file=sys.stderr, flush=True))
    print(report.table())
    for problem in report.problems[:50]:
        print("PROBLEM", problem)
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
