"""Acrel DJSF1352-RN DC meters on a Modbus RTU line: holding registers as the maker lists them.

Source: register list of the DJSF1352-RN (volkszaehler/mbmd, EVerest `Acrel_DJSF1352_RN`).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping

from hal.errors import ConfigError
from hal.meter.modbus_map import ModbusMeterOptions
from hal.mock.dc_outlet import DcOutlet
from hal.mock.outlet_fields import meter_fields
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus

_REGISTERS = 64
_READ_HOLDING = 3
_ILLEGAL_FUNCTION = 1
_ILLEGAL_ADDRESS = 2


class AcrelMeter(Peer):
    """One meter; its line asks it for registers."""

    def __init__(self, name: str, unit: int, connector: int, plant: PlantBus) -> None:
        super().__init__(name, plant)
        self.unit = unit
        self._outlet = plant.plant.outlet_of(connector, DcOutlet)

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> AcrelMeter:
        """A meter on its line."""
        options = device.options_as(ModbusMeterOptions)
        if options.model != "acrel-djsf1352":
            raise ConfigError(
                [f"{device.name}: there is no wire peer for the meter model {options.model}; there is one for acrel-djsf1352"]
            )
        meter = cls(device.name, options.unit, wires.connector(device), wires.plant)
        wires.line_of(device).add(meter)
        return meter

    async def run(self) -> None:
        """Wait: the line serves it."""
        self.is_serving.set()
        await asyncio.get_running_loop().create_future()

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The register."""
        return meter_fields(self._outlet)

    def registers(self) -> bytes:
        """All registers from 0 on, as bytes."""
        self.plant.advance()
        outlet = self._outlet
        voltage_v, current_a, power_w = outlet.outlet_voltage_v, outlet.current_a, outlet.power_w
        words = bytearray(2 * _REGISTERS)
        # Value and exponent: value = raw * 10 ** (exponent - 3)
        struct.pack_into(">hhhh", words, 0, round(voltage_v * 10), 2, round(current_a * 10), 2)
        struct.pack_into(">h", words, 2 * 5, 250)  # degC * 10
        struct.pack_into(">hh", words, 2 * 8, round(power_w / 10), 4)
        struct.pack_into(">II", words, 2 * 12, outlet.register_wh, 0)
        struct.pack_into(">HH", words, 2 * 16, 1, 300)
        struct.pack_into(">fff", words, 2 * 50, voltage_v, current_a, power_w / 1000.0)
        return bytes(words)

    def answer(self, function: int, address: int, count: int) -> bytes:
        """Function code and data of the answer, without unit and checksum."""
        if function != _READ_HOLDING:
            return bytes((function | 0x80, _ILLEGAL_FUNCTION))
        if count == 0 or address + count > _REGISTERS:
            return bytes((function | 0x80, _ILLEGAL_ADDRESS))
        data = self.registers()[2 * address : 2 * (address + count)]
        return bytes((function, len(data))) + data
