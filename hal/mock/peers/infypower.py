"""Infypower V1.13 modules on a CAN bus: all modules of one connector, which share what its outlet gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hal.bus.can import CanLink
from hal.errors import WireError
from hal.mock.dc_fields import power_fields
from hal.mock.dc_outlet import DcOutlet
from hal.mock.peers.peer import Peer
from hal.mock.peers.spec import DeviceSpec
from hal.mock.peers.wires import Wires
from hal.mock.plant_bus import PlantBus
from hal.power.infypower_v113 import InfypowerOptions
from hal.types import Setpoint
from hal.wire import infypower_v113 as wire

_MIN_VOLTAGE_V = 50.0


@dataclass(slots=True)
class _Module:
    is_on: bool = False
    voltage_v: float = 0.0
    current_a: float = 0.0


class InfypowerModules(Peer):
    """Answers reads and commands of each module; after `cut_off_s` without a word of the controller all outputs go off."""

    def __init__(
        self, name: str, addresses: tuple[int, ...], connector: int, link: CanLink, plant: PlantBus, cut_off_s: float = wire.CUT_OFF_S
    ) -> None:
        super().__init__(name, plant)
        self._link = link
        self._outlet = plant.plant.outlet_of(connector, DcOutlet)
        self._modules = {address: _Module() for address in addresses}
        self._cut_off_s = cut_off_s
        self._heard_at_s = 0.0

    @classmethod
    def for_device(cls, device: DeviceSpec, wires: Wires) -> InfypowerModules:
        """The modules of one connector on their bus."""
        addresses = device.options_as(InfypowerOptions).addresses
        return cls(device.name, addresses, wires.connector(device), wires.can_of(device), wires.plant)

    async def run(self) -> None:
        """Serve the bus."""
        await self._link.ready()
        loop = asyncio.get_running_loop()
        self._heard_at_s = loop.time()
        end_subscription = self._link.subscribe(self._is_ours, self._on_frame)
        self.is_serving.set()
        try:
            while True:
                left_s = self._heard_at_s + self._cut_off_s - loop.time()
                if left_s <= 0.0:
                    self._cut_off()
                    left_s = self._cut_off_s
                await asyncio.sleep(max(0.01, left_s))
        finally:
            end_subscription()
            self._cut_off()

    def settable(self) -> Mapping[str, Callable[[object], None]]:
        """Temperature, modules present, alarms, and whether they cut off by themselves."""
        return power_fields(self._outlet)

    def _cut_off(self) -> None:
        if self._outlet.has_no_cut_off:
            return
        for module in self._modules.values():
            module.is_on = False
        self._drive()

    def _present(self) -> tuple[int, ...]:
        share = self._outlet.modules_present / self._outlet.limits.modules
        return tuple(self._modules)[: round(share * len(self._modules))]

    def _is_ours(self, identifier: int) -> bool:
        header = wire.decode_header(identifier)
        is_addressed = header.destination in self._modules or header.destination == wire.ALL_MODULES
        return header.source == wire.CONTROLLER and header.device == wire.SINGLE and is_addressed

    def _on_frame(self, identifier: int, data: bytes) -> None:
        if not self.health.is_online:
            return
        self._heard_at_s = asyncio.get_running_loop().time()
        header = wire.decode_header(identifier)
        addressed = [address for address in self._present() if header.destination in (address, wire.ALL_MODULES)]
        try:
            _, request = wire.decode_request(identifier, data)
        except WireError:
            for address in addressed:
                self._answer(wire.Refused(header.command, 2), address)
            return
        self.plant.advance()
        for address in addressed:
            self._answer(self._handle(request, address), address)

    def _handle(self, request: wire.Request, address: int) -> wire.Answer:
        module = self._modules[address]
        match request:
            case wire.SetPower(is_on):
                module.is_on = is_on
                self._drive()
                return wire.Taken(wire.Code.SET_POWER)
            case wire.SetOutput(voltage_v, current_a):
                module.voltage_v, module.current_a = voltage_v, current_a
                self._drive()
                return wire.Taken(wire.Code.SET_OUTPUT)
            case wire.Read(code):
                return self._read(code, address)

    def _drive(self) -> None:
        running = [module for module in self._modules.values() if module.is_on]
        setpoint = Setpoint(max((one.voltage_v for one in running), default=0.0), sum(one.current_a for one in running))
        if setpoint != self._outlet.setpoint:
            self.plant.advance()
            self._outlet.setpoint = setpoint if setpoint.is_on else Setpoint()
            self.plant.poke()

    def _read(self, code: wire.Code, address: int) -> wire.Answer:
        telemetry, limits = self._outlet.telemetry(), self._outlet.limits
        count = len(self._modules)
        running = max(1, sum(1 for module in self._modules.values() if module.is_on))
        current_a = telemetry.current_a / running if self._modules[address].is_on else 0.0
        match code:
            case wire.Code.MODULE_COUNT:
                return wire.ModuleCount(len(self._present()))
            case wire.Code.OUTPUT:
                return wire.Output(telemetry.voltage_v, current_a)
            case wire.Code.STATUS:
                return self._status(address)
            case wire.Code.CAPABILITIES:
                return wire.Capabilities(limits.max_voltage_v, _MIN_VOLTAGE_V, limits.max_current_a / count, limits.max_power_w / count)
            case wire.Code.BARCODE:
                return wire.Barcode(f"{81807000000 + address:012d}V1704")
            case wire.Code.EXTERNAL:
                return wire.External(telemetry.voltage_v, telemetry.max_current_a / count)
            case _:
                return wire.Refused(code, 2)

    def _status(self, address: int) -> wire.Status:
        telemetry = self._outlet.telemetry()
        status = wire.Status(0, round(telemetry.temperature_c or 0.0), 0, 0 if self._modules[address].is_on else 1, 0)
        for alarm in sorted(telemetry.alarms & _BITS.keys()):
            state, bit = _BITS[alarm]
            status = replace(status, **{state: getattr(status, state) | bit})
        return status

    def _answer(self, answer: wire.Answer, address: int) -> None:
        self.send_frame(self._link, *wire.encode_answer(answer, address))


def _alarm_bits() -> dict[str, tuple[str, int]]:
    """Where each word of the codec has its bit: found by asking the codec about every one."""
    found: dict[str, tuple[str, int]] = {}
    for state in ("state_0", "state_1", "state_2"):
        for bit in range(8):
            status = replace(wire.Status(0, 0, 0, 0, 0), **{state: 1 << bit})
            found |= dict.fromkeys(status.alarms, (state, 1 << bit))
    return found


_BITS = _alarm_bits()
