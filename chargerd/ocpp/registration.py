"""Becoming known to the central system: BootNotification until it is accepted (OCPP 1.6, 4.2), and the time that comes with the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from chargerd.core.events import ChangeSettings
from chargerd.ocpp.delivery import Caller
from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.rpc import Payload
from chargerd.ocpp.standing import Registration, Standing, Surroundings
from chargerd.ocpp.v16 import outbound
from chargerd.ocpp.v16.key_values import setting_range
from chargerd.ocpp.wire import CallFailedError

log = logging.getLogger(__name__)

BOOT_JITTER = 0.25
"""Random lengthening of our own boot interval, so that many stations do not come back in step."""


class RejectedError(Exception):
    """The central system will not have us for now."""


class Registrar:
    """Registers on one connection.

    until_boot: waits for `Standing.next_boot_s`, which may change meanwhile; check: raises when too many of our CALLs had no answer;
    on_proven: told of an acceptance.
    """

    def __init__(
        self,
        around: Surroundings,
        standing: Standing,
        call: Caller,
        until_boot: Callable[[], Awaitable[None]],
        check: Callable[[], None],
        on_proven: Callable[[], None],
    ) -> None:
        self._around = around
        self._standing = standing
        self._call = call
        self._until_boot = until_boot
        self._check = check
        self._on_proven = on_proven

    async def register(self) -> None:
        """BootNotification until it is answered Accepted, never earlier than the central system wants it; nothing when it was before.

        Raises RejectedError.
        """
        standing = self._standing
        while not standing.is_registered:
            await self._until_boot()
            try:
                await self._boot()
            except CallFailedError as error:
                standing.registration = Registration.NONE
                standing.next_boot_s = _now_s() + self._boot_wait_s(standing.boot_interval_s)
                log.warning("ocpp_boot_failed retry_in_s=%.0f %s", standing.next_boot_s - _now_s(), error)
                self._check()
            if standing.registration is Registration.REJECTED:
                raise RejectedError(f"the central system rejects the station; next attempt in {standing.next_boot_s - _now_s():.0f} s")

    async def _boot(self) -> None:
        sent_s = _now_s()
        await self._call(outbound.boot_notification(self._around.identity), lambda answer: self._booted(answer, sent_s))

    def _booted(self, answer: Payload, sent_s: float) -> None:
        standing = self._standing
        interval_s = max(0, cast("int", answer["interval"]))
        standing.registration = Registration(answer["status"])
        log.info("ocpp_boot status=%s interval_s=%d", standing.registration.value, interval_s)
        if not standing.is_registered:
            standing.boot_interval_s = interval_s
            standing.next_boot_s = _now_s() + self._boot_wait_s(interval_s)
            return
        take_time(self._around, standing, answer, sent_s)
        self._take_heartbeat_interval(interval_s)
        standing.statuses.forget_delivered()
        self._on_proven()

    def _boot_wait_s(self, interval_s: float) -> float:
        """The wait before the next BootNotification; 0 leaves it to us."""
        return interval_s or self._around.options.boot_retry_s * (1 + BOOT_JITTER * self._around.random())

    def _take_heartbeat_interval(self, interval_s: int) -> None:
        """The interval of an accepted boot is the heartbeat's; 0 keeps our own."""
        span = setting_range("heartbeat_interval_s")
        if interval_s and span is not None:
            interval_s = int(min(max(interval_s, span.low), span.high))
        if interval_s not in (0, self._around.station.settings.heartbeat_interval_s):
            self._around.station.dispatch(ChangeSettings({"heartbeat_interval_s": interval_s}))


def take_time(around: Surroundings, standing: Standing, answer: Payload, sent_s: float) -> None:
    """Set the clock by the `currentTime` of an answer to what was sent at `sent_s`, corrected by half the round trip."""
    standing.clock_set_s = _now_s()
    around.clock.synchronise(parse_time(cast("str", answer["currentTime"])) + (_now_s() - sent_s) / 2)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
