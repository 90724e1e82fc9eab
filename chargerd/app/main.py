"""Runs a built daemon: one tree of tasks, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from enum import Enum

from chargerd.app.build import Daemon
from chargerd.core.events import Shutdown, StopReason
from chargerd.core.facts import RestartRequested, Restored, Stamped
from chargerd.core.session import IN_SESSION
from chargerd.runtime.supervise import supervise

log = logging.getLogger(__name__)

STOP_SESSIONS_S = 15.0
TELL_S = 5.0
"""How long the central system may take to be told of what ended, before the process ends and the journal keeps it."""


class Ending(Enum):
    """Why `run` returned."""

    ASKED = "asked"  # a signal, or whoever runs us
    RESTART = "restart"  # an OCPP Reset


async def run(daemon: Daemon, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> Ending:
    """Run until `stop` is set or a reset is due. `ready` is called once journal, devices and control socket are up.

    Raises StorageError when the journal cannot be opened; any error that nobody expected ends everything and comes out.
    """
    restart = asyncio.Event()
    daemon.reactor.restore(_fitting(daemon, await daemon.journal.open()))
    unsubscribe = daemon.reactor.subscribe(lambda stamped: _watch_restart(stamped, restart))
    try:
        async with asyncio.TaskGroup() as group:
            stages = _start(daemon, group)
            await daemon.control.is_listening.wait()
            ready()
            ending = await _ending(stop, restart)
            log.info("ending cause=%s", ending.value)
            await _stop_sessions(daemon)
            for stage in stages:
                for task in stage:
                    task.cancel()
                await asyncio.wait(stage)
    finally:
        unsubscribe()
        await daemon.journal.close()
    return ending


def _fitting(daemon: Daemon, restored: Restored) -> Restored:
    """What the journal kept, without changes that the station as it is configured now would refuse."""
    kept = daemon.link.keys.still_valid(restored.settings)
    for field, text in sorted(set(restored.settings) - set(kept)):
        log.warning("setting_left_aside field=%s value=%s: the configuration no longer allows it", field, text)
    return replace(restored, settings=kept)


def _start(daemon: Daemon, group: asyncio.TaskGroup) -> list[list[asyncio.Task[None]]]:
    """Start every task. Returns them in the order in which they end.

    Devices go before their buses, so that each can still say "off"; the gate watches until no device is left; its own boards go last.
    """
    boards = [device for device in daemon.devices if device.is_board]
    others = [device for device in daemon.devices if not device.is_board]
    stages: list[list[tuple[str, Coroutine[None, None, None]]]] = [
        [
            ("ocpp", daemon.link.run()),
            ("control", daemon.control.run()),
            ("beat", daemon.beat.run()),
            ("timer", daemon.reactor.run_timer()),
            ("applier", daemon.applier.run()),
            *((f"device {device.device.name}", device.run()) for device in others),
        ],
        [("gate", daemon.gate.run())],
        [
            ("journal", daemon.reactor.run_journal()),
            *((f"device {device.device.name}", device.run()) for device in boards),
            *((f"bus {name}", supervise(name, bus.run)) for name, bus in daemon.buses.items()),
        ],
    ]
    started = [[group.create_task(run, name=name) for name, run in stage] for stage in reversed(stages)]
    return started[::-1]


def _watch_restart(stamped: Stamped, restart: asyncio.Event) -> None:
    if isinstance(stamped.fact, RestartRequested):
        restart.set()


async def _ending(stop: asyncio.Event, restart: asyncio.Event) -> Ending:
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(restart.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return Ending.RESTART if restart.is_set() else Ending.ASKED


async def _stop_sessions(daemon: Daemon) -> None:
    """Ramp down what runs, tell the central system within a limit, and leave the rest to the journal."""
    told = asyncio.Event()
    unsubscribe = daemon.reactor.subscribe(lambda _: told.set())
    daemon.reactor.dispatch(Shutdown(StopReason.REBOOT))
    try:
        async with asyncio.timeout(STOP_SESSIONS_S):
            while any(one.phase in IN_SESSION for one in daemon.reactor.view().connectors):
                told.clear()
                await told.wait()
    except TimeoutError:
        log.warning("sessions did not end in time limit_s=%.0f", STOP_SESSIONS_S)
    finally:
        unsubscribe()
    await daemon.reactor.drain()
    try:
        async with asyncio.timeout(TELL_S):
            await daemon.link.drained()
    except TimeoutError:
        log.info("the central system could not be told of everything; the journal keeps it")
