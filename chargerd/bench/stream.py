"""What the station says, in its order, taken one after the other. Strict: a message that is not expected fails the case.

Two things are set aside by rule: actions that the case is not about (`aside`), and a message that is repeated under its id after the
connection was lost. What the central system finds wrong with a message, its schema included, fails the case too.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from chargerd.bench.patterns import Pattern, described
from chargerd.bench.verdict import CaseFailedError
from chargerd.csms.model import Request, Station

ALWAYS_ASIDE = frozenset({"Heartbeat", "MeterValues"})
"""What stations send at moments of their own, unless a case is about it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and when it came, by the loop's clock; `answered`: how many of our requests the station had answered by then."""

    at_s: float
    request: Request
    answered: int = 0

    @property
    def payload(self) -> dict[str, object]:
        """Its fields."""
        return dict(self.request.payload)


class Stream:
    """The messages of one station. Listens from the moment it is made until `close`."""

    def __init__(self, record: Station) -> None:
        self.aside = ALWAYS_ASIDE
        self._record = record
        self._waiting: deque[Heard] = deque()
        self._connections: dict[str, int] = {}  # message id -> the connection on which it came first
        self._news = asyncio.Event()
        self._known = Counter(record.complaints)
        self.close = record.subscribe(self._hear)

    def _hear(self, request: Request) -> None:
        connection = self._record.connections
        if self._connections.setdefault(request.message_id, connection) == connection:
            self._waiting.append(Heard(asyncio.get_running_loop().time(), request, self._record.answered))
        self._news.set()

    def forget(self) -> None:
        """Whatever has come so far is of no interest."""
        self._waiting.clear()
        self._known = Counter(self._record.complaints)

    async def expect(self, *patterns: Pattern, within_s: float) -> Heard:
        """The next message, which must fit one of the patterns."""
        heard = await self._next(within_s)
        if heard is None:
            raise CaseFailedError(f"expected {_either(patterns)} within {within_s:g} s; nothing came")
        if not any(pattern.fits(heard.request) for pattern in patterns):
            raise CaseFailedError(f"expected {_either(patterns)}; came {described(heard.request)}")
        return heard

    async def expect_any_order(self, *patterns: Pattern, may: Sequence[Pattern] = (), within_s: float) -> list[Heard]:
        """The next messages, one for each pattern in whatever order; given in the order of the patterns.

        may: messages that may come between them, once each.
        """
        left = dict(enumerate([*patterns, *may]))
        found: dict[int, Heard] = {}
        while any(place < len(patterns) for place in left):
            heard = await self.expect(*left.values(), within_s=within_s)
            place = next(place for place, pattern in left.items() if pattern.fits(heard.request))
            del left[place]
            found[place] = heard
        return [found[place] for place in range(len(patterns))]

    async def is_next(self, pattern: Pattern, within_s: float) -> Heard | None:
        """The next message if it fits; else it is left for who comes next. None also when nothing comes in time."""
        heard = await self._next(within_s)
        if heard is None or pattern.fits(heard.request):
            return heard
        self._waiting.appendleft(heard)
        return None

    async def expect_nothing(self, for_s: float) -> None:
        """No message comes for so long."""
        heard = await self._next(for_s)
        if heard is not None:
            raise CaseFailedError(f"expected nothing for {for_s:g} s; came {described(heard.request)}")

    async def _next(self, within_s: float) -> Heard | None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while True:
            self._news.clear()
            self._fail_on_complaints()
            while self._waiting:
                heard = self._waiting.popleft()
                if heard.request.action not in self.aside:
                    return heard
            try:
                async with asyncio.timeout_at(until_s):
                    await self._news.wait()
            except TimeoutError:
                self._fail_on_complaints()
                return None

    def _fail_on_complaints(self) -> None:
        new = Counter(self._record.complaints) - self._known
        if new:
            raise CaseFailedError("; ".join(new))


def _either(patterns: Sequence[Pattern]) -> str:
    return ", or ".join(str(pattern) for pattern in patterns)
