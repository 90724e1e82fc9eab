"""The guard: the gate as a process of its own. It owns the contactor lines, and opens them without anybody's help.

Theory of operation. One loop waits for the socket, at the longest for a tick, then reads what has come, looks at the lines, and answers.
It needs no event loop, no OCPP and no core. A daemon that is killed closes its end of the socket, which wakes the guard at once; one that
hangs lets its lease run out; one that is swapped out does both late, and is judged by the time of its own clock (`lease.py`).
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from chargerd.safety.gate import GateOptions
from chargerd.safety.keeper import Keeper
from chargerd.safety.lease import Lease
from chargerd.safety.messages import LONGEST, Octets, Prohibition, Renewal, Report, SafeOrder, decode, encode
from hal.errors import DeviceUnavailable, WireError
from hal.ports import Relay, SafetyIo

log = logging.getLogger(__name__)

IDLE_TICK_S = 0.5
"""How often the lines are read while nothing is wished or closed."""

MOST_CLIENTS = 8
MOST_AT_ONCE = 1024
"""Datagrams of one client that are read between two looks: more than a socket holds."""


class Guard:
    """See the module. `alive` is called after each look; `clock` gives CLOCK_MONOTONIC in seconds."""

    def __init__(
        self,
        io: SafetyIo,
        connectors: frozenset[int],
        options: GateOptions,
        path: Path,
        clock: Callable[[], float],
        relays: Mapping[str, Relay] = MappingProxyType({}),
        enables: frozenset[int] = frozenset(),
        alive: Callable[[float], object] = lambda _: None,
    ) -> None:
        self._keeper = Keeper(io, connectors, options, enables=enables)
        self._lease = Lease(options.lease_s)
        self._tick_s = options.tick_s
        self._path = path
        self._clock = clock
        self._relays = relays
        self._alive = alive
        self._forbidden: dict[tuple[int, str], str] = {}
        self._closed: frozenset[int] = frozenset()
        self._poll = select.poll()
        self._listener: socket.socket | None = None
        self._clients: dict[int, socket.socket] = {}
        self._daemon: socket.socket | None = None  # whose epoch counts
        self._is_orphaned = False  # it is gone, and its contactors are still being opened
        self._has_news = True

    def run(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Guard until nobody wants it any more, then leave everything open. Raises DeviceUnavailable when the socket cannot be made."""
        self._keeper.begin(self._clock())
        try:
            self._listen()
            while is_wanted():
                self._look()
                self._wait()
        finally:
            self._keeper.close()
            for client in (*self._clients.values(), self._listener):
                if client is not None:
                    client.close()
            self._path.unlink(missing_ok=True)

    # --- looking ----------------------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        now_s = self._clock()
        age_s = self._lease.age_s(now_s)
        if self._keeper.wishes != self._lease.wishes:
            self._keeper.wish(self._lease.wishes, now_s)
        look = self._keeper.look(now_s, age_s, self._lease.flows)
        for trip in look.trips:
            if trip.is_over:
                self._forbidden.pop((trip.connector, trip.code), None)
            else:
                self._forbidden[trip.connector, trip.code] = trip.info
        if self._is_orphaned and not self._keeper.is_holding:
            self._is_orphaned = False
            self._lease.forget()
        if look.trips or look.closed != self._closed:
            self._closed, self._has_news = look.closed, True
        if self._has_news:
            self._tell_everybody()
        self._pass_on()
        self._alive(now_s)

    # --- talking ----------------------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
            self._path.chmod(0o660)
            listener.listen(MOST_CLIENTS)
        except OSError as error:
            listener.close()
            raise DeviceUnavailable(f"socket {self._path} cannot be made: {error}") from error
        self._listener = listener
        self._poll.register(listener, select.POLLIN)

    def _wait(self) -> None:
        tick_s = IDLE_TICK_S if self._keeper.is_quiet and not self._relays else self._tick_s
        for descriptor, _ in self._poll.poll(tick_s * 1000.0):
            if descriptor in self._clients:
                self._hear(self._clients[descriptor])
            else:
                self._welcome()

    def _welcome(self) -> None:
        try:
            client, _ = self._listener.accept() if self._listener is not None else (None, None)
        except OSError as error:
            log.warning("client_not_taken error=%s", error)
            return
        if client is None or len(self._clients) >= MOST_CLIENTS:
            log.warning("client_refused clients=%d", len(self._clients))
            if client is not None:
                client.close()
            return
        client.setblocking(False)
        self._clients[client.fileno()] = client
        self._poll.register(client, select.POLLIN)

    def _hear(self, client: socket.socket) -> None:
        """Read all that has come from a client, so that the newest word counts."""
        for _ in range(MOST_AT_ONCE):
            try:
                datagram = client.recv(LONGEST)
            except BlockingIOError:
                return
            except OSError as error:
                log.warning("client_lost error=%s", error)
                datagram = b""
            if not datagram:
                self._part(client)
                return
            try:
                self._take(client, decode(datagram))
            except WireError as error:
                log.warning("client_parted error=%s", error)
                self._part(client)
                return

    def _take(self, client: socket.socket, message: object) -> None:
        """Raises WireError for what a client may not say."""
        match message:
            case Renewal() if self._daemon in (None, client):
                epoch, self._has_news = self._lease.epoch, True
                if self._lease.take(message, self._clock()):
                    self._daemon = client
                if self._lease.epoch != epoch:
                    self._look()  # the gate has to see that nothing is wished, whatever is waiting in the socket
            case Octets() if self._daemon is client:
                self._relay(message)
            case Octets():
                log.debug("octets_of_nobody device=%s", message.device)
            case Renewal():
                raise WireError("another daemon is guarded already")
            case SafeOrder():
                log.warning("ordered_safe")
                self._lease.end()
                self._has_news = True
            case _:
                raise WireError(f"a {type(message).__name__} is for the other side")

    def _part(self, client: socket.socket) -> None:
        """A client is gone; with the daemon go its wishes."""
        self._poll.unregister(client)
        del self._clients[client.fileno()]
        client.close()
        if client is self._daemon:
            log.warning("daemon_gone wishes=%s", sorted(self._lease.wishes))
            self._daemon, self._is_orphaned = None, True
            self._lease.end()

    def _pass_on(self) -> None:
        """What boards have said, to the daemon; while there is none, to nobody."""
        for name, relay in self._relays.items():
            data = relay.heard()
            if data and self._daemon is not None:
                self._send(self._daemon, encode(Octets(name, data)))

    def _relay(self, octets: Octets) -> None:
        """Raises WireError for a device that is none of ours."""
        if octets.device not in self._relays:
            raise WireError(f"there is no board {octets.device!r} here")
        try:
            self._relays[octets.device].say(octets.data)
        except DeviceUnavailable as error:  # which the next look at the board says too
            log.debug("not_passed_on error=%s", error)

    def _tell_everybody(self) -> None:
        self._has_news = False
        forbidden = tuple(Prohibition(connector, code, info) for (connector, code), info in self._forbidden.items())
        report = Report(self._lease.epoch, self._lease.answers_s, self._closed, forbidden, self._keeper.loaded_openings)
        datagram = encode(report)
        for client in tuple(self._clients.values()):
            if not self._send(client, datagram):
                self._has_news = True

    def _send(self, client: socket.socket, datagram: bytes) -> bool:
        """Returns whether it was taken by a client that still reads. One that is gone is noticed at the next look at its socket."""
        try:
            client.send(datagram)
        except BlockingIOError:
            return False
        except OSError as error:
            log.debug("client_gone error=%s", error)
        return True
