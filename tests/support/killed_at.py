"""The daemon, which kills itself with SIGKILL at its n-th commit: `python -m tests.support.killed_at N before|after run --config ...`

Before: everything of the transaction is written, and COMMIT is not. After: COMMIT has returned, and nobody has heard of it.
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from chargerd.cli import daemon
from chargerd.journal.store import Store

SIDES = ("before", "after")


def arm(nth: int, side: str) -> None:
    """Let the commits of this process be counted; 0: none of them kills."""
    write, count = Store._write, itertools.count(1)

    @contextmanager
    def counted(self: Store, *, is_full: bool) -> Iterator[sqlite3.Connection]:
        is_it = next(count) == nth
        with write(self, is_full=is_full) as connection:
            yield connection
            if is_it and side == "before":
                os.kill(os.getpid(), signal.SIGKILL)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)

    Store._write = counted  # type: ignore[method-assign]


def main() -> int:
    """Run the daemon with what is left of the arguments."""
    nth, side, *arguments = sys.argv[1:]
    if side not in SIDES:
        raise SystemExit(f"{side}: should be before or after")
    arm(int(nth), side)
    return daemon.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
