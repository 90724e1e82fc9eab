"""Power modules of the register protocol 0x060 (Winline, UXR100030, SCU DPM1000) as the power supply of one connector.

SCU modules differ in more than frames: they have two ranges, their two halves in series or in parallel, chosen by the voltage ceiling; in
parallel they report the current of one half; and the only driver known sets their current as a part of 100 A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from hal.bus.can import CanLink
from hal.power.can_modules import CanModules
from hal.power.dialect import Band, Identity, Measured, Member, Order, Rated, Refused, State, Warmth, Word
from hal.power.group import Capability
from hal.power.module_options import ModuleOptions
from hal.types import Range
from hal.wire import protocol_060 as wire
from hal.wire.can_frame import CanFrame
from hal.wire.protocol_060_map import DC_OFF, Register, Setting, Variant, status_bits

_STATE_EVERY: Final = 4  # turns
_SCU_BORDER_V: Final = 500.0
_SCU_CEILINGS_V: Final = {Band.LOW: 520.0, Band.HIGH: 1050.0}  # that select parallel and series: EVerest PowerSupplies/DPM1000
_SCU_WHOLE_A: Final = 100.0  # current point 1.0: EVerest PowerSupplies/DPM1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol060Options(ModuleOptions):
    """`max_voltage_v` of one module cannot be asked; with SCU modules nothing of what they can give can."""

    addresses: tuple[Annotated[int, Range(0, wire.LAST_MODULE)], ...] = ()
    group: Annotated[int, Range(0, 7)] | None = None
    variant: Variant = Variant.WINLINE
    max_voltage_v: Annotated[float, Range(100.0, 1500.0, "V")] = 1000.0
    max_current_a: Annotated[float, Range(1.0, 200.0, "A")] = 100.0
    max_power_w: Annotated[float, Range(1000.0, 100_000.0, "W")] = 30_000.0


class Protocol060Dialect:
    """See `Dialect`."""

    family = "protocol-060"
    highest = Capability(2000.0, 500.0, 250_000.0)
    gap_s: float | None = None

    def __init__(self, options: Protocol060Options) -> None:
        is_scu = options.variant is Variant.SCU
        self.border_v = _SCU_BORDER_V if is_scu else None
        self.assumed = Rated(options.max_voltage_v)
        if is_scu:
            self.assumed = Rated(options.max_voltage_v, options.max_current_a, options.max_power_w)
        self._variant = options.variant
        self._status_bits = status_bits(options.variant)
        self._in_parallel: set[int] = set()
        self._serial_high: dict[int, int] = {}

    def introduce(self, address: int) -> Sequence[CanFrame]:
        """Rated power and current; SCU modules are known by their first measurement."""
        asked = (Register.VOLTAGE, Register.CURRENT) if self._variant is Variant.SCU else (Register.RATED_POWER, Register.RATED_CURRENT)
        return self._ask(address, *asked)

    def poll(self, address: int, turn: int) -> Sequence[CanFrame]:
        """Voltage and current always, status and temperature now and then."""
        more = (Register.STATUS, Register.AMBIENT_TEMPERATURE) if turn % _STATE_EVERY == 0 else ()
        return self._ask(address, Register.VOLTAGE, Register.CURRENT, *more)

    def order(self, address: int, order: Order) -> Sequence[CanFrame]:
        """Voltage and current, then the switch."""
        level: list[wire.Request] = []
        if order.voltage_v is not None:
            level = [wire.Set(Setting.VOLTAGE, order.voltage_v), self._current(order.current_a)]
        switch: list[wire.Request] = [wire.Set(Setting.IS_OFF, 0 if order.is_on else 1)]
        if self._variant is Variant.SCU:
            switch.insert(0, wire.Control(order.is_on))
        return tuple(self._to(address, request) for request in [*level, *switch])

    def select(self, address: int, band: Band) -> Sequence[CanFrame]:
        """Series or parallel."""
        (self._in_parallel.add if band is Band.LOW else self._in_parallel.discard)(address)
        return (self._to(address, wire.Set(Setting.CEILING, _SCU_CEILINGS_V[band])),)

    def ask_members(self) -> Sequence[CanFrame]:
        """One register has group and address."""
        return self._ask(wire.ALL_MODULES, Register.GROUP_AND_ADDRESS)

    def ask_identities(self) -> Sequence[CanFrame]:
        """The high half of the serial number comes first: it is kept for the low one. SCU modules may have none of these, but a voltage."""
        if self._variant is Variant.SCU:
            return self._ask(wire.ALL_MODULES, Register.VOLTAGE)
        asked = (Register.SERIAL_HIGH, Register.SERIAL_LOW, Register.DC_VERSION, Register.GROUP_AND_ADDRESS)
        return self._ask(wire.ALL_MODULES, *asked)

    def is_answer(self, identifier: int) -> bool:
        """To the controller, from one module."""
        return identifier >> 20 == 0x060 and identifier >> 11 & 0xFF == wire.CONTROLLER and identifier >> 3 & 0xFF <= wire.LAST_MODULE

    def understand(self, identifier: int, data: bytes) -> tuple[int, Sequence[Word]]:
        """See `Dialect`."""
        header, answer = wire.decode_answer(identifier, data, self._variant)
        match answer:
            case wire.Value(register, value):
                return header.source, self._words(header.source, register, value)
            case wire.Refused(register, error):
                return header.source, (Refused(register, error),)
        return header.source, ()

    def _words(self, address: int, register: Register, value: float) -> Sequence[Word]:
        match register:
            case Register.VOLTAGE:
                return (Measured(voltage_v=value),)
            case Register.CURRENT:
                return (Measured(current_a=value * (2 if address in self._in_parallel else 1)),)
            case Register.RATED_POWER:
                return (Rated(max_power_w=value),)
            case Register.RATED_CURRENT:
                return (Rated(max_current_a=value),)
            case Register.AMBIENT_TEMPERATURE:
                return (Warmth(value),)
            case Register.STATUS:
                return (self._state(int(value)),)
            case Register.GROUP_AND_ADDRESS:
                return (Member(wire.group_and_address(value)[0]),)
            case Register.DC_VERSION:
                return (Identity(firmware=f"{int(value):08X}"),)
            case Register.SERIAL_HIGH:
                self._serial_high[address] = int(value)
            case Register.SERIAL_LOW if address in self._serial_high:
                return (Identity(serial=f"{self._serial_high[address]:08X}{int(value):08X}"),)
        return ()

    def _state(self, bits: int) -> State:
        return State(bool(bits >> DC_OFF & 1), self._status_bits.alarms(bits), self._status_bits.unknown(bits))

    def _current(self, current_a: float) -> wire.Request:
        if self._variant is Variant.SCU:
            return wire.Set(Setting.CURRENT_POINT, current_a / _SCU_WHOLE_A)
        return wire.Set(Setting.CURRENT, current_a)

    def _ask(self, address: int, *registers: Register) -> Sequence[CanFrame]:
        return tuple(self._to(address, wire.Read(register)) for register in registers)

    def _to(self, address: int, request: wire.Request) -> CanFrame:
        return wire.encode_request(request, address, self._variant)


class Protocol060(CanModules):
    """See `CanModules`."""

    Options = Protocol060Options

    def __init__(self, name: str, options: Protocol060Options, bus: CanLink) -> None:
        super().__init__(name, options, bus, Protocol060Dialect(options))
