"""The lowest limit wins: every bound on the current of a DC connector with the name of who sets it."""

from __future__ import annotations

from chargerd.core.settings import ConnectorSettings
from chargerd.core.view import LimitView
from hal.types import EvRequest, ModuleTelemetry


def current_limits(
    built: ConnectorSettings, ev: EvRequest, supply: ModuleTelemetry | None, share_w: float, voltage_v: float
) -> tuple[LimitView, ...]:
    """Every limit in amperes at the output voltage `voltage_v` (V), in a fixed order.

    share_w: what the station's budget leaves this connector. With no voltage yet, powers are taken at the connector's highest one.
    """
    at_v = voltage_v if voltage_v > 1.0 else built.max_voltage_v
    limits = [
        LimitView("connector", min(built.max_current_a, built.max_power_w / at_v)),
        LimitView("station", max(share_w, 0.0) / at_v),
    ]
    if ev.max_current_a is not None:
        limits.append(LimitView("vehicle", ev.max_current_a))
    if ev.max_power_w is not None:
        limits.append(LimitView("vehicle-power", ev.max_power_w / at_v))
    if supply is not None:
        limits.append(LimitView("modules", min(supply.max_current_a, supply.max_power_w / at_v)))
    return tuple(limits)


def lowest(limits: tuple[LimitView, ...]) -> LimitView:
    """The limit that rules."""
    return min(limits, key=lambda limit: limit.current_a)
