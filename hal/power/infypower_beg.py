"""An Infypower BEG/BEC bidirectional power module, protocol V1.04, as the power supply of one connector; as a rectifier only. Experimental.

The items for voltage and current are the *system's*: no source says what several modules make of them, so a connector has one module.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from hal.bus.can import CanLink
from hal.ports import Emit
from hal.power.can_modules import CanModules
from hal.power.dialect import Band, Identity, Measured, Order, Rated, Refused, State, Warmth, Word
from hal.power.group import Capability
from hal.power.module_options import ModuleOptions
from hal.types import Range
from hal.wire import infypower_beg as wire
from hal.wire.can_frame import CanFrame
from hal.wire.infypower import ALL_MODULES, CONTROLLER, LAST_MODULE, SINGLE, decode_header
from hal.wire.infypower_beg import IS_OFF, Item

_log = logging.getLogger(__name__)

_STATE_EVERY: Final = 4  # turns
_LEAST_V: Final = 150.0  # no source writes a set-point at or below it


@dataclass(frozen=True, slots=True, kw_only=True)
class InfypowerBegOptions(ModuleOptions):
    """`has_walk_in`: the module raises its output slowly after switching on; None leaves it as the module is set."""

    has_groups: ClassVar[bool] = False

    addresses: tuple[Annotated[int, Range(0, LAST_MODULE)], ...] = ()
    has_walk_in: bool | None = None

    def __post_init__(self) -> None:
        ModuleOptions.__post_init__(self)
        if len(self.addresses) > 1:
            raise ValueError(f"addresses should be one module: nobody knows how several share a current, not {list(self.addresses)}")


class InfypowerBegDialect:
    """See `Dialect`."""

    family = "infypower-beg"
    assumed = Rated()
    highest = Capability(2000.0, 500.0, 250_000.0)
    border_v: float | None = None
    gap_s: float | None = None

    def __init__(self, options: InfypowerBegOptions) -> None:
        self._has_walk_in = options.has_walk_in

    def introduce(self, address: int) -> Sequence[CanFrame]:
        """One item for each limit."""
        return tuple(_ask(item, address) for item in (Item.MAX_VOLTAGE, Item.MAX_CURRENT, Item.RATED_POWER))

    def poll(self, address: int, turn: int) -> Sequence[CanFrame]:
        """Voltage and current always, status and temperature now and then."""
        more = (Item.STATUS, Item.AMBIENT_TEMPERATURE) if turn % _STATE_EVERY == 0 else ()
        return tuple(_ask(item, address) for item in (Item.SYSTEM_VOLTAGE, Item.SYSTEM_CURRENT, *more))

    def order(self, address: int, order: Order) -> Sequence[CanFrame]:
        """Mode, voltage and current, then the switch. What is too low to be written is not given either: the module is off then."""
        is_high = order.voltage_v is not None and order.voltage_v > _LEAST_V
        is_on = order.is_on and is_high
        requests = [*self._manner()] if is_on else []
        if order.voltage_v is not None and is_high:
            requests.append(wire.Write(Item.SYSTEM_VOLTAGE, order.voltage_v))
            requests.append(wire.Write(Item.SYSTEM_CURRENT, order.current_a if is_on else 0.0))
        requests.append(wire.Write(IS_OFF, 0 if is_on else 1))
        return tuple(wire.encode_request(request, address) for request in requests)

    def _manner(self) -> Sequence[wire.Write]:
        mode = wire.Write(Item.IS_INVERTER, 0)
        return (mode,) if self._has_walk_in is None else (wire.Write(Item.WALK_IN, int(self._has_walk_in)), mode)

    def select(self, address: int, band: Band) -> Sequence[CanFrame]:
        """There is but one range."""
        return ()

    def ask_members(self) -> Sequence[CanFrame]:
        """No item tells a group."""
        return ()

    def ask_identities(self) -> Sequence[CanFrame]:
        """No item tells a serial number: an answer shows at least that somebody is there."""
        return (_ask(Item.STATUS, ALL_MODULES),)

    def is_answer(self, identifier: int) -> bool:
        """To the controller, from one module."""
        header = decode_header(identifier)
        return header.device == SINGLE and header.destination == CONTROLLER and header.source <= LAST_MODULE

    def understand(self, identifier: int, data: bytes) -> tuple[int, Sequence[Word]]:
        """See `Dialect`."""
        header, answer = wire.decode_answer(identifier, data)
        match answer:
            case wire.Value(item, value):
                return header.source, _words(item, value)
            case wire.Status():
                return header.source, (State(answer.is_off, answer.alarms, answer.unknown_bits), Identity())
            case wire.Refused(command, error):
                return header.source, (Refused(command, error),)
        return header.source, ()


def _ask(item: Item, address: int) -> CanFrame:
    return wire.encode_request(wire.Read(item), address)


def _words(item: Item, value: float) -> Sequence[Word]:
    match item:
        case Item.SYSTEM_VOLTAGE:
            return (Measured(voltage_v=value),)
        case Item.SYSTEM_CURRENT:
            return (Measured(current_a=value),)
        case Item.AMBIENT_TEMPERATURE:
            return (Warmth(value),)
        case Item.MAX_VOLTAGE:
            return (Rated(max_voltage_v=value),)
        case Item.MAX_CURRENT:
            return (Rated(max_current_a=value),)
        case Item.RATED_POWER:
            return (Rated(max_power_w=value),)
    return ()


class InfypowerBeg(CanModules):
    """See `CanModules`."""

    Options = InfypowerBegOptions

    def __init__(self, name: str, options: InfypowerBegOptions, bus: CanLink) -> None:
        super().__init__(name, options, bus, InfypowerBegDialect(options))
        self._is_introduced = False

    async def run(self, emit: Emit) -> None:
        """See `CanModules`; says once what one has to know."""
        if not self._is_introduced:
            self._is_introduced = True
            _log.warning("driver_experimental device=%s driver=infypower-beg", self.name)
        await super().run(emit)
