"""Tokens the core asks about: taken to the central system while it can be asked, answered "nobody knows" at once while it cannot."""

from __future__ import annotations

import asyncio
from collections import deque

from chargerd.core.events import AuthorizationAnswered, IdTagInfo
from chargerd.core.facts import AuthorizationAsked
from chargerd.ocpp.ports import StationPort


class AuthorizationDesk:
    """The waiting questions, oldest first. Every one gets exactly one answer, whatever happens to the link."""

    def __init__(self, station: StationPort) -> None:
        self._station = station
        self._waiting: deque[AuthorizationAsked] = deque()
        self._is_open = False
        self._refuse = asyncio.Event()

    def ask(self, question: AuthorizationAsked) -> None:
        """Take a question; safe to call from a listener of facts, as nothing is dispatched in it."""
        self._waiting.append(question)
        self._check()

    def open(self) -> None:
        """The central system can be asked."""
        self._is_open = True
        self._check()

    def close(self) -> None:
        """It cannot; what waits, and what is being asked right now, gets its answer from `run`."""
        self._is_open = False
        self._check()

    def next(self) -> AuthorizationAsked | None:
        """The question to ask now; it stays here until it is answered."""
        return self._waiting[0] if self._is_open and self._waiting else None

    def answer(self, question: AuthorizationAsked, info: IdTagInfo | None) -> None:
        """Give the core its answer; a question that was answered already is left alone."""
        if question in self._waiting:
            self._waiting.remove(question)
            self._station.dispatch(AuthorizationAnswered(question.ticket, info))

    async def run(self) -> None:
        """Answer what cannot be asked, for ever."""
        while True:
            await self._refuse.wait()
            while not self._is_open and self._waiting:
                self.answer(self._waiting[0], None)
            self._refuse.clear()

    def _check(self) -> None:
        if self._waiting and not self._is_open:
            self._refuse.set()
