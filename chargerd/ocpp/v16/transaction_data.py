"""The readings in StopTransaction: begin, samples, end; as many as StopTransactionMaxMeterValues allows, and as long as a message may be.

What is too much goes evenly from between the first and the last (OCPP 1.6 errata 3.91), and before it is read: of a day with a sample a
second only those are fetched that will be told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from chargerd.core.facts import MeterSampled, ReadingContext, Stamped, TransactionStarted, TransactionStopped
from chargerd.ocpp.v16.convert import meter_value, spread, thinned
from chargerd.ocpp.v16.outbound import Instant

_SHORTEST = 150
"""Characters of a MeterValue with a single sampled value, at least."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Most values, and most characters of all of them together."""

    values: int
    characters: int


class TransactionData:
    """The readings of one transaction, of which the samples are still to be read: see `wanted` and `with_samples`."""

    def __init__(self, started: Stamped | None, stopped: TransactionStopped, stopped_utc_s: float, now: Instant, bounds: Bounds) -> None:
        """started: the transaction's TransactionStarted where it is kept."""
        self._begin, self._end = _begin(started, now), _end(stopped, stopped_utc_s)
        self._now = now
        self._bounds = bounds

    def wanted(self, count: int) -> list[int]:
        """Places, counted from 0, of the samples that are told when there are so many."""
        before = len(self._begin)
        most = min(self._bounds.values, max(1, self._bounds.characters // _SHORTEST))
        places = spread(before + count + len(self._end), most)
        return [place - before for place in places if 0 <= place - before < count]

    def with_samples(self, samples: Sequence[Stamped]) -> list[dict[str, object]]:
        """All readings. samples: the wanted ones, oldest first."""
        told = [
            meter_value(self._now.of(stamped), stamped.fact.stop_values, stamped.fact.context)
            for stamped in samples
            if isinstance(stamped.fact, MeterSampled) and stamped.fact.stop_values
        ]
        values = thinned([*self._begin, *told, *self._end], self._bounds.values)
        while len(values) > 1 and (length := len(json.dumps(values))) > self._bounds.characters:
            values = thinned(values, max(1, len(values) * self._bounds.characters // length))
        return values


def _begin(started: Stamped | None, now: Instant) -> list[dict[str, object]]:
    if started is None or not isinstance(started.fact, TransactionStarted) or not started.fact.begin_values:
        return []
    return [meter_value(now.of(started), started.fact.begin_values, ReadingContext.BEGIN)]


def _end(stopped: TransactionStopped, at_utc_s: float) -> list[dict[str, object]]:
    return [meter_value(at_utc_s, stopped.end_values, ReadingContext.END)] if stopped.end_values else []
