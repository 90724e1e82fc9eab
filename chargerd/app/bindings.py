"""Buses, devices, connectors and safety lines, and whether they fit together: everything that spans more than one section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, TypeVar

from chargerd.core.settings import MODE3_MAX_CURRENT_A, MODE3_MIN_CURRENT_A, ConnectorKind, ConnectorSettings
from chargerd.safety.options import Line, SafetyConfig, SafetySection, can_be_guarded, is_guarded
from hal.options import Node, decode, nearest
from hal.registry import BUSES, DEVICES, BusClass, DeviceEntry, DriverClass, Role, bus_class, driver_class
from hal.types import Range

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BusConfig:
    """One entry of `buses:`, ready for `cls(name, options, place)`."""

    name: str
    type: str
    kind: str
    cls: BusClass
    options: object


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One entry of `devices:`, ready for `cls(name, options, bus or place)`."""

    name: str
    driver: str
    role: Role
    bus: str | None
    cls: DriverClass
    options: object


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """One entry of `connectors:`. Names are those of devices; `insulation` may be a line of a board, `lock` and `indicator` its parts.

    On AC, `power` and `insulation` are None.
    """

    settings: ConnectorSettings
    secc: str
    power: str | None
    meter: str
    contactor: Line
    insulation: str | Line | None
    reader: str | None
    lock: str | Line | None
    residual_current: Line | None
    over_temperature: Line | None
    indicator: Line | None
    module_enable: Line | None = None

    @property
    def number(self) -> int:
        """The connector's number."""
        return self.settings.id


@dataclass(frozen=True, slots=True, kw_only=True)
class _ConnectorSection:
    id: Annotated[int, Range(1, 32)]
    secc: str
    meter: str
    contactor: str
    type: ConnectorKind = ConnectorKind.CCS2
    power: str | None = None
    insulation: str | None = None
    reader: str | None = None
    lock: str | None = None
    indicator: str | None = None
    residual_current: str | None = None
    over_temperature: str | None = None
    module_enable: str | None = None


class Binder:
    """Reads the four sections of a document's root; what it found wrong is in `problems` and `warnings`."""

    def __init__(self, root: Node) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.buses: dict[str, BusConfig] = {}
        self.devices: dict[str, DeviceConfig] = {}
        self.connectors: list[ConnectorConfig] = []
        self.safety = SafetyConfig()
        self._root = root
        self._users: dict[str, str] = {}  # device -> who has it to itself
        self._boards: set[str] = set()  # devices with a line that somebody uses
        self._lines: dict[Line, str] = {}
        for name, node in self._section("buses").items():
            self._read_bus(name, node)
        for name, node in self._section("devices").items():
            self._read_device(name, node)
        self._read_connectors()
        self._read_safety()
        self._refuse_double_use()
        self._note_unused()

    def _section(self, name: str) -> Mapping[str, Node]:
        node = self._root.items.get(name)
        if node is None:
            return {}
        if not isinstance(node.value, Mapping):
            self.problems.append(node.at(f"{name}: should be a mapping from names to their options"))
        return node.items

    def _decode(self, node: Node, cls: type[T], where: str) -> T | None:
        value, problems = decode(node, cls, where)
        self.problems += problems
        return value

    def _word(self, node: Node, key: str, where: str, known: list[str]) -> str | None:
        """The text under `key` when it is one of the known words."""
        entry = node.items.get(key)
        if entry is None:
            self.problems.append(node.at(f"{where}: missing key {key!r}; {nearest('', known)}"))
        elif not isinstance(entry.value, str) or entry.value not in known:
            self.problems.append(entry.at(f"{where}.{key}: unknown {key} {entry.value!r}; {nearest(str(entry.value), known)}"))
        else:
            return entry.value
        return None

    # --- buses and devices --------------------------------------------------------------------------------------------------------

    def _read_bus(self, name: str, node: Node) -> None:
        where = f"buses.{name}"
        kind = self._word(node, "type", where, list(BUSES))
        if kind is None:
            return
        entry = BUSES[kind]
        for preset in entry.preset:
            if preset in node.items:
                self.problems.append(node.items[preset].at(f"{where}.{preset}: is decided by the type already; leave it out"))
        try:
            cls = bus_class(kind)
        except ImportError as error:
            self.problems.append(node.at(f"{where}: bus type {kind} cannot be loaded: {error}"))
            return
        options = self._decode(node.without("type", *entry.preset).put(**entry.preset), cls.Options, where)
        if options is not None:
            self.buses[name] = BusConfig(name, kind, entry.kind, cls, options)

    def _read_device(self, name: str, node: Node) -> None:
        where = f"devices.{name}"
        if "." in name:
            self.problems.append(node.at(f"{where}: a device's name should have no dot in it"))
        driver = self._word(node, "driver", where, list(DEVICES))
        if driver is None:
            return
        entry = DEVICES[driver]
        bus = self._bus_of(node, where, driver, entry.bus_kind)
        try:
            cls = driver_class(driver)
        except ImportError as error:
            self.problems.append(node.at(f"{where}: driver {driver} cannot be loaded: {error}"))
            return
        options = self._decode(node.without("driver", "bus"), cls.Options, where)
        if options is not None:
            self.devices[name] = DeviceConfig(name, driver, entry.role, bus, cls, options)

    def _bus_of(self, node: Node, where: str, driver: str, kind: str | None) -> str | None:
        if kind is None:
            if "bus" in node.items:
                self.problems.append(node.items["bus"].at(f"{where}.bus: driver {driver} hangs on no bus; leave it out"))
            return None
        named = self._section("buses")
        bus = self._word(node, "bus", where, list(named))
        types = [type_ for type_, entry in BUSES.items() if entry.kind == kind]
        if bus is not None:
            given = named[bus].items.get("type")
            if given is not None and given.value in BUSES and given.value not in types:
                words = f"driver {driver} needs a bus of type {' or '.join(types)}; {bus} is {given.value}"
                self.problems.append(node.items["bus"].at(f"{where}.bus: {words}"))
        return bus

    # --- connectors and safety ------------------------------------------------------------------------------------------------------

    def _read_connectors(self) -> None:
        node = self._root.items.get("connectors")
        if node is None:
            return
        if not isinstance(node.value, tuple) or not node.value:
            self.problems.append(node.at("connectors: should be a list with at least one connector"))
            return
        numbers: list[int] = []
        for index, entry in enumerate(node.value):
            where = f"connectors[{index}]"
            limits = entry.items.get("limits", Node({}, entry.file, entry.line))
            section = self._decode(entry.without("limits") if isinstance(entry.value, Mapping) else entry, _ConnectorSection, where)
            for taken in ("id", "kind", "has_lock"):
                if taken in limits.items:
                    self.problems.append(limits.items[taken].at(f"{where}.limits.{taken}: unknown key; {nearest(taken, _LIMITS)}"))
            if section is None:
                continue
            if section.id in numbers:
                self.problems.append(entry.items["id"].at(f"{where}.id: connector {section.id} is here for the second time"))
            numbers.append(section.id)
            preset = limits.put(id=section.id, kind=section.type.value, has_lock=section.lock is not None)
            settings = self._decode(preset, ConnectorSettings, f"{where}.limits")
            if settings is not None and section.type.is_ac and not MODE3_MIN_CURRENT_A <= settings.max_current_a <= MODE3_MAX_CURRENT_A:
                at = limits.items.get("max_current_a", limits)
                words = f"on AC it is needed, from {MODE3_MIN_CURRENT_A:g} to {MODE3_MAX_CURRENT_A:g} A, which a control pilot can offer"
                self.problems.append(at.at(f"{where}.limits.max_current_a: {words}"))
            self._bind(entry, where, section, settings)
        missing = set(range(1, len(node.value) + 1)) - set(numbers)
        if missing and len(numbers) == len(node.value):
            gaps = ", ".join(str(one) for one in sorted(missing))
            self.problems.append(node.at(f"connectors: ids should run from 1 without gaps; missing: {gaps}"))

    def _bind(self, node: Node, where: str, section: _ConnectorSection, settings: ConnectorSettings | None) -> None:
        user = f"connector {section.id}"
        self._device(node, "secc", where, "secc", user, section.type)
        if self._is_for_dc(node, "power", where, section.type):
            self._device(node, "power", where, "power", user, section.type)
        self._device(node, "meter", where, "meter", user, section.type)
        if section.reader is not None:
            self._device(node, "reader", where, "reader", None)
        lock: str | Line | None = section.lock
        if "." in str(section.lock):
            lock = self._part(node, "lock", where, "connector_lock")
        elif section.lock is not None:
            self._device(node, "lock", where, "lock", user)
        insulation: str | Line | None = section.insulation
        if self._is_for_dc(node, "insulation", where, section.type):
            if "." in str(section.insulation):
                insulation = self._line(node, "insulation", where)
            else:
                self._device(node, "insulation", where, "insulation", user, section.type)
        indicator = self._part(node, "indicator", where, "indicator") if section.indicator is not None else None
        contactor = self._line(node, "contactor", where)
        residual_current, over_temperature = (self._optional_line(node, key, where) for key in ("residual_current", "over_temperature"))
        module_enable = None
        if "module_enable" in node.items and self._is_for_dc(node, "module_enable", where, section.type):
            module_enable = self._optional_line(node, "module_enable", where)
        if settings is not None and contactor is not None:
            self.connectors.append(
                ConnectorConfig(
                    settings,
                    section.secc,
                    section.power,
                    section.meter,
                    contactor,
                    insulation,
                    section.reader,
                    lock,
                    residual_current,
                    over_temperature,
                    indicator,
                    module_enable,
                )
            )

    def _is_for_dc(self, node: Node, key: str, where: str, kind: ConnectorKind) -> bool:
        """Whether the connector has a device that DC needs and AC has not; a problem when it is there or missing against its type."""
        at = node.items.get(key)
        if at is None and not kind.is_ac:
            self.problems.append(node.at(f"{where}: missing key {key!r}"))
        if at is not None and kind.is_ac:
            self.problems.append(at.at(f"{where}.{key}: a connector of type {kind.value} gives AC and has none; leave it out"))
        return at is not None and not kind.is_ac

    def _read_safety(self) -> None:
        node = self._root.items.get("safety", Node({}, self._root.file, self._root.line))
        section = self._decode(node, SafetySection, "safety")
        if section is None:
            return
        estop, door, mains = (self._optional_line(node, key, "safety") for key in ("estop", "door", "mains"))
        if section.estop is None:
            self.warnings.append(node.at("safety: no estop line is named; the station has no emergency stop that software sees"))
        guarded = is_guarded(section.guard, self._gate_boards(estop, door, mains), self._root)
        self.safety = SafetyConfig(estop, door, mains, section.gate, guarded, section.guard_socket)
        self._check_guard(node, section)

    def _gate_boards(self, *stops: Line | None) -> list[DeviceConfig]:
        """The boards with lines that the gate owns."""
        lines = [line for one in self.connectors for line in (one.contactor, one.module_enable, one.residual_current, one.over_temperature)]
        names = dict.fromkeys(line.device for line in (*lines, *stops) if line is not None)
        return [self.devices[name] for name in names if name in self.devices]

    def _check_guard(self, node: Node, section: SafetySection) -> None:
        boards = self._gate_boards(self.safety.estop, self.safety.door, self.safety.mains)
        at = node.items.get("guard", node)
        if self.safety.is_guarded:
            for bare in (one for one in self.connectors if "sim" not in self._root.items and _opens_under_load(one)):
                words = f"connector {bare.number} has no module_enable: when the daemon is lost, its contactor opens under load"
                self.warnings.append(at.at(f"safety: {words}"))
            for board in (one for one in boards if not can_be_guarded(one.driver)):
                words = f"{board.name} has its lines in the daemon's own process ({board.driver}); write guard: inside"
                self.problems.append(at.at(f"safety.guard: {words}"))
        elif section.guard == "inside" and is_guarded("auto", boards, self._root):
            self.warnings.append(at.at("safety.guard: with `inside`, nobody opens real contactors when the daemon hangs"))

    def _device(self, node: Node, key: str, where: str, role: Role, user: str | None, kind: ConnectorKind | None = None) -> None:
        """Check that the device under `key` exists, fits, and is nobody else's (`user` None: it may be shared)."""
        at = node.items[key]
        fitting = [name for name, one in self._section("devices").items() if self._role(one) == role]
        name = str(at.value)
        if name not in self._section("devices"):
            self.problems.append(at.at(f"{where}.{key}: there is no device {name!r}; {nearest(name, fitting)}"))
            return
        entry = self._entry(self._section("devices")[name])
        if entry is not None and entry.role != role:
            self.problems.append(at.at(f"{where}.{key}: {name} is a device of kind {entry.role}, not {role}; {nearest(name, fitting)}"))
        elif entry is not None and kind is not None and entry.current not in (None, "ac" if kind.is_ac else "dc"):
            words = f"{name} is made for {str(entry.current).upper()}, which a connector of type {kind.value} does not give"
            self.problems.append(at.at(f"{where}.{key}: {words}"))
        elif user is not None and name in self._users:
            self.problems.append(at.at(f"{where}.{key}: {name} is bound to {self._users[name]} already"))
        else:
            self._users.setdefault(name, user or "several")

    def _entry(self, device: Node) -> DeviceEntry | None:
        """The driver of a device, as far as it is known."""
        driver = device.items.get("driver")
        return DEVICES.get(str(driver.value)) if driver is not None else None

    def _role(self, device: Node) -> Role | None:
        entry = self._entry(device)
        return entry.role if entry is not None else None

    def _optional_line(self, node: Node, key: str, where: str) -> Line | None:
        """The line under `key`, where one is named."""
        named = node.items.get(key)
        return None if named is None or named.value is None else self._line(node, key, where)

    def _line(self, node: Node, key: str, where: str) -> Line | None:
        """The line under `key`, when its board has it and nobody else uses it."""
        at = node.items[key]
        line = self._on_board(at, key, where, "k1")
        lines = self._lines_of(line) if line is not None else None
        if line is not None and lines is not None and line.label not in lines:
            self.problems.append(at.at(f"{where}.{key}: {line.device} has no line {line.label!r}; {nearest(line.label, lines)}"))
            return None
        return self._taken(at, line, f"{where}.{key}") if line is not None else None

    def _part(self, node: Node, key: str, where: str, maker: str) -> Line | None:
        """The part of a board under `key`: all its lines begin with the part's label, and nobody else uses them. `maker`: who makes it."""
        at = node.items[key]
        part = self._on_board(at, key, where, f"{key}1")
        if part is None or part.device not in self.devices:
            return part
        if not hasattr(self.devices[part.device].cls, maker):
            self.problems.append(at.at(f"{where}.{key}: {part.device} is a board that has no such part"))
            return None
        lines = self._lines_of(part)
        own = [part.label] if lines is None else [label for label in lines if label.startswith(f"{part.label}_")]
        if not own:
            parts = sorted({label.rpartition("_")[0] for label in lines or () if "_" in label})
            self.problems.append(at.at(f"{where}.{key}: {part.device} has no lines {part.label}_...; {nearest(part.label, parts)}"))
            return None
        for label in own:
            self._taken(at, Line(part.device, label), f"{where}.{key}")
        return part

    def _on_board(self, at: Node, key: str, where: str, example: str) -> Line | None:
        """What `at` names, when that is something of a board."""
        name, _, label = str(at.value).partition(".")
        boards = [board for board, one in self._section("devices").items() if (entry := self._entry(one)) and entry.has_lines]
        if not label or name not in boards:
            said = f"should be a line of an I/O board, such as {boards[0] if boards else 'io'}.{label or example}, not {at.value!r}"
            self.problems.append(at.at(f"{where}.{key}: {said}"))
            return None
        self._boards.add(name)
        return Line(name, label)

    def _lines_of(self, line: Line) -> list[str] | None:
        """All lines of its board; None: it has every line somebody names, as a mock board has."""
        board = self.devices.get(line.device)
        lines = getattr(board.options, "lines", None) if board is not None else None
        return None if lines is None else sorted(lines)

    def _taken(self, at: Node, line: Line, user: str) -> Line:
        """The line, from now on the user's."""
        if line in self._lines:
            self.problems.append(at.at(f"{user}: line {line} is used by {self._lines[line]} already"))
        self._lines.setdefault(line, user)
        return line

    # --- what spans everything --------------------------------------------------------------------------------------------------------

    def _refuse_double_use(self) -> None:
        taken: dict[object, str] = {}
        sections: list[tuple[str, str, object, DeviceConfig | None]] = [
            ("buses", name, one.options, None) for name, one in self.buses.items()
        ]
        sections += [("devices", name, one.options, one) for name, one in self.devices.items()]
        for section, name, options, device in sections:
            where = f"{section}.{name}"
            for key, claim, words in _claims(options, device):
                if claim in taken:
                    node = self._root.find((section, name, key))
                    self.problems.append(node.at(f"{where}.{key}: {words} is used by {taken[claim]} already"))
                taken.setdefault(claim, where)

    def _note_unused(self) -> None:
        for name, node in self._section("devices").items():
            if name not in self._users.keys() | self._boards:
                self.warnings.append(node.at(f"devices.{name}: no connector and no safety line uses this device"))
        used = {one.bus for one in self.devices.values()}
        for name, node in self._section("buses").items():
            if name not in used:
                self.warnings.append(node.at(f"buses.{name}: no device hangs on this bus"))


def _opens_under_load(connector: ConnectorConfig) -> bool:
    return not connector.settings.kind.is_ac and connector.module_enable is None


_LIMITS = [one.name for one in fields(ConnectorSettings) if one.name not in ("id", "kind", "has_lock")]


def _claims(options: object, device: DeviceConfig | None) -> Iterator[tuple[str, object, str]]:
    """What nobody else may use: the option it stands in, a value to compare by, and words."""
    port = getattr(options, "port", None)
    channel = getattr(options, "channel", None) or getattr(options, "host", None)
    if isinstance(port, str | Path):
        yield "port", ("serial", str(port)), f"serial port {port}"
    elif channel is not None:
        yield "channel", ("channel", str(channel), port), f"channel {channel}"
    if device is None:
        return
    unit = getattr(options, "unit", None)
    if unit is not None:
        yield "unit", (device.bus, "unit", unit), f"unit id {unit} on {device.bus}"
    for key in ("outlet", "connector"):
        number = getattr(options, key, None)
        if number is not None:
            yield key, (device.bus, device.driver, key, number), f"{key} {number} of {device.driver} on {device.bus}"
    for address in getattr(options, "addresses", ()):
        yield "addresses", (device.bus, device.driver, "address", address), f"module address {address} on {device.bus}"
