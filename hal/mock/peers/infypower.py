"""Infypower V1.13 modules."""

from __future__ import annotations

from collections.abc import Sequence

from hal.errors import WireError
from hal.mock.peers.can_modules import CanModulesPeer, Module
from hal.wire import infypower_v113 as wire
from hal.wire.can_frame import CanFrame
from hal.wire.infypower import ALL_MODULES, CONTROLLER, SINGLE, STATUS_BITS, decode_header
from hal.wire.infypower_v113 import Code

_MIN_VOLTAGE_V = 50.0
_LINE_V = 400.0
_OFF_BIT = 0x01


class InfypowerModules(CanModulesPeer):
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
        return (wire.encode_answer(self._handle(request, module), module.address),)

    def _handle(self, request: wire.Request, module: Module) -> wire.Answer:
        match request:
            case wire.SetPower(is_on):
                self.switch(module, is_on=is_on)
                return wire.Taken(Code.SET_POWER)
            case wire.SetOutput(voltage_v, current_a):
                module.voltage_v, module.current_a = voltage_v, current_a
                self.drive()
                return wire.Taken(Code.SET_OUTPUT)
            case wire.SetSystemOutput(voltage_v, current_a):
                module.voltage_v, module.current_a = voltage_v, current_a / len(self._present())
                self.drive()
                return wire.Taken(Code.SET_SYSTEM_OUTPUT)
            case wire.Read(code):
                return self._read(code, module)

    def _read(self, code: Code, module: Module) -> wire.Answer:
        limits = self.limits()
        match code:
            case Code.MODULE_COUNT:
                return wire.ModuleCount(len(self._present()))
            case Code.OUTPUT:
                return wire.Output(*self.measured(module))
            case Code.SYSTEM_OUTPUT:
                outputs = [self.measured(one) for one in self._present()]
                return wire.SystemOutput(self.measured(module)[0], sum(current_a for _, current_a in outputs))
            case Code.LINE_VOLTAGES:
                return wire.LineVoltages(_LINE_V, _LINE_V, _LINE_V)
            case Code.STATUS:
                return self._status(module)
            case Code.CAPABILITIES:
                return wire.Capabilities(limits.max_voltage_v, _MIN_VOLTAGE_V, limits.max_current_a, limits.max_power_w)
            case Code.BARCODE:
                return wire.Barcode(f"{module.serial:012d}V1704")
            case Code.EXTERNAL:
                return wire.External(self.measured(module)[0], limits.max_current_a)
            case _:
                return wire.Refused(code, 2)

    def _status(self, module: Module) -> wire.Status:
        bits = STATUS_BITS.status(self.alarms(module))
        off = _OFF_BIT if self.is_off(module) else 0
        return wire.Status(module.group, round(self.temperature_c()), bits & 0xFF, bits >> 8 & 0xFF | off, bits >> 16)
