"""What limit holds at one instant, read off the text of OCPP 1.6 step by step. Slow, and of `schedule` it knows the values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from chargerd.core.schedule import Kind, Profile, RateUnit, Recurrency

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Said:
    """A limit as its profile gave it."""

    limit: Decimal
    unit: RateUnit
    phases: int | None
    profile_id: int

    def amperes(self, volts: Decimal, in_use: int | None) -> Fraction:
        """Of each phase. in_use: phases of the connector; None: DC."""
        if self.unit is RateUnit.AMPERES:
            return Fraction(self.limit)
        return Fraction(self.limit) / self.w_per_a(volts, in_use)

    def watts(self, volts: Decimal, in_use: int | None) -> Fraction:
        """Of all phases, as it is told."""
        if self.unit is RateUnit.WATTS:
            return Fraction(self.limit)
        return self.drawn(volts, in_use)

    def drawn(self, volts: Decimal, in_use: int | None) -> Fraction:
        """What can flow: so many amperes in each phase that there is."""
        return self.amperes(volts, in_use) * Fraction(volts) * (1 if in_use is None else in_use)

    def w_per_a(self, volts: Decimal, in_use: int | None) -> Fraction:
        if in_use is None:
            return Fraction(volts)
        number_phases = 3 if self.phases is None else self.phases
        return Fraction(volts) * (in_use if in_use > number_phases else number_phases)


def is_valid(profile: Profile, at_ms: int) -> bool:
    if profile.valid_from_ms is not None and at_ms < profile.valid_from_ms:
        return False
    return profile.valid_to_ms is None or at_ms < profile.valid_to_ms


def profile_at(profile: Profile, at_ms: int, relative_to_ms: int) -> Said | None:
    """One profile for itself."""
    if not is_valid(profile, at_ms):
        return None
    begin_ms = relative_to_ms if profile.kind is Kind.RELATIVE else profile.start_ms
    assert begin_ms is not None
    if at_ms < begin_ms:
        return None
    into_ms = at_ms - begin_ms
    if profile.kind is Kind.RECURRING:
        into_ms = into_ms % (DAY_MS if profile.recurrency is Recurrency.DAILY else 7 * DAY_MS)
    if profile.duration_s is not None and into_ms >= 1000 * profile.duration_s:
        return None
    said = None
    for period in profile.periods:
        if 1000 * period.start_s <= into_ms:
            said = Said(period.limit, profile.unit, period.phases, profile.profile_id)
    return said


def highest_at(profiles: Iterable[Profile], at_ms: int, relative_to_ms: int) -> Said | None:
    """The highest stackLevel that says something."""
    found: tuple[int, Said] | None = None
    for profile in profiles:
        said = profile_at(profile, at_ms, relative_to_ms)
        if said is not None and (found is None or profile.stack_level > found[0]):
            found = (profile.stack_level, said)
    return found and found[1]


def session_at(transaction: Iterable[Profile], defaults: Iterable[Profile], at_ms: int, relative_to_ms: int) -> Said | None:
    """Its TxProfiles while any is valid, the defaults otherwise."""
    own = [profile for profile in transaction if is_valid(profile, at_ms)]
    return highest_at(own if own else defaults, at_ms, relative_to_ms)


def lowest_at(one: Said | None, other: Said | None, volts: Decimal, in_use: int | None) -> Said | None:
    """The lower one; the first where both are equal."""
    if one is None or other is None:
        return one if other is None else other
    return other if other.amperes(volts, in_use) < one.amperes(volts, in_use) else one
