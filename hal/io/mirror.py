"""The lines of a mock board, mirrored to a simulated world in another process.

One JSON object a line in both directions, `{"line": label, "value": 0 or 1}`, logical values (1 is active). The board connects, tells
every output once and then each change; the world does the same with the inputs.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from hal.bus.gpio import LineOptions
from hal.errors import DeviceUnavailable, WireError

_log = logging.getLogger(__name__)


class Mirror:
    """The board's end. `take(label, is_active)` is called for each input the world tells."""

    def __init__(self, name: str, path: Path, lines: Mapping[str, LineOptions], take: Callable[[str, bool], None]) -> None:
        self._name = name
        self._path = path
        self._inputs = frozenset(label for label, line in lines.items() if line.direction == "in")
        self._take = take
        self._writer: asyncio.StreamWriter | None = None

    async def run(self, outputs: Mapping[str, bool]) -> None:
        """Mirror until the world goes away. Raises DeviceUnavailable then, WireError for a line that makes no sense."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._path))
        except OSError as error:
            raise DeviceUnavailable(f"{self._name}: mirror {self._path} is not there: {error}") from error
        self._writer = writer
        try:
            for label, is_active in outputs.items():
                self.tell(label, is_active)
            while text := await reader.readline():
                self._receive(text)
        except (OSError, ValueError) as error:  # ValueError: a line longer than the stream's limit
            raise DeviceUnavailable(f"{self._name}: mirror {self._path} failed: {error}") from error
        finally:
            self._writer = None
            writer.close()
        raise DeviceUnavailable(f"{self._name}: mirror {self._path} is gone; all inputs read as broken wires")

    def tell(self, label: str, is_active: bool) -> None:
        """Tell an output; unheard while the world is away, as it gets all of them when it is back."""
        if self._writer is not None:
            self._writer.write(encode_line(label, is_active))

    def _receive(self, text: bytes) -> None:
        try:
            label, is_active = decode_line(text)
        except WireError as error:
            raise WireError(f"{self._name}: {error}") from error
        if label not in self._inputs:
            _log.warning("mirror_line_ignored device=%s line=%r", self._name, label)
            return
        self._take(label, is_active)


def encode_line(label: str, is_active: bool) -> bytes:
    """One line of the mirror."""
    return json.dumps({"line": label, "value": int(is_active)}).encode() + b"\n"


def decode_line(text: bytes) -> tuple[str, bool]:
    """Label and value of a line. Raises WireError for one that makes no sense."""
    try:
        message = json.loads(text)
        label, value = message["line"], message["value"]
    except (ValueError, TypeError, KeyError) as error:
        raise WireError(f"mirror line {text!r} makes no sense") from error
    if not isinstance(label, str) or value not in (0, 1):
        raise WireError(f"mirror line {text!r} makes no sense")
    return label, bool(value)
