"""Tells the service manager how the daemon is. Source: sd_notify(3), sd_watchdog_enabled(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Notifier:
    """`send("READY=1")` and the like; does nothing where no service manager listens. Never blocks, never raises."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path  # "@" stands for the abstract name space
        self._watchdog = environment.get("WATCHDOG_USEC", "")
        self._watched_pid = environment.get("WATCHDOG_PID", str(os.getpid()))

    @property
    def watchdog_s(self) -> float | None:
        """Longest silence the service manager allows; None when it does not watch this process. Send twice as often."""
        is_ours = self._watched_pid == str(os.getpid())
        return int(self._watchdog) / 1e6 if is_ours and self._watchdog.isdecimal() and int(self._watchdog) > 0 else None

    def send(self, *assignments: str) -> bool:
        """Send lines such as READY=1, STATUS=..., WATCHDOG=1, STOPPING=1. Returns whether they were taken."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(assignments).encode(), self._address)
        except OSError:
            return False
        return True
