"""How long to wait before the next dial."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Exponential back-off with full jitter: a fixed least wait, plus a random part whose range doubles each time.

    random: gives floats in [0, 1). `reset` belongs after a proof that the central system works, never after a mere handshake: a server
    that accepts and closes at once would else be dialled without pause.
    """

    def __init__(self, minimum_s: float, range_s: float, maximum_s: float, random: Callable[[], float]) -> None:
        self._minimum_s = minimum_s
        self._range_s = range_s
        self._maximum_s = max(maximum_s, minimum_s)
        self._random = random
        self._span_s = self._first_span_s()

    def next_delay_s(self) -> float:
        """The wait before the next dial; each call widens the range of the one after it."""
        delay_s = self._minimum_s + self._random() * self._span_s
        self._span_s = min(self._span_s * 2, self._maximum_s - self._minimum_s)
        return delay_s

    def reset(self) -> None:
        """Begin again with the first range."""
        self._span_s = self._first_span_s()

    @property
    def span_s(self) -> float:
        """The range that the next random part is drawn from."""
        return self._span_s

    def resume(self, span_s: float) -> None:
        """Go on with a range that was reached before."""
        self._span_s = min(max(span_s, self._first_span_s()), self._maximum_s - self._minimum_s)

    def _first_span_s(self) -> float:
        return min(self._range_s, self._maximum_s - self._minimum_s)
