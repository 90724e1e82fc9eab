"""What must hold at every moment of a run, by name."""

from __future__ import annotations

from collections.abc import Callable

from chargerd.core.faults import FAULTS, Severity
from chargerd.core.limits import lowest
from chargerd.core.view import ConnectorView, StationView


def _energized(view: ConnectorView) -> bool:
    return view.outputs.setpoint.current_a > 0


def _authorized(view: ConnectorView) -> bool:
    return not _energized(view) or (view.id_tag is not None and (view.transaction is None or view.transaction.is_authorized))


def _plugged(view: ConnectorView) -> bool:
    return not _energized(view) or view.ev.control_pilot.is_ready


def _sound(view: ConnectorView) -> bool:
    stopping = [fault for fault in view.faults if fault.code in FAULTS and FAULTS[fault.code].severity >= Severity.STOP]
    return not _energized(view) or not stopping


def _within_limits(view: ConnectorView) -> bool:
    return view.outputs.setpoint.current_a <= max(lowest(view.limits).current_a, 0.0) + 1e-6


INVARIANTS: dict[str, Callable[[ConnectorView], bool]] = {
    "energized_implies_authorized": _authorized,
    "energized_implies_plugged": _plugged,
    "energized_implies_sound": _sound,
    "current_within_limits": _within_limits,
}


def broken(names: list[str], station: StationView) -> list[str]:
    """Which of the named invariants do not hold now, as `name: connector n`."""
    return [f"{name}: connector {view.connector}" for name in names for view in station.connectors if not INVARIANTS[name](view)]
