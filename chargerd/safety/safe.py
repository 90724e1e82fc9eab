"""Everything safe, once: through a running guard where there is one, whose lines nobody else can take, else by the lines themselves."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

from chargerd.safety.messages import LONGEST, Report, SafeOrder, decode, encode
from chargerd.safety.options import GuardConfig
from hal.errors import WireError

log = logging.getLogger(__name__)

ANSWER_S = 1.0
"""A guard that has not answered for so long is none."""

SETTLE_S = 0.5
"""A contactor is given so long to open before it is called closed."""

_POLL_S = 0.02


def drive_safe(config: GuardConfig, path: Path, clock: Callable[[], float]) -> frozenset[int]:
    """Open every contactor. Returns those that are still closed by their feedback.

    Raises DeviceUnavailable when the lines can be had neither through a guard nor directly.
    """
    try:
        return _ask(path, clock)
    except (OSError, WireError) as error:
        log.info("no_guard path=%s error=%s", path, error)
    return _take(config, clock)


def _ask(path: Path, clock: Callable[[], float]) -> frozenset[int]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as guard:
        guard.settimeout(ANSWER_S)
        guard.connect(str(path))
        guard.send(encode(SafeOrder()))
        deadline_s = clock() + SETTLE_S
        closed = _report(guard).closed
        while closed and (left_s := deadline_s - clock()) > 0:
            guard.settimeout(left_s)
            try:
                closed = _report(guard).closed
            except TimeoutError:
                break
        return closed


def _report(guard: socket.socket) -> Report:
    datagram = guard.recv(LONGEST)
    if not datagram:
        raise OSError("the guard has ended")
    message = decode(datagram)
    if not isinstance(message, Report):
        raise WireError(f"the guard says a {type(message).__name__}")
    return message


def _take(config: GuardConfig, clock: Callable[[], float]) -> frozenset[int]:
    config.io.open()
    try:
        deadline_s = clock() + SETTLE_S
        while (closed := config.io.read().closed_contactors & config.connectors) and clock() < deadline_s:
            time.sleep(_POLL_S)
        return closed
    finally:
        config.io.close()
