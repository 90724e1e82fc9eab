"""The station under test as the cases have it: something to charge at, to cut off and to switch off.

There are two: in this process in virtual time, and a daemon of its own in real time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from chargerd.app.config import Config
from chargerd.csms.server import CentralSystem


class StationUnderTest(Protocol):
    """A station beside its central system."""

    @property
    def central(self) -> CentralSystem:
        """The central system that it talks to."""

    @property
    def identity(self) -> str:
        """Its name there."""

    def lock(self, connector: int) -> str | None:
        """The lock of a connector, as it stands in the configuration; None where the cable is fixed."""

    async def simulate(self, word: str, **arguments: object) -> None:
        """Do something in the simulated world, by the word of a `sim.*` method. Raises ValueError when it is refused."""

    async def set_link(self, *, is_up: bool) -> None:
        """Take the link to the central system down, or let it come up."""

    async def power_cycle(self) -> None:
        """Cut the power without a warning and give it back. Returns when the station runs again; what was plugged in still is."""

    async def owed(self) -> int:
        """How many messages wait for the central system."""


def lock_of(config: Config, connector: int) -> str | None:
    """The lock device of a connector in a configuration, or its part of a board such as `io.lock1`."""
    return next((str(one.lock) for one in config.connectors if one.settings.id == connector and one.lock is not None), None)


Opener = Callable[[], AbstractAsyncContextManager[StationUnderTest]]
"""Starts a station as delivered: with fresh state, beside a central system of its own."""
