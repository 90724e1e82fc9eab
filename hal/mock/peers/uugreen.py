"""UUGreenPower modules."""

from __future__ import annotations

from collections.abc import Sequence

from hal.errors import WireError
from hal.mock.peers.can_modules import CanModulesPeer, Module
from hal.wire import uugreen as wire
from hal.wire.can_frame import CanFrame
from hal.wire.uugreen import ALL_MODULES, Command, RangeChoice

_DAY = 5


class UuGreenModules(CanModulesPeer):
    """See `CanModulesPeer`. A change of the range while the output is on is answered, and not done."""

    def is_question(self, identifier: int) -> bool:
        """From controller 1: no day and no serial number."""
        return identifier & ~(0x7F << 14) == 0x0220_0000

    def is_addressed(self, identifier: int, module: Module) -> bool:
        """By its address, or as one of all."""
        return wire.decode_header(identifier).module in (module.address, ALL_MODULES)

    def answer(self, identifier: int, data: bytes, module: Module) -> Sequence[CanFrame]:
        """See `CanModulesPeer`; what is not understood is not answered."""
        try:
            header, request = wire.decode_request(identifier, data)
        except WireError:
            return ()
        match request:
            case wire.Set(command, value):
                self._set(command, value, module)
                answer: wire.Answer = wire.Taken(command)
            case wire.Read(Command.SERIAL):
                answer = wire.Serial(module.serial >> 32, module.serial & 0xFFFF_FFFF)
            case wire.Read(command):
                answer = wire.Value(command, self._read(command, module))
        return (wire.encode_answer(answer, module.address, _DAY, module.serial & 0x1FF, header.group),)

    def _set(self, command: Command, value: float, module: Module) -> None:
        match command:
            case Command.VOLTAGE_SET:
                module.voltage_v = value
            case Command.CURRENT_SET:
                module.current_a = value
            case Command.IS_OFF:
                module.is_on = not value
            case Command.RANGE_SELECT:
                self.select_range(module, is_low=value == RangeChoice.LOW)
        self.drive()

    def _read(self, command: Command, module: Module) -> float:
        voltage_v, current_a = self.measured(module)
        choice = RangeChoice.LOW if module.is_low_range else RangeChoice.HIGH
        values: dict[Command, float] = {
            Command.VOLTAGE_SLOW: voltage_v,
            Command.VOLTAGE_FAST: voltage_v,
            Command.VOLTAGE_SET: module.voltage_v,
            Command.CURRENT_SLOW: current_a,
            Command.CURRENT_FAST: current_a,
            Command.CURRENT_FASTEST: current_a,
            Command.CURRENT_SET: module.current_a,
            Command.CURRENT_CAPABILITY: self.limits().max_current_a,
            Command.INLET_TEMPERATURE: self.temperature_c(),
            Command.GROUP: module.group,
            Command.RANGE_STATUS: choice,
            Command.RANGE_TRUE: choice,
            Command.STATUS: self._status(module),
        }
        return values.get(command, 0.0)

    def _status(self, module: Module) -> int:
        return wire.STATUS_BITS.status(self.alarms(module)) | (1 << wire.DC_OFF if self.is_off(module) else 0)
