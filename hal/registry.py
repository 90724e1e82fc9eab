"""Which driver a name in the configuration means. Tables of text: a driver is imported only when a configuration uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Literal, Protocol, cast

from hal.ports import Bus, Device, Place, PolledBoard

Role = Literal["meter", "power", "secc", "reader", "insulation", "lock", "io"]
BusKind = Literal["can", "modbus", "plant"]
Current = Literal["dc", "ac"]


class BusClass(Protocol):
    """How a bus is made: without I/O, from its name, its decoded options and the place of its files."""

    Options: type[Any]
    kind: ClassVar[str]

    def __call__(self, name: str, options: Any, place: Place) -> Bus: ...


class PolledClass(Protocol):
    """How a board is made that is read at every look: without I/O."""

    Options: type[Any]

    def __call__(self, name: str, options: Any, place: Place) -> PolledBoard: ...


class DriverClass(Protocol):
    """How a device is made: without I/O; `bus` is its bus, or a `Place` for a device that has none.

    One with a serial port of its own takes one thing more: how the port is opened (`hal.bus.serial_port.OpenLink`).
    """

    Options: type[Any]
    bus_kind: ClassVar[str | None]

    def __call__(self, name: str, options: Any, bus: Any, *open_link: Any) -> Device: ...


@dataclass(frozen=True, slots=True)
class BusEntry:
    """A row of `BUSES`. `preset` holds the options that the name itself decides."""

    target: str  # "module:Class"
    kind: BusKind
    preset: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A row of `DEVICES`. `role` is what the device can be to a connector, `bus_kind` what it hangs on, `current` the only kind it fits.

    has_lines: it is a board too, with lines that the gate or others may own; polled: the same board for who has no event loop.
    """

    target: str  # "module:Class"
    role: Role
    bus_kind: BusKind | None = None
    current: Current | None = None
    has_lines: bool = False
    polled: str = ""  # "module:Class"; empty: its lines are in the daemon's own process


BUSES: Mapping[str, BusEntry] = {
    "socketcan": BusEntry("hal.bus.can:CanBus", "can", {"interface": "socketcan"}),
    "udp_multicast": BusEntry("hal.bus.can:CanBus", "can", {"interface": "udp_multicast"}),
    "slcan": BusEntry("hal.bus.can:CanBus", "can", {"interface": "slcan"}),
    "virtual": BusEntry("hal.bus.can:CanBus", "can", {"interface": "virtual"}),
    "modbus-rtu": BusEntry("hal.bus.modbus:ModbusBus", "modbus", {"framer": "rtu"}),
    "modbus-tcp": BusEntry("hal.bus.modbus:ModbusBus", "modbus", {"framer": "tcp"}),
    "mock-plant": BusEntry("hal.mock.plant_bus:PlantBus", "plant"),
}

DEVICES: Mapping[str, DeviceEntry] = {
    "modbus-map": DeviceEntry("hal.meter.modbus_map:ModbusMapMeter", "meter", "modbus"),
    "infypower-v113": DeviceEntry("hal.power.infypower_v113:InfypowerV113", "power", "can", "dc"),
    "infypower-beg": DeviceEntry("hal.power.infypower_beg:InfypowerBeg", "power", "can", "dc"),
    "protocol-060": DeviceEntry("hal.power.protocol_060:Protocol060", "power", "can", "dc"),
    "uugreenpower": DeviceEntry("hal.power.uugreenpower:UuGreenPower", "power", "can", "dc"),
    "advantics-evse": DeviceEntry("hal.secc.advantics_evse:AdvanticsEvse", "secc", "can", "dc"),
    "bender-isocha425hv": DeviceEntry("hal.insulation.bender_isocha:BenderIsoCha", "insulation", "modbus", "dc"),
    "pilot-board": DeviceEntry(
        "hal.secc.pilot_board:PilotBoard", "secc", current="ac", has_lines=True, polled="hal.secc.polled_pilot_board:PolledPilotBoard"
    ),
    "pn532": DeviceEntry("hal.reader.pn532:Pn532Reader", "reader"),
    "rdm6300": DeviceEntry("hal.reader.rdm6300:Rdm6300Reader", "reader"),
    "elatec-twn4": DeviceEntry("hal.reader.twn4:Twn4Reader", "reader"),
    "line-reader": DeviceEntry("hal.reader.line:LineReader", "reader"),
    "gpio": DeviceEntry("hal.io.gpio:GpioIo", "io", has_lines=True, polled="hal.io.polled_board:PolledBoard"),
    "mock-meter": DeviceEntry("hal.mock.mock_meter:MockMeter", "meter", "plant"),
    "mock-power": DeviceEntry("hal.mock.dc_devices:MockPower", "power", "plant", "dc"),
    "mock-secc": DeviceEntry("hal.mock.dc_devices:MockSecc", "secc", "plant", "dc"),
    "mock-pilot": DeviceEntry("hal.mock.ac_devices:MockPilot", "secc", "plant", "ac"),
    "mock-reader": DeviceEntry("hal.mock.devices:MockReader", "reader", "plant"),
    "mock-insulation": DeviceEntry("hal.mock.dc_devices:MockInsulation", "insulation", "plant", "dc"),
    "mock-lock": DeviceEntry("hal.mock.devices:MockLock", "lock", "plant"),
    "mock-io": DeviceEntry("hal.mock.mock_io:MockIo", "io", "plant", has_lines=True),
}


def bus_class(name: str) -> BusClass:
    """The class behind a bus type. Raises KeyError for a name that is not in `BUSES`."""
    return cast("BusClass", imported(BUSES[name].target))


def driver_class(name: str) -> DriverClass:
    """The class behind a driver name. Raises KeyError for a name that is not in `DEVICES`."""
    return cast("DriverClass", imported(DEVICES[name].target))


def polled_class(name: str) -> PolledClass:
    """The class behind a driver name for who has no event loop. Raises KeyError for a driver that has none."""
    if not DEVICES[name].polled:
        raise KeyError(name)
    return cast("PolledClass", imported(DEVICES[name].polled))


def resolve(name: str) -> BusClass | DriverClass:
    """The class behind any name of the two tables. Raises KeyError for an unknown one."""
    return bus_class(name) if name in BUSES else driver_class(name)


def imported(target: str) -> object:
    """What a row of a table names, "module:Class"."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
