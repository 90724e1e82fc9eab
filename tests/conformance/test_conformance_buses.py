"""The bus owners over pseudo terminals, python-can's virtual bus and multicast on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from hal.bus.can import CanBus, CanOptions
from hal.bus.modbus import ModbusBus, ModbusOptions
from hal.bus.serial_port import SerialPort
from hal.errors import DeviceFault, DeviceUnavailable, WireError
from hal.ports import Bus, Place


class Pty:
    """The far end of a serial line."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path = Path(os.ttyname(self.slave))

    def answer_with(self, answer: Callable[[bytes], bytes]) -> None:
        def readable() -> None:
            with contextlib.suppress(OSError):
                os.write(self.master, answer(os.read(self.master, 4096)))

        asyncio.get_running_loop().add_reader(self.master, readable)

    def close(self) -> None:
        if self.master >= 0:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(self.master)
            os.close(self.master)
            os.close(self.slave)
            self.master = -1


@contextmanager
def pty() -> Iterator[Pty]:
    end = Pty()
    try:
        yield end
    finally:
        end.close()


@asynccontextmanager
async def running(*buses: Bus) -> AsyncIterator[list[asyncio.Task[None]]]:
    """The buses run; a bus that ends is not run again."""
    tasks = [asyncio.create_task(bus.run(), name=f"run {bus.name}") for bus in buses]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def place(path: Path) -> Place:
    return Place(path, path)


async def test_serial_port_reads_and_writes() -> None:
    """Bytes pass both ways."""
    with pty() as far:
        port = SerialPort("reader", far.path, 115_200)
        port.open()
        far.answer_with(lambda data: data[::-1])
        await port.write(b"abc")
        data = b""
        async with asyncio.timeout(2.0):
            while len(data) < 3:
                data += await port.read()
        assert data == b"cba"
        port.close()


async def test_a_serial_port_takes_bytes_at_once_or_says_that_it_does_not() -> None:
    """Nothing waits: what is put is on its way on return, and a port whose other end does not read refuses some day."""
    with pty() as far:
        port = SerialPort("reader", far.path, 115_200)
        port.open()
        port.put(b"abc")
        assert os.read(far.master, 10) == b"abc"
        with pytest.raises(DeviceUnavailable, match=f"reader: port {far.path} takes no more bytes"):
            port.put(bytes(1_000_000))
        port.close()
        with pytest.raises(DeviceUnavailable, match=f"reader: port {far.path} is not open"):
            port.put(b"x")


async def test_serial_port_that_vanishes_is_named() -> None:
    """A hang-up while reading raises DeviceUnavailable with device and port."""
    with pty() as far:
        port = SerialPort("reader", far.path, 115_200)
        port.open()
        reading = asyncio.ensure_future(port.read())
        await asyncio.sleep(0)
        far.close()
        async with asyncio.timeout(2.0):
            with pytest.raises(DeviceUnavailable, match=f"reader: port {far.path} is gone"):
                await reading
        with pytest.raises(DeviceUnavailable):
            await port.write(b"x")
        port.close()


async def test_serial_port_is_exclusive_and_must_exist(tmp_path: Path) -> None:
    """A port that is not there or held by somebody else is refused with its name."""
    with pytest.raises(DeviceUnavailable, match="nowhere"):
        SerialPort("reader", tmp_path / "nowhere", 9_600).open()
    with pty() as far:
        first, second = (SerialPort("reader", far.path, 9_600) for _ in range(2))
        first.open()
        with pytest.raises(DeviceUnavailable, match="cannot be opened"):
            second.open()
        first.close()
        with pytest.raises(DeviceUnavailable, match="not open"):
            await first.read()


# --- CAN ---------------------------------------------------------------------------------------------------------------------


def can_pair(tmp_path: Path, **options: object) -> tuple[CanBus, CanBus]:
    made = [CanBus(name, CanOptions(**options), place(tmp_path)) for name in ("near", "far")]  # type: ignore[arg-type]
    return made[0], made[1]


async def check_exchange(near: CanBus, far: CanBus) -> None:
    """Frames pass both ways, filtered by their identifier."""
    heard: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
    end = near.subscribe(lambda identifier: identifier == 0x0106B000, lambda *frame: heard.put_nowait(frame))
    # udp_multicast gives a bus its own frames too, so question and answer bear different identifiers, as they do on real buses
    far.subscribe(lambda identifier: identifier == 0x01063000, lambda _, data: far.send(0x0106B000, data[::-1]))
    async with asyncio.timeout(3.0):
        near.send(0x00063000, b"other")
        near.send(0x01063000, b"hello")
        assert await heard.get() == (0x0106B000, b"olleh")
    end()
    assert heard.empty()


async def test_can_virtual(tmp_path: Path) -> None:
    """The in-process bus, whose reception comes from a thread."""
    near, far = can_pair(tmp_path, interface="virtual", channel="conformance")
    with pytest.raises(DeviceUnavailable, match="down"):
        near.send(1, b"")
    async with running(near, far):
        await near.ready()
        await far.ready()
        await check_exchange(near, far)
    with pytest.raises(DeviceUnavailable, match="near: CAN conformance is down"):
        near.send(1, b"")


async def test_can_udp_multicast(tmp_path: Path) -> None:
    """Two sockets on this machine."""
    near, far = can_pair(tmp_path, interface="udp_multicast", channel="239.74.163.2", port=43_917)
    async with running(near, far) as tasks:
        await asyncio.sleep(0)
        for task in tasks:
            if task.done():
                pytest.skip(f"no multicast route here: {task.exception()}")
        await near.ready()
        await far.ready()
        await check_exchange(near, far)


async def test_can_slcan(tmp_path: Path) -> None:
    """A serial adapter: commands, frames in pieces, noise, and its end."""
    with pty() as far:
        said = bytearray()
        far.answer_with(lambda data: said.extend(data) or b"")
        bus = CanBus("can0", CanOptions(interface="slcan", channel=str(far.path), bitrate=125_000), place(tmp_path))
        heard: list[tuple[int, bytes]] = []
        bus.subscribe(lambda _: True, lambda *frame: heard.append(frame))
        async with running(bus) as tasks:
            await bus.ready()
            bus.send(0x0283F000, bytes.fromhex("43FA"))
            os.write(far.master, b"\rt1231AA\rTxyz\r\aT0283\rT0283")
            await asyncio.sleep(0.02)
            os.write(far.master, b"F000243FA\r")
            async with asyncio.timeout(2.0):
                while not heard or b"T0283F000243FA\r" not in said:
                    await asyncio.sleep(0.01)
                assert heard == [(0x0283F000, bytes.fromhex("43FA"))]
                far.close()
                with pytest.raises(DeviceUnavailable, match="can0"):
                    await tasks[0]


async def test_can_that_cannot_be_opened(tmp_path: Path) -> None:
    """The bus says which channel, the devices that it is down."""
    bus = CanBus("can0", CanOptions(interface="slcan", channel="nowhere"), place(tmp_path))
    with pytest.raises(DeviceUnavailable, match="can0: CAN nowhere cannot be opened"):
        await bus.run()


# --- Modbus ------------------------------------------------------------------------------------------------------------------

ENERGY = bytes.fromhex("0103000C0008840F")  # captured, see tests/data/vectors/modbus.yaml
ENERGY_ANSWER = bytes.fromhex("0103100000521A00000000000100FA000000005985")
WORDS = [0x0000, 0x521A, 0x0000, 0x0000, 0x0001, 0x00FA, 0x0000, 0x0000]


def modbus(port: Path, tmp_path: Path, **options: object) -> ModbusBus:
    quick = {"timeout_s": 0.05, "settle_s": 0.02, "pause_s": 0.0, "reopen_s": 0.02} | options
    return ModbusBus("rs485", ModbusOptions(framer="rtu", port=str(port), **quick), place(tmp_path))  # type: ignore[arg-type]


async def test_modbus_reads_a_captured_exchange(tmp_path: Path) -> None:
    """Our request and the meter's answer are those seen on a real line."""
    with pty() as far:
        asked: list[bytes] = []
        far.answer_with(lambda data: asked.append(data) or ENERGY_ANSWER)
        bus = modbus(far.path, tmp_path, timeout_s=1.0)
        async with running(bus):
            assert await bus.read(1, 12, 8, 3) == WORDS
        assert asked == [ENERGY]


async def test_modbus_writes_registers(tmp_path: Path) -> None:
    """Function 16, as documented for the self-test of an insulation monitor; a refusal is a fault."""
    with pty() as far:
        asked: list[bytes] = []
        said = bytes.fromhex("03101F450001162A")
        far.answer_with(lambda data: asked.append(data) or said)
        bus = modbus(far.path, tmp_path, timeout_s=1.0)
        async with running(bus):
            await bus.write(3, 8005, [0x5445])
            assert asked == [bytes.fromhex("03101F450001025445A057")]
            said = bytes.fromhex("039003ADC1")
            with pytest.raises(DeviceFault, match="illegal data value"):
                await bus.write(3, 8005, [1])


async def test_modbus_silence_garbage_and_refusal_are_told_apart(tmp_path: Path) -> None:
    """No bytes: unavailable; bytes with a wrong checksum: wire error; an exception: fault, or unavailable when the device is busy."""
    with pty() as far:
        said = b""
        far.answer_with(lambda _: said)
        bus = modbus(far.path, tmp_path, retries=0)
        async with running(bus):
            with pytest.raises(DeviceUnavailable, match="rs485: unit 1 does not answer"):
                await bus.read(1, 12, 8, 3)
            said = ENERGY_ANSWER[:-1] + b"\x00"
            with pytest.raises(WireError, match="garbled"):
                await bus.read(1, 12, 8, 3)
            said = bytes.fromhex("018302C0F1")
            with pytest.raises(DeviceFault, match="illegal data address"):
                await bus.read(1, 12, 8, 3)
            said = bytes.fromhex("018306C132")
            with pytest.raises(DeviceUnavailable, match="busy"):
                await bus.read(1, 12, 8, 3)
            said = ENERGY_ANSWER
            with pytest.raises(WireError, match="8 registers instead of 2"):
                await bus.read(1, 12, 2, 3)


async def test_modbus_asks_again_before_it_gives_up(tmp_path: Path) -> None:
    """One lost answer is covered by our retry; a unit known to be silent is asked once only."""
    with pty() as far:
        answers = [b"", ENERGY_ANSWER]
        asked: list[bytes] = []
        far.answer_with(lambda data: asked.append(data) or (answers.pop(0) if answers else b""))
        bus = modbus(far.path, tmp_path)
        async with running(bus):
            assert await bus.read(1, 12, 8, 3) == WORDS
            for expected in (4, 5, 6):
                with pytest.raises(DeviceUnavailable):
                    await bus.read(1, 12, 8, 3)
                assert len(asked) == expected


async def test_modbus_a_silent_unit_does_not_starve_the_others(tmp_path: Path) -> None:
    """While one unit is asked in vain again and again, another one gets its turn in between."""
    with pty() as far:
        far.answer_with(lambda data: ENERGY_ANSWER if data[0] == 1 else b"")
        bus = modbus(far.path, tmp_path)

        async def ask_in_vain() -> None:
            while True:
                with contextlib.suppress(DeviceUnavailable):
                    await bus.read(9, 12, 8, 3)

        async with running(bus):
            silent = asyncio.create_task(ask_in_vain(), name="silent unit")
            async with asyncio.timeout(3.0):
                for _ in range(5):
                    assert await bus.read(1, 12, 8, 3) == WORDS
            silent.cancel()
            await asyncio.gather(silent, return_exceptions=True)


async def test_modbus_a_late_answer_is_not_taken_for_the_next(tmp_path: Path) -> None:
    """What comes after the time-out is thrown away in the quiet that follows."""
    with pty() as far:
        energy_2 = bytes.fromhex("0103100000000100000000000100FA00000000")
        late = [ENERGY_ANSWER]

        def answer(_: bytes) -> bytes:
            if late:
                asyncio.get_running_loop().call_later(0.07, os.write, far.master, late.pop())
                return b""
            return energy_2 + crc(energy_2)

        far.answer_with(answer)
        bus = modbus(far.path, tmp_path, retries=0, settle_s=0.1)
        async with running(bus):
            with pytest.raises(DeviceUnavailable):
                await bus.read(1, 12, 8, 3)
            assert (await bus.read(1, 12, 8, 3))[1] == 1


async def test_modbus_a_task_that_is_cancelled_as_its_answer_comes_is_cancelled(tmp_path: Path) -> None:
    """The library's own wait gives the answer instead then: a driver would go on, and the daemon would wait for its end for ever."""

    class CancelledAtTheAnswer(ModbusBus):
        def _trace(self, is_sending: bool, data: bytes) -> bytes:
            if not is_sending:
                reading.cancel()
            return super()._trace(is_sending, data)

    with pty() as far:
        far.answer_with(lambda _: ENERGY_ANSWER)
        bus = CancelledAtTheAnswer("rs485", ModbusOptions(framer="rtu", port=str(far.path)), place(tmp_path))
        async with running(bus):
            reading = asyncio.create_task(bus.read(1, 12, 8, 3))
            await asyncio.wait({reading})
        assert reading.cancelled()


async def test_modbus_reopens_a_line_that_came_back(tmp_path: Path) -> None:
    """The adapter vanishes and returns under the same name; devices are told in between."""
    link = tmp_path / "rs485"
    with pty() as first:
        link.symlink_to(first.path)
        first.answer_with(lambda _: ENERGY_ANSWER)
        bus = modbus(Path("rs485"), tmp_path, timeout_s=1.0, retries=0)
        async with running(bus):
            assert await bus.read(1, 12, 8, 3) == WORDS
            first.close()
            link.unlink()
            with pytest.raises(DeviceUnavailable, match="rs485"):
                await bus.read(1, 12, 8, 3)
            with pty() as second:
                link.symlink_to(second.path)
                second.answer_with(lambda _: ENERGY_ANSWER)
                async with asyncio.timeout(10.0):
                    assert await first_answer(bus) == WORDS


async def first_answer(bus: ModbusBus) -> list[int]:
    """Ask as a driver does, again and again, until the line is there."""
    while True:
        with contextlib.suppress(DeviceUnavailable):
            return await bus.read(1, 12, 8, 3)
        await asyncio.sleep(0)


async def test_modbus_tcp_without_a_server(tmp_path: Path, unused_tcp_port: int) -> None:
    """A refused connection is told with host and port."""
    options = ModbusOptions(framer="tcp", port=unused_tcp_port, timeout_s=0.05, reopen_s=0.02)
    bus = ModbusBus("gateway", options, place(tmp_path))
    async with running(bus):
        await asyncio.sleep(0.1)
        with pytest.raises(DeviceUnavailable, match=f"gateway: 127.0.0.1:{unused_tcp_port} cannot be opened"):
            await bus.read(1, 12, 8, 3)


def crc(frame: bytes) -> bytes:
    """Modbus RTU checksum, low byte first."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")
