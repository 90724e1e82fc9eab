"""A blocking client of the control socket."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chargerd.cli import exitcodes
from chargerd.control.protocol import Code, Notification, Reply, RpcError, decode_answer, encode_request

ANSWER_S = 15.0


class Failure(Exception):
    """Why the program ends, in one line, with its exit code."""

    def __init__(self, message: str, exit_code: int = exitcodes.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def candidates(environment: Mapping[str, str], uid: int) -> list[Path]:
    """Where a daemon's socket may be, in the order to look: as named, as the service has it, as a user's own daemon has it."""
    if "CHARGERD_SOCKET" in environment:
        return [Path(environment["CHARGERD_SOCKET"])]
    places = [Path(environment.get("RUNTIME_DIRECTORY", "/run/chargerd"))]
    places.append(Path(environment.get("XDG_RUNTIME_DIR", f"/run/user/{uid}")) / "chargerd")
    return [place / "control.sock" for place in places]


class Client:
    """One connection; use it in a `with` statement. Every method raises Failure."""

    def __init__(self, places: list[Path]) -> None:
        self._socket = _connected(places)
        self._received = b""
        self._told: deque[Notification] = deque()
        self._next_id = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """The result of one method; what is told in the meantime is kept for `told`."""
        self._next_id += 1
        with contextlib.suppress(OSError):  # whatever the daemon said before it hung up is read below
            self._socket.sendall(encode_request(method, params or {}, self._next_id))
        while True:
            answer = self._read(ANSWER_S)
            if isinstance(answer, Notification):
                self._told.append(answer)
            elif answer.error is not None and answer.message_id in (None, self._next_id):
                raise _failure(answer.error)
            elif answer.message_id == self._next_id:
                return answer.result

    def told(self) -> Iterator[Notification]:
        """Notifications as they come, for ever."""
        while True:
            while self._told:
                yield self._told.popleft()
            answer = self._read(None)
            if isinstance(answer, Notification):
                if answer.method == "dropped":
                    raise Failure(f"dropped by the daemon: {answer.params.get('reason', '')}")
                yield answer

    def pause(self, seconds: float) -> None:
        """Wait until something is told, at most so long; forgets what was told."""
        if not self._told and b"\n" not in self._received:
            select.select([self._socket], [], [], seconds)
        while b"\n" in self._received or select.select([self._socket], [], [], 0)[0]:
            self._read(ANSWER_S)
        self._told.clear()

    def _read(self, timeout_s: float | None) -> Reply | Notification:
        self._socket.settimeout(timeout_s)
        while b"\n" not in self._received:
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                raise Failure(f"the daemon does not answer within {timeout_s:.0f} s") from None
            except OSError:
                chunk = b""
            if not chunk:
                raise Failure("the daemon has closed the connection", exitcodes.NOT_RUNNING)
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        try:
            return decode_answer(line)
        except RpcError as error:
            raise Failure(f"the daemon's answer cannot be read: {error}") from None


def _failure(error: RpcError) -> Failure:
    return Failure(error.message, exitcodes.NOT_PERMITTED if error.code == Code.NOT_PERMITTED else exitcodes.FAILED)


def _connected(places: list[Path]) -> socket.socket:
    for place in places:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(ANSWER_S)
            connection.connect(os.fspath(place))
        except PermissionError:
            connection.close()
            raise Failure(f"not permitted to use {place}", exitcodes.NOT_PERMITTED) from None
        except OSError:
            connection.close()
            continue
        return connection
    raise Failure(f"the daemon is not running: nobody listens at {' or '.join(map(str, places))}", exitcodes.NOT_RUNNING)
