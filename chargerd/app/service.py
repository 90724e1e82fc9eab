"""The daemon as a process: signals, the service manager, exit codes."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from concurrent.futures import ThreadPoolExecutor

import chargerd
from chargerd.app.build import Daemon, Sources, build
from chargerd.app.config import Config
from chargerd.app.fact_log import log_fact
from chargerd.app.main import Ending, run
from chargerd.ocpp import schema
from chargerd.safety.notify import Notifier
from hal.ports import Place

log = logging.getLogger(__name__)

FRESH_BEATS_S = 5.0
"""The watchdog is fed only while gate and journal are not older than this."""
SETTLED_S = 1.0
"""From ready until what could wait is done: by then the central system has been dialled."""


async def serve(config: Config, place: Place) -> Ending:
    """Run until SIGTERM, SIGINT or a reset. Raises StorageError, ConfigError; any other error is a bug and ends the process."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=1, thread_name_prefix="resolve"))
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    notifier = Notifier()
    holder: list[Daemon] = []
    daemon = build(config, place, Sources(mono=loop.time), lambda: _feed(notifier, holder[0]))
    holder.append(daemon)
    daemon.reactor.subscribe(log_fact)
    ending = await run(daemon, stop, lambda: _ready(notifier, daemon))
    notifier.send("STOPPING=1")
    return ending


def _ready(notifier: Notifier, daemon: Daemon) -> None:
    asyncio.get_running_loop().call_later(SETTLED_S, _settle)
    station = daemon.config.station
    log.info("ready station=%s connectors=%d version=%s", station.id, len(daemon.config.connectors), chargerd.__version__)
    notifier.send("READY=1", f"STATUS={station.id}: {len(daemon.config.connectors)} connectors")


def _settle() -> None:
    """Load what is loaded late, then take garbage collection up: what exists now lives as long as the process and need not be looked at."""
    schema.warm_up()
    gc.collect()
    gc.freeze()
    gc.enable()


def _feed(notifier: Notifier, daemon: Daemon) -> None:
    """Called after each beat of the core: feed the watchdog only if gate and journal answer too."""
    now_s = daemon.clock.mono_s()
    is_gate_fresh = now_s - daemon.gate.last_tick_s < FRESH_BEATS_S
    is_journal_fresh = daemon.reactor.waiting_since_s() is None or now_s - (daemon.reactor.waiting_since_s() or now_s) < FRESH_BEATS_S
    if is_gate_fresh and is_journal_fresh:
        notifier.send("WATCHDOG=1")
