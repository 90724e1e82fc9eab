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

from chargerd.core.events import Event
from chargerd.core.ids import ConnectorId
from chargerd.safety.board_link import BoardLink
from chargerd.safety.conversation import Conversation
from chargerd.safety.gate import GateOptions
from chargerd.safety.messages import LONGEST, Message, Octets, Report, decode, encode
from hal.errors import WireError
from hal.types import Flow

log = logging.getLogger(__name__)

RETRY_S = 0.5
"""Between two attempts to reach a guard that is not there."""


class GuardClient:
    """See the module. `connectors`: those that have a contactor."""

    def __init__(self, path: Path, connectors: frozenset[int], options: GateOptions, emit: Callable[[Event], object]) -> None:
        self._path = path
        self._options = options
        self._emit = emit
        self._conversation = Conversation(connectors)
        self._socket: socket.socket | None = None
        self._report: Report | None = None  # None: none yet, or the guard is gone
        self._asked_s: float | None = None  # of the oldest renewal without an answer
        self._links: dict[str, BoardLink] = {}
        self._patience: asyncio.TimerHandle | None = None
        self._silence = ""  # why we have hung up
        self.last_tick_s = 0.0

    # --- what the daemon says ---------------------------------------------------------------------------------------------------------

    def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
        """Take a wish, and pass it on now."""
        before = self._conversation.wishes
        wishes = before | {connector} if is_closed else before - {connector}
        if wishes != before:
            self._conversation.wishes = wishes
            self._say()

    def renew(self, flows: Mapping[int, Flow]) -> None:
        """The daemon is alive, has just decided something, and measures this."""
        self._conversation.flows = flows
        self._say()

    def _say(self) -> None:
        """Never blocks."""
        loop_s = asyncio.get_running_loop().time()
        renewal = self._conversation.renewal(loop_s) if self._socket is not None else None
        if renewal is None:
            return
        self._send(renewal)
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
            self.last_tick_s = asyncio.get_running_loop().time()  # a guard that is away is a fault, and this side is well
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
        for event in self._conversation.hear(report):
            self._emit(event)

    def _lose(self, why: str) -> None:
        self._report = None
        for event in self._conversation.lose(why):
            log.error("guard_lost error=%s", why)
            self._emit(event)

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
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
        known: dict[str, object] = {"where": "process", "is_there": self._report is not None}
        return known if self._report is None else known | {"loaded_openings": self._report.loaded_openings}
