"""What charging profiles allow one connector at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from chargerd.core.composite import Electrics
from chargerd.core.schedule import Stretch


@dataclass(frozen=True, slots=True)
class Allowance:
    """session: by the profiles of a session; maximum: of the whole station, so of one connector too. None: none speaks.

    least_rate: minChargingRate of the profile that rules the session, in its unit.
    """

    session: Stretch | None = None
    maximum: Stretch | None = None
    least_rate: Decimal | None = None

    def bounds(self, electrics: Electrics) -> list[tuple[str, float]]:
        """Sources with their currents in A."""
        found = (("profile", self.session), ("station-profile", self.maximum))
        return [(source, _amperes(one, one.limit, electrics)) for source, one in found if one is not None and one.limit is not None]

    def floor_w(self, electrics: Electrics) -> float:
        """Below this the session would rather wait; 0 where nothing is said of it."""
        if self.session is None or self.least_rate is None:
            return 0.0
        return float(electrics.drawn_w(self.least_rate, self.session.unit, self.session.phases))

    def profile(self, source: str) -> int | None:
        """The number of the profile behind a source."""
        ruling = self.session if source == "profile" else self.maximum
        return ruling.profile if ruling is not None else None


def _amperes(stretch: Stretch, limit: Decimal, electrics: Electrics) -> float:
    return float(electrics.amperes(limit, stretch.unit, stretch.phases))
