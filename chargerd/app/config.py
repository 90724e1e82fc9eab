"""The shape of the whole configuration file, and its reading: `load` gives a `Config` or every problem at once.

Three kinds of sections: buses exist, devices are bound to buses, connectors bind devices by name. Each section is decoded by the
dataclass that owns it; what goes across sections is checked in `bindings.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import chargerd
from chargerd.app.bindings import Binder, BusConfig, ConnectorConfig, DeviceConfig
from chargerd.core.settings import Policy, Settings, StationSettings, Timing
from chargerd.journal.records import JournalOptions
from chargerd.ocpp.options import OcppOptions, StationIdentity
from chargerd.ocpp.v16.key_values import KeyTable
from chargerd.safety.options import SafetyConfig
from hal.errors import ConfigError
from hal.options import Document, Node, decode, nearest
from hal.types import Range

if TYPE_CHECKING:
    from chargerd.app.sim_section import SimSection

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSection:
    """The `station:` section: who the station is and what its supply allows."""

    id: str  # the last part of the OCPP URL
    vendor: str
    model: str
    serial_number: str = ""
    charge_box_serial_number: str = ""
    firmware_version: str = chargerd.__version__
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""
    max_power_w: Annotated[float, Range(1000, 10_000_000, "W")] = 240_000.0
    communication: tuple[Literal["ethernet", "mobile", "wifi"], ...] = ()  # ways to the central system, for the PICS

    def __post_init__(self) -> None:
        _ = self.identity  # checks the lengths

    @property
    def identity(self) -> StationIdentity:
        """The same for the OCPP side. Raises ValueError where a text is too long."""
        return StationIdentity(
            identity=self.id,
            vendor=self.vendor,
            model=self.model,
            charge_point_serial_number=self.serial_number,
            charge_box_serial_number=self.charge_box_serial_number,
            firmware_version=self.firmware_version,
            iccid=self.iccid,
            imsi=self.imsi,
            meter_type=self.meter_type,
            meter_serial_number=self.meter_serial_number,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SecuritySection:
    """The part of `ocpp:` that says how the link is secured."""

    security_profile: Annotated[int, Range(0, 0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSection:
    """The `control:` section. A relative socket stands in the runtime directory."""

    socket: Path = Path("control.sock")
    read_group: str = "chargerd"
    change_group: str = "chargerd-service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration that holds together. The positions tell where each device stands, as `file:line`."""

    path: Path
    station: StationSection
    buses: tuple[BusConfig, ...]
    devices: tuple[DeviceConfig, ...]
    connectors: tuple[ConnectorConfig, ...]
    safety: SafetyConfig
    ocpp: OcppOptions
    factory: Settings  # the changeable settings as delivered, `ocpp.keys` applied
    device_positions: Mapping[str, str]
    policy: Policy
    timing: Timing
    journal: JournalOptions
    control: ControlSection
    sim: SimSection | None  # of no use to the daemon itself
    warnings: tuple[str, ...]  # "file:line: message"

    def station_settings(self) -> StationSettings:
        """What the core is built from."""
        connectors = tuple(one.settings for one in self.connectors)
        return StationSettings(
            connectors=connectors, max_power_w=self.station.max_power_w, settings=self.factory, timing=self.timing, policy=self.policy
        )

    def shown(self) -> dict[str, object]:
        """The settings beside OCPP keys by dotted name, such as `timing.lock_s`, for the technician."""
        sections: dict[str, Any] = {"station": self.station, "ocpp": self.ocpp, "policy": self.policy, "timing": self.timing}
        sections |= {"ocpp.features": self.ocpp.features, "safety": self.safety.gate, "journal": self.journal, "control": self.control}
        sections |= {"policy.offline": self.policy.offline, "policy.unprofiled": self.policy.unprofiled}
        for one in self.connectors:
            sections |= {f"connectors.{one.settings.id}": one.settings, f"connectors.{one.settings.id}.derating": one.settings.derating}
        return {
            f"{name}.{one.name}": getattr(part, one.name)
            for name, part in sections.items()
            for one in fields(part)
            if one.name != "keys" and not is_dataclass(getattr(part, one.name))
        }

    def placed(self, problem: str) -> str:
        """What a part says of its own options ("io: line k1 ..."), with the `file:line` of that part before it."""
        if re.match(r"[^\s:]+:\d+: ", problem):
            return problem
        return f"{self.device_positions.get(problem.partition(':')[0]) or f'{self.path}:1'}: {problem}"


_REQUIRED = ("station", "devices", "connectors", "ocpp")
_OPTIONAL = ("buses", "safety", "policy", "timing", "journal", "control", "sim")


def load(path: Path) -> Config:
    """Read and check the whole configuration; opens nothing but the files themselves.

    Raises ConfigError with every problem as `file:line: message`, in the order of the files.
    """
    root = Document.load(path).root
    problems = [root.at(f"missing section {name!r}") for name in _REQUIRED if name not in root.items]

    def section(name: str, cls: type[T]) -> T | None:
        value, found = decode(root.items.get(name, Node({}, root.file, root.line)), cls, name)
        problems.extend(found)
        return value

    for name, node in root.items.items():
        if name not in _REQUIRED + _OPTIONAL:
            problems.append(node.at(f"{name}: unknown section; {nearest(name, [*_REQUIRED, *_OPTIONAL])}"))
    station = section("station", StationSection) if "station" in root.items else None
    ocpp = _read_ocpp(root.items["ocpp"], problems) if "ocpp" in root.items else None
    policy, timing = section("policy", Policy), section("timing", Timing)
    journal, control = section("journal", JournalOptions), section("control", ControlSection)
    sim = _read_sim(root.items["sim"], problems) if "sim" in root.items else None
    binder = Binder(root)
    problems += binder.problems
    factory = _factory_settings(root, ocpp, binder, problems) if ocpp is not None else Settings()
    if problems or station is None or ocpp is None or policy is None or timing is None or journal is None or control is None:
        raise ConfigError(_in_order(problems))
    return Config(
        path=path,
        station=station,
        buses=tuple(binder.buses.values()),
        devices=tuple(binder.devices.values()),
        connectors=tuple(binder.connectors),
        safety=binder.safety,
        ocpp=ocpp,
        factory=factory,
        device_positions=_positions(root.items.get("devices")),
        policy=policy,
        timing=timing,
        journal=journal,
        control=control,
        sim=sim,
        warnings=tuple(binder.warnings),
    )


def _read_ocpp(node: Node, problems: list[str]) -> OcppOptions | None:
    profile = {key: one for key, one in node.items.items() if key == "security_profile"}
    problems += decode(Node(profile, node.file, node.line), _SecuritySection, "ocpp")[1]
    options, found = decode(node.without("security_profile") if isinstance(node.value, Mapping) else node, OcppOptions, "ocpp")
    problems += found
    return options


def _factory_settings(root: Node, ocpp: OcppOptions, binder: Binder, problems: list[str]) -> Settings:
    """`ocpp.keys` over the defaults; what does not fit is reported where it stands, beside all other problems."""
    try:
        return KeyTable(ocpp, [one.settings for one in binder.connectors]).factory()
    except ConfigError as error:
        for problem in error.problems:
            option, _, _ = problem.partition(":")  # such as "ocpp.keys.HeartbeatInterval"
            problems.append(root.find(tuple(option.split("."))).at(problem))
        return Settings()


def _read_sim(node: Node, problems: list[str]) -> SimSection | None:
    from chargerd.app.sim_section import SimSection  # the plant is imported only by who simulates

    section, found = decode(node, SimSection, "sim")
    problems += found
    return section


def _positions(node: Node | None) -> dict[str, str]:
    return {name: f"{one.file}:{one.line}" for name, one in node.items.items()} if node is not None else {}


def _in_order(problems: list[str]) -> list[str]:
    """Without repetition, by file and line."""

    def place(problem: str) -> tuple[str, int]:
        file, line, _ = problem.split(":", 2)
        return file, int(line)

    return sorted(dict.fromkeys(problems), key=place)
