"""What a configuration key is made of, and what the values of keys follow from: the station as it is built and declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from chargerd.core.metering import REGISTER
from chargerd.core.settings import ConnectorSettings
from chargerd.ocpp.measurands import measured, with_phases
from chargerd.ocpp.options import OcppOptions

Value = bool | int | tuple[str, ...]
"""What a key holds; a tuple is a comma-separated list."""

LONGEST_VALUE = 500
"""Characters of a value as it travels (OCPP 1.6, 7.29 KeyValue)."""

_PHASE_ROTATIONS = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
_USUALLY_SAMPLED = (REGISTER, "Power.Active.Import", "Current.Import", "Voltage", "SoC")


class Access(Enum):
    """What the central system may do with a key."""

    READ = "read"
    WRITE = "read, write"
    EITHER = "read, write (or read)"  # OCPP leaves it to the product


class Effect(Enum):
    """When a change is felt. With REBOOT it is stored, shown, and answered RebootRequired; all others are answered Accepted."""

    NOW = "now"
    NEXT = "next occasion"
    RECONNECT = "after a reconnect"
    REBOOT = "after a restart"


@dataclass(frozen=True, slots=True)
class Station:
    """What the values of keys depend on beside the settings."""

    options: OcppOptions
    connectors: tuple[ConnectorSettings, ...]

    @property
    def has_lock(self) -> bool:
        """A lock of the station's own (a socket); a fixed cable has none."""
        return any(connector.has_lock for connector in self.connectors)

    @property
    def sampled(self) -> tuple[str, ...]:
        """The measurands declared for samples in a transaction."""
        return self.options.sampled_measurands or measured(self.connectors)

    @property
    def aligned(self) -> tuple[str, ...]:
        """The measurands declared for clock-aligned readings."""
        return self.options.aligned_measurands or self.sampled

    def items(self, measurands: Sequence[str]) -> Sequence[str]:
        """What a list of measurands may hold: where meters tell three phases apart, one phase of them too."""
        has_phases = any(one.kind.is_ac and one.phases > 1 for one in self.connectors)
        return with_phases(measurands) if has_phases else measurands


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One row.

    meaning: for the technician, in a sentence. field: of `Settings`; None for a key that is `shown`. feature: the field of `Features`
    without which the station lacks the key; an optional key without a feature can be hidden by `ocpp.absent_keys`. choices: what a list
    may hold. most: its longest length. built: the factory value, where it follows from what is built. fixed: the only value that what is
    built allows; None for any.
    """

    name: str
    meaning: str
    field: str | None = None
    access: Access = Access.WRITE
    effect: Effect = Effect.NOW
    is_required: bool = True
    feature: str | None = None
    choices: Callable[[Station], Iterable[str]] | None = None
    most: Callable[[Station], int] | None = None
    built: Callable[[Station], Value] | None = None
    fixed: Callable[[Station], Value | None] = lambda _: None
    shown: Callable[[Station], Value] | None = None


# --- what follows from the station -----------------------------------------------------------------------------------------------------


def sampled(station: Station) -> Iterable[str]:
    return station.items(station.sampled)


def aligned(station: Station) -> Iterable[str]:
    return station.items(station.aligned)


def sampled_list(station: Station) -> int:
    return station.options.meter_values_list_max_length or len(station.sampled)


def aligned_list(station: Station) -> int:
    return station.options.meter_values_list_max_length or len(station.aligned)


def stop_sampled_list(station: Station) -> int:
    return station.options.stop_txn_list_max_length or len(station.sampled)


def stop_aligned_list(station: Station) -> int:
    return station.options.stop_txn_list_max_length or len(station.aligned)


def usually_sampled(station: Station) -> Value:
    return tuple(name for name in _USUALLY_SAMPLED if name in station.sampled)[: sampled_list(station)]


def rotations(station: Station) -> Iterable[str]:
    return (f"{number}.{word}" for number in range(len(station.connectors) + 1) for word in _PHASE_ROTATIONS)


def rotation_list(station: Station) -> int:
    return len(station.connectors) + 1


def rotations_built(station: Station) -> Value:
    """What holds until somebody says more: direct current has no phases, and one phase does not rotate."""
    each = ["Unknown" if one.kind.is_ac and one.phases > 1 else "NotApplicable" for one in station.connectors]
    whole = "NotApplicable" if set(each) == {"NotApplicable"} else "Unknown"
    return _fitting([f"{number}.{word}" for number, word in enumerate([whole, *each])])


def _fitting(items: Sequence[str]) -> tuple[str, ...]:
    """As many items as one value may hold."""
    while len(",".join(items)) > LONGEST_VALUE:
        items = items[:-1]
    return tuple(items)
