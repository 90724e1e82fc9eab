"""What the configuration says about the OCPP side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from chargerd.core.metering import REGISTER
from chargerd.ocpp.measurands import MEASURANDS
from hal.types import Range

_LONGEST = {
    "identity": 48,
    "vendor": 20,
    "model": 20,
    "charge_point_serial_number": 25,
    "charge_box_serial_number": 25,
    "firmware_version": 50,
    "iccid": 20,
    "imsi": 20,
    "meter_type": 25,
    "meter_serial_number": 25,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StationIdentity:
    """Who the station says it is: its name in the URL and the contents of BootNotification (OCPP 1.6, 6.3); empty means not told."""

    identity: str
    vendor: str
    model: str
    charge_point_serial_number: str = ""
    charge_box_serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""

    def __post_init__(self) -> None:
        for name in ("identity", "vendor", "model"):
            if not getattr(self, name):
                raise ValueError(f"{name} must not be empty")
        for name, longest in _LONGEST.items():
            if len(getattr(self, name)) > longest:
                raise ValueError(f"{name} is longer than {longest} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a product has or lacks. A feature that is off has no keys and no messages, and its setting keeps the neutral value."""

    authorization_cache: bool = True
    offline_unknown_ids: bool = True  # a token that nobody knows may charge while offline
    max_energy_on_invalid_id: bool = True  # energy for a token that turns out to be invalid
    minimum_status_duration: bool = True  # short-lived statuses may be left out
    local_auth_list: bool = True  # the profile Local Auth List Management
    reservation: bool = True  # the profile Reservation
    reserve_connector_zero: bool = False  # a reservation of any connector of the station
    smart_charging: bool = True  # the profile Smart Charging
    remote_trigger: bool = True  # the profile Remote Trigger

    def __post_init__(self) -> None:
        if self.reserve_connector_zero and not self.reservation:
            raise ValueError("reserve_connector_zero needs reservation")

    @property
    def profiles(self) -> tuple[str, ...]:
        """The feature profiles as SupportedFeatureProfiles names them (OCPP 1.6, 9)."""
        optional = {
            "LocalAuthListManagement": self.local_auth_list,
            "Reservation": self.reservation,
            "SmartCharging": self.smart_charging,
            "RemoteTrigger": self.remote_trigger,
        }
        return ("Core", *(name for name, is_built in optional.items() if is_built))


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppOptions:
    """How the central system is reached, and what the station shows it of itself. Security profile 0 (plain WebSocket) only."""

    url: str
    backoff_minimum_s: Annotated[float, Range(0, 3600, "s")] = 2.0
    backoff_range_s: Annotated[float, Range(0, 3600, "s")] = 10.0
    backoff_maximum_s: Annotated[float, Range(1, 86400, "s")] = 300.0
    boot_retry_s: Annotated[float, Range(1, 86400, "s")] = 60.0  # where the central system names no interval
    open_timeout_s: Annotated[float, Range(1, 300, "s")] = 20.0
    close_timeout_s: Annotated[float, Range(0.1, 60, "s")] = 3.0
    unlock_timeout_s: Annotated[float, Range(1, 20, "s")] = 10.0  # then UnlockFailed is answered
    max_message_bytes: Annotated[int, Range(4096, 16_777_216, "B")] = 131_072
    max_unanswered_calls: Annotated[int, Range(1, 100)] = 3  # in a row; then the connection is given up
    get_configuration_max_keys: Annotated[int, Range(1, 1000)] = 64
    local_auth_list_max_length: Annotated[int, Range(1, 100_000)] = 5000
    send_local_list_max_length: Annotated[int, Range(1, 200)] = 100  # in one SendLocalList
    charge_profile_max_stack_level: Annotated[int, Range(0, 100)] = 10  # this one included
    charging_schedule_max_periods: Annotated[int, Range(1, 1000)] = 24
    max_charging_profiles_installed: Annotated[int, Range(1, 1000)] = 20
    charging_rate_units: tuple[Literal["A", "W"], ...] = ("A", "W")  # of charging profiles; the first one is told where none is asked for
    absolute_start_now: bool = False  # an absolute schedule without startSchedule begins when it comes, instead of being Rejected
    composite_start_schedule: bool = False  # tell startSchedule too in the answer to GetCompositeSchedule, against errata 3.57
    stop_transaction_max_meter_values: Annotated[int, Range(1, 2_147_483_647)] = 200
    stop_transaction_max_bytes: Annotated[int, Range(1024, 16_777_216, "B")] = 60_000  # many central systems take 64 KiB a message
    meter_values_list_max_length: Annotated[int, Range(1, 2_147_483_647)] | None = None  # None: as many as are measured
    stop_txn_list_max_length: Annotated[int, Range(1, 2_147_483_647)] | None = None
    sampled_measurands: tuple[str, ...] | None = None  # declared for MeterValues at an interval; None: what is measured
    aligned_measurands: tuple[str, ...] | None = None  # declared for clock-aligned readings; None: as sampled
    features: Features = field(default_factory=Features)
    absent_keys: tuple[str, ...] = ()  # optional keys without a feature that this product does not show
    read_only_keys: tuple[str, ...] = ()  # keys that OCPP leaves to the product, and that the central system may only read here
    keys: Mapping[str, str | int | bool] = field(default_factory=dict)  # factory values, by OCPP name

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "ws" or not parts.hostname:
            raise ValueError("url should look like ws://host:port/path (security profile 0)")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("url should have no user, query or fragment")
        if not self.charging_rate_units or len(set(self.charging_rate_units)) < len(self.charging_rate_units):
            raise ValueError("charging_rate_units should be A, W or both")
        _check_measurands("sampled_measurands", self.sampled_measurands)
        _check_measurands("aligned_measurands", self.aligned_measurands)


def _check_measurands(option: str, names: tuple[str, ...] | None) -> None:
    if names is None:
        return
    unknown = sorted(set(names) - set(MEASURANDS))
    if unknown:
        raise ValueError(f"{option}: {', '.join(unknown)} is no measurand of OCPP 1.6; known: {', '.join(MEASURANDS)}")
    if REGISTER not in names:
        raise ValueError(f"{option}: {REGISTER} is missing, and an empty list of measurands means it")


def connection_url(endpoint: str, identity: str) -> str:
    """The URL to dial: endpoint, one slash, the percent-encoded identity (OCPP-J 1.6, 3.1.1)."""
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(identity, safe='')}"))
