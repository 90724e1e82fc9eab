"""The limits region of a connector: what its current may be now, as devices, policy, charging profiles and the station's share have it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from chargerd.core.composite import Electrics
from chargerd.core.derating import Thermometer
from chargerd.core.ids import ConnectorId
from chargerd.core.limits import Bounding, explained, lowest_a
from chargerd.core.sensed import Sensed
from chargerd.core.settings import ConnectorSettings
from chargerd.core.surroundings import Surroundings
from chargerd.core.view import LimitView


class Current:
    """On AC of each phase. is_refused: the token of the session was refused, and nothing may flow any more."""

    def __init__(
        self,
        built: ConnectorSettings,
        around: Surroundings,
        sensed: Sensed,
        warm: Thermometer,
        is_refused: Callable[[], bool],
    ) -> None:
        self._id = ConnectorId(built.id)
        self._built = built
        self._around = around
        self._sensed = sensed
        self._warm = warm
        self._is_refused = is_refused
        self._lowest: tuple[object, float] = (None, 0.0)

    def explained(self) -> tuple[LimitView, ...]:
        """Every limit with its reason, at the present voltage."""
        return explained(self._bounding(), self._around.shares_w[self._id], self._warm.temperature_c, self._around.budget_w)

    def offer_a(self) -> float:
        """What the vehicle may take: nothing where its token was refused, or where less is left than can be given."""
        limit_a = min(self._lowest_a(), self._around.shares_w[self._id] / self._sensed.w_per_a)
        return 0.0 if self._is_refused() or limit_a < self._built.min_current_a else limit_a

    def usable_w(self) -> float:
        """What the lowest limit but the station's share leaves; nothing where the token was refused."""
        return 0.0 if self._is_refused() else self._lowest_a() * self._sensed.w_per_a

    def floor_w(self) -> float:
        """The least share with which a session can be begun and go on; less than minChargingRate it rather leaves to others."""
        least_a = self._built.min_current_a if self._built.kind.is_ac else self._built.cable_check_current_a
        allowed = self._around.allowed.get(self._id)
        return max(least_a * self._sensed.w_per_a, allowed.floor_w(self.electrics()) if allowed is not None else 0.0)

    def electrics(self) -> Electrics:
        """What amperes are worth here: on AC nominally, on DC at the voltage by which powers become limits of current."""
        if self._built.kind.is_ac:
            return Electrics(Decimal(str(self._built.nominal_voltage_v)), self._built.phases)
        return Electrics(Decimal(str(self._sensed.w_per_a)), None)

    def _lowest_a(self) -> float:
        """What the lowest limit but the share leaves; reckoned anew only when what it follows from has changed."""
        around, sensed = self._around, self._sensed
        of = (sensed.ev, sensed.supply, self._warm.share, around.is_accepted, around.allowed.get(self._id))
        if of != self._lowest[0]:
            self._lowest = of, lowest_a(self._bounding())
        return self._lowest[1]

    def _bounding(self) -> Bounding:
        sensed, around, warm = self._sensed, self._around, self._warm
        allowed = around.allowed.get(self._id)
        return Bounding(
            built=self._built,
            ev=sensed.ev,
            supply=sensed.supply,
            w_per_a=sensed.w_per_a,
            warm_share=None if warm.temperature_c is None and not warm.is_broken else warm.share,
            offline=None if around.is_accepted else around.policy.offline,
            unprofiled=around.policy.unprofiled if allowed is None or allowed.session is None else None,
            allowed=allowed,
            electrics=self.electrics() if allowed is not None else None,
        )
