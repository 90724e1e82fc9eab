"""The scan of a bus with modules of all families, while other things go on."""

from __future__ import annotations

import asyncio

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceUnavailable
from hal.power.scan import FoundModule, doubles, scan
from hal.types import Setpoint
from tests.conformance.links import CanWire, Quality, Supervised
from tests.conformance.module_bench import FAMILIES, BenchModule, Rack, rack_of, telemetry


def on_one_bus(*racks: Rack) -> CanWire:
    """All racks' modules hear what anybody says on the first one's bus."""

    def hear(identifier: int, data: bytes) -> None:
        for rack in racks:
            rack._hear(identifier, data)

    for rack in racks:
        rack.bus = racks[0].bus
    racks[0].bus.peer = hear
    return racks[0].bus


def test_every_family_is_found_with_what_it_tells() -> None:
    """Serial number, firmware and group where the family has a question for them; no module is told anything."""

    async def scene() -> None:
        racks = [
            Rack(FAMILIES[name], Quality(), BenchModule(address, group=2))
            for name, address in (("infypower-v113", 3), ("infypower-beg", 5), ("winline", 4), ("scu", 6), ("uugreenpower", 9))
        ]
        found = await scan(on_one_bus(*racks), wait_s=0.5)
        number = 81807000000
        assert found == (
            FoundModule("infypower-beg", 5),
            FoundModule("infypower-v113", 3, serial=f"{number + 3:012d}V1704", group=2),
            FoundModule("protocol-060", 4, serial=f"{number + 4:016X}", firmware="00010203", group=2),
            FoundModule("protocol-060", 6),
            FoundModule("uugreenpower", 9, serial=f"{number + 9:012X}", group=2),
        )
        assert doubles(found) == frozenset()
        assert [module.told_at_s for rack in racks for module in rack.modules.values()] == [[]] * 5

    run_virtual(scene())


@pytest.mark.parametrize("name", ["infypower-v113", "winline", "uugreenpower"])
def test_two_modules_on_one_address_are_two(name: str) -> None:
    """Each has its serial number, and the address is told as a double."""

    async def scene() -> None:
        rack = rack_of(FAMILIES[name], Quality(), 2)
        rack.modules[100] = BenchModule(2)
        rack.modules[100].serial += 7
        found = await scan(rack.bus)
        assert [module.address for module in found] == [1, 2, 2]
        assert len({module.serial for module in found}) == 3
        assert doubles(found) == {2}

    run_virtual(scene())


def test_one_address_in_two_families_is_no_double() -> None:
    """They have different identifiers on the bus."""

    async def scene() -> None:
        bus = on_one_bus(*(Rack(FAMILIES[name], Quality(), BenchModule(1)) for name in ("infypower-v113", "uugreenpower")))
        assert doubles(await scan(bus)) == frozenset()

    run_virtual(scene())


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_running_session_does_not_notice(family: object) -> None:
    """The modules go on with what they were told, and the driver hears nothing that it would misunderstand."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)  # type: ignore[arg-type]
        async with Supervised(rack.driver) as run:
            await rack.deliver(Setpoint(ceiling_v=450.0), 6.0)
            await rack.deliver(Setpoint(400.0, 60.0, 450.0), 3.0)
            scanning = asyncio.create_task(scan(rack.bus), name="scan")
            for _ in range(6):
                await rack.deliver(Setpoint(400.0, 60.0, 450.0), 0.5)
                assert rack.total_a == pytest.approx(60.0, abs=0.01)
            assert {module.address for module in await scanning} == set(rack.modules)
            assert run.errors == []
            assert {reading.voltage_v for reading in telemetry(run)} <= {0.0, 400.0}

    run_virtual(scene())


def test_nobody_is_found_on_an_empty_bus_and_a_dead_one_is_told() -> None:
    """Garbage is nobody; a bus that is down is an error."""

    async def scene() -> None:
        bus = CanWire(Quality(garbage=1.0))
        bus.peer = lambda identifier, data: bus.say(identifier ^ 0x7, data[:5])
        assert await scan(bus) == ()
        bus.is_up = False
        with pytest.raises(DeviceUnavailable):
            await scan(bus)

    run_virtual(scene())
