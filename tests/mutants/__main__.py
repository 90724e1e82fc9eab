"""`python -m tests.mutants`: every fault, or those whose names hold a word; which case caught it. Exit code 1 when one survives."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from chargerd.bench.report import table
from tests.mutants.faults import MUTANTS
from tests.mutants.hunt import Copy, hunt_all, sound


def main() -> int:
    parser = argparse.ArgumentParser(description="Shows that each deliberate fault is caught by the conformance cases.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only faults with this word in their name")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="so many side by side (default 2)")
    options = parser.parse_args()
    mutants = [one for one in MUTANTS if not options.words or any(word in one.name for word in options.words)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        if broken := sound(Copy(folder / "sound"), mutants):
            print(f"fail without any fault: {', '.join(broken)}", file=sys.stderr)
            return 1
        hunted = hunt_all(mutants, folder, options.workers)
    rows = [[one.mutant.name, one.mutant.file, ", ".join(one.caught), one.problem or ", ".join(one.survived)] for one in hunted]
    print(table(["fault", "in", "caught by", "not caught"], rows))
    caught = sum(one.is_caught for one in hunted)
    print(f"\n{caught} of {len(hunted)} caught")
    return 0 if caught == len(hunted) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
