"""What the service manager hears."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from chargerd.safety.notify import Notifier


@pytest.mark.parametrize("is_abstract", [False, True])
def test_lines_arrive_in_one_datagram(tmp_path: Path, is_abstract: bool) -> None:
    """Sockets of the file system and of the abstract name space both work."""
    name = f"@chargerd-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if is_abstract else name)
        assert Notifier({"NOTIFY_SOCKET": name}).send("READY=1", "STATUS=two connectors")
        assert manager.recv(1000) == b"READY=1\nSTATUS=two connectors"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/does/not/exist"}])
def test_without_a_service_manager_nothing_happens(environment: dict[str, str]) -> None:
    """In the foreground, or when the manager has gone: no error."""
    assert not Notifier(environment).send("READY=1")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_only_with_our_pid(environment: dict[str, str], expected: float | None) -> None:
    """A watchdog meant for another process, or none, is not fed."""
    assert Notifier(environment).watchdog_s == expected
