"""Says what the central system has triggered (OCPP 1.6, 5.17), also before it has accepted the station (4.2)."""

from __future__ import annotations

import asyncio
import logging

from chargerd.core.facts import Samples
from chargerd.core.metering import REGISTER, samples
from chargerd.core.view import ConnectorView
from chargerd.ocpp.delivery import Caller
from chargerd.ocpp.registration import take_time
from chargerd.ocpp.standing import Standing, Surroundings
from chargerd.ocpp.v16 import outbound
from chargerd.ocpp.v16.trigger import Message, Wanted
from chargerd.ocpp.wire import CallFailedError

log = logging.getLogger(__name__)


class Triggered:
    """One message a step, as things stand when it is said. None of them is owed: one that fails is not repeated."""

    def __init__(self, around: Surroundings, standing: Standing, call: Caller) -> None:
        self._around = around
        self._standing = standing
        self._call = call

    async def step(self) -> bool:
        """Say the next one; False when nothing was asked for."""
        wanted = self._around.handlers.triggers.next()
        if wanted is None:
            return False
        try:
            await self._say(wanted)
        except CallFailedError as error:
            log.warning("ocpp_call_failed connector=%d %s", wanted.connector, error)
        return True

    async def _say(self, wanted: Wanted) -> None:
        match wanted.message:
            case Message.BOOT:
                self._standing.next_boot_s = self._now_s
            case Message.DIAGNOSTICS:
                await self._call(outbound.diagnostics_status("Idle"), lambda _: None)
            case Message.HEARTBEAT:
                sent_s = self._now_s
                await self._call(outbound.heartbeat(), lambda answer: take_time(self._around, self._standing, answer, sent_s))
            case Message.STATUS:
                await self._say_status(wanted)
            case Message.METER_VALUES:
                await self._say_meter_values(wanted)

    async def _say_status(self, wanted: Wanted) -> None:
        view, statuses = self._around.station.view(), self._standing.statuses
        present = next((one.status for one in view.connectors if one.connector == wanted.connector), view.status)
        request = outbound.status_notification(present, self._around.identity.vendor, self._around.clock.utc_s())
        await self._call(request, lambda _: statuses.delivered(present))

    async def _say_meter_values(self, wanted: Wanted) -> None:
        """The present reading of all that is sampled in a transaction, and its number where the central system has given one."""
        station = self._around.station
        view = next(one for one in station.view().connectors if one.connector == wanted.connector)
        request = outbound.triggered_meter_values(
            view.connector,
            _present(view, station.settings.meter_values_sampled_data),
            self._around.clock.utc_s(),
            view.transaction.remote_id if view.transaction is not None else None,
        )
        await self._call(request, lambda _: None)

    @property
    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def _present(view: ConnectorView, measurands: tuple[str, ...]) -> Samples:
    """What is measured now of these; none named: the energy register."""
    return samples(measurands or (REGISTER,), view.energy_wh or 0, view.meter, view.ev, view.supply, view.offered)
