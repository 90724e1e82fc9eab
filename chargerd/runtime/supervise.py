"""Runs a device or the link for ever: expected errors restart it with a growing pause, any other one ends the daemon."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hal.errors import HalError

log = logging.getLogger(__name__)

EXPECTED = (HalError, OSError, TimeoutError)
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 30.0
"""After a run this long the pause begins anew."""


async def supervise(name: str, run: Callable[[], Awaitable[None]], lost: Callable[[str], None] | None = None) -> None:
    """Run `run` again and again. `lost(detail)` is told of each expected error."""
    loop = asyncio.get_running_loop()
    pause_s = FIRST_PAUSE_S
    while True:
        began_s = loop.time()
        try:
            await run()
            detail = "ended"
        except EXPECTED as error:
            detail = str(error) or type(error).__name__
        if loop.time() - began_s >= HEALTHY_S:
            pause_s = FIRST_PAUSE_S
        log.warning("device=%s lost=%r retry_s=%.1f", name, detail, pause_s)
        if lost is not None:
            lost(detail)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
