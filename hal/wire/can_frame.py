"""One frame with a 29-bit identifier, as the codecs give it and a bus sends it."""

from __future__ import annotations

from typing import NamedTuple


class CanFrame(NamedTuple):
    """Identifier and payload; unpack it into `send(*frame)`."""

    identifier: int
    data: bytes
