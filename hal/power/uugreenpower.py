"""UUGreenPower UR1000xx power modules (UR100020, UR100030, UR100040) as the power supply of one connector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from hal.bus.can import CanLink
from hal.power.can_modules import CanModules
from hal.power.dialect import Band, Identity, Measured, Member, Order, Rated, State, Warmth, Word
from hal.power.group import Capability
from hal.power.module_options import ModuleOptions
from hal.types import Range
from hal.wire import uugreen as wire
from hal.wire.can_frame import CanFrame
from hal.wire.uugreen import Command, RangeChoice

_STATE_EVERY: Final = 4  # turns
_CHOICES: Final = {Band.LOW: RangeChoice.LOW, Band.HIGH: RangeChoice.HIGH}


@dataclass(frozen=True, slots=True, kw_only=True)
class UuGreenPowerOptions(ModuleOptions):
    """`max_voltage_v` and `max_power_w` of one module cannot be asked, `max_current_a` counts until it is told.

    message_group: in the first byte of each message; sources use 0 and 1.
    """

    first_address: ClassVar[int] = 1

    addresses: tuple[Annotated[int, Range(1, wire.LAST_MODULE)], ...] = ()
    poll_s: Annotated[float, Range(0.02, 1.0, "s")] = 0.5
    max_voltage_v: Annotated[float, Range(100.0, 1500.0, "V")] = 1000.0
    max_current_a: Annotated[float, Range(1.0, 200.0, "A")] = 100.0
    max_power_w: Annotated[float, Range(1000.0, 100_000.0, "W")] = 20_000.0  # of the smallest of the family
    message_group: Annotated[int, Range(0, 15)] = 0


class UuGreenPowerDialect:
    """See `Dialect`."""

    family = "uugreenpower"
    highest = Capability(2000.0, 500.0, 250_000.0)
    border_v: float | None = 500.0
    gap_s: float | None = 0.02  # what a field library keeps between frames

    def __init__(self, options: UuGreenPowerOptions) -> None:
        self.assumed = Rated(options.max_voltage_v, options.max_current_a, options.max_power_w)
        self._message_group = options.message_group

    def introduce(self, address: int) -> Sequence[CanFrame]:
        """A module is known by its first measurement; what it can give comes before."""
        return self._ask(address, Command.CURRENT_CAPABILITY, Command.VOLTAGE_FAST, Command.CURRENT_FAST)

    def poll(self, address: int, turn: int) -> Sequence[CanFrame]:
        """Voltage and current always, the rest now and then."""
        more = (Command.STATUS, Command.INLET_TEMPERATURE, Command.CURRENT_CAPABILITY) if turn % _STATE_EVERY == 0 else ()
        return self._ask(address, Command.VOLTAGE_FAST, Command.CURRENT_FAST, *more)

    def order(self, address: int, order: Order) -> Sequence[CanFrame]:
        """Voltage and current, then the switch."""
        level: list[wire.Request] = []
        if order.voltage_v is not None:
            level = [wire.Set(Command.VOLTAGE_SET, order.voltage_v), wire.Set(Command.CURRENT_SET, order.current_a)]
        requests = [*level, wire.Set(Command.IS_OFF, 0 if order.is_on else 1)]
        return tuple(self._to(address, request) for request in requests)

    def select(self, address: int, band: Band) -> Sequence[CanFrame]:
        """Never automatic: it would be changed while the output is on."""
        return (self._to(address, wire.Set(Command.RANGE_SELECT, _CHOICES[band])),)

    def ask_members(self) -> Sequence[CanFrame]:
        """One command has the group."""
        return self._ask(wire.ALL_MODULES, Command.GROUP)

    def ask_identities(self) -> Sequence[CanFrame]:
        """No command for the firmware is known."""
        return self._ask(wire.ALL_MODULES, Command.SERIAL, Command.GROUP)

    def is_answer(self, identifier: int) -> bool:
        """From one module to controller 1; day and serial number of the module may be anything."""
        return 0x0220_0000 < identifier & wire.ANSWER_MASK <= 0x0220_0000 | wire.LAST_MODULE << 14

    def understand(self, identifier: int, data: bytes) -> tuple[int, Sequence[Word]]:
        """See `Dialect`."""
        header, answer = wire.decode_answer(identifier, data)
        match answer:
            case wire.Value(command, value):
                return header.module, _words(command, value)
            case wire.Serial(high, low):
                return header.module, (Identity(f"{high:04X}{low:08X}"),)
        return header.module, ()

    def _ask(self, address: int, *commands: Command) -> Sequence[CanFrame]:
        return tuple(self._to(address, wire.Read(command)) for command in commands)

    def _to(self, address: int, request: wire.Request) -> CanFrame:
        return wire.encode_request(request, address, self._message_group)


def _words(command: Command, value: float) -> Sequence[Word]:
    match command:
        case Command.VOLTAGE_FAST:
            return (Measured(voltage_v=value),)
        case Command.CURRENT_FAST:
            return (Measured(current_a=value),)
        case Command.CURRENT_CAPABILITY:
            return (Rated(max_current_a=value),)
        case Command.INLET_TEMPERATURE:
            return (Warmth(value),)
        case Command.GROUP:
            return (Member(int(value)),)
        case Command.STATUS:
            bits = int(value)
            return (State(bool(bits >> wire.DC_OFF & 1), wire.STATUS_BITS.alarms(bits), wire.STATUS_BITS.unknown(bits)),)
    return ()


class UuGreenPower(CanModules):
    """See `CanModules`."""

    Options = UuGreenPowerOptions

    def __init__(self, name: str, options: UuGreenPowerOptions, bus: CanLink) -> None:
        super().__init__(name, options, bus, UuGreenPowerDialect(options))
