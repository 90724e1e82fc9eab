"""How far a measurement is, for whoever waits."""

from __future__ import annotations

import sys
from collections.abc import Iterator


def steps(count: int) -> Iterator[int]:
    """0 to count - 1; on a terminal each step shows on stderr."""
    is_seen = sys.stderr.isatty()
    for number in range(count):
        if is_seen:
            print(f"\r  {number + 1} of {count} ", end="", file=sys.stderr, flush=True)
        yield number
    if is_seen:
        print("\r" + " " * 30, end="\r", file=sys.stderr, flush=True)
