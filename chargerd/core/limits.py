"""The lowest limit wins: every bound on the current of a connector with the name of who sets it and why.

The bounds are asked for at every event, so they are bare pairs; words are made for people only. The station's share comes last: it follows
what the session could use, and where both are equal it is not the share that rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.allowance import Allowance
from chargerd.core.composite import Electrics
from chargerd.core.settings import Ceiling, ConnectorSettings
from chargerd.core.view import LimitView
from hal.types import EvRequest, ModuleTelemetry

Bound = tuple[str, float]
"""Who sets it, and the current in A; on AC of each phase."""


@dataclass(slots=True, kw_only=True)  # not frozen: made anew at every event
class Bounding:
    """What the limits of one connector follow from. Powers become currents by `w_per_a`, what one ampere is worth in W."""

    built: ConnectorSettings
    ev: EvRequest
    supply: ModuleTelemetry | None
    w_per_a: float
    warm_share: float | None = None  # what the temperature leaves of the connector's current; None: nobody measures it
    offline: Ceiling | None = None  # None while the central system has accepted the station
    unprofiled: Ceiling | None = None  # None while a charging profile speaks
    allowed: Allowance | None = None  # by charging profiles
    electrics: Electrics | None = None  # where there are any


def bounds(given: Bounding) -> list[Bound]:
    """Every limit but the station's share, in a fixed order."""
    built, ev, supply, w_per_a = given.built, given.ev, given.supply, given.w_per_a
    found = [("connector", min(built.max_current_a, built.max_power_w / w_per_a))]
    if given.warm_share is not None:
        found.append(("derating", given.warm_share * built.max_current_a))
    if ev.max_current_a is not None:
        found.append(("vehicle", ev.max_current_a))
    if ev.cable_max_current_a is not None:
        found.append(("cable", ev.cable_max_current_a))
    if ev.max_power_w is not None:
        found.append(("vehicle-power", ev.max_power_w / w_per_a))
    if supply is not None:
        found.append(("modules", min(supply.max_current_a, supply.max_power_w / w_per_a)))
    if given.allowed is not None and given.electrics is not None:
        found += given.allowed.bounds(given.electrics)
    for source, ceiling in (("offline", given.offline), ("unprofiled", given.unprofiled)):
        if ceiling is not None:
            if ceiling.max_current_a is not None:
                found.append((source, ceiling.max_current_a))
            if ceiling.max_power_w is not None:
                found.append((source, ceiling.max_power_w / w_per_a))
    return found


def lowest_a(given: Bounding) -> float:
    """The current that the lowest of `bounds` leaves; never below 0."""
    return max(min(current_a for _, current_a in bounds(given)), 0.0)


def explained(given: Bounding, share_w: float, temperature_c: float | None, budget_w: float) -> tuple[LimitView, ...]:
    """Every limit with its reason, the station's share last; one of each source."""
    shown: dict[str, float] = {}
    for source, current_a in (*bounds(given), ("station", max(share_w, 0.0) / given.w_per_a)):
        shown[source] = min(current_a, shown.get(source, current_a))
    return tuple(LimitView(source, current_a, _reason(source, given, temperature_c, budget_w)) for source, current_a in shown.items())


def _reason(source: str, given: Bounding, temperature_c: float | None, budget_w: float) -> str:
    match source:
        case "derating":
            measured = "without a value" if temperature_c is None else f"at {temperature_c:.0f} degC"
            return f"the connector {measured}: {100 * (given.warm_share or 0.0):.0f} % of its current"
        case "modules" if given.supply is not None:
            return f"what {given.supply.modules_present} power modules can give"
        case "profile" | "station-profile" if given.allowed is not None:
            return f"charging profile {given.allowed.profile(source)} of the central system"
        case "station":
            return f"the share of this connector in the station's {budget_w / 1000:g} kW"
    return _REASONS[source]


_REASONS = {
    "connector": "what cable and contactor of the connector can bear",
    "vehicle": "the current the vehicle can take",
    "vehicle-power": "the power the vehicle can take",
    "cable": "what the driver's cable is coded for",
    "modules": "what the power modules can give",
    "offline": "the station's own limit while the central system has not accepted it",
    "unprofiled": "the station's own limit where no charging profile speaks",
}


def lowest(limits: tuple[LimitView, ...]) -> LimitView:
    """The limit that rules."""
    return min(limits, key=lambda limit: limit.current_a)
