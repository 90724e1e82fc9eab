"""Who wants which frames of a bus."""

from __future__ import annotations

from collections.abc import Callable

Match = Callable[[int], bool]
FrameCallback = Callable[[int, bytes], None]


class Subscriptions:
    """Callbacks by what they match, in the order in which they came."""

    def __init__(self) -> None:
        self._entries: list[tuple[Match, FrameCallback]] = []

    def add(self, match: Match, callback: FrameCallback) -> Callable[[], None]:
        """Call back with identifier and data of each frame whose identifier matches; the returned function ends that."""
        entry = (match, callback)
        self._entries.append(entry)
        return lambda: self._entries.remove(entry)

    def deliver(self, identifier: int, data: bytes) -> None:
        """A frame has come."""
        for match, callback in tuple(self._entries):
            if match(identifier):
                callback(identifier, data)
