"""Who is on a CAN bus: every power module of every family, found by questions to everybody. Only reads, so a session may run meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from hal.bus.can import CanLink
from hal.errors import WireError
from hal.power.dialect import Dialect, Identity, Member, Refused, Word
from hal.power.infypower_beg import InfypowerBegDialect, InfypowerBegOptions
from hal.power.infypower_v113 import InfypowerDialect
from hal.power.protocol_060 import Protocol060Dialect, Protocol060Options
from hal.power.uugreenpower import UuGreenPowerDialect, UuGreenPowerOptions
from hal.wire.protocol_060_map import Variant

_GAP_S = 0.02  # between questions: what the slowest family needs


@dataclass(frozen=True, slots=True)
class FoundModule:
    """One module. family: the name of its driver; None: it was not told."""

    family: str
    address: int
    serial: str | None = None
    firmware: str | None = None
    group: int | None = None


@dataclass(slots=True)
class _Said:
    """Everything that was said under one address."""

    serials: set[str] = field(default_factory=set)
    firmware: str | None = None
    group: int | None = None


_Seen = dict[tuple[str, int], _Said]
"""By family and address."""


async def scan(bus: CanLink, wait_s: float = 1.0) -> tuple[FoundModule, ...]:
    """Ask all families and listen for `wait_s` after the last question; sorted by family and address.

    Two serial numbers under one address give two entries; a module that tells none gives one. Raises DeviceUnavailable when the bus is
    down.
    """
    await bus.ready()
    seen: _Seen = {}
    dialects = _dialects()
    ends = [bus.subscribe(dialect.is_answer, partial(_hear, dialect, seen)) for dialect in dialects]
    try:
        for dialect in dialects:
            for frame in dialect.ask_identities():
                bus.send(*frame)
                await asyncio.sleep(_GAP_S)
        await asyncio.sleep(wait_s)
    finally:
        for end in ends:
            end()
    return tuple(
        FoundModule(family, address, serial, said.firmware, said.group)
        for (family, address), said in sorted(seen.items())
        for serial in sorted(said.serials) or (None,)
    )


def doubles(found: Sequence[FoundModule]) -> frozenset[int]:
    """Addresses to which more than one module of a family answers."""
    counts = Counter((module.family, module.address) for module in found)
    return frozenset(address for (_, address), count in counts.items() if count > 1)


def _dialects() -> tuple[Dialect, ...]:
    return (
        InfypowerDialect(),
        InfypowerBegDialect(InfypowerBegOptions(addresses=(0,))),
        Protocol060Dialect(Protocol060Options(addresses=(0,))),
        Protocol060Dialect(Protocol060Options(addresses=(0,), variant=Variant.SCU)),
        UuGreenPowerDialect(UuGreenPowerOptions(addresses=(1,))),
    )


def _hear(dialect: Dialect, seen: _Seen, identifier: int, data: bytes) -> None:
    try:
        address, words = dialect.understand(identifier, data)
    except WireError:
        return
    for word in words:
        if not isinstance(word, Refused):  # what a module of another family may have done
            _note(seen.setdefault((dialect.family, address), _Said()), word)


def _note(said: _Said, word: Word) -> None:
    match word:
        case Identity(serial, firmware):
            said.serials |= set() if serial is None else {serial}
            said.firmware = firmware or said.firmware
        case Member(group):
            said.group = group
