"""The board's end of a mirror (`mirror.py`) for who has no event loop: it takes what has come whenever it is asked."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from pathlib import Path

from hal.bus.gpio import LineOptions
from hal.errors import WireError
from hal.io.mirror import decode_line, encode_line

_log = logging.getLogger(__name__)

_RETRY_S = 0.5
_LONGEST_LINE = 65_536


class PolledMirror:
    """`inputs`: by label, as the world told them last; empty while it is away. Nothing here blocks or raises."""

    def __init__(self, name: str, path: Path, lines: Mapping[str, LineOptions]) -> None:
        self.inputs: dict[str, bool] = {}
        self._name = name
        self._path = path
        self._labels = frozenset(label for label, line in lines.items() if line.direction == "in")
        self._socket: socket.socket | None = None
        self._retry_s = 0.0
        self._rest = b""

    def take(self, now_s: float) -> bool:
        """Take what the world has told since. Returns whether it is there."""
        if self._socket is None and now_s >= self._retry_s:
            self._retry_s = now_s + _RETRY_S
            self._connect()
        while self._socket is not None:
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                break
            except OSError as error:
                self._lose(str(error))
                break
            if data:
                self._receive(data)
            else:
                self._lose("it hung up")
        return self._socket is not None

    def tell(self, label: str, is_active: bool) -> None:
        """Tell an output; unheard while the world is away."""
        if self._socket is not None:
            try:
                self._socket.sendall(encode_line(label, is_active))
            except OSError as error:  # one that takes no more is as good as gone
                self._lose(str(error))

    def hang_up(self) -> None:
        """Nothing is claimed any more."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._retry_s = None, 0.0
        self.inputs.clear()

    def _connect(self) -> None:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            made.connect(str(self._path))
        except OSError:
            made.close()
            return
        made.setblocking(False)
        self._socket, self._rest = made, b""

    def _receive(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for text in lines:
            try:
                label, is_active = decode_line(text)
            except WireError as error:
                self._lose(str(error))
                return
            if label in self._labels:
                self.inputs[label] = is_active
        if len(self._rest) > _LONGEST_LINE:
            self._lose("a line without an end")

    def _lose(self, why: str) -> None:
        _log.warning("mirror_lost device=%s path=%s error=%s", self._name, self._path, why)
        self.inputs.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
