"""The program `chargerd-guard`: guards the contactors, or drives them safe once and ends."""

from __future__ import annotations

import argparse
import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chargerd.cli import exitcodes
from chargerd.safety.guard import Guard
from chargerd.safety.notify import Notifier
from chargerd.safety.options import GuardConfig, load
from chargerd.safety.safe import drive_safe
from hal.errors import ConfigError, DeviceUnavailable
from hal.ports import Place

log = logging.getLogger(__name__)

WATCHDOG_S = 1.0
"""How often the service manager is told that the guard is alive, at the most."""

_MCL_CURRENT, _MCL_FUTURE = 1, 2  # mlockall(2), the same on every architecture of interest


def main(arguments: list[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="chargerd-guard", description="Owns the contactor lines and opens them when the daemon fails.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: $CHARGERD_CONFIG, then /etc/chargerd/chargerd.yaml")
    parser.add_argument("--runtime-dir", type=Path, metavar="DIR", help="its socket (default: $RUNTIME_DIRECTORY, /run/chargerd-guard)")
    parser.add_argument("--safe", action="store_true", help="drive every output safe, through a running guard where there is one, and end")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s %(message)s")
    try:
        path = options.config or Path(os.environ.get("CHARGERD_CONFIG") or "/etc/chargerd/chargerd.yaml")
        runtime_dir = options.runtime_dir or Path(os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or "/run/chargerd-guard")
        config = load(path, Place(runtime_dir, runtime_dir))
        socket_path = runtime_dir / config.socket
        if options.safe:
            return _safe(config, socket_path)
        _guard(config, socket_path)
    except ConfigError as error:
        return exitcodes.fail(*error.problems, code=exitcodes.CONFIG)
    except (DeviceUnavailable, OSError) as error:
        return exitcodes.fail(str(error))
    return exitcodes.DONE


def _guard(config: GuardConfig, socket_path: Path) -> None:
    wanted = [True]
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: wanted.clear())
    notifier = Notifier()
    socket_path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    guard = Guard(config.io, config.connectors, config.gate, socket_path, time.monotonic, config.relays, config.enables, _alive(notifier))
    _hold_still()
    guard.run(lambda: bool(wanted))
    notifier.send("STOPPING=1")


def _alive(notifier: Notifier) -> Callable[[float], None]:
    """Tell the service manager: ready at the first look, alive from then on."""
    told_s: list[float] = []

    def alive(now_s: float) -> None:
        if not told_s:
            log.info("guarding")
            notifier.send("READY=1")
        if not told_s or now_s - told_s[0] >= WATCHDOG_S:
            told_s[:] = [now_s]
            notifier.send("WATCHDOG=1")

    return alive


def _hold_still() -> None:
    """No pauses for garbage, and no memory that has to be fetched from a disk, where that is permitted."""
    gc.collect()
    gc.freeze()
    gc.disable()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
        log.warning("memory_not_locked error=%s: set LimitMEMLOCK=infinity", os.strerror(ctypes.get_errno()))


def _safe(config: GuardConfig, socket_path: Path) -> int:
    closed = drive_safe(config, socket_path, time.monotonic)
    if closed:
        return exitcodes.fail(f"still closed: the contactor of connector {', '.join(map(str, sorted(closed)))}; disconnect mains")
    return exitcodes.DONE


if __name__ == "__main__":
    sys.exit(main())
