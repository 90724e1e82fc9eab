"""The control socket: a Unix socket on which every line is a JSON-RPC request, with a bounded number of clients.

A client costs two tasks: one reads and answers, in order; one writes. What is told without being asked (events, messages) goes through
a bounded queue, so that a client that does not read is dropped and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chargerd.control.access import Doorkeeper, Peer, peer_of
from chargerd.control.methods import Methods
from chargerd.control.ports import ControlServices
from chargerd.control.protocol import (
    MAX_LINE_BYTES,
    METHODS,
    Access,
    Code,
    Request,
    RpcError,
    decode_request,
    encode_error,
    encode_notification,
    encode_result,
)

log = logging.getLogger(__name__)

MAX_CLIENTS = 32
MAX_QUEUED = 1000  # lines that wait for one client
LAST_WORD_S = 2.0  # for a dropped client to take its last line


class ControlServer:
    """Serves `path` for as long as `run` runs. Raises OSError from `run` when the socket is taken or cannot be made."""

    def __init__(
        self,
        path: Path,
        services: ControlServices,
        doorkeeper: Doorkeeper,
        *,
        max_clients: int = MAX_CLIENTS,
        max_queued: int = MAX_QUEUED,
    ) -> None:
        self._path = path
        self._methods = Methods(services)
        self._doorkeeper = doorkeeper
        self._max_clients = max_clients
        self._max_queued = max_queued
        self._clients: set[_Client] = set()
        self.is_listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; on leaving drop every client and take the socket away."""
        _refuse_second_daemon(self._path)
        is_closing = False
        async with asyncio.TaskGroup() as tasks:

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                if is_closing:  # accepted in the last moment
                    writer.close()
                    return
                task = tasks.create_task(self._serve(reader, writer, tasks), name="control client")
                task.add_done_callback(lambda _: writer.close())

            server = await asyncio.start_unix_server(accept, self._path, limit=MAX_LINE_BYTES)
            try:
                self._path.chmod(0o666)  # who may do what is decided by peer credentials
                self.is_listening.set()
                # Not serve_forever: from Python 3.12 on its cancellation waits for clients, which are cancelled only after it.
                await asyncio.get_running_loop().create_future()
            finally:
                is_closing = True
                self.is_listening.clear()
                server.close()
                self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tasks: asyncio.TaskGroup) -> None:
        try:
            peer = peer_of(writer.get_extra_info("socket"))
            refusal = self._refusal(peer)
            if refusal is not None:
                writer.write(encode_error(refusal))
                return
            client = _Client(peer, writer, self._max_queued)
            self._clients.add(client)
            sender = tasks.create_task(client.send(), name="control client, sending")
            try:
                await self._converse(client, reader)
                async with asyncio.timeout(LAST_WORD_S):
                    await client.flushed()
            finally:
                client.end()
                sender.cancel()
                self._clients.discard(client)
        except TimeoutError:
            writer.transport.abort()
        except OSError as error:
            log.debug("control client gone error=%s", error)

    def _refusal(self, peer: Peer) -> RpcError | None:
        if not self._doorkeeper.allows(peer, Access.READ):
            return RpcError(Code.NOT_PERMITTED, f"not permitted: be root or in group {self._doorkeeper.group_for(Access.READ)}")
        if len(self._clients) >= self._max_clients:
            return RpcError(Code.BUSY, f"{self._max_clients} clients are connected already")
        return None

    async def _converse(self, client: _Client, reader: asyncio.StreamReader) -> None:
        """Answer line after line until the client leaves or sends a line that is too long."""
        while not client.is_dropped:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await client.answer(encode_error(RpcError(Code.PARSE, f"a line has at most {MAX_LINE_BYTES} bytes")))
                return
            if line.strip():
                await self._answer(client, line)

    async def _answer(self, client: _Client, line: bytes) -> None:
        try:
            request = decode_request(line)
        except RpcError as error:
            await client.answer(encode_error(error))
            return
        try:
            answer = encode_result(request.message_id, await self._call(client, request))
        except RpcError as error:
            error.message_id = request.message_id
            answer = encode_error(error)
        except Exception:
            # A slip in one method is told to its caller and to the log; charging goes on.
            log.exception("control method failed method=%s", request.method)
            answer = encode_error(RpcError(Code.INTERNAL, "internal error; see the log of the daemon", request.message_id))
        if not request.is_notification:
            await client.answer(answer)

    async def _call(self, client: _Client, request: Request) -> Any:
        access = METHODS.get(request.method, Access.READ)
        if not self._doorkeeper.allows(client.peer, access):
            raise RpcError(Code.NOT_PERMITTED, f"not permitted: be root or in group {self._doorkeeper.group_for(access)}")
        if access is Access.CHANGE:
            log.info("control request method=%s uid=%d pid=%d", request.method, client.peer.uid, client.peer.pid)
        return await self._methods.call(request, client)


class _Client:
    """One connection: what waits to be written, and what it has subscribed to."""

    def __init__(self, peer: Peer, writer: asyncio.StreamWriter, max_queued: int) -> None:
        self.peer = peer
        self.is_dropped = False
        self._writer = writer
        self._max_queued = max_queued
        self._lines: deque[bytes] = deque()
        self._has_lines = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        writer.transport.set_write_buffer_limits(high=0)  # written means: taken by the kernel
        self._subscriptions: dict[str, Callable[[], None]] = {}

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Queue something to tell; a client with too much waiting is dropped instead."""
        if self.is_dropped:
            return
        if len(self._lines) >= self._max_queued:
            self._drop()
            return
        self._put(encode_notification(method, params))

    def follow(self, what: str, end: Callable[[], None]) -> None:
        """Keep a subscription until it is replaced or the client leaves."""
        earlier = self._subscriptions.pop(what, None)
        if earlier is not None:
            earlier()
        self._subscriptions[what] = end

    async def answer(self, line: bytes) -> None:
        """Queue an answer; a client that does not read its answers waits for itself."""
        while len(self._lines) >= self._max_queued and not self.is_dropped:
            self._has_room.clear()
            await self._has_room.wait()
        if not self.is_dropped:
            self._put(line)

    async def flushed(self) -> None:
        """Wait until everything queued has been taken by the kernel."""
        while self._lines:
            self._has_room.clear()
            await self._has_room.wait()
        await self._writer.drain()

    async def send(self) -> None:
        """Write what is queued, for ever, or until the peer is gone."""
        try:
            while True:
                await self._has_lines.wait()
                while self._lines:
                    self._writer.write(self._lines.popleft())
                    self._has_room.set()
                    await self._writer.drain()
                self._has_lines.clear()
                if self.is_dropped:
                    self._writer.close()
        except OSError:
            self.is_dropped = True
            self._lines.clear()
            self._has_room.set()
            self.end()

    def end(self) -> None:
        """No subscription survives its client."""
        for end in self._subscriptions.values():
            end()
        self._subscriptions.clear()

    def _put(self, line: bytes) -> None:
        self._lines.append(line)
        self._has_lines.set()

    def _drop(self) -> None:
        log.warning("control client dropped uid=%d pid=%d reason=%s", self.peer.uid, self.peer.pid, "does not read")
        self.is_dropped = True
        self.end()
        self._lines.clear()
        self._put(encode_notification("dropped", {"reason": f"{self._max_queued} lines were waiting to be read"}))
        self._has_room.set()
        asyncio.get_running_loop().call_later(LAST_WORD_S, self._writer.transport.abort)


def _refuse_second_daemon(path: Path) -> None:
    """Raises OSError when somebody listens on the socket; a left-over one is taken away by the new server."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except BlockingIOError:
            pass  # its backlog is full: it lives
        except OSError:
            return
    raise OSError(f"{path}: another daemon listens on this socket")
