"""The methods of the control socket: each takes parameters and gives plain JSON, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from chargerd.control.device_tests import ROLES, DeviceTests, Wanted
from chargerd.control.explain import explained
from chargerd.control.limit_methods import LimitMethods
from chargerd.control.params import Params
from chargerd.control.ports import ControlServices, Subscriber
from chargerd.control.protocol import Code, Request, RpcError
from chargerd.control.snapshot import (
    device_json,
    event_json,
    faults_json,
    message_json,
    plain,
    queue_json,
    station_json,
    transaction_json,
)
from chargerd.core.errors import StorageError
from chargerd.core.events import (
    ChangeAvailability,
    ClearFault,
    Event,
    LocalStart,
    LocalStop,
    RaiseFault,
    SelfTest,
    UnlockConnector,
    Verdict,
)
from chargerd.core.facts import Fact, Stamped
from chargerd.core.faults import ERROR_CODES
from chargerd.core.ids import MAX_ID_TAG, IdTag
from hal.errors import HalError

_RECORDS_TIMEOUT_S = 5.0
_SCAN_TIMEOUT_S = 10.0
_KINDS = tuple(sorted(kind.__name__ for kind in get_args(Fact)))


class Methods:
    """The table of methods over the services of the daemon."""

    def __init__(self, services: ControlServices) -> None:
        self._services = services
        self._tests = DeviceTests(services)
        limits = LimitMethods(services)
        self._table: dict[str, Callable[[Params, Subscriber], Awaitable[Any]]] = {
            "control.ping": self._ping,
            "station.status": self._status,
            "events.subscribe": self._subscribe,
            "events.list": self._events,
            "ocpp.messages": self._messages,
            "ocpp.get_key": self._get_key,
            "ocpp.set_key": self._set_key,
            "ocpp.connect": self._connect,
            "ocpp.disconnect": self._disconnect,
            "config.get": self._config,
            "limits.get": limits.limits,
            "schedule.get": limits.schedule,
            "transaction.list": self._transactions,
            "outbox.list": self._outbox,
            "connector.start": self._start,
            "connector.stop": self._stop,
            "connector.unlock": self._unlock,
            "connector.set_availability": self._set_availability,
            "device.list": self._devices,
            "device.test": self._test,
            "can.scan": self._scan,
            "fault.list": self._faults,
            "fault.explain": self._explain,
            "fault.clear": self._clear_fault,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Every method but those of the simulation."""
        return tuple(self._table)

    async def call(self, request: Request, subscriber: Subscriber) -> Any:
        """Run one method. Raises RpcError with words for the technician."""
        if request.method.startswith("sim."):
            return self._simulate(request)
        handler = self._table.get(request.method)
        if handler is None:
            raise RpcError(Code.METHOD_NOT_FOUND, f"there is no method {request.method!r}")
        return await handler(Params(request.method, request.params), subscriber)

    # --- looking --------------------------------------------------------------------------------------------------------------------

    async def _ping(self, params: Params, _: Subscriber) -> Any:
        params.done()
        return {"version": self._services.version, "uptime_s": round(self._services.uptime_s(), 3)}

    async def _status(self, params: Params, _: Subscriber) -> Any:
        params.done()
        try:
            queue = await _within(self._services.records.queue(5))
        except RpcError:
            queue = None  # the picture is wanted most when the disk is in trouble
        return station_json(self._services, queue)

    async def _events(self, params: Params, _: Subscriber) -> Any:
        kinds = _known_kinds(params.texts("kinds"))
        connector = params.integer("connector", high=1000) if params.has("connector") else None
        limit = params.integer("limit", 100, low=1, high=10_000)
        params.done()
        return [event_json(one) for one in await _within(self._services.records.events(limit, kinds, connector))]

    async def _subscribe(self, params: Params, subscriber: Subscriber) -> Any:
        kinds = _known_kinds(params.texts("kinds"))
        params.done()

        def tell(stamped: Stamped) -> None:
            if not kinds or type(stamped.fact).__name__ in kinds:
                subscriber.notify("event", event_json(stamped))

        subscriber.follow("events", self._services.station.subscribe(tell))
        return {"kinds": list(kinds or _KINDS)}

    async def _messages(self, params: Params, subscriber: Subscriber) -> Any:
        limit = params.integer("limit", 100, low=0, high=10_000)
        is_followed = params.flag("follow", default=False)
        params.done()
        trace = self._services.trace
        if is_followed:
            subscriber.follow("messages", trace.subscribe(lambda message: subscriber.notify("message", message_json(message))))
        return [message_json(message) for message in trace.recent(limit)]

    async def _config(self, params: Params, _: Subscriber) -> Any:
        name = params.text("name") if params.has("name") else None
        params.done()
        config = self._services.config
        if name is None:
            return plain(config)
        if name not in config:
            raise RpcError(Code.INVALID_PARAMS, f"there is no setting {name!r}")
        return {"name": name, "value": plain(config[name])}

    async def _transactions(self, params: Params, _: Subscriber) -> Any:
        limit = params.integer("limit", 100, low=1, high=10_000)
        params.done()
        return [transaction_json(one) for one in await _within(self._services.records.transactions(limit))]

    async def _outbox(self, params: Params, _: Subscriber) -> Any:
        limit = params.integer("limit", 100, low=1, high=10_000)
        params.done()
        return queue_json(await _within(self._services.records.queue(limit)))["waiting"]

    async def _devices(self, params: Params, _: Subscriber) -> Any:
        params.done()
        return [device_json(one) for one in self._services.devices()]

    async def _faults(self, params: Params, _: Subscriber) -> Any:
        params.done()
        return faults_json(self._services.station.view())

    async def _explain(self, params: Params, _: Subscriber) -> Any:
        code = params.text("code")
        params.done()
        return explained(code, self._services)

    # --- the link ---------------------------------------------------------------------------------------------------------------------

    async def _get_key(self, params: Params, _: Subscriber) -> Any:
        key = params.text("key") if params.has("key") else None
        params.done()
        found = [plain(one) for one in self._services.keys.get(key)]
        return {"configurationKey": found, "unknownKey": [] if found or key is None else [key]}

    async def _set_key(self, params: Params, _: Subscriber) -> Any:
        key, value = params.text("key"), params.text("value") if params.has("value") else ""
        params.done()
        return {"status": self._services.keys.set(key, value)}

    async def _connect(self, params: Params, _: Subscriber) -> Any:
        params.done()
        self._services.link.connect()
        return {}

    async def _disconnect(self, params: Params, _: Subscriber) -> Any:
        params.done()
        self._services.link.disconnect()
        return {}

    # --- acting -----------------------------------------------------------------------------------------------------------------------

    async def _start(self, params: Params, _: Subscriber) -> Any:
        connector, id_tag = params.connector(), params.text("id_tag", "LOCAL")
        params.done()
        if len(id_tag) > MAX_ID_TAG:
            raise RpcError(Code.INVALID_PARAMS, f"connector.start: id_tag should have at most {MAX_ID_TAG} characters")
        return self._dispatch(LocalStart(connector, IdTag(id_tag)))

    async def _stop(self, params: Params, _: Subscriber) -> Any:
        connector = params.connector()
        params.done()
        return self._dispatch(LocalStop(connector))

    async def _unlock(self, params: Params, _: Subscriber) -> Any:
        connector = params.connector()
        params.done()
        return self._dispatch(UnlockConnector(connector))

    async def _set_availability(self, params: Params, _: Subscriber) -> Any:
        connector, kind = params.connector(low=0), params.one_of("type", ("Operative", "Inoperative"))
        params.done()
        return self._dispatch(ChangeAvailability(connector, kind == "Operative"))

    async def _clear_fault(self, params: Params, _: Subscriber) -> Any:
        connector, code = params.connector(low=0), params.text("code")
        params.done()
        return self._dispatch(ClearFault(connector, code))

    async def _test(self, params: Params, subscriber: Subscriber) -> Any:
        wanted = Wanted(
            device=params.text("device") if params.has("device") else None,
            test=params.one_of("test", tuple(ROLES)) if params.has("test") else None,
            connector=params.connector() if params.has("connector") else None,
            for_s=params.integer("for_s", 30, low=1, high=600),
        )
        params.done()
        return self._tests.start(wanted, subscriber)

    async def _scan(self, params: Params, _: Subscriber) -> Any:
        """Its own short I/O, as reading the journal is; nobody else waits meanwhile."""
        bus = params.text("bus") if params.has("bus") else None
        params.done()
        for one in self._services.station.view().connectors:
            if one.self_test is SelfTest.MODULE_TIMEOUT:
                raise RpcError(
                    Code.REFUSED, f"the modules of connector {one.connector} must not be spoken to: wait for the end of their test"
                )
        try:
            async with asyncio.timeout(_SCAN_TIMEOUT_S):
                return [plain(one) for one in await self._services.scan(bus)]
        except LookupError as error:
            raise RpcError(Code.REFUSED, str(error.args[0])) from None
        except (HalError, TimeoutError) as error:
            raise RpcError(Code.REFUSED, str(error) or f"the scan is not over after {_SCAN_TIMEOUT_S:.0f} s") from None

    def _simulate(self, request: Request) -> Any:
        simulation = self._services.simulation
        if simulation is None:
            raise RpcError(Code.METHOD_NOT_FOUND, f"{request.method}: {self._services.why_no_simulation}")
        if request.method in ("sim.fault", "sim.clear_fault"):
            return self._simulate_fault(Params(request.method, request.params), is_raised=request.method == "sim.fault")
        try:
            return plain(simulation.call(request.method, request.params))
        except LookupError as error:
            raise RpcError(Code.METHOD_NOT_FOUND, str(error.args[0] if error.args else error)) from None
        except ValueError as error:
            raise RpcError(Code.INVALID_PARAMS, str(error)) from None

    def _simulate_fault(self, params: Params, *, is_raised: bool) -> Any:
        connector, error_code = params.connector(low=0), params.one_of("error_code", ERROR_CODES)
        code = params.text("vendor_error_code") if params.has("vendor_error_code") else error_code
        info = params.text("info") if params.has("info") else ""
        params.done()
        return self._dispatch(RaiseFault(connector, code, error_code, info) if is_raised else ClearFault(connector, code))

    def _dispatch(self, event: Event) -> dict[str, Any]:
        """Ask the core; what it refuses becomes an error with its reason."""
        reply = self._services.station.dispatch(event)
        if reply.verdict in (Verdict.REJECTED, Verdict.NOT_SUPPORTED):
            raise RpcError(Code.REFUSED, reply.reason or f"the station answers {reply.verdict.value}")
        answer: dict[str, Any] = {"status": reply.verdict.value}
        if reply.verdict is Verdict.PENDING:
            answer["ticket"] = reply.ticket
        if reply.reason:
            answer["reason"] = reply.reason
        return answer


def _known_kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(kinds) - set(_KINDS))
    if unknown:
        raise RpcError(Code.INVALID_PARAMS, f"kinds: there is no kind {unknown[0]!r}; known: {', '.join(_KINDS)}")
    return kinds


async def _within(reading: Awaitable[Any]) -> Any:
    """What the journal answers, soon or not at all."""
    try:
        async with asyncio.timeout(_RECORDS_TIMEOUT_S):
            return await reading
    except (StorageError, TimeoutError) as error:
        raise RpcError(Code.REFUSED, f"the journal does not answer: {error}" if str(error) else "the journal does not answer") from None
