"""Who may take how much of the station's power, over time. Pure: time is an argument.

Theory of operation. `allocation.divide` says what each session's share should be. Who gets less than before gets it at once. But a vehicle
or a module that was told less may go on with what it was told before for a moment, and until that has surely ended it counts as taken: on
DC until the modules were heard again some time after their set-point fell, on AC until the vehicle has had its time to follow the pilot,
for what it takes in the meantime does not say which duty it goes by. What is seen to flow counts in any case. Who gets more gets no more
than all that leaves of the budget. So the sum of what is told and what may still flow never exceeds it, unless somebody takes more than
told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from chargerd.core.allocation import Claim, divide
from chargerd.core.appetite import Appetite
from chargerd.core.connector import Connector
from chargerd.core.events import Role
from chargerd.core.facts import Phase
from chargerd.core.ids import ConnectorId
from chargerd.core.now import NEVER, Now
from chargerd.core.session import ENERGISING
from chargerd.core.settings import Policy, Timing

HEARD_AFTER_S = 0.5
"""A set-point has surely reached the modules by then; what they tell sooner may be older than it."""

_STEPS = 100  # what a session could use counts in steps of its connector's rating, and has to move by two to count as less:
# a voltage that wavers moves no share
_JUDGED = frozenset({Phase.DELIVERING, Phase.PAUSED_EV})  # in the others a session could not take what it wants


@dataclass(slots=True)
class _Part:
    """One connector: the share it is told, and what it may still take of an earlier one."""

    connector: Connector
    share_w: float = 0.0
    held_w: float = 0.0
    lowered_at_s: float = -NEVER
    held_until_s: float = NEVER
    most_w: float = 0.0  # what the session could use

    def lower(self, share_w: float, now_s: float, follow_s: float) -> None:
        self.held_w = max(self.held_w, self.share_w)
        self.share_w, self.lowered_at_s, self.held_until_s = share_w, now_s, now_s + follow_s

    def release(self, now_s: float) -> None:
        """Forget the earlier share once nobody goes by it any more."""
        sensed, is_ac = self.connector.sensed, self.connector.built.kind.is_ac
        is_off = not sensed.is_contactor_closed and (self.share_w <= 0.0 or not is_ac)
        is_heard = not is_ac and sensed.has_heard(Role.POWER, self.lowered_at_s + HEARD_AFTER_S)
        if is_off or is_heard or now_s >= self.held_until_s:
            self.held_w, self.held_until_s = 0.0, NEVER

    def taken_w(self) -> float:
        """What it is told, may still take, or is seen to take."""
        return max(self.share_w, self.held_w, self.connector.sensed.flowing_w())


class Shares:
    """See the module. `of` gives the shares in W; who has no session stands there with the whole budget, which nobody has offered."""

    def __init__(self, connectors: Mapping[ConnectorId, Connector], budget_w: float, timing: Timing, policy: Policy) -> None:
        self._budget_w = budget_w
        self._timing = timing
        self._policy = policy
        self._parts = {number: _Part(connector) for number, connector in connectors.items()}
        self._arrived: dict[ConnectorId, Appetite] = {}  # sessions, in the order of their beginning
        self._claims: list[Claim] = []
        self._targets: dict[ConnectorId, float] = {}
        self._is_rising = False  # somebody waits for what others have to give up
        self.of: Mapping[ConnectorId, float] = dict.fromkeys(connectors, budget_w)

    def settle(self, budget_w: float, now: Now) -> bool:
        """Divide the power as things stand now. Returns whether somebody's share is another one."""
        is_new_budget, self._budget_w = budget_w != self._budget_w, budget_w
        for number, part in self._parts.items():
            if part.connector.phase not in ENERGISING:
                self._arrived.pop(number, None)
            elif number not in self._arrived:
                self._arrived[number] = Appetite(self._timing.share_idle_s, now.mono_s)
            if part.held_w > 0.0:
                part.release(now.mono_s)
        claims = [self._claim(self._parts[number], appetite, now.mono_s) for number, appetite in self._arrived.items()]
        if is_new_budget or claims != self._claims:
            self._claims, self._targets = claims, divide(self._policy.sharing, self._budget_w, claims)
        elif not self._is_rising:
            return False
        before = self.of
        self._follow(now.mono_s)
        self.of = {number: part.share_w if number in self._arrived else self._budget_w for number, part in self._parts.items()}
        return self.of != before

    def _claim(self, part: _Part, appetite: Appetite, now_s: float) -> Claim:
        connector, built = part.connector, part.connector.built
        step_w, usable_w = built.rated_power_w / _STEPS, connector.current.usable_w()
        if not part.most_w - 2 * step_w < usable_w <= part.most_w:
            part.most_w = math.ceil(usable_w / step_w - 1e-6) * step_w
        most_w = part.most_w
        flowing_a = connector.sensed.flowing_a()
        if connector.phase not in _JUDGED or flowing_a is None:
            appetite.hunger(now_s)
        else:
            appetite.see(flowing_a * connector.sensed.w_per_a, part.share_w, most_w, now_s)
        floor_w = min(connector.current.floor_w(), most_w)
        return Claim(connector.id, floor_w, min(max(appetite.wanted_w, floor_w), most_w), most_w, built.share_weight)

    def _follow(self, now_s: float) -> None:
        """Lower at once; raise by what is surely left."""
        for number, part in self._parts.items():
            target_w = self._targets.get(number, 0.0)
            if target_w < part.share_w:
                part.lower(target_w, now_s, self._timing.mode3_follow_s if part.connector.built.kind.is_ac else self._timing.stale_s)
        left_w = max(self._budget_w - sum(part.taken_w() for part in self._parts.values()), 0.0)
        self._is_rising = False
        for number in self._arrived:
            part, target_w = self._parts[number], self._targets[number]
            if target_w > part.share_w:
                taken_w = part.taken_w()
                part.share_w = min(target_w, taken_w + left_w)
                left_w -= max(part.share_w - taken_w, 0.0)
                self._is_rising |= part.share_w < target_w

    def next_deadline_s(self) -> float:
        """When to be asked again if nothing happens."""
        judged = (appetite.judged_at_s for appetite in self._arrived.values())
        return min((*judged, *(part.held_until_s for part in self._parts.values())), default=NEVER)
