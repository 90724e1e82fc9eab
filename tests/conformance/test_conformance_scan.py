"""The scan of a CAN bus for power modules, against modules in memory."""

from __future__ import annotations

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceUnavailable
from hal.power.scan import FoundModule, doubles, scan
from hal.wire import infypower_v113 as wire
from tests.conformance.links import CanWire, Quality

SERIALS = {0: ["081807000000V1704"], 3: ["081807000003V1704", "081807000004V1704"], 7: []}


def found(wire_: CanWire) -> tuple[FoundModule, ...]:
    answers: list[FoundModule] = []

    async def main() -> None:
        answers.extend(await scan(wire_))

    run_virtual(main())
    return tuple(answers)


def test_every_module_is_found_with_its_serial_and_group() -> None:
    """Two serials under one address are two modules; one without a serial is found by its group."""
    bus = CanWire(Quality())

    def answer(identifier: int, data: bytes) -> None:
        header, request = wire.decode_request(identifier, data)
        assert header.destination == wire.ALL_MODULES
        for address, serials in SERIALS.items():
            if request == wire.Read(wire.Code.STATUS):
                bus.say(*wire.encode_answer(wire.Status(2, 40, 0, 0, 0), address))
            for serial in serials if request == wire.Read(wire.Code.BARCODE) else ():
                bus.say(*wire.encode_answer(wire.Barcode(serial), address))

    bus.peer = answer
    modules = found(bus)
    assert [(one.address, one.serial, one.group) for one in modules] == [
        (0, "081807000000V1704", 2),
        (3, "081807000003V1704", 2),
        (3, "081807000004V1704", 2),
        (7, None, 2),
    ]
    assert doubles(modules) == {3}


def test_garbage_is_nobody() -> None:
    """Frames cut short and identifiers of others are passed over."""
    bus = CanWire(Quality(garbage=1.0))
    bus.peer = lambda identifier, data: bus.say(0x0283F000, bytes(8))  # somebody's output
    assert found(bus) == ()


def test_a_bus_that_is_down_says_so() -> None:
    """The error of the bus comes out."""
    bus = CanWire(Quality())
    bus.is_up = False
    with pytest.raises(DeviceUnavailable, match="can0"):
        found(bus)
