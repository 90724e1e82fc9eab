"""The safety lines of the configuration, and the share of the file that the guard reads.

The guard reads the same file as the daemon and checks nothing else in it: that is the daemon's business, and `chargerd check` does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeVar

from chargerd.safety.gate import GateOptions
from hal.errors import ConfigError
from hal.io.united import united
from hal.options import Document, Node, decode
from hal.ports import Place, Relay, SafetyIo, SafetyLines
from hal.registry import DEVICES, polled_class
from hal.types import Range

SOCKET = Path("/run/chargerd-guard/guard.sock")

T = TypeVar("T")

Where = Literal["auto", "process", "inside"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an I/O board, written `io.k1`, or a part that has several, `io.lock1`."""

    device: str
    label: str

    def __str__(self) -> str:
        return f"{self.device}.{self.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetySection(GateOptions):
    """The `safety:` section. `guard`: where the gate runs. A relative `guard_socket` stands in the runtime directory."""

    estop: str | None = None
    door: str | None = None
    mains: str | None = None
    guard: Where = "auto"
    guard_socket: Path = SOCKET

    @property
    def gate(self) -> GateOptions:
        """What the gate judges by."""
        return GateOptions(**{one.name: getattr(self, one.name) for one in fields(GateOptions)})


@dataclass(frozen=True, slots=True)
class SafetyConfig:
    """The `safety:` section, its lines looked up. is_guarded: the gate is a process of its own."""

    estop: Line | None = None
    door: Line | None = None
    mains: Line | None = None
    gate: GateOptions = field(default_factory=GateOptions)
    is_guarded: bool = False
    guard_socket: Path = SOCKET


class ConnectorLines(Protocol):
    """What the gate owns of one connector."""

    @property
    def number(self) -> int: ...
    @property
    def contactor(self) -> Line: ...
    @property
    def module_enable(self) -> Line | None: ...
    @property
    def residual_current(self) -> Line | None: ...
    @property
    def over_temperature(self) -> Line | None: ...


def lines_by_board(connectors: Sequence[ConnectorLines], safety: SafetyConfig) -> dict[str, SafetyLines]:
    """What the gate owns of each board, in the order of the connectors."""
    named = [line for one in connectors for line in (one.contactor, one.module_enable, one.residual_current, one.over_temperature)]
    boards = dict.fromkeys(line.device for line in (*named, safety.estop, safety.door, safety.mains) if line is not None)

    def of_connectors(board: str, line_of: Callable[[ConnectorLines], Line | None]) -> dict[int, str]:
        lines = {one.number: line_of(one) for one in connectors}
        return {connector: line.label for connector, line in lines.items() if line is not None and line.device == board}

    def of_station(board: str, line: Line | None) -> str | None:
        return line.label if line is not None and line.device == board else None

    return {
        board: SafetyLines(
            contactors=of_connectors(board, lambda one: one.contactor),
            module_enable=of_connectors(board, lambda one: one.module_enable),
            residual_current=of_connectors(board, lambda one: one.residual_current),
            over_temperature=of_connectors(board, lambda one: one.over_temperature),
            estop=of_station(board, safety.estop),
            door=of_station(board, safety.door),
            mains=of_station(board, safety.mains),
        )
        for board in boards
    }


def can_be_guarded(driver: str) -> bool:
    """A process of its own can own the lines of such a board."""
    return bool(DEVICES[driver].polled)


class ConfiguredBoard(Protocol):
    """A device of the configuration that has lines of the gate."""

    @property
    def driver(self) -> str: ...
    @property
    def options(self) -> object: ...


def is_guarded(where: Where, boards: Sequence[ConfiguredBoard], root: Node) -> bool:
    """Whether the gate runs in a process of its own. boards: those that have lines of the gate; root: the whole configuration.

    `auto` decides by the lines: real ones are guarded. Those of a simulated board are in the daemon's process anyway, and a configuration
    with a `sim` section has a simulated world at the other end.
    """
    return where == "process" or (where == "auto" and "sim" not in root.items and any(not _is_simulated(one) for one in boards))


def _is_simulated(board: ConfiguredBoard) -> bool:
    return not can_be_guarded(board.driver) or getattr(board.options, "factory", None) == "mock"


# --- the guard's share ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connector:
    id: Annotated[int, Range(1, 32)]
    contactor: str
    module_enable: str | None = None
    residual_current: str | None = None
    over_temperature: str | None = None


@dataclass(frozen=True, slots=True)
class _Lines:
    number: int
    contactor: Line
    module_enable: Line | None
    residual_current: Line | None
    over_temperature: Line | None


@dataclass(frozen=True, slots=True)
class _Board:
    driver: str
    options: object


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """All a guard is built from. `socket`: as configured; relays: boards by name that the daemon's drivers talk to through the guard."""

    io: SafetyIo
    connectors: frozenset[int]
    gate: GateOptions
    socket: Path
    relays: Mapping[str, Relay] = field(default_factory=dict)
    enables: frozenset[int] = frozenset()  # connectors whose modules have an enable line


def load(path: Path, place: Place) -> GuardConfig:
    """Read the guard's share of a configuration; opens no line. Raises ConfigError with every problem as `file:line: message`."""
    return _Reader(Document.load(path).root, place).read()


class _Reader:
    def __init__(self, root: Node, place: Place) -> None:
        self._root = root
        self._place = place
        self._problems: list[str] = []
        self._relays: dict[str, Relay] = {}
        self._boards: list[_Board] = []

    def read(self) -> GuardConfig:
        node = self._root.items.get("safety", Node({}, self._root.file, self._root.line))
        section = self._decode(node, SafetySection, "safety")
        connectors = tuple(self._connectors())
        if section is not None and not connectors and not self._problems:
            self._problems.append(self._root.at("connectors: there is none to guard"))
        if section is None or self._problems:
            raise ConfigError(self._problems)
        estop, door, mains = (self._line(node, name, getattr(section, name)) for name in ("estop", "door", "mains"))
        boards = lines_by_board(connectors, SafetyConfig(estop, door, mains))
        made = [io for name, lines in boards.items() if (io := self._board(name, lines)) is not None]
        if not self._problems and not is_guarded(section.guard, self._boards, self._root):
            self._problems.append(node.at("safety.guard: the gate is inside the daemon by this configuration; there is nothing to guard"))
        if self._problems:
            raise ConfigError(self._problems)
        numbers = frozenset(one.number for one in connectors)
        enables = frozenset(one.number for one in connectors if one.module_enable is not None)
        return GuardConfig(united(made), numbers, section.gate, section.guard_socket, self._relays, enables)

    def _connectors(self) -> Iterator[_Lines]:
        node = self._root.items.get("connectors")
        entries = node.value if node is not None and isinstance(node.value, tuple) else ()
        known = [one.name for one in fields(_Connector)]
        for index, entry in enumerate(entries):
            own = Node({key: one for key, one in entry.items.items() if key in known}, entry.file, entry.line)
            section = self._decode(own, _Connector, f"connectors[{index}]")
            if section is None:
                continue
            contactor = self._line(entry, "contactor", section.contactor)
            if contactor is not None:
                others = (
                    self._line(entry, key, getattr(section, key)) for key in ("module_enable", "residual_current", "over_temperature")
                )
                yield _Lines(section.id, contactor, *others)

    def _line(self, node: Node, key: str, text: str | None) -> Line | None:
        if text is None:
            return None
        device, _, label = text.partition(".")
        if not label:
            self._problems.append(node.items[key].at(f"{key}: should be a line of an I/O board, such as io.k1, not {text!r}"))
            return None
        return Line(device, label)

    def _board(self, name: str, lines: SafetyLines) -> SafetyIo | None:
        where = f"devices.{name}"
        node = self._root.find(("devices", name))
        driver = node.items.get("driver")
        if driver is None or str(driver.value) not in DEVICES:
            self._problems.append(node.at(f"{where}: there is no such board, or its driver is not known"))
            return None
        if not can_be_guarded(str(driver.value)):
            self._problems.append(
                node.at(f"{where}: the lines of {driver.value} are in the daemon's own process; nobody else can guard them")
            )
            return None
        cls = polled_class(str(driver.value))
        options = self._decode(node.without("driver", "bus"), cls.Options, where)
        if options is None:
            return None
        self._boards.append(_Board(str(driver.value), options))
        board = cls(name, options, self._place)
        if isinstance(board, Relay):
            self._relays[name] = board
        try:
            return board.safety_io(lines)
        except ConfigError as error:
            self._problems += [node.at(problem) for problem in error.problems]
            return None

    def _decode(self, node: Node, cls: type[T], where: str) -> T | None:
        value, problems = decode(node, cls, where)
        self._problems += problems
        return value
