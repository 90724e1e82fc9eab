"""An energy meter of any model on a Modbus line: its registers are what the outlet's meter would measure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from hal.meter.modbus_map import ModbusMeterOptions, load_model
from hal.mock.outlet import Outlet
from hal.mock.outlet_fields import meter_fields
from hal.mock.peers.modbus_units import ILLEGAL_FUNCTION, Refusal, words_at
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.types import MeterReading
from hal.wire.register_map import encode_values, plan_blocks


class MeterPeer(Peer):
    """`options` say which meter it is, how it is wired, and what a count of its energy registers is worth.

    A model of two versions is the first one: the registers of the other read as zero.
    """

    def __init__(self, name: str, options: ModbusMeterOptions, outlet: Outlet, plant: PlantBus) -> None:
        super().__init__(name, plant)
        self.unit = options.unit
        self._options = options
        self._outlet = outlet
        self._model = load_model(name, options.model)
        versions = [self._model, *filter(None, [self._model.alternative()])]
        blocks = [block for version in versions for block in plan_blocks(version)]
        self._zeros = dict.fromkeys((one for block in blocks for one in range(block.address, block.address + block.count)), 0)

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> MeterPeer:
        """A meter on its line."""
        outlet = wires.plant.plant.outlet(wires.connector(device))
        meter = cls(device.name, device.options_as(ModbusMeterOptions), outlet, wires.plant)
        wires.line_of(device).add(meter)
        return meter

    async def run(self) -> None:
        """Wait: the line serves it."""
        self.is_serving.set()
        await asyncio.get_running_loop().create_future()

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """The register, and how true the meter is."""
        return meter_fields(self._outlet)

    def read(self, function: int, address: int, count: int) -> list[int]:
        """What the outlet's meter measures. Raises Refusal."""
        if function != (self._options.function or self._model.function):
            raise Refusal(ILLEGAL_FUNCTION)
        self.plant.advance()
        return words_at(self._zeros | encode_values(self._model, self._values(self._outlet.shown())), address, count)

    def write(self, address: int, words: Sequence[int]) -> None:
        """Nothing of a meter is set."""
        raise Refusal(ILLEGAL_FUNCTION)

    def _values(self, reading: MeterReading) -> dict[str, float | None]:
        """What the registers of the model hold."""
        options = self._options
        sign = -1.0 if options.is_reversed else 1.0
        energies = [reading.energy_wh / options.energy_unit_wh, (reading.export_wh or 0) / options.energy_unit_wh]
        values: dict[str, float] = {
            "voltage_v": reading.voltage_v or 0.0,
            "current_a": sign * (reading.current_a or 0.0),
            "power_w": sign * (reading.power_w or 0.0),
            "temperature_c": reading.temperature_c or 0.0,
            **dict(zip(("energy_wh", "export_wh"), energies[:: int(sign)], strict=True)),
        }
        single = ((reading.voltage_v or 0.0, 0.0, 0.0), (reading.current_a or 0.0, 0.0, 0.0))
        for phase, voltage_v, current_a in zip(
            ("l1", "l2", "l3"), reading.phase_voltages_v or single[0], reading.phase_currents_a or single[1], strict=True
        ):
            values |= {f"voltage_{phase}_v": voltage_v, f"current_{phase}_a": sign * current_a}
        return {name: values[name] for name in self._model.registers}
