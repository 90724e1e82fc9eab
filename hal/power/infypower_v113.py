"""Infypower REG/CEG/LRG power modules, protocol V1.13, as the power supply of one connector."""

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
from hal.wire import infypower_v113 as wire
from hal.wire.can_frame import CanFrame
from hal.wire.infypower import ALL_MODULES, CONTROLLER, LAST_MODULE, SINGLE, decode_header
from hal.wire.infypower_v113 import Code

_STATUS_EVERY: Final = 4  # turns


@dataclass(frozen=True, slots=True, kw_only=True)
class InfypowerOptions(ModuleOptions):
    """The modules' own cut-off time is known."""

    addresses: tuple[Annotated[int, Range(0, LAST_MODULE)], ...] = ()
    group: Annotated[int, Range(0, 255)] | None = None
    cut_off_s: Annotated[float, Range(1.0, 600.0, "s")] = wire.CUT_OFF_S


class InfypowerDialect:
    """See `Dialect`."""

    family = "infypower-v113"
    assumed = Rated()
    highest = Capability(2000.0, 500.0, 250_000.0)
    border_v: float | None = None
    gap_s: float | None = None

    def introduce(self, address: int) -> Sequence[CanFrame]:
        """One question tells everything."""
        return (_ask(Code.CAPABILITIES, address),)

    def poll(self, address: int, turn: int) -> Sequence[CanFrame]:
        """The output always, the status now and then."""
        codes = (Code.OUTPUT, Code.STATUS) if turn % _STATUS_EVERY == 0 else (Code.OUTPUT,)
        return tuple(_ask(code, address) for code in codes)

    def order(self, address: int, order: Order) -> Sequence[CanFrame]:
        """Voltage and current, then the switch."""
        switch = wire.encode_request(wire.SetPower(order.is_on), address)
        if order.voltage_v is None:
            return (switch,)
        return wire.encode_request(wire.SetOutput(order.voltage_v, order.current_a), address), switch

    def select(self, address: int, band: Band) -> Sequence[CanFrame]:
        """There is but one range."""
        return ()

    def ask_members(self) -> Sequence[CanFrame]:
        """The status tells the group on the dial."""
        return (_ask(Code.STATUS, ALL_MODULES),)

    def ask_identities(self) -> Sequence[CanFrame]:
        """The bar code; V1.13 as we know it has no question for the firmware."""
        return _ask(Code.BARCODE, ALL_MODULES), _ask(Code.STATUS, ALL_MODULES)

    def is_answer(self, identifier: int) -> bool:
        """To the controller, from one module."""
        header = decode_header(identifier)
        return header.device == SINGLE and header.destination == CONTROLLER and header.source <= LAST_MODULE

    def understand(self, identifier: int, data: bytes) -> tuple[int, Sequence[Word]]:
        """See `Dialect`."""
        header, answer = wire.decode_answer(identifier, data)
        return header.source, _words(answer)


def _ask(code: Code, address: int) -> CanFrame:
    return wire.encode_request(wire.Read(code), address)


def _words(answer: wire.Answer) -> Sequence[Word]:
    match answer:
        case wire.Output(voltage_v, current_a):
            return (Measured(voltage_v, current_a),)
        case wire.Capabilities(max_voltage_v, _, max_current_a, rated_power_w):
            return (Rated(max_voltage_v, max_current_a, rated_power_w),)
        case wire.Status(group, ambient_c):
            return Member(group), State(answer.is_off, answer.alarms, answer.unknown_bits), Warmth(float(ambient_c))
        case wire.Barcode(serial):
            return (Identity(serial),)
        case wire.Refused(code, error):
            return (Refused(code, error),)
    return ()


class InfypowerV113(CanModules):
    """See `CanModules`."""

    Options = InfypowerOptions

    def __init__(self, name: str, options: InfypowerOptions, bus: CanLink) -> None:
        super().__init__(name, options, bus, InfypowerDialect())
