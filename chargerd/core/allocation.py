"""The station's power over the sessions that share it: pure policies.

Each session claims a floor without which it could not charge at all, what it seems to want, and the most it could use. Floors go first, in
the order of arrival; who gets none gets nothing, for less than that would be wasted. Then everybody is raised towards what they want by the
policy, and what nobody wants is spread over those who could use more, so that they may grow without asking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from chargerd.core.ids import ConnectorId
from chargerd.core.settings import Sharing


@dataclass(frozen=True, slots=True)
class Claim:
    """What one session could do with power, in W: floor <= wanted <= most. `weight` counts with `Sharing.WEIGHT` only."""

    connector: ConnectorId
    floor_w: float
    wanted_w: float
    most_w: float
    weight: float = 1.0


Fill = Callable[[float, Sequence[Claim]], list[float]]
"""Budget in W and claims to shares in W, each between the floor and what is wanted; the floors fit into the budget."""


def divide(how: Sharing, budget_w: float, claims: Sequence[Claim]) -> dict[ConnectorId, float]:
    """The share of each claim in W, those that come to nothing too. The sum is at most the budget, no share above its `most_w`.

    claims: in the order of arrival.
    """
    served, left_w = [], max(budget_w, 0.0)
    for claim in claims:
        if claim.floor_w <= left_w:
            served.append(claim)
            left_w -= claim.floor_w
    fill = _FILLS[how]
    wanted = fill(budget_w, served)
    raised = [replace(claim, floor_w=share_w, wanted_w=claim.most_w) for claim, share_w in zip(served, wanted, strict=True)]
    shares = dict.fromkeys((claim.connector for claim in claims), 0.0)
    return shares | {claim.connector: share_w for claim, share_w in zip(served, fill(budget_w, raised), strict=True)}


def _equally(budget_w: float, claims: Sequence[Claim]) -> list[float]:
    return _by_weight(budget_w, [replace(claim, weight=1.0) for claim in claims])


def _by_weight(budget_w: float, claims: Sequence[Claim]) -> list[float]:
    """All at the same level, in W for each unit of weight, but none below the floor or above what is wanted."""

    def at(level: float) -> list[float]:
        return [min(max(claim.floor_w, level * claim.weight), claim.wanted_w) for claim in claims]

    marks = sorted({0.0, *(claim.floor_w / claim.weight for claim in claims), *(claim.wanted_w / claim.weight for claim in claims)})
    for low, high in pairwise(marks):
        below_w, above_w = sum(at(low)), sum(at(high))
        if above_w > max(budget_w, below_w):  # between two marks the sum is a straight line
            return at(low + (high - low) * max(budget_w - below_w, 0.0) / (above_w - below_w))
    return at(marks[-1])


def _first_come(budget_w: float, claims: Sequence[Claim]) -> list[float]:
    """Each all that it wants, as far as it goes."""
    left_w = budget_w - sum(claim.floor_w for claim in claims)
    shares = []
    for claim in claims:
        more_w = min(claim.wanted_w - claim.floor_w, max(left_w, 0.0))
        left_w -= more_w
        shares.append(claim.floor_w + more_w)
    return shares


_FILLS: dict[Sharing, Fill] = {Sharing.EQUAL: _equally, Sharing.FIRST_COME: _first_come, Sharing.WEIGHT: _by_weight}
