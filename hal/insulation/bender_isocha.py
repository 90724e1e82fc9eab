"""The Bender isoCHA425HV insulation monitor of one DC output, over Modbus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, TypeVar

from hal.bus.modbus import ModbusLink
from hal.errors import DeviceFault, DeviceUnavailable, WireError
from hal.ports import Emit
from hal.types import InsulationReading, Range
from hal.wire import bender_isocha as wire
from hal.wire.bender_isocha import Channel, SelfTest, Unit, Validity

_log = logging.getLogger(__name__)

T = TypeVar("T")

_FAILED_POLLS: Final = 3
_TEST_BEGINS_S: Final = 3.0
_TEST_LASTS_S: Final = 35.0
_TEST_POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class BenderOptions:
    """`alarm_ohm`: below it the output is unsafe. `self_test`: whether the device tests itself each time it is found."""

    unit: Annotated[int, Range(1, 247)] = 3
    poll_interval_s: Annotated[float, Range(0.2, 10.0, "s")] = 1.0
    alarm_ohm: Annotated[float, Range(1_000.0, 1e6, "ohm")] = 100_000.0
    self_test: bool = True


class BenderIsoCha:
    """Three failed polls in a row end `run` with their cause; a device that says it is broken raises DeviceFault."""

    Options = BenderOptions
    bus_kind: ClassVar[str | None] = "modbus"

    def __init__(self, name: str, options: BenderOptions, bus: ModbusLink) -> None:
        self.name = name
        self._options = options
        self._bus = bus

    async def run(self, emit: Emit) -> None:
        """Say what it is, have it test itself, and poll; see the port."""
        await self._greet()
        if self._options.self_test:
            await self._test()
        loop = asyncio.get_running_loop()
        while True:
            begun_s = loop.time()
            emit(await self._patient(self._reading))
            await asyncio.sleep(max(begun_s + self._options.poll_interval_s - loop.time(), 0.0))

    async def _greet(self) -> None:
        name = wire.decode_text(await self._patient(lambda: self._read(wire.DEVICE_NAME, wire.DEVICE_NAME_SIZE)))
        firmware = await self._patient(lambda: self._read(wire.FIRMWARE, wire.FIRMWARE_SIZE))
        version = firmware[wire.FIRMWARE_VERSION]
        _log.info("insulation_monitor device=%s name=%r firmware=%d", self.name, name, version)
        if version >= wire.FAST_FROM_VERSION:  # else its long test makes some vehicles time out in the cable check
            await self._patient(lambda: self._write(wire.TEST_MODE, wire.TEST_MODE_FAST))
        else:
            _log.warning("insulation_monitor_slow device=%s firmware=%d: before 5.00 it knows no fast cable check", self.name, version)

    async def _test(self) -> None:
        """Raises DeviceUnavailable when the test does not begin or end, DeviceFault when it fails."""
        await self._patient(lambda: self._write(wire.SELF_TEST, wire.SELF_TEST_START))
        await self._until(is_testing=True, within_s=_TEST_BEGINS_S)
        await self._until(is_testing=False, within_s=_TEST_LASTS_S)
        _log.info("insulation_monitor_tested device=%s", self.name)

    async def _until(self, *, is_testing: bool, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                while True:
                    channel = await self._patient(self._insulation)
                    if (channel.test is SelfTest.EXTERNAL) is is_testing:
                        return
                    await asyncio.sleep(_TEST_POLL_S)
        except TimeoutError:
            raise DeviceUnavailable(f"{self.name}: its self-test does not {'begin' if is_testing else 'end'}") from None

    async def _reading(self) -> InsulationReading:
        try:
            return judged(await self._insulation(), self._options.alarm_ohm)
        except WireError as error:
            raise WireError(f"{self.name}: {error}") from error

    async def _insulation(self) -> Channel:
        channel = wire.decode_channel(await self._read(wire.INSULATION, wire.CHANNEL_SIZE))
        if channel.is_device_error:
            raise DeviceFault(f"{self.name}: the insulation monitor reports a device error; see its display")
        return channel

    async def _read(self, address: int, count: int) -> list[int]:
        return await self._bus.read(self._options.unit, address, count, 3)

    async def _write(self, address: int, word: int) -> None:
        await self._bus.write(self._options.unit, address, [word])

    async def _patient(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer, where one of a few attempts gets one."""
        failures = 0
        while True:
            try:
                return await ask()
            except (DeviceUnavailable, WireError) as error:
                failures += 1
                _log.warning("insulation_poll_failed device=%s failures=%d error=%s", self.name, failures, error)
                if failures >= _FAILED_POLLS:
                    raise
            await asyncio.sleep(self._options.poll_interval_s)


def judged(channel: Channel, alarm_ohm: float) -> InsulationReading:
    """What the insulation channel says. Raises WireError when it holds no resistance.

    A value that the true one is smaller than proves nothing but that.
    """
    if channel.unit is not Unit.OHM or channel.validity is Validity.INVALID or channel.value < 0.0:
        raise WireError(f"insulation channel without a resistance (unit {channel.unit.name}, {channel.validity.name})")
    is_proved = channel.validity is not Validity.TRUE_IS_SMALLER
    return InsulationReading(is_safe=is_proved and channel.value >= alarm_ohm, resistance_ohm=channel.value)
