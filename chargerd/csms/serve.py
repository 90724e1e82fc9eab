"""The central system as a program: says where it listens, takes operations from standard input or a socket, serves until cancelled."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from chargerd.csms.operations import Say, dumped, serve_lines
from chargerd.csms.server import CentralSystem, Options


async def serve(options: Options, announce: Say, *, stdin: BinaryIO | None = None, operations_socket: Path | None = None) -> None:
    """Serves until cancelled. `announce` gets the address once it listens, then the answer to each operation from standard input.

    The end of standard input ends the operations, not the service; a standard input that cannot be waited for (a file, /dev/null) has none.
    operations_socket: a Unix socket on which each client gets the answers to its own lines.
    """
    async with CentralSystem(options) as central, asyncio.TaskGroup() as tasks:
        announce(_address(central))
        if operations_socket is not None:
            tasks.create_task(_serve_clients(central, operations_socket), name="operations-socket")
        source = sys.stdin.buffer if stdin is None else stdin
        if _can_be_waited_for(source):
            tasks.create_task(_serve_input(central, source, announce), name="operations-stdin")
        await asyncio.Event().wait()


def _address(central: CentralSystem) -> dict[str, object]:
    address: dict[str, object] = {"url": central.url}
    if central.options.unix_socket is not None:
        address["unix_socket"] = str(central.options.unix_socket)
    return address


def _can_be_waited_for(source: BinaryIO) -> bool:
    try:
        descriptor = source.fileno()
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


async def _serve_input(central: CentralSystem, source: BinaryIO, say: Say) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    try:
        await serve_lines(central, reader, say)
    finally:
        transport.close()


async def _serve_clients(central: CentralSystem, path: Path) -> None:
    clients: set[asyncio.StreamWriter] = set()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer)
        try:
            await serve_lines(central, reader, lambda answer: writer.write(dumped(answer).encode() + b"\n"))
        finally:
            clients.discard(writer)
            writer.close()

    server = await asyncio.start_unix_server(client, str(path))
    try:
        await asyncio.Event().wait()
    finally:
        server.close()  # not waited for: it would wait for clients that stay
        for writer in clients:
            writer.close()
