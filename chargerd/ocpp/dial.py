"""How a connection is opened: one dial each, over TCP or, for tests in virtual time, over a Unix socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.typing import Subprotocol

from chargerd.ocpp.options import OcppOptions, StationIdentity, connection_url
from chargerd.ocpp.rpc import SUBPROTOCOL
from chargerd.ocpp.wire import Connection

UNCONFIRMED_S = 60.0
"""So long may what we sent stay without the other side's confirmation before the connection is dead (TCP_USER_TIMEOUT)."""

Dialer = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens one connection; raises OSError, TimeoutError or `websockets.exceptions.WebSocketException` when it cannot be had."""


def tcp_dialer(options: OcppOptions, identity: StationIdentity) -> Dialer:
    """Dials the configured URL."""

    @asynccontextmanager
    async def dial() -> AsyncIterator[ClientConnection]:
        async with connect(connection_url(options.url, identity.identity), proxy=None, **_arguments(options)) as connection:
            _watch(connection.transport.get_extra_info("socket"))
            yield connection

    return dial


def unix_dialer(options: OcppOptions, identity: StationIdentity, path: Path) -> Dialer:
    """Dials a Unix socket instead of the URL's host; all else is the same."""

    def dial() -> AbstractAsyncContextManager[ClientConnection]:
        return unix_connect(str(path), connection_url(options.url, identity.identity), **_arguments(options))

    return dial


def _watch(connected: socket.socket) -> None:
    """Let the kernel find out, too, that nobody is there any more: bytes that nobody confirms, or silence for hours."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(UNCONFIRMED_S * 1000))


def _arguments(options: OcppOptions) -> dict[str, Any]:
    """No compression (OCPP-J 1.6, 5.1), no pings by the library: the session does them, as their interval may change at any time."""
    return {
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "compression": None,
        "max_size": options.max_message_bytes,
        "open_timeout": options.open_timeout_s,
        "close_timeout": options.close_timeout_s,
        "ping_interval": None,
        "user_agent_header": None,
    }
