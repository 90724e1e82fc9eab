"""The daemon's end of the guard: it tells wishes and life, hears what the guard forbids, and notices when the guard is gone.

A guard that does not answer is a trip: without it nobody opens a contactor, so nothing may flow.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from chargerd.core.events import ContactorUpdated, Event, GateCleared, GateTripped
from chargerd.core.ids import STATION, ConnectorId
from chargerd.safety.board_link import BoardLink
from chargerd.safety.gate import GateOptions
from chargerd.safety.messages import LONGEST, Message, Octets, Renewal, Report, decode, encode
from hal.errors import WireError
from hal.types import Flow

log = logging.getLogger(__name__)

GUARD_LOST = "guard-lost"

RETRY_S = 0.5
"""Between two attempts to reach a guard that is not there."""


class GuardClient:
    """See the module. `connectors`: those that have a contactor."""

    def __init__(self, path: Path, connectors: frozenset[int], options: GateOptions, emit: Callable[[Event], object]) -> None:
        self._path = path
        self._connectors = connectors
        self._options = options
        self._emit = emit
        self._wishes: frozenset[int] = frozenset()
        self._flows: Mapping[int, Flow] = {}
        self._socket: socket.socket | None = None
        self._epoch: int | None = None  # None: none has begun on this connection
        self._began_s = 0.0
        self._report: Report | None = None
        self._asked_s: float | None = None  # of the oldest renewal without an answer
        self._is_lost = False
        self._links: dict[str, BoardLink] = {}
        self._told: dict[tuple[int, str], str] = {}
        self._told_closed: dict[int, bool] = {}
        self._patience: asyncio.TimerHandle | None = None
        self._silence = ""  # why we have hung up
        self.last_tick_s = 0.0

    # --- what the daemon says ---------------------------------------------------------------------------------------------------------

    def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
        """Take a wish, and pass it on now."""
        before = self._wishes
        self._wishes = before | {connector} if is_closed else before - {connector}
        if self._wishes != before:
            self._say()

    def renew(self, flows: Mapping[int, Flow]) -> None:
        """The daemon is alive, has just decided something, and measures this."""
        self._flows = flows
        self._say()

    def _say(self) -> None:
        """Never blocks. A new epoch begins only with nothing wished, so after a loss the core has to have opened first."""
        if self._socket is None:
            return
        loop_s = asyncio.get_running_loop().time()
        if self._epoch is None:
            if self._wishes:
                return
            self._epoch, self._began_s = round(loop_s * 1e9), loop_s
        self._send(Renewal(self._epoch, loop_s, self._wishes, self._flows))
        if self._asked_s is None:
            self._asked_s = loop_s
            self._patience = asyncio.get_running_loop().call_at(loop_s + self._options.lease_s, self._doubt, loop_s)

    def _send(self, message: Message) -> None:
        if self._socket is not None:
            try:
                self._socket.send(encode(message))
            except OSError as error:  # full: it has not read for long; or gone. Either is noticed by its silence.
                log.debug("guard_not_told error=%s", error)

    # --- what the guard says ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep in touch with the guard until cancelled. Leaving closes the connection, which opens everything."""
        while True:
            try:
                await self._serve()
            except (OSError, WireError) as error:
                self._lose(str(error))
            finally:
                self._hang_up()
            await asyncio.sleep(RETRY_S)

    def link(self, name: str, port: Path, baudrate: int) -> BoardLink:
        """The way of a board's driver to its board, whose port the guard has opened; in the form that drivers ask for ports in."""
        return self._links.setdefault(name, BoardLink(name, lambda data: self._send(Octets(name, data))))

    async def _serve(self) -> None:
        """Talk to one guard until it is gone. Raises OSError or WireError with the reason."""
        loop = asyncio.get_running_loop()
        guard = self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._silence = ""
        try:
            guard.connect(str(self._path))
        except OSError as error:
            raise OSError(f"{self._path}: {error.strerror}") from error
        self._say()
        while datagram := await loop.sock_recv(guard, LONGEST):
            match decode(datagram):
                case Report() as report:
                    self._take(report)
                case Octets(device, data) if device in self._links:
                    self._links[device].hear(data)
                case other:
                    raise WireError(f"a {type(other).__name__} is for the other side")
        raise OSError(self._silence or "the guard has ended")

    def _doubt(self, asked_s: float) -> None:
        """A renewal has had no answer for the length of a lease; what has come while this loop was late counts first."""
        asyncio.get_running_loop().call_soon(self._give_up, asked_s)

    def _give_up(self, asked_s: float) -> None:
        if self._asked_s == asked_s and self._socket is not None:
            self._silence = f"the guard has not answered for {self._options.lease_s:g} s"
            with contextlib.suppress(OSError):  # it has hung up itself
                self._socket.shutdown(socket.SHUT_RDWR)

    def _take(self, report: Report) -> None:
        self.last_tick_s = asyncio.get_running_loop().time()
        self._report = report
        if self._asked_s is not None and report.answers_s >= self._asked_s:
            self._answered()
        if report.epoch != self._epoch and report.answers_s >= self._began_s:
            self._epoch = None  # it has ended; the next begins once nothing is wished
        if self._is_lost:
            self._is_lost = False
            log.info("guard_found path=%s", self._path)
            self._emit(GateCleared(STATION, GUARD_LOST))
        self._pass_on(report)

    def _pass_on(self, report: Report) -> None:
        forbidden = {(one.connector, one.code): one.info for one in report.forbidden}
        for (connector, code), info in forbidden.items():
            if (connector, code) not in self._told:
                self._emit(GateTripped(ConnectorId(connector), code, info))
        for connector, code in self._told.keys() - forbidden.keys():
            self._emit(GateCleared(ConnectorId(connector), code))
        self._told = forbidden
        for number in sorted(self._connectors):
            is_closed = number in report.closed
            if self._told_closed.get(number) != is_closed:
                self._told_closed[number] = is_closed
                self._emit(ContactorUpdated(ConnectorId(number), is_closed))

    def _lose(self, why: str) -> None:
        if not self._is_lost:
            self._is_lost = True
            log.error("guard_lost error=%s", why)
            self._emit(GateTripped(STATION, GUARD_LOST, why))

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._epoch = None
        for link in self._links.values():
            link.lose()
        self._answered()

    def _answered(self) -> None:
        self._asked_s = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def view(self) -> dict[str, object]:
        """For people."""
        known: dict[str, object] = {"where": "process", "is_there": self._report is not None and not self._is_lost}
        return known if self._report is None else known | {"loaded_openings": self._report.loaded_openings}
