"""Nothing on a wire overtakes what was sent before it."""

from __future__ import annotations

import asyncio

from chargerd.sim.virtual_loop import VirtualLoop
from hal.mock.in_order import InOrder


def test_what_waits_is_not_overtaken_and_all_arrives() -> None:
    """Neither by the many of one instant, nor by what is sent with a shorter delay."""

    async def body() -> list[tuple[int, float]]:
        wire, arrived = InOrder(), []
        loop = asyncio.get_running_loop()
        began_s = loop.time()

        def send(number: int, delay_s: float) -> None:
            wire.call_later(delay_s, lambda: arrived.append((number, round(loop.time() - began_s, 3))))

        for number in range(50):
            send(number, 1.0)
        await asyncio.sleep(0.5)
        send(50, 0.0)
        send(51, 0.7)
        await asyncio.sleep(2.0)
        send(52, 0.0)
        assert not wire.is_empty
        await asyncio.sleep(0.001)
        assert wire.is_empty
        return arrived

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        arrived = runner.run(body())
    assert arrived == [*((number, 1.0) for number in range(51)), (51, 1.2), (52, 2.5)]
