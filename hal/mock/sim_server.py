"""The `sim.*` methods over a Unix socket: JSON-RPC 2.0, one object a line."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from hal.errors import DeviceUnavailable
from hal.mock.simulation import Simulation

_log = logging.getLogger(__name__)

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600
_METHOD_NOT_FOUND = -32601
_INVALID_PARAMS = -32602


class SimServer:
    """Answers the calls of any number of clients."""

    def __init__(self, simulation: Simulation, path: Path) -> None:
        self._simulation = simulation
        self._path = path
        self._clients: set[asyncio.StreamWriter] = set()
        self.is_serving = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled. Raises DeviceUnavailable when the socket cannot be made."""
        try:
            self._path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._serve_client, self._path)
        except OSError as error:
            raise DeviceUnavailable(f"simulation: socket {self._path} cannot be made: {error}") from error
        self.is_serving.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            for client in self._clients:
                client.close()
            self._path.unlink(missing_ok=True)

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                answer = self.answer(line)
                if answer is not None:
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        except (OSError, ValueError) as error:  # ValueError: a line without an end
            _log.info("sim_client_lost error=%s", error)
        finally:
            self._clients.discard(writer)
            writer.close()

    def answer(self, line: bytes) -> dict[str, object] | None:
        """The response to one request; None to a notification."""
        try:
            request = json.loads(line)
        except ValueError:
            return _error(None, _PARSE_ERROR, "this line is not a JSON object")
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, _INVALID_REQUEST, "a request needs a method")
        number, params = request.get("id"), request.get("params", {})
        if not isinstance(params, Mapping):
            return _error(number, _INVALID_PARAMS, "params must be an object with names")
        try:
            result = self._simulation.call(request["method"], params)
        except LookupError as error:
            return _error(number, _METHOD_NOT_FOUND, str(error.args[0]))
        except ValueError as error:
            return _error(number, _INVALID_PARAMS, str(error))
        return {"jsonrpc": "2.0", "id": number, "result": result} if "id" in request else None


def _error(number: object, code: int, message: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
