"""Who is on a CAN bus: the power modules that answer to a question to everybody. Only reads, so a session may run meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hal.bus.can import CanLink
from hal.errors import WireError
from hal.wire import infypower_v113 as wire

FAMILY = "infypower-v113"


@dataclass(frozen=True, slots=True)
class FoundModule:
    """One module. family: the name of its driver; None: it was not told."""

    family: str
    address: int
    serial: str | None = None
    firmware: str | None = None
    group: int | None = None


async def scan(bus: CanLink, wait_s: float = 1.0) -> tuple[FoundModule, ...]:
    """Ask for serial numbers and groups, and listen for `wait_s`; sorted by address.

    Two serial numbers under one address give two entries; a module that tells none gives one. Raises DeviceUnavailable when the bus is
    down.
    """
    await bus.ready()
    serials: dict[int, set[str]] = {}
    groups: dict[int, int] = {}

    def hear(identifier: int, data: bytes) -> None:
        try:
            header, answer = wire.decode_answer(identifier, data)
        except WireError:
            return
        match answer:
            case wire.Barcode(serial):
                serials.setdefault(header.source, set()).add(serial)
            case wire.Status(group):
                groups[header.source] = group
            case _:
                pass

    end_subscription = bus.subscribe(_is_answer, hear)
    try:
        for code in (wire.Code.BARCODE, wire.Code.STATUS):
            bus.send(*wire.encode_request(wire.Read(code), wire.ALL_MODULES))
        await asyncio.sleep(wait_s)
    finally:
        end_subscription()
    return tuple(
        FoundModule(FAMILY, address, serial, None, groups.get(address))
        for address in sorted(serials.keys() | groups.keys())
        for serial in sorted(serials.get(address, ())) or (None,)
    )


def doubles(found: Sequence[FoundModule]) -> frozenset[int]:
    """Addresses to which more than one module of a family answers."""
    counts = Counter((module.family, module.address) for module in found)
    return frozenset(address for (_, address), count in counts.items() if count > 1)


def _is_answer(identifier: int) -> bool:
    header = wire.decode_header(identifier)
    return header.device == wire.SINGLE and header.destination == wire.CONTROLLER and header.source <= wire.LAST_MODULE
