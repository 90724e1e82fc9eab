"""The link to the central system: dial, converse, wait, dial again, for ever."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import SystemRandom

from websockets.exceptions import InvalidStatus, WebSocketException

from chargerd.core.facts import AuthorizationAsked, Stamped, StatusChanged
from chargerd.core.settings import ConnectorSettings
from chargerd.ocpp.backoff import Backoff
from chargerd.ocpp.backoff_file import BackoffFile
from chargerd.ocpp.desk import AuthorizationDesk
from chargerd.ocpp.dial import Dialer, tcp_dialer
from chargerd.ocpp.options import OcppOptions, StationIdentity, connection_url
from chargerd.ocpp.ports import ClockPort, OutboxStore, StationPort
from chargerd.ocpp.rpc import SUBPROTOCOL
from chargerd.ocpp.session import Session
from chargerd.ocpp.standing import Registration, Standing, Surroundings
from chargerd.ocpp.trace import Trace
from chargerd.ocpp.v16.handlers import Handlers
from chargerd.ocpp.v16.key_values import KeyTable
from chargerd.ocpp.wire import Connection

log = logging.getLogger(__name__)

_HTTP_WORDS = {
    401: "the central system refuses our credentials (HTTP 401)",
    403: "the central system forbids this station (HTTP 403)",
    404: "the central system does not know this identity (HTTP 404)",
}


_random = SystemRandom().random


def _new_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """The link as it is now, for people."""

    url: str
    is_wanted: bool  # False: taken down until told otherwise
    is_connected: bool
    registration: Registration
    retry_in_s: float | None  # until the next dial, or the next BootNotification
    last_error: str  # why the last connection ended or could not be had; empty while all is well
    outstanding: str | None  # action of our CALL that waits for its answer
    last_message_utc_s: float | None


class OcppLink:
    """The station's side of OCPP 1.6J.

    connectors: what is built, for the key table. backoff_file: what a restart is to keep of the back-off. dial: opens one connection; the
    default dials the URL over TCP. random and new_id are there to be replaced by repeatable ones. One object per process: the first
    connection boots, later ones only reconnect.
    """

    def __init__(
        self,
        options: OcppOptions,
        identity: StationIdentity,
        connectors: Sequence[ConnectorSettings],
        station: StationPort,
        store: OutboxStore,
        clock: ClockPort,
        backoff_file: BackoffFile,
        *,
        dial: Dialer | None = None,
        random: Callable[[], float] = _random,
        new_id: Callable[[], str] = _new_id,
    ) -> None:
        self.keys = KeyTable(options, connectors)
        self.trace = Trace()
        self._options = options
        self._identity = identity
        self._station = station
        self._store = store
        self._standing = Standing()
        self._handlers = Handlers(
            *(station, self.keys, options.unlock_timeout_s),
            is_accepted=lambda: self._standing.is_registered,
            is_pending=lambda: self._standing.is_pending,
        )
        self._desk = AuthorizationDesk(station)
        self._around = Surroundings(options, identity, station, store, clock, self._handlers, self._desk, self.trace, random, new_id)
        self._dial = dial or tcp_dialer(options, identity)
        self._backoff = Backoff(options.backoff_minimum_s, options.backoff_range_s, options.backoff_maximum_s, random)
        self._backoff_file = backoff_file
        self._is_backoff_kept = True
        self._session: Session | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._is_wanted = True
        self._wanted_changed = asyncio.Event()
        self._next_dial_s: float | None = None
        self._last_error = ""

    async def run(self) -> None:
        """Keep the link up for ever. Whatever the central system does, this goes on; errors of our own come out."""
        unsubscribe = self._station.subscribe(self._on_fact)
        self._offer_present_statuses()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._desk.run(), name="ocpp.offline")
                await self._resume_backoff()
                while True:
                    await self._until_due()
                    self._attempt = group.create_task(self._connect_once(), name="ocpp.connection")
                    await asyncio.wait({self._attempt})
                    await self._pause()
        finally:
            unsubscribe()

    def connect(self) -> None:
        """Bring the link up, at once; after Rejected as soon as the central system allows it."""
        self._is_wanted = True
        self._wanted_changed.set()

    def disconnect(self) -> None:
        """Take the link down until `connect`."""
        self._is_wanted = False
        self._wanted_changed.set()
        if self._attempt is not None:
            self._attempt.cancel()

    async def drained(self) -> None:
        """Wait until the central system has been told of everything owed; at once when it cannot be told now."""
        if self._session is not None and self._session.is_accepted:
            await self._standing.is_drained.wait()

    def status(self) -> LinkStatus:
        """The link as it is now."""
        last = self.trace.last
        return LinkStatus(
            url=connection_url(self._options.url, self._identity.identity),
            is_wanted=self._is_wanted,
            is_connected=self._session is not None,
            registration=self._standing.registration,
            retry_in_s=self._retry_in_s(),
            last_error=self._last_error,
            outstanding=self._session.outstanding if self._session is not None else None,
            last_message_utc_s=last.at_utc_s if last is not None else None,
        )

    # --- one connection after another

    async def _connect_once(self) -> None:
        """Dial and converse until it is over; what the network and the other side can do wrong ends here."""
        self._next_dial_s = None
        try:
            async with self._dial() as connection:
                self._last_error = await self._converse(connection)
        except (OSError, TimeoutError, WebSocketException) as error:
            self._last_error = _words(error)
        log.warning("ocpp_disconnected url=%s reason=%s", self._options.url, self._last_error)

    async def _converse(self, connection: Connection) -> str:
        if connection.subprotocol != SUBPROTOCOL:
            return f"the central system does not speak {SUBPROTOCOL}"
        log.info("ocpp_connected url=%s", self._options.url)
        self._last_error = ""
        self._session = Session(self._around, self._standing, connection, self._proven)
        try:
            return await self._session.run()
        finally:
            self._session = None

    def _proven(self) -> None:
        """The central system works for us; called often."""
        self._backoff.reset()
        if self._is_backoff_kept:
            self._is_backoff_kept = False
            self._backoff_file.write(0.0)

    async def _resume_backoff(self) -> None:
        """The run before could not reach the central system: go on where it was, and do not begin with a dial."""
        span_s = self._backoff_file.read_s()
        if span_s > 0.0:
            self._backoff.resume(span_s)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the back-off's time, or until somebody wants the link at once."""
        self._wanted_changed.clear()
        if not self._is_wanted:
            return
        wait_s = self._backoff.next_delay_s()
        self._is_backoff_kept = True
        self._backoff_file.write(self._backoff.span_s)
        self._next_dial_s = asyncio.get_running_loop().time() + wait_s
        log.info("ocpp_redial in_s=%.1f", wait_s)
        await self._until_changed(self._next_dial_s)

    async def _until_due(self) -> None:
        """Wait until the link is wanted and, after Rejected, until the central system wants to hear of us again."""
        loop, standing = asyncio.get_running_loop(), self._standing
        while True:
            self._wanted_changed.clear()
            due_s = standing.next_boot_s if standing.registration is Registration.REJECTED else loop.time()
            if self._is_wanted and loop.time() >= due_s:
                return
            self._next_dial_s = due_s if self._is_wanted else None
            await self._until_changed(self._next_dial_s)

    async def _until_changed(self, until_s: float | None) -> None:
        try:
            async with asyncio.timeout_at(until_s):
                await self._wanted_changed.wait()
        except TimeoutError:
            pass

    def _retry_in_s(self) -> float | None:
        """Called from the loop's own thread only."""
        at_s, standing = self._next_dial_s, self._standing
        if self._session is not None and standing.is_pending:
            at_s = standing.next_boot_s
        if at_s is not None and standing.registration is Registration.REJECTED:
            at_s = max(at_s, standing.next_boot_s)
        return max(0.0, at_s - asyncio.get_running_loop().time()) if at_s is not None else None

    # --- facts

    def _on_fact(self, stamped: Stamped) -> None:
        fact = stamped.fact
        self._handlers.on_fact(fact)
        if isinstance(fact, StatusChanged):
            self._standing.statuses.offer(fact, stamped.mono_s)
        if isinstance(fact, AuthorizationAsked):
            self._desk.ask(fact)
        if self._session is not None:
            self._session.on_fact(fact)

    def _offer_present_statuses(self) -> None:
        view, now_s = self._station.view(), asyncio.get_running_loop().time()
        known = (connector.status for connector in view.connectors if connector.is_status_known)
        for status in (view.status, *known):
            self._standing.statuses.offer(status, now_s)


def _words(error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        code = error.response.status_code
        return _HTTP_WORDS.get(code, f"the central system answers the dial with HTTP {code}")
    if isinstance(error, TimeoutError):
        return "the central system does not answer the dial in time"
    return " ".join(str(error).split()) or type(error).__name__
