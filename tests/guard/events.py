"""What can happen to daemon, guard and disk while a vehicle charges, and how long the contactor takes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.guard.hurt_daemon import BLOCKED_S
from tests.guard.station import LEASE_S, TICK_S, GuardedStation

AT_ONCE_S = 0.05
"""What needs nobody's lease to run out."""

HUNG_S = LEASE_S + TICK_S


@dataclass(frozen=True, slots=True)
class Event:
    """`happen` gives seconds from the event to the contactor command, and leaves the station so that it can charge again.

    limit_s: what 99 of 100 do not exceed.
    """

    words: str
    limit_s: float
    happen: Callable[[GuardedStation], Awaitable[float]]


async def _killed(station: GuardedStation) -> float:
    at_s = station.hurt(signal.SIGKILL)
    took_s = await station.opened_s(at_s)
    await station.ended(is_guard=False)
    return took_s


async def _stopped(station: GuardedStation) -> float:
    """It wakes up again with its old wishes, which count no more."""
    at_s = station.hurt(signal.SIGSTOP)
    took_s = await station.opened_s(at_s)
    station.hurt(signal.SIGCONT)
    await _session_over(station)
    return took_s


async def _blocked(station: GuardedStation) -> float:
    at_s = station.hurt(signal.SIGUSR1)
    took_s = await station.opened_s(at_s)
    await asyncio.sleep(max(0.0, BLOCKED_S - took_s))
    await _session_over(station)
    return took_s


async def _pipe_closed(station: GuardedStation) -> float:
    at_s = station.hurt(signal.SIGUSR2)
    took_s = await station.opened_s(at_s)
    await _session_over(station)
    return took_s


async def _emergency_stop(station: GuardedStation) -> float:
    at_s = await station.press(is_pressed=True)
    took_s = await station.opened_s(at_s)
    await station.press(is_pressed=False)
    await _session_over(station)
    await _clear(station, "emergency-stop")
    return took_s


async def _disk_full(station: GuardedStation) -> float:
    """Nothing can be written any more, and the emergency stop is pressed: opening waits for no disk."""
    station.fill_disk(is_full=True)
    at_s = await station.press(is_pressed=True)
    took_s = await station.opened_s(at_s)
    await station.press(is_pressed=False)
    station.fill_disk(is_full=False)
    await _session_over(station)
    await _clear(station, "emergency-stop")
    return took_s


async def _guard_killed(station: GuardedStation) -> float:
    """Until the daemon has noticed, and asks its modules for nothing. The lines are driven safe by who restarts the guard."""
    async with station.facts("FaultRaised") as facts:
        at_s = station.hurt(signal.SIGKILL, is_guard=True)
        await facts.until("FaultRaised", code="guard-lost")
        took_s = asyncio.get_running_loop().time() - at_s
    await station.ended(is_guard=True)
    await station.drive_safe()
    await station.opened_s(at_s)
    return took_s


async def _guard_stopped(station: GuardedStation) -> float:
    """Until the daemon has noticed, and asks its modules for nothing; the contactor follows when the guard goes on."""
    async with station.facts("FaultRaised") as facts:
        at_s = station.hurt(signal.SIGSTOP, is_guard=True)
        await facts.until("FaultRaised", code="guard-lost")
        took_s = asyncio.get_running_loop().time() - at_s
        status = await station.ask("station.status", {})
        assert status["connectors"][0]["setpoint"]["current_a"] == 0.0
        station.hurt(signal.SIGCONT, is_guard=True)
        await station.opened_s(at_s)
    await _session_over(station)
    return took_s


async def _session_over(station: GuardedStation) -> None:
    await station.unplug()


async def _clear(station: GuardedStation, code: str) -> None:
    async with asyncio.timeout(10.0):
        while True:
            try:
                await station.ask("fault.clear", {"connector": 0, "code": code})
            except ValueError:  # it is told as still there for a moment
                await asyncio.sleep(0.05)
            else:
                return


EVENTS: Mapping[str, Event] = {
    "daemon-killed": Event("SIGKILL of the daemon", AT_ONCE_S, _killed),
    "daemon-stopped": Event("SIGSTOP of the daemon", HUNG_S, _stopped),
    "loop-blocked": Event("the daemon's event loop blocked", HUNG_S, _blocked),
    "pipe-closed": Event("the daemon's way to the guard closed", AT_ONCE_S, _pipe_closed),
    "emergency-stop": Event("emergency stop", AT_ONCE_S, _emergency_stop),
    "disk-full": Event("emergency stop with a full disk", AT_ONCE_S, _disk_full),
    "guard-killed": Event("SIGKILL of the guard, to set-point zero", AT_ONCE_S, _guard_killed),
    "guard-stopped": Event("SIGSTOP of the guard, to set-point zero", HUNG_S + LEASE_S / 4, _guard_stopped),
}
