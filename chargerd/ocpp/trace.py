"""The last messages in both directions, for people; secrets are masked before anything is kept."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

MASK = "***"
LONGEST = 8192
"""Of a longer message only the beginning is kept: memory is bounded, whatever the other side sends."""

_SECRET_KEY = "authorizationkey"  # noqa: S105 - the name of the key, not the key


class Direction(Enum):
    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One message; `latency_s` is the time between a CALL and this answer to it."""

    direction: Direction
    at_utc_s: float
    text: str
    latency_s: float | None = None


class Trace:
    """A ring of messages with followers; long messages are cut."""

    def __init__(self, size: int = 500) -> None:
        self._entries: deque[TraceEntry] = deque(maxlen=size)
        self._followers: list[Callable[[TraceEntry], None]] = []

    @property
    def last(self) -> TraceEntry | None:
        """The newest message."""
        return self._entries[-1] if self._entries else None

    def recent(self, limit: int | None = None) -> list[TraceEntry]:
        """The newest messages, oldest first."""
        entries = list(self._entries)
        return entries if limit is None else entries[max(0, len(entries) - limit) :]

    def subscribe(self, follower: Callable[[TraceEntry], None]) -> Callable[[], None]:
        """Call `follower` with each message from now on; returns what ends it."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def add(self, direction: Direction, at_utc_s: float, text: str, latency_s: float | None = None) -> None:
        """Keep a message."""
        entry = TraceEntry(direction, at_utc_s, _cut(masked(text)), latency_s)
        self._entries.append(entry)
        for follower in tuple(self._followers):
            follower(entry)


def masked(text: str) -> str:
    """A message without the value of AuthorizationKey, however the message is written."""
    if _SECRET_KEY not in text.casefold() and "\\u" not in text:
        return text
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return "(not shown: cannot be read and may hold a key)"
    if not _holds_secret(frame):
        return text
    frame[3]["value"] = MASK
    return json.dumps(frame, separators=(",", ":"))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text)} characters)"


def _holds_secret(frame: object) -> bool:
    if not (isinstance(frame, list) and len(frame) == 4 and isinstance(frame[3], dict)):
        return False
    return str(frame[3].get("key")).strip().casefold() == _SECRET_KEY and "value" in frame[3]
