"""A Bender isoCHA425HV on a Modbus line: what it measures is what the outlet has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from hal.insulation.bender_isocha import BenderOptions
from hal.mock.dc_fields import insulation_fields
from hal.mock.dc_outlet import DcOutlet
from hal.mock.peers.modbus_units import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, READ_HOLDING, Refusal, words_at
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import flag
from hal.wire import bender_isocha as wire
from hal.wire.bender_isocha import Alarm, Channel, SelfTest, Unit, Validity

_NAME = "isoCHA425HV"
_FIRMWARE = (592, 501, 15, 6, 2021, 0)
_TEST_S = 1.0
_HIGHEST_OHM = 20e6
_PRE_WARNING_OHM = 250_000.0
_ALARM_OHM = 100_000.0


class BenderPeer(Peer):
    """Answers for the registers of the insulation, voltage and device channels, and tests itself when it is told to."""

    def __init__(self, name: str, options: BenderOptions, outlet: DcOutlet, plant: PlantBus) -> None:
        super().__init__(name, plant)
        self.unit = options.unit
        self._outlet = outlet
        self._is_broken = False
        self._test_ends_s = 0.0

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> BenderPeer:
        """A monitor on its line."""
        outlet = wires.plant.plant.outlet_of(wires.connector(device), DcOutlet)
        peer = cls(device.name, device.options_as(BenderOptions), outlet, wires.plant)
        wires.line_of(device).add(peer)
        return peer

    async def run(self) -> None:
        """Wait: the line serves it."""
        self.is_serving.set()
        await asyncio.get_running_loop().create_future()

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The resistances; `broken`: it reports a device error."""
        return {**insulation_fields(self._outlet), "broken": self._set_broken}

    def _set_broken(self, value: object) -> None:
        self._is_broken = flag(value)

    def read(self, function: int, address: int, count: int) -> list[int]:
        """Channels and device data. Raises Refusal."""
        if function != READ_HOLDING:
            raise Refusal(ILLEGAL_FUNCTION)
        self.plant.advance()
        return words_at(self._registers(), address, count)

    def write(self, address: int, words: Sequence[int]) -> None:
        """The self-test and its mode. Raises Refusal."""
        match address, list(words):
            case wire.SELF_TEST, [wire.SELF_TEST_START]:
                self._test_ends_s = asyncio.get_running_loop().time() + _TEST_S
            case wire.TEST_MODE, [0 | wire.TEST_MODE_FAST]:
                pass
            case wire.SELF_TEST | wire.TEST_MODE, _:
                raise Refusal(ILLEGAL_VALUE)
            case _:
                raise Refusal(ILLEGAL_ADDRESS)

    def _registers(self) -> dict[int, int]:
        outlet = self._outlet
        blocks: dict[int, Sequence[int]] = {
            wire.INSULATION: wire.encode_channel(self._insulation()),
            wire.VOLTAGE: wire.encode_channel(Channel(outlet.outlet_voltage_v, Unit.VOLT)),
            wire.DEVICE_NAME: wire.encode_text(_NAME, wire.DEVICE_NAME_SIZE),
            wire.FIRMWARE: _FIRMWARE,
        }
        return {address + index: word for address, words in blocks.items() for index, word in enumerate(words)}

    def _insulation(self) -> Channel:
        resistance_ohm = self._outlet.insulation_ohm
        if asyncio.get_running_loop().time() < self._test_ends_s:
            return Channel(resistance_ohm, Unit.OHM, test=SelfTest.EXTERNAL)
        is_beyond = resistance_ohm > _HIGHEST_OHM
        return Channel(
            min(resistance_ohm, _HIGHEST_OHM),
            Unit.OHM,
            Validity.TRUE_IS_LARGER if is_beyond else Validity.EXACT,
            Alarm.DEVICE_ERROR if self._is_broken else _alarm(resistance_ohm),
        )


def _alarm(resistance_ohm: float) -> Alarm:
    if resistance_ohm < _ALARM_OHM:
        return Alarm.ALARM
    return Alarm.PRE_WARNING if resistance_ohm < _PRE_WARNING_OHM else Alarm.NONE
