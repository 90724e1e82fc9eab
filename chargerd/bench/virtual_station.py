"""The station under test in this process, in virtual time."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chargerd.bench.under_test import lock_of
from chargerd.csms.server import CentralSystem
from chargerd.sim.rig import Mode, Rig, rig


class VirtualStation:
    """See `StationUnderTest`."""

    def __init__(self, stage: Rig) -> None:
        self._stage = stage

    @property
    def central(self) -> CentralSystem:
        """See `StationUnderTest`."""
        return self._stage.central

    @property
    def identity(self) -> str:
        """See `StationUnderTest`."""
        return self._stage.identity

    def lock(self, connector: int) -> str | None:
        """See `StationUnderTest`."""
        return lock_of(self._stage.daemon.config, connector)

    async def simulate(self, word: str, **arguments: object) -> None:
        """See `StationUnderTest`."""
        await self._stage.keeper.up()
        await self._stage.simulate(word, arguments)

    async def set_link(self, *, is_up: bool) -> None:
        """See `StationUnderTest`."""
        self._stage.keeper.connect(is_wanted=is_up)

    async def power_cycle(self) -> None:
        """See `StationUnderTest`."""
        await self._stage.power_cut()

    async def owed(self) -> int:
        """See `StationUnderTest`."""
        return (await self._stage.daemon.journal.queue()).length


@asynccontextmanager
async def virtual_station(config: Path, overlay: Mapping[str, Any]) -> AsyncIterator[VirtualStation]:
    """A station of this configuration with fresh state, running. Raises ConfigError, OSError."""
    with tempfile.TemporaryDirectory(prefix="certify-") as folder:
        async with rig(Mode.VIRTUAL, Path(folder), overlay, station=config) as stage:
            yield VirtualStation(stage)
