"""Lines of text out of a stream of bytes, for devices that talk in lines."""

from __future__ import annotations

from hal.errors import WireError

Line = bytes | WireError


class LineParser:
    """Lines ended by CR, LF or both; an empty one is nothing, one that does not end is given up after `max_size` bytes."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._buffer = bytearray()
        self._is_too_long = False

    def feed(self, data: bytes) -> list[Line]:
        """Lines completed by these bytes, without their ends."""
        lines: list[Line] = []
        for byte in data:
            if byte in b"\r\n":
                lines += self.flush()
            elif len(self._buffer) < self._max_size:
                self._buffer.append(byte)
            else:
                self._is_too_long = True
        return lines

    def flush(self) -> list[Line]:
        """The stream has paused, or begins anew: what has come so far is a line."""
        line, self._buffer = bytes(self._buffer), bytearray()
        is_too_long, self._is_too_long = self._is_too_long, False
        if is_too_long:
            return [WireError(f"line of more than {self._max_size} bytes")]
        return [line] if line else []
