"""Methods about what may flow: the limits of now, and the schedule of the hours to come."""

from __future__ import annotations

from typing import Any

from chargerd.control.params import Params
from chargerd.control.ports import ControlServices, Subscriber
from chargerd.control.protocol import Code, RpcError
from chargerd.control.snapshot import limits_json, schedule_json
from chargerd.core.charging_profiles import MOST_AHEAD_S


class LimitMethods:
    """`limits.get` and `schedule.get`; both raise RpcError with words for the technician."""

    def __init__(self, services: ControlServices) -> None:
        self._services = services

    async def limits(self, params: Params, _: Subscriber) -> Any:
        """Of one connector or of all."""
        wanted = params.connector() if params.has("connector") else None
        params.done()
        found = [limits_json(one) for one in self._services.station.view().connectors if wanted in (None, one.connector)]
        if not found:
            raise RpcError(Code.REFUSED, f"there is no connector {wanted}")
        return found

    async def schedule(self, params: Params, _: Subscriber) -> Any:
        """Of one connector, or with 0 of the whole station."""
        wanted = params.connector(low=0)
        hours = params.integer("hours", 24, low=1, high=MOST_AHEAD_S // 3600)
        params.done()
        station = self._services.station
        composite = station.composite(wanted, hours * 3600)
        if composite is None:
            raise RpcError(Code.REFUSED, f"there is no connector {wanted}")
        return schedule_json(composite, station.view().profiles)
