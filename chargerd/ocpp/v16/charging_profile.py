"""A ChargingProfile of OCPP 1.6 (7.8) as the core has it, and what of it can be refused without looking at the station. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import cast

from chargerd.core.schedule import MS, Kind, Period, Profile, Purpose, RateUnit, Recurrency
from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.rpc import Payload

MOST_LIMIT = 1_000_000_000
"""No station gives so much, and no arithmetic fails below it."""


class RefusedProfileError(ValueError):
    """The profile makes no sense, or is more than this station takes; the text says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What this station takes. `is_start_now`: an absolute schedule without a start begins when it comes."""

    most_stack_level: int
    most_periods: int
    units: frozenset[RateUnit]
    is_start_now: bool

    @staticmethod
    def of(options: OcppOptions) -> Bounds:
        """As configured."""
        units = frozenset(RateUnit(unit) for unit in options.charging_rate_units)
        return Bounds(options.charge_profile_max_stack_level, options.charging_schedule_max_periods, units, options.absolute_start_now)


def profile_of(payload: Payload, bounds: Bounds) -> Profile:
    """The profile of a checked payload. Raises RefusedProfileError."""
    schedule = cast("Mapping[str, object]", payload["chargingSchedule"])
    profile = Profile(
        profile_id=cast("int", payload["chargingProfileId"]),
        stack_level=cast("int", payload["stackLevel"]),
        purpose=Purpose(payload["chargingProfilePurpose"]),
        kind=Kind(payload["chargingProfileKind"]),
        unit=RateUnit(schedule["chargingRateUnit"]),
        periods=tuple(_period(one) for one in cast("Sequence[Mapping[str, object]]", schedule["chargingSchedulePeriod"])),
        recurrency=Recurrency(payload["recurrencyKind"]) if "recurrencyKind" in payload else None,
        start_ms=_time_ms(schedule, "startSchedule"),
        duration_s=cast("int | None", schedule.get("duration")),
        valid_from_ms=_time_ms(payload, "validFrom"),
        valid_to_ms=_time_ms(payload, "validTo"),
        least_rate=_limit(schedule["minChargingRate"]) if "minChargingRate" in schedule else None,
        transaction_id=cast("int | None", payload.get("transactionId")),
    )
    why_not = next((words for words, is_wrong in _complaints(profile, bounds) if is_wrong), "")
    if why_not:
        raise RefusedProfileError(f"profile {profile.profile_id}: {why_not}")
    return profile


def _complaints(profile: Profile, bounds: Bounds) -> Sequence[tuple[str, bool]]:
    """What could be wrong, and whether it is (errata 3.45, 3.56, 3.70)."""
    periods, is_recurring = profile.periods, profile.kind is Kind.RECURRING
    limits = [one.limit for one in periods] + ([] if profile.least_rate is None else [profile.least_rate])
    valid = (profile.valid_from_ms, profile.valid_to_ms)
    return (
        ("it has no periods", not periods),
        ("its first period does not begin with the schedule", bool(periods) and periods[0].start_s != 0),
        ("its periods are not in their order", any(one.start_s >= other.start_s for one, other in pairwise(periods))),
        (f"a limit is not 0 to {MOST_LIMIT}", any(not 0 <= limit <= MOST_LIMIT for limit in limits)),
        ("numberPhases is not 1 to 3", any(one.phases is not None and not 1 <= one.phases <= 3 for one in periods)),
        (f"it has more than {bounds.most_periods} periods", len(periods) > bounds.most_periods),
        (f"its level is not 0 to {bounds.most_stack_level}", not 0 <= profile.stack_level <= bounds.most_stack_level),
        (f"its limits are in {profile.unit.value}, which this station does not take", profile.unit not in bounds.units),
        ("a recurring one needs recurrencyKind, and only that", is_recurring != (profile.recurrency is not None)),
        ("it does not say when it begins", profile.start_ms is None and not _may_begin(profile.kind, bounds)),
        ("that of a station is not relative", profile.kind is Kind.RELATIVE and profile.purpose is Purpose.STATION_MAXIMUM),
        ("a transaction is named that it is not for", profile.transaction_id is not None and profile.purpose is not Purpose.TRANSACTION),
        ("its duration is below 0", profile.duration_s is not None and profile.duration_s < 0),
        ("it is valid to before it is valid from", valid[0] is not None and valid[1] is not None and valid[1] < valid[0]),
    )


def _may_begin(kind: Kind, bounds: Bounds) -> bool:
    """Without a start of its own."""
    return kind is Kind.RELATIVE or (kind is Kind.ABSOLUTE and bounds.is_start_now)


def _period(told: Mapping[str, object]) -> Period:
    return Period(cast("int", told["startPeriod"]), _limit(told["limit"]), cast("int | None", told.get("numberPhases")))


def _limit(number: object) -> Decimal:
    """The framing reads whole numbers and decimal ones, each exactly as it was written."""
    return Decimal(cast("int | Decimal", number))


def _time_ms(told: Mapping[str, object], name: str) -> int | None:
    return round(parse_time(cast("str", told[name])) * MS) if name in told else None
