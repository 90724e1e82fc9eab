"""The central system: a WebSocket server on TCP or a Unix socket, one record for each station."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote, unquote

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargerd.csms.connection import Connection, OperationError
from chargerd.csms.model import Message, Station, TransactionNumbers
from chargerd.csms.policy import Policy
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.rpc import SUBPROTOCOL, Payload

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a central system is started with.

    stations: identities that are known; None: every one.  keys: password of each station for HTTP Basic authentication (security profiles
    1 and 2); empty: none is asked for.  unix_socket: listens there and not on TCP.  utc_s: the central system's clock.
    """

    host: str = "127.0.0.1"
    port: int = 0
    unix_socket: Path | None = None
    tls: ssl.SSLContext | None = None
    stations: frozenset[str] | None = None
    keys: Mapping[str, bytes] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    log: Path | None = None
    first_transaction: int = 1
    call_timeout_s: float = 30.0
    ping_interval_s: float | None = None
    utc_s: Callable[[], float] = time.time


class CentralSystem:
    """Runs between `async with`. `stations` holds the record of each station that ever connected; `policy` may be replaced at any time."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.policy = self.options.policy
        self.stations: dict[str, Station] = {}
        self._numbers = TransactionNumbers(self.options.first_transaction)
        self._connections: dict[str, Connection] = {}
        self._server: Server | None = None
        self._log: TextIO | None = None
        self._news = asyncio.Event()
        self._is_open = asyncio.Event()
        self._is_open.set()

    async def __aenter__(self) -> CentralSystem:
        """Listens. Raises OSError when the address cannot be had or the log cannot be written."""
        options = self.options
        self._log = _opened(options.log)
        place: dict[str, Any] = {"host": options.host, "port": options.port}
        if options.unix_socket is not None:
            place = {"unix": True, "path": str(options.unix_socket)}
        self._server = await serve(
            self._serve,
            **place,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            process_request=self._answer_dial,
            compression=None,  # OCPP-J 1.6, 5.1
            ping_interval=options.ping_interval_s,
            ssl=options.tls,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes every connection and stops listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._log is not None:
            self._log.close()

    @property
    def url(self) -> str:
        """What a station is given as its central system; it adds `/` and its identity."""
        scheme = "ws" if self.options.tls is None else "wss"
        if self._server is None or self.options.unix_socket is not None:
            return f"{scheme}://localhost/ocpp"
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/ocpp"

    def station(self, identity: str) -> Station:
        """The record of a station, empty before it has connected."""
        return self.stations.setdefault(identity, Station(identity, self._numbers))

    async def call(self, station: str, action: str, payload: Payload, timeout_s: float | None = None) -> Payload:
        """Sends a request to a station and gives its answer. Raises OperationError when there is no proper one."""
        return await self._connection(station).call(action, payload, timeout_s or self.options.call_timeout_s)

    async def send_raw(self, station: str, text: str) -> None:
        """Sends a station any text, also what is no OCPP. Raises OperationError when it is not connected."""
        await self._connection(station).send_raw(text)

    async def disconnect(self, station: str) -> None:
        """Closes a station's connection in order."""
        await self._connection(station).close()

    def drop(self, station: str) -> None:
        """Breaks a station's connection without a word, as a dead network does."""
        self._connection(station).drop()

    def hold(self) -> None:
        """Let stations that dial wait at the door, until `admit`."""
        self._is_open.clear()

    def admit(self) -> None:
        """Let them in."""
        self._is_open.set()

    async def until(self, claim: Callable[[], bool]) -> None:
        """Waits until a claim about the records holds; it is looked at after every message, connection and disconnection."""
        while not claim():
            await self._news.wait()

    async def _serve(self, socket: ServerConnection) -> None:
        request = socket.request
        identity = "" if request is None else _identity(request.path)
        station = self.station(identity)
        connection = Connection(
            socket,
            station,
            policy=lambda: self.policy,
            utc_s=self.options.utc_s,
            record=lambda direction, text: self._record(station, direction, text),
            changed=self._tell,
        )
        before, self._connections[identity] = self._connections.get(identity), connection
        if before is not None:
            await before.close()
        station.is_connected = True
        station.connections += 1
        _LOG.info("connected station=%s", identity)
        self._tell()
        try:
            await connection.run()
        finally:
            if self._connections.get(identity) is connection:
                del self._connections[identity]
                station.is_connected = False
            _LOG.info("disconnected station=%s", identity)
            self._tell()

    async def _answer_dial(self, socket: ServerConnection, request: Request) -> Response | None:
        """Refuses whom we do not know (404; OCPP-J errata 3.4) and who cannot prove who it is (401)."""
        await self._is_open.wait()
        identity = _identity(request.path)
        known = self.options.stations
        if not identity or (known is not None and identity not in known):
            return socket.respond(404, "no such station\n")
        if self.options.keys and not _is_authentic(request, identity, self.options.keys.get(identity)):
            response = socket.respond(401, "wrong or missing password\n")
            response.headers["WWW-Authenticate"] = 'Basic realm="ocpp"'
            return response
        return None

    def _connection(self, identity: str) -> Connection:
        connection = self._connections.get(identity)
        if connection is None:
            raise OperationError(f"{identity} is not connected")
        return connection

    def _record(self, station: Station, direction: str, text: str) -> None:
        message = Message(self.options.utc_s(), direction, text)
        station.trace.append(message)
        if self._log is not None:
            self._log.write(_line(station.identity, message))

    def _tell(self) -> None:
        """Wakes whoever waits, and makes the next one wait again."""
        news, self._news = self._news, asyncio.Event()
        news.set()


def station_url(url: str, identity: str) -> str:
    """Where a station connects (OCPP-J 1.6, 3.1.1)."""
    return f"{url}/{quote(identity, safe='')}"


def _identity(path: str) -> str:
    return unquote(path.partition("?")[0].rpartition("/")[2])


def _is_authentic(request: Request, identity: str, key: bytes | None) -> bool:
    if key is None:
        return False
    wanted = b"Basic " + base64.b64encode(identity.encode() + b":" + key)
    return hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted)


def _opened(log: Path | None) -> TextIO | None:
    return None if log is None else log.open("a", encoding="utf-8", buffering=1)


def _line(identity: str, message: Message) -> str:
    """One line of the message log. The password of a station is not written."""
    try:
        frame = _masked(json.loads(message.text))
    except ValueError:
        frame = message.text
    entry = {"at": render_time(message.at_utc_s), "station": identity, "direction": message.direction, "frame": frame}
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _masked(frame: object) -> object:
    match frame:
        case [2, message_id, "ChangeConfiguration", {"key": str() as key}] if key.casefold() == "authorizationkey":
            return [2, message_id, "ChangeConfiguration", {"key": key, "value": "***"}]
    return frame
