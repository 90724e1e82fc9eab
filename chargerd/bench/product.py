"""What the station under test is, as far as the choice of cases asks: its PICS, and the keys it shows.

A row that the PICS does not have (None) is decided from what the keys and the hardware show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key as GetConfiguration shows it."""

    value: str
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class Product:
    """`pics` in the layout of `chargerd pics`; `keys` by name."""

    pics: Mapping[str, Any]
    keys: Mapping[str, ShownKey] = field(default_factory=dict)

    def hardware(self, row: str) -> Any:
        """Value of a row of the hardware feature set, such as HFS-2."""
        return self.pics["hardware"]["features"].get(row, {}).get("value")

    def feature(self, row: str) -> bool | None:
        """Answer to a row of the Core options or of the optional features, such as C-04 or LA-0."""
        features = self.pics["features"]
        answer: bool | None = {**features["core"], **features["optional"]}.get(row)
        return answer

    def question(self, row: str) -> bool | None:
        """Answer to an additional question, such as AQ-7.2."""
        answer: bool | None = self.pics["additional_questions"].get(row)
        return answer

    def has(self, key: str) -> bool:
        """The station shows this key."""
        return key in self.keys

    def has_profile(self, name: str) -> bool:
        """The station shows this feature profile."""
        shown = self.keys.get("SupportedFeatureProfiles")
        return shown is not None and name in (one.strip() for one in shown.value.split(","))

    def number(self, key: str) -> int:
        """The value of a key that holds a number; 0 where the station does not show it."""
        return int(self.keys[key].value) if key in self.keys else 0

    @property
    def rate_units(self) -> list[str]:
        """The units of charging profiles that the station says it takes."""
        shown = self.keys.get("ChargingScheduleAllowedChargingRateUnit")
        words = [] if shown is None else [one.strip() for one in shown.value.split(",")]
        return [unit for word, unit in (("Current", "A"), ("Power", "W")) if word in words]

    def is_writable(self, key: str) -> bool:
        """The station shows this key and lets it be changed."""
        return key in self.keys and not self.keys[key].is_read_only

    def is_fixed_at(self, key: str, value: str) -> bool:
        """The key is shown read-only with this value."""
        return key in self.keys and self.keys[key].is_read_only and self.keys[key].value == value


@dataclass(frozen=True, slots=True)
class Condition:
    """When a case applies; `words` finish the sentence "applies to ..."."""

    words: str
    holds: Callable[[Product], bool]

    def __and__(self, other: Condition) -> Condition:
        """Both."""
        return Condition(f"{self.words}, and {other.words}", lambda product: self.holds(product) and other.holds(product))


def _row(row: str, otherwise: Callable[[Product], bool]) -> Callable[[Product], bool]:
    """The answer to a row of the features; where it has none, what the station shows."""

    def holds(product: Product) -> bool:
        answer = product.feature(row)
        return otherwise(product) if answer is None else answer

    return holds


def _keeps_ids(product: Product) -> bool:
    return any(product.has(key) for key in ("AuthorizationCacheEnabled", "LocalAuthListEnabled", "AllowOfflineTxForUnknownId"))


def _has_reader(product: Product) -> bool:
    return bool(product.hardware("HFS-10"))


def _may_ask_for_remote_ids(product: Product) -> bool:
    return product.has("AuthorizeRemoteTxRequests") and not product.is_fixed_at("AuthorizeRemoteTxRequests", "false")


_has_list = _row("LA-0", lambda product: product.has("LocalAuthListEnabled"))
_can_be_triggered = _row("RT-0", lambda product: product.has_profile("RemoteTrigger"))
_keeps_connectors = _row("R-0", lambda product: product.has_profile("Reservation"))


def _shows_any_connector(product: Product) -> bool:
    return product.has("ReserveConnectorZeroSupported") and product.keys["ReserveConnectorZeroSupported"].value == "true"


_keeps_any_connector = _row("R-1", _shows_any_connector)


def _follows_profiles(product: Product) -> bool:
    answers = [answer for row in ("SC-1.1", "SC-1.2") if (answer := product.feature(row)) is not None]
    return any(answers) if answers else product.has_profile("SmartCharging")


def _takes_several_profiles(product: Product) -> bool:
    return product.number("MaxChargingProfilesInstalled") >= 3 and product.number("ChargingScheduleMaxPeriods") >= 5


ALWAYS = Condition("every station", lambda _: True)
SOCKETS = Condition("stations with sockets (HFS-1)", lambda product: product.hardware("HFS-1") is True)
FIXED_CABLE = Condition("stations with fixed cables (HFS-2)", lambda product: product.hardware("HFS-2") is True)
OFFLINE_IDS = Condition(
    "stations that authorise offline (C-01) and have something to know tokens by",
    lambda product: product.feature("C-01") is not False and _keeps_ids(product),
)
CACHE = Condition("stations with an authorisation cache (C-04)", _row("C-04", lambda one: one.has("AuthorizationCacheEnabled")))
LOCAL_START = Condition("stations that start by a local identification (C-07)", _row("C-07", _has_reader))
LOCAL_STOP = Condition("stations that stop by a local identification (C-08)", _row("C-08", _has_reader))
LOCAL_LIST = Condition("stations with a local list (LA-0)", _has_list)
NO_LOCAL_LIST = Condition("stations without a local list", lambda product: not _has_list(product))
LIST_CAN_BE_OFF = Condition(
    "stations without a local list, or with one that can be switched off",
    lambda product: not _has_list(product) or product.is_writable("LocalAuthListEnabled"),
)
RESERVATIONS = Condition("stations with reservations (R-0)", _keeps_connectors)
NO_RESERVATIONS = Condition("stations without reservations", lambda product: not _keeps_connectors(product))
STATION_RESERVATIONS = Condition(
    "stations of which any connector can be reserved (R-1)", lambda product: _keeps_connectors(product) and _keeps_any_connector(product)
)
NO_STATION_RESERVATIONS = Condition(
    "stations of which only a certain connector, or none, can be reserved", lambda product: not STATION_RESERVATIONS.holds(product)
)
TRIGGERS = Condition("stations with trigger messages (RT-0)", _can_be_triggered)
SMART_CHARGING = Condition("stations that follow charging profiles (SC-1.1, SC-1.2)", _follows_profiles)
SEVERAL_PROFILES = Condition("stations that take three profiles at a time, and five periods in one", _takes_several_profiles)
REMOTE_IDS_ASKED = Condition("stations that can authorise remote starts", _may_ask_for_remote_ids)
UNPLUGGED_STOPS = Condition(
    "stations that stop when the vehicle is unplugged (StopTransactionOnEVSideDisconnect is not fixed at false)",
    lambda product: not product.is_fixed_at("StopTransactionOnEVSideDisconnect", "false"),
)
UNPLUGGED_MAY_GO_ON = Condition(
    "stations whose transaction may outlast the plug (C-06.1)",
    _row("C-06.1", lambda product: product.is_writable("StopTransactionOnEVSideDisconnect")),
)
STOPS_BEFORE_POWER_IS_GONE = Condition("stations that see the power go (AQ-7.1)", lambda product: product.question("AQ-7.1") is True)
STOPS_AFTER_POWER_IS_BACK = Condition(
    "stations that learn of a power loss afterwards (AQ-7.2)", lambda product: product.question("AQ-7.1") is not True
)
LOCK_FEEDBACK = Condition("stations that see what their lock does (AQ-9)", lambda product: product.question("AQ-9") is not False)
