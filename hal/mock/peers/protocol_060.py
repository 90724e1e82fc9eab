"""Modules of protocol 0x060: Winline, UXR, SCU."""

from __future__ import annotations

from collections.abc import Sequence

from hal.errors import WireError
from hal.mock.peers.can_modules import LOW_RANGE_V, CanModulesPeer, Module
from hal.power.module_options import ModuleOptions
from hal.power.protocol_060 import Protocol060Options
from hal.wire import protocol_060 as wire
from hal.wire.can_frame import CanFrame
from hal.wire.protocol_060 import ALL_MODULES, CONTROLLER
from hal.wire.protocol_060_map import DC_OFF, Register, Setting, Variant, status_bits

_INVALID_DATA = 0xF3
_SCU_WHOLE_A = 100.0
_SCU_HIGHEST_LOW_V = LOW_RANGE_V * 1.05
_NOT_OF_SCU = frozenset(register for register in Register if register > Register.STATUS) | {Register.RATED_POWER, Register.RATED_CURRENT}


class Protocol060Modules(CanModulesPeer):
    """See `CanModulesPeer`. In parallel, SCU modules report the current of one of their halves."""

    variant = Variant.WINLINE

    def adjust(self, options: ModuleOptions) -> None:
        """The variant."""
        if isinstance(options, Protocol060Options):
            self.variant = options.variant

    def is_question(self, identifier: int) -> bool:
        """From the controller."""
        return identifier >> 20 == 0x060 and identifier >> 3 & 0xFF == CONTROLLER

    def is_addressed(self, identifier: int, module: Module) -> bool:
        """By its address, or as one of all."""
        return wire.decode_header(identifier).destination in (module.address, ALL_MODULES)

    def answer(self, identifier: int, data: bytes, module: Module) -> Sequence[CanFrame]:
        """See `CanModulesPeer`; what is not understood is not answered."""
        try:
            _, request = wire.decode_request(identifier, data, self.variant)
        except WireError:
            return ()
        match request:
            case wire.Control(is_on):
                self.switch(module, is_on=is_on)
                return ()
            case wire.Set(setting, value):
                answer: wire.Answer = wire.Taken(setting) if self._set(setting, value, module) else wire.Refused(setting, _INVALID_DATA)
            case wire.Read(register):
                answer = self._read(register, module)
        return (wire.encode_answer(answer, module.address, self.variant),)

    def _set(self, setting: Setting, value: float, module: Module) -> bool:
        match setting:
            case Setting.VOLTAGE:
                module.voltage_v = value
            case Setting.CURRENT:
                module.current_a = value
            case Setting.CURRENT_POINT:
                module.current_a = value * _SCU_WHOLE_A
            case Setting.IS_OFF:
                module.is_on = not value
            case Setting.CEILING if self.variant is Variant.SCU:
                return self.select_range(module, is_low=0.0 < value <= _SCU_HIGHEST_LOW_V)
        self.drive()
        return True

    def _read(self, register: Register, module: Module) -> wire.Answer:
        if self.variant is Variant.SCU and register in _NOT_OF_SCU:
            return wire.Refused(register, 0xF2)
        limits, (voltage_v, current_a) = self.limits(), self.measured(module)
        values = {
            Register.VOLTAGE: voltage_v,
            Register.CURRENT: current_a / 2 if self.variant is Variant.SCU and module.is_low_range else current_a,
            Register.AMBIENT_TEMPERATURE: self.temperature_c(),
            Register.RATED_POWER: limits.max_power_w,
            Register.RATED_CURRENT: limits.max_current_a,
            Register.STATUS: self._status(module),
            Register.GROUP_AND_ADDRESS: module.group << 16 | module.address,
            Register.SERIAL_LOW: module.serial & 0xFFFF_FFFF,
            Register.SERIAL_HIGH: module.serial >> 32,
            Register.DC_VERSION: 0x0001_0203,
        }
        return wire.Value(register, values.get(register, 0.0))

    def _status(self, module: Module) -> int:
        return status_bits(self.variant).status(self.alarms(module)) | (1 << DC_OFF if self.is_off(module) else 0)
