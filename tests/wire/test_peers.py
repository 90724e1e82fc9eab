"""Each real driver against its peer over the real wire: pseudo terminals, CAN over slcan and multicast, Unix sockets."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from hal.bus.can import CanBus, CanOptions
from hal.bus.gpio import LineOptions
from hal.bus.modbus import ModbusBus, ModbusOptions
from hal.errors import ConfigError, DeviceUnavailable, HalError
from hal.io.gpio import GpioIo, GpioOptions
from hal.meter.modbus_map import ModbusMapMeter, ModbusMeterOptions
from hal.mock.dialogue import Handshake
from hal.mock.host import Host, HostSpec, serve
from hal.mock.peers.adapter_wire import AdapterOptions
from hal.mock.peers.spec import DeviceSpec
from hal.mock.plant_bus import PlantOptions
from hal.ports import Device, Place, SafetyLines
from hal.power.infypower_v113 import InfypowerOptions, InfypowerV113
from hal.reader.pn532 import Pn532Options, Pn532Reader
from hal.secc.advantics_evse import AdvanticsEvse, AdvanticsOptions
from hal.types import (
    ControlPilot,
    EvRequest,
    Isolation,
    MeterReading,
    ModuleTelemetry,
    Reading,
    SafetyOutputs,
    SeccOutput,
    SeccPhase,
    Setpoint,
    TokenRead,
)

R = TypeVar("R")


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port that nobody uses: two runs on one machine must not hear each other."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


SLCAN = CanOptions(interface="slcan", channel="can0")
MULTICAST = CanOptions(interface="udp_multicast", channel="239.74.163.71", port=free_port())
RS485 = ModbusOptions(framer="rtu", port="rs485", timeout_s=0.3)
MODULES = InfypowerOptions(addresses=(1, 2), poll_s=0.05, refresh_s=0.1, silence_s=1.0)
CONTROLLER = AdvanticsOptions(outlet=1, silence_s=0.5)
READ_ENERGY = bytes.fromhex("0303000C000205EA")  # of unit 3
READER = Pn532Options(port="reader", relist_s=0.3)
METER = ModbusMeterOptions(model="acrel-djsf1352", unit=3, poll_interval_s=0.1)
BOARD = GpioOptions(
    factory="mock",
    mirror="lines.sock",
    lines={
        "k1": LineOptions(number=5, direction="out"),
        "k1_feedback": LineOptions(number=6, direction="in"),
        "estop": LineOptions(number=7, direction="in"),
        "imd1": LineOptions(number=8, direction="in"),
        "spare": LineOptions(number=9, direction="in"),
    },
    poll_s=0.02,
)
LINES = SafetyLines(contactors={1: "k1"}, estop="estop")
QUICK = PlantOptions(
    outlets=1,
    register_file=None,
    speed=5.0,
    handshake=Handshake(
        handshake_s=0.2, authorization_s=0.1, parameters_s=0.1, cable_check_s=0.2, precharge_s=0.1, ready_s=0.1, stopping_s=0.1
    ),
)


def host_spec(path: Path, can: CanOptions = SLCAN) -> HostSpec:
    return HostSpec(
        place=Place(path, path),
        plant=QUICK,
        devices=(
            DeviceSpec(name="psu1", driver="infypower-v113", options=MODULES, bus="can0", bus_options=can, connectors=(1,)),
            DeviceSpec(name="secc1", driver="advantics-evse", options=CONTROLLER, bus="can0", bus_options=can, connectors=(1,)),
            DeviceSpec(name="meter1", driver="modbus-map", options=METER, bus="rs485", bus_options=RS485, connectors=(1,)),
            DeviceSpec(name="reader", driver="pn532", options=READER, connectors=(1,)),
            DeviceSpec(name="io", driver="gpio", options=BOARD, connectors=(1,), lines=LINES, insulation={1: "imd1"}),
        ),
    )


class Bench:
    """The host on one side, real drivers on the other; keeps what they emit and how they end."""

    def __init__(self, path: Path, can: CanOptions = SLCAN) -> None:
        place = Place(path, path)
        self.host = Host(host_spec(path, can))
        self.sim = self.host.simulation
        self.can = CanBus("can0", can, place)
        self.rs485 = ModbusBus("rs485", RS485, place)
        self.psu = InfypowerV113("psu1", MODULES, self.can)
        self.secc = AdvanticsEvse("secc1", CONTROLLER, self.can)
        self.meter = ModbusMapMeter("meter1", METER, self.rs485)
        self.reader = Pn532Reader("reader", READER, place)
        self.io = GpioIo("io", BOARD, place)
        self.seen: list[Reading] = []
        self.errors: dict[str, HalError] = {}
        self.announced: list[dict[str, object]] = []
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def running(self, *devices: Device) -> AsyncIterator[Bench]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.host.run(self._announce), name="host")]
            await self.until(lambda: bool(self.announced))
            if self.psu in devices or self.secc in devices:
                tasks.append(group.create_task(self.can.run(), name="can0"))
            if self.meter in devices:
                tasks.append(group.create_task(self.rs485.run(), name="rs485"))
            tasks += [group.create_task(self._run(device), name=device.name) for device in devices]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()

    def _announce(self, addresses: dict[str, object]) -> None:
        self.announced.append(addresses)
        self._changed.set()

    async def _run(self, device: Device) -> None:
        try:
            await device.run(self._take)
        except HalError as error:
            self.errors[device.name] = error
            self._changed.set()

    def _take(self, reading: Reading) -> None:
        self.seen.append(reading)
        self._changed.set()

    async def until(self, is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_true():
                self._changed.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    def last(self, kind: type[R]) -> R | None:
        return next((reading for reading in reversed(self.seen) if isinstance(reading, kind)), None)

    def has(self, kind: type[R], is_it: Callable[[R], bool]) -> bool:
        reading = self.last(kind)
        return reading is not None and is_it(reading)


@pytest.fixture(params=[SLCAN, MULTICAST], ids=["slcan", "multicast"])
def can(request: pytest.FixtureRequest) -> CanOptions:
    options = request.param
    assert isinstance(options, CanOptions)
    if options is MULTICAST:
        pytest.importorskip("msgpack", reason="multicast needs the extra [bench]")
        probe = CanBus("probe", MULTICAST, Place(Path(), Path()))
        try:
            probe._open().shutdown()
        except DeviceUnavailable as error:
            pytest.skip(str(error))
    return options


async def test_card_is_read(tmp_path: Path) -> None:
    """A card laid before the PN532 is read once, as the id tag that was swiped."""
    bench = Bench(tmp_path)
    async with bench.running(bench.reader):
        bench.sim.swipe("04A2B1C3D4E5F6")
        await bench.until(lambda: TokenRead("04A2B1C3D4E5F6") in bench.seen)
        await asyncio.sleep(0.6)
        assert bench.seen == [TokenRead("04A2B1C3D4E5F6")]


@pytest.mark.parametrize("trouble", [{"online": False}, {"corrupt": True}], ids=["silent", "garbage"])
async def test_reader_in_trouble(tmp_path: Path, trouble: dict[str, bool]) -> None:
    """A reader that says nothing, or nothing that makes sense, ends its driver."""
    bench = Bench(tmp_path)
    async with bench.running(bench.reader):
        bench.sim.device("reader", **trouble)
        await bench.until(lambda: "reader" in bench.errors)
        assert isinstance(bench.errors["reader"], DeviceUnavailable)


async def test_card_must_have_a_uid(tmp_path: Path) -> None:
    """A card that no chip could show is refused with the form it must have."""
    bench = Bench(tmp_path)
    async with bench.running():
        with pytest.raises(ValueError, match="8, 14 or 20 hexadecimal digits"):
            bench.sim.swipe("TAG-1")


async def test_meter_is_read(tmp_path: Path) -> None:
    """The meter's driver reads the register that stands in the plant."""
    bench = Bench(tmp_path)
    async with bench.running(bench.meter):
        await bench.until(lambda: bench.has(MeterReading, lambda reading: reading.energy_wh == 0))
        bench.sim.set("meter1", "energy_wh", 42)
        await bench.until(lambda: bench.has(MeterReading, lambda reading: reading.energy_wh == 42))
        assert bench.last(MeterReading) == MeterReading(42, 0.0, 0.0, 0.0, export_wh=0, temperature_c=25.0)


@pytest.mark.parametrize("trouble", [{"online": False}, {"corrupt": True}], ids=["silent", "garbage"])
async def test_meter_in_trouble(tmp_path: Path, trouble: dict[str, bool]) -> None:
    """A meter that does not answer, or answers garbage, ends its driver."""
    bench = Bench(tmp_path)
    async with bench.running(bench.meter):
        bench.sim.device("meter1", **trouble)
        await bench.until(lambda: "meter1" in bench.errors)


async def test_modules_follow_the_setpoint(tmp_path: Path, can: CanOptions) -> None:
    """Two modules are found, share a set-point, and fall to nothing when it is zero."""
    bench = Bench(tmp_path, can)
    async with bench.running(bench.psu):
        await bench.until(lambda: bench.has(ModuleTelemetry, lambda reading: reading.modules_present == 2))
        found = bench.last(ModuleTelemetry)
        assert found is not None
        assert (found.max_voltage_v, found.max_current_a, found.max_power_w) == (1000.0, 250.0, 120_000.0)
        bench.psu.apply(Setpoint(400.0, 10.0))
        await bench.until(lambda: bench.has(ModuleTelemetry, lambda reading: abs(reading.voltage_v - 400.0) < 1.0))
        assert bench.host.plant.plant.outlet(1).setpoint == Setpoint(400.0, 10.0)
        bench.psu.apply(Setpoint())
        await bench.until(lambda: bench.has(ModuleTelemetry, lambda reading: reading.voltage_v < 60.0))


async def test_missing_module_and_alarm(tmp_path: Path) -> None:
    """A module that falls silent and an alarm are both told."""
    bench = Bench(tmp_path)
    async with bench.running(bench.psu):
        await bench.until(lambda: bench.has(ModuleTelemetry, lambda reading: reading.modules_present == 2))
        bench.sim.set("psu1", "modules_present", 2)  # of four in the plant: one of the two on the wire
        bench.sim.set("psu1", "alarm", "over-temperature")
        await bench.until(lambda: bench.has(ModuleTelemetry, lambda reading: reading.alarms >= {"module-missing", "over-temperature"}))


async def test_silent_modules(tmp_path: Path) -> None:
    """Modules that do not answer end their driver."""
    bench = Bench(tmp_path)
    async with bench.running(bench.psu):
        bench.sim.device("psu1", online=False)
        await bench.until(lambda: "psu1" in bench.errors)


async def test_silent_controller(tmp_path: Path, can: CanOptions) -> None:
    """A controller that falls silent ends its driver, after the driver has told the safe request."""
    bench = Bench(tmp_path, can)
    async with bench.running(bench.secc):
        await bench.until(lambda: bench.has(EvRequest, lambda ev: ev.control_pilot is ControlPilot.A))
        bench.sim.device("secc1", online=False)
        await bench.until(lambda: "secc1" in bench.errors)
        assert bench.has(EvRequest, lambda ev: ev.phase is SeccPhase.UNAVAILABLE)


async def test_lines(tmp_path: Path) -> None:
    """Coils move the contactor, its feedback comes back; inputs are seen; without its world the board cannot be read."""
    bench = Bench(tmp_path)
    lines = bench.io.safety_io(SafetyLines(contactors={1: "k1"}, estop="estop"))
    lines.open()
    assert not lines.read().is_readable
    async with bench.running(bench.io):
        await bench.until(lambda: lines.read().is_readable)
        lines.apply(SafetyOutputs(frozenset({1})))
        await bench.until(lambda: lines.read().closed_contactors == frozenset({1}))
        bench.sim.input("estop", True)
        await bench.until(lambda: lines.read().is_estop_pressed and not lines.read().closed_contactors)
        bench.sim.device("io", online=False)
        await bench.until(lambda: "io" in bench.errors)
        assert not lines.read().is_readable
        assert not bench.host.plant.plant.outlet(1).is_coil_on
    lines.close()


async def test_a_meter_behind_a_gateway(tmp_path: Path) -> None:
    """Modbus TCP: the driver is the same; a unit that is not there is told by the gateway."""
    options = ModbusOptions(framer="tcp", port=free_port(socket.SOCK_STREAM), timeout_s=0.5, retries=0)
    meter = DeviceSpec(name="meter1", driver="modbus-map", options=METER, bus="lan", bus_options=options, connectors=(1,))
    place = Place(tmp_path, tmp_path)
    announced = asyncio.Event()
    bus = ModbusBus("lan", options, place)
    host = Host(HostSpec(place=place, plant=QUICK, devices=(meter,)))
    tasks = [asyncio.create_task(host.run(lambda _: announced.set()))]
    try:
        async with asyncio.timeout(10.0):
            await announced.wait()
            tasks.append(asyncio.create_task(bus.run()))
            host.simulation.set("meter1", "energy_wh", 1234)
            readings: asyncio.Queue[Reading] = asyncio.Queue()
            tasks.append(asyncio.create_task(ModbusMapMeter("meter1", METER, bus).run(readings.put_nowait)))
            reading = await readings.get()
            assert isinstance(reading, MeterReading)
            assert reading.energy_wh == 1234
            with pytest.raises(DeviceUnavailable, match="gateway target does not respond"):
                await bus.read(77, 0, 1, 3)
    finally:
        await ended(*tasks)


async def test_an_adapter_of_the_peers_own(tmp_path: Path) -> None:
    """The meter answers at a real port, to whoever asks there, and again after the adapter was pulled."""
    meter = DeviceSpec(name="meter1", driver="modbus-map", options=METER, bus="rs485", bus_options=RS485, connectors=(1,))
    adapters = {"rs485": AdapterOptions(port="adapter", baudrate=19_200)}
    host = Host(HostSpec(place=Place(tmp_path, tmp_path), plant=QUICK, devices=(meter,), adapters=adapters))
    with plugged(tmp_path / "adapter") as far:
        task = asyncio.create_task(host.run(lambda _: None))
        assert (await asked(far, READ_ENERGY))[:3] == bytes.fromhex("030304")
    try:
        with plugged(tmp_path / "adapter") as far:
            assert (await asked(far, READ_ENERGY))[:3] == bytes.fromhex("030304")
            await ended(task)
    finally:
        await ended(task)


@contextmanager
def plugged(path: Path) -> Iterator[int]:
    """An adapter under this name; gives the far end of its cable."""
    far, near = os.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    path.symlink_to(os.ttyname(near))
    try:
        yield far
    finally:
        os.close(far)
        os.close(near)
        path.unlink()


async def asked(far: int, request: bytes) -> bytes:
    """The first bytes of an answer; asks until there is one."""
    async with asyncio.timeout(10.0):
        while True:
            os.write(far, request)
            await asyncio.sleep(0.1)
            with suppress(BlockingIOError):
                return os.read(far, 100)


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Ends them, and tells what ended any of them before."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError | type(None)), outcome


async def test_whole_session_over_the_wires(tmp_path: Path, can: CanOptions) -> None:
    """Plug, authorize, cable check, precharge, energy, stop: every device over its wire, one plant behind all of them."""
    bench = Bench(tmp_path, can)
    lines = bench.io.safety_io(SafetyLines(contactors={1: "k1"}, estop="estop"))
    lines.open()
    phases: list[SeccPhase] = []
    wants_stop = False

    def act() -> bool:
        """What a station does, as often as it is asked."""
        ev, supply = bench.last(EvRequest), bench.last(ModuleTelemetry)
        if ev is None or supply is None:
            return False
        if not phases or phases[-1] is not ev.phase:
            phases.append(ev.phase)
        lines.apply(SafetyOutputs(frozenset({1} if ev.is_contactor_wanted else ())))
        bench.psu.apply(Setpoint(ev.target_voltage_v, ev.target_current_a) if ev.is_contactor_wanted else Setpoint())
        bench.secc.apply(SeccOutput(True, True, wants_stop, 150.0, 1000.0, 100.0, 1e5, supply.voltage_v, supply.current_a, Isolation.SAFE))
        return True

    async with bench.running(bench.io, bench.psu, bench.secc, bench.meter):
        await bench.until(lambda: act() and lines.read().is_readable)
        bench.sim.plug_in(1, {"soc_percent": 40})
        await bench.until(lambda: act() and bench.has(MeterReading, lambda reading: (reading.current_a or 0.0) > 50.0), timeout_s=20.0)
        ev, meter, supply = bench.last(EvRequest), bench.last(MeterReading), bench.last(ModuleTelemetry)
        assert ev is not None
        assert meter is not None
        assert supply is not None
        assert ev.soc_percent == 40.0
        assert ev.max_voltage_v == 424.0
        assert supply.voltage_v == pytest.approx(meter.voltage_v or 0.0, abs=10.0)
        await bench.until(lambda: act() and bench.has(MeterReading, lambda reading: reading.energy_wh > 10))
        wants_stop = True
        await bench.until(lambda: act() and phases[-1] is SeccPhase.FINISHED)
        await bench.until(lambda: act() and not lines.read().closed_contactors)
        wants_stop = False
        bench.sim.plug_out(1)
        await bench.until(lambda: act() and phases[-1] is SeccPhase.IDLE)
    lines.close()
    order = [SeccPhase.CABLE_CHECK, SeccPhase.PRECHARGE, SeccPhase.READY, SeccPhase.CURRENT_DEMAND, SeccPhase.STOPPING, SeccPhase.FINISHED]
    assert [phase for phase in phases if phase in order] == order


async def test_station_that_falls_silent_is_an_emergency(tmp_path: Path) -> None:
    """When the station's status stays out in a session, the controller makes an emergency stop."""
    bench = Bench(tmp_path)
    async with bench.running(bench.secc):
        bench.sim.plug_in(1)

        def grant() -> None:
            bench.secc.apply(SeccOutput(True, True, False, 150.0, 1000.0, 100.0, 1e5, 500.0, 0.0, Isolation.SAFE))

        def is_checking() -> bool:
            grant()
            return bench.has(EvRequest, lambda ev: ev.phase is SeccPhase.CABLE_CHECK)

        await bench.until(is_checking)
        bench.sim.device("secc1", online=False)  # hears nothing any more either
        await bench.until(lambda: bench.host.plant.plant.outlet(1).request().is_emergency)


async def test_sim_socket(tmp_path: Path) -> None:
    """The `sim.*` methods answer over the announced socket, mistakes with a code and a sentence."""
    bench = Bench(tmp_path)

    async def call(request: object) -> dict[str, object]:
        writer.write(json.dumps(request).encode() + b"\n")
        answer = json.loads(await reader.readline())
        assert isinstance(answer, dict)
        return answer

    async with bench.running():
        socket = bench.announced[0]["socket"]
        assert isinstance(socket, str)
        reader, writer = await asyncio.open_unix_connection(socket)
        assert await call({"jsonrpc": "2.0", "id": 1, "method": "sim.plug_in", "params": {"connector": 1}}) == {
            "jsonrpc": "2.0",
            "id": 1,
            "result": {},
        }
        assert bench.host.plant.plant.outlet(1).request().control_pilot is ControlPilot.B
        wrong = await call({"jsonrpc": "2.0", "id": 2, "method": "sim.plug_in", "params": {"connector": 9}})
        assert wrong["error"] == {"code": -32602, "message": "there is no connector 9; the simulated plant has 1"}
        unknown = await call({"jsonrpc": "2.0", "id": 3, "method": "sim.fly"})
        assert unknown["error"] == {"code": -32601, "message": f"there is no method sim.fly; there are {', '.join(bench.sim.methods)}"}
        writer.write(b"this is not JSON\n")
        assert json.loads(await reader.readline())["error"]["code"] == -32700
        writer.close()


async def test_ports_are_made_and_taken_away(tmp_path: Path) -> None:
    """Ports appear under their names in the runtime directory while the host runs, and are gone afterwards."""
    bench = Bench(tmp_path)
    async with bench.running():
        assert bench.announced[0]["ports"] == {name: str(tmp_path / name) for name in ("can0", "rs485", "reader")}
        assert all((tmp_path / name).is_symlink() for name in ("can0", "rs485", "reader"))
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - as above


async def test_device_without_peer(tmp_path: Path) -> None:
    """Devices nobody can simulate are all named at once."""
    place = Place(tmp_path, tmp_path)
    other = DeviceSpec(name="meter9", driver="modbus-map", options=ModbusMeterOptions(model="other"), connectors=(1,))
    strange = DeviceSpec(name="strange", driver="mock-meter", options=object())
    with pytest.raises(ConfigError) as caught:
        await serve(HostSpec(place=place, devices=(other, strange)), lambda addresses: None)
    assert len(caught.value.problems) == 2


async def test_wire_that_cannot_be_opened(tmp_path: Path) -> None:
    """A real port is never touched: the host says so and ends."""
    place = Place(tmp_path, tmp_path)
    reader = DeviceSpec(name="reader", driver="pn532", options=Pn532Options(port="/dev/ttyS1"), connectors=(1,))
    with pytest.raises(DeviceUnavailable, match=r"sim\.adapters"):
        await serve(HostSpec(place=place, devices=(reader,)), lambda addresses: None)
