"""Charging profiles of the central system as functions of time (OCPP 1.6, 3.13 and 7.8 to 7.13; errata 2025-04). Pure and exact.

Theory of operation. A profile gives stretches: from when to when it allows what. `stacked` lays such functions of time over one another,
the first on top: where one has ended, has not begun or has a gap, the next one shows through (errata 3.43). What is kept stays the
profile's own, in its own unit. Times are whole milliseconds since 1970 and limits decimal numbers, so nothing is rounded on the way. The
module `composite` makes of several such functions what is obeyed and told.

Whether a profile is well formed (its first period at 0, the others ascending, no limit below 0), how many there are and how large a window
may be is judged elsewhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

MS = 1000
ALL_PHASES = 3
"""What a period without numberPhases means (errata 3.69)."""


class RateUnit(Enum):
    """OCPP 1.6, 7.12 ChargingRateUnitType: amperes of each phase, or watts of all together."""

    AMPERES = "A"
    WATTS = "W"


class Purpose(Enum):
    """OCPP 1.6, 7.10 ChargingProfilePurposeType."""

    STATION_MAXIMUM = "ChargePointMaxProfile"
    DEFAULT = "TxDefaultProfile"
    TRANSACTION = "TxProfile"


class Kind(Enum):
    """OCPP 1.6, 7.9 ChargingProfileKindType."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class Recurrency(Enum):
    """OCPP 1.6, 7.35 RecurrencyKindType; in UTC, where every day has 24 hours (errata 3.79)."""

    DAILY = "Daily"
    WEEKLY = "Weekly"

    @property
    def length_ms(self) -> int:
        """From one beginning to the next."""
        return MS * (86_400 if self is Recurrency.DAILY else 604_800)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start_s` after the beginning of the schedule to the next period, or to its end."""

    start_s: int
    limit: Decimal
    phases: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A charging profile with its schedule. start_ms: None for a relative one; duration_s, valid_...: None where it is without an end."""

    profile_id: int
    stack_level: int
    purpose: Purpose
    kind: Kind
    unit: RateUnit
    periods: tuple[Period, ...]
    recurrency: Recurrency | None = None
    start_ms: int | None = None
    duration_s: int | None = None
    valid_from_ms: int | None = None
    valid_to_ms: int | None = None
    least_rate: Decimal | None = None  # minChargingRate: a hint
    transaction_id: int | None = None  # the central system's number, where it named one

    def __str__(self) -> str:
        """In a few words, for logs."""
        how = f"{self.kind.value} {self.recurrency.value}" if self.recurrency is not None else self.kind.value
        return f"{self.profile_id} {self.purpose.value} level {self.stack_level} {how}, {len(self.periods)} periods in {self.unit.value}"


class Stretch(NamedTuple):  # they are made by the hundred, and a tuple costs half of what a frozen class does
    """From `begin_ms` up to, and without, `end_ms`. limit: None where nothing is said, and nobody below is asked; profile: whose it is."""

    begin_ms: int
    end_ms: int
    limit: Decimal | None
    unit: RateUnit
    phases: int | None = None
    profile: int | None = None

    def cut(self, begin_ms: int, end_ms: int) -> Stretch:
        """The same between two other instants."""
        if begin_ms == self.begin_ms and end_ms == self.end_ms:
            return self
        return Stretch(begin_ms, end_ms, self.limit, self.unit, self.phases, self.profile)


Stretches = list[Stretch]
"""In order of time, none empty and without overlap; in a gap between two nothing is said."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked at: from `begin_ms` up to, and without, `end_ms`."""

    begin_ms: int
    end_ms: int

    def cut(self, begin_ms: int | None, end_ms: int | None) -> Window:
        """The part of it between two instants; None: no bound on that side."""
        return Window(
            self.begin_ms if begin_ms is None else max(self.begin_ms, begin_ms),
            self.end_ms if end_ms is None else min(self.end_ms, end_ms),
        )

    @property
    def is_empty(self) -> bool:
        """There is no instant in it."""
        return self.begin_ms >= self.end_ms


# --- what profiles say ------------------------------------------------------------------------------------------------------------------


def validity(profile: Profile, window: Window) -> Window:
    """When a profile counts at all (validFrom and validTo)."""
    return window.cut(profile.valid_from_ms, profile.valid_to_ms)


def stretches(profile: Profile, window: Window, relative_to_ms: int) -> Stretches:
    """What a profile says in a window. relative_to_ms: where a relative one begins, the start of the transaction."""
    valid = validity(profile, window)
    found: Stretches = []
    for begin_ms, end_ms in _runs(profile, valid, relative_to_ms):
        until_ms, run = min(end_ms, valid.end_ms), []
        for period in reversed(profile.periods):  # from the last one on each ends where the one after it began
            from_ms = max(begin_ms + MS * period.start_s, valid.begin_ms)
            if from_ms < until_ms:
                run.append(Stretch(from_ms, until_ms, period.limit, profile.unit, period.phases, profile.profile_id))
                until_ms = from_ms
        found += reversed(run)
    return found


def session_stretches(transaction: Iterable[Profile], defaults: Iterable[Profile], window: Window, started_ms: int | None) -> Stretches:
    """What the profiles of a session say in a window.

    transaction: its TxProfiles. defaults: the TxDefaultProfiles of its connector, see `applicable_defaults`; of each no two with the same
    stackLevel. started_ms: of the transaction, where relative profiles begin; None: nobody charges yet, they would begin with the window.
    Source: OCPP 1.6, 3.13.1: while a TxProfile is valid the defaults are not consulted, even where its schedule says nothing.
    """
    begin_ms = window.begin_ms if started_ms is None else started_ms
    own = list(transaction)
    silence = [
        [Stretch(valid.begin_ms, valid.end_ms, None, profile.unit)] for profile in own if not (valid := validity(profile, window)).is_empty
    ]
    whole = stacked([*_layers(own, window, begin_ms), *silence, *_layers(defaults, window, begin_ms)])
    return [stretch for stretch in whole if stretch.limit is not None]


def station_stretches(maxima: Iterable[Profile], window: Window) -> Stretches:
    """What the ChargePointMaxProfiles say in a window, each of another stackLevel."""
    return stacked(_layers(maxima, window, window.begin_ms))


def applicable_defaults(of_station: Iterable[Profile], of_connector: Iterable[Profile]) -> list[Profile]:
    """The TxDefaultProfiles that hold for a connector: its own replace those of connector 0 at their stackLevel (OCPP 1.6, 3.13.1)."""
    return list({profile.stack_level: profile for profile in (*of_station, *of_connector)}.values())


def _layers(profiles: Iterable[Profile], window: Window, relative_to_ms: int) -> list[Stretches]:
    highest_first = sorted(profiles, key=lambda profile: profile.stack_level, reverse=True)
    return [stretches(profile, window, relative_to_ms) for profile in highest_first]


def _runs(profile: Profile, valid: Window, relative_to_ms: int) -> Iterator[tuple[int, int]]:
    """From when to when the schedule is executed: once, or at each recurrence, which the next one cuts off (errata 3.44)."""
    start_ms = relative_to_ms if profile.kind is Kind.RELATIVE or profile.start_ms is None else profile.start_ms
    length_ms = None if profile.duration_s is None else MS * profile.duration_s
    if profile.recurrency is None:
        yield start_ms, valid.end_ms if length_ms is None else start_ms + length_ms
        return
    every_ms = profile.recurrency.length_ms
    length_ms = every_ms if length_ms is None else min(length_ms, every_ms)
    first = max(0, (valid.begin_ms - start_ms) // every_ms)
    for begin_ms in range(start_ms + first * every_ms, valid.end_ms, every_ms):
        yield begin_ms, begin_ms + length_ms


# --- several functions of time ----------------------------------------------------------------------------------------------------------


def stacked(layers: Iterable[Stretches]) -> Stretches:
    """Layers over one another, the first on top. A stretch without a limit hides what is below it."""
    return kept((begin_ms, end_ms, next(filter(None, said), None)) for begin_ms, end_ms, said in side_by_side(list(layers)))


def side_by_side(parts: Sequence[Stretches]) -> Iterator[tuple[int, int, list[Stretch | None]]]:
    """From instant to instant what each part says, in one pass over all. The list is the same one at every step."""
    changes: list[tuple[int, int, Stretch | None]] = [(stretch.end_ms, index, None) for index, part in enumerate(parts) for stretch in part]
    changes += [(stretch.begin_ms, index, stretch) for index, part in enumerate(parts) for stretch in part]
    changes.sort(key=itemgetter(0))  # which leaves ends before begins of the same instant
    said: list[Stretch | None] = [None] * len(parts)
    for (at_ms, index, begun), (next_ms, _, _) in pairwise(changes):
        said[index] = begun
        if at_ms < next_ms:
            yield at_ms, next_ms, said


def kept(chosen: Iterable[tuple[int, int, Stretch | None]]) -> Stretches:
    """What was chosen from instant to instant, each stretch in one piece for as long as it goes on."""
    whole: Stretches = []
    last: Stretch | None = None
    since_ms = until_ms = 0
    for begin_ms, end_ms, stretch in chosen:
        if stretch is not last:
            if last is not None:
                whole.append(last.cut(since_ms, until_ms))
            last, since_ms = stretch, begin_ms
        until_ms = end_ms
    if last is not None:
        whole.append(last.cut(since_ms, until_ms))
    return whole


# --- looked up ----------------------------------------------------------------------------------------------------------------------------


def at(known: Stretches, at_ms: int) -> Stretch | None:
    """What holds at an instant; None where nothing is said."""
    index = bisect_right(known, at_ms, key=lambda stretch: stretch.begin_ms) - 1
    found = known[index] if index >= 0 else None
    return found if found is not None and found.limit is not None and at_ms < found.end_ms else None


def next_change_ms(known: Stretches, after_ms: int) -> int | None:
    """The first instant after this one at which something else holds; None: all stays."""
    first = bisect_right(known, after_ms, key=lambda stretch: stretch.end_ms)
    for stretch in known[first:]:
        if stretch.limit is not None:
            return stretch.begin_ms if stretch.begin_ms > after_ms else stretch.end_ms
    return None
