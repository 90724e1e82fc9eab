"""How a driver's loop waits for its next turn, unless somebody has news for it before."""

from __future__ import annotations

import asyncio


async def turn(wake: asyncio.Event, timeout_s: float) -> None:
    """Return after so long, or as soon as the event is set, which takes it back."""
    try:
        async with asyncio.timeout(timeout_s):
            await wake.wait()
    except TimeoutError:
        return
    wake.clear()
