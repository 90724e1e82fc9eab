"""What several schedules allow together, and how that is told to the central system (OCPP 1.6, 3.13 and 5.7; errata 2025-04). Pure.

The lower of two limits is found in amperes, the sum of connectors in watts; what has won keeps its own unit. Only what is told is rounded:
limits down to the tenth, and instants to the second such that at no moment more is told than holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from chargerd.core.schedule import ALL_PHASES, MS, Period, RateUnit, Stretch, Stretches, Window, kept, side_by_side

AMPERES = RateUnit.AMPERES  # looked up once: to ask the class each time takes longer than the arithmetic

Rule = tuple[int, int, Decimal, int | None]
"""begin_ms, end_ms, the limit in a unit that was asked for, and numberPhases."""


_Amount = tuple[Decimal, int]  # limits of one unit in an order: at the same limit, more phases are more


@dataclass(frozen=True, slots=True)
class Electrics:
    """What the amperes of one connector are worth (errata 3.34 and 3.69), by nominal figures so that a limit does not waver.

    volts: above 0; on AC from phase to neutral, on DC of the output. phases: 1 or 3 on AC, None on DC, where numberPhases means nothing.
    """

    volts: Decimal
    phases: int | None

    def amperes(self, limit: Decimal, unit: RateUnit, phases: int | None) -> Decimal:
        """A limit in A, on AC of each phase. phases: the numberPhases that it came with."""
        return limit if unit is AMPERES else limit / (self.volts * self._divisor(phases))

    def watts(self, limit: Decimal, unit: RateUnit) -> Decimal:
        """A limit in W of all phases together; one in A comes to so much in the phases that there are."""
        return limit * self.volts * self._phases if unit is AMPERES else limit

    def drawn_w(self, limit: Decimal, unit: RateUnit, phases: int | None) -> Decimal:
        """What can flow under a limit, in W: of one in watts less where it is meant for more phases than there are (errata 3.34)."""
        return self.watts(limit, unit) if unit is AMPERES else limit * self._phases / self._divisor(phases)

    def converted(self, limit: Decimal, unit: RateUnit, phases: int | None, to: RateUnit) -> Decimal:
        """A limit in the unit that is wanted."""
        if unit is to:
            return limit
        return self.amperes(limit, unit, phases) if to is AMPERES else self.watts(limit, unit)

    @property
    def _phases(self) -> int:
        return self.phases or 1

    def _divisor(self, phases: int | None) -> int:
        """Among how many phases watts are shared out.

        More than are in use leave each of them its limit (errata 3.34). Fewer are not believed: otherwise more would flow than is allowed.
        """
        return 1 if self.phases is None else max(phases or ALL_PHASES, self.phases)


def lowest(one: Stretches, other: Stretches, electrics: Electrics) -> Stretches:
    """The lower of both, compared in A; `one` where they are equal, and where only one says something that one."""
    return kept((begin_ms, end_ms, _lower(said[0], said[1], electrics)) for begin_ms, end_ms, said in side_by_side([one, other]))


def in_watts(known: Stretches, electrics: Electrics) -> Stretches:
    """The same in W of all phases that there are."""
    return [
        Stretch(one.begin_ms, one.end_ms, electrics.watts(one.limit, one.unit), RateUnit.WATTS, None, one.profile)
        for one in known
        if one.limit is not None
    ]


def summed(parts: Sequence[tuple[Stretches, Electrics]], window: Window) -> Stretches:
    """The sum of several connectors in W. Where one of them says nothing there is none."""
    whole: Stretches = []
    for begin_ms, end_ms, said in side_by_side([part for part, _ in parts]):
        within = window.cut(begin_ms, end_ms)
        powers = [_watts(stretch, electrics) for stretch, (_, electrics) in zip(said, parts, strict=True)]
        known = [power for power in powers if power is not None]
        if within.is_empty or len(known) < len(parts):
            continue
        total = sum(known, Decimal(0))
        if whole and whole[-1].end_ms == within.begin_ms and whole[-1].limit == total:
            within = Window(whole.pop().begin_ms, within.end_ms)
        whole.append(Stretch(within.begin_ms, within.end_ms, total, RateUnit.WATTS))
    return whole


def merged(known: Stretches, unit: RateUnit, electrics: Electrics) -> list[Rule]:
    """The stretches in one unit, rounded down to the tenth that OCPP knows; those that touch and say the same are one.

    numberPhases is kept where the limit was given in this unit: in a converted one it is contained.
    """
    rules: list[Rule] = []
    for stretch in known:
        if stretch.limit is None:
            continue
        limit = _tenths(electrics.converted(stretch.limit, stretch.unit, stretch.phases, unit))
        phases = stretch.phases if stretch.unit is unit else None
        begin_ms = stretch.begin_ms
        if rules and rules[-1][1] == begin_ms and _amount(*rules[-1][2:]) == _amount(limit, phases):
            begin_ms, _, limit, phases = rules.pop()
        rules.append((begin_ms, stretch.end_ms, limit, phases))
    return rules


def periods(known: Stretches, window: Window, unit: RateUnit, electrics: Electrics) -> tuple[Period, ...]:
    """The periods of a composite schedule, in whole seconds since the window began, the first at 0, no two neighbours the same.

    Each second gets the least of what holds at any moment of it. A period cannot say that there is no limit, so where nothing is said the
    one before goes on, and at the beginning the first one begins early; where nothing is said at all there are no periods.
    """
    told: list[tuple[int, _Amount, int | None]] = []
    for begin_ms, end_ms, limit, phases in merged(known, unit, electrics):
        if end_ms <= window.begin_ms or begin_ms >= window.end_ms:
            continue
        amount = _amount(limit, phases)
        start_s, rest_ms = divmod(max(begin_ms - window.begin_ms, 0), MS) if told else (0, 0)
        while told and told[-1][0] > start_s:
            told.pop()  # it ended in the second in which it was to begin
        if rest_ms and amount > told[-1][1]:
            start_s += 1
        while told and told[-1][0] >= start_s:
            told.pop()
        if start_s * MS < window.end_ms - window.begin_ms and not (told and told[-1][1] == amount):
            told.append((start_s, amount, phases))
    return tuple(Period(start_s, amount[0], phases) for start_s, amount, phases in told)


def _lower(one: Stretch | None, other: Stretch | None, electrics: Electrics) -> Stretch | None:
    if other is None or other.limit is None:
        return one if one is not None and one.limit is not None else None
    if one is None or one.limit is None:
        return other
    is_other = electrics.amperes(other.limit, other.unit, other.phases) < electrics.amperes(one.limit, one.unit, one.phases)
    return other if is_other else one


def _watts(stretch: Stretch | None, electrics: Electrics) -> Decimal | None:
    return None if stretch is None or stretch.limit is None else electrics.drawn_w(stretch.limit, stretch.unit, stretch.phases)


def _tenths(limit: Decimal) -> Decimal:
    return (limit * 10).to_integral_value(ROUND_DOWN) / 10


def _amount(limit: Decimal, phases: int | None) -> _Amount:
    return limit, phases or ALL_PHASES
