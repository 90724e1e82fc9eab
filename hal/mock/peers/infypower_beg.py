"""An Infypower BEG module."""

from __future__ import annotations

from collections.abc import Sequence

from hal.errors import WireError
from hal.mock.peers.can_modules import CanModulesPeer, Module
from hal.wire import infypower_beg as wire
from hal.wire.can_frame import CanFrame
from hal.wire.infypower import ALL_MODULES, CONTROLLER, SINGLE, STATUS_BITS, decode_header
from hal.wire.infypower_beg import IS_OFF, Item

_MIN_VOLTAGE_V = 150.0
_LINE_V = 400.0
_OFF_BIT = 0x0100


class InfypowerBegModules(CanModulesPeer):
    """See `CanModulesPeer`."""

    def is_question(self, identifier: int) -> bool:
        """From the controller, by a single module's address or to all."""
        header = decode_header(identifier)
        return header.source == CONTROLLER and header.device == SINGLE

    def is_addressed(self, identifier: int, module: Module) -> bool:
        """By its address, or as one of all."""
        return decode_header(identifier).destination in (module.address, ALL_MODULES)

    def answer(self, identifier: int, data: bytes, module: Module) -> Sequence[CanFrame]:
        """See `CanModulesPeer`."""
        try:
            _, request = wire.decode_request(identifier, data)
        except WireError:
            return (wire.encode_answer(wire.Refused(decode_header(identifier).command, 2), module.address),)
        match request:
            case wire.Read(item):
                answer = self._read(item, module)
            case wire.Write(item, value):
                self._write(item, value, module)
                answer = wire.Taken(item)
        return (wire.encode_answer(answer, module.address),)

    def _write(self, item: Item, value: float, module: Module) -> None:
        if item is Item.SYSTEM_VOLTAGE:
            module.voltage_v = value
        elif item is Item.SYSTEM_CURRENT:
            module.current_a = value
        elif item is IS_OFF:
            module.is_on = not value
        self.drive()

    def _read(self, item: Item, module: Module) -> wire.Answer:
        if item is Item.STATUS:
            return wire.Status(STATUS_BITS.status(self.alarms(module)) | (_OFF_BIT if self.is_off(module) else 0))
        limits, (voltage_v, current_a) = self.limits(), self.measured(module)
        values = {
            Item.SYSTEM_VOLTAGE: voltage_v,
            Item.SYSTEM_CURRENT: current_a,
            Item.MODULE_COUNT: 1,
            Item.AMBIENT_TEMPERATURE: self.temperature_c(),
            Item.INVERTER_STATUS: 0,
            Item.MAX_VOLTAGE: limits.max_voltage_v,
            Item.MIN_VOLTAGE: _MIN_VOLTAGE_V,
            Item.MAX_CURRENT: limits.max_current_a,
            Item.RATED_POWER: limits.max_power_w,
        }
        return wire.Value(item, values.get(item, _LINE_V))
