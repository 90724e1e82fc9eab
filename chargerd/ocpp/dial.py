"""How a connection is opened: one dial each, over TCP or, for tests in virtual time, over a Unix socket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.typing import Subprotocol

from chargerd.ocpp.options import OcppOptions, StationIdentity, connection_url
from chargerd.ocpp.rpc import SUBPROTOCOL
from chargerd.ocpp.wire import Connection

Dialer = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens one connection; raises OSError, TimeoutError or `websockets.exceptions.WebSocketException` when it cannot be had."""


def tcp_dialer(options: OcppOptions, identity: StationIdentity) -> Dialer:
    """Dials the configured URL."""

    def dial() -> AbstractAsyncContextManager[ClientConnection]:
        return connect(connection_url(options.url, identity.identity), proxy=None, **_arguments(options))

    return dial


def unix_dialer(options: OcppOptions, identity: StationIdentity, path: Path) -> Dialer:
    """Dials a Unix socket instead of the URL's host; all else is the same."""

    def dial() -> AbstractAsyncContextManager[ClientConnection]:
        return unix_connect(str(path), connection_url(options.url, identity.identity), **_arguments(options))

    return dial


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
