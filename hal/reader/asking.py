"""What readers share that answer questions: cycles of greeting them and asking for cards, and when they count as gone."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import ClassVar

from hal.bus.serial_port import ByteLink
from hal.errors import DeviceUnavailable
from hal.ports import Emit

_log = logging.getLogger(__name__)

_FAILED_CYCLES = 3


class NoAnswerError(Exception):
    """The reader missed its time, or what came was no answer; it is greeted again."""


class AskingReader(ABC):
    """Three failed cycles in a row end `run` with DeviceUnavailable. kind: what should be on the port, in words."""

    kind: ClassVar[str]

    def __init__(self, name: str, port: str, link: ByteLink) -> None:
        self.name = name
        self._port = port
        self._link = link
        self._failures = 0  # cycles in a row

    async def run(self, emit: Emit) -> None:
        """Greet the reader and ask for cards; see the port."""
        self._link.open()
        try:
            self._failures = 0
            while True:
                try:
                    await self._greet()
                    await self._watch(emit)
                except NoAnswerError as error:
                    self._failures += 1
                    _log.warning("reader_silent device=%s failures=%d cause=%s", self.name, self._failures, error)
                    if self._failures >= _FAILED_CYCLES:
                        raise DeviceUnavailable(f"{self.name}: no {self.kind} answers on {self._port}: {error}") from None
        finally:
            self._link.close()

    @abstractmethod
    async def _greet(self) -> None:
        """Make it ready. Raises NoAnswerError."""

    @abstractmethod
    async def _watch(self, emit: Emit) -> None:
        """Ask until it stops answering, which raises NoAnswerError; each answer is told to `_answers`."""

    def _answers(self) -> None:
        """The reader is there: failures before do not count."""
        self._failures = 0
