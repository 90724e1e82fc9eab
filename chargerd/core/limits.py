"""The lowest limit wins: every bound on the current of a connector with the name of who sets it."""

from __future__ import annotations

from chargerd.core.settings import ConnectorSettings
from chargerd.core.view import LimitView
from hal.types import EvRequest, ModuleTelemetry


def current_limits(
    built: ConnectorSettings, ev: EvRequest, supply: ModuleTelemetry | None, share_w: float, voltage_v: float
) -> tuple[LimitView, ...]:
    """Every limit in amperes at the output voltage `voltage_v` (V), in a fixed order; on AC per phase.

    share_w: what the station's budget leaves this connector. Powers become currents by `ConnectorSettings.watts_per_ampere`.
    """
    return tuple(LimitView(source, current_a) for source, current_a in _bounds(built, ev, supply, share_w, voltage_v))


def lowest_current_a(built: ConnectorSettings, ev: EvRequest, supply: ModuleTelemetry | None, share_w: float, voltage_v: float) -> float:
    """The current that the lowest of `current_limits` leaves; asked at every event, so without saying whose it is."""
    return min(current_a for _, current_a in _bounds(built, ev, supply, share_w, voltage_v))


def _bounds(
    built: ConnectorSettings, ev: EvRequest, supply: ModuleTelemetry | None, share_w: float, voltage_v: float
) -> list[tuple[str, float]]:
    w_per_a = built.watts_per_ampere(voltage_v)
    bounds = [
        ("connector", min(built.max_current_a, built.max_power_w / w_per_a)),
        ("station", max(share_w, 0.0) / w_per_a),
    ]
    if ev.max_current_a is not None:
        bounds.append(("vehicle", ev.max_current_a))
    if ev.cable_max_current_a is not None:
        bounds.append(("cable", ev.cable_max_current_a))
    if ev.max_power_w is not None:
        bounds.append(("vehicle-power", ev.max_power_w / w_per_a))
    if supply is not None:
        bounds.append(("modules", min(supply.max_current_a, supply.max_power_w / w_per_a)))
    return bounds


def lowest(limits: tuple[LimitView, ...]) -> LimitView:
    """The limit that rules."""
    return min(limits, key=lambda limit: limit.current_a)
