"""The daemon as it is, but one that can be hurt from outside: SIGUSR1 blocks its event loop, SIGUSR2 closes its way to the guard."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time

from chargerd.cli.daemon import main

BLOCKED_S = 2.5


def block(_signal: int, _frame: object) -> None:
    """A library that does not come back for a while."""
    time.sleep(BLOCKED_S)


def hang_up(_signal: int, _frame: object) -> None:
    """The only connection that keeps message boundaries is the one to the guard."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(name))) as found:
                if found.type == socket.SOCK_SEQPACKET:
                    found.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, block)
    signal.signal(signal.SIGUSR2, hang_up)
    sys.exit(main())
